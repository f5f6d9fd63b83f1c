/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From taps to the audit; see audit.h. */
#include "plugin/tools/audit.h"

#include <epan/tap.h>

#include "audit/fold.h"
#include "audit/recorder.h"
#include "audit/sparkplug/sparkplug.h"
#include "mqtt/facts/time.h"
#include "transport/transport.h"

/* Wireshark does not tell a dissector what the file is called. */
#define NAME "capture"

/* In the header's last eight flags. */
enum { ENDS = 0x01 | 0x04 /* FIN, RST */ };

/* A segment of the frame. */
struct piece {
    struct tcp_segment segment;
    bool expected; /* the dissector takes it for MQTT */
};

struct mqttscope_audit {
    const struct report_format *format;
    void *writer; /* NULL: it is finished */
    int error;    /* of a writer that does not write to the file itself: an errno */
    struct audit_recorder *recorder;
    struct audit_fold *fold;
    struct sparkplug *sparkplug;
    struct transport *transport;
    struct audit_file_end file;
    int64_t last;   /* time of the frame before; valid if there was one */
    GArray *pieces; /* struct piece: of the frame that is being dissected */
    const struct mqttscope_tapped *packets;
};

static void sparkplug_finds(void *user, const struct audit_flow *flow,
                            const struct mqtt_finding *finding)
{
    const struct mqttscope_audit *audit = user;

    audit_recorder_find(audit->recorder, flow, finding);
}

static void writer_event(void *user, const struct audit_event *event)
{
    const struct mqttscope_audit *audit = user;

    audit->format->event(audit->writer, event);
}

/* The sinks, in the analyzer's order. */
static void attach(struct mqttscope_audit *audit, FILE *file, const char *path, unsigned width)
{
    const struct sparkplug_options options = {.found = sparkplug_finds, .user = audit};
    struct audit_sink sink = {.event = writer_event, .user = audit};
    struct report_options report = {.path = path, .error = &audit->error};

    audit_recorder_attach(audit->recorder, audit_fold_sink(audit->fold));
    audit->sparkplug = sparkplug_new(&options);
    audit_recorder_attach(audit->recorder, sparkplug_sink(audit->sparkplug));
    audit_fold_sparkplug(audit->fold, sparkplug_nodes(audit->sparkplug));
    if (audit->format->event != NULL) {
        audit_recorder_attach(audit->recorder, &sink);
        report.slot = sink.slot;
    }
    report.text.detail = REPORT_NORMAL;
    report.text.width = width;
    audit->writer = audit->format->open(file, &report);
}

struct mqttscope_audit *mqttscope_audit_new(const struct report_format *format, FILE *file,
                                            const char *path, unsigned width)
{
    static const struct audit_recorder_options recorder = {.deliveries = true};
    static const struct transport_options transport = {.opens_tls = true};
    struct mqttscope_audit *audit = g_new0(struct mqttscope_audit, 1);

    audit->format = format;
    audit->recorder = audit_recorder_new(&recorder);
    audit->fold = audit_fold_new(NULL);
    audit->pieces = g_array_new(FALSE, FALSE, sizeof(struct piece));
    attach(audit, file, path, width);
    audit->transport = transport_new(audit->recorder, &transport);
    if (audit->transport == NULL) {
        mqttscope_audit_free(audit);
        return NULL;
    }
    audit_file_begin(audit->recorder, NAME, 0);
    return audit;
}

/* ---- A frame ---- */

/* False for what is not IP: transport/ knows no other addresses. */
static bool take_address(struct ip_packet *packet, struct ip_address *to, const address *from)
{
    if (from->type != AT_IPv4 && from->type != AT_IPv6)
        return false;
    packet->version = from->type == AT_IPv4 ? 4 : 6;
    memcpy(to->bytes, from->data, MIN((size_t)from->len, sizeof(to->bytes)));
    return true;
}

static bool take_addresses(struct ip_packet *packet, const address *source,
                           const address *destination)
{
    return take_address(packet, &packet->source, source) &&
           take_address(packet, &packet->destination, destination);
}

/* Whether the dissector takes what TCP carries there for MQTT. */
static bool is_expected(const packet_info *pinfo, const struct mqttscope_tapped_segment *segment)
{
    conversation_t *base = mqttscope_tcp_tapped_conversation(pinfo, segment);
    const struct mqttscope_conversation *known =
        base != NULL ? mqttscope_conversation_known(base) : NULL;

    return known != NULL && !mqttscope_is_foreign(known, CARRIER_TCP);
}

void mqttscope_audit_segment(struct mqttscope_audit *audit, const packet_info *pinfo,
                             const struct mqttscope_tapped_segment *tapped)
{
    const uint32_t captured = MIN(tvb_captured_length(tapped->payload), tapped->length);
    struct piece piece = {
        .segment =
            {
                .source_port = tapped->source_port,
                .destination_port = tapped->destination_port,
                .sequence = tapped->sequence,
                .acknowledgement = tapped->acknowledgement,
                .window = tapped->window,
                .flags = tapped->flags,
                .numbered = true,
                .stream = tapped->stream,
            },
        .expected = is_expected(pinfo, tapped),
    };

    if (!take_addresses(&piece.segment.packet, tapped->source, tapped->destination))
        return;
    piece.segment.packet.payload = (struct slice){
        captured != 0 ? tvb_get_ptr(tapped->payload, 0, (int)captured) : NULL,
        captured,
        tapped->length,
    };
    g_array_append_val(audit->pieces, piece);
}

void mqttscope_audit_packets(struct mqttscope_audit *audit, const struct mqttscope_tapped *packets)
{
    audit->packets = packets;
}

static void give_segments(struct mqttscope_audit *audit, const struct tcp_moment *now)
{
    for (unsigned i = 0; i < audit->pieces->len; i++) {
        const struct piece *piece = &g_array_index(audit->pieces, struct piece, i);
        transport_segment(audit->transport, now, &piece->segment, piece->expected);
    }
}

/* What TCP carries in plain sight is found there again. */
static void give_packets(struct mqttscope_audit *audit, const struct tcp_moment *now)
{
    for (const struct mqttscope_tapped *tapped = audit->packets; tapped != NULL;
         tapped = tapped->next) {
        struct tcp_segment of = {
            .source_port = tapped->source_port,
            .destination_port = tapped->destination_port,
        };
        const struct slice packet = {tapped->data, tapped->captured, tapped->length};

        if (tapped->carrier != CARRIER_TCP &&
            take_addresses(&of.packet, tapped->source, tapped->destination))
            transport_opened(audit->transport, now, &of,
                             tapped->carrier == CARRIER_WEBSOCKET ? "websocket" : "tls", packet);
    }
}

/* What ends a connection comes behind all that it carries. */
static bool any_ends(const struct mqttscope_audit *audit)
{
    for (unsigned i = 0; i < audit->pieces->len; i++) {
        if ((g_array_index(audit->pieces, struct piece, i).segment.flags & ENDS) != 0)
            return true;
    }
    return false;
}

static void take_times(struct mqttscope_audit *audit, int64_t time)
{
    struct audit_file_end *file = &audit->file;

    if (file->packets > 0 && time < audit->last)
        audit_limit(audit->recorder, AUDIT_LIMIT_CLOCK_BACKWARDS, 1, 0);
    audit->last = time;
    if (file->packets == 0 || time < file->first)
        file->first = time;
    if (file->packets == 0 || time > file->last)
        file->last = time;
}

void mqttscope_audit_frame(struct mqttscope_audit *audit, const packet_info *pinfo)
{
    const struct tcp_moment now = {
        .frame = pinfo->num,
        .time_ns = mqtt_time(pinfo->abs_ts.secs, pinfo->abs_ts.nsecs),
    };
    const bool ends = any_ends(audit);

    take_times(audit, now.time_ns);
    audit->file.packets++;
    audit->file.bytes += pinfo->fd->pkt_len;
    if (ends)
        give_packets(audit, &now);
    give_segments(audit, &now);
    if (!ends)
        give_packets(audit, &now);
    g_array_set_size(audit->pieces, 0);
    audit->packets = NULL;
}

/* ---- The end ---- */

int mqttscope_audit_finish(struct mqttscope_audit *audit)
{
    audit_file_end(audit->recorder, &audit->file);
    transport_finish(audit->transport);
    audit_recorder_end(audit->recorder);
    audit_limit(audit->recorder, AUDIT_LIMIT_SPARKPLUG, sparkplug_left_out(audit->sparkplug), 0);
    audit_fold_span(audit->fold, MQTT_NO_TIME, MQTT_NO_TIME);
    audit->format->finish(audit->writer, audit_fold_finish(audit->fold));
    audit->writer = NULL;
    return audit->error;
}

void mqttscope_audit_free(struct mqttscope_audit *audit)
{
    if (audit == NULL)
        return;
    if (audit->writer != NULL) {
        if (audit->transport != NULL)
            transport_finish(audit->transport); /* connections are closed before all is freed */
        audit->format->finish(audit->writer, NULL);
    }
    transport_free(audit->transport);
    audit_fold_free(audit->fold);
    sparkplug_free(audit->sparkplug);
    audit_recorder_free(audit->recorder);
    g_array_free(audit->pieces, TRUE);
    g_free(audit);
}
