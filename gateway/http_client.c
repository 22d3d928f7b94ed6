// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "http_client.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <sys/epoll.h>

enum { HEAD_MAX = 65536 }; // bytes of an answer's header fields

struct http_client {
    struct loop *loop;
    CURLM *multi;
    struct loop_timer timer; // libcurl's one
    struct http_call *first;
};

struct http_call {
    struct http_client *client;
    struct http_call *next, **link; // in the client's list; link is what points here
    CURL *easy;
    struct curl_slist *headers;
    struct buf body, answer;
    size_t head_len;
    http_answer_fn *on_answer;
    void *context;
};

// A socket of libcurl's that is watched.
struct socket_watch {
    struct loop_watch watch;
    struct http_client *client;
};

// ---- ends ----

static void call_free(struct http_call *call)
{
    *call->link = call->next;
    if (call->next != NULL)
        call->next->link = call->link;
    if (call->easy != NULL) {
        (void)curl_multi_remove_handle(call->client->multi, call->easy); // fine if never added
        curl_easy_cleanup(call->easy);
    }
    curl_slist_free_all(call->headers);
    buf_finish(&call->body);
    buf_finish(&call->answer);
    free(call);
}

void http_client_cancel(struct http_call *call)
{
    if (call != NULL)
        call_free(call);
}

static struct http_answer answer_of(const struct http_call *call, CURLcode code)
{
    long status = 0;
    const char *type = NULL;
    struct http_answer answer = {.err = ERR_OK, .why = ""};
    if (code == CURLE_OK) {
        (void)curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status); // known names
        (void)curl_easy_getinfo(call->easy, CURLINFO_CONTENT_TYPE, &type);
        answer.status = (int)status;
        answer.type = span_of(type);
        answer.body = buf_span(&call->answer);
        return answer;
    }
    bool is_long = call->answer.status == ERR_TOO_LARGE || call->head_len > HEAD_MAX;
    answer.err = is_long ? ERR_TOO_LARGE : ERR_AGAIN;
    if (code == CURLE_OUT_OF_MEMORY || call->answer.status == ERR_MEMORY)
        answer.err = ERR_MEMORY;
    answer.why = is_long ? "the answer is too long" : curl_easy_strerror(code);
    return answer;
}

// Tells of the calls that have ended. A callback may make and cancel others.
static void tell_ended(struct http_client *client)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
        struct http_call *call = NULL;
        if (message->msg != CURLMSG_DONE ||
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call) != CURLE_OK)
            continue;
        struct http_answer answer = answer_of(call, message->data.result);
        call->on_answer(call->context, &answer);
        call_free(call);
    }
}

// ---- libcurl's sockets and timer ----

static void act(struct http_client *client, curl_socket_t fd, int events)
{
    int running;
    // It fails for misuse alone; what becomes of the calls is told by tell_ended.
    (void)curl_multi_socket_action(client->multi, fd, events, &running);
    tell_ended(client);
}

static void on_ready(struct loop_watch *watch, uint32_t events)
{
    struct socket_watch *s = CONTAINER_OF(watch, struct socket_watch, watch);
    int what = (events & (EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0) |
               (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
               (events & EPOLLERR ? CURL_CSELECT_ERR : 0);
    act(s->client, watch->fd, what); // which may free the watch
}

static void on_time(struct loop_timer *timer)
{
    struct http_client *client = CONTAINER_OF(timer, struct http_client, timer);
    act(client, CURL_SOCKET_TIMEOUT, 0);
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *context)
{
    (void)multi;
    struct http_client *client = context;
    if (timeout_ms >= 0)
        return loop_timer_start(client->loop, &client->timer, timeout_ms) == ERR_OK ? 0 : -1;
    loop_timer_stop(client->loop, &client->timer);
    return 0;
}

static enum err watch_socket(struct http_client *client, curl_socket_t fd, uint32_t events)
{
    struct socket_watch *s = calloc(1, sizeof *s);
    if (s == NULL)
        return ERR_MEMORY;
    *s = (struct socket_watch){{fd, events, on_ready}, client};
    enum err err = loop_add(client->loop, &s->watch);
    if (err == ERR_OK && curl_multi_assign(client->multi, fd, s) == CURLM_OK)
        return ERR_OK;
    if (err == ERR_OK)
        loop_remove(client->loop, &s->watch);
    free(s);
    return ERR_MEMORY;
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *context, void *assigned)
{
    (void)easy;
    struct http_client *client = context;
    struct socket_watch *s = assigned;
    if (what == CURL_POLL_REMOVE) {
        if (s != NULL)
            loop_remove(client->loop, &s->watch);
        free(s);
        return 0;
    }
    uint32_t events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
                      (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
    enum err err =
        s != NULL ? loop_change(client->loop, &s->watch, events) : watch_socket(client, fd, events);
    return err == ERR_OK ? 0 : -1;
}

// ---- one request ----

static size_t on_body(char *bytes, size_t one, size_t len, void *context)
{
    (void)one; // always 1
    struct http_call *call = context;
    buf_add(&call->answer, bytes, len);
    return call->answer.status == ERR_OK ? len : 0;
}

static size_t on_head(char *bytes, size_t one, size_t len, void *context)
{
    (void)bytes, (void)one;
    struct http_call *call = context;
    call->head_len += len;
    return call->head_len <= HEAD_MAX ? len : 0;
}

static bool add_headers(struct http_call *call, const char *const *headers)
{
    for (; *headers != NULL; headers++) {
        struct curl_slist *longer = curl_slist_append(call->headers, *headers);
        if (longer == NULL)
            return false;
        call->headers = longer;
    }
    return true;
}

#define SET(option, value) (curl_easy_setopt(call->easy, option, value) == CURLE_OK)

static bool set_limits(struct http_call *call, const struct http_request *request)
{
    return SET(CURLOPT_TIMEOUT_MS, (long)request->timeout_ms) && SET(CURLOPT_NOSIGNAL, 1L) &&
           SET(CURLOPT_FOLLOWLOCATION, 0L) && SET(CURLOPT_PROXY, "") &&
           SET(CURLOPT_PROTOCOLS_STR, "http,https") && SET(CURLOPT_WRITEFUNCTION, on_body) &&
           SET(CURLOPT_WRITEDATA, call) && SET(CURLOPT_HEADERFUNCTION, on_head) &&
           SET(CURLOPT_HEADERDATA, call);
}

static bool set_request(struct http_call *call, const struct http_request *request)
{
    const char *body = call->body.len > 0 ? call->body.ptr : "";
    return add_headers(call, request->headers) && SET(CURLOPT_URL, request->url) &&
           SET(CURLOPT_PRIVATE, call) && SET(CURLOPT_HTTPHEADER, call->headers) &&
           SET(CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1) && SET(CURLOPT_USERAGENT, "roomwire") &&
           SET(CURLOPT_POST, 1L) && SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body.len) &&
           SET(CURLOPT_POSTFIELDS, body);
}

static struct http_call *call_create(struct http_client *client, const struct http_request *request)
{
    struct http_call *call = calloc(1, sizeof *call);
    if (call == NULL)
        return NULL;
    call->client = client;
    call->link = &client->first;
    call->next = client->first;
    if (call->next != NULL)
        call->next->link = &call->next;
    client->first = call;
    buf_init(&call->body, request->body.len);
    buf_init(&call->answer, request->max_answer);
    buf_add_span(&call->body, request->body);
    call->easy = curl_easy_init();
    if (call->body.status == ERR_OK && call->easy != NULL && set_limits(call, request) &&
        set_request(call, request))
        return call;
    call_free(call);
    return NULL;
}

enum err http_client_post(struct http_client *client, const struct http_request *request,
                          http_answer_fn *on_answer, void *context, struct http_call **out_call)
{
    struct http_call *call = call_create(client, request);
    if (call == NULL)
        return ERR_MEMORY;
    call->on_answer = on_answer;
    call->context = context;
    if (curl_multi_add_handle(client->multi, call->easy) != CURLM_OK) {
        call_free(call);
        return ERR_MEMORY;
    }
    *out_call = call;
    return ERR_OK;
}

// ---- the client ----

enum err http_client_create(struct loop *loop, long max_kept, struct http_client **out_client)
{
    struct http_client *client = calloc(1, sizeof *client);
    if (client == NULL)
        return ERR_MEMORY;
    client->loop = loop;
    client->timer.on_time = on_time;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        free(client);
        return ERR_MEMORY;
    }
    CURLM *multi = client->multi = curl_multi_init();
    if (multi == NULL ||
        curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket) != CURLM_OK ||
        curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, client) != CURLM_OK ||
        curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_curl_timer) != CURLM_OK ||
        curl_multi_setopt(multi, CURLMOPT_TIMERDATA, client) != CURLM_OK ||
        curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, max_kept) != CURLM_OK) {
        http_client_destroy(client);
        return ERR_MEMORY;
    }
    *out_client = client;
    return ERR_OK;
}

void http_client_destroy(struct http_client *client)
{
    if (client == NULL)
        return;
    for (struct http_call *call = client->first, *next; call != NULL; call = next) {
        next = call->next;
        call_free(call);
    }
    (void)curl_multi_cleanup(client->multi); // takes the sockets out of the loop; NULL is refused
    loop_timer_stop(client->loop, &client->timer);
    curl_global_cleanup();
    free(client);
}

// ---- URLs ----

static bool add_part(CURLU *parts, CURLUPart part, const char *before, struct buf *out)
{
    char *text = NULL;
    if (curl_url_get(parts, part, &text, 0) != CURLUE_OK)
        return false;
    buf_add_text(out, before);
    buf_add_text(out, text);
    curl_free(text);
    return true;
}

static bool has_http_scheme(const char *url)
{
    struct span text = span_of(url), scheme;
    return span_split(&text, ':', &scheme) && span_starts_with(text, span_of("//")) &&
           (span_equal_nocase(scheme, span_of("http")) ||
            span_equal_nocase(scheme, span_of("https")));
}

bool http_client_is_url(const char *url, struct buf *out_name)
{
    CURLU *parts = curl_url();
    bool is_good = parts != NULL && has_http_scheme(url) &&
                   curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
                   add_part(parts, CURLUPART_SCHEME, "", out_name) &&
                   add_part(parts, CURLUPART_HOST, "://", out_name);
    if (is_good) {
        (void)add_part(parts, CURLUPART_PORT, ":", out_name); // there need not be one
        (void)add_part(parts, CURLUPART_PATH, "", out_name);
    }
    curl_url_cleanup(parts);
    return is_good && out_name->status == ERR_OK;
}
