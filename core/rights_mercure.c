// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// Mercure's claims as rights: which of its topic selectors mean what in MQTT (rights.h).
#include "rights_rules.h"

#define DETAIL_TYPE "https://mercure.rocks/authorization-detail"

enum matcher { MATCHER_EXACT, MATCHER_URI_TEMPLATE, MATCHER_URL_PATTERN };

// What a level of a selector is in a topic filter.
enum level { LEVEL_LITERAL, LEVEL_ANY, LEVEL_REST, LEVEL_OTHER };

static bool is_name_start(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

static bool is_variable(struct span name)
{
    if (name.len == 0 || !is_name_start(name.ptr[0]))
        return false;
    for (size_t i = 1; i < name.len; i++)
        if (!is_name_start(name.ptr[i]) && (name.ptr[i] < '0' || name.ptr[i] > '9'))
            return false;
    return true;
}

static bool has_any(struct span text, const char *bytes)
{
    for (size_t i = 0; i < text.len; i++)
        if (strchr(bytes, text.ptr[i]) != NULL)
            return true;
    return false;
}

// RFC 6570: "{name}" never expands to a "/", "{+name}" may.
static enum level template_level(struct span level)
{
    if (!has_any(level, "{}"))
        return LEVEL_LITERAL;
    if (level.len < 3 || level.ptr[0] != '{' || level.ptr[level.len - 1] != '}')
        return LEVEL_OTHER;
    struct span name = span_make(level.ptr + 1, level.len - 2);
    if (is_variable(name))
        return LEVEL_ANY;
    return name.ptr[0] == '+' && is_variable(span_skip(name, 1)) ? LEVEL_REST : LEVEL_OTHER;
}

// WHATWG URL patterns: ":name" is one segment, "*" whatever comes. A colon before no name is one.
static enum level pattern_level(struct span level)
{
    if (span_is(level, "*"))
        return LEVEL_REST;
    if (level.len > 1 && level.ptr[0] == ':' && is_variable(span_skip(level, 1)))
        return LEVEL_ANY;
    if (has_any(level, "{}()*?\\"))
        return LEVEL_OTHER;
    for (size_t i = 0; i + 1 < level.len; i++)
        if (level.ptr[i] == ':' && is_name_start(level.ptr[i + 1]))
            return LEVEL_OTHER;
    return LEVEL_LITERAL;
}

// Writes the filter for `selector` into `out`; false if there is none.
static bool translate(struct span selector, enum matcher matcher, struct buf *out)
{
    struct span rest = selector, level;
    bool is_first = true;
    while (span_split(&rest, '/', &level)) {
        enum level kind = matcher == MATCHER_URI_TEMPLATE  ? template_level(level)
                          : matcher == MATCHER_URL_PATTERN ? pattern_level(level)
                                                           : LEVEL_LITERAL;
        bool is_last = rest.ptr == NULL;
        if (!is_first)
            buf_add_char(out, '/');
        is_first = false;
        if (kind == LEVEL_OTHER || (kind == LEVEL_REST && !is_last) ||
            (kind == LEVEL_LITERAL && topic_has_wildcard(level)))
            return false;
        if (kind == LEVEL_LITERAL)
            buf_add_span(out, level);
        else // "+/#": anything below, but not the level above, which "#" alone would match as well
            buf_add_text(out, kind == LEVEL_ANY ? "+" : "+/#");
    }
    return out->len > 0;
}

static enum err add_selector(struct rights_builder *builder, const char *selector,
                             enum matcher matcher, unsigned actions)
{
    struct rights_rule rule = {
        .allowed = (uint8_t)actions, .qos = RIGHTS_ANY_QOS, .retain = RIGHTS_ANY_RETAIN};
    if (actions == 0)
        return ERR_OK;
    if (strcmp(selector, "*") == 0)
        return rights_add(builder, rule, span_of("#"));
    struct buf filter;
    buf_init(&filter, TOPIC_LENGTH_MAX);
    enum err err = ERR_OK;
    bool is_translated = translate(span_of(selector), matcher, &filter);
    if (filter.status == ERR_MEMORY)
        err = ERR_MEMORY;
    else if (is_translated && filter.status == ERR_OK)
        err = rights_add(builder, rule, buf_span(&filter));
    buf_finish(&filter);
    return err;
}

// ---- "authorization_details" ----

static enum err add_detail_topic(struct rights_builder *builder, const struct json *topic,
                                 unsigned actions)
{
    const char *match = json_text(json_member(topic, "match"));
    const struct json *type = json_member(topic, "match_type");
    const char *name = json_text(type);
    if (match == NULL || (type != NULL && name == NULL))
        return ERR_TOKEN_CLAIM;
    if (name == NULL || strcmp(name, "exact") == 0)
        return add_selector(builder, match, MATCHER_EXACT, actions);
    if (strcmp(name, "urlpattern") == 0)
        return add_selector(builder, match, MATCHER_URL_PATTERN, actions);
    return ERR_OK; // a matcher that is not known grants nothing
}

static enum err read_actions(const struct json *list, unsigned *out_actions)
{
    *out_actions = 0;
    if (!json_is_array(list))
        return ERR_TOKEN_CLAIM;
    for (const struct json *e = json_first(list); e != NULL; e = json_next(e)) {
        const char *name = json_text(e);
        if (name == NULL)
            return ERR_TOKEN_CLAIM;
        if (strcmp(name, "publish") == 0)
            *out_actions |= RIGHTS_BIT_PUBLISH;
        if (strcmp(name, "subscribe") == 0)
            *out_actions |= RIGHTS_BIT_SUBSCRIBE;
    }
    return ERR_OK;
}

static enum err add_detail(struct rights_builder *builder, const struct json *detail)
{
    unsigned actions;
    const struct json *topics = json_member(detail, "topics");
    enum err err = read_actions(json_member(detail, "actions"), &actions);
    if (err == ERR_OK && !json_is_array(topics))
        err = ERR_TOKEN_CLAIM;
    if (err != ERR_OK)
        return err;
    for (const struct json *e = json_first(topics); err == ERR_OK && e != NULL; e = json_next(e))
        err = add_detail_topic(builder, e, actions);
    return err;
}

// RFC 9396 §2: entries of other types are for other services.
static enum err add_details(struct rights_builder *builder, const struct json *list,
                            bool *out_found)
{
    enum err err = ERR_OK;
    if (list != NULL && !json_is_array(list))
        return ERR_TOKEN_CLAIM;
    for (const struct json *e = list ? json_first(list) : NULL; err == ERR_OK && e != NULL;
         e = json_next(e)) {
        const char *type = json_text(json_member(e, "type"));
        if (type == NULL || strcmp(type, DETAIL_TYPE) != 0)
            continue;
        *out_found = true;
        err = add_detail(builder, e);
    }
    return err;
}

// ---- the older "mercure" ----

static enum err add_legacy_list(struct rights_builder *builder, const struct json *list,
                                unsigned actions)
{
    enum err err = ERR_OK;
    if (list != NULL && !json_is_array(list))
        return ERR_TOKEN_CLAIM;
    for (const struct json *e = list ? json_first(list) : NULL; err == ERR_OK && e != NULL;
         e = json_next(e)) {
        if (json_is_object(e)) // the form of a short while before 1.0
            err = add_detail_topic(builder, e, actions);
        else
            err = json_text(e) ? add_selector(builder, json_text(e), MATCHER_URI_TEMPLATE, actions)
                               : ERR_TOKEN_CLAIM;
    }
    return err;
}

enum err rights_add_mercure(struct rights_builder *builder, const struct json *claims,
                            bool *out_found)
{
    const struct json *legacy = json_member(claims, "mercure");
    *out_found = legacy != NULL;
    if (legacy != NULL && !json_is_object(legacy))
        return ERR_TOKEN_CLAIM;
    enum err err = add_details(builder, json_member(claims, "authorization_details"), out_found);
    if (err == ERR_OK)
        err = add_legacy_list(builder, json_member(legacy, "publish"), RIGHTS_BIT_PUBLISH);
    if (err == ERR_OK)
        err = add_legacy_list(builder, json_member(legacy, "subscribe"), RIGHTS_BIT_SUBSCRIBE);
    return err;
}
