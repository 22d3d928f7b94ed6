// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "err.h"

const char *err_text(enum err code)
{
    switch (code) {
    case ERR_OK:
        return "ok";
    case ERR_MEMORY:
        return "out of memory";
    case ERR_IO:
        return "input or output failed";
    case ERR_DATABASE:
        return "the database failed";
    case ERR_FULL:
        return "a limit is reached";
    case ERR_TOO_MANY:
        return "there are too many";
    case ERR_TOO_LARGE:
        return "too large";
    case ERR_INVALID:
        return "malformed";
    case ERR_UNSUPPORTED:
        return "not supported";
    case ERR_NOT_FOUND:
        return "not found";
    case ERR_AGAIN:
        return "not now";
    case ERR_CORRUPT:
        return "damaged file";
    case ERR_VERSION:
        return "written by a newer version";
    case ERR_OLDER:
        return "written by an older version and not migrated yet";
    case ERR_DENIED:
        return "not allowed by the token";
    case ERR_REFUSED:
        return "not allowed";
    case ERR_TOKEN_MISSING:
        return "a token is required";
    case ERR_TOKEN_MALFORMED:
        return "the token is malformed";
    case ERR_TOKEN_ALGORITHM:
        return "the token's algorithm is not accepted";
    case ERR_TOKEN_KEY:
        return "the token's key is not known";
    case ERR_TOKEN_SIGNATURE:
        return "the token's signature is wrong";
    case ERR_TOKEN_EXPIRED:
        return "the token has expired";
    case ERR_TOKEN_NO_EXPIRY:
        return "the token has no expiry time";
    case ERR_TOKEN_NOT_YET_VALID:
        return "the token is not valid yet";
    case ERR_TOKEN_ISSUER:
        return "the token has the wrong issuer";
    case ERR_TOKEN_AUDIENCE:
        return "the token has the wrong audience";
    case ERR_TOKEN_OTHER:
        return "the token is somebody else's";
    case ERR_TOKEN_SUBJECT:
        return "the token names no subject";
    case ERR_TOKEN_CLAIM:
        return "a claim of the token has the wrong shape";
    }
    return "unknown error";
}
