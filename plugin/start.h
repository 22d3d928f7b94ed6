// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Opening and closing everything that the plugin keeps: the log and its files, the memory made from
// them, the writer.
#ifndef ROOMWIRE_PLUGIN_START_H
#define ROOMWIRE_PLUGIN_START_H

#include "plugin.h"

// Reads the configuration at p->config_path, opens the log and fills the memory from it; starts the
// writer. On an error `why` gets one line, and start_undo must follow.
// Errors: those of config_load, access_load, store_open, spool_open, tally_open, watermark_create;
// ERR_VERSION (what is left to store is a newer Roomwire's).
MUST_USE enum err start(struct plugin *p, struct buf *why);
// Commits what there is and closes everything; tolerates a start that stopped half-way.
void start_undo(struct plugin *p);

#endif
