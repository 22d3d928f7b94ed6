// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// The ways in which tokens write rights down (rights.h, rights_compile).
#include "rights_rules.h"

static struct rights_rule allow(unsigned actions)
{
    return (struct rights_rule){
        .allowed = (uint8_t)actions, .qos = RIGHTS_ANY_QOS, .retain = RIGHTS_ANY_RETAIN};
}

// ---- "rooms" ----

static bool read_letters(const char *letters, unsigned *out_actions)
{
    static const struct {
        const char *letters;
        unsigned actions;
    } values[] = {
        {"r", RIGHTS_BIT_SUBSCRIBE}, {"w", RIGHTS_BIT_PUBLISH}, {"rw", RIGHTS_BIT_BOTH}, {"", 0}};
    for (size_t i = 0; letters != NULL && i < 4; i++) {
        if (strcmp(values[i].letters, letters) == 0) {
            *out_actions = values[i].actions;
            return true;
        }
    }
    return false;
}

// Everything below the room; `room` may be "+" for all of them.
static enum err add_room(struct rights_builder *builder, const struct topic_rooms *rooms,
                         struct span room, unsigned actions)
{
    struct buf filter;
    buf_init(&filter, TOPIC_LENGTH_MAX);
    buf_add_span(&filter, rooms->before);
    buf_add_span(&filter, room);
    buf_add_text(&filter, "/#");
    struct rights_rule rule = allow(actions);
    // What an exact name does not allow must not fall through to "*".
    rule.denied = (uint8_t)(RIGHTS_BIT_BOTH & ~actions);
    enum err err = filter.status;
    if (err == ERR_OK)
        err = rights_add(builder, rule, buf_span(&filter));
    buf_finish(&filter);
    return err == ERR_TOO_LARGE ? ERR_TOKEN_CLAIM : err;
}

enum err rights_add_rooms(struct rights_builder *builder, const struct topic_rooms *rooms,
                          const struct json *claim)
{
    unsigned actions, others = 0;
    if (!json_is_object(claim))
        return ERR_TOKEN_CLAIM;
    enum err err = ERR_OK;
    for (const struct json *m = json_first(claim); err == ERR_OK && m != NULL; m = json_next(m)) {
        struct span room = span_of(json_name(m));
        bool is_all = span_is(room, "*");
        if (!read_letters(json_text(m), &actions) || (!is_all && !topic_is_room(room)))
            return ERR_TOKEN_CLAIM;
        if (is_all)
            others = actions;
        else
            err = add_room(builder, rooms, room, actions);
    }
    if (err == ERR_OK && others != 0)
        err = add_room(builder, rooms, span_of("+"), others);
    return err;
}

// ---- EMQX "acl" ----

// What stands for the placeholder that `text` starts with; false if it starts with none.
static bool placeholder(struct span text, const struct rights_client *client, size_t *out_len,
                        struct span *out_value)
{
    const struct {
        const char *name;
        struct span value;
    } all[] = {{"${clientid}", client->client_id},
               {"%c", client->client_id},
               {"${username}", client->username},
               {"%u", client->username}};
    for (size_t i = 0; i < 4; i++) {
        if (span_starts_with(text, span_of(all[i].name))) {
            *out_len = strlen(all[i].name);
            *out_value = all[i].value;
            return true;
        }
    }
    return false;
}

// True if `value` can become part of one level and nothing else; `at` is its place in the topic.
static bool is_harmless(struct span value, size_t at)
{
    return value.len > 0 && memchr(value.ptr, '/', value.len) == NULL &&
           memchr(value.ptr, '\0', value.len) == NULL && !topic_has_wildcard(value) &&
           (at > 0 || value.ptr[0] != '$');
}

// `topic` with the values in the place of the placeholders. At one that would widen the filter it
// stops with `*out_is_cut`, at the start of the level.
static void substitute(struct span topic, const struct rights_client *client, struct buf *out,
                       bool *out_is_cut)
{
    size_t level = 0; // where the last level of `out` starts
    *out_is_cut = false;
    while (topic.len > 0) {
        size_t len = 1;
        struct span value = span_make(topic.ptr, 1);
        if (placeholder(topic, client, &len, &value) && !is_harmless(value, out->len)) {
            out->len = level;
            *out_is_cut = true;
            return;
        }
        buf_add_span(out, value);
        if (topic.ptr[0] == '/')
            level = out->len;
        topic = span_skip(topic, len);
    }
}

static enum err add_substituted(struct rights_builder *builder, struct rights_rule rule,
                                struct span topic)
{
    struct buf filter;
    bool is_cut = false;
    buf_init(&filter, TOPIC_LENGTH_MAX);
    substitute(topic, builder->client, &filter, &is_cut);
    if (is_cut) {
        rule.allowed = 0;
        rule.is_verbatim = false;
        buf_add_char(&filter, '#');
    }
    enum err err = filter.status;
    if (err == ERR_OK && (rule.allowed | rule.denied) != 0)
        err = rights_add(builder, rule, buf_span(&filter));
    buf_finish(&filter);
    return err == ERR_TOO_LARGE ? ERR_TOKEN_CLAIM : err;
}

// "eq t/#" means the filter itself. Who may subscribe to it reads all that it matches, so to allow
// subscribing is the same as without "eq"; nobody can publish to it; and to deny it is to deny that
// one filter.
static enum err add_emqx_topic(struct rights_builder *builder, struct rights_rule rule,
                               const char *text)
{
    struct span topic = span_of(text);
    if (span_starts_with(topic, span_of("eq "))) {
        topic = span_skip(topic, 3);
        if (topic_has_wildcard(topic)) {
            rule.is_verbatim = rule.denied != 0;
            rule.allowed &= RIGHTS_BIT_SUBSCRIBE;
        }
    }
    return topic.len > 0 ? add_substituted(builder, rule, topic) : ERR_TOKEN_CLAIM;
}

static bool read_qos_level(const struct json *value, unsigned *out_bits)
{
    int64_t qos;
    if (!json_get_int(value, &qos) || qos < 0 || qos > 2)
        return false;
    *out_bits |= 1u << qos;
    return true;
}

// One level or an array of them.
static bool read_qos(const struct json *value, uint8_t *out_bits)
{
    unsigned bits = 0;
    if (value == NULL)
        return true;
    if (!json_is_array(value)) {
        if (!read_qos_level(value, &bits))
            return false;
    } else {
        for (const struct json *e = json_first(value); e != NULL; e = json_next(e))
            if (!read_qos_level(e, &bits))
                return false;
    }
    *out_bits = (uint8_t)bits;
    return bits != 0;
}

static bool read_retain(const struct json *value, uint8_t *out_bits)
{
    bool flag;
    int64_t number;
    const char *text = json_text(value);
    if (value == NULL || (text != NULL && strcmp(text, "all") == 0))
        return true;
    if (json_get_int(value, &number) && (number == 0 || number == 1))
        flag = number == 1;
    else if (!json_get_bool(value, &flag))
        return false;
    *out_bits = flag ? 2 : 1;
    return true;
}

static bool read_action(const char *name, unsigned *out_actions)
{
    static const struct {
        const char *name;
        unsigned actions;
    } values[] = {{"publish", RIGHTS_BIT_PUBLISH},
                  {"subscribe", RIGHTS_BIT_SUBSCRIBE},
                  {"all", RIGHTS_BIT_BOTH}};
    for (size_t i = 0; name != NULL && i < 3; i++) {
        if (strcmp(values[i].name, name) == 0) {
            *out_actions = values[i].actions;
            return true;
        }
    }
    return false;
}

static bool has_other_conditions(const struct json *rule)
{
    static const char *const known[] = {"permission", "action", "topic", "topics", "qos", "retain"};
    for (const struct json *m = json_first(rule); m != NULL; m = json_next(m)) {
        bool is_known = false;
        for (size_t i = 0; i < 6; i++)
            is_known = is_known || strcmp(json_name(m), known[i]) == 0;
        if (!is_known)
            return true;
    }
    return false;
}

static enum err add_emqx_rule(struct rights_builder *builder, const struct json *json)
{
    const char *permission = json_text(json_member(json, "permission"));
    const struct json *topic = json_member(json, "topic"), *topics = json_member(json, "topics");
    struct rights_rule rule = allow(0);
    unsigned actions = 0;
    if (permission == NULL || !read_action(json_text(json_member(json, "action")), &actions) ||
        !read_qos(json_member(json, "qos"), &rule.qos) ||
        !read_retain(json_member(json, "retain"), &rule.retain) || (topic && topics))
        return ERR_TOKEN_CLAIM;
    if (strcmp(permission, "deny") == 0)
        rule.denied = (uint8_t)actions;
    else if (strcmp(permission, "allow") != 0)
        return ERR_TOKEN_CLAIM;
    else if (!has_other_conditions(json))
        rule.allowed = (uint8_t)actions;
    if (topics == NULL)
        return json_text(topic) ? add_emqx_topic(builder, rule, json_text(topic)) : ERR_TOKEN_CLAIM;
    enum err err = json_is_array(topics) ? ERR_OK : ERR_TOKEN_CLAIM;
    for (const struct json *e = json_first(topics); err == ERR_OK && e != NULL; e = json_next(e))
        err = json_text(e) ? add_emqx_topic(builder, rule, json_text(e)) : ERR_TOKEN_CLAIM;
    return err;
}

typedef enum err add_topic_fn(struct rights_builder *builder, struct rights_rule rule,
                              const char *topic);

// Adds a rule for each text of the array `list`; NULL is an empty one.
static enum err add_list(struct rights_builder *builder, const struct json *list, unsigned actions,
                         add_topic_fn *add)
{
    if (list != NULL && !json_is_array(list))
        return ERR_TOKEN_CLAIM;
    enum err err = ERR_OK;
    for (const struct json *e = list ? json_first(list) : NULL; err == ERR_OK && e != NULL;
         e = json_next(e))
        err = json_text(e) ? add(builder, allow(actions), json_text(e)) : ERR_TOKEN_CLAIM;
    return err;
}

enum err rights_add_emqx(struct rights_builder *builder, const struct json *claims, bool *out_found)
{
    const struct json *acl = json_member(claims, "acl");
    *out_found = acl != NULL;
    if (acl == NULL)
        return ERR_OK;
    enum err err = ERR_OK;
    if (json_is_array(acl)) {
        for (const struct json *e = json_first(acl); err == ERR_OK && e != NULL; e = json_next(e))
            err = add_emqx_rule(builder, e);
        return err;
    }
    if (!json_is_object(acl))
        return ERR_TOKEN_CLAIM;
    err = add_list(builder, json_member(acl, "pub"), RIGHTS_BIT_PUBLISH, add_emqx_topic);
    if (err == ERR_OK)
        err = add_list(builder, json_member(acl, "sub"), RIGHTS_BIT_SUBSCRIBE, add_emqx_topic);
    if (err == ERR_OK)
        err = add_list(builder, json_member(acl, "all"), RIGHTS_BIT_BOTH, add_emqx_topic);
    return err;
}

// ---- "publ" and "subs" ----

static enum err add_plain(struct rights_builder *builder, struct rights_rule rule,
                          const char *topic)
{
    return rights_add(builder, rule, span_of(topic));
}

enum err rights_add_publ_subs(struct rights_builder *builder, const struct json *claims,
                              bool *out_found)
{
    const struct json *publ = json_member(claims, "publ"), *subs = json_member(claims, "subs");
    *out_found = publ != NULL || subs != NULL;
    enum err err = add_list(builder, publ, RIGHTS_BIT_PUBLISH, add_plain);
    return err == ERR_OK ? add_list(builder, subs, RIGHTS_BIT_SUBSCRIBE, add_plain) : err;
}
