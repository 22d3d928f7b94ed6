// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
//
// What a token grants, compiled once into an ordered list of rules over topic filters (P5).
// Everything that no rule allows is denied.
// Not the token's validity: that is token.h. Nor how the claims are written: rights_dialects.c.
#ifndef ROOMWIRE_CORE_RIGHTS_H
#define ROOMWIRE_CORE_RIGHTS_H

#include "json.h"
#include "topic.h"

enum rights_action { RIGHTS_PUBLISH, RIGHTS_SUBSCRIBE };

struct rights; // immutable once compiled, so threads may share it

// What stands in for the placeholders ${clientid} (%c) and ${username} (%u) of EMQX; may be empty.
// A value that holds "/", "+", "#" or a NUL, or "$" at the start of a topic, could widen a rule: a
// rule that allows is then left out, one that denies denies everything from that level on.
struct rights_client {
    struct span client_id;
    struct span username; // one that the token vouches for, not what the client calls itself
};
extern const struct rights_client rights_nobody; // for tokens that come without a client

#define RIGHTS_EVENTS_FILTER "$aws/events/#"

// RIGHTS_TEXT_MAX: bytes of all filters together.
enum { RIGHTS_RULES_MAX = 256, RIGHTS_TEXT_MAX = 65536 };

// Compiles the claims of a verified token. The dialects, the first one present wins:
//
// - "rooms": object room -> "r", "w", "rw" or ""; exact names go before "*". A room is its messages
//   and everything else below it.
// - EMQX "acl": an array of rules, the first that fits decides; or the object "pub"/"sub"/"all",
//   each an array of filters. A rule may be limited by "qos" and "retain". What other conditions
//   there are
//   ("ipaddr"...) cannot be judged here: a rule with one never allows, but does deny. "eq <filter>"
//   allows to subscribe as <filter> does, and denies this very filter.
// - "publ"/"subs": arrays of filters.
// - Mercure "authorization_details" (type https://mercure.rocks/authorization-detail) and the older
//   "mercure". A topic "*" is every topic but those with a leading "$"; other topics mean the MQTT
//   topic of the same name. Of the templates those have a counterpart in which "{name}" (older) or
//   ":name" ("urlpattern") is a whole level, or "{+name}" or "*" the last; others grant nothing.
//
// None present: `default_rooms`, an object like "rooms" (NULL: nothing is granted).
//
// Behind all that, who may see connections ("connections", below) may subscribe to what is told
// about them: RIGHTS_EVENTS_FILTER.
// Errors: ERR_TOKEN_CLAIM (wrong shape, or over RIGHTS_RULES_MAX or RIGHTS_TEXT_MAX), ERR_MEMORY.
MUST_USE enum err rights_compile(const struct json *claims, const struct topic_rooms *rooms,
                                 const struct json *default_rooms,
                                 const struct rights_client *client, struct rights **out_rights);
void rights_destroy(struct rights *rights); // NULL is fine

// May the holder publish to this topic name with that QoS (0..2), retained or not? Rules of EMQX
// may depend on both.
bool rights_allow_publish(const struct rights *rights, struct span topic, int qos,
                          bool is_retained);
// May the holder subscribe to this filter with that QoS? It must lie wholly within one rule that
// allows; a rule that denies any part of it ahead of that refuses it. "$share/<group>/" is stripped
// first.
bool rights_allow_subscribe(const struct rights *rights, struct span filter, int qos);
// May a message on the topic name `topic` be handed to the holder, with whatever QoS he may use?
bool rights_allow_delivery(const struct rights *rights, struct span topic);

// The same for the kept messages of one room and somebody without a QoS of his own: may he be
// handed them, or publish as the gateway does, with QoS 1 and not retained?
bool rights_allow_room(const struct rights *rights, const struct topic_rooms *rooms,
                       enum rights_action action, struct span room);

// The claims that are rights by themselves. What has another shape than these grants nothing.
struct rights_claims {
    bool may_bill;               // "bill": true, "r" or "rw"
    bool may_act_as;             // "act_as": true
    bool may_see_connections;    // "connections": true, "r" or "rw"
    bool may_change_connections; // "connections": true or "rw"
    bool is_admin;               // "admin": true
};
void rights_read_claims(const struct json *claims, struct rights_claims *out);

#endif
