/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The conversations of a capture, and what the first pass learns of each; records.h keeps it. */
#ifndef MQTTSCOPE_PLUGIN_CONVERSATION_H
#define MQTTSCOPE_PLUGIN_CONVERSATION_H

#include "mqtt/state/connection.h"
#include "mqtt/wire/stream.h"
#include "plugin/records.h"
#include "plugin/tcp_view.h"

/* One direction of a conversation. All of this is the first pass's. */
struct mqttscope_direction {
    address address; /* of the sender */
    uint16_t port;
    bool begun;        /* data was seen */
    bool searching;    /* no packet's start is known: `search` is in use */
    bool searched;     /* that was so at some time: its first bytes are not known */
    bool waiting;      /* the packet at `position` is not complete: more was asked for */
    bool lost;         /* bytes are missing; told with the next packet */
    uint32_t seen;     /* TCP: sequence number behind the last byte that came */
    uint32_t position; /* TCP: of the first byte not dealt with */
    uint32_t known;    /* from there on, so many bytes belong to a packet that has begun; while not
                          waiting, it has been drawn already, as far as it was there */
    int64_t packet_began; /* when the packet's first byte came that is not complete; 0: none is */
    bool outrun; /* TCP: the other side acknowledged bytes up to the next member before they came */
    uint32_t outrun_to;
    struct mqtt_stream search;
    GByteArray *held;                   /* WebSocket: a packet begun in earlier frames; or NULL */
    struct mqttscope_record *fragments; /* WebSocket: their records, newest first */
};

struct mqttscope_conversation {
    struct mqttscope_conversation *next; /* all of the capture */
    struct mqtt_connection *connection;
    const struct tcp_analysis *tcp; /* NULL where the transport is none */
    unsigned tcp_flow;              /* which of its flows side 0 sends */
    uint32_t frame;                 /* the first one of ours */
    const struct mqttscope_client *client;
    bool is_mqtt;        /* a control packet was seen; until then first bytes are judged */
    uint8_t foreign;     /* they are another protocol's: a bit a carrier whose bytes are not ours */
    bool version_untold; /* no preference says what it is read in without a CONNECT */
    bool proxy_looked;   /* a header of the PROXY protocol was there, or will not come */
    struct mqttscope_direction sides[2];
};

/* Sync is lost, the search for a packet's start begins. */
void mqttscope_search_begin(struct mqttscope_direction *direction);

/* What is known of Wireshark's conversation, made if it is new; *side says who sent the frame.
 * NULL without memory. */
struct mqttscope_conversation *mqttscope_conversation_get(packet_info *pinfo, conversation_t *base,
                                                          unsigned *side);

/* What hands bytes of a conversation over, and so what can stand before the first control packet:
 * see mqtt/wire/preamble.h. What is not MQTT in one of them may carry another that is. */
enum mqttscope_carrier {
    CARRIER_TCP,       /* a PROXY header, or another protocol */
    CARRIER_TLS,       /* another protocol */
    CARRIER_WEBSOCKET, /* nothing: it is known to be MQTT */
};

static inline bool mqttscope_is_foreign(const struct mqttscope_conversation *conversation,
                                        enum mqttscope_carrier carrier)
{
    return (conversation->foreign >> carrier & 1) != 0;
}

/* What is known of Wireshark's conversation so far, NULL if it is new. */
struct mqttscope_conversation *mqttscope_conversation_known(conversation_t *base);

/* The last one that was made, and through `next` all of the capture. */
struct mqttscope_conversation *mqttscope_conversations(void);

/* How far the first pass has come; frame 0: nothing was seen yet. */
struct mqttscope_seen {
    uint32_t frame; /* of ours */
    int64_t time;   /* the latest, nanoseconds since 1970-01-01 UTC */
};

struct mqttscope_seen mqttscope_last_seen(void);

/* Decodes a packet, takes it in and fills its record. */
void mqttscope_conversation_packet(struct mqttscope_conversation *conversation,
                                   const struct mqtt_place *place, const struct mqtt_bytes *bytes,
                                   struct mqttscope_record *record);

/* Where the frame stands that `side` sent: nothing is known of positions and acknowledgements. */
struct mqtt_place mqttscope_place(const packet_info *pinfo, unsigned side);

/* The capture lacks bytes of this side, up to this frame. */
void mqttscope_conversation_gap(struct mqttscope_conversation *conversation,
                                const packet_info *pinfo, unsigned side);

/* Frees the state of a capture; Wireshark calls it when the file is closed. */
void mqttscope_conversation_cleanup(void);

#endif
