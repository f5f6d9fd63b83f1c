/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which TCP streams carry MQTT, and what is in them: see transport.h. */
#include "analyzer/transport.h"

#include "analyzer/channel.h"
#include "analyzer/input/websocket.h"
#include "mqtt/state/session.h"

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

static bool open_connection(struct transport *transport, struct channel *channel,
                            const struct tcp_moment *now)
{
    return channel_open(&transport->feed, channel, guess_client(transport, channel), now);
}

/* ---- WebSocket ---- */

/* No control packet is as long: behind such a gap sync has to be found again. */
#define GAP_UNKNOWN UINT32_MAX

/* What its sink needs to know. */
struct websocket_moment {
    struct transport *transport;
    struct channel *channel;
    const struct tcp_moment *now;
    bool no_memory;
};

/* Opens the connection with the first byte of MQTT. */
static bool websocket_ready(struct websocket_moment *moment)
{
    if (moment->channel->connection == NULL && !moment->no_memory)
        moment->no_memory = !open_connection(moment->transport, moment->channel, moment->now);
    return !moment->no_memory;
}

static void websocket_data(void *context, unsigned side, struct slice bytes)
{
    struct websocket_moment *moment = context;
    if (websocket_ready(moment))
        channel_push(&moment->transport->feed, moment->channel, (uint8_t)side, moment->now, bytes);
}

static void websocket_hole(void *context, unsigned side, uint64_t count)
{
    struct websocket_moment *moment = context;
    if (websocket_ready(moment))
        channel_gap(&moment->transport->feed, moment->channel, (uint8_t)side, moment->now, count);
}

static void websocket_lost(void *context, unsigned side)
{
    websocket_hole(context, side, GAP_UNKNOWN);
}

static void websocket_event(void *context, unsigned side, enum websocket_event event,
                            uint64_t value)
{
    const struct websocket_moment *moment = context;
    (void)side;
    if (event == WEBSOCKET_COMPRESSED)
        audit_limit(moment->transport->feed.audit, AUDIT_LIMIT_WEBSOCKET_COMPRESSED, 1, value);
    if (event == WEBSOCKET_FOUND)
        audit_limit(moment->transport->feed.audit, AUDIT_LIMIT_OUT_OF_SYNC, 1, value);
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

/* Nothing of this flow is wanted any more. A channel that has a connection keeps it until the flow
 * is closed; another one is freed. Returns, like all that may call it, whether the channel is still
 * there. */
static bool ignore(struct transport *transport, struct channel *channel)
{
    tcp_ignore(transport->tcp, channel->flow);
    if (channel->connection != NULL)
        return true;
    channel->flow->user = NULL;
    websocket_free(channel->websocket);
    mqtt_memory_free(&transport->feed.memory, channel, sizeof *channel);
    return false;
}

static bool push_websocket(struct transport *transport, struct channel *channel, uint8_t side,
                           const struct tcp_moment *now, struct slice bytes)
{
    struct websocket_moment moment = {transport, channel, now, false};
    const struct websocket_sink sink = websocket_sink(&moment);
    bool goes_on = websocket_push(channel->websocket, side, bytes, &sink);
    return (goes_on && !moment.no_memory) || ignore(transport, channel);
}

/* Adds to the first bytes of a flow, and says what they are by now. `fresh` are the bytes that are
 * not in the probe yet. */
static enum recognized probe(struct channel *channel, struct slice fresh)
{
    if (channel->probe_length == 0)
        return recognize(fresh.data, MIN(fresh.captured, RECOGNIZE_BYTES));
    uint8_t joined[RECOGNIZE_BYTES];
    size_t more = MIN(fresh.captured, (size_t)(RECOGNIZE_BYTES - channel->probe_length));
    memcpy(joined, channel->probe, channel->probe_length);
    memcpy(joined + channel->probe_length, fresh.data, more);
    return recognize(joined, channel->probe_length + more);
}

/* Keeps bytes that say too little; false if there is nothing to wait for. */
static bool keep_probe(struct channel *channel, struct slice fresh)
{
    if (fresh.captured < fresh.reported ||
        channel->probe_length + fresh.captured > sizeof channel->probe)
        return false;
    memcpy(channel->probe + channel->probe_length, fresh.data, fresh.captured);
    channel->probe_length = (uint8_t)(channel->probe_length + fresh.captured);
    return true;
}

/* The flow carries MQTT: what was kept of it comes first, then `bytes`. */
static bool begin(struct transport *transport, struct channel *channel, uint8_t side,
                  const struct tcp_moment *now, struct slice bytes)
{
    if (!open_connection(transport, channel, now))
        return ignore(transport, channel);
    const struct slice kept = {channel->probe, channel->probe_length, channel->probe_length};
    if (kept.captured > 0)
        channel_push(&transport->feed, channel, channel->probe_side, now, kept);
    if (bytes.reported > 0)
        channel_push(&transport->feed, channel, side, now, bytes);
    return true;
}

/* The flow begins with an HTTP request, which may open a WebSocket. */
static bool begin_websocket(struct transport *transport, struct channel *channel, uint8_t side,
                            const struct tcp_moment *now, struct slice bytes)
{
    channel->websocket = websocket_new(channel->probe_side, &transport->feed.memory);
    if (channel->websocket == NULL)
        return ignore(transport, channel);
    const struct slice kept = {channel->probe, channel->probe_length, channel->probe_length};
    if (kept.captured > 0 && !push_websocket(transport, channel, channel->probe_side, now, kept))
        return false;
    return push_websocket(transport, channel, side, now, bytes);
}

/* Decides what a flow is that said nothing clear so far. */
static bool decide(struct transport *transport, struct channel *channel, uint8_t side,
                   const struct tcp_moment *now, struct slice bytes)
{
    enum recognized what = side == channel->probe_side ? probe(channel, bytes) : RECOGNIZED_NOTHING;
    if (what == RECOGNIZED_MAYBE && keep_probe(channel, bytes))
        return true;
    if (what == RECOGNIZED_TLS) {
        audit_limit(transport->feed.audit, AUDIT_LIMIT_TLS, 1, 0);
        return ignore(transport, channel);
    }
    if (what == RECOGNIZED_HTTP)
        return begin_websocket(transport, channel, side, now, bytes);
    if (what == RECOGNIZED_MQTT || channel->expected)
        return begin(transport, channel, side, now, bytes);
    return ignore(transport, channel);
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
    channel->expected = port_expected(transport, flow->side[0].port) ||
                        port_expected(transport, flow->side[1].port);
    flow->user = channel;
    return channel;
}

/* A search that leads nowhere: whatever this is, it is not MQTT. */
static bool hopeless(const struct channel *channel)
{
    return !channel->any_packet && channel->flow->initiator == TCP_SIDE_UNKNOWN &&
           channel->streams[0].position + channel->streams[1].position > SEARCH_ENOUGH;
}

/* What answers bytes that did not come here must not be held against anybody, even though the hole
 * itself is known only when something is seen behind it. */
static void doubt_unseen(struct transport *transport, struct channel *channel, unsigned other,
                         const struct tcp_moment *now)
{
    const uint64_t times = channel->flow->side[other].acknowledged_unseen;
    if (times == channel->doubted[other])
        return;
    const bool first = channel->doubted[other] == 0;
    channel->doubted[other] = times;
    channel_doubt(channel, (uint8_t)other, now);
    audit_limit(transport->feed.audit, AUDIT_LIMIT_UNSEEN, first, 0);
}

/* Takes bytes of MQTT, and gives up where too many of them are none. */
static bool push_or_give_up(struct transport *transport, struct channel *channel, uint8_t side,
                            const struct tcp_moment *now, struct slice bytes)
{
    channel_push(&transport->feed, channel, side, now, bytes);
    if (channel->any_packet || !hopeless(channel))
        return true;
    audit_limit(transport->feed.audit, AUDIT_LIMIT_NOT_MQTT, 1, 0);
    return ignore(transport, channel);
}

static void flow_data(void *context, struct tcp_flow *flow, unsigned side,
                      const struct tcp_moment *now, struct slice bytes)
{
    struct transport *transport = context;
    struct channel *channel = flow->user;
    bool there;
    if (channel == NULL && (channel = channel_new(transport, flow, side)) == NULL)
        return;
    if (channel->connection != NULL)
        doubt_unseen(transport, channel, 1 - side, now);
    if (channel->websocket != NULL)
        there = push_websocket(transport, channel, (uint8_t)side, now, bytes);
    else if (channel->connection == NULL)
        there = decide(transport, channel, (uint8_t)side, now, bytes);
    else
        there = push_or_give_up(transport, channel, (uint8_t)side, now, bytes);
    if (there && channel->connection != NULL && flow->side[side].late)
        channel_doubt(channel, (uint8_t)side, now);
    if (there && channel->connection != NULL && bytes.captured < bytes.reported)
        audit_limit(transport->feed.audit, AUDIT_LIMIT_SNAP_LENGTH, 1,
                    bytes.reported - bytes.captured);
}

/* Bytes are missing among the first ones of a flow: on its port it may be MQTT all the same. */
static void gap_before_decision(struct transport *transport, struct channel *channel, unsigned side,
                                const struct tcp_moment *now, uint64_t count)
{
    if (!channel->expected)
        ignore(transport, channel);
    else if (begin(transport, channel, (uint8_t)side, now, (struct slice){NULL, 0, 0}))
        channel_gap(&transport->feed, channel, (uint8_t)side, now, count);
}

static void flow_gap(void *context, struct tcp_flow *flow, unsigned side,
                     const struct tcp_moment *now, uint64_t count)
{
    struct transport *transport = context;
    struct channel *channel = flow->user;
    if (channel == NULL && (channel = channel_new(transport, flow, side)) == NULL)
        return;
    if (channel->websocket != NULL) {
        struct websocket_moment moment = {transport, channel, now, false};
        const struct websocket_sink sink = websocket_sink(&moment);
        websocket_gap(channel->websocket, side, count, &sink);
    } else if (channel->connection == NULL) {
        gap_before_decision(transport, channel, side, now, count);
    } else {
        channel_gap(&transport->feed, channel, (uint8_t)side, now, count);
    }
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

static void flow_closed(void *context, struct tcp_flow *flow, const struct tcp_moment *now,
                        enum tcp_end how)
{
    struct transport *transport = context;
    struct channel *channel = flow->user;
    if (channel == NULL)
        return;
    if (channel->connection == NULL && channel->expected && channel->probe_length > 0 &&
        !begin(transport, channel, channel->probe_side, now, (struct slice){NULL, 0, 0}))
        return;
    if (channel->connection != NULL) {
        for (unsigned side = 0; side < 2; side++)
            doubt_unseen(transport, channel, side, now);
        channel_close(&transport->feed, channel, now, how);
    }
    websocket_free(channel->websocket);
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

/* Client identifiers at several endpoints, and the option that says that these are one broker. */
static void tell_shared(const struct transport *transport)
{
    const struct mqtt_sessions *sessions = transport->feed.sessions;
    if (sessions->shared == 0)
        return;
    GString *hint = g_string_new("--broker ");
    for (unsigned i = 0; i < 2; i++) {
        struct audit_endpoint end;
        audit_endpoint_text(&end, &sessions->sharing[i]);
        g_string_append_printf(hint, strchr(end.address, ':') != NULL ? "%s[%s]:%u" : "%s%s:%u",
                               i != 0 ? "," : "", end.address, end.port);
    }
    audit_limit_hint(transport->feed.audit, AUDIT_LIMIT_SHARED_IDENTIFIERS, sessions->shared,
                     hint->str, sessions->sharing_frame);
    g_string_free(hint, TRUE);
}

void transport_finish(struct transport *transport)
{
    tcp_finish(transport->tcp);
    tell_shared(transport);
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
