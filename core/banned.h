// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Makes compile errors of C library calls that overrun, keep hidden state or hide errors.
// The build puts it before every file of ours (cmake/roomwire.cmake); nothing includes it by hand.
#ifndef ROOMWIRE_CORE_BANNED_H
#define ROOMWIRE_CORE_BANNED_H

// Their declarations first: a poisoned name may not even be declared.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// With _FORTIFY_SOURCE some are macros.
#undef sprintf
#undef vsprintf

// No bound on what they write: snprintf, memcpy with a known length, core/buf.
#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf tmpnam
// Hidden state, shared by threads: strcspn and core/span, gmtime_r.
#pragma GCC poison strtok gmtime localtime ctime asctime
// No way to see an error: span_to_uint.
#pragma GCC poison atoi atol atoll atof

#endif
