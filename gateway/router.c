// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "router.h"

#include "assets.h"
#include "connections.h"
#include "health.h"
#include "members.h"
#include "messages.h"
#include "metrics.h"
#include "page_handlers.h"
#include "relay.h"
#include "session.h"
#include "topics.h"

static const struct route routes[] = {
    {"GET", "/", page_lobby, ROUTE_BODY_NONE},
    {"GET", "/rooms/*", page_room_get, ROUTE_BODY_NONE},
    {"POST", "/rooms/*", page_room_post, ROUTE_BODY_MESSAGE},
    {"GET", "/rooms/*/live", page_live, ROUTE_BODY_NONE},
    {"GET", "/rooms/*/members", members_get, ROUTE_BODY_NONE},
    {"GET", "/rooms/*/messages", messages_read, ROUTE_BODY_NONE},
    {"POST", "/rooms/*/messages", messages_post, ROUTE_BODY_MESSAGE},
    // As a client of Django's habits has them.
    {"GET", "/rooms/*/messages/", messages_read, ROUTE_BODY_NONE},
    {"POST", "/rooms/*/messages/", messages_post, ROUTE_BODY_MESSAGE},
    {"GET", "/chat", messages_read_short, ROUTE_BODY_NONE},
    {"POST", "/savemessage", messages_post_short, ROUTE_BODY_MESSAGE},
    {"POST", "/topics/**", topics_post, ROUTE_BODY_MESSAGE},
    {"GET", "/@connections/**", connections_get, ROUTE_BODY_NONE},
    {"POST", "/@connections/**", connections_post, ROUTE_BODY_MESSAGE},
    {"DELETE", "/@connections/**", connections_delete, ROUTE_BODY_NONE},
    // As AWS's own examples have it, and what was written after them.
    {"GET", "/%40connections/**", connections_get, ROUTE_BODY_NONE},
    {"POST", "/%40connections/**", connections_post, ROUTE_BODY_MESSAGE},
    {"DELETE", "/%40connections/**", connections_delete, ROUTE_BODY_NONE},
    {"GET", "/mqtt", relay_open, ROUTE_BODY_NONE},
    {"POST", "/session", session_open, ROUTE_BODY_FORM},
    {"POST", "/session/end", session_end, ROUTE_BODY_FORM},
    {"GET", "/assets/*", asset_get, ROUTE_BODY_NONE},
    {"GET", "/bill", page_bill, ROUTE_BODY_NONE},
    {"GET", "/metrics", metrics_get, ROUTE_BODY_NONE},
    {"GET", "/health/live", health_live, ROUTE_BODY_NONE},
    {"GET", "/health/ready", health_ready, ROUTE_BODY_NONE},
};
enum { ROUTE_COUNT = sizeof routes / sizeof routes[0] };

// What a token, a nickname, a CSRF token and a path to return to may take, encoded.
enum { FORM_SLACK = 8192 };

static bool matches(const char *pattern, struct span path, struct span *out_part)
{
    *out_part = span_of("");
    const char *star = strchr(pattern, '*');
    if (star == NULL)
        return span_is(path, pattern);
    struct span before = span_make(pattern, (size_t)(star - pattern));
    bool takes_rest = star[1] == '*';
    struct span after = span_of(star + (takes_rest ? 2 : 1));
    if (path.len <= before.len + after.len || !span_starts_with(path, before) ||
        !span_equal(span_skip(path, path.len - after.len), after))
        return false;
    *out_part = span_make(path.ptr + before.len, path.len - before.len - after.len);
    return takes_rest || memchr(out_part->ptr, '/', out_part->len) == NULL;
}

static void allow_method(struct buf *allow, const char *method)
{
    buf_add_text(allow, allow->len > 0 ? ", " : "");
    buf_add_text(allow, method);
    if (strcmp(method, "GET") == 0)
        buf_add_text(allow, ", HEAD");
}

enum err router_find(struct span method, struct span path, const struct route **out_route,
                     struct span *out_part, struct buf *allow)
{
    bool is_head = span_is(method, "HEAD");
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        struct span part;
        if (!matches(routes[i].pattern, path, &part))
            continue;
        if (span_is(method, routes[i].method) ||
            (is_head && strcmp(routes[i].method, "GET") == 0)) {
            *out_route = &routes[i];
            *out_part = part;
            return ERR_OK;
        }
        allow_method(allow, routes[i].method);
    }
    return allow->len > 0 ? ERR_UNSUPPORTED : ERR_NOT_FOUND;
}

size_t router_body_limit(const struct route *route, const struct config *config)
{
    switch (route->body) {
    case ROUTE_BODY_NONE:
        return 0;
    case ROUTE_BODY_FORM: // three bytes for each, if all are escaped
        return FORM_SLACK + 3 * (size_t)config->max_token;
    case ROUTE_BODY_MESSAGE: // six bytes for each: "\u001f" in JSON
        return FORM_SLACK + 6 * (size_t)config->max_payload;
    }
    return 0;
}
