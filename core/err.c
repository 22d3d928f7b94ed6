// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "err.h"

#include <stddef.h>

static const char *const texts[] = {
    [ERR_OK] = "ok",
    [ERR_MEMORY] = "out of memory",
    [ERR_IO] = "input or output failed",
    [ERR_DATABASE] = "the database failed",
    [ERR_FULL] = "a limit is reached",
    [ERR_TOO_MANY] = "there are too many",
    [ERR_TOO_LARGE] = "too large",
    [ERR_INVALID] = "malformed",
    [ERR_UNSUPPORTED] = "not supported",
    [ERR_NOT_FOUND] = "not found",
    [ERR_AGAIN] = "not now",
    [ERR_CORRUPT] = "damaged file",
    [ERR_VERSION] = "written by a newer version",
    [ERR_OLDER] = "written by an older version and not migrated yet",
    [ERR_DENIED] = "not allowed by the token",
    [ERR_REFUSED] = "not allowed",
    [ERR_TOKEN_MISSING] = "a token is required",
    [ERR_TOKEN_MALFORMED] = "the token is malformed",
    [ERR_TOKEN_ALGORITHM] = "the token's algorithm is not accepted",
    [ERR_TOKEN_KEY] = "the token's key is not known",
    [ERR_TOKEN_SIGNATURE] = "the token's signature is wrong",
    [ERR_TOKEN_EXPIRED] = "the token has expired",
    [ERR_TOKEN_NO_EXPIRY] = "the token has no expiry time",
    [ERR_TOKEN_NOT_YET_VALID] = "the token is not valid yet",
    [ERR_TOKEN_ISSUER] = "the token has the wrong issuer",
    [ERR_TOKEN_AUDIENCE] = "the token has the wrong audience",
    [ERR_TOKEN_OTHER] = "the token is somebody else's",
    [ERR_TOKEN_SUBJECT] = "the token names no subject",
    [ERR_TOKEN_CLAIM] = "a claim of the token has the wrong shape",
};

const char *err_text(enum err code)
{
    size_t at = code;
    const char *text = at < sizeof texts / sizeof texts[0] ? texts[at] : NULL;
    return text != NULL ? text : "unknown error";
}
