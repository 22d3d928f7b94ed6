// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "hook_sign.h"

#include "core/base64.h"

#define PREFIX "whsec_"

// Puts the decoded secret in the place of its text.
static enum err decode(struct secret *secret, struct buf *why)
{
    struct buf bytes;
    struct span text = span_skip(secret_span(secret), sizeof PREFIX - 1);
    buf_init(&bytes, SECRET_FILE_MAX);
    enum err err = base64_decode(text, &bytes);
    if (err == ERR_OK && bytes.len < HOOK_SECRET_MIN)
        err = ERR_INVALID;
    struct secret decoded = {0};
    if (err == ERR_OK)
        err = secret_copy(buf_span(&bytes), &decoded);
    if (bytes.len > 0)
        explicit_bzero(bytes.ptr, bytes.len);
    buf_finish(&bytes);
    secret_finish(secret);
    if (err == ERR_OK)
        *secret = decoded;
    else
        buf_printf(why, "webhook_secret_file: expected base64 of %d bytes or more behind " PREFIX,
                   HOOK_SECRET_MIN);
    return err;
}

enum err hook_secret_load(const char *path, struct secret *out_secret, struct buf *why)
{
    struct secret secret;
    enum err err = secret_load(path, HOOK_SECRET_MIN, &secret, why);
    if (err == ERR_OK && span_starts_with(secret_span(&secret), span_of(PREFIX)))
        err = decode(&secret, why);
    if (err == ERR_OK)
        *out_secret = secret;
    return err;
}

enum err hook_sign(struct span secret, struct span id, int64_t timestamp_s, struct span body,
                   struct buf *out)
{
    unsigned char mac[SECRET_HMAC_SIZE];
    struct buf text;
    buf_init(&text, id.len + body.len + 32);
    buf_add_span(&text, id);
    buf_printf(&text, ".%lld.", (long long)timestamp_s);
    buf_add_span(&text, body);
    enum err err = text.status;
    if (err == ERR_OK)
        err = secret_hmac(secret, buf_span(&text), mac);
    buf_finish(&text);
    if (err != ERR_OK)
        return err;
    buf_add_text(out, "v1,");
    base64_encode(span_make(mac, sizeof mac), out);
    return out->status;
}
