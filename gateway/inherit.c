// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "inherit.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/span.h"

enum { LISTEN_FDS_START = 3 }; // SD_LISTEN_FDS_START

static bool read_number(const char *name, unsigned long long max, unsigned long long *out_number)
{
    const char *text = getenv(name);
    return text != NULL && span_to_uint(span_of(text), max, out_number);
}

void inherit_from_systemd(struct inherited *inherited)
{
    unsigned long long pid = 0, count = 0;
    bool is_ours = read_number("LISTEN_PID", INT32_MAX, &pid) && (pid_t)pid == getpid() &&
                   read_number("LISTEN_FDS", INT32_MAX, &count);
    // Else a child of ours would take them for its own. Cannot fail for these names.
    (void)unsetenv("LISTEN_PID");
    (void)unsetenv("LISTEN_FDS");
    (void)unsetenv("LISTEN_FDNAMES");
    for (int i = 0; is_ours && i < (int)count && inherited->count < INHERIT_MAX; i++) {
        int fd = LISTEN_FDS_START + i;
        int flags = fcntl(fd, F_GETFL);
        if (flags < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ||
            fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
            continue; // there is no such descriptor
        inherited->fds[inherited->count++] = fd;
    }
}

static bool is_same(const struct sockaddr *a, const struct sockaddr *b)
{
    if (a->sa_family != b->sa_family)
        return false;
    if (a->sa_family == AF_INET) {
        const struct sockaddr_in *x = (const void *)a, *y = (const void *)b;
        return x->sin_addr.s_addr == y->sin_addr.s_addr &&
               (y->sin_port == 0 || x->sin_port == y->sin_port);
    }
    const struct sockaddr_in6 *x = (const void *)a, *y = (const void *)b;
    return a->sa_family == AF_INET6 &&
           memcmp(&x->sin6_addr, &y->sin6_addr, sizeof x->sin6_addr) == 0 &&
           (y->sin6_port == 0 || x->sin6_port == y->sin6_port);
}

int inherit_take(struct inherited *inherited, const struct sockaddr *address)
{
    for (int i = 0; i < inherited->count; i++) {
        struct sockaddr_storage bound = {0};
        socklen_t len = sizeof bound;
        int fd = inherited->fds[i];
        if (fd < 0 || getsockname(fd, (struct sockaddr *)&bound, &len) != 0 ||
            !is_same((const struct sockaddr *)&bound, address))
            continue;
        inherited->fds[i] = -1;
        return fd;
    }
    return -1;
}

int inherit_finish(struct inherited *inherited)
{
    int left = 0;
    for (int i = 0; i < inherited->count; i++) {
        if (inherited->fds[i] < 0)
            continue;
        (void)close(inherited->fds[i]); // nothing was written to it
        left++;
    }
    inherited->count = 0;
    return left;
}
