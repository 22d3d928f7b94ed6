// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What can go wrong, one code per kind of answer that somebody outside gets.
// Not for programmer mistakes: those are assertions.
#ifndef ROOMWIRE_CORE_ERR_H
#define ROOMWIRE_CORE_ERR_H

// Marks a result that the caller has to look at.
#define MUST_USE __attribute__((warn_unused_result))

enum err {
    ERR_OK = 0,
    ERR_MEMORY,      // an allocation failed
    ERR_IO,          // a system call failed; errno says how
    ERR_DATABASE,    // SQLite failed; the log says how
    ERR_FULL,        // no room now: the disk, or something that has a limit, is full
    ERR_TOO_MANY,    // no room for one more, and waiting makes none
    ERR_TOO_LARGE,   // one input is longer than its limit
    ERR_INVALID,     // malformed input
    ERR_UNSUPPORTED, // well formed, but not something that Roomwire does
    ERR_NOT_FOUND,
    ERR_AGAIN,   // not now; nothing was done, the same call may work later
    ERR_CORRUPT, // a file of ours is damaged
    ERR_VERSION, // a file of ours was written by a newer Roomwire
    ERR_OLDER,   // the same of an older one: its writer has yet to migrate it
    ERR_DENIED,  // the token is good but does not grant this
    ERR_REFUSED, // whatever a token grants: from such a page, or by anybody

    // RFC 7519 and RFC 7515: why a token is refused.
    ERR_TOKEN_MISSING,
    ERR_TOKEN_MALFORMED,
    ERR_TOKEN_ALGORITHM, // "alg" is none, unknown, or not allowed for any configured key
    ERR_TOKEN_KEY,       // no configured key has this "kid"
    ERR_TOKEN_SIGNATURE,
    ERR_TOKEN_EXPIRED,
    ERR_TOKEN_NO_EXPIRY, // "exp" is required and absent
    ERR_TOKEN_NOT_YET_VALID,
    ERR_TOKEN_ISSUER,
    ERR_TOKEN_AUDIENCE,
    ERR_TOKEN_OTHER,   // of somebody else than the request says
    ERR_TOKEN_SUBJECT, // no usable "sub", "id" or "name"
    ERR_TOKEN_CLAIM    // a claim that Roomwire reads has the wrong shape
};

// One short English phrase for `code`, without a full stop; static storage, never NULL.
const char *err_text(enum err code);

#endif
