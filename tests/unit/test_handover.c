// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What a new gateway takes from the one that runs: its sockets, or nothing at all.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "core/thread.h"
#include "gateway/handover.h"
#include "scratch.h"

// A gateway that runs, and what it says to whoever asks.
struct running {
    int listen_fd;
    const char *says;
};

static void *answer_one(void *context)
{
    const struct running *r = context;
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    int fd = accept(r->listen_fd, NULL, NULL), given = open("/dev/null", O_RDONLY | O_CLOEXEC);
    struct iovec part = {(void *)(uintptr_t)r->says, strlen(r->says)};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control.bytes,
                             .msg_controllen = sizeof control.bytes};
    struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    *c = (struct cmsghdr){CMSG_LEN(sizeof given), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(c), &given, sizeof given);
    ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    (void)close(given);
    (void)close(fd);
    return sent > 0 ? context : NULL;
}

static enum err ask(struct scratch *s, const char *says, struct inherited *inherited, int *out_link)
{
    struct running r = {socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), says};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    pthread_t thread;
    void *has_answered = NULL;
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%.90s/link", s->folder);
    (void)unlink(address.sun_path);
    assert_int_equal(bind(r.listen_fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(r.listen_fd, 1), 0);
    assert_int_equal(thread_start(&thread, answer_one, &r), ERR_OK);
    enum err err = handover_ask(address.sun_path, inherited, out_link);
    assert_int_equal(pthread_join(thread, &has_answered), 0);
    assert_non_null(has_answered);
    (void)close(r.listen_fd);
    return err;
}

static void the_sockets_of_one_that_speaks_otherwise_are_not_taken(void **state)
{
    struct inherited inherited = {.fds = {-1}, .count = 1}; // systemd's
    int link = -1;
    assert_int_equal(ask(*state, "roomwire handover 2", &inherited, &link), ERR_VERSION);
    assert_int_equal(inherited.count, 1);
    assert_int_equal(link, -1);
    assert_int_equal(ask(*state, "roomwire handover 1", &inherited, &link), ERR_OK);
    assert_int_equal(inherited.count, 2);
    assert_int_equal(inherit_finish(&inherited), 1);
    handover_give_up(link);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_sockets_of_one_that_speaks_otherwise_are_not_taken,
                                        scratch_setup, scratch_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
