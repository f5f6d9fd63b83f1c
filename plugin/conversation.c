/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Feeds the connections and keeps the results; see conversation.h. */
#include "plugin/conversation.h"

#include "mqtt/facts/time.h"
#include "mqtt/state/session.h"
#include "plugin/ending.h"
#include "plugin/findings.h"
#include "plugin/preferences.h"
#include "plugin/register.h"
#include "plugin/sparkplug_births.h"

/* Everything about the open capture that mqtt/ allocated, or that is shared by its frames. */
static struct {
    struct mqtt_sessions *sessions;
    struct mqttscope_conversation *conversations;
    wmem_map_t *texts; /* each text once */
    struct mqttscope_seen last;
} capture;

/* ---- Conversations ---- */

/* The registry asks whether a client identifier is taken over from a connection that still lives.
 * Frames without data don't come to this dissector, so TCP's own analysis has to say it. */
static bool transport_ended(const struct mqtt_connection *connection, void *user)
{
    const struct mqttscope_conversation *conversation = connection->user;

    (void)user;
    return conversation->tcp != NULL && mqttscope_tcp_ended(conversation->tcp);
}

static bool prepare_capture(void)
{
    if (capture.sessions != NULL)
        return true;
    const struct mqtt_sessions_options options = {
        .seed = (uint64_t)g_random_int() << 32 | g_random_int(),
        .transport_ended = transport_ended,
        .keep_alive_tolerance = mqttscope_keep_alive_tolerance(),
    };
    capture.sessions = mqtt_sessions_new(&options);
    if (capture.sessions == NULL)
        return false;
    capture.texts = wmem_map_new(wmem_file_scope(), wmem_str_hash, g_str_equal);
    return true;
}

void mqttscope_conversation_cleanup(void)
{
    for (struct mqttscope_conversation *c = capture.conversations; c != NULL; c = c->next) {
        for (unsigned side = 0; side < 2; side++) {
            mqtt_stream_free(&c->sides[side].search);
            if (c->sides[side].held != NULL)
                g_byte_array_free(c->sides[side].held, TRUE);
        }
        mqtt_connection_free(c->connection);
    }
    if (capture.sessions != NULL)
        mqtt_sessions_free(capture.sessions);
    memset(&capture, 0, sizeof(capture));
    mqttscope_records_cleanup();
    mqttscope_findings_cleanup();
    mqttscope_ending_cleanup();
    sparkplug_births_cleanup();
}

void mqttscope_search_begin(struct mqttscope_direction *direction)
{
    mqtt_stream_free(&direction->search);
    mqtt_stream_init(&direction->search, false, NULL);
    direction->searching = direction->searched = true;
    direction->known = 0;
}

static void fill_direction(struct mqttscope_direction *direction, const address *from,
                           uint32_t port)
{
    copy_address_wmem(wmem_file_scope(), &direction->address, from);
    direction->port = (uint16_t)port;
}

/* Side 0 sent the conversation's first data. The client sent the SYN; without one, it is the side
 * that does not own the port that made this MQTT. */
static uint8_t guess_client(const packet_info *pinfo, const struct tcp_analysis *tcp)
{
    const uint16_t server_port = tcp != NULL ? mqttscope_tcp_server_port(tcp) : 0;

    if (server_port != 0 && pinfo->srcport != pinfo->destport)
        return server_port == pinfo->srcport ? 1 : 0;
    if (pinfo->match_uint == pinfo->srcport && pinfo->srcport != pinfo->destport)
        return 1;
    return 0;
}

/* Addresses of another kind than IP's are told apart as far as they fit. */
static struct mqtt_endpoint endpoint(const struct mqttscope_direction *direction)
{
    const address *from = &direction->address;
    struct mqtt_endpoint end = {.port = direction->port,
                                .family = from->type == AT_IPv4   ? 4
                                          : from->type == AT_IPv6 ? 6
                                                                  : (uint8_t)(128 | from->type)};
    if (from->len > 0)
        memcpy(end.address, from->data, MIN((size_t)from->len, sizeof(end.address)));
    return end;
}

static int64_t frame_time(const packet_info *pinfo)
{
    return mqtt_time(pinfo->abs_ts.secs, pinfo->abs_ts.nsecs);
}

struct mqtt_place mqttscope_place(const packet_info *pinfo, unsigned side)
{
    return (struct mqtt_place){.time = frame_time(pinfo),
                               .frame = pinfo->num,
                               .side = (uint8_t)side,
                               .acknowledged = UINT64_MAX};
}

static struct mqttscope_conversation *conversation_make(packet_info *pinfo, conversation_t *base)
{
    const struct tcp_analysis *tcp = mqttscope_tcp_connection(pinfo, base);
    struct mqtt_connection_start start = {
        .time = frame_time(pinfo),
        .frame = pinfo->num,
        .start_seen = mqttscope_tcp_start_seen(tcp),
        .client = guess_client(pinfo, tcp),
        .version = (uint8_t)mqttscope_default_version(),
    };

    if (!prepare_capture())
        return NULL;
    struct mqttscope_conversation *made =
        wmem_new0(wmem_file_scope(), struct mqttscope_conversation);
    fill_direction(&made->sides[0], &pinfo->src, pinfo->srcport);
    fill_direction(&made->sides[1], &pinfo->dst, pinfo->destport);
    for (unsigned side = 0; side < 2; side++)
        start.endpoints[side] = endpoint(&made->sides[side]);
    start.user = made;
    made->connection = mqtt_connection_new(capture.sessions, &start);
    if (made->connection == NULL)
        return NULL;
    made->tcp = tcp;
    made->tcp_flow = tcp != NULL ? mqttscope_tcp_flow(tcp, TCP_SENDER) : 0;
    made->frame = pinfo->num;
    made->version_untold = start.version == MQTT_VERSION_UNKNOWN;
    /* Nobody sends data before the other side's SYN: a side without any segment is not in the
     * capture. */
    if (tcp != NULL && !mqttscope_tcp_side_seen(tcp, TCP_RECEIVER))
        mqttscope_conversation_gap(made, pinfo, 1);
    struct mqttscope_client *unknown = wmem_new0(wmem_file_scope(), struct mqttscope_client);
    unknown->owner = made;
    made->client = unknown;
    made->next = capture.conversations;
    capture.conversations = made;
    for (unsigned side = 0; side < 2; side++)
        mqtt_stream_init(&made->sides[side].search, false, NULL);
    return made;
}

struct mqttscope_conversation *mqttscope_conversation_get(packet_info *pinfo, conversation_t *base,
                                                          unsigned *side)
{
    struct mqttscope_conversation *conversation =
        conversation_get_proto_data(base, proto_mqttscope);

    capture.last.frame = pinfo->num;
    capture.last.time = MAX(capture.last.time, frame_time(pinfo));
    if (conversation == NULL) {
        conversation = conversation_make(pinfo, base);
        if (conversation == NULL)
            return NULL;
        conversation_add_proto_data(base, proto_mqttscope, conversation);
    }
    const struct mqttscope_direction *first = &conversation->sides[0];
    *side = first->port == pinfo->srcport && addresses_equal(&first->address, &pinfo->src) ? 0 : 1;
    return conversation;
}

struct mqttscope_conversation *mqttscope_conversation_known(conversation_t *base)
{
    return conversation_get_proto_data(base, proto_mqttscope);
}

struct mqttscope_conversation *mqttscope_conversations(void)
{
    return capture.conversations;
}

struct mqttscope_seen mqttscope_last_seen(void)
{
    return capture.last;
}

/* ---- Steps ---- */

/* Wireshark ends a text at NUL; as with other bytes that can't be shown, a mark stands for it. */
static char *text_without_nul(struct mqtt_slice slice)
{
    wmem_strbuf_t *text = wmem_strbuf_new(wmem_file_scope(), "");
    const uint8_t *at = slice.data;
    const uint8_t *end = slice.data + slice.length;

    while (at < end) {
        const uint8_t *nul = memchr(at, 0, (size_t)(end - at));
        const uint8_t *stop = nul != NULL ? nul : end;
        wmem_strbuf_append(text,
                           (const char *)get_utf_8_string(wmem_file_scope(), at, (int)(stop - at)));
        if (nul != NULL)
            wmem_strbuf_append(text, "\xef\xbf\xbd");
        at = stop + 1;
    }
    return wmem_strbuf_finalize(text);
}

/* The same topic or client identifier comes thousands of times; it is kept once. */
static const char *keep_text(struct mqtt_slice slice)
{
    char *text = memchr(slice.data, 0, slice.length) != NULL
                     ? text_without_nul(slice)
                     : (char *)get_utf_8_string(wmem_file_scope(), slice.data, (int)slice.length);
    const char *kept = wmem_map_lookup(capture.texts, text);

    if (kept != NULL) {
        wmem_free(wmem_file_scope(), text);
        return kept;
    }
    wmem_map_insert(capture.texts, text, text);
    return text;
}

static const struct mqttscope_client *client_now(struct mqttscope_conversation *conversation,
                                                 const struct mqtt_step *step)
{
    const struct mqtt_connection *connection = conversation->connection;
    const struct mqttscope_client *known = conversation->client;
    const struct mqtt_slice id = step->client_identifier;
    const char *identifier = known->identifier;

    if (id.length == 0)
        identifier = NULL;
    else if (identifier == NULL || strlen(identifier) != id.length ||
             memcmp(identifier, id.data, id.length) != 0)
        identifier = keep_text(id);
    if (identifier == known->identifier && connection->keep_alive.effective == known->keep_alive &&
        connection->keep_alive.known == known->keep_alive_known)
        return known;

    struct mqttscope_client *now = wmem_new(wmem_file_scope(), struct mqttscope_client);
    now->owner = conversation;
    now->identifier = identifier;
    now->keep_alive = connection->keep_alive.effective;
    now->keep_alive_known = connection->keep_alive.known;
    conversation->client = now;
    return now;
}

/* Topic filters that are kept of one SUBACK or UNSUBACK. */
#define FILTERS_KEPT_MAX 256u

/* What the codes of a SUBACK or UNSUBACK are about: their own packet does not have it. */
static const struct mqttscope_filters *keep_filters(const struct mqtt_packet *packet,
                                                    const struct mqtt_step *step)
{
    const bool suback = packet->type == MQTT_SUBACK;
    const uint32_t codes = suback ? packet->suback.codes.length : packet->unsuback.codes.length;
    const uint32_t room = MIN(codes, FILTERS_KEPT_MAX);
    struct mqtt_slice list = step->filters;
    struct mqtt_filter filter;

    if (list.length == 0 || room == 0)
        return NULL;
    struct mqttscope_filters *filters =
        wmem_alloc(wmem_file_scope(), sizeof(*filters) + room * sizeof(filters->texts[0]));
    filters->count = 0;
    while (filters->count < room &&
           mqtt_filter_next(&list, suback ? MQTT_SUBSCRIBE : MQTT_UNSUBSCRIBE, &filter))
        filters->texts[filters->count++] = keep_text(filter.filter);
    return filters;
}

static struct mqttscope_record *record_of(uint64_t token)
{
    return (struct mqttscope_record *)(uintptr_t)token;
}

static void keep_links(struct mqttscope_record *record, const struct mqtt_step *step,
                       uint32_t frame)
{
    if (step->request.frame != 0) {
        struct mqttscope_record *request = record_of(step->request.token);
        mqttscope_record_extra(record)->response_to = (uint32_t)step->request.frame;
        mqttscope_record_extra(record)->rtt = step->since_request;
        if (request->response_in == 0)
            request->response_in = frame;
    }
    if (step->resend && step->first.frame != 0)
        mqttscope_record_extra(record)->first_sent_in = (uint32_t)step->first.frame;
    if (step->has_handshake && step->handshake.kind == MQTT_HANDSHAKE_QOS_2 &&
        step->handshake.legs[0].frame != 0 && step->handshake.legs[3].frame != 0)
        mqttscope_record_extra(record)->handshake_time =
            mqtt_elapsed(step->handshake.legs[3].time, step->handshake.legs[0].time);
}

void mqttscope_conversation_packet(struct mqttscope_conversation *conversation,
                                   const struct mqtt_place *place, const struct mqtt_bytes *bytes,
                                   struct mqttscope_record *record)
{
    struct mqtt_packet packet;
    struct mqtt_step step;

    mqtt_connection_packet(conversation->connection, place, bytes, NULL, &packet, &step);
    record->version = packet.version; /* it is drawn as it was read here */
    record->version_untold =
        conversation->connection->connect.frame == 0 && conversation->version_untold;
    record->sender = step.sender & 15u;
    record->type = packet.type & 15u;
    record->in_flight = step.in_flight;
    record->since_client = step.since_client;
    record->client = client_now(conversation, &step);
    if (step.topic_from_alias && step.topic.length != 0)
        mqttscope_record_extra(record)->topic = keep_text(step.topic);
    if ((packet.type == MQTT_SUBACK || packet.type == MQTT_UNSUBACK) && step.filters.length != 0)
        mqttscope_record_extra(record)->filters = keep_filters(&packet, &step);
    keep_links(record, &step, (uint32_t)place->frame);
    mqttscope_findings_keep(record, &step);
}

void mqttscope_conversation_gap(struct mqttscope_conversation *conversation,
                                const packet_info *pinfo, unsigned side)
{
    const struct mqtt_place place = mqttscope_place(pinfo, side);

    mqtt_connection_gap(conversation->connection, &place);
}
