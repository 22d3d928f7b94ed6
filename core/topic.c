// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "topic.h"

// Wildcards count only as whole levels, so levels are what everything here walks over.
static struct span level_at(struct span topic, size_t start)
{
    struct span rest = span_skip(topic, start);
    const char *slash = rest.len ? memchr(rest.ptr, '/', rest.len) : NULL;
    return span_make(rest.ptr, slash ? (size_t)(slash - rest.ptr) : rest.len);
}

static bool is_one(struct span level, char c)
{
    return level.len == 1 && level.ptr[0] == c;
}

static bool has_byte(struct span text, char c)
{
    return text.len > 0 && memchr(text.ptr, c, text.len) != NULL;
}

size_t topic_slashes(struct span topic)
{
    size_t slashes = 0;
    for (size_t i = 0; i < topic.len; i++)
        slashes += topic.ptr[i] == '/';
    return slashes;
}

static bool is_text(struct span topic)
{
    return topic.len >= 1 && topic.len <= TOPIC_LENGTH_MAX && !has_byte(topic, '\0') &&
           topic_slashes(topic) <= TOPIC_SLASHES_MAX && span_is_utf8(topic);
}

bool topic_has_wildcard(struct span topic)
{
    return has_byte(topic, '+') || has_byte(topic, '#');
}

bool topic_is_name(struct span topic)
{
    return is_text(topic) && !topic_has_wildcard(topic);
}

bool topic_has_filter_shape(struct span filter)
{
    for (size_t i = 0; i < filter.len; i++) {
        char c = filter.ptr[i];
        if (c != '+' && c != '#')
            continue;
        bool is_first = i == 0 || filter.ptr[i - 1] == '/';
        bool is_last = i + 1 == filter.len;
        if (!is_first || (!is_last && (c == '#' || filter.ptr[i + 1] != '/')))
            return false;
    }
    return filter.len > 0;
}

bool topic_is_filter(struct span filter)
{
    return is_text(filter) && topic_has_filter_shape(filter);
}

bool topic_strip_share(struct span *filter)
{
    struct span prefix = span_of("$share/");
    if (!span_starts_with(*filter, prefix))
        return true;
    struct span group = level_at(*filter, prefix.len);
    size_t skip = prefix.len + group.len + 1; // the group and the slash behind it
    if (group.len == 0 || topic_has_wildcard(group) || skip >= filter->len)
        return false;
    *filter = span_skip(*filter, skip);
    return true;
}

// MQTT 5 §4.7.2: topics with a leading "$" are out of reach of a leading wildcard.
static bool is_hidden_from(struct span filter, struct span topic)
{
    return topic.len > 0 && topic.ptr[0] == '$' && filter.len > 0 &&
           (filter.ptr[0] == '+' || filter.ptr[0] == '#');
}

// True if what is left of `filter` from `at` on is "#", or "/#" behind its last level, which both
// match the parent level too (§4.7.1.2). The parent of "/#" would be the empty name, which is none.
static bool is_open_end(struct span filter, size_t at)
{
    return at > 0 && at <= filter.len && span_is(span_skip(filter, at), "/#");
}

bool topic_matches(struct span filter, struct span topic)
{
    if (is_hidden_from(filter, topic))
        return false;
    // Invariant: the levels before f and t match, and both stand at the start of a level.
    size_t f = 0, t = 0;
    for (;;) {
        if (f < filter.len && filter.ptr[f] == '#')
            return true;
        if (f < filter.len && filter.ptr[f] == '+') {
            f++;
            while (t < topic.len && topic.ptr[t] != '/')
                t++;
        } else {
            while (f < filter.len && t < topic.len && filter.ptr[f] == topic.ptr[t] &&
                   filter.ptr[f] != '/') {
                f++;
                t++;
            }
        }
        if (t == topic.len)
            return f == filter.len || is_open_end(filter, f);
        if (f == filter.len || filter.ptr[f] != '/' || topic.ptr[t] != '/')
            return false;
        f++;
        t++;
    }
}

// How one level of a filter stands to a level of another.
typedef bool level_fn(struct span a, struct span b);

static bool level_covers(struct span wide, struct span narrow)
{
    return is_one(wide, '+') || span_equal(wide, narrow);
}

static bool level_overlaps(struct span a, struct span b)
{
    return is_one(a, '+') || is_one(b, '+') || span_equal(a, b);
}

// Walks two filters as long as their levels stand to each other as `fits` says. True if both end
// together, or if `a` (or, where `is_symmetric`, `b`) ends in "#" at or one level behind the place
// where the walk ends.
static bool walk(struct span a, struct span b, level_fn *fits, bool is_symmetric)
{
    size_t i = 0, k = 0;
    for (;;) {
        struct span left = level_at(a, i), right = level_at(b, k);
        if (is_one(left, '#') || (is_symmetric && is_one(right, '#')))
            return true;
        // What "#" matches, at any depth, no single level can hold. Only where it has no parent is
        // it the same as "+/#".
        if (is_one(right, '#'))
            return k <= 1 && is_one(left, '+') && is_open_end(a, i + 1);
        if (!fits(left, right))
            return false;
        i += left.len;
        k += right.len;
        if (i == a.len || k == b.len)
            break;
        i++;
        k++;
    }
    if (i == a.len && k == b.len)
        return true;
    return (k == b.len && is_open_end(a, i)) || (is_symmetric && i == a.len && is_open_end(b, k));
}

bool topic_covers(struct span wide, struct span narrow)
{
    return !is_hidden_from(wide, narrow) && walk(wide, narrow, level_covers, false);
}

bool topic_overlaps(struct span a, struct span b)
{
    return !is_hidden_from(a, b) && !is_hidden_from(b, a) && walk(a, b, level_overlaps, true);
}

static bool is_alphanumeric(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool topic_is_room(struct span room)
{
    if (room.len < 1 || room.len > TOPIC_ROOM_MAX || !is_alphanumeric(room.ptr[0]))
        return false;
    for (size_t i = 1; i < room.len; i++) {
        char c = room.ptr[i];
        if (!is_alphanumeric(c) && c != '.' && c != '_' && c != '-')
            return false;
    }
    return true;
}

enum err topic_rooms_init(struct topic_rooms *rooms, struct span pattern)
{
    if (!topic_is_filter(pattern) || has_byte(pattern, '#'))
        return ERR_INVALID;
    const char *plus = memchr(pattern.ptr, '+', pattern.len);
    if (plus == NULL)
        return ERR_INVALID;
    size_t at = (size_t)(plus - pattern.ptr);
    struct span after = span_skip(pattern, at + 1);
    if (has_byte(after, '+'))
        return ERR_INVALID;
    *rooms = (struct topic_rooms){span_make(pattern.ptr, at), after};
    return ERR_OK;
}

enum topic_kind topic_classify(const struct topic_rooms *rooms, struct span topic,
                               struct span *out_room)
{
    *out_room = span_make(NULL, 0);
    if (!span_starts_with(topic, rooms->before))
        return TOPIC_OTHER;
    // A pattern that starts with "+" leaves the broker's own "$" topics alone (§4.7.2).
    if (rooms->before.len == 0 && topic.len > 0 && topic.ptr[0] == '$')
        return TOPIC_OTHER;
    struct span room = level_at(topic, rooms->before.len);
    if (!topic_is_room(room))
        return TOPIC_BAD_ROOM;
    *out_room = room;
    struct span rest = span_skip(topic, rooms->before.len + room.len);
    return span_equal(rest, rooms->after) ? TOPIC_KEPT : TOPIC_LIVE;
}

enum topic_reach topic_reach(const struct topic_rooms *rooms, struct span filter,
                             struct span *out_room)
{
    // The two parts lie around the "+" of one text.
    struct span pattern = span_make(rooms->before.ptr, rooms->before.len + 1 + rooms->after.len);
    *out_room = span_make(NULL, 0);
    if (!topic_strip_share(&filter) || !topic_has_filter_shape(filter) ||
        !topic_overlaps(filter, pattern))
        return TOPIC_REACHES_NONE;
    // They overlap, so level stands under level, up to a "#".
    size_t at = 0;
    for (struct span rest = rooms->before, level; rest.len > 0; at += level.len + 1) {
        level = level_at(filter, at);
        if (is_one(level, '#'))
            return TOPIC_REACHES_ALL;
        rest = span_skip(rest, level_at(rest, 0).len + 1);
    }
    struct span room = level_at(filter, at);
    if (is_one(room, '+') || is_one(room, '#'))
        return TOPIC_REACHES_ALL;
    if (!topic_is_room(room))
        return TOPIC_REACHES_NONE;
    *out_room = room;
    return TOPIC_REACHES_ONE;
}

void topic_write_room(const struct topic_rooms *rooms, struct span room, struct buf *out)
{
    buf_add_span(out, rooms->before);
    buf_add_span(out, room);
    buf_add_span(out, rooms->after);
}
