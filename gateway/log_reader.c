// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "log_reader.h"

#include "gateway.h"

enum { RETRY_MS = 500 };

void log_reader_init(struct log_reader *reader, const struct gateway *gateway,
                     const struct loop *loop, const char *whose)
{
    *reader = (struct log_reader){.gateway = gateway, .loop = loop, .whose = whose};
}

void log_reader_finish(struct log_reader *reader)
{
    store_close(reader->store);
    reader->store = NULL;
}

// Somebody may have put another database in place while the broker was stopped: the file that is
// open would then be read for ever.
static void follow(struct log_reader *reader)
{
    const struct watermark *mark = reader->gateway->mark;
    uint64_t generation = mark != NULL ? watermark_generation(mark) : 0;
    if (reader->store == NULL || generation == reader->generation)
        return;
    reader->generation = generation;
    if (store_refresh(reader->store) != ERR_OK)
        log_reader_finish(reader);
}

struct store *log_reader_get(struct log_reader *reader)
{
    const struct gateway *gateway = reader->gateway;
    follow(reader);
    if (reader->store != NULL || loop_now_ms(reader->loop) < reader->retry_ms)
        return reader->store;
    enum err err = store_open(gateway->config.database, STORE_READ, &gateway->log, &reader->store);
    if (err == ERR_OK) {
        reader->err = ERR_OK;
        return reader->store;
    }
    reader->store = NULL;
    reader->retry_ms = loop_now_ms(reader->loop) + RETRY_MS;
    if (err != reader->err)
        log_line(&gateway->log, LOG_LEVEL_WARNING, "store reader=%s cannot be opened: %s",
                 reader->whose, err_text(err));
    reader->err = err;
    return NULL;
}
