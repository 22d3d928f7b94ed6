// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Request heads: whatever comes, what is found lies within the bytes, the outcome is one of those
// that were promised, and a head that was taken is taken at no earlier cut.
#include <stdint.h>
#include <stdlib.h>

#include "gateway/accept.h"
#include "gateway/http_head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_HEAD = 4096 };

static void require(bool is_so)
{
    if (!is_so)
        abort();
}

static bool lies_within(struct span part, struct span bytes)
{
    // Spans that were not in the head point to literals: "" and "/".
    return part.len <= 1 || (part.ptr >= bytes.ptr && part.ptr + part.len <= bytes.ptr + bytes.len);
}

static void check_taken(const struct http_head *head, struct span bytes, size_t consumed)
{
    require(consumed <= bytes.len && consumed <= MAX_HEAD);
    require(memcmp(bytes.ptr + consumed - 4, "\r\n\r\n", 4) == 0);
    require(lies_within(head->method, bytes) && head->method.len > 0);
    require(lies_within(head->target, bytes) && head->target.len > 0);
    require(head->target.ptr[0] == '/' || span_is(head->target, "*"));
    require(lies_within(head->path, bytes) && lies_within(head->query, bytes));
    require(head->field_count <= HTTP_FIELDS_MAX);
    require(head->minor_version == 0 || head->host.len > 0);
    require(!(head->is_chunked && head->content_length >= 0));
    for (size_t i = 0; i < head->field_count; i++) {
        struct span name = head->fields[i].name, value = head->fields[i].value;
        require(name.len > 0 && lies_within(name, bytes) && lies_within(value, bytes));
        require(memchr(name.ptr, ' ', name.len) == NULL);
        require(value.len == 0 || (memchr(value.ptr, '\n', value.len) == NULL &&
                                   memchr(value.ptr, '\r', value.len) == NULL &&
                                   memchr(value.ptr, '\0', value.len) == NULL));
    }
}

static void look_up(const struct http_head *head)
{
    struct span value;
    (void)http_head_field(head, "Authorization", &value);
    (void)http_head_lists(head, "Connection", "upgrade");
    (void)http_head_cookie(head, "roomwire", &value);
    int quality = accept_quality(head, "Accept", "text/html");
    require(quality >= -1 && quality <= 1000);
    (void)accept_knows(head, span_of("\"a\""));
}

static enum http_parse parse(struct span bytes, struct http_head *head, size_t *out_consumed)
{
    int status = -1;
    const char *reason = NULL;
    enum http_parse result = http_head_parse(bytes, MAX_HEAD, head, out_consumed, &status, &reason);
    if (result == HTTP_PARSE_BAD)
        require(reason != NULL && (status == 400 || status == 414 || status == 417 ||
                                   status == 431 || status == 501 || status == 505));
    if (result == HTTP_PARSE_MORE)
        require(bytes.len < MAX_HEAD);
    return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_head head, cut_head;
    struct span bytes = span_make(data, size);
    size_t consumed = 0, cut_consumed;
    enum http_parse result = parse(bytes, &head, &consumed);
    if (result == HTTP_PARSE_DONE) {
        check_taken(&head, bytes, consumed);
        look_up(&head);
    }
    // A cut in the middle, chosen by the input itself.
    size_t cut = size > 0 ? data[size / 2] % size : 0;
    enum http_parse cut_result = parse(span_make(data, cut), &cut_head, &cut_consumed);
    if (cut_result != HTTP_PARSE_MORE)
        require(cut_result == result);
    if (cut_result == HTTP_PARSE_DONE)
        require(cut_consumed == consumed);
    return 0;
}
