/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCP reassembly as transcripts. A script has a segment a line:
 *
 *     who flags sequence acknowledgement payload
 *
 * A talks to B (10.0.0.1:1000, 10.0.0.2:1883), C to D (10.0.0.3:1000, the same server). Flags are
 * of S, F, R, A, or "-". Sequence numbers count from the initial one of each side, and each script
 * runs with several of those, so that every rule is also tried where numbers wrap. "text+3" is a
 * payload of which the capture lacks three more bytes. Z among the flags is a window of zero. A
 * line is a second, or what "every MS" says; "wait N" lets N more pass, and "back N" sets the clock
 * back. The transcript has a line an event, with the frame and the stream in front:
 *
 *     3.0 A "hello"      3.0 A gap 5      3.0 A fin      3.0 closed fin
 */
#include "tcp/tcp.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "suite.h"

enum { TRANSCRIPT_SIZE = 1 << 16, HEADER_SIZE = 20 };

struct trouble;

struct run {
    struct tcp *tcp;
    struct tcp_moment now;
    char transcript[TRANSCRIPT_SIZE];
    size_t length;
    uint32_t initial[2]; /* sequence numbers */
    int ignore_after;    /* data events before tcp_ignore(); -1 for never */
    uint8_t *packet;     /* the segment being read, in memory of its exact size */
    size_t packet_size;
    unsigned copied;         /* data events with bytes outside of `packet` */
    struct trouble *trouble; /* of A, and of B, at the close */
    int64_t step_ms;         /* from one line to the next */
    unsigned late;           /* data events with bytes that were acknowledged before */
    int64_t unread[2];       /* of A, and of B, at the close */
    bool decoded;            /* segments come with their headers read, and numbered: */
    uint32_t stream;         /* ... so */
};

__attribute__((format(printf, 4, 5))) static void event(struct run *run,
                                                        const struct tcp_moment *now,
                                                        const struct tcp_flow *flow,
                                                        const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    int length = snprintf(run->transcript + run->length, sizeof run->transcript - run->length,
                          "%" PRIu64 ".%u %s\n", now->frame, flow->stream, text);
    run->length += (size_t)length;
    ck_assert_uint_lt(run->length, sizeof run->transcript);
}

static char who(const struct tcp_flow *flow, unsigned side)
{
    const struct tcp_side *s = &flow->side[side];
    return s->port == 1000 ? (s->address.bytes[3] == 1 ? 'A' : 'C')
                           : (flow->side[!side].address.bytes[3] == 1 ? 'B' : 'D');
}

static void on_opened(void *context, struct tcp_flow *flow, const struct tcp_moment *now)
{
    ck_assert_ptr_null(flow->user);
    flow->user = context;
    event(context, now, flow, "opened");
}

static void on_data(void *context, struct tcp_flow *flow, unsigned side,
                    const struct tcp_moment *now, struct slice bytes)
{
    struct run *run = context;
    ck_assert_ptr_eq(flow->user, run);
    ck_assert_uint_gt(bytes.reported, 0);
    if (run->packet == NULL || bytes.data < run->packet ||
        bytes.data > run->packet + run->packet_size)
        run->copied++;
    run->late += flow->side[side].late;
    char missing[24] = "";
    if (bytes.captured < bytes.reported)
        snprintf(missing, sizeof missing, "+%u", bytes.reported - bytes.captured);
    event(run, now, flow, "%c \"%.*s\"%s", who(flow, side), (int)bytes.captured,
          (const char *)bytes.data, missing);
    if (run->ignore_after >= 0 && run->ignore_after-- == 0)
        tcp_ignore(run->tcp, flow);
}

static void on_gap(void *context, struct tcp_flow *flow, unsigned side,
                   const struct tcp_moment *now, uint64_t count)
{
    ck_assert_ptr_eq(flow->user, context);
    event(context, now, flow, "%c gap %" PRIu64, who(flow, side), count);
}

static const char *end_name(enum tcp_end end)
{
    static const char *const names[] = {
        [TCP_END_NONE] = "none",     [TCP_END_FIN] = "fin",         [TCP_END_RST] = "rst",
        [TCP_END_REUSED] = "reused", [TCP_END_EVICTED] = "evicted", [TCP_END_CAPTURE] = "capture",
    };
    return names[end];
}

static void on_ended(void *context, struct tcp_flow *flow, unsigned side,
                     const struct tcp_moment *now, enum tcp_end end)
{
    ck_assert_int_eq(flow->side[side].end, end);
    ck_assert_uint_eq(flow->side[side].ended.frame, now->frame);
    event(context, now, flow, "%c %s", who(flow, side), end_name(end));
}

static void on_closed(void *context, struct tcp_flow *flow, const struct tcp_moment *now,
                      enum tcp_end how)
{
    struct run *run = context;
    ck_assert_ptr_eq(flow->user, context);
    for (unsigned side = 0; side < 2; side++)
        run->unread[who(flow, side) == 'B'] = flow->side[side].unread_since;
    event(context, now, flow, "closed %s", end_name(how));
}

/* What it was told of round trips, and of the bytes that it awaits: all that it has. */
static void on_acknowledged(void *context, struct tcp_flow *flow, unsigned side,
                            const struct tcp_moment *now, uint32_t position, int64_t round_trip)
{
    flow->side[side].awaited = false;
    if (round_trip >= 0)
        event(context, now, flow, "%c %u after %d ms", who(flow, side), position,
              (int)(round_trip / 1000000));
    else
        event(context, now, flow, "%c %u", who(flow, side), position);
}

static void on_awaited_data(void *context, struct tcp_flow *flow, unsigned side,
                            const struct tcp_moment *now, struct slice bytes)
{
    struct tcp_side *of = &flow->side[side];
    on_data(context, flow, side, now, bytes);
    of->awaited = true;
    of->awaits = (uint32_t)(of->bytes + of->gap_bytes);
}

static const struct tcp_handler handler = {on_opened, on_data, on_gap, on_ended, on_closed, NULL};

static void run_start(struct run *run, const struct tcp_options *options)
{
    memset(run, 0, sizeof *run);
    run->ignore_after = -1;
    run->step_ms = 1000;
    run->tcp = tcp_new(options, &handler, run);
    ck_assert_ptr_nonnull(run->tcp);
}

static void run_end(struct run *run)
{
    tcp_finish(run->tcp);
    ck_assert_uint_eq(tcp_open_flows(run->tcp), 0);
}

struct segment {
    char who;
    uint8_t flags;
    uint32_t sequence;
    uint32_t acknowledgement;
    uint16_t window;
    const void *payload;
    uint32_t captured;
    uint32_t not_captured;
};

static void put(uint8_t *bytes, uint32_t value, int size)
{
    for (int i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> 8 * (size - 1 - i));
}

/* The same as somebody passes it who has read its header, in `ip`. */
static void send_decoded(struct run *run, const struct segment *s, const struct ip_packet *ip)
{
    struct tcp_segment segment = {
        .packet = *ip,
        .source_port = read_u16(ip->payload.data),
        .destination_port = read_u16(ip->payload.data + 2),
        .sequence = s->sequence,
        .acknowledgement = s->acknowledgement,
        .window = s->window,
        .flags = s->flags,
        .numbered = true,
        .stream = run->stream,
    };
    segment.packet.payload = slice_skip(ip->payload, HEADER_SIZE);
    tcp_segment(run->tcp, &run->now, &segment);
}

/* Builds a segment and passes it as the IP layer would. */
static enum tcp_result send_segment(struct run *run, const struct segment *s)
{
    bool client = s->who == 'A' || s->who == 'C';
    struct ip_packet ip = {.version = 4, .protocol = 6};
    const struct ip_address one = {{10, 0, 0, s->who <= 'B' ? 1 : 3}}, two = {{10, 0, 0, 2}};
    ip.source = client ? one : two;
    ip.destination = client ? two : one;

    run->packet_size = HEADER_SIZE + s->captured;
    run->packet = malloc(run->packet_size);
    ck_assert_ptr_nonnull(run->packet);
    memset(run->packet, 0, HEADER_SIZE);
    put(run->packet, client ? 1000 : 1883, 2);
    put(run->packet + 2, client ? 1883 : 1000, 2);
    put(run->packet + 4, s->sequence, 4);
    put(run->packet + 8, s->acknowledgement, 4);
    run->packet[12] = 5 << 4;
    run->packet[13] = s->flags;
    put(run->packet + 14, s->window, 2);
    if (s->captured > 0)
        memcpy(run->packet + HEADER_SIZE, s->payload, s->captured);

    uint32_t captured = (uint32_t)run->packet_size;
    ip.payload = (struct slice){run->packet, captured, captured + s->not_captured};
    run->now.frame++;
    run->now.time_ns += run->step_ms * 1000000;
    enum tcp_result result = TCP_OK;
    if (run->decoded)
        send_decoded(run, s, &ip);
    else
        result = tcp_packet(run->tcp, &run->now, &ip);
    free(run->packet);
    run->packet = NULL;
    return result;
}

static uint8_t parse_flags(const char *text)
{
    static const char names[] = "FSRPA";
    unsigned flags = 0;
    for (; *text; text++)
        if (strchr(names, *text) != NULL)
            flags |= 1u << (strchr(names, *text) - names);
    return (uint8_t)flags;
}

static void play_line(struct run *run, const char *line)
{
    char from[8], flags[8], payload[64] = "";
    unsigned seconds;
    uint32_t sequence, acknowledgement, not_captured = 0;
    if (sscanf(line, "wait %u", &seconds) == 1) {
        run->now.time_ns += seconds * INT64_C(1000000000);
        return;
    }
    if (sscanf(line, "back %u", &seconds) == 1) {
        run->now.time_ns -= seconds * INT64_C(1000000000);
        return;
    }
    if (sscanf(line, "every %u", &seconds) == 1) {
        run->step_ms = seconds;
        return;
    }
    int fields = sscanf(line, "%7s %7s %" SCNu32 " %" SCNu32 " %63s", from, flags, &sequence,
                        &acknowledgement, payload);
    ck_assert_msg(fields >= 4, "bad line: %s", line);
    char *plus = strchr(payload, '+');
    if (plus != NULL) {
        not_captured = (uint32_t)strtoul(plus + 1, NULL, 10);
        *plus = '\0';
    }
    bool client = from[0] == 'A' || from[0] == 'C';
    struct segment segment = {
        .who = from[0],
        .flags = parse_flags(flags),
        .sequence = run->initial[!client] + sequence,
        .acknowledgement = run->initial[client] + acknowledgement,
        .window = strchr(flags, 'Z') != NULL ? 0 : 1000,
        .payload = payload,
        .captured = (uint32_t)strlen(payload),
        .not_captured = not_captured,
    };
    ck_assert_int_eq(send_segment(run, &segment), TCP_OK);
}

static void play(struct run *run, const char *script)
{
    while (*script) {
        size_t length = strcspn(script, "\n");
        char line[128];
        snprintf(line, sizeof line, "%.*s", (int)length, script);
        play_line(run, line);
        script += length + (script[length] == '\n');
    }
}

#define HANDSHAKE "A S 0 0\nB SA 0 1\nA A 1 1\n"
#define OPENED "1.0 opened\n"

static const struct scenario {
    const char *name;
    const char *script;
    const char *transcript;
} scenarios[] = {
    {"a whole connection",
     HANDSHAKE "A PA 1 1 hello\nB PA 1 6 welcome\nA FA 6 8\nB FA 8 7\nA A 7 9",
     OPENED "4.0 A \"hello\"\n5.0 B \"welcome\"\n6.0 A fin\n7.0 B fin\n7.0 closed fin\n"},
    {"FIN with the last bytes", HANDSHAKE "A FA 1 1 bye\nB FA 1 5",
     OPENED "4.0 A \"bye\"\n4.0 A fin\n5.0 B fin\n5.0 closed fin\n"},
    {"half-closed", HANDSHAKE "A FA 1 1\nB A 1 2 more\nB A 5 2 still",
     OPENED "4.0 A fin\n5.0 B \"more\"\n6.0 B \"still\"\n6.0 closed capture\n"},
    {"out of order", HANDSHAKE "A A 6 1 world\nA A 1 1 hello\nA A 11 1 !",
     OPENED "5.0 A \"hello\"\n5.0 A \"world\"\n6.0 A \"!\"\n6.0 closed capture\n"},
    {"three, backwards", HANDSHAKE "A A 5 1 ef\nA A 3 1 cd\nA A 1 1 ab",
     OPENED "6.0 A \"ab\"\n6.0 A \"cd\"\n6.0 A \"ef\"\n6.0 closed capture\n"},
    {"retransmitted", HANDSHAKE "A A 1 1 hello\nA A 1 1 hello\nA A 6 1 x",
     OPENED "4.0 A \"hello\"\n6.0 A \"x\"\n6.0 closed capture\n"},
    {"retransmitted with more", HANDSHAKE "A A 1 1 abc\nA A 1 1 abcdef",
     OPENED "4.0 A \"abc\"\n5.0 A \"def\"\n5.0 closed capture\n"},
    {"the first copy wins", HANDSHAKE "A A 1 1 abc\nA A 2 1 XYZ",
     OPENED "4.0 A \"abc\"\n5.0 A \"Z\"\n5.0 closed capture\n"},
    {"the first copy wins while held", HANDSHAKE "A A 4 1 def\nA A 2 1 BCDEFGH\nA A 1 1 aX",
     OPENED "6.0 A \"aX\"\n6.0 A \"C\"\n6.0 A \"def\"\n6.0 A \"GH\"\n6.0 closed capture\n"},
    {"one covers several held", HANDSHAKE "A A 3 1 c\nA A 5 1 e\nA A 7 1 g\nA A 1 1 abCdEfGh",
     OPENED "7.0 A \"abCdEfGh\"\n7.0 closed capture\n"},
    {"lost and acknowledged", HANDSHAKE "A A 6 1 world\nB A 1 11\nA A 11 1 !",
     OPENED "5.0 A gap 5\n5.0 A \"world\"\n6.0 A \"!\"\n6.0 closed capture\n"},
    {"lost, acknowledged before the rest", HANDSHAKE "B A 1 6\nA A 6 1 world\nB A 1 11",
     OPENED "6.0 A gap 5\n6.0 A \"world\"\n6.0 closed capture\n"},
    {"captured behind its acknowledgement", HANDSHAKE "B A 1 11\nA A 6 1 world\nA A 1 1 hello",
     OPENED "6.0 A \"hello\"\n6.0 A \"world\"\n6.0 closed capture\n"},
    {"acknowledged up to the hole", HANDSHAKE "A A 6 1 world\nB A 1 1\nB A 1 3\nA A 1 1 hello",
     OPENED "7.0 A \"hello\"\n7.0 A \"world\"\n7.0 closed capture\n"},
    {"two holes", HANDSHAKE "A A 3 1 c\nA A 6 1 f\nB A 1 4\nB A 1 7",
     OPENED "6.0 A gap 2\n6.0 A \"c\"\n7.0 A gap 2\n7.0 A \"f\"\n7.0 closed capture\n"},
    {"lost before the FIN", HANDSHAKE "A FA 6 1\nB A 1 7",
     OPENED "5.0 A gap 5\n5.0 A fin\n5.0 closed capture\n"},
    {"FIN ahead of its bytes", HANDSHAKE "A FA 6 1\nA A 1 1 hello",
     OPENED "5.0 A \"hello\"\n5.0 A fin\n5.0 closed capture\n"},
    {"lost, and then the capture ends", HANDSHAKE "A A 6 1 world\nA A 15 1 !",
     OPENED "5.0 A gap 5\n5.0 A \"world\"\n5.0 A gap 4\n5.0 A \"!\"\n5.0 closed capture\n"},
    {"no handshake", "B A 500 800 abc\nA A 800 503 xyz\nB A 503 803 d",
     OPENED "1.0 B \"abc\"\n2.0 A \"xyz\"\n3.0 B \"d\"\n3.0 closed capture\n"},
    {"no handshake, acknowledgements first", "A A 800 500\nB A 510 800 later",
     OPENED "2.0 B \"later\"\n2.0 closed capture\n"},
    {"no handshake, lost later", "A A 800 500 abc\nA A 806 500 ghi\nB A 500 809",
     OPENED "1.0 A \"abc\"\n3.0 A gap 3\n3.0 A \"ghi\"\n3.0 closed capture\n"},
    {"from the SYN/ACK on", "B SA 0 1\nA A 3 1 cd\nA A 1 1 ab",
     OPENED "3.0 A \"ab\"\n3.0 A \"cd\"\n3.0 closed capture\n"},
    {"data with the SYN", "A S 0 0 ab\nB SA 0 3\nA A 3 1 cd",
     OPENED "1.0 A \"ab\"\n3.0 A \"cd\"\n3.0 closed capture\n"},
    {"data with the SYN refused", "A S 0 0 ab\nB SA 0 1\nA A 1 1 abcd",
     OPENED "1.0 A \"ab\"\n3.0 A \"cd\"\n3.0 closed capture\n"},
    {"keep-alive probes", HANDSHAKE "A A 1 1 abc\nA A 3 1\nA A 3 1 c\nA A 3 1 ?\nA A 4 1 d",
     OPENED "4.0 A \"abc\"\n8.0 A \"d\"\n8.0 closed capture\n"},
    {"keep-alive probe in mid-connection", "B A 500 804\nA A 803 500 ?\nA A 804 500 abc",
     OPENED "3.0 A \"abc\"\n3.0 closed capture\n"},
    {"zero-window probe", HANDSHAKE "A A 1 1 a\nB A 1 1\nA A 1 1 abc",
     OPENED "4.0 A \"a\"\n6.0 A \"bc\"\n6.0 closed capture\n"},
    {"beyond any window", HANDSHAKE "A A 1073741826 1 far\nA A 1 1 near",
     OPENED "5.0 A \"near\"\n5.0 closed capture\n"},
    {"longer than any window", HANDSHAKE "A A 1 1 x+1073741824\nA A 1 1 near",
     OPENED "5.0 A \"near\"\n5.0 closed capture\n"},
    {"ahead, and around to where it began", HANDSHAKE "A A 536870913 1 x+4294967200\nA A 1 1 near",
     OPENED "5.0 A \"near\"\n5.0 closed capture\n"},
    {"FIN behind more than any window", HANDSHAKE "A FA 11 1 x+4294967200\nA A 1 1 near",
     OPENED "5.0 A \"near\"\n5.0 closed capture\n"},
    {"reset by the server", HANDSHAKE "A A 1 1 abc\nB R 1 0",
     OPENED "4.0 A \"abc\"\n5.0 B rst\n5.0 closed rst\n"},
    {"under way at the reset", HANDSHAKE "A RA 1 1\nB A 1 1 late\nwait 9\nB A 5 1 later\nC S 0 0",
     OPENED "4.0 A rst\n5.0 B \"late\"\n5.0 closed rst\n7.1 opened\n7.1 closed capture\n"},
    {"text in a reset", HANDSHAKE "A RA 1 1 gone\nB R 1 0", OPENED "4.0 A rst\n5.0 closed rst\n"},
    {"FIN, then reset by the same side", HANDSHAKE "A FA 1 1\nB A 1 2 abc\nA R 2 0",
     OPENED "4.0 A fin\n5.0 B \"abc\"\n6.0 A rst\n6.0 closed rst\n"},
    {"refused, tried again", "A S 0 0\nB RA 0 1\nA S 0 0\nB SA 0 1\nA A 1 1 abc",
     OPENED "2.0 B rst\n2.0 closed rst\n3.0 opened\n5.0 A \"abc\"\n5.0 closed capture\n"},
    {"behind the FIN", HANDSHAKE "A FA 1 1 abc\nA A 5 1 more\nA A 2 1 bcde",
     OPENED "4.0 A \"abc\"\n4.0 A fin\n6.0 closed capture\n"},
    {"a FIN before bytes already seen", HANDSHAKE "A A 1 1 abc\nA A 5 1 ef\nA FA 5 1\nA A 4 1 d",
     OPENED "4.0 A \"abc\"\n7.0 A \"d\"\n7.0 A \"ef\"\n7.0 closed capture\n"},
    {"late segments of a closed flow",
     HANDSHAKE "A FA 1 1 abc\nB FA 1 5\nA FA 1 1 abc\nA A 5 2\nA A 9 2 x",
     OPENED "4.0 A \"abc\"\n4.0 A fin\n5.0 B fin\n5.0 closed fin\n"},
    {"the same SYN again", "A S 0 0\nA S 0 0\nB SA 0 1\nB SA 0 1\nA A 1 1 abc\nA S 0 0\nA A 4 1 d",
     OPENED "5.0 A \"abc\"\n7.0 A \"d\"\n7.0 closed capture\n"},
    {"ports used again",
     HANDSHAKE "A A 1 1 abc\nA A 9 1 ijk\nA S 5000 0\nB SA 7000 5001\nA A 5001 7001 new",
     OPENED "4.0 A \"abc\"\n5.0 A gap 5\n5.0 A \"ijk\"\n5.0 closed reused\n"
            "6.1 opened\n8.1 A \"new\"\n8.1 closed capture\n"},
    {"ports used again after the close", HANDSHAKE "A FA 1 1\nB FA 1 2\nA S 5000 0\nA A 5001 1 new",
     OPENED
     "4.0 A fin\n5.0 B fin\n5.0 closed fin\n6.1 opened\n7.1 A \"new\"\n7.1 closed capture\n"},
    {"two flows", "A S 0 0\nC S 9 0\nB SA 0 1\nD SA 5 10\nC A 10 6 see\nA A 1 1 abc",
     OPENED "2.1 opened\n5.1 C \"see\"\n6.0 A \"abc\"\n6.0 closed capture\n5.1 closed capture\n"},
    {"cut by the snap length", HANDSHAKE "A A 1 1 ab+3\nA A 6 1 +4\nA A 10 1 x",
     OPENED "4.0 A \"ab\"+3\n5.0 A \"\"+4\n6.0 A \"x\"\n6.0 closed capture\n"},
    {"cut, out of order and overlapping", HANDSHAKE "A A 6 1 fg+3\nA A 1 1 ab+6\nA A 9 1 ijkl",
     OPENED "5.0 A \"ab\"+6\n5.0 A \"\"+2\n6.0 A \"kl\"\n6.0 closed capture\n"},
};

static const uint32_t initials[][2] = {
    {0, 0}, {1000, 4000000000}, {0xffffffff, 0x7fffffff}, {0xfffffffa, 0xfffffff8}, {0x7ffffffd, 3},
};

START_TEST(transcripts)
{
    const struct scenario *s = &scenarios[_i];
    for (size_t i = 0; i < sizeof initials / sizeof initials[0]; i++) {
        struct run run;
        run_start(&run, NULL);
        memcpy(run.initial, initials[i], sizeof run.initial);
        play(&run, s->script);
        run_end(&run);
        ck_assert_msg(strcmp(run.transcript, s->transcript) == 0,
                      "%s, initial sequence numbers %zu:\n%swhere this was expected:\n%s", s->name,
                      i, run.transcript, s->transcript);
        tcp_free(run.tcp);
    }
}
END_TEST

/* Scripts whose streams tshark 4.0.17 numbers like this, a digit a segment. */
static const struct numbering {
    const char *name;
    const char *script;
    const char *streams;
} numberings[] = {
    {"a SYN again", "A S 100 0\nA S 100 0\nB SA 500 101", "000"},
    {"another SYN", "A S 100 0\nA S 200 0\nB SA 500 201", "011"},
    {"the same SYN after a FIN", "A S 100 0\nB SA 500 101\nA FA 101 501\nA S 100 0", "0000"},
    {"the same SYN after an RST", "A S 100 0\nB RA 0 101\nA S 100 0\nB RA 0 101", "0000"},
    {"another SYN after an RST", "A S 100 0\nB RA 0 101\nA S 300 0\nB RA 0 301", "0011"},
    {"the SYN behind the data", "A PA 5000 900 abc\nA S 4999 0\nA S 100 0", "001"},
    {"the SYN that an acknowledgement tells", "B PA 900 5000 abc\nA S 4999 0\nA S 123 0", "001"},
    {"SYNs from both sides", "B S 900 0\nA S 4999 0\nA S 123 0", "001"},
    {"the SYN/ACK first", "B SA 500 101\nA S 100 0\nA A 101 501", "000"},
    {"another SYN/ACK", "A S 100 0\nB SA 500 101\nB SA 600 101\nA S 100 0\nA S 101 0", "00001"},
    {"a SYN/ACK moves the base", "B SA 500 101\nB SA 600 101\nB S 600 0\nB S 500 0", "0001"},
    {"sides exchanged", "A S 100 0\nB SA 500 101\nB S 500 0\nB S 501 0", "0001"},
    {"the reset first", "B RA 0 101\nA S 100 0\nA S 101 0", "001"},
    {"late segments",
     "A S 100 0\nB SA 500 101\nA FA 101 501\nB FA 501 102\nA A 102 502\nA PA 101 501 x\nB R 502 "
     "0\nA S 900 0",
     "00000001"},
    {"an old segment after the reuse",
     "A S 100 0\nB SA 500 101\nA PA 101 501 q\nA S 5000 0\nA PA 101 501 q\nA S 100 0", "000112"},
    {"two pairs", "A S 1 0\nC S 1 0\nB SA 9 2\nC S 3 0\nA S 7 0\nD SA 8 4\nB SA 5 8", "0102323"},
};

/* The number of the latest stream of a segment's flow is the frame's: opened() tells those that are
 * new. */
START_TEST(numbers_streams)
{
    const struct numbering *n = &numberings[_i];
    struct run run;
    run_start(&run, NULL);
    char streams[32] = "";
    unsigned latest[2] = {0, 0}, flows = 0;
    const char *script = n->script;
    for (size_t i = 0; *script; i++) {
        size_t length = strcspn(script, "\n");
        char line[128];
        snprintf(line, sizeof line, "%.*s", (int)length, script);
        script += length + (script[length] == '\n');
        play_line(&run, line);
        unsigned pair = line[0] > 'B';
        if (tcp_counters(run.tcp)->flows > flows)
            latest[pair] = flows++;
        streams[i] = (char)('0' + latest[pair]);
    }
    ck_assert_msg(strcmp(streams, n->streams) == 0, "%s: %s, tshark has %s", n->name, streams,
                  n->streams);
    tcp_free(run.tcp);
}
END_TEST

/* Who has read the headers gets the same of a connection. */
START_TEST(decoded_segments)
{
    const struct scenario *s = &scenarios[_i];
    struct run run;
    if (strstr(s->transcript, ".1 ") != NULL)
        return; /* two conversations: see below */
    run_start(&run, NULL);
    run.decoded = true;
    play(&run, s->script);
    run_end(&run);
    ck_assert_msg(strcmp(run.transcript, s->transcript) == 0, "%s, decoded:\n%s", s->name,
                  run.transcript);
    tcp_free(run.tcp);
}
END_TEST

/* Who has numbered the conversations tells where a new one begins: a SYN does not, and none is
 * needed. */
START_TEST(numbers_are_believed)
{
    struct run run;
    run_start(&run, NULL);
    run.decoded = true;
    run.stream = 7;
    play(&run, "A S 100 0\nB SA 500 101\nA S 200 0\nA PA 201 501 one");
    run.stream = 9;
    play(&run, "A PA 204 501 two");
    run_end(&run);
    ck_assert_str_eq(run.transcript, "1.7 opened\n4.7 A \"one\"\n4.7 closed reused\n5.9 opened\n"
                                     "5.9 A \"two\"\n5.9 closed capture\n");
    tcp_free(run.tcp);
}
END_TEST

START_TEST(finds_flows)
{
    const struct tcp_segment there = {
        .packet = {.version = 4, .source = {{10, 0, 0, 2}}, .destination = {{10, 0, 0, 1}}},
        .source_port = 1883,
        .destination_port = 1000,
    };
    struct tcp_segment elsewhere = there;
    struct run run;
    unsigned side = 0;
    run_start(&run, NULL);
    play(&run, "A S 0 0\nB SA 0 1");
    ck_assert_ptr_nonnull(tcp_find(run.tcp, &there, &side));
    ck_assert_uint_eq(side, 1);
    elsewhere.source_port = 1884;
    ck_assert_ptr_null(tcp_find(run.tcp, &elsewhere, &side));
    play(&run, "A FA 1 1\nB FA 1 2");
    ck_assert_ptr_null(tcp_find(run.tcp, &there, &side));
    run_end(&run);
    tcp_free(run.tcp);
}
END_TEST

START_TEST(in_order_is_not_copied)
{
    struct run run;
    run_start(&run, NULL);
    play(&run, HANDSHAKE "A A 1 1 abc\nA A 4 1 def\nA A 2 1 bcdefg\nB A 1 8 x");
    ck_assert_uint_eq(run.copied, 0);
    play(&run, "A A 9 1 i\nA A 8 1 h");
    ck_assert_uint_eq(run.copied, 1);
    run_end(&run);
    tcp_free(run.tcp);
}
END_TEST

/* The answers were captured before what they answer, and in another order than they were sent. */
START_TEST(an_overtaken_acknowledgement_takes_nothing_back)
{
    struct run run;
    run_start(&run, NULL);
    play(&run, HANDSHAKE "B A 3 5 yy\nB A 1 3 xx\nA A 3 1 cd\nA A 1 1 ab\nA A 5 5 ef");
    ck_assert_uint_eq(run.late, 2);
    run_end(&run);
    tcp_free(run.tcp);
}
END_TEST

/* What was sent again and never acknowledged did not get there: from when on, in seconds of A's
 * packets and B's; 0: nothing is known to be lost. */
static const struct {
    const char *script;
    int64_t a, b;
} losses[] = {
    {"A PA 1 1 abc\nA PA 1 1 abc", 4, 0},
    {"A PA 1 1 abc\nA PA 1 1 abc\nB A 1 4", 0, 0},
    {"A PA 1 1 abc", 0, 0}, /* the answer may be under way */
    {"A PA 1 1 abc\nB A 1 4\nA PA 4 1 def\nA PA 7 1 ghi\nA PA 4 1 def\nA PA 4 1 def", 6, 0},
    {"A PA 1 1 abc\nA PA 4 1 def\nA PA 1 1 abc\nB A 1 4", 0, 0}, /* what was sent again came */
    {"A PA 1 1 abc\nA PA 4 1 def\nB A 1 4\nA PA 7 1 g\nA PA 4 1 def", 5, 0},
    {"B PA 1 1 abc\nB PA 1 1 abc\nA PA 1 1 x\nB PA 4 2 y", 0, 4},
};

START_TEST(what_did_not_get_there)
{
    const int64_t second = 1000000000;
    struct run run;
    run_start(&run, NULL);
    play(&run, HANDSHAKE);
    play(&run, losses[_i].script);
    run_end(&run);
    ck_assert_int_eq(run.unread[0], losses[_i].a != 0 ? losses[_i].a * second : INT64_MAX);
    ck_assert_int_eq(run.unread[1], losses[_i].b != 0 ? losses[_i].b * second : INT64_MAX);
    tcp_free(run.tcp);
}
END_TEST

/* ---- What TCP tells of the way ---- */

/* Behind the handshake: what is acknowledged, and how long the round trip took. */
static const struct {
    const char *name;
    const char *script;
    const char *told; /* of all events, those of acknowledgements */
} round_trips[] = {
    {"a segment and its acknowledgement", "A PA 1 1 abc\nB A 1 4", "5.0 A 3 after 1000 ms\n"},
    {"with the answer", "A PA 1 1 abc\nwait 2\nB PA 1 4 ok", "5.0 A 3 after 3000 ms\n"},
    {"in two steps", "A PA 1 1 abcdef\nB A 1 4\nB A 1 7", "6.0 A 6 after 2000 ms\n"},
    {"one of several", "A PA 1 1 abc\nA PA 4 1 def\nB A 1 7", "6.0 A 6 after 2000 ms\n"},
    {"acknowledged twice", "A PA 1 1 abc\nB A 1 4\nB A 1 4", "5.0 A 3 after 1000 ms\n"},
    {"never", "A PA 1 1 abc\nB A 1 1", ""},
    {"sent again", "A PA 1 1 abc\nA PA 1 1 abc\nB A 1 4", "6.0 A 3\n"},
    {"sent again with more", "A PA 1 1 abc\nA PA 1 1 abcdef\nB A 1 7", "6.0 A 6\n"},
    {"out of order", "A PA 4 1 def\nA PA 1 1 abc\nB A 1 7", "6.0 A 6\n"},
    {"with a hole", "A PA 1 1 abc\nA PA 7 1 ghi\nB A 1 10", "6.0 A 9\n"},
    {"captured behind its acknowledgement", "B A 1 4\nA PA 1 1 abc\nA PA 4 1 d\nB A 1 5",
     "7.0 A 4 after 1000 ms\n"},
    {"a clock that steps back", "A PA 1 1 abc\nback 9\nB A 1 4", "5.0 A 3\n"},
    {"ten a second at the most",
     "every 20\nA PA 1 1 a\nB A 1 2\nA PA 2 1 b\nB A 1 3\nA PA 3 1 c\nB A 1 4\nA PA 4 1 d\nB A 1 5",
     "5.0 A 1 after 20 ms\n7.0 A 2\n9.0 A 3\n11.0 A 4 after 20 ms\n"},
    {"both ways", "A PA 1 1 abc\nB PA 1 4 ok\nA A 4 3",
     "5.0 A 3 after 1000 ms\n6.0 B 2 after 1000 ms\n"},
    {"the FIN", "A PA 1 1 abc\nA FA 4 1\nB A 1 5", "6.0 A 3 after 2000 ms\n"},
};

/* The lines of the transcript that on_acknowledged() wrote. */
static void acknowledgements(const char *transcript, char *told)
{
    *told = '\0';
    while (*transcript) {
        const size_t length = strcspn(transcript, "\n") + 1;
        unsigned position;
        if (sscanf(transcript, "%*u.%*u %*c %u", &position) == 1)
            strncat(told, transcript, length);
        transcript += length;
    }
}

START_TEST(tells_round_trips)
{
    struct tcp_handler waiting = handler;
    waiting.data = on_awaited_data;
    waiting.acknowledged = on_acknowledged;
    for (size_t i = 0; i < sizeof initials / sizeof initials[0]; i++) {
        struct run run;
        char told[TRANSCRIPT_SIZE];
        run_start(&run, NULL);
        tcp_free(run.tcp);
        run.tcp = tcp_new(NULL, &waiting, &run);
        memcpy(run.initial, initials[i], sizeof run.initial);
        play(&run, HANDSHAKE);
        play(&run, round_trips[_i].script);
        run_end(&run);
        acknowledgements(run.transcript, told);
        ck_assert_msg(strcmp(told, round_trips[_i].told) == 0, "%s:\n%s", round_trips[_i].name,
                      told);
        tcp_free(run.tcp);
    }
}
END_TEST

/* What was sent again, and what was not taken in: of A, and of B. Times in milliseconds. */
struct trouble {
    uint64_t resent, bytes, timeouts, fast, run;
    int64_t run_ms;
    uint64_t last;
    int64_t last_ms;
    uint64_t duplicates, zero, spans;
    int64_t zero_ms, longest_ms;
};

static const struct {
    const char *name;
    const char *script;
    struct trouble a, b;
} troubles[] = {
    {"nothing", "A PA 1 1 abc\nB A 1 4", {0}, {0}},
    {"again and again",
     "A PA 1 1 abc\nA PA 1 1 abc\nA PA 1 1 abc\nA PA 1 1 abc",
     {.resent = 3, .bytes = 9, .timeouts = 3, .run = 3, .run_ms = 2000, .last = 3, .last_ms = 2000},
     {0}},
    {"again and again, and acknowledged in the end",
     "A PA 1 1 abc\nA PA 1 1 abc\nA PA 1 1 abc\nA PA 1 1 abc\nB A 1 4",
     {.resent = 3, .bytes = 9, .timeouts = 3, .run = 3, .run_ms = 2000},
     {0}},
    {"again, twice",
     "A PA 1 1 abc\nA PA 1 1 abc\nB A 1 4\nA PA 4 1 def\nA PA 4 1 def",
     {.resent = 2, .bytes = 6, .timeouts = 2, .run = 1, .last = 1},
     {0}},
    {"again though it was acknowledged",
     "A PA 1 1 abc\nB A 1 4\nA PA 1 1 abc",
     {.resent = 1, .bytes = 3},
     {0}},
    {"part of it again", "A PA 1 1 abc\nA PA 2 1 bcd", {.bytes = 2}, {0}},
    {"at once",
     "every 10\nA PA 1 1 abc\nA PA 4 1 def\nB A 1 1\nB A 1 1\nB A 1 1\nA PA 1 1 abc",
     {.resent = 1, .bytes = 3, .fast = 1, .run = 1, .last = 1},
     {.duplicates = 3}},
    {"at once, nobody knows why",
     "every 10\nA PA 1 1 abc\nA PA 4 1 def\nB A 1 1\nB A 1 1\nA PA 1 1 abc",
     {.resent = 1, .bytes = 3, .run = 1, .last = 1},
     {.duplicates = 2}},
    {"an acknowledgement again when all has come", "A PA 1 1 abc\nB A 1 4\nB A 1 4", {0}, {0}},
    {"another window is no duplicate",
     "A PA 1 1 abc\nB AZ 1 1\nB A 1 1",
     {0},
     {.zero = 1, .spans = 1, .zero_ms = 1000, .longest_ms = 1000}},
    {"keep-alive probes", "A PA 1 1 abc\nB A 1 4\nA A 3 1\nB A 1 4\nA A 3 1 c", {0}, {0}},
    {"a full window",
     "A PA 1 1 abc\nB AZ 1 4\nB AZ 1 4\nB A 1 4\nwait 5\nB AZ 1 4\nB A 1 4",
     {0},
     {.zero = 3, .spans = 2, .zero_ms = 3000, .longest_ms = 2000}},
    {"a full window that never opens",
     "A PA 1 1 abc\nB AZ 1 4\nA A 3 1\nwait 8\nA A 3 1",
     {0},
     {.zero = 1, .spans = 1, .zero_ms = 10000, .longest_ms = 10000}},
    {"asking whether it is open is no timeout",
     "A PA 1 1 abc\nB AZ 1 1\nA PA 1 1 abc",
     {.resent = 1, .bytes = 3, .run = 1, .last = 1},
     {.zero = 1, .spans = 1, .zero_ms = 1000, .longest_ms = 1000}},
    {"a reset has no window", "A PA 1 1 abc\nB RZ 1 0", {0}, {0}},
    {"a full window across a step back",
     "A PA 1 1 abc\nB AZ 1 4\nback 9\nB A 1 4",
     {0},
     {.zero = 1, .spans = 1}},
    {"again across a step back",
     "A PA 1 1 abc\nback 9\nA PA 1 1 abc",
     {.resent = 1, .bytes = 3, .run = 1, .last = 1},
     {0}},
};

static void note_trouble(void *context, struct tcp_flow *flow, const struct tcp_moment *now,
                         enum tcp_end how)
{
    struct trouble *found = ((struct run *)context)->trouble;
    on_closed(context, flow, now, how);
    for (unsigned side = 0; side < 2; side++) {
        const struct tcp_side *of = &flow->side[side];
        found[who(flow, side) == 'B'] = (struct trouble){
            .resent = of->retransmitted,
            .bytes = of->retransmitted_bytes,
            .timeouts = of->timeouts,
            .fast = of->fast_retransmissions,
            .run = of->longest_run,
            .run_ms = of->longest_run_ns / 1000000,
            .last = of->last_run,
            .last_ms = of->last_run_ns / 1000000,
            .duplicates = of->duplicate_acknowledgements,
            .zero = of->zero_window,
            .spans = of->zero_window_spans,
            .zero_ms = of->zero_window_ns / 1000000,
            .longest_ms = of->longest_zero_window_ns / 1000000,
        };
    }
}

START_TEST(tells_trouble)
{
    struct tcp_handler noting = handler;
    struct trouble found[2];
    noting.closed = note_trouble;
    for (size_t i = 0; i < sizeof initials / sizeof initials[0]; i++) {
        struct run run;
        run_start(&run, NULL);
        tcp_free(run.tcp);
        run.tcp = tcp_new(NULL, &noting, &run);
        run.trouble = found;
        memcpy(run.initial, initials[i], sizeof run.initial);
        play(&run, HANDSHAKE);
        play(&run, troubles[_i].script);
        run_end(&run);
        ck_assert_msg(memcmp(&found[0], &troubles[_i].a, sizeof found[0]) == 0, "A: %s",
                      troubles[_i].name);
        ck_assert_msg(memcmp(&found[1], &troubles[_i].b, sizeof found[1]) == 0, "B: %s",
                      troubles[_i].name);
        tcp_free(run.tcp);
    }
}
END_TEST

START_TEST(counts)
{
    struct run run;
    run_start(&run, NULL);
    play(&run, HANDSHAKE
         "A A 4 1 d\nA A 4 1 d\nA A 1 1 abc\nA A 1 1 abc\nA A 4 1 d\nA A 4 1 +9\n"
         "A A 14 1\nA A 20 1 z\nB A 1 21\nA A 1073741899 1 far\nA FA 21 1\nA A 22 1 behind");
    struct segment closed_window = {
        .who = 'B', .flags = 0x10, .sequence = 1, .acknowledgement = 21};
    send_segment(&run, &closed_window);
    const struct tcp_counters *c = tcp_counters(run.tcp);
    ck_assert_uint_eq(c->flows, 1);
    ck_assert_uint_eq(c->segments, 16);
    ck_assert_uint_eq(c->payload, 9);
    ck_assert_uint_eq(c->out_of_order, 2);
    ck_assert_uint_eq(c->retransmitted,
                      2); /* "d" held, "abc"; the last "d" looks like a keep-alive */
    ck_assert_uint_eq(c->keep_alive, 1);
    ck_assert_uint_eq(c->not_captured, 8);
    ck_assert_uint_eq(c->gaps, 1);
    ck_assert_uint_eq(c->gap_bytes, 7);
    ck_assert_uint_eq(c->beyond_window, 1);
    ck_assert_uint_eq(c->after_fin, 6);
    run_end(&run);
    tcp_free(run.tcp);
}
END_TEST

/* A connection of months: its counts are past 32 bits. */
static void opened_long_ago(void *context, struct tcp_flow *flow, const struct tcp_moment *now)
{
    struct tcp_side *side = &flow->side[0];
    on_opened(context, flow, now);
    side->segments = side->retransmitted = side->out_of_order = UINT32_MAX;
    side->zero_window = side->gaps = UINT32_MAX;
}

static void closed_after_months(void *context, struct tcp_flow *flow, const struct tcp_moment *now,
                                enum tcp_end how)
{
    const struct tcp_side *side = &flow->side[0];
    on_closed(context, flow, now, how);
    ck_assert_uint_eq(side->segments, UINT32_MAX + UINT64_C(7));
    ck_assert_uint_eq(side->retransmitted, UINT32_MAX + UINT64_C(1));
    ck_assert_uint_eq(side->out_of_order, UINT32_MAX + UINT64_C(2));
    ck_assert_uint_eq(side->zero_window, UINT32_MAX + UINT64_C(1));
    ck_assert_uint_eq(side->gaps, UINT32_MAX + UINT64_C(1));
}

START_TEST(counts_go_on_for_months)
{
    struct tcp_handler patient = handler;
    patient.opened = opened_long_ago;
    patient.closed = closed_after_months;
    struct run run;
    run_start(&run, NULL);
    tcp_free(run.tcp);
    run.tcp = tcp_new(NULL, &patient, &run);
    play(&run, HANDSHAKE "A A 3 1 cd\nA A 1 1 ab\nA A 1 1 ab\nA A 9 1 ij\nB A 1 11");
    struct segment closed_window = {
        .who = 'A', .flags = 0x10, .sequence = 11, .acknowledgement = 1};
    send_segment(&run, &closed_window);
    run_end(&run);
    tcp_free(run.tcp);
}
END_TEST

START_TEST(rejects_bad_headers)
{
    struct run run;
    run_start(&run, NULL);
    uint8_t bytes[20] = {0, 1, 0, 2, [12] = 0x40};
    struct ip_packet ip = {.version = 4, .protocol = 6, .payload = {bytes, 20, 20}};
    ck_assert_int_eq(tcp_packet(run.tcp, &run.now, &ip), TCP_MALFORMED); /* header of 16 */
    bytes[12] = 0x60;
    ck_assert_int_eq(tcp_packet(run.tcp, &run.now, &ip), TCP_MALFORMED); /* of 24, in 20 */
    ip.payload.reported = 24;
    ck_assert_int_eq(tcp_packet(run.tcp, &run.now, &ip), TCP_OK); /* options cut off */
    ip.payload = (struct slice){bytes, 15, 20};
    ck_assert_int_eq(tcp_packet(run.tcp, &run.now, &ip), TCP_TRUNCATED);
    ip.payload = (struct slice){bytes, 15, 15};
    ck_assert_int_eq(tcp_packet(run.tcp, &run.now, &ip), TCP_MALFORMED);
    ck_assert_uint_eq(tcp_counters(run.tcp)->malformed, 3);
    ck_assert_uint_eq(tcp_counters(run.tcp)->truncated, 1);
    ck_assert_uint_eq(tcp_counters(run.tcp)->flows, 1);
    tcp_free(run.tcp);
}
END_TEST

START_TEST(ignored_flows_are_quiet)
{
    struct run run;
    run_start(&run, NULL);
    run.ignore_after = 0;
    play(&run, HANDSHAKE "A A 5 1 ef\nA A 1 1 ab\nA A 9 1 ij\nA A 3 1 cd\nB A 1 11 yes\nA FA 11 "
                         "4\nB FA 4 12\nA A 12 5");
    run_end(&run);
    ck_assert_str_eq(run.transcript, OPENED "5.0 A \"ab\"\n10.0 closed fin\n");
    ck_assert_uint_eq(tcp_counters(run.tcp)->gaps, 0);
    tcp_free(run.tcp);

    run_start(&run, NULL); /* in the middle of what was held */
    run.ignore_after = 1;
    play(&run, HANDSHAKE "A A 5 1 ef\nA A 3 1 cd\nA A 1 1 ab\nB R 1 0");
    run_end(&run);
    ck_assert_str_eq(run.transcript, OPENED "6.0 A \"ab\"\n6.0 A \"cd\"\n7.0 closed rst\n");
    tcp_free(run.tcp);
}
END_TEST

/* ---- Bounds ---- */

START_TEST(full_hold_gives_the_hole_up)
{
    static const struct {
        struct tcp_options options;
        const char *transcript;
    } bounds[] = {
        {{.max_held_segments = 2},
         OPENED "6.0 A gap 1\n6.0 A \"b\"\n8.0 A \"c\"\n8.0 A \"d\"\n8.0 A gap 1\n8.0 A \"f\"\n8.0 "
                "closed capture\n"},
        {{.max_held_bytes = 1},
         OPENED "4.0 A gap 1\n4.0 A \"b\"\n5.0 A gap 1\n5.0 A \"d\"\n6.0 A gap 1\n6.0 A \"f\"\n8.0 "
                "closed capture\n"},
        {{.max_held_total = 1},
         OPENED "4.0 A gap 1\n4.0 A \"b\"\n5.0 A gap 1\n5.0 A \"d\"\n6.0 A gap 1\n6.0 A \"f\"\n8.0 "
                "closed capture\n"},
    };
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
        struct run run;
        run_start(&run, &bounds[i].options);
        play(&run, HANDSHAKE "A A 2 1 b\nA A 4 1 d\nA A 6 1 f\nA A 1 1 a\nA A 3 1 c");
        run_end(&run);
        ck_assert_str_eq(run.transcript, bounds[i].transcript);
        ck_assert_uint_gt(tcp_counters(run.tcp)->hold_full, 0);
        tcp_free(run.tcp);
    }
}
END_TEST

START_TEST(one_side_alone_waits_less)
{
    struct run run;
    run_start(&run, NULL);
    play(&run, "A S 0 0\nA A 1 1 a");
    for (uint32_t i = 0; i < 65; i++) { /* "b" is lost */
        struct segment segment = {
            .who = 'A', .flags = 0x10, .sequence = 3 + i, .payload = "x", .captured = 1};
        ck_assert_uint_eq(tcp_counters(run.tcp)->gaps, 0);
        send_segment(&run, &segment);
    }
    ck_assert_uint_eq(tcp_counters(run.tcp)->gaps, 1);
    ck_assert_uint_eq(tcp_counters(run.tcp)->gap_bytes, 1);
    run_end(&run);
    tcp_free(run.tcp);
}
END_TEST

/* Flows come and go by address; each handler call only counts. */
struct tally {
    unsigned opened, closed, ended, evicted;
    uint64_t bytes;
};

static void tally_opened(void *context, struct tcp_flow *flow, const struct tcp_moment *now)
{
    (void)flow, (void)now;
    ((struct tally *)context)->opened++;
}

static void tally_data(void *context, struct tcp_flow *flow, unsigned side,
                       const struct tcp_moment *now, struct slice bytes)
{
    (void)flow, (void)side, (void)now;
    ((struct tally *)context)->bytes += bytes.reported;
}

static void tally_gap(void *context, struct tcp_flow *flow, unsigned side,
                      const struct tcp_moment *now, uint64_t count)
{
    (void)context, (void)flow, (void)side, (void)now;
    ck_assert_uint_gt(count, 0);
}

static void tally_ended(void *context, struct tcp_flow *flow, unsigned side,
                        const struct tcp_moment *now, enum tcp_end end)
{
    (void)flow, (void)side, (void)now, (void)end;
    ((struct tally *)context)->ended++;
}

static void tally_closed(void *context, struct tcp_flow *flow, const struct tcp_moment *now,
                         enum tcp_end how)
{
    (void)flow, (void)now;
    ((struct tally *)context)->closed++;
    ((struct tally *)context)->evicted += how == TCP_END_EVICTED;
}

static const struct tcp_handler tally_handler = {tally_opened, tally_data,   tally_gap,
                                                 tally_ended,  tally_closed, NULL};

static void send_from(struct tcp *tcp, uint32_t host, uint8_t flags, uint32_t sequence,
                      uint32_t length, uint64_t frame)
{
    uint8_t bytes[64] = {0x27, 0x10, 0x07, 0x5b, [12] = 0x50, [13] = flags};
    put(bytes + 4, sequence, 4);
    struct ip_packet ip = {.version = 6,
                           .protocol = 6,
                           .destination = {{1}},
                           .payload = {bytes, 20 + length, 20 + length}};
    put(ip.source.bytes + 8, host, 4);
    tcp_packet(tcp, &(struct tcp_moment){frame, (int64_t)frame * 1000}, &ip);
}

START_TEST(flood_is_bounded)
{
    struct tally tally = {0};
    struct tcp_options options = {.max_flows = 300, .max_silent = 100, .max_closed = 50};
    struct tcp *tcp = tcp_new(&options, &tally_handler, &tally);
    uint64_t frame = 0;
    for (uint32_t host = 0; host < 20; host++) { /* these talk, and must survive the flood */
        send_from(tcp, host, 0x02, 99, 0, ++frame);
        send_from(tcp, host, 0x10, 100, 10, ++frame);
    }
    for (uint32_t host = 1000; host < 21000; host++) {
        send_from(tcp, host, 0x02, host, 0, ++frame);
        ck_assert_uint_le(tcp_open_flows(tcp), 120);
    }
    for (uint32_t host = 0; host < 20; host++)
        send_from(tcp, host, 0x10, 110, 10, ++frame);
    ck_assert_uint_eq(tally.opened, 20020);
    ck_assert_uint_eq(tally.bytes, 400);
    ck_assert_uint_eq(tally.evicted, 19900);
    ck_assert_uint_eq(tcp_counters(tcp)->evicted, 19900);
    ck_assert_uint_eq(tcp_counters(tcp)->flows, 20020);
    tcp_finish(tcp);
    ck_assert_uint_eq(tally.closed, tally.opened);
    tcp_free(tcp);
}
END_TEST

START_TEST(many_flows_stay_apart)
{
    struct tally tally = {0};
    struct tcp *tcp = tcp_new(NULL, &tally_handler, &tally);
    uint64_t frame = 0;
    enum { FLOWS = 5000 };
    for (uint32_t round = 0; round < 3; round++)
        for (uint32_t host = 0; host < FLOWS; host++)
            send_from(tcp, host, 0x10, 100 + 10 * round, 10, ++frame);
    ck_assert_uint_eq(tcp_open_flows(tcp), FLOWS);
    ck_assert_uint_eq(tcp_counters(tcp)->flows, FLOWS);
    ck_assert_uint_eq(tally.bytes, 3 * 10 * FLOWS);
    tcp_finish(tcp);
    ck_assert_uint_eq(tally.closed, FLOWS);
    tcp_free(tcp);
}
END_TEST

START_TEST(the_quietest_goes_first)
{
    struct tally tally = {0};
    struct tcp_options options = {.max_flows = 10};
    struct tcp *tcp = tcp_new(&options, &tally_handler, &tally);
    uint64_t frame = 0;
    uint32_t busy = 100;
    for (uint32_t host = 1; host <= 200; host++) {
        send_from(tcp, host, 0x10, 100, 10, ++frame);
        send_from(tcp, 0, 0x10, busy, 10, ++frame); /* never quiet, never evicted */
        busy += 10;
    }
    ck_assert_uint_eq(tally.opened, 201);
    ck_assert_uint_eq(tcp_open_flows(tcp), 10);
    tcp_finish(tcp);
    ck_assert_uint_eq(tally.closed, 201);
    tcp_free(tcp);
}
END_TEST

START_TEST(closed_flows_are_forgotten_in_the_end)
{
    struct tally tally = {0};
    struct tcp_options options = {.max_closed = 10};
    struct tcp *tcp = tcp_new(&options, &tally_handler, &tally);
    uint64_t frame = 0;
    for (uint32_t host = 0; host < 1000; host++) {
        send_from(tcp, host, 0x02, 99, 0, ++frame);
        send_from(tcp, host, 0x14, 100, 0, ++frame);
        frame += 10000000;                           /* 10 s, so that the reset flow is closed */
        send_from(tcp, host, 0x10, 100, 5, ++frame); /* late: no new flow */
    }
    ck_assert_uint_eq(tcp_counters(tcp)->flows, 1000);
    ck_assert_uint_eq(tcp_counters(tcp)->after_close, 1000);
    ck_assert_uint_eq(tcp_counters(tcp)->forgotten, 0); /* more than a minute old, all of them */
    ck_assert_uint_eq(tally.closed, 1000);
    tcp_finish(tcp);
    tcp_free(tcp);
}
END_TEST

/* ---- Properties ---- */

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

enum { STREAM_SIZE = 3000, MAX_PIECES = 4000 };

/* What a stream came out as: each position once, in order, equal to what went in. */
struct check {
    uint8_t sent[STREAM_SIZE];
    uint32_t position;
    uint32_t gaps; /* bytes */
    uint32_t not_captured;
};

static void check_opened(void *context, struct tcp_flow *flow, const struct tcp_moment *now)
{
    (void)context, (void)flow, (void)now;
}

static void check_data(void *context, struct tcp_flow *flow, unsigned side,
                       const struct tcp_moment *now, struct slice bytes)
{
    (void)flow, (void)now;
    struct check *check = context;
    ck_assert_uint_eq(side, 0);
    ck_assert_uint_le(check->position + bytes.reported, STREAM_SIZE);
    ck_assert_mem_eq(check->sent + check->position, bytes.data, bytes.captured);
    check->position += bytes.reported;
    check->not_captured += bytes.reported - bytes.captured;
}

static void check_gap(void *context, struct tcp_flow *flow, unsigned side,
                      const struct tcp_moment *now, uint64_t count)
{
    (void)flow, (void)side, (void)now;
    struct check *check = context;
    ck_assert_uint_le(count, STREAM_SIZE - check->position);
    check->position += (uint32_t)count;
    check->gaps += (uint32_t)count;
}

static void check_ended(void *context, struct tcp_flow *flow, unsigned side,
                        const struct tcp_moment *now, enum tcp_end end)
{
    (void)flow, (void)now, (void)end;
    const struct check *check = context;
    if (side == 0)
        ck_assert_uint_eq(check->position, STREAM_SIZE);
}

static void check_closed(void *context, struct tcp_flow *flow, const struct tcp_moment *now,
                         enum tcp_end how)
{
    (void)now;
    const struct check *check = context;
    ck_assert_int_eq(how, TCP_END_FIN);
    ck_assert_uint_eq(flow->side[0].bytes + flow->side[0].gap_bytes, STREAM_SIZE);
    ck_assert_uint_eq(flow->side[0].gap_bytes, check->gaps);
}

static const struct tcp_handler check_handler = {check_opened, check_data,   check_gap,
                                                 check_ended,  check_closed, NULL};

struct piece {
    uint32_t start, length, captured;
};

/* Cuts the stream, repeats and stretches pieces at random, and moves each by a few places. */
static size_t cut_up(uint32_t *random, struct piece *pieces, bool snap)
{
    size_t count = 0;
    for (uint32_t start = 0; start < STREAM_SIZE;) {
        uint32_t length = 1 + next_random(random) % 40;
        if (length > STREAM_SIZE - start)
            length = STREAM_SIZE - start;
        uint32_t back = next_random(random) % 4 ? 0 : next_random(random) % (start + 1) % 100;
        for (uint32_t copies = next_random(random) % 8 ? 1 : 2; copies > 0; copies--) {
            struct piece piece = {start - back, length + back, length + back};
            if (snap && next_random(random) % 3 == 0)
                piece.captured = next_random(random) % (piece.length + 1);
            ck_assert_uint_lt(count, MAX_PIECES);
            pieces[count++] = piece;
        }
        start += length;
    }
    for (size_t i = 0; i + 1 < count; i++) {
        size_t j = i + next_random(random) % 6;
        if (next_random(random) % 2 && j < count) {
            struct piece swap = pieces[i];
            pieces[i] = pieces[j];
            pieces[j] = swap;
        }
    }
    return count;
}

enum mode { WHOLE, SNAPPED, LOSSY, TIGHT };

static const enum mode modes[] = {WHOLE, SNAPPED, LOSSY, TIGHT};

static void exchange(uint32_t seed, enum mode mode)
{
    static struct piece pieces[MAX_PIECES];
    static struct check check;
    uint32_t random = seed;
    memset(&check, 0, sizeof check);
    for (size_t i = 0; i < STREAM_SIZE; i++)
        check.sent[i] = (uint8_t)next_random(&random);
    struct tcp_options options = {.seed = 1};
    if (mode == TIGHT)
        options.max_held_segments = 3;
    struct run run = {.initial = {next_random(&random), 7}, .step_ms = 1000};
    run.tcp = tcp_new(&options, &check_handler, &check);
    ck_assert_ptr_nonnull(run.tcp);

    uint32_t base = run.initial[0] + 1;
    send_segment(&run, &(struct segment){.who = 'A', .flags = 0x02, .sequence = base - 1});
    size_t count = cut_up(&random, pieces, mode == SNAPPED);
    for (size_t i = 0; i < count; i++) {
        const struct piece *p = &pieces[i];
        if (mode == LOSSY && next_random(&random) % 5 == 0)
            continue;
        send_segment(&run, &(struct segment){.who = 'A',
                                             .flags = 0x10,
                                             .sequence = base + p->start,
                                             .payload = check.sent + p->start,
                                             .captured = p->captured,
                                             .not_captured = p->length - p->captured});
        /* The other side acknowledges what it has: what was delivered, or, with losses, far more.
         */
        uint32_t acknowledged = mode == LOSSY ? p->start : check.position;
        if (next_random(&random) % 3 == 0)
            send_segment(&run, &(struct segment){.who = 'B',
                                                 .flags = 0x10,
                                                 .sequence = 7,
                                                 .acknowledgement = base + acknowledged});
    }
    send_segment(&run,
                 &(struct segment){.who = 'A', .flags = 0x11, .sequence = base + STREAM_SIZE});
    send_segment(&run, &(struct segment){.who = 'B',
                                         .flags = 0x11,
                                         .sequence = 7,
                                         .acknowledgement = base + STREAM_SIZE + 1});
    if (mode == WHOLE || mode == SNAPPED)
        ck_assert_uint_eq(check.gaps, 0);
    if (mode == WHOLE)
        ck_assert_uint_eq(check.not_captured, 0);
    ck_assert_uint_eq(check.position, STREAM_SIZE);
    ck_assert_uint_eq(tcp_open_flows(run.tcp), 0);
    tcp_free(run.tcp);
}

START_TEST(any_cutting_gives_the_same_stream)
{
    for (uint32_t seed = 1; seed <= 60; seed++)
        exchange(seed * 2654435761u, modes[_i]);
}
END_TEST

static const uint32_t seeds[] = {1, 22, 333, 4444, 55555, 666666, 7777777, 88888888};

/* Random segments of few flows with sequence numbers close together, so that every rule is met by
 * nonsense. */
START_TEST(survives_noise)
{
    uint32_t random = seeds[_i];
    struct tally tally = {0};
    struct tcp_options options = {.max_flows = 6,
                                  .max_silent = 3,
                                  .max_closed = 3,
                                  .max_held_segments = 8,
                                  .max_held_bytes = 400,
                                  .max_held_total = 1000};
    struct tcp *tcp = tcp_new(&options, &tally_handler, &tally);
    int64_t time = 0;
    for (uint64_t frame = 1; frame <= 15000; frame++) {
        uint8_t bytes[80];
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (uint8_t)next_random(&random);
        put(bytes, 1 + next_random(&random) % 3, 2);
        put(bytes + 2, 1 + next_random(&random) % 3, 2);
        uint32_t spread = next_random(&random) % 50 ? 60 : UINT32_MAX;
        put(bytes + 4, 0xffffffe0u + next_random(&random) % spread, 4);
        put(bytes + 8, 0xffffffe0u + next_random(&random) % spread, 4);
        bytes[12] = next_random(&random) % 20 ? 0x50 : bytes[12];
        if (next_random(&random) % 4)
            bytes[13] = (uint8_t)(0x10 | (next_random(&random) % 12 == 0));
        uint32_t captured =
            next_random(&random) % 8 ? 20 + next_random(&random) % 20 : next_random(&random) % 24;
        struct ip_packet ip = {.version = 4,
                               .protocol = 6,
                               .payload = {bytes, captured, captured + next_random(&random) % 3}};
        time = next_random(&random) % 1000 ? time + next_random(&random) % 2000000
               : next_random(&random) % 2  ? INT64_MIN
                                           : INT64_MAX - 10000000000;
        tcp_packet(tcp, &(struct tcp_moment){frame, time}, &ip);
        ck_assert_uint_le(tcp_open_flows(tcp), 6);
        ck_assert_uint_eq(tally.opened - tally.closed, tcp_open_flows(tcp));
    }
    tcp_finish(tcp);
    ck_assert_uint_eq(tally.opened, tally.closed);
    ck_assert_uint_gt(tally.bytes, 0);
    tcp_free(tcp);
}
END_TEST

SUITE("tcp", TABLE(transcripts, scenarios), TABLE(numbers_streams, numberings),
      TABLE(decoded_segments, scenarios), TEST(numbers_are_believed), TEST(finds_flows),
      TEST(in_order_is_not_copied), TEST(an_overtaken_acknowledgement_takes_nothing_back),
      TEST(counts), TEST(counts_go_on_for_months), TABLE(what_did_not_get_there, losses),
      TABLE(tells_round_trips, round_trips), TABLE(tells_trouble, troubles),
      TEST(rejects_bad_headers), TEST(ignored_flows_are_quiet), TEST(full_hold_gives_the_hole_up),
      TEST(one_side_alone_waits_less), TEST(flood_is_bounded), TEST(many_flows_stay_apart),
      TEST(the_quietest_goes_first), TEST(closed_flows_are_forgotten_in_the_end),
      TABLE(any_cutting_gives_the_same_stream, modes), TABLE(survives_noise, seeds))
