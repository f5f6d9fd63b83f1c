/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each direction is a small machine that consumes what comes: the head of an HTTP message, then in
 * turn a frame's header and its payload.
 */
#define _DEFAULT_SOURCE /* strncasecmp() */

#include "transport/websocket.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mqtt/wire/memory.h"

#define MAX_HEAD 16384u             /* of an HTTP message */
#define SCRATCH_SIZE 8192u          /* unmasked at a time */
#define PLAUSIBLE_LENGTH (1u << 24) /* of a frame, when frames are looked for */
#define NO_STATUS_CODE 1005u        /* RFC 6455, section 7.4.1 */

/* RFC 6455, sections 5.2 and 5.5. */
enum {
    MAX_FRAME_HEADER = 14, /* 2, extended length of 8, mask of 4 */
    MAX_CONTROL_PAYLOAD = 125,
    MASK_SIZE = 4,
};

enum opcode {
    OPCODE_CONTINUATION = 0,
    OPCODE_TEXT = 1,
    OPCODE_BINARY = 2,
    OPCODE_CLOSE = 8,
    OPCODE_PING = 9,
    OPCODE_PONG = 10,
};

enum state {
    STATE_HEAD,    /* in the head of an HTTP message, or before one */
    STATE_HEADER,  /* in a frame's header */
    STATE_PAYLOAD, /* in a frame's payload */
    STATE_LOST,    /* nobody knows */
};

/* A frame's header, decoded. */
struct frame {
    bool final;
    bool compressed;  /* RSV1 */
    uint8_t reserved; /* RSV2 and RSV3 */
    uint8_t opcode;
    bool masked;
    bool minimal; /* the length takes as few bytes as it can */
    uint8_t mask[MASK_SIZE];
    uint64_t length;
};

struct direction {
    enum state state;
    char *head; /* what came of an HTTP head */
    uint32_t head_length;
    uint8_t header[MAX_FRAME_HEADER];
    uint8_t header_length;
    struct frame frame;
    uint64_t position; /* in the frame's payload */
    bool in_message;   /* between the first frame of a message and its last */
    bool skipping;     /* that message is compressed */
    uint8_t code[2];   /* of a CLOSE */
    uint64_t left_out; /* bytes since the frames were lost */
};

struct websocket {
    struct mqtt_memory *memory;
    unsigned client;
    bool over;
    bool says_mqtt; /* by subprotocol */
    struct websocket_upgrade upgrade;
    bool deflates; /* permessage-deflate is agreed on */
    struct direction direction[2];
};

/* One call's arguments on their way down. */
struct push {
    struct websocket *websocket;
    struct direction *direction;
    unsigned side;
    const struct websocket_sink *sink;
};

static void tell(const struct push *push, enum websocket_event event, uint64_t value)
{
    push->sink->event(push->sink->context, push->side, event, value);
}

static void lose_frames(const struct push *push)
{
    push->direction->state = STATE_LOST;
    push->direction->left_out = 0;
    push->direction->in_message = false;
    tell(push, WEBSOCKET_LOST, 0);
    push->sink->lost(push->sink->context, push->side);
}

static void expect_frame(struct direction *direction)
{
    direction->state = STATE_HEADER;
    direction->header_length = 0;
}

/* ---- The upgrade: RFC 6455, section 4; MQTT 5.0, section 6 ---- */

static bool starts_with(const char *text, size_t length, const char *start)
{
    size_t size = strlen(start);
    return length >= size && strncasecmp(text, start, size) == 0;
}

/* Whether a comma-separated header value holds a token; parameters behind a semicolon don't count.
 */
static bool has_token(const char *value, size_t length, const char *token)
{
    const char *end = value + length;
    while (value < end) {
        value += strspn(value, " \t,");
        size_t size = strcspn(value, " \t,;\r\n");
        if (size == strlen(token) && strncasecmp(value, token, size) == 0)
            return true;
        value += size;
        value += strcspn(value, ",\r\n");
        if (*value != ',')
            return false;
    }
    return false;
}

/* Whether any header of that name holds the token. `head` ends with a NUL; a line may be cut there.
 */
static bool header_has(const char *head, const char *name, const char *token, bool *present)
{
    bool found = false;
    size_t size = strlen(name);
    for (const char *line = strchr(head, '\n'); line != NULL; line = strchr(line, '\n')) {
        line++;
        if (strncasecmp(line, name, size) != 0 || line[size] != ':')
            continue;
        *present = true;
        const char *value = line + size + 1;
        found |= has_token(value, strcspn(value, "\r\n"), token);
    }
    return found;
}

static const char PROTOCOL[] = "Sec-WebSocket-Protocol";

/* Adds to what came of an HTTP head, which ends with a NUL. */
static bool keep_head(const struct push *push, const uint8_t *bytes, uint32_t count)
{
    struct direction *direction = push->direction;
    uint32_t before = direction->head_length;
    size_t old_size = direction->head != NULL ? before + 1u : 0;
    char *head = mqtt_memory_resize(push->websocket->memory, MQTT_MEMORY_HELD, direction->head,
                                    old_size, before + count + 1u);
    if (head == NULL)
        return false;
    memcpy(head + before, bytes, count);
    head[before + count] = '\0';
    direction->head = head;
    direction->head_length = before + count;
    return true;
}

static void free_head(struct websocket *websocket, struct direction *direction)
{
    mqtt_memory_free(websocket->memory, direction->head, direction->head_length + 1u);
    direction->head = NULL;
    direction->head_length = 0;
}

/* It is somebody else's, or nobody can tell whose. */
static void give_up(const struct push *push)
{
    push->websocket->over = true;
    free_head(push->websocket, &push->websocket->direction[0]);
    free_head(push->websocket, &push->websocket->direction[1]);
    tell(push, WEBSOCKET_NOT_MQTT, 0);
}

static void take_request(const struct push *push, const char *head, bool whole)
{
    struct websocket *websocket = push->websocket;
    bool present = false;
    if (whole && !header_has(head, "Upgrade", "websocket", &present) &&
        !header_has(head, PROTOCOL, "mqtt", &present) &&
        !header_has(head, PROTOCOL, "mqttv3.1", &present)) {
        give_up(push);
        return;
    }
    websocket->upgrade = (struct websocket_upgrade){
        .offers_mqtt = header_has(head, PROTOCOL, "mqtt", &present),
        .offers_mqttv31 = header_has(head, PROTOCOL, "mqttv3.1", &present),
    };
    const bool mqtt = websocket->upgrade.offers_mqtt || websocket->upgrade.offers_mqttv31;
    websocket->says_mqtt = mqtt;
    tell(push, WEBSOCKET_REQUEST, mqtt ? 1 : whole ? 2 : 0);
    /* The client has to wait for the answer; if it was a refusal this is taken back. */
    expect_frame(push->direction);
}

static void take_response(const struct push *push, const char *head, bool whole)
{
    const char *code = strchr(head, ' ');
    unsigned long status = code != NULL ? strtoul(code, NULL, 10) : 0;
    struct websocket *websocket = push->websocket;
    struct websocket_upgrade *upgrade = &websocket->upgrade;
    bool present = false;
    if (status != 101) {
        tell(push, WEBSOCKET_REFUSED, status < 1000 ? status : 0);
        push->direction->state = STATE_HEAD;
        websocket->direction[websocket->client].state = STATE_HEAD;
        return;
    }
    upgrade->selects_mqtt = header_has(head, PROTOCOL, "mqtt", &present);
    upgrade->selects_mqttv31 = header_has(head, PROTOCOL, "mqttv3.1", &present);
    const bool mqtt = upgrade->selects_mqtt || upgrade->selects_mqttv31;
    const bool named = present;
    if (mqtt)
        websocket->says_mqtt = true;
    else if (named && whole)
        websocket->says_mqtt = false;
    websocket->deflates =
        header_has(head, "Sec-WebSocket-Extensions", "permessage-deflate", &present);
    tell(push, WEBSOCKET_ACCEPTED, mqtt ? 1 : !whole ? 0 : named ? 3 : 2);
    expect_frame(push->direction);
}

/* Where the head's empty line ends, or 0. `from` is where it may begin. */
static uint32_t head_end(const char *head, uint32_t from, uint32_t length)
{
    for (uint32_t i = from < 3 ? 0 : from - 3; i + 4 <= length; i++)
        if (memcmp(head + i, "\r\n\r\n", 4) == 0)
            return i + 4;
    return 0;
}

/* Collects an HTTP head. One that the snap length cuts is taken to end with its segment, as they
 * do. Returns what is left behind it. */
static struct slice take_head(const struct push *push, struct slice bytes)
{
    struct direction *direction = push->direction;
    bool is_client = push->side == push->websocket->client;
    const char *start = is_client ? "GET " : "HTTP/1.";
    const struct slice nothing = {bytes.data, 0, 0};
    uint32_t before = direction->head_length;

    /* Bodies of refusals are passed over until the next head starts with a segment. */
    if (before == 0 && !starts_with((const char *)bytes.data, bytes.captured, start) &&
        (bytes.captured >= strlen(start) || bytes.captured < bytes.reported))
        return nothing;
    uint32_t room = MAX_HEAD - before;
    uint32_t count = bytes.captured < room ? bytes.captured : room;
    if (count == 0 || !keep_head(push, bytes.data, count)) {
        give_up(push);
        return nothing;
    }
    uint32_t end = head_end(direction->head, before, direction->head_length);
    bool cut = end == 0 && bytes.captured < bytes.reported;
    if (end == 0 && !cut)
        return nothing;
    if (end > 0)
        direction->head[end] = '\0';
    if (is_client)
        take_request(push, direction->head, !cut);
    else
        take_response(push, direction->head, !cut);
    free_head(push->websocket, direction);
    return cut ? nothing : slice_skip(bytes, end - before);
}

/* ---- Frames: RFC 6455, section 5.2 ---- */

/* The size of a header by its first two bytes. */
static uint8_t header_size(const uint8_t *header)
{
    uint8_t length = header[1] & 0x7f;
    return (uint8_t)(2 +
                     (length == 127   ? 8
                      : length == 126 ? 2
                                      : 0) +
                     (header[1] & 0x80 ? MASK_SIZE : 0));
}

/* | FIN, RSV1-3, opcode (1) | mask, length (1) | extended length (0, 2, 8) | mask (0, 4) | payload
 */
static struct frame decode_header(const uint8_t *header)
{
    struct frame frame = {
        .final = header[0] & 0x80,
        .compressed = header[0] & 0x40,
        .reserved = header[0] & 0x30,
        .opcode = header[0] & 0x0f,
        .masked = header[1] & 0x80,
        .length = header[1] & 0x7f,
    };
    uint64_t least = 0;
    if (frame.length == 126) {
        frame.length = read_u16(header + 2);
        least = 126;
    } else if (frame.length == 127) {
        frame.length = (uint64_t)read_u32(header + 2) << 32 | read_u32(header + 6);
        least = 65536;
    }
    frame.minimal = frame.length >= least;
    if (frame.masked)
        memcpy(frame.mask, header + header_size(header) - MASK_SIZE, MASK_SIZE);
    return frame;
}

static bool is_control(const struct frame *frame)
{
    return frame->opcode & 0x8;
}

/* What no frame may be, whatever came before it. */
static bool is_nonsense(const struct frame *frame)
{
    bool known = frame->opcode <= OPCODE_BINARY ||
                 (frame->opcode >= OPCODE_CLOSE && frame->opcode <= OPCODE_PONG);
    if (!known || frame->reserved || !frame->minimal || frame->length >> 63)
        return true;
    return is_control(frame) &&
           (!frame->final || frame->compressed || frame->length > MAX_CONTROL_PAYLOAD);
}

/* A whole header has come. Returns false where it is none. */
static bool begin_frame(const struct push *push)
{
    struct direction *direction = push->direction;
    struct frame *frame = &direction->frame;
    *frame = decode_header(direction->header);
    bool data = !is_control(frame);
    bool continues = frame->opcode == OPCODE_CONTINUATION;
    if (is_nonsense(frame) || (frame->compressed && (!push->websocket->deflates || continues))) {
        tell(push, WEBSOCKET_MALFORMED, 0);
        return false;
    }
    if (data && continues != direction->in_message)
        tell(push, WEBSOCKET_MALFORMED, 0); /* its limits are known, so go on */
    if (frame->masked != (push->side == push->websocket->client))
        tell(push, WEBSOCKET_MASKING, 0);
    if (frame->opcode == OPCODE_TEXT)
        tell(push, WEBSOCKET_TEXT, 0);
    if (data && !continues)
        direction->skipping = frame->compressed;
    if (data)
        direction->in_message = !frame->final;
    if (data && direction->skipping) {
        tell(push, WEBSOCKET_COMPRESSED, frame->length);
        if (!continues)
            push->sink->lost(push->sink->context, push->side);
    }
    direction->position = 0;
    memset(direction->code, 0, sizeof direction->code);
    direction->state = STATE_PAYLOAD;
    return true;
}

static void end_frame(const struct push *push)
{
    struct direction *direction = push->direction;
    const struct frame *frame = &direction->frame;
    switch (frame->opcode) {
    case OPCODE_PING: tell(push, WEBSOCKET_PING, frame->length); break;
    case OPCODE_PONG: tell(push, WEBSOCKET_PONG, frame->length); break;
    case OPCODE_CLOSE:
        tell(push, WEBSOCKET_CLOSE, frame->length < 2 ? NO_STATUS_CODE : read_u16(direction->code));
        break;
    default: break;
    }
    expect_frame(direction);
}

/* Passes payload of data frames on, without the mask if there is one. */
static void pass_on(const struct push *push, struct slice bytes)
{
    const struct frame *frame = &push->direction->frame;
    uint64_t position = push->direction->position;
    if (!frame->masked || bytes.captured == 0) {
        push->sink->data(push->sink->context, push->side, bytes);
        return;
    }
    uint8_t scratch[SCRATCH_SIZE];
    while (bytes.reported > 0) {
        uint32_t count = bytes.captured < SCRATCH_SIZE ? bytes.captured : SCRATCH_SIZE;
        for (uint32_t i = 0; i < count; i++)
            scratch[i] = bytes.data[i] ^ frame->mask[(position + i) % MASK_SIZE];
        /* What was not captured goes with the last piece. */
        uint32_t reported = count == bytes.captured ? bytes.reported : count;
        push->sink->data(push->sink->context, push->side, (struct slice){scratch, count, reported});
        bytes = slice_skip(bytes, reported);
        position += reported;
    }
}

/* Keeps the status code that a CLOSE starts with. */
static void keep_code(struct direction *direction, struct slice bytes)
{
    const struct frame *frame = &direction->frame;
    for (uint32_t i = 0; i < bytes.captured && direction->position + i < 2; i++) {
        uint64_t at = direction->position + i;
        direction->code[at] = bytes.data[i] ^ (frame->masked ? frame->mask[at] : 0);
    }
}

static struct slice take_header(const struct push *push, struct slice bytes)
{
    struct direction *direction = push->direction;
    while (direction->header_length < 2 ||
           direction->header_length < header_size(direction->header)) {
        if (bytes.reported == 0)
            return bytes;
        if (bytes.captured == 0) {
            lose_frames(push);
            return bytes;
        }
        direction->header[direction->header_length++] = bytes.data[0];
        bytes = slice_skip(bytes, 1);
    }
    if (!begin_frame(push))
        lose_frames(push);
    else if (direction->frame.length == 0)
        end_frame(push);
    return bytes;
}

static struct slice take_payload(const struct push *push, struct slice bytes)
{
    struct direction *direction = push->direction;
    const struct frame *frame = &direction->frame;
    uint64_t rest = frame->length - direction->position;
    uint32_t count = rest < bytes.reported ? (uint32_t)rest : bytes.reported;
    struct slice piece = slice_limit(bytes, count);
    if (is_control(frame))
        keep_code(direction, piece);
    else if (!direction->skipping)
        pass_on(push, piece);
    direction->position += count;
    if (direction->position == frame->length)
        end_frame(push);
    return slice_skip(bytes, count);
}

/* Whether a segment starts with a frame: the header makes sense for this side, and the frame ends
 * with the segment, or another one follows of which the same holds. In the middle of a payload this
 * is so by chance once in some ten thousand segments. */
static bool is_plausible(const struct push *push, struct slice bytes)
{
    bool is_client = push->side == push->websocket->client;
    for (unsigned frames = 0; bytes.reported > 0; frames++) {
        if (bytes.captured < 2 || bytes.captured < header_size(bytes.data))
            return frames > 0;
        struct frame frame = decode_header(bytes.data);
        bool compressed = frame.compressed && !push->websocket->deflates;
        if (is_nonsense(&frame) || compressed || frame.masked != is_client ||
            frame.length > PLAUSIBLE_LENGTH)
            return false;
        bytes = slice_skip(bytes, header_size(bytes.data));
        if (frame.length > bytes.reported)
            return frames > 0;
        bytes = slice_skip(bytes, (uint32_t)frame.length);
    }
    return true;
}

static struct slice look_for_frames(const struct push *push, struct slice bytes)
{
    struct direction *direction = push->direction;
    if (is_plausible(push, bytes)) {
        tell(push, WEBSOCKET_FOUND, direction->left_out);
        expect_frame(direction);
        /* Whether a message is under way is not known: believe the first frame. */
        direction->in_message = (bytes.data[0] & 0x0f) == OPCODE_CONTINUATION;
        direction->skipping = false;
        return bytes;
    }
    direction->left_out += bytes.reported;
    return slice_skip(bytes, bytes.reported);
}

/* ---- The whole ---- */

bool websocket_may_start(struct slice first)
{
    size_t length = first.captured < 4 ? first.captured : 4;
    return length > 0 && memcmp(first.data, "GET ", length) == 0;
}

struct websocket *websocket_new(unsigned client, struct mqtt_memory *memory)
{
    struct websocket *websocket =
        mqtt_memory_new(memory, MQTT_MEMORY_CONNECTIONS, sizeof *websocket);
    if (websocket == NULL)
        return NULL;
    websocket->memory = memory;
    websocket->client = client;
    return websocket;
}

struct websocket_upgrade websocket_upgrade(const struct websocket *websocket)
{
    return websocket->upgrade;
}

bool websocket_says_mqtt(const struct websocket *websocket)
{
    return websocket->says_mqtt;
}

bool websocket_push(struct websocket *websocket, unsigned side, struct slice bytes,
                    const struct websocket_sink *sink)
{
    const struct push push = {websocket, &websocket->direction[side], side, sink};
    bool segment_start = true; /* frames are looked for only there */
    while (bytes.reported > 0 && !websocket->over) {
        switch (push.direction->state) {
        case STATE_HEAD: bytes = take_head(&push, bytes); break;
        case STATE_HEADER: bytes = take_header(&push, bytes); break;
        case STATE_PAYLOAD: bytes = take_payload(&push, bytes); break;
        case STATE_LOST:
            if (segment_start) {
                bytes = look_for_frames(&push, bytes);
            } else {
                push.direction->left_out += bytes.reported;
                bytes = slice_skip(bytes, bytes.reported);
            }
            break;
        }
        segment_start = false;
    }
    return !websocket->over;
}

void websocket_gap(struct websocket *websocket, unsigned side, uint64_t count,
                   const struct websocket_sink *sink)
{
    const struct push push = {websocket, &websocket->direction[side], side, sink};
    struct direction *direction = push.direction;
    if (websocket->over)
        return;
    if (direction->state == STATE_PAYLOAD) {
        uint64_t rest = direction->frame.length - direction->position;
        uint64_t inside = count < rest ? count : rest;
        direction->position += inside;
        count -= inside;
        if (!is_control(&direction->frame) && !direction->skipping)
            sink->gap(sink->context, side, inside);
        if (direction->position == direction->frame.length)
            end_frame(&push);
    }
    if (count == 0)
        return;
    /* A frame may have begun or ended in there. */
    if (direction->state != STATE_LOST)
        lose_frames(&push);
    direction->left_out += count;
}

void websocket_free(struct websocket *websocket)
{
    if (websocket == NULL)
        return;
    free_head(websocket, &websocket->direction[0]);
    free_head(websocket, &websocket->direction[1]);
    mqtt_memory_free(websocket->memory, websocket, sizeof *websocket);
}
