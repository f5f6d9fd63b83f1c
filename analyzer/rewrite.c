/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Blocks of pcapng, in and out: see rewrite.h. */
#include "analyzer/rewrite.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <pcap/pcap.h>
#include <string.h>
#include <unistd.h>

#include "analyzer/input/pcapng.h"
#include "analyzer/input/pcapng_format.h"
#include "analyzer/input/unpack.h"

enum {
    BLOCK_MAX = 1 << 26,
    COMMENT_MAX = 65532,    /* what an option holds, in whole words */
    COMMENTS_MAX = 1 << 20, /* of a frame, in bytes */
    PACKET_HEADER = 20,
};

#define MICROSECONDS_MAGIC UINT32_C(0xa1b2c3d4)

struct rewrite {
    const struct rewrite_options *options;
    FILE *in, *out;
    uint64_t frame;
    bool swapped;
    bool commented;     /* the comment on the whole is written */
    uint32_t snap;      /* of the section's first interface; 0: none, or no limit */
    bool any_interface; /* of this section */
    GByteArray *block;  /* its body */
    GByteArray *made;
};

/* ---- Numbers, in the byte order of the section ---- */

static uint32_t u32(const struct rewrite *rewrite, const void *at)
{
    uint32_t value;
    memcpy(&value, at, sizeof value);
    return rewrite->swapped ? GUINT32_SWAP_LE_BE(value) : value;
}

static void add_u16(struct rewrite *rewrite, uint16_t value)
{
    uint16_t ordered = value;
    if (rewrite->swapped)
        ordered = GUINT16_SWAP_LE_BE(value);
    g_byte_array_append(rewrite->made, (const guint8 *)&ordered, sizeof ordered);
}

static void add_u32(struct rewrite *rewrite, uint32_t value)
{
    const uint32_t ordered = rewrite->swapped ? GUINT32_SWAP_LE_BE(value) : value;
    g_byte_array_append(rewrite->made, (const guint8 *)&ordered, sizeof ordered);
}

static void add_padded(struct rewrite *rewrite, const void *bytes, uint32_t length)
{
    static const guint8 zeros[4];
    g_byte_array_append(rewrite->made, bytes, length);
    g_byte_array_append(rewrite->made, zeros, (4 - length % 4) % 4);
}

static void add_option(struct rewrite *rewrite, uint16_t code, const void *bytes, uint32_t length)
{
    add_u16(rewrite, code);
    add_u16(rewrite, (uint16_t)length);
    add_padded(rewrite, bytes, length);
}

/* Text that is too long ends before a whole character. */
static void add_comment(struct rewrite *rewrite, const char *text)
{
    size_t length = strlen(text);
    if (length > COMMENT_MAX) {
        const char *end = g_utf8_find_prev_char(text, text + COMMENT_MAX);
        length = end != NULL ? (size_t)(end - text) : 0;
    }
    add_option(rewrite, OPTION_COMMENT, text, (uint32_t)length);
}

static void write_block(struct rewrite *rewrite, uint32_t type, const GByteArray *body)
{
    uint32_t edges[2] = {type, body->len + BLOCK_EDGES};
    if (rewrite->swapped) {
        edges[0] = GUINT32_SWAP_LE_BE(edges[0]);
        edges[1] = GUINT32_SWAP_LE_BE(edges[1]);
    }
    fwrite(edges, 1, sizeof edges, rewrite->out);
    fwrite(body->data, 1, body->len, rewrite->out);
    fwrite(&edges[1], 1, sizeof edges[1], rewrite->out);
}

/* ---- Frames ---- */

static bool is_wanted(const struct rewrite *rewrite)
{
    const struct rewrite_options *options = rewrite->options;
    return options->wanted == NULL || options->wanted(options->user, rewrite->frame);
}

/* The frame's comments, the options that it has already, and their end. */
static void add_options(struct rewrite *rewrite, const guint8 *there, uint32_t length)
{
    const struct rewrite_options *options = rewrite->options;
    const char *text;
    const guint before = rewrite->made->len;
    for (unsigned i = 0; rewrite->made->len - before < COMMENTS_MAX &&
                         (text = options->comment_of(options->user, rewrite->frame, i)) != NULL;
         i++)
        add_comment(rewrite, text);
    if (length > 0)
        g_byte_array_append(rewrite->made, there, length);
    else if (rewrite->made->len > before)
        add_u32(rewrite, 0);
}

/* | interface (4) | time (8) | captured (4) | on the wire (4) | bytes | options |, and the old
 * block alike. False: it is broken. */
static bool copy_packet(struct rewrite *rewrite, uint32_t type)
{
    const GByteArray *block = rewrite->block;
    if (block->len < PACKET_HEADER)
        return false;
    const uint32_t captured = u32(rewrite, block->data + 12);
    if (captured > block->len - PACKET_HEADER)
        return false;
    const uint32_t packet = PACKET_HEADER + ((captured + 3) & ~UINT32_C(3));
    rewrite->frame++;
    if (!is_wanted(rewrite))
        return true;
    g_byte_array_set_size(rewrite->made, 0);
    g_byte_array_append(rewrite->made, block->data, packet);
    add_options(rewrite, block->data + packet, block->len - packet);
    write_block(rewrite, type, rewrite->made);
    return true;
}

/* One that has comments becomes an Enhanced Packet Block, for this one has no options; it has no
 * time either, and readers take it for 0. */
static bool copy_simple_packet(struct rewrite *rewrite)
{
    const struct rewrite_options *options = rewrite->options;
    const GByteArray *block = rewrite->block;
    if (block->len < 4 || !rewrite->any_interface)
        return false;
    rewrite->frame++;
    if (!is_wanted(rewrite))
        return true;
    if (options->comment_of(options->user, rewrite->frame, 0) == NULL) {
        write_block(rewrite, BLOCK_SIMPLE_PACKET, block);
        return true;
    }
    const uint32_t reported = u32(rewrite, block->data);
    uint32_t captured = MIN(reported, block->len - 4);
    if (rewrite->snap != 0)
        captured = MIN(captured, rewrite->snap);
    g_byte_array_set_size(rewrite->made, 0);
    for (unsigned i = 0; i < 3; i++)
        add_u32(rewrite, 0); /* interface, time */
    add_u32(rewrite, captured);
    add_u32(rewrite, reported);
    add_padded(rewrite, block->data + 4, captured);
    add_options(rewrite, NULL, 0);
    write_block(rewrite, BLOCK_PACKET, rewrite->made);
    return true;
}

/* ---- pcapng ---- */

/* | order (4) | version (4) | length of the section (8) | options |: that length changes, so it
 * becomes unknown. */
static bool copy_section(struct rewrite *rewrite)
{
    GByteArray *block = rewrite->block;
    if (block->len < 16)
        return false;
    rewrite->any_interface = false;
    memset(block->data + 8, 0xff, 8);
    g_byte_array_set_size(rewrite->made, 0);
    g_byte_array_append(rewrite->made, block->data, 16);
    const bool comments = !rewrite->commented && rewrite->options->comment != NULL;
    if (comments)
        add_comment(rewrite, rewrite->options->comment);
    rewrite->commented = true;
    if (block->len > 16)
        g_byte_array_append(rewrite->made, block->data + 16, block->len - 16);
    else if (comments)
        add_u32(rewrite, 0);
    write_block(rewrite, BLOCK_SECTION, rewrite->made);
    return true;
}

static bool copy_block(struct rewrite *rewrite, uint32_t type)
{
    switch (type) {
    case BLOCK_SECTION: return copy_section(rewrite);
    case BLOCK_PACKET:
    case BLOCK_OLD_PACKET: return copy_packet(rewrite, type);
    case BLOCK_SIMPLE_PACKET: return copy_simple_packet(rewrite);
    case BLOCK_INTERFACE:
        if (!rewrite->any_interface && rewrite->block->len >= 8)
            rewrite->snap = u32(rewrite, rewrite->block->data + 4);
        rewrite->any_interface = true;
        break;
    default: break;
    }
    write_block(rewrite, type, rewrite->block);
    return true;
}

static bool read_bytes(struct rewrite *rewrite, void *to, size_t length)
{
    return fread(to, 1, length, rewrite->in) == length;
}

/* The next block's body in rewrite->block. False: there is no whole one any more. */
static bool read_block(struct rewrite *rewrite, uint32_t *type)
{
    uint8_t start[8];
    uint32_t order, trailer;
    uint32_t have = 0;
    if (!read_bytes(rewrite, start, sizeof start))
        return false;
    memcpy(type, start, sizeof *type);
    if (*type == BLOCK_SECTION) { /* reads the same both ways; the order comes behind the length */
        if (!read_bytes(rewrite, &order, sizeof order) ||
            (order != ORDER_MAGIC && order != GUINT32_SWAP_LE_BE(ORDER_MAGIC)))
            return false;
        rewrite->swapped = order != ORDER_MAGIC;
        have = sizeof order;
    }
    *type = u32(rewrite, start);
    const uint32_t length = u32(rewrite, start + 4);
    if (length < BLOCK_EDGES + have || length % 4 != 0 || length > BLOCK_MAX)
        return false;
    g_byte_array_set_size(rewrite->block, length - BLOCK_EDGES);
    if (have > 0)
        memcpy(rewrite->block->data, &order, sizeof order);
    return read_bytes(rewrite, rewrite->block->data + have, rewrite->block->len - have) &&
           read_bytes(rewrite, &trailer, sizeof trailer) && u32(rewrite, &trailer) == length;
}

static void copy_pcapng(struct rewrite *rewrite)
{
    uint32_t type;
    while (read_block(rewrite, &type) && copy_block(rewrite, type))
        ;
}

/* ---- pcap ---- */

static void begin_pcap(struct rewrite *rewrite, pcap_t *pcap, uint8_t resolution)
{
    const int link = pcap_datalink(pcap);
    g_byte_array_set_size(rewrite->made, 0);
    add_u32(rewrite, ORDER_MAGIC);
    add_u16(rewrite, 1);
    add_u16(rewrite, 0);
    add_u32(rewrite, UINT32_MAX);
    add_u32(rewrite, UINT32_MAX);
    if (rewrite->options->comment != NULL) {
        add_comment(rewrite, rewrite->options->comment);
        add_u32(rewrite, 0);
    }
    write_block(rewrite, BLOCK_SECTION, rewrite->made);

    g_byte_array_set_size(rewrite->made, 0);
    add_u16(rewrite, link == DLT_RAW ? LINKTYPE_RAW : (uint16_t)link);
    add_u16(rewrite, 0);
    add_u32(rewrite, (uint32_t)pcap_snapshot(pcap));
    add_option(rewrite, OPTION_TIME_RESOLUTION, &resolution, 1);
    add_u32(rewrite, 0);
    write_block(rewrite, BLOCK_INTERFACE, rewrite->made);
}

/* Seconds have 32 bits in the file, whatever libpcap makes of them. */
static uint64_t units(const struct pcap_pkthdr *header, uint8_t resolution)
{
    const uint64_t second = resolution == 6 ? 1000000 : 1000000000;
    const int64_t fraction = header->ts.tv_usec;
    return (uint64_t)(uint32_t)header->ts.tv_sec * second +
           (fraction > 0 && fraction <= INT32_MAX ? (uint64_t)fraction : 0);
}

/* In the resolution that the file has. */
static void copy_pcap(struct rewrite *rewrite, pcap_t *pcap, uint8_t resolution)
{
    struct pcap_pkthdr *header;
    const u_char *bytes;
    begin_pcap(rewrite, pcap, resolution);
    while (pcap_next_ex(pcap, &header, &bytes) == 1) {
        rewrite->frame++;
        if (!is_wanted(rewrite))
            continue;
        const uint64_t time = units(header, resolution);
        g_byte_array_set_size(rewrite->made, 0);
        add_u32(rewrite, 0);
        add_u32(rewrite, (uint32_t)(time >> 32));
        add_u32(rewrite, (uint32_t)time);
        add_u32(rewrite, header->caplen);
        add_u32(rewrite, header->len);
        add_padded(rewrite, bytes, header->caplen);
        add_options(rewrite, NULL, 0);
        write_block(rewrite, BLOCK_PACKET, rewrite->made);
    }
}

/* ---- Files ---- */

static FILE *open_file(const char *path)
{
    struct unpack *unpack;
    const int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    return descriptor >= 0 ? unpack_open(descriptor, NULL, &unpack) : NULL;
}

/* The first four bytes; 0 if there are none. */
static uint32_t magic_of(const char *path)
{
    uint32_t magic = 0;
    FILE *file = open_file(path);
    if (file == NULL)
        return 0;
    if (fread(&magic, 1, sizeof magic, file) != sizeof magic)
        magic = 0;
    fclose(file);
    return magic;
}

static uint8_t resolution_of(uint32_t magic)
{
    const bool micro =
        magic == MICROSECONDS_MAGIC || magic == GUINT32_SWAP_LE_BE(MICROSECONDS_MAGIC);
    return micro ? 6 : 9;
}

static bool copy_file(struct rewrite *rewrite, uint32_t magic, char *error, size_t error_size)
{
    char reason[PCAP_ERRBUF_SIZE] = "";
    if (magic == BLOCK_SECTION) {
        copy_pcapng(rewrite);
        fclose(rewrite->in);
        return true;
    }
    const uint8_t resolution = resolution_of(magic);
    pcap_t *pcap = pcap_fopen_offline_with_tstamp_precision(
        rewrite->in, resolution == 6 ? PCAP_TSTAMP_PRECISION_MICRO : PCAP_TSTAMP_PRECISION_NANO,
        reason);
    if (pcap == NULL) {
        fclose(rewrite->in);
        g_strlcpy(error, reason, error_size);
        return false;
    }
    copy_pcap(rewrite, pcap, resolution);
    pcap_close(pcap);
    return true;
}

bool rewrite_capture(const char *path, const struct rewrite_options *options, FILE *out,
                     char *error, size_t error_size)
{
    const uint32_t magic = magic_of(path);
    struct rewrite rewrite = {
        .options = options,
        .in = open_file(path),
        .out = out,
        .frame = options->frames_before,
    };
    if (rewrite.in == NULL) {
        g_snprintf(error, (gulong)error_size, "%s: %s", path, g_strerror(errno));
        return false;
    }
    rewrite.block = g_byte_array_new();
    rewrite.made = g_byte_array_new();
    const bool copied = copy_file(&rewrite, magic, error, error_size);
    g_byte_array_free(rewrite.block, TRUE);
    g_byte_array_free(rewrite.made, TRUE);
    return copied;
}
