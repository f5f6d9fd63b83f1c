/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Capture files as they come: formats, byte orders, cuts and nonsense, each with its one line. */
#define _DEFAULT_SOURCE

#include "analyzer/input/source.h"

#include <inttypes.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "suite.h"

#define BYTES(text) text, sizeof(text) - 1

/* Classic pcap: header, then | seconds | fraction | captured | on the wire | bytes. */
#define LITTLE(magic, link) magic "\2\0\4\0\0\0\0\0\0\0\0\0\xff\xff\0\0" link
#define MICRO "\xd4\xc3\xb2\xa1"
#define NANO "\x4d\x3c\xb2\xa1"
#define ETHERNET "\1\0\0\0"
#define CAN "\xe3\0\0\0"
#define RECORD                                                                                     \
    "\x0a\0\0\0"                                                                                   \
    "\7\0\0\0"                                                                                     \
    "\4\0\0\0"                                                                                     \
    "\6\0\0\0"                                                                                     \
    "abcd" /* 10 s and 7, 4 of 6 bytes */
#define BIG                                                                                        \
    "\xa1\xb2\xc3\xd4\0\2\0\4\0\0\0\0\0\0\0\0\0\0\xff\xff\0\0\0\1"                                 \
    "\0\0\0\x0a"                                                                                   \
    "\0\0\0\7"                                                                                     \
    "\0\0\0\4"                                                                                     \
    "\0\0\0\6"                                                                                     \
    "abcd"
/* pcapng: section header, interface with nanoseconds, a comment-only block to skip, a packet
 * of 10.000000007 s. */
#define NG_START                                                                                   \
    "\x0a\x0d\x0d\x0a\x1c\0\0\0\x4d\x3c\x2b\x1a\1\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x1c\0\0\0"
#define NG_INTERFACE(link)                                                                         \
    "\1\0\0\0\x20\0\0\0" link "\0\0\0\0\4\0\x09\0\1\0\x09\0\0\0\0\0\0\0\x20\0\0\0"
#define NG_UNKNOWN "\xad\x0b\0\0\x10\0\0\0abcd\x10\0\0\0"
#define NG_PACKET(interface)                                                                       \
    "\6\0\0\0\x24\0\0\0" interface "\2\0\0\0\7\xe4\x0b\x54\4\0\0\0\6\0\0\0"                        \
    "abcd\x24\0\0\0"

/* The file "microseconds" with one packet, compressed; a part ends where it may. */
#define GZIP                                                                                       \
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xbb\x72\x78\xd3\x42\x26"                             \
    "\x06\x16\x06\x18\xf8\xff\x9f\x81\x81\x11\x48\x73\x01\x31\x3b\x10"                             \
    "\x83\x64\xd8\x80\x38\x31\x29\x39\x05\x00\x13\x56\xe9\x8f\x2c\x00"                             \
    "\x00\x00"
#define ZSTD                                                                                       \
    "\x28\xb5\x2f\xfd\x04\x58\x3d\x01\x00\xf8\xd4\xc3\xb2\xa1\x02\x00"                             \
    "\x04\x00\xff\xff\x00\x00\x01\x00\x00\x00\x0a\x00\x00\x00\x07\x00"                             \
    "\x00\x06\x00\x00\x00\x61\x62\x63\x64\x02\x00\x3d\x45\x25\x40\x1c"                             \
    "\xc1\xa9\xf0\xcc"
#define LZ4                                                                                        \
    "\x04\x22\x4d\x18\x64\x40\xa7\x27\x00\x00\x00\x84\xd4\xc3\xb2\xa1"                             \
    "\x02\x00\x04\x00\x01\x00\xf1\x00\xff\xff\x00\x00\x01\x00\x00\x00"                             \
    "\x0a\x00\x00\x00\x07\x00\x00\x1a\x00\x80\x06\x00\x00\x00\x61\x62"                             \
    "\x63\x64\x00\x00\x00\x00\x9a\xbe\x77\x71"
#define XZ                                                                                         \
    "\xfd\x37\x7a\x58\x5a\x00\x00\x04\xe6\xd6\xb4\x46\x02\x00\x21\x01"                             \
    "\x16\x00\x00\x00\x74\x2f\xe5\xa3\xe0\x00\x2b\x00\x20\x5d\x00\x6a"                             \
    "\x30\xd1\xc8\x7d\x8b\xf8\x09\x9b\xad\x94\x4b\x8a\xf3\x48\x85\x4b"                             \
    "\x9d\xa7\xa0\xc5\xea\xc8\x13\xd9\x07\xcf\x9e\xb4\x6b\x7c\x00\x00"                             \
    "\x92\xcb\xbc\x41\xe4\xe2\xd4\x59\x00\x01\x3c\x2c\x37\xa0\xad\x61"                             \
    "\x1f\xb6\xf3\x7d\x01\x00\x00\x00\x00\x04\x59\x5a"
#define ZSTD_FIRST                                                                                 \
    "\x28\xb5\x2f\xfd\x04\x58\xf1\x00\x00\xd4\xc3\xb2\xa1\x02\x00\x04"                             \
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\x00\x00\x01\x00\x00"                             \
    "\x00\x0a\x00\x00\x00\x07\x00\xbc\x35\xe8\xb7"
#define ZSTD_SECOND                                                                                \
    "\x28\xb5\x2f\xfd\x04\x58\x71\x00\x00\x00\x00\x04\x00\x00\x00\x06"                             \
    "\x00\x00\x00\x61\x62\x63\x64\x34\x94\x6a\xb7"
#define GZIP_NOTHING                                                                               \
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x03\x00\x00\x00\x00\x00"                             \
    "\x00\x00\x00\x00"
#define GZIP_TEXT                                                                                  \
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x73\x49\x4d\x2c\x52\x08"                             \
    "\xce\x2c\x52\xc8\x2f\x52\xf0\x4d\x4c\x49\xcc\xd5\xe1\x02\x00\x61"                             \
    "\x9e\x80\x52\x13\x00\x00\x00"
/* As NG_START, NG_INTERFACE("\1\0") and NG_PACKET("\0\0\0\0"), of the other byte order. */
#define NG_BIG                                                                                     \
    "\x0a\x0d\x0d\x0a\0\0\0\x1c\x1a\x2b\x3c\x4d\0\1\0\0\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\x1c" \
    "\0\0\0\1\0\0\0\x20\0\1\0\0\0\0\0\4\0\x09\0\1\x09\0\0\0\0\0\0\0\0\0\0\x20"                     \
    "\0\0\0\6\0\0\0\x24\0\0\0\0\0\0\0\2\x54\x0b\xe4\7\0\0\0\4\0\0\0\6"                             \
    "abcd\0\0\0\x24"

static const struct file {
    const char *name;
    const char *bytes;
    size_t length;
    unsigned packets;
    int64_t time_ns; /* of each */
    enum source_result end;
    const char *error; /* behind "NAME: "; in full where the file does not open, else a part */
} files[] = {
    {"microseconds", BYTES(LITTLE(MICRO, ETHERNET) RECORD RECORD), 2, 10000007000, SOURCE_END, ""},
    {"nanoseconds", BYTES(LITTLE(NANO, ETHERNET) RECORD), 1, 10000000007, SOURCE_END, ""},
    {"big-endian", BYTES(BIG), 1, 10000007000, SOURCE_END, ""},
    {"no packets", BYTES(LITTLE(MICRO, ETHERNET)), 0, 0, SOURCE_END, ""},
    {"pcapng",
     BYTES(NG_START NG_INTERFACE("\1\0") NG_UNKNOWN NG_PACKET("\0\0\0\0") NG_PACKET("\0\0\0\0")), 2,
     10000000007, SOURCE_END, ""},
    {"pcapng, two interfaces",
     BYTES(NG_START NG_INTERFACE("\1\0") NG_INTERFACE("\1\0") NG_PACKET("\0\0\0\0")
               NG_PACKET("\1\0\0\0")),
     2, 10000000007, SOURCE_END, ""},
    {"pcapng, a link type that is not read",
     BYTES(NG_START NG_INTERFACE("\xe3\0") NG_INTERFACE("\1\0") NG_PACKET("\1\0\0\0")), 1,
     10000000007, SOURCE_END, ""},
    {"pcapng, two sections",
     BYTES(NG_START NG_INTERFACE("\1\0") NG_PACKET("\0\0\0\0")
               NG_BIG NG_START NG_INTERFACE("\xe3\0") NG_INTERFACE("\1\0") NG_PACKET("\1\0\0\0")),
     3, 10000000007, SOURCE_END, ""},
    {"pcapng, an interface of the section before",
     BYTES(NG_START NG_INTERFACE("\1\0") NG_INTERFACE("\1\0") NG_PACKET("\1\0\0\0")
               NG_START NG_INTERFACE("\1\0") NG_PACKET("\1\0\0\0")),
     1, 10000000007, SOURCE_TRUNCATED, "interface 1, which nothing describes"},
    {"pcapng, more bytes than the block",
     BYTES(NG_START NG_INTERFACE("\1\0") NG_PACKET("\0\0\0\0") "\6\0\0\0\x20\0\0\0"
                                                               "\0\0\0\0\0\0\0\0\0\0\0\0"
                                                               "\1\0\0\0\1\0\0\0\x20\0\0\0"),
     1, 10000000007, SOURCE_TRUNCATED, "a packet of 1 bytes in a block of 32"},
    {"pcapng, lengths that differ",
     BYTES(NG_START NG_INTERFACE("\1\0") NG_PACKET("\0\0\0\0") "\xad\x0b\0\0\x10\0\0\0"
                                                               "abcd\x14\0\0\0"),
     1, 10000000007, SOURCE_TRUNCATED, "ends with another length"},
    {"pcapng, a block of no length",
     BYTES(NG_START NG_INTERFACE("\1\0") NG_PACKET("\0\0\0\0") "\xad\x0b\0\0\0\0\0\0"), 1,
     10000000007, SOURCE_TRUNCATED, "a block of 0 bytes"},
    {"pcapng, a packet of 4 GB",
     BYTES(NG_START NG_INTERFACE("\1\0") NG_PACKET("\0\0\0\0") "\6\0\0\0\xfc\xff\xff\xff"), 1,
     10000000007, SOURCE_TRUNCATED, "a block of 4294967292 bytes"},
    {"pcapng without a section", BYTES(NG_UNKNOWN), 0, 0, SOURCE_ERROR,
     "not a pcap or pcapng file"},
    {"pcapng without a byte order",
     BYTES("\x0a\x0d\x0d\x0a\x1c\0\0\0abcd\1\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\x1c\0\0\0"), 0,
     0, SOURCE_ERROR, "a section header without a byte order"},
    {"pcapng without packets", BYTES(NG_START NG_INTERFACE("\1\0")), 0, 0, SOURCE_END, ""},
    {"gzip", BYTES(GZIP), 1, 10000007000, SOURCE_END, ""},
    {"zstd", BYTES(ZSTD), 1, 10000007000, SOURCE_END, ""},
    {"lz4", BYTES(LZ4), 1, 10000007000, SOURCE_END, ""},
    {"xz", BYTES(XZ), 1, 10000007000, SOURCE_END, ""},
    {"gzip, filled up", BYTES(GZIP "\0\0\0\0\0\0"), 1, 10000007000, SOURCE_END, ""},
    {"gzip, and behind it something else", BYTES(GZIP "more"), 1, 10000007000, SOURCE_TRUNCATED,
     "the compressed data is broken"},
    {"gzip, cut", GZIP, sizeof GZIP - 9, 1, 10000007000, SOURCE_TRUNCATED,
     "the compressed data ends in the middle"},
    {"zstd, cut", ZSTD, sizeof ZSTD - 3, 1, 10000007000, SOURCE_TRUNCATED,
     "the compressed data ends in the middle"},
    {"lz4, cut", LZ4, sizeof LZ4 - 3, 1, 10000007000, SOURCE_TRUNCATED,
     "the compressed data ends in the middle"},
    {"xz, cut", XZ, sizeof XZ - 3, 1, 10000007000, SOURCE_TRUNCATED,
     "the compressed data ends in the middle"},
    {"zstd of two parts", BYTES(ZSTD_FIRST ZSTD_SECOND), 1, 10000007000, SOURCE_END, ""},
    {"cut in a record",
     BYTES(LITTLE(MICRO, ETHERNET) RECORD "\x0a\0\0\0"
                                          "\7\0\0\0"
                                          "\4\0\0\0"
                                          "\6\0\0\0"
                                          "ab"),
     1, 10000007000, SOURCE_TRUNCATED, "truncated"},
    {"cut in a record header", BYTES(LITTLE(MICRO, ETHERNET) RECORD "\x0a\0\0"), 1, 10000007000,
     SOURCE_TRUNCATED, "truncated"},
    {"record of 2 GB",
     BYTES(LITTLE(MICRO, ETHERNET) RECORD "\x0a\0\0\0"
                                          "\7\0\0\0"
                                          "\0\0\0\x7f"
                                          "\0\0\0\x7f"
                                          "ab"),
     1, 10000007000, SOURCE_TRUNCATED, ""},
    {"pcapng, cut", BYTES(NG_START NG_INTERFACE("\1\0") NG_PACKET("\0\0\0\0") "\6\0\0\0\x24\0\0\0"),
     1, 10000000007, SOURCE_TRUNCATED, "truncated"},
    {"empty", BYTES(""), 0, 0, SOURCE_ERROR, "empty file"},
    {"text", BYTES("Dear Sir or Madam,\nwill you read my file?\n"), 0, 0, SOURCE_ERROR,
     "not a pcap or pcapng file"},
    {"one byte", BYTES("x"), 0, 0, SOURCE_ERROR, NULL},
    {"gzip of nothing", BYTES(GZIP_NOTHING), 0, 0, SOURCE_ERROR, "empty file"},
    {"gzip, cut at once", BYTES("\x1f\x8b\x08\0\0\0\0\0\0\0\0"), 0, 0, SOURCE_ERROR,
     "the compressed data ends in the middle"},
    {"gzip of text", BYTES(GZIP_TEXT), 0, 0, SOURCE_ERROR, "not a pcap or pcapng file"},
    {"cut in the file header", BYTES(MICRO "\2\0\4\0"), 0, 0, SOURCE_ERROR, NULL},
    {"CAN", BYTES(LITTLE(MICRO, CAN) RECORD), 0, 0, SOURCE_ERROR,
     "link type 227 (CAN_SOCKETCAN) is not supported"},
};

static char path[64];

static void make_file(const void *bytes, size_t length)
{
    snprintf(path, sizeof path, "/tmp/test_source.%ld", (long)getpid());
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes, 1, length, file), length);
    ck_assert_int_eq(fclose(file), 0);
}

/* An error is "NAME: reason" in one line. */
static void check_error(const char *name, const char *error, const char *reason)
{
    size_t length = strlen(name);
    ck_assert_msg(strncmp(error, name, length) == 0 && strncmp(error + length, ": ", 2) == 0, "%s",
                  error);
    ck_assert_msg(strlen(error) > length + 2 && strchr(error, '\n') == NULL, "%s", error);
    if (reason != NULL)
        ck_assert_str_eq(error + length + 2, reason);
}

static void check_packets(struct source *source, const struct file *f)
{
    struct source_packet packet;
    for (unsigned i = 1; i <= f->packets; i++) {
        ck_assert_msg(source_next(source, &packet) == SOURCE_PACKET, "%s: packet %u: %s", f->name,
                      i, source_error(source));
        ck_assert_uint_eq(packet.frame, i);
        ck_assert_msg(packet.time_ns == f->time_ns, "%s: %" PRId64, f->name, packet.time_ns);
        ck_assert_uint_eq(packet.bytes.captured, 4);
        ck_assert_uint_eq(packet.bytes.reported, 6);
        ck_assert_mem_eq(packet.bytes.data, "abcd", 4);
        ck_assert_int_eq(packet.link_type, DLT_EN10MB);
    }
    for (int again = 0; again < 2; again++) {
        enum source_result end = source_next(source, &packet);
        ck_assert_msg(end == f->end, "%s: %d %s", f->name, end, source_error(source));
    }
    ck_assert_uint_eq(source_frames(source), f->packets);
}

START_TEST(reads)
{
    const struct file *f = &files[_i];
    make_file(f->bytes, f->length);
    char error[SOURCE_ERROR_SIZE] = "";
    struct source *source = source_open_file(path, NULL, error, sizeof error);
    unlink(path);
    if (f->end == SOURCE_ERROR) {
        ck_assert_msg(source == NULL, "%s opened", f->name);
        check_error(path, error, f->error);
        return;
    }
    ck_assert_msg(source, "%s: %s", f->name, error);
    check_packets(source, f);
    if (f->end == SOURCE_TRUNCATED) {
        check_error(path, source_error(source), NULL);
        ck_assert_msg(strstr(source_error(source), f->error), "%s", source_error(source));
    } else {
        ck_assert_str_eq(source_error(source), "");
        uint64_t offset, size;
        source_progress(source, &offset, &size);
        ck_assert_uint_eq(offset, f->length);
        ck_assert_uint_eq(size, f->length);
    }
    ck_assert_uint_eq(source_dropped(source), 0);
    source_close(source);
}
END_TEST

/* The same through a pipe on standard input. */
START_TEST(reads_standard_input)
{
    const struct file *f = &files[_i];
    int ends[2];
    ck_assert_int_eq(pipe(ends), 0);
    ck_assert_int_eq(write(ends[1], f->bytes, f->length), (ssize_t)f->length);
    close(ends[1]);
    ck_assert_int_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    close(ends[0]);
    char error[SOURCE_ERROR_SIZE] = "";
    struct source *source = source_open_file("-", NULL, error, sizeof error);
    if (f->end == SOURCE_ERROR) {
        ck_assert_msg(source == NULL, "%s opened", f->name);
        check_error("standard input", error, NULL);
        return;
    }
    ck_assert_msg(source, "%s: %s", f->name, error);
    check_packets(source, f);
    uint64_t offset, size;
    source_progress(source, &offset, &size);
    ck_assert_uint_eq(size, 0);
    source_close(source);
}
END_TEST

/* Packets of an interface whose link type nobody knows are given all the same, for somebody to
 * count; a file of nothing else could not be read. */
START_TEST(tells_of_link_types_that_it_does_not_know)
{
    static const char bytes[] = NG_START NG_INTERFACE("\xe3\0") NG_PACKET("\0\0\0\0");
    char error[SOURCE_ERROR_SIZE] = "";
    struct source_packet packet;
    make_file(bytes, sizeof bytes - 1);
    struct source *source = source_open_file(path, NULL, error, sizeof error);
    unlink(path);
    ck_assert_msg(source != NULL, "%s", error);
    ck_assert_int_eq(source_next(source, &packet), SOURCE_PACKET);
    ck_assert_int_eq(packet.link_type, 227);
    ck_assert_int_eq(source_next(source, &packet), SOURCE_ERROR);
    check_error(path, source_error(source), "link type 227 (CAN_SOCKETCAN) is not supported");
    source_close(source);
}
END_TEST

/* Link types of libpcap and of files have different numbers for IP without a link. */
START_TEST(mixes_link_types)
{
    static const char bytes[] = NG_START NG_INTERFACE("\1\0") NG_INTERFACE("\x65\0")
        NG_PACKET("\1\0\0\0") NG_PACKET("\0\0\0\0");
    char error[SOURCE_ERROR_SIZE] = "";
    struct source_packet packet;
    make_file(bytes, sizeof bytes - 1);
    struct source *source = source_open_file(path, NULL, error, sizeof error);
    unlink(path);
    ck_assert_msg(source != NULL, "%s", error);
    ck_assert_int_eq(source_next(source, &packet), SOURCE_PACKET);
    ck_assert_int_eq(packet.link_type, DLT_RAW);
    ck_assert_int_eq(source_next(source, &packet), SOURCE_PACKET);
    ck_assert_int_eq(packet.link_type, DLT_EN10MB);
    ck_assert_int_eq(source_next(source, &packet), SOURCE_END);
    source_close(source);
}
END_TEST

/* No time and no captured length: as much as the interface's snap length has. */
START_TEST(reads_simple_packets)
{
    static const char bytes[] = NG_START "\1\0\0\0\x14\0\0\0\1\0\0\0\4\0\0\0\x14\0\0\0"
                                         "\3\0\0\0\x18\0\0\0\6\0\0\0abcdef\0\0"
                                         "\x18\0\0\0";
    char error[SOURCE_ERROR_SIZE] = "";
    struct source_packet packet;
    make_file(bytes, sizeof bytes - 1);
    struct source *source = source_open_file(path, NULL, error, sizeof error);
    unlink(path);
    ck_assert_msg(source != NULL, "%s", error);
    ck_assert_int_eq(source_next(source, &packet), SOURCE_PACKET);
    ck_assert_uint_eq(packet.bytes.captured, 4);
    ck_assert_uint_eq(packet.bytes.reported, 6);
    ck_assert_int_eq(packet.time_ns, 0);
    source_close(source);
}
END_TEST

static void keep_secrets(void *user, uint32_t kind, const uint8_t *data, uint32_t length)
{
    ck_assert_uint_eq(kind, 0x544c534b);
    ck_assert_uint_eq(length, 5);
    ck_assert_mem_eq(data, "A B C", 5);
    *(unsigned *)user += 1;
}

START_TEST(hands_on_secrets)
{
    static const char bytes[] =
        NG_START "\x0a\0\0\0\x1c\0\0\0KSLT\5\0\0\0A B C\0\0\0\x1c\0\0\0" NG_INTERFACE("\1\0")
            NG_PACKET("\0\0\0\0") "\x0a\0\0\0\x18\0\0\0KSLT\5\0\0\0A B \x18\0\0\0";
    unsigned kept = 0;
    const struct source_options options = {.secrets = keep_secrets, .user = &kept};
    char error[SOURCE_ERROR_SIZE] = "";
    struct source_packet packet;
    make_file(bytes, sizeof bytes - 1);
    struct source *source = source_open_file(path, &options, error, sizeof error);
    unlink(path);
    ck_assert_msg(source != NULL, "%s", error);
    ck_assert_int_eq(source_next(source, &packet), SOURCE_PACKET);
    ck_assert_uint_eq(kept, 1);
    ck_assert_int_eq(source_next(source, &packet), SOURCE_TRUNCATED);
    check_error(path, source_error(source), "a secrets block that ends before its secrets do");
    ck_assert_uint_eq(kept, 1);
    source_close(source);
}
END_TEST

/* ---- Times ---- */

#define NO_RESOLUTION 0xff
#define BINARY 0x80
#define AT(seconds) (INT64_C(1000000000) * (seconds))

/* A pcapng file says what one tick is (if_tsresol), and what is to be added in seconds
 * (if_tsoffset). Wireshark shows the same times, as far as nanoseconds of 64 bits reach. */
static const struct {
    uint8_t resolution;
    int64_t offset;
    uint64_t ticks;
    int64_t time_ns;
} times[] = {
    {NO_RESOLUTION, 0, 10000007, 10000007000},
    {0, 0, 0, 0},
    {0, 0, 7258118400, AT(7258118400)}, /* 2200-01-01 */
    {0, 0, 9223372036, AT(9223372036)}, /* 2262-04-11, a second before the type ends */
    {0, 0, 9223372037, INT64_MAX},
    {0, 0, INT64_MAX, INT64_MAX},
    {0, 0, UINT64_C(1) << 63, INT64_MIN}, /* libpcap, like Wireshark, has signed seconds */
    {0, 0, UINT64_MAX, AT(-1)},
    {1, 0, UINT64_MAX, INT64_MAX},
    {3, 0, 10007, 10007000000},
    {9, 0, 10000000007, 10000000007},
    {9, 0, INT64_MAX, INT64_MAX},
    {9, 0, INT64_MAX - 1, INT64_MAX - 1},
    {9, 0, UINT64_MAX, INT64_MAX},
    {9, -1, 1, AT(-1) + 1},
    {12, 0, 10000000007999, 10000000007},
    {19, 0, UINT64_MAX, 1844674407},
    {BINARY | 0, 0, 10, AT(10)},
    {BINARY | 1, 0, 3, 1500000000},
    {BINARY | 10, 0, 10 * 1024 + 512, 10500000000},
    {BINARY | 63, 0, UINT64_C(1) << 63, AT(1)},
    {0, -9223372036, 0, AT(-9223372036)}, /* 1677-09-21 */
    {0, -9223372038, 0, INT64_MIN},
    {9, INT64_MAX, 0, INT64_MAX},
    {9, INT64_MIN, 0, INT64_MIN},
    {0, INT64_MAX, INT64_MAX, AT(-2)},
};

static int64_t time_of_first(const char *of)
{
    char error[SOURCE_ERROR_SIZE] = "";
    struct source *source = source_open_file(path, NULL, error, sizeof error);
    unlink(path);
    ck_assert_msg(source != NULL, "%s: %s", of, error);
    struct source_packet packet;
    ck_assert_int_eq(source_next(source, &packet), SOURCE_PACKET);
    source_close(source);
    return packet.time_ns;
}

static void put(uint8_t *bytes, uint64_t value, size_t size)
{
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
}

START_TEST(pcapng_times)
{
    static const char start[] = NG_START;
    uint8_t interface[] = "\1\0\0\0\x28\0\0\0\1\0\0\0\0\0\4\0"
                          "\x0e\0\x08\0\0\0\0\0\0\0\0\0"
                          "\x09\0\1\0\0\0\0\0\x28\0\0\0";
    uint8_t block[] = NG_PACKET("\0\0\0\0");
    put(interface + 20, (uint64_t)times[_i].offset, 8);
    if (times[_i].resolution == NO_RESOLUTION)
        put(interface + 28, 0, 4); /* the end of options */
    else
        put(interface + 32, times[_i].resolution, 1);
    put(block + 12, times[_i].ticks >> 32, 4);
    put(block + 16, times[_i].ticks, 4);
    uint8_t bytes[256];
    size_t length = 0;
    memcpy(bytes, start, sizeof start - 1), length += sizeof start - 1;
    memcpy(bytes + length, interface, sizeof interface - 1), length += sizeof interface - 1;
    memcpy(bytes + length, block, sizeof block - 1), length += sizeof block - 1;
    make_file(bytes, length);
    ck_assert_int_eq(time_of_first("pcapng"), times[_i].time_ns);
}
END_TEST

/* A classic file has 32 bits of seconds, which Wireshark takes for unsigned: until 2106. */
static const struct {
    const char *magic;
    uint32_t seconds;
    uint32_t fraction;
    int64_t time_ns;
} classic_times[] = {
    {MICRO, 1, 999999, 1999999000},
    {NANO, 1, 999999999, 1999999999},
    {MICRO, INT32_MAX, 5, AT(2147483647) + 5000},
    {MICRO, UINT32_C(1) << 31, 5, AT(2147483648) + 5000}, /* 2038-01-19 */
    {NANO, UINT32_MAX, 5, AT(4294967295) + 5},
    {MICRO, UINT32_MAX, UINT32_MAX, AT(4294967295)}, /* no fraction is negative */
    {MICRO, 0, INT32_MAX, INT32_MAX *INT64_C(1000)},
};

START_TEST(classic_file_times)
{
    uint8_t bytes[] = LITTLE(MICRO, ETHERNET) RECORD;
    memcpy(bytes, classic_times[_i].magic, 4);
    put(bytes + 24, classic_times[_i].seconds, 4);
    put(bytes + 28, classic_times[_i].fraction, 4);
    make_file(bytes, sizeof bytes - 1);
    ck_assert_int_eq(time_of_first("pcap"), classic_times[_i].time_ns);
}
END_TEST

START_TEST(says_why_it_cannot_open)
{
    char error[SOURCE_ERROR_SIZE];
    ck_assert_ptr_null(source_open_file("/nonexistent/x.pcap", NULL, error, sizeof error));
    ck_assert_str_eq(error, "/nonexistent/x.pcap: No such file or directory");
    ck_assert_ptr_null(source_open_file("/tmp", NULL, error, sizeof error));
    ck_assert_str_eq(error, "/tmp: is a directory");
    ck_assert_ptr_null(source_open_interface("no-such-interface", NULL, error, sizeof error));
    check_error("no-such-interface", error, NULL);
}
END_TEST

/* Ethernet frames with UDP to port 1000 and 1001, alternating. */
static size_t udp_file(uint8_t *bytes)
{
    static const char start[] = LITTLE(MICRO, ETHERNET);
    static const char record[] = "\1\0\0\0\0\0\0\0\x2a\0\0\0\x2a\0\0\0"
                                 "\0\0\0\0\0\0\0\0\0\0\0\0\x08\0"
                                 "\x45\0\0\x1c\0\0\0\0\x40\x11\0\0\x0a\0\0\1\x0a\0\0\2"
                                 "\0\1\x03\xe8\0\x08\0\0";
    size_t length = sizeof start - 1;
    memcpy(bytes, start, length);
    for (uint8_t i = 0; i < 4; i++) {
        memcpy(bytes + length, record, sizeof record - 1);
        bytes[length + 16 + 14 + 20 + 3] = (uint8_t)(0xe8 + i % 2);
        length += sizeof record - 1;
    }
    return length;
}

START_TEST(filter_keeps_the_frame_numbers)
{
    uint8_t bytes[1024];
    make_file(bytes, udp_file(bytes));
    struct source_options options = {.filter = "udp dst port 1001", .frames_before = 100};
    char error[SOURCE_ERROR_SIZE] = "";
    struct source *source = source_open_file(path, &options, error, sizeof error);
    ck_assert_msg(source, "%s", error);
    struct source_packet packet;
    ck_assert_int_eq(source_next(source, &packet), SOURCE_PACKET);
    ck_assert_uint_eq(packet.frame, 102);
    ck_assert_int_eq(source_next(source, &packet), SOURCE_PACKET);
    ck_assert_uint_eq(packet.frame, 104);
    ck_assert_int_eq(source_next(source, &packet), SOURCE_END);
    ck_assert_uint_eq(source_frames(source), 104);
    source_close(source);

    options.filter = "no such filter";
    ck_assert_ptr_null(source_open_file(path, &options, error, sizeof error));
    ck_assert_msg(strstr(error, ": filter: "), "%s", error);
    check_error(path, error, NULL);
    unlink(path);
}
END_TEST

START_TEST(stops)
{
    uint8_t bytes[1024];
    make_file(bytes, udp_file(bytes));
    char error[SOURCE_ERROR_SIZE] = "";
    struct source *source = source_open_file(path, NULL, error, sizeof error);
    unlink(path);
    ck_assert_msg(source, "%s", error);
    struct source_packet packet;
    ck_assert_int_eq(source_next(source, &packet), SOURCE_PACKET);
    source_stop(source);
    ck_assert_int_eq(source_next(source, &packet), SOURCE_END);
    source_close(source);
}
END_TEST

/* Any byte of blocks and of compressed data may be another one. */
START_TEST(survives_noise_everywhere)
{
    const struct file *f = &files[_i];
    uint32_t random = 88172645u;
    for (int round = 0; round < 50 && f->length > 0; round++) {
        uint8_t bytes[1024];
        ck_assert_uint_le(f->length, sizeof bytes);
        memcpy(bytes, f->bytes, f->length);
        for (int changes = 0; changes < 3; changes++) {
            random ^= random << 13, random ^= random >> 17, random ^= random << 5;
            bytes[random % f->length] = (uint8_t)(random >> 16);
        }
        make_file(bytes, f->length);
        char error[SOURCE_ERROR_SIZE] = "";
        struct source *source = source_open_file(path, NULL, error, sizeof error);
        struct source_packet packet;
        enum source_result result = SOURCE_END;
        while (source != NULL && (result = source_next(source, &packet)) == SOURCE_PACKET)
            ck_assert_uint_le(packet.bytes.captured, packet.bytes.reported);
        ck_assert(result != SOURCE_IDLE);
        source_close(source);
    }
    unlink(path);
}
END_TEST

/* Every field of a record header may hold anything. */
START_TEST(survives_noise)
{
    uint32_t random = 88172645u;
    for (int round = 0; round < 400; round++) {
        uint8_t bytes[1024];
        size_t length = udp_file(bytes);
        for (int changes = 0; changes < 6; changes++) {
            random ^= random << 13, random ^= random >> 17, random ^= random << 5;
            bytes[24 + random % (length - 24)] = (uint8_t)(random >> 16);
        }
        make_file(bytes, length);
        char error[SOURCE_ERROR_SIZE] = "";
        struct source *source = source_open_file(path, NULL, error, sizeof error);
        ck_assert_msg(source, "%s", error);
        struct source_packet packet;
        enum source_result result;
        while ((result = source_next(source, &packet)) == SOURCE_PACKET)
            ck_assert_uint_le(packet.bytes.captured, packet.bytes.reported);
        ck_assert(result == SOURCE_END || result == SOURCE_TRUNCATED);
        source_close(source);
    }
    unlink(path);
}
END_TEST

SUITE("source", TABLE(reads, files), TABLE(reads_standard_input, files), TABLE(pcapng_times, times),
      TABLE(classic_file_times, classic_times), TEST(says_why_it_cannot_open),
      TEST(filter_keeps_the_frame_numbers), TEST(tells_of_link_types_that_it_does_not_know),
      TEST(mixes_link_types), TEST(reads_simple_packets), TEST(hands_on_secrets), TEST(stops),
      TEST(survives_noise), TABLE(survives_noise_everywhere, files))
