/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See brokers.h. */
#include "analyzer/brokers.h"

#include <arpa/inet.h>
#include <string.h>

/* An address alone. */
static bool parse_address(const char *text, struct mqtt_endpoint *endpoint)
{
    memset(endpoint->address, 0, sizeof endpoint->address);
    endpoint->family = 4;
    if (inet_pton(AF_INET, text, endpoint->address) == 1)
        return true;
    endpoint->family = 6;
    return inet_pton(AF_INET6, text, endpoint->address) == 1;
}

static bool parse_port(const char *text, uint16_t *port)
{
    char *end;
    guint64 number = g_ascii_isdigit(*text) ? g_ascii_strtoull(text, &end, 10) : 0;
    if (number == 0 || number > UINT16_MAX || *end != '\0')
        return false;
    *port = (uint16_t)number;
    return true;
}

/* "192.0.2.1", "192.0.2.1:1883", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:1883" */
static bool parse_endpoint(const char *text, struct mqtt_endpoint *endpoint)
{
    const bool bracket = *text == '[';
    const char *behind = bracket ? strchr(text, ']') : strchr(text, ':');
    *endpoint = (struct mqtt_endpoint){0};
    if (behind == NULL || (!bracket && strchr(behind + 1, ':') != NULL)) /* no port, or IPv6 */
        return !bracket && parse_address(text, endpoint);
    char *address = g_strndup(text + bracket, (gsize)(behind - text) - bracket);
    bool valid = parse_address(address, endpoint) && (endpoint->family == 6) == bracket;
    g_free(address);
    behind += bracket;
    return valid &&
           (*behind == '\0' || (*behind == ':' && parse_port(behind + 1, &endpoint->port)));
}

/* Whether it was named before, in this option or another. */
static bool is_named(const GArray *endpoints, const struct mqtt_endpoint *endpoint)
{
    for (unsigned i = 0; i < endpoints->len; i++)
        if (mqtt_endpoint_equal(&g_array_index(endpoints, struct mqtt_broker_endpoint, i).endpoint,
                                endpoint))
            return true;
    return false;
}

static uint32_t next_broker(const GArray *endpoints)
{
    if (endpoints->len == 0)
        return 0;
    return g_array_index(endpoints, struct mqtt_broker_endpoint, endpoints->len - 1).broker + 1;
}

char *brokers_parse(GArray *endpoints, const char *text)
{
    const uint32_t broker = next_broker(endpoints);
    char *wrong = NULL;
    char **words = g_strsplit(text, ",", -1);
    if (*words == NULL)
        wrong = g_strdup("--broker takes ADDR[:PORT],..., not ''");
    for (char **word = words; wrong == NULL && *word != NULL; word++) {
        struct mqtt_broker_endpoint row = {.broker = broker};
        if (!parse_endpoint(*word, &row.endpoint))
            wrong = g_strdup_printf("--broker takes ADDR[:PORT],... with IP addresses, not '%s'",
                                    *word);
        else if (is_named(endpoints, &row.endpoint))
            wrong = g_strdup_printf("--broker names %s twice", *word);
        else
            g_array_append_val(endpoints, row);
    }
    g_strfreev(words);
    return wrong;
}
