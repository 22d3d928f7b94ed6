// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The template language of gateway/html.h, and that nothing put in can become markup.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "core/embed.h"
#include "gateway/html.h"
#include "gateway/page.h"
#include "gateway/page_handlers.h"

extern const struct embedded_file template_files[];

#define EVIL "<script>alert(1)</script>&\"'"
#define EVIL_ESCAPED "&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;&#39;"

// A source with one of each: two rows with a cell each, flags, and a value that means harm.
static struct span value(void *context, struct span name, const struct html_level *level)
{
    (void)context;
    static const char *const cells[] = {"one", EVIL};
    if (span_is(name, "evil"))
        return span_of(EVIL);
    if (span_is(name, "made"))
        return span_of("<b>made</b>");
    if (span_is(name, "cell") && level && span_is(level->section, "rows"))
        return span_of(cells[level->index]);
    if (span_is(name, "outer") && level && level->outer)
        return span_of(cells[level->outer->index]);
    return span_of("");
}

static size_t count(void *context, struct span name, const struct html_level *level)
{
    (void)context;
    (void)level;
    return span_is(name, "rows") ? 2 : span_is(name, "yes");
}

static const struct html_source source = {.value = value, .count = count};

static void assert_renders(const char *text, const char *expected)
{
    struct buf out;
    buf_init(&out, 1 << 16);
    assert_int_equal(html_render_text(span_of(text), &source, &out), ERR_OK);
    buf_add_char(&out, '\0');
    assert_string_equal(out.ptr, expected);
    buf_finish(&out);
}

static void assert_fails(const char *text, enum err expected)
{
    struct buf out;
    buf_init(&out, 1 << 16);
    assert_int_equal(html_render_text(span_of(text), &source, &out), expected);
    buf_finish(&out);
}

static void values_are_escaped_everywhere(void **state)
{
    (void)state;
    assert_renders("<p>{{evil}}</p>", "<p>" EVIL_ESCAPED "</p>");
    assert_renders("<p title=\"{{evil}}\">", "<p title=\"" EVIL_ESCAPED "\">");
    assert_renders("<p title='{{evil}}'>", "<p title='" EVIL_ESCAPED "'>");
    assert_renders("{{#rows}}[{{cell}}]{{/rows}}", "[one][" EVIL_ESCAPED "]");
    assert_renders("{{absent}}|", "|");
}

static void only_the_template_can_ask_for_raw(void **state)
{
    (void)state;
    assert_renders("{{{made}}} {{made}}", "<b>made</b> &lt;b&gt;made&lt;/b&gt;");
}

static void sections_repeat_show_and_hide(void **state)
{
    (void)state;
    assert_renders("{{#yes}}a{{/yes}}{{^yes}}b{{/yes}}", "a");
    assert_renders("{{#no}}a{{/no}}{{^no}}b{{/no}}", "b");
    assert_renders("{{#no}}{{#no}}x{{/no}}{{^no}}y{{/no}}{{/no}}z", "z");
    assert_renders("{{#rows}}{{#yes}}{{outer}}{{/yes}},{{/rows}}", "one," EVIL_ESCAPED ",");
    assert_renders("{{^rows}}none{{/rows}}some", "some");
}

static void tags_alone_on_a_line_leave_none_behind(void **state)
{
    (void)state;
    assert_renders("a\n  {{#yes}}\n  b\n  {{/yes}}\nc", "a\n  b\nc");
    assert_renders("a\n{{#no}}\nb\n{{/no}}\nc\n", "a\nc\n");
    assert_renders("a {{#yes}}b{{/yes}}\nc", "a b\nc");
    assert_renders("{{#yes}} x{{/yes}}\n", " x\n");
}

static void damaged_templates_are_refused(void **state)
{
    (void)state;
    assert_fails("{{#yes}}a", ERR_INVALID);
    assert_fails("{{#yes}}a{{/no}}", ERR_INVALID);
    assert_fails("{{/yes}}", ERR_INVALID);
    assert_fails("a{{evil", ERR_INVALID);
    assert_fails("a{{{evil}}", ERR_INVALID);
    assert_fails("{{}}", ERR_INVALID);
    assert_fails("{{#yes}}{{#yes}}a{{/yes}}", ERR_INVALID);
    assert_fails("{{>missing.html}}", ERR_NOT_FOUND);
    assert_fails("{{#yes}}{{>missing.html}}{{/yes}}rest", ERR_NOT_FOUND);
}

static void nesting_has_an_end(void **state)
{
    (void)state;
    char text[40 * 16] = "";
    size_t len = 0;
    for (int i = 0; i < 20; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "{{#yes}}");
    for (int i = 0; i < 20; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "{{/yes}}");
    assert_fails(text, ERR_INVALID);
}

static void too_much_output_is_an_error(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 20);
    assert_int_equal(html_render_text(span_of("{{evil}}{{#rows}}{{cell}}{{/rows}}"), &source, &out),
                     ERR_TOO_LARGE);
    buf_finish(&out);
}

static void assert_escapes(struct span text, const char *expected)
{
    struct buf out;
    buf_init(&out, 4096);
    html_escape(text, &out);
    buf_add_char(&out, '\0');
    assert_string_equal(out.ptr, expected);
    buf_finish(&out);
}

static void control_characters_do_not_reach_the_reader(void **state)
{
    (void)state;
    assert_escapes(span_make("a\0b", 3), "a\xEF\xBF\xBD"
                                         "b");
    assert_escapes(span_of("\x1b[31m\x7f"), "\xEF\xBF\xBD[31m\xEF\xBF\xBD");
    assert_escapes(span_of("a\tb\nc\rd"), "a\tb\nc&#13;d");
    assert_escapes(span_of("gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80"),
                   "gr\xC3\xBC\xC3\x9F \xF0\x9F\x98\x80");
    assert_escapes(span_make(NULL, 0), "");
}

static void lines_stay_lines(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 4096);
    page_write_lines(span_of("<i>\n\nb\n"), &out);
    buf_add_char(&out, '\0');
    assert_string_equal(out.ptr, "&lt;i&gt;<br>\n<br>\nb<br>\n");
    buf_finish(&out);
}

static struct span no_value(void *context, struct span name, const struct html_level *level)
{
    (void)context;
    (void)name;
    (void)level;
    return span_of("");
}

// How often every section is repeated is given as the context.
static size_t all_count(void *context, struct span name, const struct html_level *level)
{
    (void)name;
    (void)level;
    return *(size_t *)context;
}

static void our_own_templates_are_sound(void **state)
{
    (void)state;
    size_t repeats[] = {0, 1, 3};
    for (const struct embedded_file *file = template_files; file->name; file++) {
        for (size_t i = 0; i < 3; i++) {
            struct html_source all = {&repeats[i], no_value, all_count};
            struct buf out;
            buf_init(&out, 1 << 20);
            assert_int_equal(html_render(file->name, &all, &out), ERR_OK);
            assert_null(memmem(out.ptr ? out.ptr : "", out.len, "{{", 2));
            buf_finish(&out);
        }
    }
}

static void error_pages_show_details_as_text(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 1 << 16);
    struct page_error error = {.status = 404, .detail = EVIL};
    assert_int_equal(page_write_error(&error, &out), ERR_OK);
    buf_add_char(&out, '\0');
    assert_non_null(strstr(out.ptr, "<h1>Not found</h1>"));
    assert_non_null(strstr(out.ptr, EVIL_ESCAPED));
    assert_null(strstr(out.ptr, "<script>alert"));
    buf_finish(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_are_escaped_everywhere),
        cmocka_unit_test(only_the_template_can_ask_for_raw),
        cmocka_unit_test(sections_repeat_show_and_hide),
        cmocka_unit_test(tags_alone_on_a_line_leave_none_behind),
        cmocka_unit_test(damaged_templates_are_refused),
        cmocka_unit_test(nesting_has_an_end),
        cmocka_unit_test(too_much_output_is_an_error),
        cmocka_unit_test(control_characters_do_not_reach_the_reader),
        cmocka_unit_test(lines_stay_lines),
        cmocka_unit_test(our_own_templates_are_sound),
        cmocka_unit_test(error_pages_show_details_as_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
