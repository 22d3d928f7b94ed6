// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Whether the broker was told to stop. On its way out it hands out the wills of clients that are
// still connected, and nothing in the plugin interface tells those from publishes.
#ifndef ROOMWIRE_PLUGIN_STOPPING_H
#define ROOMWIRE_PLUGIN_STOPPING_H

#include <stdbool.h>

// Listens in on SIGTERM and SIGINT; the broker's own handlers go on as before. To be called once
// they are there, which is not yet so while plugins are loaded.
void stopping_listen(void);
// Puts the broker's handlers back.
void stopping_unlisten(void);
bool stopping_is_told(void);

#endif
