// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "rights_tries.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

// ---- "rooms" ----

static void nothing_is_granted_by_nothing(void **state)
{
    (void)state;
    static const char *const claims[] = {"{}",
                                         "{\"rooms\":{}}",
                                         "{\"acl\":[]}",
                                         "{\"acl\":{}}",
                                         "{\"publ\":[]}",
                                         "{\"mercure\":{}}",
                                         "{\"rooms\":{\"lobby\":\"\"}}"};
    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++)
        TRY(claims[i], {'p', "rooms/lobby/messages", false}, {'s', "rooms/lobby/messages", false},
            {'s', "#", false}, {'s', "$SYS/#", false}, {'p', "", false}, {'s', "", false});
}

static void rooms_grant_what_is_below_them(void **state)
{
    (void)state;
    TRY("{\"rooms\":{\"lobby\":\"rw\",\"ops\":\"r\",\"in\":\"w\"}}",
        {'p', "rooms/lobby/messages", true}, {'s', "rooms/lobby/messages", true},
        {'p', "rooms/lobby/typing", true}, {'s', "rooms/lobby/#", true},
        {'s', "rooms/lobby/+", true}, {'s', "rooms/lobby", true},
        {'p', "rooms/ops/messages", false}, {'s', "rooms/ops/messages", true},
        {'p', "rooms/in/messages", true}, {'s', "rooms/in/messages", false},
        {'s', "rooms/+/messages", false}, {'s', "rooms/#", false}, {'s', "#", false},
        {'p', "rooms/lobby2/messages", false}, {'s', "rooms/lobb", false},
        {'p', "Rooms/lobby/messages", false}, {'p', "rooms/other/messages", false},
        {'s', "$SYS/broker/uptime", false}, {'p', "$CONTROL/roomwire/v1", false});
}

static void star_is_for_the_rooms_that_are_not_named(void **state)
{
    (void)state;
    TRY("{\"rooms\":{\"*\":\"r\"}}", {'s', "rooms/any/messages", true},
        {'s', "rooms/+/messages", true}, {'s', "rooms/+/#", true}, {'s', "rooms/#", false},
        {'p', "rooms/any/messages", false}, {'s', "other/any", false});
    // Wherever "*" stands, the names go before it, and what they do not say is not granted.
    static const char *const claims[] = {"{\"rooms\":{\"*\":\"rw\",\"ops\":\"r\",\"hr\":\"\"}}",
                                         "{\"rooms\":{\"ops\":\"r\",\"hr\":\"\",\"*\":\"rw\"}}"};
    for (size_t i = 0; i < 2; i++)
        TRY(claims[i], {'p', "rooms/any/messages", true}, {'p', "rooms/ops/messages", false},
            {'s', "rooms/ops/messages", true}, {'s', "rooms/hr/messages", false},
            {'s', "rooms/hr/typing", false}, {'s', "rooms/+/messages", false},
            {'s', "rooms/lobby/#", true});
    // No denial: all rooms may be read at once.
    TRY("{\"rooms\":{\"*\":\"r\",\"lobby\":\"rw\"}}", {'s', "rooms/+/messages", true},
        {'p', "rooms/lobby/messages", true}, {'p', "rooms/any/messages", false});
}

static void rooms_of_a_wrong_shape_are_refused(void **state)
{
    (void)state;
    static const char *const claims[] = {"{\"rooms\":[]}",
                                         "{\"rooms\":null}",
                                         "{\"rooms\":\"*\"}",
                                         "{\"rooms\":{\"a\":true}}",
                                         "{\"rooms\":{\"a\":\"x\"}}",
                                         "{\"rooms\":{\"a\":\"wr\"}}",
                                         "{\"rooms\":{\"a\":\"R\"}}",
                                         "{\"rooms\":{\"+\":\"r\"}}",
                                         "{\"rooms\":{\"#\":\"r\"}}",
                                         "{\"rooms\":{\"a/b\":\"r\"}}",
                                         "{\"rooms\":{\"\":\"r\"}}",
                                         "{\"rooms\":{\"..\":\"r\"}}",
                                         "{\"rooms\":{\"a*\":\"r\"}}"};
    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++)
        refuse_claim(claims[i]);
}

static void shared_subscriptions_are_judged_by_their_filter(void **state)
{
    (void)state;
    TRY("{\"rooms\":{\"lobby\":\"rw\"}}", {'s', "$share/g/rooms/lobby/messages", true},
        {'s', "$share/g/rooms/ops/messages", false}, {'s', "$share/g/#", false},
        {'s', "$share//rooms/lobby/messages", false}, {'s', "$share/g", false},
        {'p', "$share/g/rooms/lobby/messages", false});
}

static void malformed_topics_are_never_allowed(void **state)
{
    (void)state;
    TRY("{\"acl\":{\"all\":[\"#\"]}}", {'p', "a/b", true}, {'s', "a/+/#", true}, {'s', "#", true},
        {'p', "a/+", false}, {'p', "#", false}, {'p', "", false}, {'s', "", false},
        {'s', "a#", false}, {'s', "a/#/b", false}, {'s', "+a", false}, {'p', "$SYS/x", false},
        {'s', "$SYS/#", false});
}

// ---- dialects and which of them counts ----

static void first_dialect_present_wins(void **state)
{
    (void)state;
    TRY("{\"rooms\":{},\"acl\":{\"all\":[\"#\"]}}", {'s', "a", false});
    TRY("{\"acl\":{\"sub\":[\"a\"]},\"subs\":[\"b\"]}", {'s', "a", true}, {'s', "b", false});
    TRY("{\"subs\":[\"b\"],\"mercure\":{\"subscribe\":[\"*\"]}}", {'s', "b", true},
        {'s', "c", false});
    TRY("{\"rooms\":{\"a\":\"r\"},\"subs\":7}", {'s', "rooms/a/messages", true});
}

static void default_rooms_are_for_claims_without_rights(void **state)
{
    (void)state;
    static const struct {
        const char *claims;
        bool is_default;
    } rows[] = {{"{}", true},
                {"{\"bill\":\"r\"}", true},
                {"{\"authorization_details\":[]}", true},
                {"{\"authorization_details\":[{\"type\":\"other\",\"actions\":7}]}", true},
                {"{\"rooms\":{}}", false},
                {"{\"acl\":[]}", false},
                {"{\"subs\":[]}", false},
                {"{\"mercure\":{}}", false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct rights *rights = NULL;
        assert_int_equal(compile_for(rows[i].claims, "{\"lobby\":\"r\"}", "", "", &rights), ERR_OK);
        assert_int_equal(allows(rights, RIGHTS_SUBSCRIBE, span_of("rooms/lobby/messages")),
                         rows[i].is_default);
        rights_destroy(rights);
    }
}

// ---- limits, rooms, further claims ----

static char *many_subs(size_t count, const char *filler)
{
    struct buf text;
    buf_init(&text, 1 << 22);
    buf_add_text(&text, "{\"subs\":[");
    for (size_t i = 0; i < count; i++)
        buf_printf(&text, "%s\"t/%zu%s\"", i ? "," : "", i, filler);
    buf_add_text(&text, "]}");
    buf_add_char(&text, '\0');
    assert_int_equal(text.status, ERR_OK);
    return text.ptr;
}

static void number_and_size_of_rules_are_limited(void **state)
{
    (void)state;
    char *most = many_subs(RIGHTS_RULES_MAX, ""), *over = many_subs(RIGHTS_RULES_MAX + 1, "");
    struct rights *rights = compile(most);
    assert_true(allows(rights, RIGHTS_SUBSCRIBE, span_of("t/255")));
    rights_destroy(rights);
    refuse_claim(over);
    free(most);
    free(over);
    char *filler = malloc(1001);
    assert_non_null(filler);
    memset(filler, 'x', 1000);
    filler[1000] = '\0';
    char *large = many_subs(64, filler), *larger = many_subs(66, filler);
    rights_destroy(compile(large));
    refuse_claim(larger);
    free(large);
    free(larger);
    free(filler);
}

static void rooms_are_judged_by_their_messages(void **state)
{
    (void)state;
    struct rights *rights = compile("{\"rooms\":{\"lobby\":\"r\",\"ops\":\"rw\"}}");
    assert_true(rights_allow_room(rights, &rooms, RIGHTS_SUBSCRIBE, span_of("lobby")));
    assert_false(rights_allow_room(rights, &rooms, RIGHTS_PUBLISH, span_of("lobby")));
    assert_true(rights_allow_room(rights, &rooms, RIGHTS_PUBLISH, span_of("ops")));
    assert_false(rights_allow_room(rights, &rooms, RIGHTS_SUBSCRIBE, span_of("other")));
    assert_false(rights_allow_room(rights, &rooms, RIGHTS_SUBSCRIBE, span_of("+")));
    assert_false(rights_allow_room(rights, &rooms, RIGHTS_SUBSCRIBE, span_of("lobby/x")));
    assert_false(rights_allow_room(rights, &rooms, RIGHTS_SUBSCRIBE, span_of("")));
    rights_destroy(rights);
    rights = compile("{\"subs\":[\"rooms/+/messages\"]}");
    assert_true(rights_allow_room(rights, &rooms, RIGHTS_SUBSCRIBE, span_of("any")));
    rights_destroy(rights);
    rights_destroy(NULL);
}

static void further_rights_need_their_exact_shape(void **state)
{
    (void)state;
    static const struct {
        const char *claims;
        bool may_bill, may_act_as, may_see, may_change, is_admin;
    } rows[] = {
        {"{}", false, false, false, false, false},
        {"{\"bill\":true,\"act_as\":true,\"connections\":true,\"admin\":true}", true, true, true,
         true, true},
        {"{\"bill\":\"r\",\"connections\":\"rw\"}", true, false, true, true, false},
        {"{\"connections\":\"r\"}", false, false, true, false, false},
        {"{\"bill\":\"w\",\"act_as\":\"r\",\"connections\":1,\"admin\":\"true\"}", false, false,
         false, false, false},
        {"{\"bill\":false,\"act_as\":[true],\"admin\":1}", false, false, false, false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct json *root = NULL;
        struct rights_claims got;
        assert_int_equal(json_parse(span_of(rows[i].claims), &root), ERR_OK);
        rights_read_claims(root, &got);
        assert_int_equal(got.may_bill, rows[i].may_bill);
        assert_int_equal(got.may_act_as, rows[i].may_act_as);
        assert_int_equal(got.may_see_connections, rows[i].may_see);
        assert_int_equal(got.may_change_connections, rows[i].may_change);
        assert_int_equal(got.is_admin, rows[i].is_admin);
        json_destroy(root);
    }
}

static void who_sees_connections_hears_of_them(void **state)
{
    (void)state;
    TRY("{\"rooms\":{\"*\":\"rw\"},\"connections\":\"r\"}", {'s', "$aws/events/#", true},
        {'s', "$aws/events/presence/+/+", true}, {'s', "$share/g/$aws/events/#", true},
        {'s', "$aws/#", false}, {'s', "$aws/things/x", false}, {'s', "#", false},
        {'p', "$aws/events/presence/connected/x", false}, {'s', "rooms/lobby/#", true});
    TRY("{\"connections\":true}", {'s', "$aws/events/#", true});
    TRY("{\"rooms\":{\"*\":\"rw\"}}", {'s', "$aws/events/#", false},
        {'s', "$aws/events/presence/connected/x", false});
    // What a rule denies stays denied, and what one grants needs no claim.
    TRY("{\"connections\":\"rw\",\"acl\":[{\"permission\":\"deny\",\"action\":\"all\","
        "\"topic\":\"$aws/events/subscriptions/#\"}]}",
        {'s', "$aws/events/#", false}, {'s', "$aws/events/presence/#", true},
        {'s', "$aws/events/subscriptions/+/x", false});
    TRY("{\"subs\":[\"$aws/events/presence/+/lamp\"]}",
        {'s', "$aws/events/presence/connected/lamp", true},
        {'s', "$aws/events/presence/connected/door", false});
}

// A check is made for every publish and every delivery. The bound is wide of what a machine under
// load or valgrind needs; the figure is for people.
static void a_check_is_quick(void **state)
{
    (void)state;
    enum { CHECKS = 200000 };
    struct rights *rights = compile("{\"rooms\":{\"ops\":\"r\",\"hr\":\"\",\"dev\":\"rw\","
                                    "\"lobby\":\"rw\",\"*\":\"r\"}}");
    struct timespec start, end;
    int allowed = 0;
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &start), 0);
    for (int i = 0; i < CHECKS; i++)
        allowed += allows(rights, RIGHTS_PUBLISH, span_of("rooms/lobby/messages"));
    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &end), 0);
    double ns =
        ((double)(end.tv_sec - start.tv_sec) * 1e9 + (double)(end.tv_nsec - start.tv_nsec)) /
        (double)CHECKS;
    printf("  %.0f ns a check\n", ns);
    assert_int_equal(allowed, CHECKS);
    assert_true(ns < 20000);
    rights_destroy(rights);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_granted_by_nothing),
        cmocka_unit_test(rooms_grant_what_is_below_them),
        cmocka_unit_test(star_is_for_the_rooms_that_are_not_named),
        cmocka_unit_test(rooms_of_a_wrong_shape_are_refused),
        cmocka_unit_test(shared_subscriptions_are_judged_by_their_filter),
        cmocka_unit_test(malformed_topics_are_never_allowed),
        cmocka_unit_test(first_dialect_present_wins),
        cmocka_unit_test(default_rooms_are_for_claims_without_rights),
        cmocka_unit_test(number_and_size_of_rules_are_limited),
        cmocka_unit_test(rooms_are_judged_by_their_messages),
        cmocka_unit_test(further_rights_need_their_exact_shape),
        cmocka_unit_test(who_sees_connections_hears_of_them),
        cmocka_unit_test(a_check_is_quick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
