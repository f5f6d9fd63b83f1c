/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCP segments of up to four flows, through reassembly, recognition, WebSocket, decoder and audit
 * to the reports: all can be written, what they count adds up, and the text holds nothing that a
 * terminal would act on.
 *
 * The input is a list of segments: a byte for flow and side, one for TCP flags, one that shifts the
 * sequence number (signed) or, with its lowest bits 01, cuts the captured bytes; two bytes of
 * length, and the payload. What the first byte has above flow and side may say that a segment
 * claims to be longer than any is, or that it is none: then the next two bytes say how time moves.
 */
#include <string.h>

#include "audit/fold.h"
#include "audit/report/json.h"
#include "audit/report/ndjson.h"
#include "audit/report/text.h"
#include "bytes.h"
#include "fuzz.h"
#include "transport/transport.h"

#define FLOWS 4u
#define HEADER 20u
#define PAYLOAD_MAX 2048u

enum kind { LONG = 30, JUMP = 31 };

static const uint16_t ports[FLOWS] = {1883, 1883, 8080, 8883};

struct world {
    struct transport *transport;
    uint32_t next[FLOWS][2]; /* sequence numbers */
    struct tcp_moment now;
};

static void put_u16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void put_u32(uint8_t *at, uint32_t value)
{
    put_u16(at, (uint16_t)(value >> 16));
    put_u16(at + 2, (uint16_t)value);
}

/* How a segment lies in its stream, and how much of it is there. */
struct shape {
    uint32_t sequence;
    uint32_t captured; /* with the header, as the next one */
    uint32_t reported;
};

/* A segment may say that it is longer than any is. */
static struct shape long_shape(const struct world *world, const uint8_t *control, uint32_t length)
{
    const uint32_t next = world->next[control[0] % FLOWS][control[0] >> 2 & 1];
    return (struct shape){next + (control[2] >> 2), HEADER + length,
                          UINT32_MAX >> (control[2] & 3)};
}

/* Moves the stream on. */
static struct shape shape_of(struct world *world, const uint8_t *control, uint32_t length)
{
    uint32_t *next = &world->next[control[0] % FLOWS][control[0] >> 2 & 1];
    const int shift = (int8_t)control[2] / 4;
    struct shape shape = {*next, HEADER + length, HEADER + length};
    if ((control[2] & 3) == 1)
        shape.captured -= length / 4 * (control[2] >> 6);
    else
        shape.sequence += (uint32_t)shift;
    if ((control[2] & 3) == 0)
        *next = shape.sequence + length + ((control[1] & 3) != 0);
    else
        *next += length;
    return shape;
}

static void send(struct world *world, const uint8_t *control, const uint8_t *payload,
                 uint32_t length)
{
    const unsigned flow = control[0] % FLOWS, side = control[0] >> 2 & 1;
    const struct shape shape = control[0] >> 3 == LONG ? long_shape(world, control, length)
                                                       : shape_of(world, control, length);
    uint8_t header[HEADER] = {0};
    put_u16(header, side == 0 ? (uint16_t)(40000 + flow) : ports[flow]);
    put_u16(header + 2, side == 0 ? ports[flow] : (uint16_t)(40000 + flow));
    put_u32(header + 4, shape.sequence);
    put_u32(header + 8, world->next[flow][1 - side]);
    header[12] = 5 << 4;
    header[13] = control[1];
    put_u16(header + 14, 0xffff);

    struct bytes bytes = {0};
    bytes_add(&bytes, header, HEADER);
    bytes_add(&bytes, payload, shape.captured - HEADER);
    uint8_t *exact = bytes_exact(bytes.data, bytes.length);
    struct ip_packet packet = {.version = 4, .protocol = 6};
    packet.source.bytes[3] = (uint8_t)side;
    packet.destination.bytes[3] = (uint8_t)(1 - side);
    packet.payload = (struct slice){exact, shape.captured, shape.reported};
    world->now.frame++;
    world->now.time_ns = fuzz_later(world->now.time_ns, (int64_t)control[1] * 10000000);
    transport_packet(world->transport, &world->now, &packet);
    free(exact);
    free(bytes.data);
}

static void check_counts(const struct audit_report *report)
{
    uint64_t findings = 0, by_rule = 0;
    for (unsigned severity = 0; severity < 3; severity++)
        findings += report->totals.findings[severity];
    for (unsigned rule = 0; rule < MQTT_RULES; rule++)
        by_rule += report->totals.findings_by_rule[rule];
    REQUIRE(findings == by_rule);
    REQUIRE(findings == report->findings->len);
    REQUIRE(report->totals.connections == report->connections->len);
    for (unsigned i = 0; i < report->connections->len; i++)
        for (unsigned side = 0; side < 2; side++)
            for (unsigned kind = 0; kind < MQTT_HANDSHAKE_KINDS; kind++) {
                const struct audit_handshakes *h =
                    audit_report_connection(report, i)->handshakes[side][kind];
                if (h != NULL)
                    REQUIRE(h->count.started + h->count.resumed <=
                            h->count.completed + h->count.refused + h->count.incomplete +
                                h->count.open + h->count.unknown);
            }
}

/* Whatever becomes of a message, it is counted once; and the rows add up. */
static void check_deliveries(const struct audit_report *report)
{
    const struct audit_delivery_counts *all = &report->totals.deliveries;
    uint64_t sum = 0, listed = 0;
    for (unsigned i = 0; i < AUDIT_EXCUSES; i++)
        sum += all->excused[i];
    REQUIRE(all->expected == sum + all->delivered + all->lost + all->dropped_qos_0 + all->pending);
    for (unsigned i = 0; i < report->deliveries->len; i++)
        listed += audit_delivery_messages(&audit_report_delivery(report, i)->counts);
    REQUIRE(listed + report->capture.limits[AUDIT_LIMIT_DELIVERIES].count ==
            audit_delivery_messages(all));
}

static void write_reports(const struct audit_report *report)
{
    const struct report_text_options options = {.detail = REPORT_VERBOSE};
    char *text;
    size_t length;
    FILE *file = open_memstream(&text, &length);
    REQUIRE(file != NULL);
    report_text(report, &options, file);
    fclose(file);
    REQUIRE(g_utf8_validate(text, (gssize)length, NULL));
    for (size_t i = 0; i < length; i++)
        REQUIRE(text[i] == '\n' || ((unsigned char)text[i] >= 0x20 && text[i] != 0x7f));
    free(text);

    file = open_memstream(&text, &length);
    REQUIRE(file != NULL);
    report_json(report, file);
    fclose(file);
    REQUIRE(g_utf8_validate(text, (gssize)length, NULL));
    free(text);
}

/* The events as lines; the sink is attached before the writer knows its slot. */
static struct ndjson *ndjson;

static void write_event(void *user, const struct audit_event *event)
{
    (void)user;
    ndjson_event(ndjson, event);
}

static void check_lines(const char *text, size_t length)
{
    REQUIRE(g_utf8_validate(text, (gssize)length, NULL));
    for (size_t i = 0; i < length; i++)
        REQUIRE(text[i] == '\n' ? i > 0 && text[i - 1] == '}' : (unsigned char)text[i] >= 0x20);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct audit_recorder_options following = {.deliveries = true};
    struct audit_recorder *recorder = audit_recorder_new(&following);
    struct audit_fold *fold = audit_fold_new(NULL);
    audit_recorder_attach(recorder, audit_fold_sink(fold));
    struct audit_sink sink = {.event = write_event};
    audit_recorder_attach(recorder, &sink);
    char *text;
    size_t length_of_text;
    FILE *file = open_memstream(&text, &length_of_text);
    REQUIRE(file != NULL);
    ndjson = ndjson_new(file, sink.slot, false);
    const struct transport_options options = {0};
    struct world world = {.transport = transport_new(recorder, &options)};
    REQUIRE(world.transport != NULL);
    while (size >= 5) {
        uint32_t length = MIN((uint32_t)data[3] << 8 | data[4], PAYLOAD_MAX);
        length = (uint32_t)MIN(length, size - 5);
        if (data[0] >> 3 == JUMP)
            world.now.time_ns = fuzz_time(world.now.time_ns, data[1], data[2]);
        else
            send(&world, data, data + 5, length);
        data += 5 + length;
        size -= 5 + length;
    }
    transport_finish(world.transport);
    audit_recorder_end(recorder);
    ndjson_free(ndjson);
    fclose(file);
    check_lines(text, length_of_text);
    free(text);
    const struct audit_report *report = audit_fold_finish(fold);
    check_counts(report);
    check_deliveries(report);
    write_reports(report);
    transport_free(world.transport);
    audit_fold_free(fold);
    audit_recorder_free(recorder);
    return 0;
}
