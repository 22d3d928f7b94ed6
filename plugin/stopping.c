// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "stopping.h"

#include <signal.h>

// The one mutable global of the plugin: a signal handler has no argument to find its state by.
static volatile sig_atomic_t is_told;
static volatile sig_atomic_t is_listening;
static struct sigaction of_term, of_int; // the broker's; written before our handler is in place

static void handle(int number)
{
    is_told = 1;
    const struct sigaction *before = number == SIGTERM ? &of_term : &of_int;
    if (before->sa_handler != SIG_IGN && before->sa_handler != SIG_DFL)
        before->sa_handler(number);
}

static void listen_to(int number, struct sigaction *before)
{
    // Only plain handlers can be called from ours; anything else is left alone.
    if (sigaction(number, NULL, before) != 0 || (before->sa_flags & SA_SIGINFO) != 0 ||
        before->sa_handler == SIG_DFL || before->sa_handler == SIG_IGN)
        return;
    struct sigaction ours = *before;
    ours.sa_handler = handle;
    (void)sigaction(number, &ours, NULL); // then a will at shutdown goes out unstamped
}

void stopping_listen(void)
{
    if (is_listening)
        return;
    is_listening = 1;
    is_told = 0;
    listen_to(SIGTERM, &of_term);
    listen_to(SIGINT, &of_int);
}

static void unlisten_to(int number, const struct sigaction *before)
{
    struct sigaction now;
    if (sigaction(number, NULL, &now) == 0 && now.sa_handler == handle)
        (void)sigaction(number, before, NULL); // cannot fail with what it gave itself
}

void stopping_unlisten(void)
{
    if (!is_listening)
        return;
    unlisten_to(SIGTERM, &of_term);
    unlisten_to(SIGINT, &of_int);
    is_listening = 0;
}

bool stopping_is_told(void)
{
    return is_told;
}
