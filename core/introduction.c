// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "introduction.h"

#include "secret.h"

#define PREFIX "rw1 "

enum { MAC_TEXT = 32, CLIENT_ID_MAX = 65535 };

static bool is_face(struct span face)
{
    for (size_t i = 0; i < face.len; i++)
        if (face.ptr[i] < 'a' || face.ptr[i] > 'z')
            return false;
    return face.len >= 1 && face.len <= INTRODUCTION_FACE_MAX;
}

// Without spaces, so that the signed text can be read in one way only.
static bool is_word(struct span word, size_t max)
{
    for (size_t i = 0; i < word.len; i++)
        if (word.ptr[i] <= ' ' || word.ptr[i] > '~')
            return false;
    return word.len >= 1 && word.len <= max;
}

static bool is_good(const struct introduction *who, struct span client_id)
{
    return is_face(who->face) && is_word(who->address, INTRODUCTION_ADDRESS_MAX) &&
           is_word(who->agent, INTRODUCTION_AGENT_MAX) && client_id.len <= CLIENT_ID_MAX;
}

static void add_signed_part(const struct introduction *who, struct buf *out)
{
    buf_add_text(out, PREFIX);
    buf_add_span(out, who->face);
    buf_add_char(out, ' ');
    buf_add_span(out, who->address);
    buf_add_char(out, ' ');
    buf_add_span(out, who->agent);
    buf_add_char(out, ' ');
}

static enum err make_mac(const struct introduction *who, struct span client_id,
                         struct span service_secret, char out_mac[MAC_TEXT])
{
    static const char hex[] = "0123456789abcdef";
    struct buf text;
    buf_init(&text, INTRODUCTION_OVERHEAD_MAX + CLIENT_ID_MAX);
    add_signed_part(who, &text);
    buf_add_span(&text, client_id);
    unsigned char mac[SECRET_HMAC_SIZE];
    enum err err = text.status;
    if (err == ERR_OK)
        err = secret_hmac(service_secret, buf_span(&text), mac);
    for (size_t i = 0; err == ERR_OK && i < MAC_TEXT; i++)
        out_mac[i] = hex[i % 2 ? mac[i / 2] & 15 : mac[i / 2] >> 4];
    buf_finish(&text);
    return err;
}

enum err introduction_write(const struct introduction *who, struct span client_id,
                            struct span service_secret, struct buf *out)
{
    char mac[MAC_TEXT];
    if (!is_good(who, client_id))
        return ERR_INVALID;
    enum err err = make_mac(who, client_id, service_secret, mac);
    if (err != ERR_OK)
        return err;
    add_signed_part(who, out);
    buf_add(out, mac, MAC_TEXT);
    buf_add_char(out, ' ');
    buf_add_span(out, who->username);
    return out->status;
}

bool introduction_is_meant(struct span username)
{
    return span_starts_with(username, span_of(PREFIX));
}

// Cuts the word before the next space off the front of `*rest`; false if no space is left.
static bool take_word(struct span *rest, struct span *out_word)
{
    const char *space = rest->len ? memchr(rest->ptr, ' ', rest->len) : NULL;
    if (space == NULL)
        return false;
    *out_word = span_make(rest->ptr, (size_t)(space - rest->ptr));
    *rest = span_skip(*rest, out_word->len + 1);
    return true;
}

enum err introduction_read(struct span username, struct span client_id, struct span service_secret,
                           struct introduction *out_introduction)
{
    if (!introduction_is_meant(username))
        return ERR_NOT_FOUND;
    struct introduction who;
    struct span mac, rest = span_skip(username, strlen(PREFIX));
    if (!take_word(&rest, &who.face) || !take_word(&rest, &who.address) ||
        !take_word(&rest, &who.agent) || !take_word(&rest, &mac) || !is_good(&who, client_id) ||
        mac.len != MAC_TEXT)
        return ERR_INVALID;
    who.username = rest;
    char wanted[MAC_TEXT];
    enum err err = make_mac(&who, client_id, service_secret, wanted);
    if (err != ERR_OK)
        return err;
    if (!secret_equal(span_make(wanted, MAC_TEXT), mac))
        return ERR_DENIED;
    *out_introduction = who;
    return ERR_OK;
}
