// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "stamp.h"

#include <mqtt_protocol.h>

static bool add(mosquitto_property **list, const char *name, const char *value)
{
    return mosquitto_property_add_string_pair(list, MQTT_PROP_USER_PROPERTY, name, value) ==
           MOSQ_ERR_SUCCESS;
}

// Decimal digits of a number that is not negative, in `text`; returns where they begin.
static const char *decimal(int64_t number, char text[MESSAGE_ID_TEXT])
{
    char *at = text + MESSAGE_ID_TEXT - 1;
    *at = '\0';
    do
        *--at = (char)('0' + number % 10);
    while ((number /= 10) > 0);
    return at;
}

static bool add_number(mosquitto_property **list, const char *name, int64_t number)
{
    char text[MESSAGE_ID_TEXT];
    return add(list, name, decimal(number, text));
}

static bool add_span(mosquitto_property **list, const char *name, struct span value)
{
    char text[TOKEN_SUBJECT_MAX + 1]; // as long as TOKEN_NAME_MAX
    if (value.len >= sizeof text)
        return false;
    memcpy(text, value.ptr, value.len);
    text[value.len] = '\0';
    return add(list, name, text);
}

enum err stamp_append(const struct plugin *p, const struct keys_first *first, struct span from,
                      struct span name, mosquitto_property **list)
{
    bool is_added = add_number(list, MESSAGE_PROPERTY_ID, first->id) &&
                    add_number(list, MESSAGE_PROPERTY_PREV, first->prev) &&
                    add(list, MESSAGE_PROPERTY_EPOCH, p->epoch) &&
                    add_number(list, MESSAGE_PROPERTY_DATE, first->date_ms) &&
                    add_span(list, MESSAGE_PROPERTY_FROM, from) &&
                    (name.len == 0 || add_span(list, MESSAGE_PROPERTY_NAME, name));
    return is_added ? ERR_OK : ERR_MEMORY;
}
