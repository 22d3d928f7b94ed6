// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "html.h"

#include "core/embed.h"

extern const struct embedded_file template_files[]; // webui/*.html

// Bounds of a template's own nesting; a template that includes itself ends here.
enum { HTML_DEPTH_MAX = 16 };

// U+FFFD: what stands for a byte that HTML cannot carry and no reader should get (terminals).
#define HTML_REPLACEMENT "\xEF\xBF\xBD"

// ---- escaping ----

static const char *escape_of(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    case '\r': // a bare one would become a line feed (HTML §13.2.3.5)
        return "&#13;";
    case '\t':
    case '\n':
        return NULL;
    default:
        return (unsigned char)c < 0x20 || c == 0x7f ? HTML_REPLACEMENT : NULL;
    }
}

void html_escape(struct span text, struct buf *out)
{
    size_t plain = 0; // where the run of bytes that need nothing began
    for (size_t i = 0; i < text.len; i++) {
        const char *escape = escape_of(text.ptr[i]);
        if (!escape)
            continue;
        buf_add(out, text.ptr + plain, i - plain);
        buf_add_text(out, escape);
        plain = i + 1;
    }
    if (plain < text.len)
        buf_add(out, text.ptr + plain, text.len - plain);
}

// ---- reading a template ----

enum tag_kind { TAG_VALUE, TAG_RAW, TAG_SECTION, TAG_INVERTED, TAG_END, TAG_INCLUDE };

struct tag {
    enum tag_kind kind;
    struct span name;
    size_t start, end; // of the whole tag in the template, white space of its own line included
};

static bool is_own_line(enum tag_kind kind)
{
    return kind != TAG_VALUE && kind != TAG_RAW;
}

// A section's tag alone on a line takes the line with it, so that templates can be indented
// without the pages being full of empty lines.
static void widen_to_line(struct span text, struct tag *tag)
{
    size_t start = tag->start, end = tag->end;
    while (start > 0 && (text.ptr[start - 1] == ' ' || text.ptr[start - 1] == '\t'))
        start--;
    if (start > 0 && text.ptr[start - 1] != '\n')
        return;
    if (end < text.len && text.ptr[end] != '\n')
        return;
    tag->start = start;
    tag->end = end < text.len ? end + 1 : end;
}

static enum tag_kind kind_of(char mark)
{
    switch (mark) {
    case '#':
        return TAG_SECTION;
    case '^':
        return TAG_INVERTED;
    case '/':
        return TAG_END;
    case '>':
        return TAG_INCLUDE;
    default:
        return TAG_VALUE;
    }
}

// Finds the first tag at or behind `from`. ERR_NOT_FOUND: only text is left; ERR_INVALID: a tag
// does not end.
static enum err next_tag(struct span text, size_t from, struct tag *out_tag)
{
    const char *open = memmem(text.ptr + from, text.len - from, "{{", 2);
    if (!open)
        return ERR_NOT_FOUND;
    struct tag tag = {.start = (size_t)(open - text.ptr)};
    size_t inside = tag.start + 2;
    bool is_raw = inside < text.len && text.ptr[inside] == '{';
    inside += is_raw;
    const char *close_text = is_raw ? "}}}" : "}}";
    size_t close_len = strlen(close_text);
    const char *close = memmem(text.ptr + inside, text.len - inside, close_text, close_len);
    if (!close || close == text.ptr + inside)
        return ERR_INVALID;
    tag.name = span_make(text.ptr + inside, (size_t)(close - text.ptr) - inside);
    tag.kind = is_raw ? TAG_RAW : kind_of(tag.name.ptr[0]);
    if (is_own_line(tag.kind))
        tag.name = span_skip(tag.name, 1);
    tag.end = (size_t)(close - text.ptr) + close_len;
    if (is_own_line(tag.kind))
        widen_to_line(text, &tag);
    *out_tag = tag;
    return ERR_OK;
}

// Finds the end tag of the section whose body begins at `from`.
static enum err find_end(struct span text, size_t from, struct span name, struct tag *out_end)
{
    size_t open = 0;
    for (;;) {
        struct tag tag;
        if (next_tag(text, from, &tag) != ERR_OK)
            return ERR_INVALID;
        if (tag.kind == TAG_SECTION || tag.kind == TAG_INVERTED)
            open++;
        if (tag.kind == TAG_END && open-- == 0) {
            *out_end = tag;
            return span_equal(tag.name, name) ? ERR_OK : ERR_INVALID;
        }
        from = tag.end;
    }
}

static enum err find_template(struct span name, struct span *out_text)
{
    for (const struct embedded_file *file = template_files; file->name; file++) {
        if (span_is(name, file->name)) {
            *out_text = span_make(file->bytes, file->len);
            return ERR_OK;
        }
    }
    return ERR_NOT_FOUND;
}

// ---- rendering ----

struct render {
    const struct html_source *source;
    struct buf *out;
    int depth;
};

static enum err render_text(struct render *r, struct span text, const struct html_level *level);

static enum err render_section(struct render *r, const struct tag *tag, struct span body,
                               const struct html_level *outer)
{
    size_t count = r->source->count(r->source->context, tag->name, outer);
    if (tag->kind == TAG_INVERTED)
        return count ? ERR_OK : render_text(r, body, outer);
    struct html_level level = {.outer = outer, .section = tag->name};
    for (; level.index < count && r->out->status == ERR_OK; level.index++) {
        enum err err = render_text(r, body, &level);
        if (err)
            return err;
    }
    return ERR_OK;
}

static enum err render_include(struct render *r, struct span name, const struct html_level *level)
{
    struct span text;
    enum err err = find_template(name, &text);
    return err ? err : render_text(r, text, level);
}

// Renders one tag of `text`; `*from` is moved behind what it covers.
static enum err render_tag(struct render *r, struct span text, const struct tag *tag, size_t *from,
                           const struct html_level *level)
{
    *from = tag->end;
    switch (tag->kind) {
    case TAG_VALUE:
        html_escape(r->source->value(r->source->context, tag->name, level), r->out);
        return ERR_OK;
    case TAG_RAW:
        buf_add_span(r->out, r->source->value(r->source->context, tag->name, level));
        return ERR_OK;
    case TAG_INCLUDE:
        return render_include(r, tag->name, level);
    case TAG_SECTION:
    case TAG_INVERTED: {
        struct tag end;
        enum err err = find_end(text, tag->end, tag->name, &end);
        if (err)
            return err;
        *from = end.end;
        struct span body = span_make(text.ptr + tag->end, end.start - tag->end);
        return render_section(r, tag, body, level);
    }
    case TAG_END: // its section would have been taken as a whole
        break;
    }
    return ERR_INVALID;
}

static enum err render_pieces(struct render *r, struct span text, const struct html_level *level)
{
    size_t from = 0;
    for (;;) {
        struct tag tag;
        enum err err = next_tag(text, from, &tag);
        if (err == ERR_NOT_FOUND)
            break;
        if (err)
            return err;
        buf_add(r->out, text.ptr + from, tag.start - from);
        err = render_tag(r, text, &tag, &from, level);
        if (err)
            return err;
    }
    if (from < text.len)
        buf_add(r->out, text.ptr + from, text.len - from);
    return ERR_OK;
}

static enum err render_text(struct render *r, struct span text, const struct html_level *level)
{
    if (r->depth == HTML_DEPTH_MAX)
        return ERR_INVALID;
    r->depth++;
    enum err err = render_pieces(r, text, level);
    r->depth--;
    return err;
}

enum err html_render(const char *file, const struct html_source *source, struct buf *out)
{
    struct render r = {.source = source, .out = out};
    enum err err = render_include(&r, span_of(file), NULL);
    return err ? err : out->status;
}

enum err html_render_text(struct span text, const struct html_source *source, struct buf *out)
{
    struct render r = {.source = source, .out = out};
    enum err err = render_text(&r, text, NULL);
    return err ? err : out->status;
}
