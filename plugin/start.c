// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "start.h"

#include <stdlib.h>

#include "core/clock.h"
#include "core/descriptors.h"
#include "core/record.h"

#define DAY_MS ((int64_t)24 * 3600 * 1000)
enum {
    TALLY_BATCH = 1024,     // counters stored in one transaction
    OFFLINE_MAX = 100000,   // sessions remembered after their connections ended
    WAITING_MAX = 1000000,  // messages remembered that wait for them
    DESCRIPTORS_MAX = 65536 // prepared for; the broker may have more, a little slower
};

static enum err complain(enum err err, struct buf *why, const char *path)
{
    if (err == ERR_IO)
        buf_printf(why, "%s: %m", path);
    else if (err == ERR_AGAIN)
        buf_printf(why, "%s: in use by another broker, or the plugin is loaded twice", path);
    else if (err == ERR_FULL)
        buf_printf(why, "%s: the disk is full", path);
    else if (err != ERR_OK)
        buf_printf(why, "%s: %s", path, err_text(err));
    return err;
}

static enum err open_store(struct plugin *p, const struct log *log, struct buf *why)
{
    enum err err = store_open(p->config.database, STORE_WRITE, log, &p->store);
    return complain(err, why, p->config.database);
}

static enum err open_spool(struct plugin *p, struct buf *why)
{
    char *path = config_companion(&p->config, "-spool");
    if (path == NULL)
        return ERR_MEMORY;
    enum err err = spool_open(path, (size_t)p->config.spool_size, &p->spool);
    (void)complain(err, why, path);
    free(path);
    return err;
}

static enum err open_tally(struct plugin *p, struct buf *why)
{
    char *path = config_companion(&p->config, "-tally");
    if (path == NULL)
        return ERR_MEMORY;
    enum err err = tally_open(path, (size_t)p->config.max_tallies, TALLY_BATCH, &p->tally);
    (void)complain(err, why, path);
    free(path);
    return err;
}

// Begins with what the database has, and not with the ids that may have been given: the ring's are
// lower than those behind a gap.
static enum err create_watermark(struct plugin *p, struct buf *why)
{
    char *path = config_companion(&p->config, "-mark");
    if (path == NULL)
        return ERR_MEMORY;
    enum err err = watermark_create(path, p->resume.stored_id, &p->watermark);
    (void)complain(err, why, path);
    free(path);
    return err;
}

static enum err bring_together(struct plugin *p, struct buf *why)
{
    enum err err = resume_log(p->store, p->spool, &p->resume);
    if (err != ERR_OK)
        return complain(err, why, p->config.database);
    if (p->resume.is_renewed)
        log_line(&p->log, LOG_LEVEL_WARNING,
                 "accepted messages are missing: the log has a new epoch=%s",
                 store_epoch(p->store));
    struct span epoch = span_of(store_epoch(p->store));
    if (epoch.len > MESSAGE_EPOCH_MAX)
        return complain(ERR_CORRUPT, why, p->config.database);
    memcpy(p->epoch, epoch.ptr, epoch.len);
    p->last_id = p->resume.last_id;
    return ERR_OK;
}

// What the callbacks of the store share.
struct loading {
    struct plugin *p;
    enum err err;
};

static bool load_room(void *context, const struct store_room *room)
{
    struct loading *l = context;
    l->err = rooms_restore(l->p->rooms, room->room, room->last_id);
    return l->err == ERR_OK;
}

static bool load_key(void *context, struct span room, struct span from, struct span key, int64_t id,
                     int64_t date_ms)
{
    struct loading *l = context;
    struct keys_name name = {room, from, key};
    struct keys_first first = {.id = id, .prev = -1, .date_ms = date_ms};
    l->err = keys_add(l->p->keys, &name, &first);
    return l->err == ERR_OK;
}

// A message that was accepted before the last end and that the writer has yet to store.
static enum err load_message(struct plugin *p, const struct record_message *record)
{
    const struct message *m = &record->message;
    struct keys_name name = {m->room, m->from, record->key};
    struct keys_first first = {.id = m->id, .prev = m->prev, .date_ms = m->date_ms};
    enum err err = topic_is_room(m->room) ? rooms_restore(p->rooms, m->room, m->id) : ERR_OK;
    if (err == ERR_OK && record->key.len > 0)
        err = keys_add(p->keys, &name, &first);
    if (m->id > p->last_id)
        p->last_id = m->id;
    watermark_accept(p->watermark, m->room, m->id);
    return err;
}

static enum err load_spool(struct plugin *p, struct buf *why)
{
    struct span bytes;
    struct record record;
    uint64_t count = 0;
    uint64_t number = p->resume.replay_after;
    enum err err = ERR_OK;
    while (err == ERR_OK && spool_next(p->spool, number, &bytes, &number)) {
        enum err decoded = record_decode(bytes, &record);
        if (decoded == ERR_OK && record.kind == RECORD_MESSAGE)
            err = load_message(p, &record.message);
        else if (decoded == ERR_VERSION) // the writer would have to drop it
            err = decoded;
        count++;
    }
    if (err == ERR_VERSION)
        buf_add_text(why, "the spool has messages of a newer Roomwire, which has to store them");
    else if (count > 0)
        log_line(&p->log, LOG_LEVEL_WARNING, "storing spool_records=%llu left by the last run",
                 (unsigned long long)count);
    return err;
}

static enum err load_memory(struct plugin *p, struct buf *why)
{
    struct loading l = {.p = p};
    int64_t lifetime_ms = p->config.key_lifetime_s * 1000;
    enum err err = rooms_create((size_t)p->config.max_rooms, &p->rooms);
    if (err == ERR_OK)
        err = keys_create((size_t)p->config.max_keys, lifetime_ms, &p->keys);
    if (err == ERR_OK)
        err = sessions_create(OFFLINE_MAX, &p->sessions);
    if (err == ERR_OK)
        err = store_read_rooms(p->store, load_room, &l);
    if (err == ERR_OK && l.err == ERR_OK)
        err = store_read_keys(p->store, clock_real_ms() - lifetime_ms, load_key, &l);
    if (err == ERR_OK)
        err = l.err;
    return err == ERR_OK ? load_spool(p, why) : err;
}

static enum err start_writer(struct plugin *p, const struct log *log)
{
    struct writer_setup setup = {.store = p->store,
                                 .spool = p->spool,
                                 .tally = p->tally,
                                 .watermark = p->watermark,
                                 .resume = &p->resume,
                                 .log = log,
                                 .sync_ms = p->config.sync_ms,
                                 .is_strict = p->config.durability == CONFIG_DURABILITY_STRICT,
                                 .retention_ms = p->config.retention_days * DAY_MS,
                                 .traffic_ms = p->config.traffic_days * DAY_MS,
                                 .key_lifetime_ms = p->config.key_lifetime_s * 1000,
                                 .origin_lifetime_ms = p->config.webhook_give_up_s * 1000};
    return writer_start(&setup, &p->writer);
}

static enum err read_config(struct plugin *p, struct buf *why)
{
    struct config config;
    enum err err = config_load(p->config_path, &config, why);
    if (err != ERR_OK)
        return err;
    p->config = config;
    p->log.level = config.log_level; // until here everything was logged
    return access_load(p->config_path, p->config.room_topic, &p->access, why);
}

static enum err open_files(struct plugin *p, struct buf *why)
{
    enum err err = open_store(p, &p->log_queue_log, why);
    if (err == ERR_OK)
        err = open_spool(p, why);
    if (err == ERR_OK)
        err = open_tally(p, why);
    if (err == ERR_OK)
        err = bring_together(p, why);
    if (err == ERR_OK)
        err = create_watermark(p, why);
    return err;
}

enum err start(struct plugin *p, struct buf *why)
{
    enum err err = log_queue_create(&p->log_queue);
    if (err == ERR_OK)
        err = read_config(p, why);
    if (err != ERR_OK)
        return err;
    descriptors_reserve(DESCRIPTORS_MAX);
    p->log_queue_log =
        (struct log){.write = log_queue_write, .context = p->log_queue, .level = p->log.level};
    err = open_files(p, why);
    if (err == ERR_OK)
        err = load_memory(p, why);
    if (err == ERR_OK)
        err = topics_init(&p->topics, p->config.room_topic, p->rooms);
    if (err == ERR_OK)
        err = members_create(&p->topics.pattern, (size_t)p->config.max_memberships, &p->members);
    p->waiting.max = WAITING_MAX;
    presence_init(&p->presence, clock_real_ms());
    if (err == ERR_OK)
        err = start_writer(p, &p->log_queue_log);
    return err;
}

void start_undo(struct plugin *p)
{
    if (p->writer != NULL)
        will_flush(p);
    writer_stop(p->writer);
    watermark_close(p->watermark);
    tally_close(p->tally);
    spool_close(p->spool);
    store_close(p->store);
    sessions_destroy(p->sessions);
    members_destroy(p->members);
    presence_finish(&p->presence);
    keys_destroy(p->keys);
    rooms_destroy(p->rooms);
    access_destroy(p->access);
    config_finish(&p->config);
    if (p->log_queue != NULL)
        log_queue_drain(p->log_queue, &p->log);
    log_queue_destroy(p->log_queue);
}
