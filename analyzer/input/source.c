/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets from libpcap. Files are filtered here and not by libpcap, so that the frames left out
 * still count.
 */
#define _DEFAULT_SOURCE /* pcap.h uses u_char; dup(), fseeko() */

#include "analyzer/input/source.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyzer/input/link.h"
#include "mqtt/facts/time.h"

/* libpcap reads a record with two small fread() calls; with stdio's own 4 KiB that is a system call
 * every few packets. */
#define READ_BUFFER_SIZE ((size_t)1 << 20)

/* Of the format of pcapng; that of a pcap file is 2. */
#define PCAPNG_MAJOR_VERSION 1

enum {
    LIVE_SNAP_LENGTH = 262144,
    LIVE_TIMEOUT_MS = 100,
    LIVE_BUFFER_SIZE = 16 << 20,
};

struct source {
    pcap_t *pcap;
    FILE *file;   /* NULL for an interface; pcap_close() closes it */
    char *buffer; /* of `file` */
    bool filtered;
    struct bpf_program filter; /* of a file; an interface has it in the kernel */
    uint64_t frames;
    uint64_t size; /* of the file; 0 where it has none */
    int link_type;
    bool nanoseconds; /* an interface may give microseconds only */
    bool classic;     /* a pcap file: libpcap takes its 32 bits of seconds for signed (1.10), but
                       * they run until 2106 */
    enum source_result last;
    volatile sig_atomic_t stopping;
    char name[256];
    char error[SOURCE_ERROR_SIZE];
};

/* Writes "NAME: reason" in one line: libpcap's texts may hold line feeds. */
__attribute__((format(printf, 4, 5))) static void say(char *error, size_t size, const char *name,
                                                      const char *format, ...)
{
    char reason[SOURCE_ERROR_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(reason, sizeof reason, format, arguments);
    va_end(arguments);
    reason[strcspn(reason, "\r\n")] = '\0';
    snprintf(error, size, "%s: %s", name, reason);
}

/* libpcap says "unknown file format" of everything; say what people meet most. */
static const char *why_unreadable(FILE *file, uint64_t size, const char *reason)
{
    static const struct {
        uint8_t magic[4];
        size_t length;
        const char *meaning;
    } known[] = {
        {{0x1f, 0x8b}, 2, "compressed with gzip: decompress it first (zcat FILE | … -)"},
        {{0x28, 0xb5, 0x2f, 0xfd},
         4,
         "compressed with zstd: decompress it first (zstdcat FILE | … -)"},
        {{0xfd, '7', 'z', 'X'}, 4, "compressed with xz: decompress it first (xzcat FILE | … -)"},
        {{0x04, 0x22, 0x4d, 0x18},
         4,
         "compressed with lz4: decompress it first (lz4cat FILE | … -)"},
    };
    uint8_t start[4] = {0};
    /* Only a file can be read from its start again. */
    size_t length =
        size > 0 && fseeko(file, 0, SEEK_SET) == 0 ? fread(start, 1, sizeof start, file) : 0;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (length >= known[i].length && memcmp(start, known[i].magic, known[i].length) == 0)
            return known[i].meaning;
    /* pcap, pcapng: a header that starts well and goes on badly has a reason worth telling. */
    return strstr(reason, "unknown file format") != NULL ? "not a pcap or pcapng file" : reason;
}

static struct source *source_new(const char *name, const struct source_options *options)
{
    struct source *source = calloc(1, sizeof *source);
    if (source == NULL)
        return NULL;
    snprintf(source->name, sizeof source->name, "%s", name);
    source->frames = options != NULL ? options->frames_before : 0;
    source->last = SOURCE_PACKET;
    return source;
}

/* What holds for files and interfaces alike once libpcap has them open. */
static bool check_link_and_filter(struct source *source, const struct source_options *options)
{
    source->link_type = pcap_datalink(source->pcap);
    if (!link_supported(source->link_type)) {
        const char *name = pcap_datalink_val_to_name(source->link_type);
        say(source->error, sizeof source->error, source->name, "link type %d (%s) is not supported",
            source->link_type, name != NULL ? name : "unknown");
        return false;
    }
    if (options == NULL || options->filter == NULL)
        return true;
    if (pcap_compile(source->pcap, &source->filter, options->filter, 1, PCAP_NETMASK_UNKNOWN) !=
        0) {
        say(source->error, sizeof source->error, source->name, "filter: %s",
            pcap_geterr(source->pcap));
        return false;
    }
    source->filtered = true;
    return true;
}

/* Opens the stream under a file's name; a copy of standard input, so that both are closed alike. */
static bool open_stream(struct source *source, const char *path)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int standard_input = is_stdin ? dup(STDIN_FILENO) : -1;
    if (!is_stdin)
        source->file = fopen(path, "rb");
    else if (standard_input >= 0)
        source->file = fdopen(standard_input, "rb");
    struct stat status;
    if (source->file == NULL || fstat(fileno(source->file), &status) != 0) {
        int why = errno;
        if (source->file == NULL && standard_input >= 0)
            close(standard_input);
        say(source->error, sizeof source->error, source->name, "%s", strerror(why));
        return false;
    }
    if (S_ISDIR(status.st_mode)) {
        say(source->error, sizeof source->error, source->name, "is a directory");
        return false;
    }
    if (S_ISREG(status.st_mode)) {
        source->size = (uint64_t)status.st_size;
        if (source->size == 0) {
            say(source->error, sizeof source->error, source->name, "empty file");
            return false;
        }
    }
    source->buffer = malloc(READ_BUFFER_SIZE);
    if (source->buffer != NULL)
        setvbuf(source->file, source->buffer, _IOFBF, READ_BUFFER_SIZE);
    return true;
}

static bool open_capture(struct source *source)
{
    char reason[PCAP_ERRBUF_SIZE] = "";
    source->pcap =
        pcap_fopen_offline_with_tstamp_precision(source->file, PCAP_TSTAMP_PRECISION_NANO, reason);
    source->nanoseconds = true;
    if (source->pcap != NULL) {
        source->classic = pcap_major_version(source->pcap) != PCAPNG_MAJOR_VERSION;
        return true;
    }
    bool nothing = feof(source->file) && ftello(source->file) == 0;
    say(source->error, sizeof source->error, source->name, "%s",
        nothing ? "empty file" : why_unreadable(source->file, source->size, reason));
    return false;
}

/* Frees a source that did not open, and hands its error over. */
static struct source *fail(struct source *source, char *error, size_t error_size)
{
    snprintf(error, error_size, "%s", source->error);
    source_close(source);
    return NULL;
}

struct source *source_open_file(const char *path, const struct source_options *options, char *error,
                                size_t error_size)
{
    struct source *source = source_new(strcmp(path, "-") == 0 ? "standard input" : path, options);
    if (source == NULL) {
        say(error, error_size, path, "out of memory");
        return NULL;
    }
    if (!open_stream(source, path) || !open_capture(source) ||
        !check_link_and_filter(source, options))
        return fail(source, error, error_size);
    return source;
}

static bool activate(struct source *source)
{
    /* They fail where the handle is active already, and it is not. */
    if (pcap_set_snaplen(source->pcap, LIVE_SNAP_LENGTH) != 0 ||
        pcap_set_promisc(source->pcap, 1) != 0 ||
        pcap_set_timeout(source->pcap, LIVE_TIMEOUT_MS) != 0 ||
        pcap_set_buffer_size(source->pcap, LIVE_BUFFER_SIZE) != 0) {
        say(source->error, sizeof source->error, source->name, "%s", pcap_geterr(source->pcap));
        return false;
    }
    /* Refused where the interface has microseconds only. */
    source->nanoseconds = pcap_set_tstamp_precision(source->pcap, PCAP_TSTAMP_PRECISION_NANO) == 0;
    int status = pcap_activate(source->pcap);
    if (status >= 0) /* above zero: a warning, such as no promiscuous mode on "any" */
        return true;
    const char *detail = pcap_geterr(source->pcap);
    say(source->error, sizeof source->error, source->name, "%s",
        detail[0] ? detail : pcap_statustostr(status));
    return false;
}

struct source *source_open_interface(const char *name, const struct source_options *options,
                                     char *error, size_t error_size)
{
    struct source *source = source_new(name, options);
    if (source == NULL) {
        say(error, error_size, name, "out of memory");
        return NULL;
    }
    char reason[PCAP_ERRBUF_SIZE] = "";
    source->pcap = pcap_create(name, reason);
    if (source->pcap == NULL) {
        say(source->error, sizeof source->error, name, "%s", reason);
        return fail(source, error, error_size);
    }
    if (!activate(source) || !check_link_and_filter(source, options))
        return fail(source, error, error_size);
    if (source->filtered && pcap_setfilter(source->pcap, &source->filter) != 0) {
        say(source->error, sizeof source->error, name, "%s", pcap_geterr(source->pcap));
        return fail(source, error, error_size);
    }
    return source;
}

/* Hostile files hold any number in any field; none may overflow. */
static int64_t nanoseconds(const struct source *source, const struct timeval *time)
{
    int64_t fraction = (int64_t)time->tv_usec * (source->nanoseconds ? 1 : 1000);
    int64_t seconds = source->classic ? (uint32_t)time->tv_sec : time->tv_sec;
    /* 32 bits with the highest set, in a classic file, are no fraction; libpcap takes them for
     * negative, or, from 1.10.5 on, for what they say. */
    const bool is_fraction =
        fraction > 0 && (!source->classic || fraction <= INT32_MAX * INT64_C(1000));
    return mqtt_time(seconds, is_fraction ? fraction : 0);
}

/* Why libpcap gave no packet. */
static enum source_result stopped(struct source *source, int status)
{
    /* The end of a file; or source_stop(), which may have interrupted a read(). */
    if (status == PCAP_ERROR_BREAK || source->stopping)
        return SOURCE_END;
    say(source->error, sizeof source->error, source->name, "%s", pcap_geterr(source->pcap));
    return source->file != NULL && !ferror(source->file) ? SOURCE_TRUNCATED : SOURCE_ERROR;
}

enum source_result source_next(struct source *source, struct source_packet *packet)
{
    if (source->last != SOURCE_PACKET)
        return source->last;
    for (;;) {
        struct pcap_pkthdr *header;
        const u_char *data;
        int status = pcap_next_ex(source->pcap, &header, &data);
        if (status == 0)
            return SOURCE_IDLE;
        if (status != 1)
            return source->last = stopped(source, status);
        source->frames++;
        if (source->filtered && source->file != NULL &&
            pcap_offline_filter(&source->filter, header, data) == 0)
            continue;
        packet->frame = source->frames;
        packet->time_ns = nanoseconds(source, &header->ts);
        /* Some writers leave the length on the wire at zero. */
        packet->bytes = (struct slice){data, header->caplen,
                                       header->len < header->caplen ? header->caplen : header->len};
        packet->link_type = source->link_type;
        return SOURCE_PACKET;
    }
}

const char *source_error(const struct source *source)
{
    return source->error;
}

uint64_t source_frames(const struct source *source)
{
    return source->frames;
}

void source_progress(const struct source *source, uint64_t *offset, uint64_t *size)
{
    off_t position = source->file != NULL ? ftello(source->file) : 0;
    *offset = position > 0 ? (uint64_t)position : 0;
    *size = source->size;
}

uint64_t source_dropped(const struct source *source)
{
    struct pcap_stat statistics;
    if (source->file != NULL || pcap_stats(source->pcap, &statistics) != 0)
        return 0;
    return (uint64_t)statistics.ps_drop + statistics.ps_ifdrop;
}

void source_stop(struct source *source)
{
    source->stopping = 1;
    pcap_breakloop(source->pcap);
}

void source_close(struct source *source)
{
    if (source == NULL)
        return;
    if (source->filtered)
        pcap_freecode(&source->filter);
    if (source->pcap != NULL)
        pcap_close(source->pcap); /* closes `file` too */
    else if (source->file != NULL)
        fclose(source->file);
    free(source->buffer);
    free(source);
}
