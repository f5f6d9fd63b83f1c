/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * First bytes of a side: what they are taken for is in bounds, and fewer of them may leave it open,
 * but never say something else.
 */
#include "mqtt/wire/preamble.h"
#include "bytes.h"
#include "fuzz.h"

static void check_proxy(const uint8_t *data, size_t size)
{
    struct mqtt_proxy_header whole;
    struct mqtt_proxy_header part;
    const enum mqtt_outcome outcome = mqtt_proxy_header(data, size, &whole);
    if (outcome == MQTT_OK) {
        REQUIRE(whole.version == 1 || whole.version == 2);
        REQUIRE(whole.length >= 15 && whole.length <= 65551);
        REQUIRE(whole.version == 2 || whole.length <= MQTT_PROXY_BYTES);
        REQUIRE(!whole.has_client || whole.family == 4 || whole.family == 6);
    }
    if (size >= MQTT_PROXY_BYTES)
        REQUIRE(outcome != MQTT_NEED_MORE);
    for (size_t less = 0; less < size && less < 2 * MQTT_PROXY_BYTES; less++) {
        uint8_t *copy = bytes_exact(data, less);
        const enum mqtt_outcome early = mqtt_proxy_header(copy, less, &part);
        REQUIRE(early == MQTT_NEED_MORE || early == outcome);
        REQUIRE(early != MQTT_OK ||
                (part.length == whole.length && part.has_client == whole.has_client &&
                 part.port == whole.port));
        free(copy);
    }
}

static void check_foreign(const uint8_t *data, size_t size)
{
    enum mqtt_foreign whole = MQTT_FOREIGN_NONE;
    enum mqtt_foreign part = MQTT_FOREIGN_NONE;
    const enum mqtt_outcome outcome = mqtt_begins_foreign(data, size, &whole);
    REQUIRE(size < MQTT_FOREIGN_BYTES || outcome != MQTT_NEED_MORE);
    REQUIRE(outcome != MQTT_OK || (whole > MQTT_FOREIGN_NONE && whole < MQTT_FOREIGNS));
    for (size_t less = 0; less < size && less < MQTT_FOREIGN_BYTES; less++) {
        const enum mqtt_outcome early = mqtt_begins_foreign(data, less, &part);
        REQUIRE(early == MQTT_NEED_MORE || early == outcome);
        REQUIRE(early != MQTT_OK || part == whole);
    }
}

static void check_first(const uint8_t *data, size_t size)
{
    uint32_t header_length;
    uint32_t length;
    switch (mqtt_fixed_header(data, size, &header_length, &length)) {
    case MQTT_OK: break;
    case MQTT_MALFORMED:
        length = 5;
        size = 5;
        break;
    default: return;
    }
    const size_t captured = size < length ? size : length;
    const bool may = mqtt_may_come_first(data, captured, length);
    REQUIRE(may || mqtt_begins_connect(data, captured) != MQTT_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = bytes_exact(data, size);
    check_proxy(copy, size);
    check_foreign(copy, size);
    check_first(copy, size);
    /* A frame that a client could have sent as SUBSCRIBE is none. */
    if (mqtt_resembles_websocket(copy, size) && copy[1] < 0x80)
        REQUIRE(mqtt_readable_versions(copy, size, size) == 0);
    free(copy);
    return 0;
}
