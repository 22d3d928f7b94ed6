// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// A message as webui/message.html shows it. webui/message.js does the same.
#ifndef ROOMWIRE_GATEWAY_PAGE_MESSAGE_H
#define ROOMWIRE_GATEWAY_PAGE_MESSAGE_H

#include "core/message.h"
#include "page.h"

// The list that the template is repeated for, and what it asks for, for page_rows_init.
#define PAGE_MESSAGE_SECTION "messages"
extern const char *const page_message_columns[];

// Adds a row with all that can be said of a message by itself; its payload only if it is text and
// `is_shown`. The caller may put "day" (of the month, above the first message of one), "continues"
// (it stands with the one before) and "mine".
void page_message_add(struct page_rows *rows, const struct message *m, bool is_shown);

#endif
