// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Which handler a request goes to, 404 against 405, and how much body a route takes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/router.h"

static const struct route *find(const char *method, const char *path, char *out_part,
                                size_t part_size, char *out_allow, size_t allow_size)
{
    const struct route *route = NULL;
    struct span part = {NULL, 0};
    struct buf allow;
    buf_init(&allow, allow_size - 1);
    enum err err = router_find(span_of(method), span_of(path), &route, &part, &allow);
    assert_int_equal(allow.status, ERR_OK);
    memcpy(out_allow, allow.ptr ? allow.ptr : "", allow.len);
    out_allow[allow.len] = '\0';
    buf_finish(&allow);
    if (err == ERR_OK) {
        assert_in_range(part.len, 0, part_size - 1);
        memcpy(out_part, part.len ? part.ptr : "", part.len);
        out_part[part.len] = '\0';
        return route;
    }
    assert_int_equal(err, *out_allow != '\0' ? ERR_UNSUPPORTED : ERR_NOT_FOUND);
    return NULL;
}

static void every_request_has_its_row(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path;
        const char *pattern; // NULL: none
        const char *text;    // the part, or what is allowed
    } rows[] = {
        {"GET", "/", "/", ""},
        {"HEAD", "/", "/", ""},
        {"GET", "/rooms/lobby", "/rooms/*", "lobby"},
        {"POST", "/rooms/lobby", "/rooms/*", "lobby"},
        {"GET", "/rooms/lobby/messages", "/rooms/*/messages", "lobby"},
        {"GET", "/rooms/lobby/messages/", "/rooms/*/messages/", "lobby"},
        {"POST", "/rooms/lobby/messages/", "/rooms/*/messages/", "lobby"},
        {"GET", "/chat", "/chat", ""},
        {"POST", "/savemessage", "/savemessage", ""},
        {"GET", "/rooms/messages", "/rooms/*", "messages"},
        {"GET", "/rooms/a%2Fb", "/rooms/*", "a%2Fb"},
        {"POST", "/topics/a/b/c", "/topics/**", "a/b/c"},
        {"POST", "/topics/a%2Fb", "/topics/**", "a%2Fb"},
        {"GET", "/rooms/lobby/members", "/rooms/*/members", "lobby"},
        {"DELETE", "/@connections/a/b", "/@connections/**", "a/b"},
        {"DELETE", "/%40connections/a%3D", "/%40connections/**", "a%3D"},
        {"GET", "/assets/x.js", "/assets/*", "x.js"},

        {"POST", "/", NULL, "GET, HEAD"},
        {"DELETE", "/rooms/lobby", NULL, "GET, HEAD, POST"},
        {"GET", "/topics/a", NULL, "POST"},
        {"PUT", "/%40connections/a", NULL, "GET, HEAD, POST, DELETE"},
        {"HEAD", "/topics/a", NULL, "POST"},
        {"get", "/", NULL, "GET, HEAD"},

        {"GET", "", NULL, ""},
        {"GET", "//", NULL, ""},
        {"GET", "/rooms", NULL, ""},
        {"GET", "/rooms/", NULL, ""},
        {"GET", "/rooms//messages", NULL, ""},
        {"GET", "/rooms/a/", NULL, ""},
        {"GET", "/rooms/a/b/messages", NULL, ""},
        {"GET", "/rooms/a/messages//", NULL, ""},
        {"GET", "/savemessage", NULL, "POST"},
        {"GET", "/Rooms/a", NULL, ""},
        {"GET", "/%72ooms/a", NULL, ""},
        {"POST", "/topics/", NULL, ""},
        {"GET", "/assets/a/b", NULL, ""},
        {"GET", "/health/live/", NULL, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char part[64], allow[64];
        const struct route *route =
            find(rows[i].method, rows[i].path, part, sizeof part, allow, sizeof allow);
        if ((route == NULL) != (rows[i].pattern == NULL))
            fail_msg("%s %s", rows[i].method, rows[i].path);
        if (route != NULL)
            assert_string_equal(route->pattern, rows[i].pattern);
        assert_string_equal(route != NULL ? part : allow, rows[i].text);
    }
}

static void bodies_have_room_for_every_escape(void **state)
{
    (void)state;
    struct config config = {.max_payload = 1000, .max_token = 100};
    struct route route = {.body = ROUTE_BODY_NONE};
    assert_int_equal(router_body_limit(&route, &config), 0);
    route.body = ROUTE_BODY_MESSAGE;
    assert_in_range(router_body_limit(&route, &config), 6000, 20000);
    route.body = ROUTE_BODY_FORM;
    assert_in_range(router_body_limit(&route, &config), 300, 20000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_request_has_its_row),
        cmocka_unit_test(bodies_have_room_for_every_escape),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
