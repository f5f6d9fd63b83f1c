/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MQTT over WebSocket (MQTT 5.0, section 6; RFC 6455), out of the two directions of a TCP flow: the
 * HTTP upgrade, and then the bytes inside the frames, unmasked, as they come. A control packet may
 * begin and end anywhere in a frame and cover many, so what comes out is again a stream of bytes.
 *
 * A client that forgets to name a subprotocol is no less a client of MQTT for it, so every
 * WebSocket is followed; websocket_says_mqtt() tells whether that is all that speaks for it.
 *
 * What a direction looks like when it is no longer a stream of frames (a hole over a frame's end, a
 * header cut by the snap length, nonsense) is looked for at the start of later segments.
 */
#ifndef MQTTSCOPE_TRANSPORT_WEBSOCKET_H
#define MQTTSCOPE_TRANSPORT_WEBSOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "tcp/slice.h"

enum websocket_event {
    WEBSOCKET_REQUEST,  /* the client asked for an upgrade; value: 1 with a subprotocol of MQTT, 2
                         * without one, 0 where the capture cuts the request before it could tell */
    WEBSOCKET_ACCEPTED, /* the server switched (101); value: 1 to a subprotocol of MQTT, 2 to none,
                         * 3 to another one, 0 where the capture cuts the answer before it could
                         * tell */
    WEBSOCKET_REFUSED,  /* the server did not; value: the status code. Another request may follow */
    WEBSOCKET_NOT_MQTT, /* it is plain HTTP; nothing more comes */
    WEBSOCKET_PING,     /* value: bytes of payload, here and with PONG */
    WEBSOCKET_PONG,
    WEBSOCKET_CLOSE, /* value: the status code, 1005 where there is none, 0 where it was not
                        captured */
    WEBSOCKET_TEXT,  /* a text message, which [MQTT-6.0.0-1] forbids; its payload is passed on all
                        the same */
    WEBSOCKET_COMPRESSED, /* a compressed message (RFC 7692) is left out; value: bytes of its
                             payload in this frame */
    WEBSOCKET_MASKING,    /* a client's frame without a mask, or a server's with one (RFC 6455,
                             section 5.1) */
    WEBSOCKET_MALFORMED,  /* reserved bits or opcodes, a long or fragmented control frame, a message
                             inside another */
    WEBSOCKET_LOST,       /* the limits of frames are not known any more; value: 0 */
    WEBSOCKET_FOUND, /* they are again; value: bytes of TCP payload that were left out meanwhile */
};

/* What comes out. `side` is that of the TCP flow. No callback may be NULL. */
struct websocket_sink {
    void *context;
    /* The next bytes of MQTT; captured < reported where the snap length cut them. They live until
     * the callback returns. */
    void (*data)(void *context, unsigned side, struct slice bytes);
    /* The next `count` bytes of MQTT are not in the capture. */
    void (*gap)(void *context, unsigned side, uint64_t count);
    /* An unknown number of bytes of MQTT is missing here. */
    void (*lost)(void *context, unsigned side);
    void (*event)(void *context, unsigned side, enum websocket_event event, uint64_t value);
};

struct mqtt_memory;
struct websocket;

/* What the upgrade said, for as far as events have told of it. */
struct websocket_upgrade {
    bool offers_mqtt;
    bool offers_mqttv31;
    bool selects_mqtt;
    bool selects_mqttv31;
};

/* Whether a flow whose first payload starts like this may be one for this module: it is, as far as
 * it goes, the "GET " of an HTTP request. No MQTT control packet starts so. */
bool websocket_may_start(struct slice first);

/* Returns NULL without memory. `client` is the side that sent the request. It takes its memory, and
 * for as long as the upgrade lasts up to 16 KiB a side, from `memory`, which outlives it; NULL is
 * the machine's. */
struct websocket *websocket_new(unsigned client, struct mqtt_memory *memory);

/* What is known of the upgrade. */
struct websocket_upgrade websocket_upgrade(const struct websocket *websocket);

/* Whether a subprotocol says that it is MQTT: one that was selected, or offered where the answer is
 * not known or names none. Else what the frames carry has to show it by itself. */
bool websocket_says_mqtt(const struct websocket *websocket);

/* Takes the next bytes of a side. Returns false when it has turned out not to be a WebSocket, or
 * there was no memory to find that out: nothing comes from it any more. */
bool websocket_push(struct websocket *websocket, unsigned side, struct slice bytes,
                    const struct websocket_sink *sink);

/* The next `count` bytes of a side are not in the capture. */
void websocket_gap(struct websocket *websocket, unsigned side, uint64_t count,
                   const struct websocket_sink *sink);

/* NULL is allowed. */
void websocket_free(struct websocket *websocket);

#endif
