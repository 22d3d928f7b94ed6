// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "rights_tries.h"

#include <stdio.h>

// ---- EMQX ----

static void emqx_rules_are_judged_first_match(void **state)
{
    (void)state;
    TRY("{\"acl\":[{\"permission\":\"deny\",\"action\":\"all\",\"topic\":\"t/secret/#\"},"
        "{\"permission\":\"allow\",\"action\":\"subscribe\",\"topic\":\"t/#\"},"
        "{\"permission\":\"allow\",\"action\":\"publish\",\"topics\":[\"t/a\",\"t/b\"]}]}",
        {'s', "t/a", true}, {'s', "t/secret/x", false}, {'s', "t/secret", false},
        {'s', "t/#", false}, {'s', "t/+", false}, {'s', "t/+/x", false}, {'s', "t/a/#", true},
        {'p', "t/a", true}, {'p', "t/b", true}, {'p', "t/c", false}, {'p', "t/secret/x", false});
    // The other way round the denial comes too late.
    TRY("{\"acl\":[{\"permission\":\"allow\",\"action\":\"all\",\"topic\":\"t/#\"},"
        "{\"permission\":\"deny\",\"action\":\"all\",\"topic\":\"t/secret\"}]}",
        {'s', "t/secret", true}, {'p', "t/secret", true}, {'s', "t/#", true});
}

static void emqx_lists_of_the_older_form_allow(void **state)
{
    (void)state;
    TRY("{\"acl\":{\"pub\":[\"p/${clientid}\"],\"sub\":[\"s/%u/#\"],\"all\":[\"a/+\"]}}",
        {'p', "p/c1", true}, {'s', "p/c1", false}, {'s', "s/alice/x", true},
        {'s', "s/bob/x", false}, {'p', "s/alice/x", false}, {'p', "a/x", true}, {'s', "a/+", true},
        {'s', "a/#", false});
}

static void placeholders_never_widen_a_rule(void **state)
{
    (void)state;
    static const char *const evil[] = {"+", "#", "a/b", "a/#", "", "x+", "/"};
    static const char claims[] =
        "{\"acl\":[{\"permission\":\"allow\",\"action\":\"all\",\"topic\":\"u/${username}/in\"},"
        "{\"permission\":\"allow\",\"action\":\"all\",\"topic\":\"${username}\"},"
        "{\"permission\":\"allow\",\"action\":\"all\",\"topic\":\"plain\"}]}";
    static const struct try tries[] = {
        {'s', "u/bob/in", false}, {'s', "u/+/in", false},   {'s', "u/#", false},
        {'s', "#", false},        {'s', "u/a/b/in", false}, {'p', "u//in", false},
        {'s', "+", false},        {'s', "a/b", false},      {'s', "plain", true}};
    for (size_t i = 0; i < sizeof evil / sizeof evil[0]; i++) {
        struct rights *rights = NULL;
        assert_int_equal(compile_for(claims, NULL, "c1", evil[i], &rights), ERR_OK);
        try_all(rights, evil[i], tries, sizeof tries / sizeof tries[0]);
        rights_destroy(rights);
    }
}

static void placeholder_cannot_reach_the_brokers_own_topics(void **state)
{
    (void)state;
    struct rights *rights = NULL;
    assert_int_equal(compile_for("{\"acl\":{\"all\":[\"${clientid}/#\",\"x/%c/#\"]}}", NULL, "$SYS",
                                 "", &rights),
                     ERR_OK);
    assert_false(allows(rights, RIGHTS_SUBSCRIBE, span_of("$SYS/#")));
    assert_false(allows(rights, RIGHTS_SUBSCRIBE, span_of("$SYS/broker")));
    assert_true(allows(rights, RIGHTS_SUBSCRIBE, span_of("x/$SYS/a")));
    rights_destroy(rights);
}

// A denial whose placeholder cannot be filled in would otherwise vanish.
static void placeholders_never_narrow_a_denial(void **state)
{
    (void)state;
    static const char claims[] =
        "{\"acl\":[{\"permission\":\"deny\",\"action\":\"all\",\"topic\":\"t/x${clientid}/in\"},"
        "{\"permission\":\"allow\",\"action\":\"all\",\"topic\":\"#\"}]}";
    static const char *const evil[] = {"a/b", "+", "#", ""};
    static const struct try tries[] = {{'s', "t/xa/b/in", false},
                                       {'p', "t/xa/b/in", false},
                                       {'p', "t/x+/in", false},
                                       {'p', "t/y", false},
                                       {'p', "other", true}};
    for (size_t i = 0; i < sizeof evil / sizeof evil[0]; i++) {
        struct rights *rights = NULL;
        assert_int_equal(compile_for(claims, NULL, evil[i], "", &rights), ERR_OK);
        try_all(rights, evil[i], tries, sizeof tries / sizeof tries[0]);
        rights_destroy(rights);
    }
}

static void emqx_eq_is_for_the_filter_itself(void **state)
{
    (void)state;
    TRY("{\"acl\":[{\"permission\":\"deny\",\"action\":\"subscribe\",\"topic\":\"eq #\"},"
        "{\"permission\":\"allow\",\"action\":\"all\",\"topic\":\"#\"}]}",
        {'s', "#", false}, {'s', "+/#", true}, {'s', "a", true}, {'p', "a", true});
    TRY("{\"acl\":[{\"permission\":\"deny\",\"action\":\"all\",\"topic\":\"eq t/1\"},"
        "{\"permission\":\"allow\",\"action\":\"all\",\"topic\":\"#\"}]}",
        {'s', "t/1", false}, {'p', "t/1", false}, {'s', "t/+", false}, {'s', "t/2", true});
    // Who may subscribe to all of t reads all of t, under whatever filter; but publishes nowhere.
    TRY("{\"acl\":[{\"permission\":\"allow\",\"action\":\"all\",\"topic\":\"eq t/#\"}]}",
        {'s', "t/#", true}, {'s', "t/1", true}, {'p', "t/1", false}, {'s', "#", false});
}

static void emqx_rules_may_depend_on_qos_and_retain(void **state)
{
    (void)state;
    struct rights *rights =
        compile("{\"acl\":[{\"permission\":\"allow\",\"action\":\"subscribe\",\"topic\":\"s\","
                "\"qos\":[1]},"
                "{\"permission\":\"deny\",\"action\":\"publish\",\"topic\":\"p\",\"retain\":true},"
                "{\"permission\":\"allow\",\"action\":\"publish\",\"topic\":\"p\",\"qos\":[0,1]},"
                "{\"permission\":\"allow\",\"action\":\"publish\",\"topic\":\"p\",\"qos\":2}]}");
    struct span s = span_of("s"), p = span_of("p");
    assert_false(rights_allow_subscribe(rights, s, 0));
    assert_true(rights_allow_subscribe(rights, s, 1));
    assert_false(rights_allow_subscribe(rights, s, 2));
    for (int qos = 0; qos <= 2; qos++) {
        assert_true(rights_allow_publish(rights, p, qos, false));
        assert_false(rights_allow_publish(rights, p, qos, true));
    }
    // A message is handed to who could subscribe to it in some way.
    assert_true(rights_allow_delivery(rights, s));
    assert_false(rights_allow_delivery(rights, p));
    rights_destroy(rights);
}

static void delivery_follows_the_denials_too(void **state)
{
    (void)state;
    struct rights *rights =
        compile("{\"acl\":[{\"permission\":\"deny\",\"action\":\"subscribe\",\"topic\":\"a/b\"},"
                "{\"permission\":\"deny\",\"action\":\"subscribe\",\"topic\":\"a/q\",\"qos\":[2]},"
                "{\"permission\":\"allow\",\"action\":\"subscribe\",\"topic\":\"a/#\"}]}");
    assert_false(rights_allow_delivery(rights, span_of("a/b")));
    assert_true(rights_allow_delivery(rights, span_of("a/q")));
    assert_true(rights_allow_delivery(rights, span_of("a/c")));
    assert_false(rights_allow_delivery(rights, span_of("b")));
    assert_false(rights_allow_delivery(rights, span_of("a/#")));
    assert_false(rights_allow_delivery(rights, span_of("")));
    rights_destroy(rights);
}

static void delivery_needs_a_qos_that_is_not_denied(void **state)
{
    (void)state;
    struct rights *rights = compile(
        "{\"acl\":[{\"permission\":\"deny\",\"action\":\"subscribe\",\"topic\":\"#\",\"qos\":0},"
        "{\"permission\":\"deny\",\"action\":\"subscribe\",\"topic\":\"a\",\"qos\":[1,2]},"
        "{\"permission\":\"allow\",\"action\":\"subscribe\",\"topic\":\"b\",\"qos\":0},"
        "{\"permission\":\"allow\",\"action\":\"subscribe\",\"topic\":\"a\"},"
        "{\"permission\":\"allow\",\"action\":\"subscribe\",\"topic\":\"c\"}]}");
    for (int qos = 0; qos <= 2; qos++) {
        assert_false(rights_allow_subscribe(rights, span_of("a"), qos));
        assert_false(rights_allow_subscribe(rights, span_of("b"), qos));
    }
    // Each denies only some, but nothing is left.
    assert_false(rights_allow_delivery(rights, span_of("a")));
    assert_false(rights_allow_delivery(rights, span_of("b")));
    assert_true(rights_allow_delivery(rights, span_of("c")));
    rights_destroy(rights);
}

// "ipaddr" and its like cannot be judged: such a rule never allows, but does deny.
static void emqx_rules_with_other_conditions_are_read_the_narrow_way(void **state)
{
    (void)state;
    TRY("{\"acl\":[{\"permission\":\"deny\",\"action\":\"all\",\"topic\":\"d\",\"ipaddr\":\"::1\"},"
        "{\"permission\":\"allow\",\"action\":\"all\",\"topic\":\"a\",\"zone\":\"z\"},"
        "{\"permission\":\"allow\",\"action\":\"all\",\"topic\":\"d\"}]}",
        {'s', "d", false}, {'s', "a", false});
}

static void emqx_rules_of_a_wrong_shape_are_refused(void **state)
{
    (void)state;
    static const char *const claims[] = {
        "{\"acl\":7}",
        "{\"acl\":null}",
        "{\"acl\":\"#\"}",
        "{\"acl\":[7]}",
        "{\"acl\":[{}]}",
        "{\"acl\":[{\"permission\":\"allow\",\"topic\":\"a\"}]}",
        "{\"acl\":[{\"permission\":\"allow\",\"action\":\"all\"}]}",
        "{\"acl\":[{\"permission\":\"maybe\",\"action\":\"all\",\"topic\":\"a\"}]}",
        "{\"acl\":[{\"permission\":\"allow\",\"action\":\"read\",\"topic\":\"a\"}]}",
        "{\"acl\":[{\"permission\":\"allow\",\"action\":\"all\",\"topic\":7}]}",
        "{\"acl\":[{\"permission\":\"allow\",\"action\":\"all\",\"topic\":\"\"}]}",
        "{\"acl\":[{\"permission\":\"allow\",\"action\":\"all\",\"topic\":\"eq \"}]}",
        "{\"acl\":[{\"permission\":\"allow\",\"action\":\"all\",\"topic\":\"a+\"}]}",
        "{\"acl\":[{\"permission\":\"allow\",\"action\":\"all\",\"topic\":\"a\",\"topics\":[]}]}",
        "{\"acl\":[{\"permission\":\"allow\",\"action\":\"all\",\"topics\":\"a\"}]}",
        "{\"acl\":[{\"permission\":\"allow\",\"action\":\"all\",\"topics\":[7]}]}",
        "{\"acl\":[{\"permission\":\"allow\",\"action\":\"all\",\"topic\":\"a\",\"qos\":3}]}",
        "{\"acl\":[{\"permission\":\"allow\",\"action\":\"all\",\"topic\":\"a\",\"qos\":[]}]}",
        "{\"acl\":[{\"permission\":\"allow\",\"action\":\"all\",\"topic\":\"a\",\"qos\":\"1\"}]}",
        "{\"acl\":[{\"permission\":\"deny\",\"action\":\"all\",\"topic\":\"a\",\"retain\":\"x\"}]}",
        "{\"acl\":{\"pub\":\"a\"}}",
        "{\"acl\":{\"sub\":[7]}}",
        "{\"acl\":{\"all\":[\"a/#/b\"]}}",
    };
    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++)
        refuse_claim(claims[i]);
}

// ---- "publ" and "subs" ----

static void publ_and_subs_are_plain_filters(void **state)
{
    (void)state;
    TRY("{\"publ\":[\"/p/#\"],\"subs\":[\"/s/+\",\"u/%u\"]}", {'p', "/p/x", true},
        {'s', "/p/x", false}, {'s', "/s/x", true}, {'s', "/s/+", true}, {'p', "/s/x", false},
        {'s', "u/alice", false}, {'s', "u/%u", true});
    refuse_claim("{\"publ\":\"a\"}");
    refuse_claim("{\"subs\":{\"a\":\"b\"}}");
    refuse_claim("{\"subs\":[7]}");
    refuse_claim("{\"subs\":[\"\"]}");
    refuse_claim("{\"subs\":[\"a/#/b\"]}");
}

// ---- Mercure ----

#define DETAIL(actions, topics)                                                                    \
    "{\"authorization_details\":[{\"type\":\"https://mercure.rocks/authorization-detail\","        \
    "\"actions\":" actions ",\"topics\":" topics "}]}"

static void mercure_topics_are_mqtt_topics(void **state)
{
    (void)state;
    TRY("{\"mercure\":{\"publish\":[\"rooms/lobby/messages\"],\"subscribe\":[\"*\"]}}",
        {'p', "rooms/lobby/messages", true}, {'p', "rooms/ops/messages", false},
        {'s', "rooms/ops/messages", true}, {'s', "#", true}, {'s', "$SYS/#", false},
        {'p', "#", false});
    TRY("{\"mercure\":{\"subscribe\":[\"https://example.com/books/{id}\"]}}",
        {'s', "https://example.com/books/1", true}, {'s', "https://example.com/books/+", true},
        {'s', "https://example.com/books/1/x", false}, {'s', "https://example.com/books", false});
    TRY(DETAIL("[\"subscribe\",\"other\"]",
               "[{\"match\":\"a/b\"},{\"match\":\"c/:id/d\",\"match_type\":\"urlpattern\"},"
               "{\"match\":\"e/{x}\",\"match_type\":\"exact\"},"
               "{\"match\":\"f\",\"match_type\":\"regexp\"}]"),
        {'s', "a/b", true}, {'p', "a/b", false}, {'s', "c/1/d", true}, {'s', "c/1/e", false},
        {'s', "e/1", false}, {'s', "e/{x}", true}, {'s', "f", false});
    TRY(DETAIL("[\"publish\"]", "[{\"match\":\"*\"}]"), {'p', "anything/at/all", true},
        {'s', "anything", false}, {'p', "$CONTROL/x", false});
}

static void mercure_templates_have_a_counterpart_or_grant_nothing(void **state)
{
    (void)state;
    static const struct {
        const char *match;
        bool is_pattern; // else a URI template
        const char *topic;
        bool is_allowed;
    } rows[] = {
        {"t/{a}/x", false, "t/1/x", true},
        {"t/{a}/x", false, "t/1/2/x", false},
        {"t/{+rest}", false, "t/1/2/x", true},
        {"t/{+rest}", false, "t", false},
        {"{+all}", false, "t/1", true},
        {"t/{+rest}/x", false, "t/1/x", false},
        {"t/a{b}", false, "t/ab", false},
        {"t/{a,b}", false, "t/1", false},
        {"t/{a*}", false, "t/1", false},
        {"t{/a}", false, "t/1", false},
        {"t/{a", false, "t/1", false},
        {"t/{}", false, "t/1", false},
        {"t/+/x", false, "t/1/x", false},
        {"t/#", false, "t/1", false},
        {"", false, "t", false},
        {"t/:a/x", true, "t/1/x", true},
        {"t/*", true, "t/1/2", true},
        {"t/*", true, "t", false},
        {"t/*/x", true, "t/1/x", false},
        {"t/:a?", true, "t/1", false},
        {"t/(\\\\d+)", true, "t/1", false},
        {"t/{a}", true, "t/1", false},
        {"t/x:a", true, "t/x1", false},
        {"http://h:8080/:a", true, "http://h:8080/1", true},
        {"t/:8", true, "t/:8", true},
        {"t/:8", true, "t/1", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char claims[256];
        const char *form =
            rows[i].is_pattern
                ? DETAIL("[\"subscribe\"]", "[{\"match_type\":\"urlpattern\",\"match\":\"%s\"}]")
                : "{\"mercure\":{\"subscribe\":[\"%s\"]}}";
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        (void)snprintf(claims, sizeof claims, form, rows[i].match);
#pragma GCC diagnostic pop
        struct rights *rights = compile(claims);
        if (allows(rights, RIGHTS_SUBSCRIBE, span_of(rows[i].topic)) != rows[i].is_allowed)
            fail_msg("%s: %s", claims, rows[i].topic);
        rights_destroy(rights);
    }
}

static void mercure_claims_of_a_wrong_shape_are_refused(void **state)
{
    (void)state;
    static const char *const claims[] = {
        "{\"mercure\":7}",
        "{\"mercure\":{\"publish\":\"*\"}}",
        "{\"mercure\":{\"subscribe\":[7]}}",
        "{\"mercure\":{\"subscribe\":[{}]}}",
        "{\"authorization_details\":{}}",
        DETAIL("\"subscribe\"", "[]"),
        DETAIL("[7]", "[]"),
        DETAIL("[\"subscribe\"]", "\"*\""),
        DETAIL("[\"subscribe\"]", "[\"*\"]"),
        DETAIL("[\"subscribe\"]", "[null]"),
        DETAIL("[\"subscribe\"]", "[{\"match_type\":\"exact\"}]"),
        DETAIL("[\"subscribe\"]", "[{\"match\":\"a\",\"match_type\":7}]"),
    };
    for (size_t i = 0; i < sizeof claims / sizeof claims[0]; i++)
        refuse_claim(claims[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(emqx_rules_are_judged_first_match),
        cmocka_unit_test(emqx_lists_of_the_older_form_allow),
        cmocka_unit_test(placeholders_never_widen_a_rule),
        cmocka_unit_test(placeholder_cannot_reach_the_brokers_own_topics),
        cmocka_unit_test(placeholders_never_narrow_a_denial),
        cmocka_unit_test(emqx_eq_is_for_the_filter_itself),
        cmocka_unit_test(emqx_rules_may_depend_on_qos_and_retain),
        cmocka_unit_test(delivery_follows_the_denials_too),
        cmocka_unit_test(delivery_needs_a_qos_that_is_not_denied),
        cmocka_unit_test(emqx_rules_with_other_conditions_are_read_the_narrow_way),
        cmocka_unit_test(emqx_rules_of_a_wrong_shape_are_refused),
        cmocka_unit_test(publ_and_subs_are_plain_filters),
        cmocka_unit_test(mercure_topics_are_mqtt_topics),
        cmocka_unit_test(mercure_templates_have_a_counterpart_or_grant_nothing),
        cmocka_unit_test(mercure_claims_of_a_wrong_shape_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
