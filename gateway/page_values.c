// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The part of page.h that knows nothing of requests: values, lists and texts.
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/hash.h"
#include "page.h"
#include "page_handlers.h"
#include "page_links.h"

enum { PAGE_HUES = 8 };
enum { PAGE_ROW_BYTES_MAX = 64 << 20 }; // all texts of a list, escaped

struct page_cell {
    size_t start, len; // in rows->text
};

// ---- rows ----

void page_rows_init(struct page_rows *rows, const char *section, const char *const *columns)
{
    *rows = (struct page_rows){.section = section, .columns = columns};
    while (columns[rows->column_count])
        rows->column_count++;
    assert(rows->column_count <= PAGE_COLUMNS_MAX);
    buf_init(&rows->cells, PAGE_ROW_BYTES_MAX);
    buf_init(&rows->text, PAGE_ROW_BYTES_MAX);
}

void page_rows_finish(struct page_rows *rows)
{
    buf_finish(&rows->cells);
    buf_finish(&rows->text);
}

enum err page_rows_status(const struct page_rows *rows)
{
    return rows->cells.status != ERR_OK ? rows->cells.status : rows->text.status;
}

void page_rows_add(struct page_rows *rows)
{
    static const struct page_cell empty[PAGE_COLUMNS_MAX];
    buf_add(&rows->cells, empty, rows->column_count * sizeof *empty);
    if (rows->cells.status == ERR_OK)
        rows->count++;
}

static size_t column_of(const struct page_rows *rows, struct span name)
{
    size_t column = 0;
    while (column < rows->column_count && !span_is(name, rows->columns[column]))
        column++;
    return column;
}

void page_rows_put_since(struct page_rows *rows, const char *column, size_t start)
{
    size_t at = column_of(rows, span_of(column));
    assert(at < rows->column_count);
    if (page_rows_status(rows) != ERR_OK || rows->count == 0)
        return;
    struct page_cell cell = {start, rows->text.len - start};
    size_t row = (rows->count - 1) * rows->column_count;
    memcpy(rows->cells.ptr + (row + at) * sizeof cell, &cell, sizeof cell);
}

void page_rows_put(struct page_rows *rows, const char *column, struct span text)
{
    size_t start = rows->text.len;
    buf_add_span(&rows->text, text);
    page_rows_put_since(rows, column, start);
}

void page_rows_put_int(struct page_rows *rows, const char *column, int64_t number)
{
    size_t start = rows->text.len;
    buf_add_int(&rows->text, number);
    page_rows_put_since(rows, column, start);
}

static struct span cell_text(const struct page_rows *rows, size_t row, size_t column)
{
    struct page_cell cell;
    memcpy(&cell, rows->cells.ptr + (row * rows->column_count + column) * sizeof cell, sizeof cell);
    return cell.len ? span_make(rows->text.ptr + cell.start, cell.len) : span_of("");
}

// ---- values ----

void page_set(struct page *page, const char *name, struct span text)
{
    assert(page->value_count < PAGE_VALUES_MAX);
    page->values[page->value_count++] = (struct page_value){name, text, NULL};
}

void page_set_copy(struct page *page, const char *name, struct span text)
{
    char *copy = span_dup(text);
    page_set(page, name, copy ? span_make(copy, text.len) : span_of(""));
    page->values[page->value_count - 1].owned = copy;
    page->has_failed |= !copy;
}

void page_set_int(struct page *page, const char *name, int64_t number)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%" PRId64, number);
    page_set_copy(page, name, span_make(text, (size_t)len));
}

void page_set_flag(struct page *page, const char *name, bool flag)
{
    page_set(page, name, span_of(flag ? "1" : ""));
}

// The row of the list that `level` stands in, whatever sections of flags are around it.
static bool row_of(const struct page_rows *rows, const struct html_level *level, size_t *out_row)
{
    for (; level; level = level->outer) {
        if (span_is(level->section, rows->section)) {
            *out_row = level->index;
            return true;
        }
    }
    return false;
}

struct span page_value(void *context, struct span name, const struct html_level *level)
{
    const struct page *page = context;
    size_t row;
    if (page->rows && row_of(page->rows, level, &row)) {
        size_t column = column_of(page->rows, name);
        if (column < page->rows->column_count)
            return cell_text(page->rows, row, column);
    }
    for (size_t i = 0; i < page->value_count; i++) {
        if (span_is(name, page->values[i].name))
            return page->values[i].text;
    }
    return span_of("");
}

size_t page_count(void *context, struct span name, const struct html_level *level)
{
    const struct page *page = context;
    if (page->rows && span_is(name, page->rows->section))
        return page->rows->count;
    return page_value(context, name, level).len != 0;
}

void page_render_source(const struct page *page, const char *file, const struct html_source *source,
                        struct buf *out)
{
    enum err err = page->has_failed ? ERR_MEMORY : ERR_OK;
    if (err == ERR_OK && page->rows != NULL)
        err = page_rows_status(page->rows);
    if (err == ERR_OK)
        err = html_render(file, source, out);
    if (err != ERR_OK)
        out->status = err;
}

void page_render(struct page *page, const char *file, struct buf *out)
{
    struct html_source source = {.context = page, .value = page_value, .count = page_count};
    page_render_source(page, file, &source, out);
}

// ---- errors ----

const char *page_status_title(int status)
{
    static const struct {
        int status;
        const char *title;
    } titles[] = {
        {400, "That was not understood"},
        {401, "Please sign in"},
        {403, "Not allowed"},
        {404, "Not found"},
        {405, "Not possible here"},
        {413, "Too long"},
        {415, "Not a form"},
        {429, "Too many requests"},
        {503, "Not available right now"},
        {507, "There is no room left"},
    };
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) {
        if (titles[i].status == status)
            return titles[i].title;
    }
    return status < 500 ? "That did not work" : "Something went wrong";
}

enum err page_write_error(const struct page_error *error, struct buf *out)
{
    char number[12];
    snprintf(number, sizeof number, "%d", error->status);
    struct page page = {.x = NULL};
    page_set(&page, "status", span_of(number));
    page_set(&page, "title", span_of(page_status_title(error->status)));
    page_set(&page, "detail", span_of(error->detail));
    page_set_flag(&page, "sign_in", error->has_sign_in);
    page_set_flag(&page, "guests", error->has_guests);
    page_set(&page, "next", span_of("/"));
    page_render(&page, "error.html", out);
    return out->status;
}

// ---- texts ----

void page_write_lines(struct span text, struct buf *out)
{
    while (text.len) {
        const char *end = memchr(text.ptr, '\n', text.len);
        size_t len = end ? (size_t)(end - text.ptr) : text.len;
        page_links_write(span_make(text.ptr, len), out);
        if (end)
            buf_add_text(out, "<br>\n"); // messages.css shows the line feed and hides the <br>
        text = span_skip(text, len + (end != NULL));
    }
}

unsigned page_hue(struct span from)
{
    return hash_fnv(from) % PAGE_HUES;
}

struct span page_initial(struct span name)
{
    size_t len = name.len ? 1 : 0; // the first character of UTF-8
    while (len < name.len && ((unsigned char)name.ptr[len] & 0xC0) == 0x80)
        len++;
    return span_make(name.ptr, len);
}
