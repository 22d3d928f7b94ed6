// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The gateway's hold on the writer's mark (watermark.h): opened when the broker is first reached,
// and again when its file is another one, which readers of the old one would never notice.
#ifndef ROOMWIRE_GATEWAY_MARK_H
#define ROOMWIRE_GATEWAY_MARK_H

#include <sys/types.h>

#include "gateway.h"

struct mark_retired;

// Zeroed before its first use.
struct mark {
    dev_t device;
    ino_t inode;
    struct mark_retired *retired; // workers may still look at these
};

// Sees to gateway->mark. To be called by one thread alone, when the writer is known to run.
void mark_follow(struct mark *mark, struct gateway *gateway);
// Closes what is retired; no worker runs any more.
void mark_finish(struct mark *mark);

#endif
