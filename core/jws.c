// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "jws.h"

#include "base64.h"

// The three parts between the two dots, and the first two with the dot between them.
struct parts {
    struct span header, payload, signature;
    struct span signed_part;
};

static bool split(struct span text, struct parts *out)
{
    struct span rest = text;
    if (!span_split(&rest, '.', &out->header) || !span_split(&rest, '.', &out->payload) ||
        rest.ptr == NULL || (rest.len > 0 && memchr(rest.ptr, '.', rest.len) != NULL))
        return false;
    out->signature = rest;
    out->signed_part = span_make(text.ptr, out->header.len + 1 + out->payload.len);
    return true;
}

static enum err decode(struct span part, struct buf *out)
{
    buf_init(out, part.len);
    enum err err = base64url_decode(part, out);
    return err == ERR_INVALID ? ERR_TOKEN_MALFORMED : err;
}

static enum err read_header(struct span part, struct json **out_header)
{
    struct buf text;
    struct json *header = NULL;
    enum err err = decode(part, &text);
    if (err == ERR_OK) {
        err = json_parse(buf_span(&text), &header);
        if (err == ERR_INVALID || (err == ERR_OK && !json_is_object(header)))
            err = ERR_TOKEN_MALFORMED;
    }
    buf_finish(&text);
    if (err != ERR_OK) {
        json_destroy(header);
        return err;
    }
    *out_header = header;
    return ERR_OK;
}

static enum err verify(const struct keyset *keys, const struct json *header,
                       const struct parts *parts)
{
    const struct json *kid = json_member(header, "kid");
    const char *alg = json_text(json_member(header, "alg"));
    if (alg == NULL || json_member(header, "crit") != NULL ||
        (kid != NULL && json_text(kid) == NULL))
        return ERR_TOKEN_MALFORMED;
    struct buf signature;
    enum err err = decode(parts->signature, &signature);
    if (err == ERR_OK)
        err = keyset_verify(keys, span_of(alg), span_of(json_text(kid)), parts->signed_part,
                            buf_span(&signature));
    buf_finish(&signature);
    return err;
}

enum err jws_verify(const struct keyset *keys, struct span text, struct jws *out_jws)
{
    struct parts parts;
    struct jws jws = {.header = NULL};
    if (!split(text, &parts))
        return ERR_TOKEN_MALFORMED;
    enum err err = read_header(parts.header, &jws.header);
    if (err == ERR_OK)
        err = verify(keys, jws.header, &parts);
    if (err == ERR_OK)
        err = decode(parts.payload, &jws.payload);
    if (err != ERR_OK) {
        jws_finish(&jws);
        return err;
    }
    *out_jws = jws;
    return ERR_OK;
}

void jws_finish(struct jws *jws)
{
    json_destroy(jws->header);
    jws->header = NULL;
    buf_finish(&jws->payload);
}

enum err jws_sign(const struct keyset *keys, struct span payload, struct buf *out)
{
    size_t start = out->len;
    base64url_encode(span_of("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"), out);
    buf_add_char(out, '.');
    base64url_encode(payload, out);
    if (out->status != ERR_OK)
        return out->status;
    // The signature is appended to the buffer that its text lies in, which may move: a copy.
    struct buf text;
    buf_init(&text, out->len - start);
    buf_add(&text, out->ptr + start, out->len - start);
    enum err err = text.status;
    if (err == ERR_OK) {
        buf_add_char(out, '.');
        err = keyset_sign(keys, buf_span(&text), out);
    }
    buf_finish(&text);
    return err;
}
