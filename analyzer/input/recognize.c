/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Recognition by first bytes: see recognize.h. */
#include "analyzer/input/recognize.h"

#include <string.h>

#include "mqtt/wire/decode.h"

/* Whether `bytes` begin with `prefix`, as far as they go. */
static enum recognized begins_with(const uint8_t *bytes, size_t length, const char *prefix,
                                   size_t prefix_length, enum recognized what)
{
    size_t common = length < prefix_length ? length : prefix_length;
    if (memcmp(bytes, prefix, common) != 0)
        return RECOGNIZED_NOTHING;
    return common < prefix_length ? RECOGNIZED_MAYBE : what;
}

/* Content type 20 to 23, then version 3.0 to 3.4. */
static enum recognized recognize_tls(const uint8_t *bytes, size_t length)
{
    if (bytes[0] < 0x14 || bytes[0] > 0x17)
        return RECOGNIZED_NOTHING;
    if (length < 3)
        return length < 2 || bytes[1] == 3 ? RECOGNIZED_MAYBE : RECOGNIZED_NOTHING;
    return bytes[1] == 3 && bytes[2] <= 4 ? RECOGNIZED_TLS : RECOGNIZED_NOTHING;
}

static enum recognized recognize_connect(const uint8_t *bytes, size_t length)
{
    switch (mqtt_begins_connect(bytes, length)) {
    case MQTT_OK: return RECOGNIZED_MQTT;
    case MQTT_NEED_MORE: return RECOGNIZED_MAYBE;
    default: return RECOGNIZED_NOTHING;
    }
}

enum recognized recognize(const uint8_t *bytes, size_t length)
{
    enum recognized (*const tests[])(const uint8_t *, size_t) = {recognize_connect, recognize_tls};
    if (length == 0)
        return RECOGNIZED_MAYBE;
    enum recognized best = begins_with(bytes, length, "GET ", 4, RECOGNIZED_HTTP);
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        enum recognized answer = tests[i](bytes, length);
        if (answer > best)
            best = answer;
    }
    return best;
}
