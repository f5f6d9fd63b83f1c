/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Topic names and topic filters: their form, and which matches which. */
#include "mqtt/wire/topic.h"

#include <string.h>

static const char share_prefix[] = "$share/";
#define SHARE_PREFIX_LENGTH (sizeof(share_prefix) - 1)

static bool is_wildcard(uint8_t byte)
{
    return byte == '+' || byte == '#';
}

size_t mqtt_topic_wildcard(struct mqtt_slice topic)
{
    size_t offset = 0;
    while (offset < topic.length && !is_wildcard(topic.data[offset]))
        offset++;
    return offset;
}

bool mqtt_filter_is_shared(struct mqtt_slice filter)
{
    return filter.length >= SHARE_PREFIX_LENGTH &&
           memcmp(filter.data, share_prefix, SHARE_PREFIX_LENGTH) == 0;
}

/* 4.7.1.2: # is a whole level, and the last one. 4.7.1.3: + is a whole level. */
static enum mqtt_rule check_wildcards(struct mqtt_slice filter, size_t from, size_t *offset)
{
    for (size_t i = from; i < filter.length; i++) {
        if (!is_wildcard(filter.data[i]))
            continue;
        bool begins_level = i == from || filter.data[i - 1] == '/';
        bool is_last = i + 1 == filter.length;
        bool ends_level = is_last || filter.data[i + 1] == '/';
        *offset = i;
        if (filter.data[i] == '#' && !(begins_level && is_last))
            return MQTT_RULE_FILTER_MULTI_LEVEL;
        if (filter.data[i] == '+' && !(begins_level && ends_level))
            return MQTT_RULE_FILTER_SINGLE_LEVEL;
    }
    return MQTT_RULE_NONE;
}

/* 5.0, 4.8.2: $share/NAME/FILTER. Sets *from to where the filter begins. */
static enum mqtt_rule check_share(struct mqtt_slice filter, size_t *from, size_t *offset)
{
    size_t end = SHARE_PREFIX_LENGTH;
    while (end < filter.length && filter.data[end] != '/' && !is_wildcard(filter.data[end]))
        end++;
    *offset = end;
    if (end == filter.length || filter.data[end] == '/') {
        if (end == SHARE_PREFIX_LENGTH)
            return MQTT_RULE_SHARE_NAME_MISSING;
        if (filter.length - end >= 2) {
            *from = end + 1;
            return MQTT_RULE_NONE;
        }
        *offset = filter.length;
    }
    return MQTT_RULE_SHARE_MALFORMED;
}

enum mqtt_rule mqtt_filter_check(struct mqtt_slice filter, bool shared, size_t *offset)
{
    size_t from = 0;
    *offset = 0;
    if (filter.length == 0)
        return MQTT_RULE_TOPIC_EMPTY;
    if (shared && mqtt_filter_is_shared(filter)) {
        enum mqtt_rule rule = check_share(filter, &from, offset);
        if (rule != MQTT_RULE_NONE)
            return rule;
    }
    return check_wildcards(filter, from, offset);
}

/* The level that starts at `from`, which is at most topic.length. */
static struct mqtt_slice level_at(struct mqtt_slice topic, size_t from)
{
    size_t end = from;
    while (end < topic.length && topic.data[end] != '/')
        end++;
    return (struct mqtt_slice){topic.data + from, (uint32_t)(end - from)};
}

static bool level_is(struct mqtt_slice level, uint8_t wildcard)
{
    return level.length == 1 && level.data[0] == wildcard;
}

static bool level_matches(struct mqtt_slice filter, struct mqtt_slice name)
{
    return level_is(filter, '+') ||
           (filter.length == name.length && memcmp(filter.data, name.data, name.length) == 0);
}

bool mqtt_topic_matches(struct mqtt_slice filter, struct mqtt_slice topic_name)
{
    if (filter.length == 0 || topic_name.length == 0)
        return false;
    if (is_wildcard(filter.data[0]) && topic_name.data[0] == '$')
        return false;
    for (size_t f = 0, t = 0;;) {
        struct mqtt_slice filter_level = level_at(filter, f);
        if (level_is(filter_level, '#') && f + 1 == filter.length)
            return true;
        struct mqtt_slice name_level = level_at(topic_name, t);
        if (!level_matches(filter_level, name_level))
            return false;
        f += filter_level.length;
        t += name_level.length;
        bool filter_ends = f == filter.length;
        bool name_ends = t == topic_name.length;
        /* The # of "a/#" stands for the parent level "a" too (4.7.1.2). */
        if (name_ends && !filter_ends)
            return filter.length - f == 2 && filter.data[f + 1] == '#';
        if (filter_ends)
            return name_ends;
        f++;
        t++;
    }
}
