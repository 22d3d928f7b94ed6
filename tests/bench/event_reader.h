// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// One reader of an event stream (WHATWG EventSource), as far as a load generator needs it: it knows
// its messages by the mark in each, whatever a server puts around it.
#ifndef ROOMWIRE_BENCH_EVENT_READER_H
#define ROOMWIRE_BENCH_EVENT_READER_H

#include "link.h"

// "@@<sequence><due, ns><room><1 if it counts>@", digits of fixed width.
struct event_mark {
    uint64_t due_ns;
    uint32_t sequence, room;
    bool is_measured;
};
enum { EVENT_MARK_LEN = 2 + 10 + 20 + 6 + 1 + 1 };
void event_mark_write(const struct event_mark *mark, char *out); // with a NUL behind it

enum event_reader_state { EVENT_READER_ASKING, EVENT_READER_OPEN, EVENT_READER_LOST };

struct event_reader {
    int fd;
    enum event_reader_state state;
    uint32_t room, last; // sequence seen last
    size_t kept_len;
    char kept[EVENT_MARK_LEN]; // the end of what was read, where a mark may have begun
};

// Connects (waiting for it) and asks for `path`, in which "*" stands for the room's number.
bool event_reader_open(struct event_reader *r, const struct link_target *target, uint32_t room,
                       const char *token, int epoll);
void event_reader_close(struct event_reader *r);
// Reads once what there is; `each` is called for every message.
typedef void event_reader_fn(void *context, struct event_reader *r, const struct event_mark *mark);
void event_reader_turn(struct event_reader *r, event_reader_fn *each, void *context);

#endif
