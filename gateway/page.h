// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What the pages share: the values that a template asks for, who is calling, and how a page is
// sent or refused. Not the template language: html.h.
#ifndef ROOMWIRE_GATEWAY_PAGE_H
#define ROOMWIRE_GATEWAY_PAGE_H

#include "auth.h"
#include "exchange.h"
#include "html.h"

// A list of a template: rows of texts by column name. The texts are copied in.
enum { PAGE_COLUMNS_MAX = 16 };
struct page_rows {
    const char *section;
    const char *const *columns; // ended by NULL, at most PAGE_COLUMNS_MAX
    size_t column_count;
    size_t count;
    struct buf cells; // struct page_cell, column_count to a row
    struct buf text;
};

void page_rows_init(struct page_rows *rows, const char *section, const char *const *columns);
void page_rows_finish(struct page_rows *rows);
// Begins a row of empty texts.
void page_rows_add(struct page_rows *rows);
// The first error of what was put in: ERR_MEMORY, or ERR_TOO_LARGE; such a list is not rendered.
enum err page_rows_status(const struct page_rows *rows);
// Sets a text of the last row.
void page_rows_put(struct page_rows *rows, const char *column, struct span text);
void page_rows_put_int(struct page_rows *rows, const char *column, int64_t number);
// The same for a text that is written in place: put what `rows->text` got since `start`.
void page_rows_put_since(struct page_rows *rows, const char *column, size_t start);

// One page in the making.
enum { PAGE_VALUES_MAX = 32 };
struct page {
    struct exchange *x;
    struct page_value {
        const char *name;
        struct span text;
        char *owned; // what `text` borrows from, or NULL
    } values[PAGE_VALUES_MAX];
    size_t value_count;
    bool has_failed;              // a value could not be copied
    const struct page_rows *rows; // at most one list, may be NULL
    struct caller caller;
    char csrf[AUTH_CSRF_TEXT];
};

// Begins a page and finds out who is calling. A bad token counts as nobody, and `*out_token_err`
// says why it is bad. Errors: what auth_identify has beside that; the page needs no finish then.
MUST_USE enum err page_init(struct page *page, struct exchange *x, enum err *out_token_err);
// Begins a page about the room in the request's path, for a caller who may read it. False for
// everybody else: the exchange was answered then, and the page needs no finish.
bool page_init_readable(struct page *page, struct exchange *x);
void page_finish(struct page *page);

// The value {{name}}, borrowed until the page is sent. A flag is true when its text is not empty.
void page_set(struct page *page, const char *name, struct span text);
// The same with a copy, which the page frees.
void page_set_copy(struct page *page, const char *name, struct span text);
void page_set_int(struct page *page, const char *name, int64_t number);
void page_set_flag(struct page *page, const char *name, bool flag);

// The two callbacks of html_source over a page; level NULL or any.
struct span page_value(void *page, struct span name, const struct html_level *level);
size_t page_count(void *page, struct span name, const struct html_level *level);

// Appends `file` with the page's values; what fails makes out->status an error.
void page_render(struct page *page, const char *file, struct buf *out);
// The same with a source that falls back on page_value and page_count.
void page_render_source(const struct page *page, const char *file, const struct html_source *source,
                        struct buf *out);
// Renders `file` and answers with it; the exchange is answered in any case.
void page_send(struct page *page, int status, const char *file);
void page_send_source(struct page *page, int status, const char *file,
                      const struct html_source *source);

// Answers with an error: problem+json for programs, else error.html. What had been typed into a
// form (may be empty) is on the page, so that it is not lost.
void page_refuse(struct page *page, int status, enum err err, const char *detail,
                 struct span unsent);
// 401 with the sign-in form, which leads back here.
void page_ask_sign_in(struct page *page, enum err err, struct span unsent);
// The HTTP status that tells of `err`.
int page_status(enum err err);
// What a status means, for people; static storage.
const char *page_status_title(int status);

// Appends `text` as HTML that keeps its lines where there is no style sheet, with its addresses as
// links.
void page_write_lines(struct span text, struct buf *out);
// Of a sender: the number of his colour in base.css, and the first character of his name.
// webui/people.js does the same.
unsigned page_hue(struct span from);
struct span page_initial(struct span name);
// "2026-11-21 09:00 UTC".
enum { PAGE_DATE_TEXT = 24 };
void page_format_date(int64_t date_ms, char out[PAGE_DATE_TEXT]);

#endif
