// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "http_head.h"

// ---- characters ----

enum {
    TOKEN = 1,    // tchar, RFC 9110 §5.6.2
    TARGET = 2,   // pchar, "/" and "?" of RFC 3986 §3.3, §3.4; "%" is looked at further
    TEXT = 4,     // field-vchar, SP and HTAB, RFC 9110 §5.5
    HOSTNAME = 8, // letters, digits, "-", "." and "_": what names and addresses are made of
    QUERY = 16    // what browsers leave in a query, too (WHATWG URL, query percent-encode set)
};

// clang-format off
static const unsigned char classes[256] = {
    0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    4, 7, 4, 5, 7, 7, 7, 7, 6, 6, 7, 7, 6, 15, 15, 6, // ..  /
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 6, 6, 4, 6, 4, 6, // 0 .. ?
    6, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, // @ .. O
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 20, 20, 20, 21, 15, // P .. _
    21, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, // ` .. o
    15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 20, 21, 20, 7, 0, // p .. DEL
    4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,
    4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,
    4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,
    4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4,
};
// clang-format on

static bool is_class(char c, unsigned class)
{
    return (classes[(unsigned char)c] & class) != 0;
}

static bool all_class(struct span s, unsigned class)
{
    for (size_t i = 0; i < s.len; i++)
        if (!is_class(s.ptr[i], class))
            return false;
    return true;
}

static bool is_hex(char c)
{
    return span_hex_value(c) >= 0;
}

// ---- what is being parsed ----

struct parser {
    struct span rest; // from the next line on
    struct http_head *head;
    unsigned seen; // bits of the known fields
    int status;
    const char *reason;
};

static enum http_parse bad(struct parser *p, int status, const char *reason)
{
    p->status = status;
    p->reason = reason;
    return HTTP_PARSE_BAD;
}

// Why the byte `c` may not stand in a head.
static enum http_parse bad_byte(struct parser *p, char c)
{
    if (c == '\r')
        return bad(p, 400, "a CR without its LF");
    if (c == '\0')
        return bad(p, 400, "a NUL in the head");
    return bad(p, 400, "a control character in the head");
}

// Takes one line without its CRLF. Nothing but CRLF ends a line (RFC 9112 §2.2 lets a server take a
// bare LF as well; servers that differ there are how requests are smuggled).
static enum http_parse take_line(struct parser *p, struct span *out_line)
{
    const char *lf = p->rest.len ? memchr(p->rest.ptr, '\n', p->rest.len) : NULL;
    size_t len = lf ? (size_t)(lf - p->rest.ptr) : p->rest.len;
    struct span line = span_make(p->rest.ptr, len);
    bool ends_in_cr = len > 0 && line.ptr[len - 1] == '\r';
    if (ends_in_cr)
        line.len--;
    for (size_t i = 0; i < line.len; i++)
        if (!is_class(line.ptr[i], TEXT))
            return bad_byte(p, line.ptr[i]);
    if (lf == NULL)
        return HTTP_PARSE_MORE;
    if (!ends_in_cr)
        return bad(p, 400, "a line that ends without CR");
    p->rest = span_skip(p->rest, len + 1);
    *out_line = line;
    return HTTP_PARSE_DONE;
}

// ---- the request line, RFC 9112 §3 ----

static enum http_parse parse_version(struct parser *p, struct span version)
{
    if (span_is(version, "HTTP/1.1"))
        p->head->minor_version = 1;
    else if (span_is(version, "HTTP/1.0"))
        p->head->minor_version = 0;
    else if (version.len == 8 && span_starts_with(version, span_of("HTTP/")) &&
             version.ptr[5] >= '0' && version.ptr[5] <= '9' && version.ptr[6] == '.' &&
             version.ptr[7] >= '0' && version.ptr[7] <= '9')
        return bad(p, 505, "only HTTP/1.1 and HTTP/1.0 are spoken here");
    else
        return bad(p, 400, "no HTTP version in the request line");
    return HTTP_PARSE_DONE;
}

static enum http_parse parse_method(struct parser *p, struct span method)
{
    static const char *const known[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"};
    if (method.len == 0 || !all_class(method, TOKEN))
        return bad(p, 400, "no method in the request line");
    p->head->method = method;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (span_is(method, known[i]))
            return HTTP_PARSE_DONE;
    return bad(p, 501, "an unknown method");
}

// Each "%" has two hexadecimal digits, and none of them makes a NUL.
static enum http_parse check_escapes(struct parser *p, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '%')
            continue;
        if (text.len - i < 3 || !is_hex(text.ptr[i + 1]) || !is_hex(text.ptr[i + 2]))
            return bad(p, 400, "a \"%\" without two hexadecimal digits");
        if (text.ptr[i + 1] == '0' && text.ptr[i + 2] == '0')
            return bad(p, 400, "an encoded NUL in the target");
        i += 2;
    }
    return HTTP_PARSE_DONE;
}

// Takes scheme and authority off an absolute-form target (RFC 9112 §3.2.2); the authority is
// compared with Host later.
static enum http_parse strip_authority(struct parser *p, struct span *target,
                                       struct span *out_authority)
{
    struct span rest = *target;
    if (rest.len >= 7 && span_equal_nocase(span_make(rest.ptr, 7), span_of("http://")))
        rest = span_skip(rest, 7);
    else if (rest.len >= 8 && span_equal_nocase(span_make(rest.ptr, 8), span_of("https://")))
        rest = span_skip(rest, 8);
    else
        return bad(p, 400, "a target that is neither a path nor an http URL");
    const char *slash = rest.len ? memchr(rest.ptr, '/', rest.len) : NULL;
    size_t len = slash ? (size_t)(slash - rest.ptr) : rest.len;
    if (len == 0)
        return bad(p, 400, "a target without a host");
    *out_authority = span_make(rest.ptr, len);
    *target = slash ? span_skip(rest, len) : span_of("/");
    return HTTP_PARSE_DONE;
}

// A browser escapes less in a query than RFC 3986 asks for, so a link with "?x[]=" would lead
// nobody here.
static bool is_spelled_well(struct span target)
{
    const char *mark = memchr(target.ptr, '?', target.len);
    size_t path_len = mark ? (size_t)(mark - target.ptr) : target.len;
    return all_class(span_make(target.ptr, path_len), TARGET) &&
           all_class(span_skip(target, path_len), TARGET | QUERY);
}

static enum http_parse parse_target(struct parser *p, struct span target,
                                    struct span *out_authority)
{
    *out_authority = span_of("");
    p->head->target = p->head->path = target;
    p->head->query = span_of("");
    if (target.len == 0)
        return bad(p, 400, "no target in the request line");
    if (span_is(target, "*"))
        return span_is(p->head->method, "OPTIONS") ? HTTP_PARSE_DONE
                                                   : bad(p, 400, "\"*\" is for OPTIONS");
    if (!is_spelled_well(target))
        return bad(p, 400, "a character in the target that has to be percent-encoded");
    enum http_parse result = check_escapes(p, target);
    if (result == HTTP_PARSE_DONE && target.ptr[0] != '/')
        result = strip_authority(p, &target, out_authority);
    if (result != HTTP_PARSE_DONE)
        return result;
    p->head->target = p->head->path = target;
    const char *mark = memchr(target.ptr, '?', target.len);
    if (mark != NULL) {
        p->head->path = span_make(target.ptr, (size_t)(mark - target.ptr));
        p->head->query = span_skip(target, p->head->path.len + 1);
    }
    return HTTP_PARSE_DONE;
}

static enum http_parse parse_request_line(struct parser *p, struct span *out_authority)
{
    struct span line, method, target;
    enum http_parse result = take_line(p, &line);
    if (result != HTTP_PARSE_DONE)
        return result;
    if (!span_split(&line, ' ', &method) || !span_split(&line, ' ', &target) || line.ptr == NULL)
        return bad(p, 400, "not a request line");
    // The version before the method: the HTTP/2 preface then gets the answer that tells most.
    result = parse_version(p, line);
    if (result == HTTP_PARSE_DONE)
        result = parse_method(p, method);
    return result == HTTP_PARSE_DONE ? parse_target(p, target, out_authority) : result;
}

// ---- the fields, RFC 9112 §5 ----

enum known { HOST, CONTENT_LENGTH, TRANSFER_ENCODING, EXPECT, KNOWN_WITH_MEANING };

// Fields that hold one value. Two of them leave open which one counts, so they are refused.
static const char *const single_fields[] = {
    [HOST] = "Host",
    [CONTENT_LENGTH] = "Content-Length",
    [TRANSFER_ENCODING] = "Transfer-Encoding",
    [EXPECT] = "Expect",
    "Authorization",
    "Content-Type",
    "Cookie",
    "Idempotency-Key",
    "Last-Event-ID",
    "Origin",
    "Referer",
    "Sec-Fetch-Site",
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Version",
};
enum { SINGLE_COUNT = sizeof single_fields / sizeof single_fields[0] };

// A name or an address with an optional port. Narrower than RFC 3986 §3.2.2, which also has
// percent-encoding and punctuation in names: nobody's host is called so.
static bool is_host(struct span host)
{
    size_t name = 0;
    if (host.len > 0 && host.ptr[0] == '[') {
        const char *close = memchr(host.ptr, ']', host.len);
        name = close ? (size_t)(close - host.ptr) + 1 : 0;
        for (size_t i = 1; i + 1 < name; i++)
            if (!is_hex(host.ptr[i]) && host.ptr[i] != ':' && host.ptr[i] != '.')
                return false;
        if (name < 4) // "[::]"
            return false;
    } else {
        while (name < host.len && is_class(host.ptr[name], HOSTNAME))
            name++;
    }
    struct span port = span_skip(host, name);
    unsigned long long number;
    return name > 0 && (port.len == 0 ||
                        (port.ptr[0] == ':' && span_to_uint(span_skip(port, 1), 65535, &number)));
}

static enum http_parse take_meaning(struct parser *p, enum known which, struct span value)
{
    unsigned long long number;
    switch (which) {
    case HOST:
        if (!is_host(value))
            return bad(p, 400, "a malformed Host");
        p->head->host = value;
        break;
    case CONTENT_LENGTH:
        if (!span_to_uint(value, INT64_MAX, &number))
            return bad(p, 400, "a Content-Length that is not a plain number");
        p->head->content_length = (int64_t)number;
        break;
    case TRANSFER_ENCODING:
        if (!span_equal_nocase(value, span_of("chunked")))
            return bad(p, 501, "a Transfer-Encoding other than chunked");
        p->head->is_chunked = true;
        break;
    case EXPECT:
        if (!span_equal_nocase(value, span_of("100-continue")))
            return bad(p, 417, "an unknown Expect");
        p->head->expects_continue = p->head->minor_version > 0;
        break;
    case KNOWN_WITH_MEANING:
        break;
    }
    return HTTP_PARSE_DONE;
}

static enum http_parse note_single(struct parser *p, const struct http_field *field)
{
    for (unsigned i = 0; i < SINGLE_COUNT; i++) {
        if (!span_equal_nocase(field->name, span_of(single_fields[i])))
            continue;
        if ((p->seen & 1u << i) != 0)
            return bad(p, 400, "a field twice that may come once");
        p->seen |= 1u << i;
        return i < KNOWN_WITH_MEANING ? take_meaning(p, (enum known)i, field->value)
                                      : HTTP_PARSE_DONE;
    }
    return HTTP_PARSE_DONE;
}

static enum http_parse parse_field(struct parser *p, struct span line)
{
    if (line.ptr[0] == ' ' || line.ptr[0] == '\t')
        return bad(p, 400, "a folded line");
    size_t name = 0;
    while (name < line.len && is_class(line.ptr[name], TOKEN))
        name++;
    if (name == line.len || line.ptr[name] != ':')
        return bad(p, 400,
                   name > 0 && name < line.len && line.ptr[name] == ' '
                       ? "a space in or behind a field name"
                       : "a malformed field name");
    if (name == 0)
        return bad(p, 400, "a field without a name");
    if (p->head->field_count == HTTP_FIELDS_MAX)
        return bad(p, 431, "too many fields");
    struct http_field *field = &p->head->fields[p->head->field_count++];
    field->name = span_make(line.ptr, name);
    field->value = span_trim(span_skip(line, name + 1));
    return note_single(p, field);
}

static enum http_parse parse_fields(struct parser *p)
{
    for (;;) {
        struct span line;
        enum http_parse result = take_line(p, &line);
        if (result != HTTP_PARSE_DONE || line.len == 0)
            return result;
        result = parse_field(p, line);
        if (result != HTTP_PARSE_DONE)
            return result;
    }
}

// ---- what the fields mean together ----

static enum http_parse check_together(struct parser *p, struct span authority)
{
    struct http_head *head = p->head;
    if (head->is_chunked && head->content_length >= 0)
        return bad(p, 400, "both Content-Length and Transfer-Encoding");
    if (head->is_chunked && head->minor_version == 0)
        return bad(p, 400, "Transfer-Encoding in HTTP/1.0");
    if (head->minor_version > 0 && (p->seen & 1u << HOST) == 0)
        return bad(p, 400, "no Host");
    if (authority.len > 0 && (p->seen & 1u << HOST) == 0)
        return take_meaning(p, HOST, authority);
    if (authority.len > 0 && !span_equal_nocase(authority, head->host))
        return bad(p, 400, "the target and Host name two servers");
    return HTTP_PARSE_DONE;
}

static void note_connection(struct http_head *head)
{
    bool closes = http_head_lists(head, "Connection", "close");
    head->is_keep_alive =
        !closes && (head->minor_version > 0 || http_head_lists(head, "Connection", "keep-alive"));
    head->is_upgrade = head->minor_version > 0 && http_head_lists(head, "Connection", "upgrade");
}

static enum http_parse parse(struct parser *p)
{
    // One empty line in front is the rest of an old client's last body (RFC 9112 §2.2).
    if (span_starts_with(p->rest, span_of("\r\n")))
        p->rest = span_skip(p->rest, 2);
    struct span authority;
    enum http_parse result = parse_request_line(p, &authority);
    if (result == HTTP_PARSE_DONE)
        result = parse_fields(p);
    if (result == HTTP_PARSE_DONE)
        note_connection(p->head);
    return result == HTTP_PARSE_DONE ? check_together(p, authority) : result;
}

enum http_parse http_head_parse(struct span bytes, size_t max_head, struct http_head *out_head,
                                size_t *out_consumed, int *out_status, const char **out_reason)
{
    struct span within = span_make(bytes.ptr, bytes.len < max_head ? bytes.len : max_head);
    struct parser p = {.rest = within, .head = out_head, .status = 0};
    // The fields are not cleared: two kilobytes for each request, of which few are used.
    out_head->method = out_head->target = out_head->path = out_head->query = span_of("");
    out_head->host = span_of("");
    out_head->field_count = 0;
    out_head->content_length = -1;
    out_head->minor_version = 1;
    out_head->is_chunked = out_head->is_keep_alive = out_head->is_upgrade = false;
    out_head->expects_continue = false;
    enum http_parse result = parse(&p);
    if (result == HTTP_PARSE_MORE && within.len == max_head)
        result = out_head->method.len == 0 ? bad(&p, 414, "the request line is too long")
                                           : bad(&p, 431, "the head is too long");
    if (result == HTTP_PARSE_DONE)
        *out_consumed = within.len - p.rest.len;
    *out_status = p.status;
    *out_reason = p.reason;
    return result;
}

// ---- looking things up ----

bool http_head_field(const struct http_head *head, const char *name, struct span *out_value)
{
    const struct http_field *found = NULL;
    struct span wanted = span_of(name);
    for (size_t i = 0; i < head->field_count; i++) {
        if (!span_equal_nocase(head->fields[i].name, wanted))
            continue;
        if (found != NULL)
            return false;
        found = &head->fields[i];
    }
    if (found != NULL)
        *out_value = found->value;
    return found != NULL;
}

bool http_head_lists(const struct http_head *head, const char *name, const char *token)
{
    struct span wanted = span_of(name);
    for (size_t i = 0; i < head->field_count; i++) {
        if (!span_equal_nocase(head->fields[i].name, wanted))
            continue;
        struct span rest = head->fields[i].value, part;
        while (span_split(&rest, ',', &part))
            if (span_equal_nocase(span_trim(part), span_of(token)))
                return true;
    }
    return false;
}

bool http_head_cookie(const struct http_head *head, const char *name, struct span *out_value)
{
    struct span rest, pair, key, value = {NULL, 0};
    bool is_found = false;
    if (!http_head_field(head, "Cookie", &rest))
        return false;
    while (span_split(&rest, ';', &pair)) {
        pair = span_trim(pair);
        if (!span_split(&pair, '=', &key) || pair.ptr == NULL || !span_is(key, name))
            continue;
        if (is_found)
            return false;
        is_found = true;
        value = pair;
    }
    if (is_found)
        *out_value = value;
    return is_found;
}
