// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "dues.h"

#include <string.h>

struct row {
    size_t end; // counted from where `written` began
    struct meter_count count;
};

void dues_init(struct dues *dues, size_t max)
{
    buf_init(&dues->rows, max * sizeof(struct row));
    dues->written = 0;
}

void dues_finish(struct dues *dues)
{
    buf_finish(&dues->rows);
    dues->written = 0;
}

enum err dues_status(const struct dues *dues)
{
    return dues->rows.status;
}

void dues_add(struct dues *dues, size_t unwritten, const struct meter_count *count)
{
    const struct row row = {dues->written + unwritten, *count};
    if (count->messages > 0)
        buf_add(&dues->rows, &row, sizeof row);
}

struct meter_count dues_take(struct dues *dues, size_t len)
{
    struct meter_count sum = {0};
    size_t done = 0;
    dues->written += len;
    while (done < dues->rows.len) {
        struct row row;
        memcpy(&row, dues->rows.ptr + done, sizeof row);
        if (row.end > dues->written)
            break;
        sum.messages += row.count.messages;
        sum.blocks += row.count.blocks;
        sum.bytes += row.count.bytes;
        done += sizeof row;
    }
    buf_consume(&dues->rows, done);
    if (dues->rows.len == 0) // an idle owner holds no memory
        dues_finish(dues);
    return sum;
}
