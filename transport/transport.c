/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which TCP streams carry MQTT, and what is in them: see transport.h. */
#include "transport/transport.h"

#include "mqtt/state/session.h"
#include "transport/channel.h"
#include "transport/websocket.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

#define PORT_MQTT 1883

/* What traffic can make grow: bytes. */
#define MEMORY_LIMIT (UINT64_C(1) << 30)

/* Sessions that are followed from one connection to the next. */
#define MAX_SESSIONS 262144

/* Bytes in mid-connection without one control packet, after which nobody expects any. */
#define SEARCH_ENOUGH UINT64_C(1048576)

struct transport {
    struct tcp *tcp;
    struct feed feed;
    const struct transport_tls *tls; /* NULL: nobody decrypts it here */
    bool opens_tls;
    bool expected;            /* MQTT, on the connection of the segment that is being taken */
    uint8_t ports[65536 / 8]; /* a bit a port */
};

static bool port_expected(const struct transport *transport, uint16_t port)
{
    return transport->ports[port / 8] >> port % 8 & 1;
}

static void expect_port(struct transport *transport, uint16_t port)
{
    transport->ports[port / 8] |= (uint8_t)(1u << port % 8);
}

/* Who is the client? Who asked for the WebSocket; who opened the connection; else who does not own
 * the port of MQTT; else who spoke first. */
static uint8_t guess_client(const struct transport *transport, const struct channel *channel)
{
    const struct tcp_flow *flow = channel->flow;
    if (channel->websocket != NULL)
        return channel->probe_side;
    if (flow->initiator != TCP_SIDE_UNKNOWN)
        return (uint8_t)flow->initiator;
    bool own[2] = {port_expected(transport, flow->side[0].port),
                   port_expected(transport, flow->side[1].port)};
    if (own[0] != own[1])
        return own[0] ? 1 : 0;
    return channel->probe_side;
}

static bool open_connection(struct transport *transport, struct channel *channel, bool certain,
                            const struct tcp_moment *now)
{
    return channel_open(&transport->feed, channel, guess_client(transport, channel), certain, now);
}

/* ---- What is not MQTT ---- */

static void close_layers(const struct transport *transport, struct channel *channel)
{
    websocket_free(channel->websocket);
    if (channel->tls != NULL)
        transport->tls->close(channel->tls);
}

/* Nothing of this flow is wanted any more. A channel whose connection was told of keeps it until
 * the flow is closed; another one is freed. Returns, like all that may call it, whether the channel
 * is still there. */
static bool ignore(struct transport *transport, struct channel *channel)
{
    tcp_ignore(transport->tcp, channel->flow);
    if (channel->audit != NULL)
        return true;
    channel_abandon(channel);
    channel->flow->user = NULL;
    close_layers(transport, channel);
    mqtt_memory_free(&transport->feed.memory, channel, sizeof *channel);
    return false;
}

/* Keeps what a side says first, for as long as nobody knows what it is. */
static void note_first(struct channel *channel, unsigned side, struct slice bytes)
{
    uint8_t *length = &channel->first_length[side];
    const size_t more = MIN(bytes.captured, sizeof channel->first[side] - *length);
    memcpy(channel->first[side] + *length, bytes.data, more);
    *length = (uint8_t)(*length + more);
}

/* What either side's first bytes are known as. */
static enum mqtt_foreign name_of(const struct channel *channel)
{
    for (unsigned i = 0; i < 2; i++) {
        const unsigned side = i == 0 ? channel->probe_side : 1u - channel->probe_side;
        enum mqtt_foreign which;
        if (mqtt_begins_foreign(channel->first[side], channel->first_length[side], &which) ==
            MQTT_OK)
            return which;
    }
    return MQTT_FOREIGN_NONE;
}

/* Whatever it is, it is said once. TLS can be MQTT on any port, anything else can't. */
static bool not_mqtt(struct transport *transport, struct channel *channel, enum mqtt_foreign which)
{
    static const enum audit_limit_kind limits[MQTT_FOREIGNS] = {
        [MQTT_FOREIGN_NONE] = AUDIT_LIMIT_NOT_MQTT,
        [MQTT_FOREIGN_TLS] = AUDIT_LIMIT_TLS,
        [MQTT_FOREIGN_HTTP] = AUDIT_LIMIT_NOT_MQTT_HTTP,
        [MQTT_FOREIGN_SSH] = AUDIT_LIMIT_NOT_MQTT_SSH,
        [MQTT_FOREIGN_AMQP] = AUDIT_LIMIT_NOT_MQTT_AMQP,
        [MQTT_FOREIGN_REDIS] = AUDIT_LIMIT_NOT_MQTT_REDIS,
        [MQTT_FOREIGN_NATS] = AUDIT_LIMIT_NOT_MQTT_NATS,
        [MQTT_FOREIGN_STOMP] = AUDIT_LIMIT_NOT_MQTT_STOMP,
        [MQTT_FOREIGN_MAIL] = AUDIT_LIMIT_NOT_MQTT_MAIL,
        [MQTT_FOREIGN_WEBSOCKET] = AUDIT_LIMIT_WEBSOCKET_MIDDLE,
    };
    if (channel->expected || which == MQTT_FOREIGN_TLS)
        audit_limit_connection(transport->feed.audit, limits[which], channel->flow->stream,
                               channel->first_frame);
    return ignore(transport, channel);
}

/* ---- WebSocket ---- */

/* No control packet is as long: behind such a gap sync has to be found again. */
#define GAP_UNKNOWN UINT32_MAX

/* What its sink needs to know. */
struct websocket_moment {
    struct transport *transport;
    struct channel *channel;
    const struct tcp_moment *now;
    bool over; /* it is not MQTT, or there was no memory */
};

/* Opens the connection with the first byte of MQTT. */
static bool websocket_ready(struct websocket_moment *moment)
{
    if (moment->channel->connection == NULL && !moment->over)
        moment->over = !open_connection(moment->transport, moment->channel, true, moment->now);
    return !moment->over;
}

static bool keep_probe(struct channel *channel, struct slice fresh, const struct tcp_moment *now);

/* What was kept is MQTT: it is to be pushed next. A packet that begins there began as it came. */
static struct slice take_probe(struct channel *channel)
{
    const struct slice kept = {channel->probe, channel->probe_length, channel->probe_length};
    if (kept.captured == 0)
        return kept;
    channel->probe_length = 0;
    channel->begun[channel->probe_side] = true;
    channel->begun_time[channel->probe_side] = channel->probe_time;
    return kept;
}

/* No subprotocol speaks for MQTT: the client has to begin with a CONNECT. */
static bool websocket_begins_mqtt(struct websocket_moment *moment, unsigned side,
                                  struct slice bytes)
{
    struct channel *channel = moment->channel;
    uint8_t joined[sizeof channel->probe];
    const size_t more = MIN(bytes.captured, sizeof joined - channel->probe_length);
    memcpy(joined, channel->probe, channel->probe_length);
    memcpy(joined + channel->probe_length, bytes.data, more);
    const enum mqtt_outcome outcome =
        side == channel->probe_side ? mqtt_begins_connect(joined, channel->probe_length + more)
                                    : MQTT_MALFORMED;
    if (outcome == MQTT_OK)
        return true;
    moment->over = outcome == MQTT_MALFORMED || !keep_probe(channel, bytes, moment->now);
    return false;
}

static void websocket_data(void *context, unsigned side, struct slice bytes)
{
    struct websocket_moment *moment = context;
    struct channel *channel = moment->channel;
    struct feed *feed = &moment->transport->feed;
    if (moment->over)
        return;
    const bool waits = channel->connection == NULL && !websocket_says_mqtt(channel->websocket);
    if ((waits && !websocket_begins_mqtt(moment, side, bytes)) || !websocket_ready(moment))
        return;
    const struct slice kept = take_probe(channel);
    if (kept.captured > 0)
        channel_push(feed, channel, channel->probe_side, moment->now, kept);
    channel_push(feed, channel, (uint8_t)side, moment->now, bytes);
}

static void websocket_hole(void *context, unsigned side, uint64_t count)
{
    struct websocket_moment *moment = context;
    if (moment->channel->connection == NULL && !websocket_says_mqtt(moment->channel->websocket))
        moment->over = true;
    if (websocket_ready(moment))
        channel_gap(&moment->transport->feed, moment->channel, (uint8_t)side, moment->now, count);
}

static void websocket_lost(void *context, unsigned side)
{
    websocket_hole(context, side, GAP_UNKNOWN);
}

/* What the upgrade's two halves say, each once it is there whole. */
static void note_request(struct channel *channel, const struct tcp_moment *now)
{
    const struct websocket_upgrade said = websocket_upgrade(channel->websocket);
    channel->upgrade = (struct mqtt_upgrade){
        .request = {now->time_ns, now->frame, 0},
        .offers_mqtt = said.offers_mqtt,
        .offers_mqttv31 = said.offers_mqttv31,
    };
}

static void note_response(struct channel *channel, const struct tcp_moment *now, bool another)
{
    const struct websocket_upgrade said = websocket_upgrade(channel->websocket);
    channel->upgrade.response = (struct mqtt_leg){now->time_ns, now->frame, 0};
    channel->upgrade.selected = said.selects_mqtt      ? MQTT_SUBPROTOCOL_MQTT
                                : said.selects_mqttv31 ? MQTT_SUBPROTOCOL_MQTTV31
                                : another              ? MQTT_SUBPROTOCOL_OTHER
                                                       : MQTT_SUBPROTOCOL_NONE;
}

static void websocket_event(void *context, unsigned side, enum websocket_event event,
                            uint64_t value)
{
    const struct websocket_moment *moment = context;
    struct channel *channel = moment->channel;
    struct audit_recorder *audit = moment->transport->feed.audit;
    if (event == WEBSOCKET_REQUEST && value != 0)
        note_request(channel, moment->now);
    if (event == WEBSOCKET_ACCEPTED && value != 0)
        note_response(channel, moment->now, value == 3);
    if (event == WEBSOCKET_TEXT && channel->text_frame[side] == 0)
        channel->text_frame[side] = moment->now->frame;
    if (event == WEBSOCKET_COMPRESSED)
        audit_limit(audit, AUDIT_LIMIT_WEBSOCKET_COMPRESSED, 1, value);
    if (event == WEBSOCKET_FOUND)
        audit_limit(audit, AUDIT_LIMIT_OUT_OF_SYNC, 1, value);
}

static struct websocket_sink websocket_sink(struct websocket_moment *moment)
{
    return (struct websocket_sink){
        .context = moment,
        .data = websocket_data,
        .gap = websocket_hole,
        .lost = websocket_lost,
        .event = websocket_event,
    };
}

/* ---- Recognition ---- */

static bool push_websocket(struct transport *transport, struct channel *channel, uint8_t side,
                           const struct tcp_moment *now, struct slice bytes)
{
    struct websocket_moment moment = {transport, channel, now, false};
    const struct websocket_sink sink = websocket_sink(&moment);
    bool goes_on = websocket_push(channel->websocket, side, bytes, &sink);
    if (goes_on && !moment.over)
        return true;
    return channel->audit != NULL ? ignore(transport, channel)
                                  : not_mqtt(transport, channel, MQTT_FOREIGN_HTTP);
}

/* The first bytes of a flow, and what they are by now. `fresh` are the bytes that are not in the
 * probe yet; the others are copied into `joined`, which has the probe's size. Returns how many
 * those are. */
static size_t join_probe(const struct channel *channel, struct slice fresh, uint8_t *joined)
{
    const size_t more =
        MIN(fresh.captured, (size_t)(sizeof channel->probe - channel->probe_length));
    memcpy(joined, channel->probe, channel->probe_length);
    memcpy(joined + channel->probe_length, fresh.data, more);
    return channel->probe_length + more;
}

/* Keeps bytes that say too little; false if there is nothing to wait for. */
static bool keep_probe(struct channel *channel, struct slice fresh, const struct tcp_moment *now)
{
    if (fresh.captured < fresh.reported ||
        channel->probe_length + fresh.captured > sizeof channel->probe)
        return false;
    if (channel->probe_length == 0)
        channel->probe_time = now->time_ns;
    memcpy(channel->probe + channel->probe_length, fresh.data, fresh.captured);
    channel->probe_length = (uint8_t)(channel->probe_length + fresh.captured);
    return true;
}

/* A search that leads nowhere: whatever this is, it is not MQTT. */
static bool hopeless(const struct channel *channel)
{
    return !channel->any_packet && channel->flow->initiator == TCP_SIDE_UNKNOWN &&
           channel->streams[0].position + channel->streams[1].position > SEARCH_ENOUGH;
}

/* What these bytes say of a flow that nobody knows yet, if it is something else than MQTT: by what
 * a side says first, or by what it goes on with where the capture lacks that. */
static enum mqtt_foreign foreign_by(struct channel *channel, uint8_t side, struct slice bytes)
{
    const struct mqtt_stream *stream = &channel->streams[side];
    const bool first = channel->first_length[side] < sizeof channel->first[side];
    enum mqtt_foreign which = MQTT_FOREIGN_NONE;
    note_first(channel, side, bytes);
    if (stream->searches != 0)
        return mqtt_resembles_websocket(bytes.data, bytes.captured) ? MQTT_FOREIGN_WEBSOCKET
                                                                    : MQTT_FOREIGN_NONE;
    if (first)
        mqtt_begins_foreign(channel->first[side], channel->first_length[side], &which);
    return which;
}

/* Takes bytes of what seems to be MQTT, and gives up where they are none. */
static inline bool push_or_give_up(struct transport *transport, struct channel *channel,
                                   uint8_t side, const struct tcp_moment *now, struct slice bytes)
{
    const enum mqtt_foreign which =
        channel->audit == NULL ? foreign_by(channel, side, bytes) : MQTT_FOREIGN_NONE;
    if (which != MQTT_FOREIGN_NONE)
        return not_mqtt(transport, channel, which);
    channel_push(&transport->feed, channel, side, now, bytes);
    if (!channel->no_mqtt && !hopeless(channel))
        return true;
    return not_mqtt(transport, channel, name_of(channel));
}

/* The flow may carry MQTT, or is certain to: what was kept of it comes first, then `bytes`. */
static bool begin(struct transport *transport, struct channel *channel, uint8_t side, bool certain,
                  const struct tcp_moment *now, struct slice bytes)
{
    if (!open_connection(transport, channel, certain, now))
        return ignore(transport, channel);
    const struct slice kept = take_probe(channel);
    if (kept.captured > 0 && !push_or_give_up(transport, channel, channel->probe_side, now, kept))
        return false;
    return bytes.reported == 0 || push_or_give_up(transport, channel, side, now, bytes);
}

/* The flow begins with an HTTP request, which may open a WebSocket. */
static bool begin_websocket(struct transport *transport, struct channel *channel, uint8_t side,
                            const struct tcp_moment *now, struct slice bytes)
{
    channel->websocket = websocket_new(channel->probe_side, &transport->feed.memory);
    if (channel->websocket == NULL)
        return ignore(transport, channel);
    const struct slice kept = {channel->probe, channel->probe_length, channel->probe_length};
    channel->probe_length = 0; /* what the frames bring may need it */
    if (kept.captured > 0 && !push_websocket(transport, channel, channel->probe_side, now, kept))
        return false;
    return push_websocket(transport, channel, side, now, bytes);
}

static bool decide(struct transport *transport, struct channel *channel, uint8_t side,
                   const struct tcp_moment *now, struct slice bytes);

/* Nobody knows what was in the first `count` bytes of the flow: on its port it may be MQTT all the
 * same. */
static bool begin_in_gap(struct transport *transport, struct channel *channel, uint8_t side,
                         const struct tcp_moment *now, uint64_t count)
{
    channel->probe_length = 0;
    if (!channel->expected)
        return ignore(transport, channel);
    if (!begin(transport, channel, side, false, now, (struct slice){NULL, 0, 0}))
        return false;
    channel_gap(&transport->feed, channel, side, now, count);
    return true;
}

/* What is left behind the header, or the part of it that is in `bytes`. */
static bool pass_proxy(struct transport *transport, struct channel *channel, uint8_t side,
                       const struct tcp_moment *now, struct slice bytes)
{
    const uint32_t count = MIN(channel->proxy.left, bytes.reported);
    channel->proxy.left -= count;
    bytes = slice_skip(bytes, count);
    if (bytes.reported == 0)
        return true;
    channel->first_frame = now->frame;
    return decide(transport, channel, side, now, bytes);
}

/* So many bytes of a header that the snap length cuts are enough to know it by. */
#define PROXY_KNOWN 6u

/* Where a client's first bytes are a header of the PROXY protocol, it is taken off. Says whether
 * there may be one: MQTT_NEED_MORE with what is there so far, MQTT_TRUNCATED where there is one,
 * but the snap length cuts what tells where it ends. */
static enum mqtt_outcome take_proxy(struct channel *channel, const uint8_t *joined, size_t length,
                                    bool cut)
{
    struct channel_proxy *proxy = &channel->proxy;
    struct mqtt_proxy_header header;
    if (proxy->looked || channel->flow->initiator != (int)channel->probe_side)
        return MQTT_MALFORMED;
    enum mqtt_outcome outcome = mqtt_proxy_header(joined, length, &header);
    if (outcome == MQTT_NEED_MORE && cut)
        outcome = header.length != 0      ? MQTT_OK /* its addresses are cut off */
                  : length >= PROXY_KNOWN ? MQTT_TRUNCATED
                                          : MQTT_MALFORMED;
    proxy->looked = outcome != MQTT_NEED_MORE;
    if (outcome != MQTT_OK)
        return outcome;
    proxy->length = header.length;
    proxy->left = header.length - channel->probe_length;
    channel->probe_length = 0;
    if (header.has_client) {
        proxy->client = (struct mqtt_endpoint){.port = header.port, .family = header.family};
        memcpy(proxy->client.address, header.address, sizeof header.address);
    }
    return MQTT_OK;
}

static bool push_tls(struct transport *transport, struct channel *channel, uint8_t side,
                     const struct tcp_moment *now, struct slice bytes);

/* TLS: whether it is MQTT, those know who can look into it. */
static bool seal(struct transport *transport, struct channel *channel, enum mqtt_foreign which,
                 const struct tcp_moment *now, struct slice bytes)
{
    if (channel->sealed) /* TLS inside of TLS */
        return ignore(transport, channel);
    if (transport->tls == NULL && !transport->opens_tls)
        return not_mqtt(transport, channel, which);
    channel->sealed = true;
    const struct slice kept = {channel->probe, channel->probe_length, channel->probe_length};
    channel->probe_length = 0;
    if (transport->tls == NULL)
        return true;
    channel->carrier = "tls";
    channel->tls =
        transport->tls->open(transport->tls->secrets, channel->probe_side, &transport->feed.memory);
    if (channel->tls == NULL)
        return ignore(transport, channel);
    if (kept.captured > 0 && !push_tls(transport, channel, channel->probe_side, now, kept))
        return false;
    return push_tls(transport, channel, channel->probe_side, now, bytes);
}

/* What the first bytes of the side that spoke first are, once they say enough. Elsewhere than at a
 * connection's start only those count that no part of a control packet would be taken for. */
static bool follow(struct transport *transport, struct channel *channel, enum recognized what,
                   enum mqtt_foreign which, const struct tcp_moment *now, struct slice bytes)
{
    const uint8_t side = channel->probe_side;
    const bool start = channel->websocket == NULL && channel->flow->initiator != TCP_SIDE_UNKNOWN &&
                       channel_side_start_seen(channel, side);
    switch (what) {
    case RECOGNIZED_TLS: return seal(transport, channel, which, now, bytes);
    case RECOGNIZED_GET: return begin_websocket(transport, channel, side, now, bytes);
    case RECOGNIZED_MQTT: return begin(transport, channel, side, true, now, bytes);
    case RECOGNIZED_FOREIGN:
        if (start)
            return not_mqtt(transport, channel, which);
        break;
    default: break;
    }
    return channel->expected ? begin(transport, channel, side, false, now, bytes)
                             : ignore(transport, channel);
}

/* Decides what a flow is that said nothing clear so far. */
static bool decide(struct transport *transport, struct channel *channel, uint8_t side,
                   const struct tcp_moment *now, struct slice bytes)
{
    uint8_t joined[sizeof channel->probe];
    enum mqtt_foreign which;
    if (side != channel->probe_side)
        return channel->expected ? begin(transport, channel, side, false, now, bytes)
                                 : ignore(transport, channel);
    if (channel->proxy.left > 0)
        return pass_proxy(transport, channel, side, now, bytes);
    const size_t length = join_probe(channel, bytes, joined);
    const enum mqtt_outcome proxy =
        take_proxy(channel, joined, length, bytes.captured < bytes.reported);
    if (proxy == MQTT_OK)
        return pass_proxy(transport, channel, side, now, bytes);
    if (proxy == MQTT_TRUNCATED)
        return begin_in_gap(transport, channel, side, now, channel->probe_length + bytes.reported);
    enum recognized what = recognize(joined, length, &which);
    if (proxy == MQTT_NEED_MORE)
        what = RECOGNIZED_MAYBE;
    if (what == RECOGNIZED_MAYBE && keep_probe(channel, bytes, now))
        return true;
    return follow(transport, channel, what, which, now, bytes);
}

static inline bool push_plain(struct transport *transport, struct channel *channel, uint8_t side,
                              const struct tcp_moment *now, struct slice bytes)
{
    if (channel->websocket != NULL)
        return push_websocket(transport, channel, side, now, bytes);
    if (channel->connection == NULL)
        return decide(transport, channel, side, now, bytes);
    return push_or_give_up(transport, channel, side, now, bytes);
}

/* Bytes are missing among the first ones of a flow: on its port it may be MQTT all the same. */
static bool gap_before_decision(struct transport *transport, struct channel *channel, uint8_t side,
                                const struct tcp_moment *now, uint64_t count)
{
    if (side == channel->probe_side && count <= channel->proxy.left) {
        channel->proxy.left -= (uint32_t)count; /* MQTT has not begun */
        return true;
    }
    if (!channel->expected)
        return ignore(transport, channel);
    if (!begin(transport, channel, side, false, now, (struct slice){NULL, 0, 0}))
        return false;
    channel_gap(&transport->feed, channel, side, now, count);
    return true;
}

static bool skip_plain(struct transport *transport, struct channel *channel, uint8_t side,
                       const struct tcp_moment *now, uint64_t count)
{
    if (channel->websocket != NULL) {
        struct websocket_moment moment = {transport, channel, now, false};
        const struct websocket_sink sink = websocket_sink(&moment);
        websocket_gap(channel->websocket, side, count, &sink);
        return !moment.over || channel->audit != NULL ||
               not_mqtt(transport, channel, MQTT_FOREIGN_HTTP);
    }
    if (channel->connection == NULL)
        return gap_before_decision(transport, channel, side, now, count);
    channel_gap(&transport->feed, channel, side, now, count);
    return true;
}

/* ---- What TLS carries ---- */

/* What its sink needs to know. */
struct tls_moment {
    struct transport *transport;
    struct channel *channel;
    const struct tcp_moment *now;
    bool over; /* the channel is gone */
};

static void tls_text(void *context, unsigned side, const uint8_t *bytes, uint32_t length)
{
    struct tls_moment *moment = context;
    const struct slice text = {bytes, length, length};
    if (!moment->over && !moment->channel->flow->ignored)
        moment->over =
            !push_plain(moment->transport, moment->channel, (uint8_t)side, moment->now, text);
}

static void tls_hole(void *context, unsigned side, uint32_t count)
{
    struct tls_moment *moment = context;
    if (!moment->over && !moment->channel->flow->ignored)
        moment->over =
            !skip_plain(moment->transport, moment->channel, (uint8_t)side, moment->now, count);
}

/* Nothing more can be read of this connection. */
static bool give_tls_up(struct transport *transport, struct channel *channel,
                        const struct tcp_moment *now, enum tls_trouble trouble)
{
    static const enum audit_limit_kind limits[] = {
        [TLS_NO_TROUBLE] = AUDIT_LIMIT_TLS_BROKEN, [TLS_NOT_TLS] = AUDIT_LIMIT_TLS_BROKEN,
        [TLS_NO_SECRET] = AUDIT_LIMIT_TLS_SECRET,  [TLS_NO_HELLO] = AUDIT_LIMIT_TLS_BEGINNING,
        [TLS_NO_CIPHER] = AUDIT_LIMIT_TLS_CIPHER,  [TLS_WRONG_SECRET] = AUDIT_LIMIT_TLS_BROKEN,
        [TLS_LOST] = AUDIT_LIMIT_TLS_BROKEN,       [TLS_NO_MEMORY] = AUDIT_LIMIT_TLS_BROKEN,
    };
    if (!transport->tls->has_secrets)
        return not_mqtt(transport, channel, MQTT_FOREIGN_TLS);
    audit_limit_connection(transport->feed.audit, limits[trouble], channel->flow->stream,
                           channel->first_frame);
    for (uint8_t side = 0; side < 2 && channel->connection != NULL; side++)
        channel_gap(&transport->feed, channel, side, now, GAP_UNKNOWN);
    return ignore(transport, channel);
}

static bool push_tls(struct transport *transport, struct channel *channel, uint8_t side,
                     const struct tcp_moment *now, struct slice bytes)
{
    struct tls *tls = channel->tls;
    struct tls_moment moment = {transport, channel, now, false};
    const struct tls_sink sink = {&moment, tls_text, tls_hole};
    /* What is pushed may end the channel, which must not end what pushes it. */
    channel->tls = NULL;
    const enum tls_trouble trouble = transport->tls->push(tls, side, bytes, &sink);
    if (moment.over) {
        transport->tls->close(tls);
        return false;
    }
    channel->tls = tls;
    return trouble == TLS_NO_TROUBLE || give_tls_up(transport, channel, now, trouble);
}

static void skip_tls(struct transport *transport, struct channel *channel, uint8_t side,
                     const struct tcp_moment *now, uint64_t count)
{
    struct tls *tls = channel->tls;
    struct tls_moment moment = {transport, channel, now, false};
    const struct tls_sink sink = {&moment, tls_text, tls_hole};
    channel->tls = NULL;
    const enum tls_trouble trouble = transport->tls->gap(tls, side, count, &sink);
    if (moment.over) {
        transport->tls->close(tls);
        return;
    }
    channel->tls = tls;
    if (trouble != TLS_NO_TROUBLE)
        give_tls_up(transport, channel, now, trouble);
}

/* ---- What TCP tells ---- */

static void flow_opened(void *context, struct tcp_flow *flow, const struct tcp_moment *now)
{
    (void)context;
    (void)flow;
    (void)now;
}

static struct channel *channel_new(struct transport *transport, struct tcp_flow *flow,
                                   unsigned side)
{
    struct channel *channel =
        mqtt_memory_new(&transport->feed.memory, MQTT_MEMORY_CONNECTIONS, sizeof *channel);
    if (channel == NULL) {
        tcp_ignore(transport->tcp, flow);
        return NULL;
    }
    channel->flow = flow;
    channel->probe_side = (uint8_t)side;
    channel->expected = transport->expected || port_expected(transport, flow->side[0].port) ||
                        port_expected(transport, flow->side[1].port);
    flow->user = channel;
    return channel;
}

/* What answers bytes that did not come here must not be held against anybody, even though the hole
 * itself is known only when something is seen behind it. */
static void tell_unseen(struct transport *transport, struct channel *channel, unsigned other,
                        const struct tcp_moment *now)
{
    const uint64_t times = channel->flow->side[other].acknowledged_unseen;
    const bool first = channel->doubted[other] == 0;
    channel->doubted[other] = times;
    channel_doubt(channel, (uint8_t)other, now);
    audit_limit(transport->feed.audit, AUDIT_LIMIT_UNSEEN, first, 0);
}

static inline void doubt_unseen(struct transport *transport, struct channel *channel,
                                unsigned other, const struct tcp_moment *now)
{
    if (channel->flow->side[other].acknowledged_unseen != channel->doubted[other])
        tell_unseen(transport, channel, other, now);
}

static void flow_data(void *context, struct tcp_flow *flow, unsigned side,
                      const struct tcp_moment *now, struct slice bytes)
{
    struct transport *transport = context;
    struct channel *channel = flow->user;
    bool there;
    if (channel == NULL && (channel = channel_new(transport, flow, side)) == NULL)
        return;
    if (channel->first_frame == 0)
        channel->first_frame = now->frame;
    if (channel->connection != NULL)
        doubt_unseen(transport, channel, 1 - side, now);
    if (channel->tls != NULL)
        there = push_tls(transport, channel, (uint8_t)side, now, bytes);
    else if (channel->sealed)
        there = true;
    else
        there = push_plain(transport, channel, (uint8_t)side, now, bytes);
    if (there && channel->connection != NULL && flow->side[side].late)
        channel_doubt(channel, (uint8_t)side, now);
    if (there && channel->connection != NULL && bytes.captured < bytes.reported)
        audit_limit(transport->feed.audit, AUDIT_LIMIT_SNAP_LENGTH, 1,
                    bytes.reported - bytes.captured);
}

static void flow_gap(void *context, struct tcp_flow *flow, unsigned side,
                     const struct tcp_moment *now, uint64_t count)
{
    struct transport *transport = context;
    struct channel *channel = flow->user;
    if (channel == NULL && (channel = channel_new(transport, flow, side)) == NULL)
        return;
    if (channel->tls != NULL)
        skip_tls(transport, channel, (uint8_t)side, now, count);
    else if (!channel->sealed)
        skip_plain(transport, channel, (uint8_t)side, now, count);
    else if (channel->connection != NULL)
        channel_doubt(channel, (uint8_t)side, now);
}

static void flow_acknowledged(void *context, struct tcp_flow *flow, unsigned side,
                              const struct tcp_moment *now, uint32_t position, int64_t round_trip)
{
    struct channel *channel = flow->user;
    (void)context;
    if (channel != NULL && channel->connection != NULL)
        channel_acknowledged(channel, (uint8_t)side, now, position, round_trip);
}

static void flow_ended(void *context, struct tcp_flow *flow, unsigned side,
                       const struct tcp_moment *now, enum tcp_end end)
{
    struct transport *transport = context;
    struct channel *channel = flow->user;
    if (channel == NULL || channel->ended)
        return;
    channel->ended = true;
    channel->how = end;
    channel->ended_by = (uint8_t)side;
    channel->when = *now;
    if (channel->connection != NULL) {
        const struct mqtt_place place = {
            .time = now->time_ns, .frame = now->frame, .side = (uint8_t)side};
        audit_connection_over(transport->feed.audit, channel->audit, channel->connection, &place);
    }
}

/* What was undecided to the end: so little came that only the beginning of a CONNECT is one. */
static bool settle_rest(struct transport *transport, struct channel *channel,
                        const struct tcp_moment *now)
{
    if (channel->sealed && (channel->tls == NULL || !transport->tls->has_secrets))
        return not_mqtt(transport, channel, MQTT_FOREIGN_TLS);
    if (!channel->expected)
        return ignore(transport, channel);
    if (channel->websocket != NULL)
        return not_mqtt(transport, channel, MQTT_FOREIGN_HTTP);
    if (channel->connection == NULL && channel->probe_length == 0)
        return channel->proxy.length == 0 ? ignore(transport, channel)
                                          : not_mqtt(transport, channel, MQTT_FOREIGN_NONE);
    if (channel->connection != NULL)
        return not_mqtt(transport, channel, name_of(channel));
    return begin(transport, channel, channel->probe_side, channel->probe[0] == 0x10, now,
                 (struct slice){NULL, 0, 0}) &&
           (channel->audit != NULL || not_mqtt(transport, channel, name_of(channel)));
}

static void flow_closed(void *context, struct tcp_flow *flow, const struct tcp_moment *now,
                        enum tcp_end how)
{
    struct transport *transport = context;
    struct channel *channel = flow->user;
    if (channel == NULL || (channel->audit == NULL && !settle_rest(transport, channel, now)))
        return;
    for (unsigned side = 0; side < 2; side++)
        doubt_unseen(transport, channel, side, now);
    channel_close(&transport->feed, channel, now, how);
    close_layers(transport, channel);
    flow->user = NULL;
    mqtt_memory_free(&transport->feed.memory, channel, sizeof *channel);
}

/* ---- All flows ---- */

/* For the sessions: is that connection's transport known to have ended? Bytes that were
 * acknowledged and did not come here, a FIN among them, are in doubt before that is asked. */
static bool transport_ended(const struct mqtt_connection *connection, void *user)
{
    struct transport *transport = user;
    struct channel *channel = connection->user;
    for (unsigned side = 0; side < 2; side++)
        doubt_unseen(transport, channel, side, &channel->flow->last);
    return channel->ended;
}

struct transport *transport_new(struct audit_recorder *audit,
                                const struct transport_options *options)
{
    static const struct tcp_handler handler = {
        .opened = flow_opened,
        .data = flow_data,
        .gap = flow_gap,
        .ended = flow_ended,
        .closed = flow_closed,
        .acknowledged = flow_acknowledged,
    };
    struct transport *transport = g_new0(struct transport, 1);
    const struct mqtt_sessions_options sessions = {
        .memory = &transport->feed.memory,
        .seed = (uint64_t)g_random_int() << 32 | g_random_int(),
        .limit = MAX_SESSIONS,
        .brokers = options->brokers,
        .transport_ended = transport_ended,
        .user = transport,
    };
    transport->feed.audit = audit;
    transport->tls = options->tls;
    transport->opens_tls = options->opens_tls;
    transport->feed.memory.limit = options->memory != 0 ? options->memory : MEMORY_LIMIT;
    const struct tcp_options tcp = {.memory = &transport->feed.memory};
    transport->tcp = tcp_new(&tcp, &handler, transport);
    transport->feed.sessions = mqtt_sessions_new(&sessions);
    if (transport->tcp == NULL || transport->feed.sessions == NULL) {
        transport_free(transport);
        return NULL;
    }
    expect_port(transport, PORT_MQTT);
    for (size_t i = 0; i < options->port_count; i++)
        expect_port(transport, options->ports[i]);
    return transport;
}

enum tcp_result transport_packet(struct transport *transport, const struct tcp_moment *now,
                                 const struct ip_packet *packet)
{
    transport->feed.now = *now;
    return tcp_packet(transport->tcp, now, packet);
}

int64_t transport_last_stream(const struct transport *transport)
{
    return tcp_last_stream(transport->tcp);
}

void transport_segment(struct transport *transport, const struct tcp_moment *now,
                       const struct tcp_segment *segment, bool expected)
{
    transport->feed.now = *now;
    transport->expected = expected;
    tcp_segment(transport->tcp, now, segment);
    transport->expected = false;
}

void transport_opened(struct transport *transport, const struct tcp_moment *now,
                      const struct tcp_segment *segment, const char *carrier, struct slice packet)
{
    unsigned side;
    struct tcp_flow *flow = tcp_find(transport->tcp, segment, &side);
    struct channel *channel = flow != NULL ? flow->user : NULL;
    if (channel == NULL || !channel->sealed || packet.reported == 0)
        return;
    transport->feed.now = *now;
    if (channel->connection == NULL) {
        channel->carrier = carrier;
        if (!open_connection(transport, channel, true, now)) {
            ignore(transport, channel);
            return;
        }
    }
    channel_push(&transport->feed, channel, (uint8_t)side, now, packet);
}

/* What found no room, a kind each. */
static void tell_memory(const struct transport *transport)
{
    static const enum audit_limit_kind limits[MQTT_MEMORY_KINDS] = {
        [MQTT_MEMORY_CONNECTIONS] = AUDIT_LIMIT_MEMORY,
        [MQTT_MEMORY_IN_FLIGHT] = AUDIT_LIMIT_IN_FLIGHT,
        [MQTT_MEMORY_SUBSCRIBE] = AUDIT_LIMIT_SUBSCRIBE,
        [MQTT_MEMORY_ALIASES] = AUDIT_LIMIT_ALIASES,
        [MQTT_MEMORY_OWED] = AUDIT_LIMIT_OWED,
        [MQTT_MEMORY_SESSIONS] = AUDIT_LIMIT_SESSIONS_MEMORY,
        [MQTT_MEMORY_HELD] = AUDIT_LIMIT_HELD,
    };
    for (unsigned kind = 0; kind < MQTT_MEMORY_KINDS; kind++)
        audit_limit(transport->feed.audit, limits[kind], transport->feed.memory.refused[kind], 0);
}

void transport_finish(struct transport *transport)
{
    tcp_finish(transport->tcp);
    const struct mqtt_sessions *sessions = transport->feed.sessions;
    if (sessions->shared != 0)
        audit_limit_brokers(transport->feed.audit, AUDIT_LIMIT_SHARED_IDENTIFIERS, sessions->shared,
                            sessions->sharing, sessions->sharing_frame);
    audit_sessions_ended(transport->feed.audit, transport->feed.sessions,
                         transport->feed.now.time_ns);
    const struct tcp_counters *counters = tcp_counters(transport->tcp);
    audit_limit(transport->feed.audit, AUDIT_LIMIT_FLOWS, counters->evicted, 0);
    audit_limit(transport->feed.audit, AUDIT_LIMIT_FLOWS_FORGOTTEN, counters->forgotten, 0);
    audit_limit(transport->feed.audit, AUDIT_LIMIT_HOLD, counters->hold_full, 0);
    audit_limit(transport->feed.audit, AUDIT_LIMIT_BEYOND_WINDOW, counters->beyond_window, 0);
    audit_limit(transport->feed.audit, AUDIT_LIMIT_AFTER_END, counters->after_close, 0);
    audit_limit(transport->feed.audit, AUDIT_LIMIT_AFTER_FIN, counters->after_fin, 0);
    audit_limit(transport->feed.audit, AUDIT_LIMIT_SESSIONS_FOLLOWED,
                transport->feed.sessions->refused + transport->feed.sessions->forgotten, 0);
    tell_memory(transport);
}

void transport_free(struct transport *transport)
{
    if (transport == NULL)
        return;
    tcp_free(transport->tcp);
    mqtt_sessions_free(transport->feed.sessions);
    g_free(transport);
}
