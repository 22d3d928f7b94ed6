// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// A list that items are in by a node of their own (container.h finds the item by it): nothing is
// allocated, and each can be taken out wherever it stands. Items stay their owner's.
#ifndef ROOMWIRE_CORE_LIST_H
#define ROOMWIRE_CORE_LIST_H

#include <stddef.h>

struct list_node {
    struct list_node *before, *behind; // NULL at the ends
};

// All zero: empty.
struct list {
    struct list_node *first, *last;
};

// Adds a node that is in no list, behind all others.
static inline void list_append(struct list *list, struct list_node *node)
{
    *node = (struct list_node){.before = list->last};
    if (list->last != NULL)
        list->last->behind = node;
    else
        list->first = node;
    list->last = node;
}

// Takes out a node that is in this list.
static inline void list_remove(struct list *list, struct list_node *node)
{
    if (node->before != NULL)
        node->before->behind = node->behind;
    else
        list->first = node->behind;
    if (node->behind != NULL)
        node->behind->before = node->before;
    else
        list->last = node->before;
}

// Takes out the first one; NULL if there is none.
static inline struct list_node *list_take_first(struct list *list)
{
    struct list_node *node = list->first;
    if (node == NULL)
        return NULL;
    list->first = node->behind;
    if (list->first != NULL)
        list->first->before = NULL;
    else
        list->last = NULL;
    return node;
}

#endif
