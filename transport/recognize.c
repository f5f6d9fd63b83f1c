/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Recognition by first bytes: see recognize.h. */
#include "transport/recognize.h"

/* Whether a control packet is there whole: nothing that comes makes it another one. */
static bool is_whole(const uint8_t *bytes, size_t length)
{
    uint32_t header_length;
    uint32_t packet_length;
    return mqtt_fixed_header(bytes, length, &header_length, &packet_length) == MQTT_OK &&
           packet_length <= length;
}

enum recognized recognize(const uint8_t *bytes, size_t length, enum mqtt_foreign *which)
{
    const enum mqtt_outcome connect = mqtt_begins_connect(bytes, length);
    *which = MQTT_FOREIGN_NONE;
    if (connect == MQTT_OK)
        return RECOGNIZED_MQTT;
    switch (mqtt_begins_foreign(bytes, length, which)) {
    case MQTT_OK: break;
    case MQTT_NEED_MORE: return RECOGNIZED_MAYBE;
    default:
        return connect == MQTT_NEED_MORE && !is_whole(bytes, length) ? RECOGNIZED_MAYBE
                                                                     : RECOGNIZED_NOTHING;
    }
    if (*which == MQTT_FOREIGN_TLS)
        return RECOGNIZED_TLS;
    return bytes[0] == 'G' ? RECOGNIZED_GET : RECOGNIZED_FOREIGN;
}
