/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The flow hash that tools share: see community_id.h. */
#include "audit/report/community_id.h"

#include <glib.h>
#include <string.h>

#define PROTOCOL_TCP 6

/* The lower address first; of one address, the lower port. */
static bool in_order(const struct mqtt_endpoint *one, const struct mqtt_endpoint *other,
                     size_t length)
{
    const int order = memcmp(one->address, other->address, length);
    return order < 0 || (order == 0 && one->port < other->port);
}

static void hash_port(GChecksum *sum, uint16_t port)
{
    const guchar bytes[2] = {(guchar)(port >> 8), (guchar)port};
    g_checksum_update(sum, bytes, sizeof bytes);
}

bool community_id(char text[static COMMUNITY_ID_SIZE], const struct mqtt_endpoint *one,
                  const struct mqtt_endpoint *other)
{
    static const guchar seed[2] = {0, 0}, protocol[2] = {PROTOCOL_TCP, 0};
    const size_t length = one->family == 4 ? 4 : 16;
    text[0] = '\0';
    if (one->family != other->family || (one->family != 4 && one->family != 6))
        return false;
    if (!in_order(one, other, length)) {
        const struct mqtt_endpoint *lower = other;
        other = one;
        one = lower;
    }
    GChecksum *sum = g_checksum_new(G_CHECKSUM_SHA1);
    g_checksum_update(sum, seed, sizeof seed);
    g_checksum_update(sum, one->address, (gssize)length);
    g_checksum_update(sum, other->address, (gssize)length);
    g_checksum_update(sum, protocol, sizeof protocol);
    hash_port(sum, one->port);
    hash_port(sum, other->port);
    guint8 digest[20];
    gsize size = sizeof digest;
    g_checksum_get_digest(sum, digest, &size);
    g_checksum_free(sum);
    gchar *base64 = g_base64_encode(digest, size);
    g_snprintf(text, COMMUNITY_ID_SIZE, "1:%s", base64);
    g_free(base64);
    return true;
}
