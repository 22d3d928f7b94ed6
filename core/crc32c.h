// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// CRC-32C (Castagnoli, RFC 3720 appendix B.4): tells torn or rotten bytes from whole ones. By the
// processor's own instruction where it has one, which is ten times faster than a table.
// Not a defence against somebody who chooses the bytes.
#ifndef ROOMWIRE_CORE_CRC32C_H
#define ROOMWIRE_CORE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

// The checksum of `len` bytes, going on from `crc` (0, or any other start, for the first ones).
uint32_t crc32c(uint32_t crc, const void *bytes, size_t len);
// The same without the processor's help, to check it by.
uint32_t crc32c_by_table(uint32_t crc, const void *bytes, size_t len);

#endif
