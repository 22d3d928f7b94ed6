// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "crc32c.h"

#include <stdbool.h>
#include <string.h>

// What four bits do to the register, for the reversed polynomial 0x82F63B78.
static const uint32_t nibbles[16] = {
    0x00000000, 0x105EC76F, 0x20BD8EDE, 0x30E349B1, 0x417B1DBC, 0x5125DAD3, 0x61C69362, 0x7198540D,
    0x82F63B78, 0x92A8FC17, 0xA24BB5A6, 0xB21572C9, 0xC38D26C4, 0xD3D3E1AB, 0xE330A81A, 0xF36E6F75};

uint32_t crc32c_by_table(uint32_t crc, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    crc = ~crc;
    for (size_t i = 0; i < len; i++) {
        crc ^= at[i];
        crc = crc >> 4 ^ nibbles[crc & 15];
        crc = crc >> 4 ^ nibbles[crc & 15];
    }
    return ~crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t by_processor(uint32_t crc, const void *bytes,
                                                               size_t len)
{
    const unsigned char *at = bytes;
    uint64_t state = (uint32_t)~crc, word;
    for (; len >= sizeof word; len -= sizeof word, at += sizeof word) {
        memcpy(&word, at, sizeof word);
        state = _mm_crc32_u64(state, word);
    }
    uint32_t rest = (uint32_t)state;
    for (; len > 0; len--)
        rest = _mm_crc32_u8(rest, *at++);
    return ~rest;
}

static bool has_instruction(void)
{
    return __builtin_cpu_supports("sse4.2");
}
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>

static uint32_t by_processor(uint32_t crc, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    uint64_t word;
    crc = ~crc;
    for (; len >= sizeof word; len -= sizeof word, at += sizeof word) {
        memcpy(&word, at, sizeof word);
        crc = __crc32cd(crc, word);
    }
    for (; len > 0; len--)
        crc = __crc32cb(crc, *at++);
    return ~crc;
}

static bool has_instruction(void)
{
    return true;
}
#else
static uint32_t by_processor(uint32_t crc, const void *bytes, size_t len)
{
    return crc32c_by_table(crc, bytes, len);
}

static bool has_instruction(void)
{
    return false;
}
#endif

uint32_t crc32c(uint32_t crc, const void *bytes, size_t len)
{
    return has_instruction() ? by_processor(crc, bytes, len) : crc32c_by_table(crc, bytes, len);
}
