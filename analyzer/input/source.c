/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Packets of files and interfaces: pcap files and interfaces by libpcap, pcapng by pcapng.h. Files
 * are filtered here and not by libpcap, so that the frames left out still count.
 */
#define _DEFAULT_SOURCE /* pcap.h uses u_char; dup() */

#include "analyzer/input/source.h"

#include <errno.h>
#include <fcntl.h>
#include <pcap/pcap.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "analyzer/input/filter.h"
#include "analyzer/input/layer.h"
#include "analyzer/input/pcapng.h"
#include "analyzer/input/pcapng_format.h"
#include "analyzer/input/unpack.h"
#include "mqtt/facts/time.h"

/* libpcap reads a record with two small fread() calls; with stdio's own 4 KiB that is a system call
 * every few packets. */
#define READ_BUFFER_SIZE ((size_t)1 << 20)

enum {
    LIVE_SNAP_LENGTH = 262144,
    LIVE_TIMEOUT_MS = 100,
    LIVE_BUFFER_SIZE = 16 << 20,
};

struct source {
    pcap_t *pcap;          /* of a pcap file or an interface */
    struct pcapng *pcapng; /* of a pcapng file */
    FILE *file;            /* NULL for an interface; pcap_close() closes that of a pcap file */
    struct unpack *unpack; /* under `file` */
    char *buffer;          /* of `file` */
    struct filter *filter; /* NULL: everything passes */
    uint64_t frames;
    uint64_t size;    /* of the file; 0 where it has none */
    int link_type;    /* of libpcap's packets */
    bool nanoseconds; /* an interface may give microseconds only */
    bool any_known;   /* a packet whose link type layer.h knows was read */
    int unknown;      /* the first link type that it does not know; -1: none came */
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

static struct source *source_new(const char *name, const struct source_options *options)
{
    struct source *source = calloc(1, sizeof *source);
    if (source == NULL)
        return NULL;
    snprintf(source->name, sizeof source->name, "%s", name);
    source->frames = options != NULL ? options->frames_before : 0;
    source->last = SOURCE_PACKET;
    source->unknown = -1;
    return source;
}

static void say_unknown(struct source *source, int link_type)
{
    const char *name = pcap_datalink_val_to_name(link_type);
    say(source->error, sizeof source->error, source->name, "link type %d (%s) is not supported",
        link_type, name != NULL ? name : "unknown");
}

/* False if the filter can't be had for this link type, which `error` says then. */
static bool compile(struct source *source, int link_type)
{
    char reason[SOURCE_ERROR_SIZE];
    if (source->filter == NULL || filter_compile(source->filter, link_type, reason, sizeof reason))
        return true;
    say(source->error, sizeof source->error, source->name, "%s", reason);
    return false;
}

/* What holds for files and interfaces alike once libpcap has them open. */
static bool check_link_and_filter(struct source *source)
{
    source->link_type = pcap_datalink(source->pcap);
    if (!layer_knows_link(source->link_type)) {
        say_unknown(source, source->link_type);
        return false;
    }
    return compile(source, source->link_type);
}

static bool make_filter(struct source *source, const struct source_options *options)
{
    if (options == NULL || options->filter == NULL)
        return true;
    source->filter = filter_new(options->filter);
    if (source->filter == NULL)
        say(source->error, sizeof source->error, source->name, "out of memory");
    return source->filter != NULL;
}

/* ---- Files ---- */

static bool check_status(struct source *source, int descriptor)
{
    struct stat status;
    if (fstat(descriptor, &status) != 0) {
        say(source->error, sizeof source->error, source->name, "%s", strerror(errno));
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
    return true;
}

/* Opens the stream under a file's name; a copy of standard input, so that both are closed alike. */
static bool open_stream(struct source *source, const char *path,
                        const struct source_options *options)
{
    const int descriptor =
        strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor >= 0 && !check_status(source, descriptor)) {
        close(descriptor);
        return false;
    }
    if (descriptor >= 0)
        source->file =
            unpack_open(descriptor, options != NULL ? options->stopped : NULL, &source->unpack);
    if (source->file == NULL) {
        say(source->error, sizeof source->error, source->name, "%s", strerror(errno));
        return false;
    }
    __fsetlocking(source->file, FSETLOCKING_BYCALLER); /* one thread reads it, in small pieces */
    source->buffer = malloc(READ_BUFFER_SIZE);
    if (source->buffer != NULL)
        setvbuf(source->file, source->buffer, _IOFBF, READ_BUFFER_SIZE);
    return true;
}

/* libpcap says "unknown file format" of everything. A header that starts well and goes on badly has
 * a reason worth telling. */
static const char *why_unreadable(const struct source *source, const char *reason)
{
    const char *problem = unpack_problem(source->unpack);
    if (problem != NULL)
        return problem;
    return strstr(reason, "unknown file format") != NULL ? "not a pcap or pcapng file" : reason;
}

static bool open_pcap(struct source *source)
{
    char reason[PCAP_ERRBUF_SIZE] = "";
    source->pcap =
        pcap_fopen_offline_with_tstamp_precision(source->file, PCAP_TSTAMP_PRECISION_NANO, reason);
    source->nanoseconds = true;
    if (source->pcap != NULL)
        return check_link_and_filter(source);
    say(source->error, sizeof source->error, source->name, "%s", why_unreadable(source, reason));
    return false;
}

static bool open_pcapng(struct source *source, const struct source_options *options)
{
    source->pcapng = pcapng_new(source->file, options != NULL ? options->secrets : NULL,
                                options != NULL ? options->user : NULL);
    const enum pcapng_result result =
        source->pcapng != NULL ? pcapng_begin(source->pcapng) : PCAPNG_NO_ROOM;
    if (result == PCAPNG_PACKET)
        return true;
    say(source->error, sizeof source->error, source->name, "%s",
        result == PCAPNG_NO_ROOM ? "out of memory"
                                 : why_unreadable(source, pcapng_error(source->pcapng)));
    return false;
}

static bool open_capture(struct source *source, const struct source_options *options)
{
    const int first = getc(source->file);
    if (first == EOF) {
        const char *problem = unpack_problem(source->unpack);
        say(source->error, sizeof source->error, source->name, "%s",
            problem != NULL ? problem : "empty file");
        return false;
    }
    ungetc(first, source->file);
    return first == PCAPNG_FIRST_BYTE ? open_pcapng(source, options) : open_pcap(source);
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
    if (!make_filter(source, options) || !open_stream(source, path, options) ||
        !open_capture(source, options))
        return fail(source, error, error_size);
    return source;
}

/* ---- Interfaces ---- */

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
    if (!make_filter(source, options) || !activate(source) || !check_link_and_filter(source))
        return fail(source, error, error_size);
    if (source->filter != NULL &&
        pcap_setfilter(source->pcap, filter_program(source->filter, source->link_type)) != 0) {
        say(source->error, sizeof source->error, name, "%s", pcap_geterr(source->pcap));
        return fail(source, error, error_size);
    }
    return source;
}

/* ---- Packets ---- */

/* Hostile files hold any number in any field; none may overflow. libpcap takes a pcap file's 32
 * bits of seconds for signed (1.10), but they run until 2106. */
static int64_t nanoseconds(const struct source *source, const struct timeval *time)
{
    int64_t fraction = (int64_t)time->tv_usec * (source->nanoseconds ? 1 : 1000);
    int64_t seconds = source->file != NULL ? (uint32_t)time->tv_sec : time->tv_sec;
    /* 32 bits with the highest set, in a classic file, are no fraction; libpcap takes them for
     * negative, or, from 1.10.5 on, for what they say. */
    const bool is_fraction =
        fraction > 0 && (source->file == NULL || fraction <= INT32_MAX * INT64_C(1000));
    return mqtt_time(seconds, is_fraction ? fraction : 0);
}

/* Why no packet came: the end of a file; source_stop(), which may have interrupted a read(); or
 * `reason`. */
static enum source_result stopped(struct source *source, bool ended, const char *reason)
{
    if (source->stopping)
        return SOURCE_END;
    const char *problem = source->file != NULL ? unpack_problem(source->unpack) : NULL;
    if (ended && problem == NULL && !source->any_known && source->unknown >= 0) {
        say_unknown(source, source->unknown);
        return SOURCE_ERROR;
    }
    if (ended && problem == NULL)
        return SOURCE_END;
    say(source->error, sizeof source->error, source->name, "%s",
        problem != NULL ? problem : reason);
    return source->file != NULL && (problem == NULL || unpack_format(source->unpack) != NULL)
               ? SOURCE_TRUNCATED
               : SOURCE_ERROR;
}

static enum source_result next_of_pcap(struct source *source, struct source_packet *packet)
{
    struct pcap_pkthdr *header;
    const u_char *data;
    const int status = pcap_next_ex(source->pcap, &header, &data);
    if (status == 0)
        return SOURCE_IDLE;
    if (status != 1)
        return stopped(source, status == PCAP_ERROR_BREAK, pcap_geterr(source->pcap));
    packet->time_ns = nanoseconds(source, &header->ts);
    packet->bytes = (struct slice){data, header->caplen, header->len};
    packet->link_type = source->link_type;
    return SOURCE_PACKET;
}

static enum source_result next_of_pcapng(struct source *source, struct source_packet *packet)
{
    struct pcapng_packet read;
    const enum pcapng_result result = pcapng_next(source->pcapng, &read);
    if (result == PCAPNG_NO_ROOM)
        return stopped(source, false, "out of memory");
    if (result != PCAPNG_PACKET)
        return stopped(source, result == PCAPNG_END, pcapng_error(source->pcapng));
    packet->time_ns = read.time_ns;
    packet->bytes = read.bytes;
    packet->link_type = read.link_type == LINKTYPE_RAW ? DLT_RAW : read.link_type;
    return SOURCE_PACKET;
}

static bool is_left_out(const struct source *source, const struct source_packet *packet)
{
    return source->filter != NULL && source->file != NULL &&
           !filter_passes(source->filter, packet->link_type, packet->bytes);
}

static bool take_link_type(struct source *source, int link_type)
{
    if (!layer_knows_link(link_type)) {
        if (source->unknown < 0)
            source->unknown = link_type;
        return true;
    }
    source->any_known = true;
    return source->pcapng == NULL || compile(source, link_type);
}

enum source_result source_next(struct source *source, struct source_packet *packet)
{
    while (source->last == SOURCE_PACKET) {
        const enum source_result result =
            source->pcapng != NULL ? next_of_pcapng(source, packet) : next_of_pcap(source, packet);
        if (result == SOURCE_IDLE)
            return result;
        source->last = result;
        if (result != SOURCE_PACKET)
            break;
        source->frames++;
        /* Some writers leave the length on the wire at zero. */
        if (packet->bytes.reported < packet->bytes.captured)
            packet->bytes.reported = packet->bytes.captured;
        if (!take_link_type(source, packet->link_type))
            source->last = SOURCE_ERROR;
        else if (!is_left_out(source, packet)) {
            packet->frame = source->frames;
            return SOURCE_PACKET;
        }
    }
    return source->last;
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
    *offset = source->file != NULL ? unpack_taken(source->unpack) : 0;
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
    if (source->pcap != NULL)
        pcap_breakloop(source->pcap);
    if (source->unpack != NULL)
        unpack_stop(source->unpack);
}

void source_close(struct source *source)
{
    if (source == NULL)
        return;
    filter_free(source->filter);
    pcapng_free(source->pcapng);
    if (source->pcap != NULL)
        pcap_close(source->pcap); /* closes `file` too */
    else if (source->file != NULL)
        fclose(source->file);
    free(source->buffer);
    free(source);
}
