// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Files that the build put into the program (cmake/embed.cmake).
#ifndef ROOMWIRE_CORE_EMBED_H
#define ROOMWIRE_CORE_EMBED_H

#include <stddef.h>

// One row of a table that is sorted by name and ends with a NULL name.
struct embedded_file {
    const char *name;           // without folders
    const unsigned char *bytes; // a NUL stands behind the last one
    size_t len;
    const char *hash; // 16 hex digits of the content's SHA-256
};

#endif
