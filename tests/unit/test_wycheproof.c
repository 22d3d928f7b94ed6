// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The public Wycheproof vectors for JSON Web Signatures and Keys: every test has to give the
// verdict that the file expects, save for those few that `exceptions` names with a reason. The
// files lie beside the source tree; without them the test is skipped and says so.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "core/jws.h"

#define FOLDER "../shared/vectors/"

enum { FILE_MAX = 1024 * 1024, JWS_TESTS = 401, JWK_TESTS = 26 };

// Tests whose expected verdict is not ours, and why. Each has to come out as written here.
static const struct {
    bool is_jwk; // of which file
    int64_t id;
    enum err verdict;
    const char *reason;
} exceptions[] = {
    {false, 346, ERR_TOKEN_ALGORITHM,
     "key says PS256, token PS384: to accept contradicts test 338"},
    {false, 350, ERR_TOKEN_ALGORITHM,
     "key says PS256, token PS384: to accept contradicts test 338"},
    {false, 367, ERR_OK, "the very same text as test 357, which is valid"},
    {false, 370, ERR_OK, "the very same text as test 357, which is valid"},
    {false, 372, ERR_TOKEN_MALFORMED, "a \"?\" in the base64url of the header (RFC 4648 3.3)"},
    {false, 373, ERR_TOKEN_SIGNATURE, "a \"?\" in the base64url of the payload (RFC 4648 3.3)"},
    {true, 1, ERR_OK,
     "a secret and a public key in one set (Ambiguous): bound to their algorithms"},
};

struct tally {
    int run, accepted, refused, unsupported, contested, failed;
};

static char *read_whole(const char *name, size_t *out_len)
{
    FILE *in = fopen(name, "rbe");
    if (in == NULL)
        return NULL;
    char *text = malloc(FILE_MAX);
    assert_non_null(text);
    *out_len = fread(text, 1, FILE_MAX, in);
    assert_true(*out_len < FILE_MAX);
    assert_int_equal(fclose(in), 0);
    return text;
}

// Loads the group's key or key set, as a file of the configuration would be.
static enum err load_keys(const struct json *group, struct keyset **out_keys, struct buf *why)
{
    const struct json *jwk = json_member(group, "public");
    if (jwk == NULL)
        jwk = json_member(group, "private");
    struct buf text;
    struct json_writer w;
    buf_init(&text, FILE_MAX);
    json_writer_init(&w, &text);
    json_put_tree(&w, jwk);
    assert_int_equal(text.status, ERR_OK);
    struct keyset *keys = NULL;
    assert_int_equal(keyset_create("", &keys, why), ERR_OK);
    enum err err = keyset_add_jwks(keys, buf_span(&text), why);
    buf_finish(&text);
    if (err == ERR_OK)
        *out_keys = keys;
    else
        keyset_destroy(keys);
    return err;
}

static enum err verdict_of(const struct keyset *keys, struct span text)
{
    struct jws jws;
    enum err err = jws_verify(keys, text, &jws);
    if (err == ERR_OK)
        jws_finish(&jws);
    return err;
}

static void judge(bool is_jwk, const struct json *test, enum err verdict, const char *why,
                  struct tally *tally)
{
    int64_t id = 0;
    assert_true(json_get_int(json_member(test, "tcId"), &id));
    const char *result = json_text(json_member(test, "result"));
    const char *comment = json_text(json_member(test, "comment"));
    assert_true(strcmp(result, "valid") == 0 || strcmp(result, "invalid") == 0);
    tally->run++;
    for (size_t i = 0; i < sizeof exceptions / sizeof exceptions[0]; i++) {
        if (exceptions[i].is_jwk != is_jwk || exceptions[i].id != id)
            continue;
        printf("  contested: test %d (%s, expected %s, here \"%s\"): %s\n", (int)id, comment,
               result, err_text(verdict), exceptions[i].reason);
        tally->contested++;
        tally->failed += verdict != exceptions[i].verdict;
        return;
    }
    bool is_expected = strcmp(result, "valid") == 0;
    if (is_expected != (verdict == ERR_OK)) {
        printf("  FAILED: test %d (%s): expected %s, got \"%s\" %s\n", (int)id, comment, result,
               err_text(verdict), why);
        tally->failed++;
    } else if (is_expected) {
        tally->accepted++;
    } else {
        tally->refused++;
    }
}

static void run_group(bool is_jwk, const struct json *group, struct tally *tally)
{
    struct keyset *keys = NULL;
    struct buf why;
    buf_init(&why, 1024);
    enum err loaded = load_keys(group, &keys, &why);
    buf_add_char(&why, '\0');
    if (loaded != ERR_OK)
        printf("  group %s: its key is not taken: %s\n", json_text(json_member(group, "comment")),
               why.ptr);
    const struct json *tests = json_member(group, "tests");
    for (const struct json *test = json_first(tests); test != NULL; test = json_next(test)) {
        const char *jws = json_text(json_member(test, "jws"));
        assert_non_null(jws);
        enum err verdict = loaded == ERR_OK ? verdict_of(keys, span_of(jws)) : loaded;
        // A verdict can be reached only about algorithms that are there: none of a valid test may
        // hide behind this count.
        if (loaded == ERR_UNSUPPORTED &&
            strcmp(json_text(json_member(test, "result")), "valid") == 0)
            tally->unsupported++;
        judge(is_jwk, test, verdict, why.ptr, tally);
    }
    keyset_destroy(keys);
    buf_finish(&why);
}

static void run_file(const char *name, bool is_jwk, int expected_count)
{
    size_t len = 0;
    char *text = read_whole(name, &len);
    if (text == NULL) {
        printf("skipped: %s is not there\n", name);
        skip();
    }
    struct json *root = NULL;
    assert_int_equal(json_parse(span_make(text, len), &root), ERR_OK);
    struct tally tally = {0};
    const struct json *groups = json_member(root, "testGroups");
    for (const struct json *group = json_first(groups); group != NULL; group = json_next(group))
        run_group(is_jwk, group, &tally);
    printf(
        "counted: %s: %d run, %d valid accepted, %d invalid refused, %d contested, %d unsupported, "
        "%d failed\n",
        name, tally.run, tally.accepted, tally.refused, tally.contested, tally.unsupported,
        tally.failed);
    json_destroy(root);
    free(text);
    assert_int_equal(tally.run, expected_count);
    assert_int_equal(tally.failed, 0);
    assert_int_equal(tally.unsupported, 0);
    assert_int_equal(tally.accepted + tally.refused + tally.contested, tally.run);
}

static void signatures_get_the_expected_verdict(void **state)
{
    (void)state;
    run_file(FOLDER "wycheproof_json_web_signature_test.json", false, JWS_TESTS);
}

static void keys_get_the_expected_verdict(void **state)
{
    (void)state;
    run_file(FOLDER "wycheproof_json_web_key_test.json", true, JWK_TESTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_get_the_expected_verdict),
        cmocka_unit_test(keys_get_the_expected_verdict),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
