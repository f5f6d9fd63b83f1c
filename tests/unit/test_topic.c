/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mqtt/wire/topic.h: the examples of section 4.7 and 4.8.2, and the edges beside them. */
#include "suite.h"

#include "mqtt/wire/topic.h"

#include <string.h>

static struct mqtt_slice slice(const char *text)
{
    return (struct mqtt_slice){(const uint8_t *)text, (uint32_t)strlen(text)};
}

static const struct wildcard_row {
    const char *topic;
    size_t offset;
} wildcards[] = {
    {"", 0}, {"a/b", 3}, {"+", 0}, {"#", 0}, {"a/+/b#", 2}, {"a/#", 2}, {"$SYS/b", 6},
};

START_TEST(first_wildcard)
{
    const struct wildcard_row *row = &wildcards[_i];
    ck_assert_uint_eq(mqtt_topic_wildcard(slice(row->topic)), row->offset);
}
END_TEST

static const struct check_row {
    const char *filter;
    bool shared;
    enum mqtt_rule rule;
    size_t offset; /* where a rule is broken */
} checks[] = {
    {"#", false, MQTT_RULE_NONE, 0},
    {"+", false, MQTT_RULE_NONE, 0},
    {"/", false, MQTT_RULE_NONE, 0},
    {"//", false, MQTT_RULE_NONE, 0},
    {"a", false, MQTT_RULE_NONE, 0},
    {"a/#", false, MQTT_RULE_NONE, 0},
    {"/#", false, MQTT_RULE_NONE, 0},
    {"+/+", false, MQTT_RULE_NONE, 0},
    {"/+", false, MQTT_RULE_NONE, 0},
    {"+/", false, MQTT_RULE_NONE, 0},
    {"a/+/b/#", false, MQTT_RULE_NONE, 0},
    {"$SYS/#", false, MQTT_RULE_NONE, 0},
    {"a b/\xc3\xa4", false, MQTT_RULE_NONE, 0},
    {"", false, MQTT_RULE_TOPIC_EMPTY, 0},
    {"", true, MQTT_RULE_TOPIC_EMPTY, 0},
    {"sport/tennis#", false, MQTT_RULE_FILTER_MULTI_LEVEL, 12},
    {"sport/tennis/#/ranking", false, MQTT_RULE_FILTER_MULTI_LEVEL, 13},
    {"##", false, MQTT_RULE_FILTER_MULTI_LEVEL, 0},
    {"#/", false, MQTT_RULE_FILTER_MULTI_LEVEL, 0},
    {"a/#b", false, MQTT_RULE_FILTER_MULTI_LEVEL, 2},
    {"+#", false, MQTT_RULE_FILTER_SINGLE_LEVEL, 0},
    {"/+#", false, MQTT_RULE_FILTER_SINGLE_LEVEL, 1},
    {"sport+", false, MQTT_RULE_FILTER_SINGLE_LEVEL, 5},
    {"+sport", false, MQTT_RULE_FILTER_SINGLE_LEVEL, 0},
    {"a/b+/c", false, MQTT_RULE_FILTER_SINGLE_LEVEL, 3},
    {"a/++/c", false, MQTT_RULE_FILTER_SINGLE_LEVEL, 2},
    {"$share/consumer1/sport/tennis/+", true, MQTT_RULE_NONE, 0},
    {"$share/g/#", true, MQTT_RULE_NONE, 0},
    {"$share/g//", true, MQTT_RULE_NONE, 0},
    {"$share/g/+/a", true, MQTT_RULE_NONE, 0},
    {"$shared/a", true, MQTT_RULE_NONE, 0},
    {"$share", true, MQTT_RULE_NONE, 0},
    {"$SHARE//a", true, MQTT_RULE_NONE, 0},
    {"a/$share//b", true, MQTT_RULE_NONE, 0},
    {"$share//a", true, MQTT_RULE_SHARE_NAME_MISSING, 7},
    {"$share//", true, MQTT_RULE_SHARE_NAME_MISSING, 7},
    {"$share/", true, MQTT_RULE_SHARE_NAME_MISSING, 7},
    {"$share/g", true, MQTT_RULE_SHARE_MALFORMED, 8},
    {"$share/g/", true, MQTT_RULE_SHARE_MALFORMED, 9},
    {"$share/+/a", true, MQTT_RULE_SHARE_MALFORMED, 7},
    {"$share/#", true, MQTT_RULE_SHARE_MALFORMED, 7},
    {"$share/g+/a", true, MQTT_RULE_SHARE_MALFORMED, 8},
    {"$share/g#/a", true, MQTT_RULE_SHARE_MALFORMED, 8},
    {"$share/g/a#", true, MQTT_RULE_FILTER_MULTI_LEVEL, 10},
    {"$share/g/a+/b", true, MQTT_RULE_FILTER_SINGLE_LEVEL, 10},
    /* Before 5.0 this is a filter like any other. */
    {"$share//a", false, MQTT_RULE_NONE, 0},
    {"$share/g", false, MQTT_RULE_NONE, 0},
    {"$share/+/a", false, MQTT_RULE_NONE, 0},
};

START_TEST(filter_form)
{
    const struct check_row *row = &checks[_i];
    size_t length = strlen(row->filter);
    /* A buffer of this very size: reads past its end show under AddressSanitizer. */
    uint8_t *bytes = malloc(length + (length == 0));
    ck_assert_ptr_nonnull(bytes);
    memcpy(bytes, row->filter, length);
    size_t offset = 99;
    enum mqtt_rule rule =
        mqtt_filter_check((struct mqtt_slice){bytes, (uint32_t)length}, row->shared, &offset);
    ck_assert_msg(rule == row->rule, "\"%s\": rule %d, not %d", row->filter, rule, row->rule);
    if (rule != MQTT_RULE_NONE)
        ck_assert_msg(offset == row->offset, "\"%s\": offset %zu", row->filter, offset);
    free(bytes);
}
END_TEST

START_TEST(shared_prefix)
{
    ck_assert(mqtt_filter_is_shared(slice("$share/g/a")));
    ck_assert(mqtt_filter_is_shared(slice("$share/")));
    ck_assert(!mqtt_filter_is_shared(slice("$share")));
    ck_assert(!mqtt_filter_is_shared(slice("$SHARE/g/a")));
    ck_assert(!mqtt_filter_is_shared(slice("/$share/g/a")));
    ck_assert(!mqtt_filter_is_shared(slice("")));
}
END_TEST

static const struct match_row {
    const char *filter;
    const char *name;
    bool matches;
} matches[] = {
    /* 4.7.1.2 */
    {"sport/tennis/player1/#", "sport/tennis/player1", true},
    {"sport/tennis/player1/#", "sport/tennis/player1/ranking", true},
    {"sport/tennis/player1/#", "sport/tennis/player1/score/wimbledon", true},
    {"sport/tennis/player1/#", "sport/tennis/player10", false},
    {"sport/#", "sport", true},
    {"sport/#", "sport/", true},
    {"sport/#", "sports", false},
    {"#", "anything/at/all", true},
    {"#", "/", true},
    /* 4.7.1.3 */
    {"sport/tennis/+", "sport/tennis/player1", true},
    {"sport/tennis/+", "sport/tennis/player1/ranking", false},
    {"sport/+", "sport", false},
    {"sport/+", "sport/", true},
    {"+/+", "/finance", true},
    {"/+", "/finance", true},
    {"+", "/finance", false},
    {"+/tennis/#", "sport/tennis/player1", true},
    {"+/tennis/#", "sport/tennis", true},
    {"+/#", "a", true},
    {"+/#", "a/b/c", true},
    {"sport/+/player1", "sport/tennis/player1", true},
    {"sport/+/player1", "sport//player1", true},
    {"sport/+/player1", "sport/tennis/x/player1", false},
    {"+/+/+", "a/b", false},
    {"a/+/#", "a", false},
    /* 4.7.2 */
    {"#", "$SYS/uptime", false},
    {"+/monitor/Clients", "$SYS/monitor/Clients", false},
    {"$SYS/#", "$SYS/uptime", true},
    {"$SYS/#", "$SYS", true},
    {"$SYS/monitor/+", "$SYS/monitor/Clients", true},
    {"a/+", "a/$b", true},
    {"a/#", "a/$b/c", true},
    /* 4.7.3: case and slashes count, and nothing is normalised */
    {"ACCOUNTS", "Accounts", false},
    {"Accounts payable", "Accounts payable", true},
    {"/finance", "finance", false},
    {"finance/", "finance", false},
    {"a", "a", true},
    {"a", "ab", false},
    {"ab", "a", false},
    {"/", "/", true},
    {"//", "/", false},
    {"a/b", "a", false},
    {"a", "a/b", false},
    {"\xc3\xa4", "a\xcc\x88", false},
    /* Filters that are not well-formed match nothing by their wildcards. */
    {"a/b#", "a/bc", false},
    {"a/#b", "a", false},
    {"a/#/", "a", false},
    {"a/#/c", "a/b/c", false},
    {"", "a", false},
    {"a", "", false},
    {"#", "", false},
};

START_TEST(matching)
{
    const struct match_row *row = &matches[_i];
    ck_assert_msg(mqtt_topic_matches(slice(row->filter), slice(row->name)) == row->matches,
                  "\"%s\" and \"%s\"", row->filter, row->name);
}
END_TEST

/* Matching by the definition: levels against levels, recursively. */
static bool matches_by_definition(const char *filter, const char *name, bool first)
{
    if (first && (filter[0] == '#' || filter[0] == '+') && name[0] == '$')
        return false;
    if (strcmp(filter, "#") == 0)
        return true;
    size_t f = strcspn(filter, "/");
    size_t n = strcspn(name, "/");
    bool any = f == 1 && filter[0] == '+';
    if (!any && (f != n || memcmp(filter, name, n) != 0))
        return false;
    if (filter[f] == '\0' || name[n] == '\0')
        return filter[f] == name[n] || (name[n] == '\0' && strcmp(filter + f, "/#") == 0);
    return matches_by_definition(filter + f + 1, name + n + 1, false);
}

static void spell(unsigned number, const char *letters, unsigned base, unsigned length, char *text)
{
    for (unsigned i = 0; i < length; i++, number /= base)
        text[i] = letters[number % base];
    text[length] = '\0';
}

/* Every filter of up to five characters of "a/+#$" that is well-formed, with every name of up to
 * four of "a/$". */
START_TEST(matching_by_definition)
{
    char filter[8];
    char name[8];
    for (unsigned f_length = 1, f_count = 5; f_length <= 5; f_length++, f_count *= 5) {
        for (unsigned f = 0; f < f_count; f++) {
            size_t offset;
            spell(f, "a/+#$", 5, f_length, filter);
            if (mqtt_filter_check(slice(filter), false, &offset) != MQTT_RULE_NONE)
                continue;
            for (unsigned n_length = 1, n_count = 3; n_length <= 4; n_length++, n_count *= 3) {
                for (unsigned n = 0; n < n_count; n++) {
                    spell(n, "a/$", 3, n_length, name);
                    if (mqtt_topic_matches(slice(filter), slice(name)) !=
                        matches_by_definition(filter, name, true))
                        ck_abort_msg("\"%s\" and \"%s\"", filter, name);
                }
            }
        }
    }
}
END_TEST

SUITE("topic", TABLE(first_wildcard, wildcards), TABLE(filter_form, checks), TEST(shared_prefix),
      TABLE(matching, matches), TEST(matching_by_definition))
