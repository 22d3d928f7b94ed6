// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "ws_handshake.h"

#include <openssl/evp.h>

#include "core/base64.h"

enum { KEY_SIZE = 16, SHA1_SIZE = 20 };

static const char *offered_here(struct span offer, const char *const *protocols)
{
    for (; *protocols != NULL; protocols++)
        if (span_is(offer, *protocols))
            return *protocols;
    return NULL;
}

// The list may be spread over several fields (RFC 6455 §11.3.4).
static const char *choose_protocol(const struct http_head *head, const char *const *protocols)
{
    for (size_t i = 0; i < head->field_count; i++) {
        if (!span_equal_nocase(head->fields[i].name, span_of("Sec-WebSocket-Protocol")))
            continue;
        struct span offer, rest = head->fields[i].value;
        while (span_split(&rest, ',', &offer)) {
            const char *chosen = offered_here(span_trim(offer), protocols);
            if (chosen != NULL)
                return chosen;
        }
    }
    return NULL;
}

static bool is_key(struct span key)
{
    struct buf bytes;
    buf_init(&bytes, KEY_SIZE);
    bool is_good = base64_decode(key, &bytes) == ERR_OK && bytes.len == KEY_SIZE;
    buf_finish(&bytes);
    return is_good;
}

// RFC 6455 §4.2.2, step 5.4.
static bool make_accept(struct span key, char out[WS_ACCEPT_TEXT])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char text[24 + sizeof guid];
    unsigned char digest[SHA1_SIZE];
    if (key.len > 24)
        return false;
    memcpy(text, key.ptr, key.len);
    memcpy(text + key.len, guid, sizeof guid);
    if (EVP_Digest(text, key.len + sizeof guid - 1, digest, NULL, EVP_sha1(), NULL) != 1)
        return false;
    struct buf accept;
    buf_init(&accept, WS_ACCEPT_TEXT - 1);
    base64_encode(span_make(digest, sizeof digest), &accept);
    bool is_made = accept.status == ERR_OK && accept.len == WS_ACCEPT_TEXT - 1;
    if (is_made) {
        memcpy(out, accept.ptr, accept.len);
        out[accept.len] = '\0';
    }
    buf_finish(&accept);
    return is_made;
}

static int refuse(int status, const char *reason, const char **out_reason)
{
    *out_reason = reason;
    return status;
}

int ws_handshake_check(const struct http_head *head, const char *const *protocols,
                       struct ws_handshake *out_handshake, const char **out_reason)
{
    struct span version, key;
    if (!span_is(head->method, "GET"))
        return refuse(405, "a WebSocket is opened with GET", out_reason);
    if (head->minor_version < 1 || !head->is_upgrade ||
        !http_head_lists(head, "Upgrade", "websocket"))
        return refuse(426, "this address speaks WebSocket", out_reason);
    if (!http_head_field(head, "Sec-WebSocket-Version", &version) || !span_is(version, "13"))
        return refuse(426, "only WebSocket version 13 is spoken here", out_reason);
    if (head->is_chunked || head->content_length > 0)
        return refuse(400, "the request for a WebSocket has a body", out_reason);
    if (!http_head_field(head, "Sec-WebSocket-Key", &key) || !is_key(key))
        return refuse(400, "Sec-WebSocket-Key is not 16 bytes in base64", out_reason);
    out_handshake->protocol = choose_protocol(head, protocols);
    if (out_handshake->protocol == NULL)
        return refuse(400, "no subprotocol that is spoken here is offered", out_reason);
    if (!make_accept(key, out_handshake->accept))
        return refuse(500, "the handshake could not be computed", out_reason);
    return 0;
}

void ws_handshake_answer(const struct ws_handshake *handshake, struct buf *out)
{
    buf_add_text(out, "HTTP/1.1 101 Switching Protocols\r\n"
                      "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ");
    buf_add_text(out, handshake->accept);
    buf_add_text(out, "\r\nSec-WebSocket-Protocol: ");
    buf_add_text(out, handshake->protocol);
    buf_add_text(out, "\r\n\r\n");
}
