// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "thread.h"

#include <signal.h>

enum err thread_start(pthread_t *out_thread, void *(*run)(void *), void *context)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before); // cannot fail with these arguments
    int code = pthread_create(out_thread, NULL, run, context);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code == 0 ? ERR_OK : ERR_MEMORY;
}
