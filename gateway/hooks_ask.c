// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include <stdio.h>
#include <stdlib.h>

#include "hooks_parts.h"

// What one of the URLs is asked.
struct part {
    struct hook_ask *ask;
    struct hook_url *url;
    struct http_call *call; // NULL before and after
};

// One client that waits. It travels from the worker's loop to the hooks' and back, which frees it.
struct hook_ask {
    struct loop_task task;
    struct hooks *hooks;
    struct loop *home;
    hook_verdict_fn *on_verdict;
    void *context;
    atomic_bool is_forgotten; // set at home

    struct hook_ask *next, **link; // among those that run; `next` also in the line
    char name[HOOKS_NAME_MAX + 1];
    char principal[TOKEN_SUBJECT_MAX + 1];
    struct buf body;
    enum hook_verdict verdict; // the worst so far
    char reason[HOOK_REASON_MAX + 1];
    int open; // parts without an answer
    struct part parts[HOOKS_URLS_MAX];
};

enum { BODY_MAX = 512 * 1024 }; // a client id and a user agent, escaped

static void ask_free(struct hook_ask *ask)
{
    buf_finish(&ask->body);
    free(ask);
}

// ---- home again ----

static void on_home(struct loop_task *task)
{
    struct hook_ask *ask = CONTAINER_OF(task, struct hook_ask, task);
    if (!atomic_load(&ask->is_forgotten))
        ask->on_verdict(ask->context, ask->verdict, span_of(ask->reason));
    ask_free(ask);
}

static void send_home(struct hook_ask *ask)
{
    ask->task.run = on_home;
    loop_post(ask->home, &ask->task);
}

// ---- asking ----

static void run_line(struct hooks *hooks);

static void leave(struct hook_ask *ask)
{
    *ask->link = ask->next;
    if (ask->next != NULL)
        ask->next->link = ask->link;
    ask->hooks->asks_running--;
}

static void note(struct hook_ask *ask, enum hook_outcome outcome, const struct hook_answer *answer)
{
    // Who is refused by one is not let in by another's silence.
    if (outcome == HOOK_REFUSED) {
        ask->verdict = HOOK_REFUSES;
        (void)snprintf(ask->reason, sizeof ask->reason, "%.*s", (int)answer->reason.len,
                       answer->reason.len > 0 ? answer->reason.ptr : "");
    } else if (outcome != HOOK_DELIVERED && ask->verdict == HOOK_ALLOWS) {
        ask->verdict = HOOK_SILENT;
    }
}

// One has refused: the client need not wait for what the others say.
static void cancel_others(struct hook_ask *ask)
{
    for (size_t i = 0; i < ask->hooks->url_count; i++) {
        struct part *part = &ask->parts[i];
        if (part->call == NULL)
            continue;
        http_client_cancel(part->call);
        part->call = NULL;
        ask->open--;
    }
}

static void on_answer(void *context, const struct http_answer *answer)
{
    struct part *part = context;
    struct hook_ask *ask = part->ask;
    struct hooks *hooks = ask->hooks;
    struct hook_answer parsed = {.root = NULL};
    enum hook_outcome outcome = HOOK_FAILED;
    part->call = NULL;
    if (answer->err == ERR_OK)
        outcome =
            hook_answer_judge(answer->status, answer->type, answer->body, true, false, &parsed);
    note(ask, outcome, &parsed);
    if (outcome == HOOK_FAILED || outcome == HOOK_GONE)
        hooks_warn(hooks, LOG_LEVEL_WARNING,
                   "event=webhook_silent url=%s id=%s status=%d why=\"%s\"", part->url->name,
                   ask->name, answer->status, answer->err == ERR_OK ? "no verdict" : answer->why);
    if (outcome == HOOK_DELIVERED || outcome == HOOK_REFUSED) {
        struct hook_subject subject = {.principal = span_of(ask->principal)};
        memcpy(subject.name, ask->name, sizeof subject.name);
        // Not done again if it fails: the client does not wait for it.
        hooks_carry(hooks, part->url, &subject, &parsed, (struct hook_refused){0}, NULL, NULL);
    }
    if (outcome == HOOK_REFUSED)
        cancel_others(ask);
    if (--ask->open > 0)
        return;
    leave(ask);
    send_home(ask);
    run_line(hooks);
}

static void ask_all(struct hook_ask *ask)
{
    struct hooks *hooks = ask->hooks;
    for (size_t i = 0; i < hooks->url_count; i++) {
        struct hook_url *url = &hooks->urls[i];
        struct part *part = &ask->parts[i];
        *part = (struct part){ask, url, NULL};
        if (!url->wants_connects)
            continue;
        if (hooks_send(hooks, url, ask->name, buf_span(&ask->body), on_answer, part, &part->call) ==
            ERR_OK)
            ask->open++;
        else
            note(ask, HOOK_FAILED, NULL);
    }
}

static void begin(struct hook_ask *ask)
{
    struct hooks *hooks = ask->hooks;
    ask->link = &hooks->running_asks;
    ask->next = hooks->running_asks;
    if (ask->next != NULL)
        ask->next->link = &ask->next;
    hooks->running_asks = ask;
    hooks->asks_running++;
    ask_all(ask);
    if (ask->open > 0)
        return;
    leave(ask);
    send_home(ask);
}

// Asks are few at once, as all requests are, and do not wait for the deliveries.
static void run_line(struct hooks *hooks)
{
    while (hooks->first_ask != NULL && !atomic_load(&hooks->is_ending) &&
           hooks->asks_running < hooks_config(hooks)->webhook_concurrency) {
        struct hook_ask *ask = hooks->first_ask;
        hooks->first_ask = ask->next;
        if (hooks->first_ask == NULL)
            hooks->last_ask = &hooks->first_ask;
        if (atomic_load(&ask->is_forgotten))
            send_home(ask);
        else
            begin(ask);
    }
}

static void on_arrival(struct loop_task *task)
{
    struct hook_ask *ask = CONTAINER_OF(task, struct hook_ask, task);
    struct hooks *hooks = ask->hooks;
    ask->next = NULL;
    *hooks->last_ask = ask;
    hooks->last_ask = &ask->next;
    run_line(hooks);
}

void hooks_asks_end(struct hooks *hooks)
{
    while (hooks->running_asks != NULL) {
        struct hook_ask *ask = hooks->running_asks;
        leave(ask);
        send_home(ask);
    }
    while (hooks->first_ask != NULL) {
        struct hook_ask *ask = hooks->first_ask;
        hooks->first_ask = ask->next;
        send_home(ask);
    }
    hooks->last_ask = &hooks->first_ask;
}

// ---- the worker's side ----

int64_t hooks_events_waiting(const struct hooks *hooks)
{
    return hooks != NULL ? atomic_load(&hooks->events) : 0;
}

bool hooks_ask_first(const struct hooks *hooks)
{
    for (size_t i = 0; hooks != NULL && i < hooks->url_count; i++)
        if (hooks->urls[i].wants_connects)
            return true;
    return false;
}

enum err hooks_ask(struct hooks *hooks, struct loop *loop, const struct hook_client *client,
                   hook_verdict_fn *on_verdict, void *context, struct hook_ask **out_ask)
{
    struct hook_ask *ask = calloc(1, sizeof *ask);
    if (ask == NULL)
        return ERR_MEMORY;
    ask->task.run = on_arrival;
    ask->hooks = hooks;
    ask->home = loop;
    ask->on_verdict = on_verdict;
    ask->context = context;
    ask->verdict = HOOK_ALLOWS;
    hooks_name_of_client(client, ask->name);
    (void)snprintf(ask->principal, sizeof ask->principal, "%.*s",
                   (int)client->context.principal.len, client->context.principal.ptr);
    buf_init(&ask->body, BODY_MAX);
    hook_event_write_client(client, &ask->body);
    if (ask->body.status != ERR_OK) {
        ask_free(ask);
        return ERR_MEMORY;
    }
    *out_ask = ask;
    loop_post(hooks->loop, &ask->task);
    return ERR_OK;
}

void hooks_forget(struct hook_ask *ask)
{
    if (ask != NULL)
        atomic_store(&ask->is_forgotten, true);
}
