/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of limits, and addresses: see terms.h. */
#include "audit/terms.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static const struct audit_limit_info limit_infos[AUDIT_LIMITS] = {
#define AUDIT_LIMIT(id, kind, counted, consequence)                                                \
    [AUDIT_LIMIT_##id] = {kind, counted, consequence},
#include "audit/limits.def"
#undef AUDIT_LIMIT
};

const struct audit_limit_info *audit_limit_info(enum audit_limit_kind kind)
{
    return &limit_infos[kind];
}

const char *audit_past_name(unsigned past)
{
    static const char *const names[MQTT_PASTS] = {NULL,    "first",   "taken-over", "offline",
                                                  "ended", "cleared", "expired",    "lost"};
    return past < MQTT_PASTS ? names[past] : NULL;
}

/* Addresses of other networks stand in hexadecimal. */
static void other_text(char text[static AUDIT_ADDRESS_SIZE], const uint8_t address[16])
{
    for (unsigned i = 0; i < 16; i++)
        snprintf(text + 2 * (size_t)i, 3, "%02x", address[i]);
}

void audit_endpoint_text(struct audit_endpoint *text, const struct mqtt_endpoint *endpoint)
{
    memset(text, 0, sizeof *text);
    text->port = endpoint->port;
    if (endpoint->family == 4)
        inet_ntop(AF_INET, endpoint->address, text->address, sizeof text->address);
    else if (endpoint->family == 6)
        inet_ntop(AF_INET6, endpoint->address, text->address, sizeof text->address);
    else
        other_text(text->address, endpoint->address);
}

bool audit_endpoint_equal(const struct audit_endpoint *a, const struct audit_endpoint *b)
{
    return a->port == b->port && strcmp(a->address, b->address) == 0;
}

static const struct {
    const char *name, *help;
} excuses[AUDIT_EXCUSES] = {
#define AUDIT_EXCUSE(id, name, help) {name, help},
#include "audit/excuses.def"
#undef AUDIT_EXCUSE
};

const char *audit_excuse_name(unsigned excuse)
{
    return excuse < AUDIT_EXCUSES ? excuses[excuse].name : NULL;
}

const char *audit_excuse_help(unsigned excuse)
{
    return excuse < AUDIT_EXCUSES ? excuses[excuse].help : NULL;
}

enum audit_excuse audit_excuse_by_name(const char *name)
{
    unsigned excuse = 0;
    while (excuse < AUDIT_EXCUSES && strcmp(excuses[excuse].name, name) != 0)
        excuse++;
    return (enum audit_excuse)excuse;
}
