// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The one thread that writes the database: it takes what the spool and the tally hold, stores it
// in one transaction a group, and only then releases it. The broker's thread never waits for it.
// Not what a message is stored as: core/store.h.
#ifndef ROOMWIRE_PLUGIN_WRITER_H
#define ROOMWIRE_PLUGIN_WRITER_H

#include "core/resume.h"
#include "core/tally.h"
#include "core/watermark.h"

struct writer;

// Everything is borrowed until writer_stop; the store is the writer's alone meanwhile.
struct writer_setup {
    struct store *store;
    struct spool *spool;
    struct tally *tally;
    struct watermark *watermark;
    const struct resume *resume;
    const struct log *log; // fit for any thread
    int64_t sync_ms;       // at most so long from spool to synced commit, unless the disk is slower
    bool is_strict;        // somebody waits for each commit
    int64_t retention_ms;  // 0: messages are kept for ever
    int64_t traffic_ms;    // 0: traffic is
    int64_t key_lifetime_ms, origin_lifetime_ms;
};

// Starts the thread, with all signals blocked. Errors: ERR_MEMORY.
MUST_USE enum err writer_start(const struct writer_setup *setup, struct writer **out_writer);
// Commits what there is, unless the database fails, and ends the thread. NULL is fine.
void writer_stop(struct writer *writer);

// Something was appended to the spool. No system call unless the writer sleeps.
void writer_wake(struct writer *writer);
// ERR_OK, or why the last commit failed: then nothing more should be accepted.
enum err writer_trouble(const struct writer *writer);
// Waits until the spool's record `number` is committed.
// Errors: ERR_AGAIN (not within `timeout_ms`), those of writer_trouble.
MUST_USE enum err writer_wait(struct writer *writer, uint64_t number, int64_t timeout_ms);

#endif
