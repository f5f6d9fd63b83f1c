/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decompression under a stdio stream; see unpack.h. A format is a row of `formats`. */
#define _GNU_SOURCE /* fopencookie() */
#define ZLIB_CONST

#include "analyzer/input/unpack.h"

#include <errno.h>
#include <lz4frame.h>
#include <lzma.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum {
    INPUT_SIZE = 1 << 18,
    MAGIC_SIZE = 6, /* the longest */
};

/* The window of an xz or zstd stream is memory that its author chooses. */
#define DECODER_MEMORY (UINT64_C(256) << 20)

/* What a decoder takes from and writes to; it moves both. */
struct chunk {
    const uint8_t *in;
    size_t in_left;
    uint8_t *out;
    size_t out_left;
    bool last; /* nothing comes behind `in` */
};

enum step {
    STEP_MORE,   /* goes on: with more input, or with more room */
    STEP_WHOLE,  /* a part of the stream is complete; another one may follow */
    STEP_BROKEN, /* the data make no sense */
};

union decoder {
    z_stream gzip;
    ZSTD_DStream *zstd;
    LZ4F_dctx *lz4;
    lzma_stream xz;
};

struct format {
    const char *name;
    uint8_t magic[MAGIC_SIZE];
    size_t magic_length;
    bool (*begin)(union decoder *decoder);
    enum step (*step)(union decoder *decoder, struct chunk *chunk);
    void (*end)(union decoder *decoder);
};

struct unpack {
    int descriptor;
    int stop;                             /* an eventfd: readable once unpack_stop() was called */
    const volatile sig_atomic_t *stopped; /* while the stream is opened; NULL then, or where nobody
                                           * stops it */
    const struct format *format;
    union decoder decoder;
    bool between; /* no part of the compressed stream is open */
    bool ended;   /* the descriptor has no more */
    size_t at, filled;
    uint64_t taken;
    const char *problem;
    uint8_t input[INPUT_SIZE];
};

/* ---- gzip ---- */

static bool gzip_begin(union decoder *decoder)
{
    enum { GZIP_ONLY = 16 };

    decoder->gzip = (z_stream){0};
    return inflateInit2(&decoder->gzip, MAX_WBITS + GZIP_ONLY) == Z_OK;
}

static enum step gzip_step(union decoder *decoder, struct chunk *chunk)
{
    z_stream *stream = &decoder->gzip;
    const uInt in = (uInt)chunk->in_left;
    const uInt out = chunk->out_left > INT32_MAX ? INT32_MAX : (uInt)chunk->out_left;

    stream->next_in = chunk->in;
    stream->avail_in = in;
    stream->next_out = chunk->out;
    stream->avail_out = out;
    const int status = inflate(stream, Z_NO_FLUSH);
    chunk->in += in - stream->avail_in;
    chunk->in_left -= in - stream->avail_in;
    chunk->out += out - stream->avail_out;
    chunk->out_left -= out - stream->avail_out;
    if (status == Z_STREAM_END)
        return inflateReset(stream) == Z_OK ? STEP_WHOLE : STEP_BROKEN;
    return status == Z_OK || status == Z_BUF_ERROR ? STEP_MORE : STEP_BROKEN;
}

static void gzip_end(union decoder *decoder)
{
    inflateEnd(&decoder->gzip);
}

/* ---- zstd ---- */

static bool zstd_begin(union decoder *decoder)
{
    decoder->zstd = ZSTD_createDStream();
    return decoder->zstd != NULL;
}

static enum step zstd_step(union decoder *decoder, struct chunk *chunk)
{
    ZSTD_inBuffer in = {chunk->in, chunk->in_left, 0};
    ZSTD_outBuffer out = {chunk->out, chunk->out_left, 0};
    const size_t left = ZSTD_decompressStream(decoder->zstd, &out, &in);

    chunk->in += in.pos;
    chunk->in_left -= in.pos;
    chunk->out += out.pos;
    chunk->out_left -= out.pos;
    if (ZSTD_isError(left))
        return STEP_BROKEN;
    return left == 0 ? STEP_WHOLE : STEP_MORE;
}

static void zstd_end(union decoder *decoder)
{
    ZSTD_freeDStream(decoder->zstd);
}

/* ---- LZ4 ---- */

static bool lz4_begin(union decoder *decoder)
{
    return !LZ4F_isError(LZ4F_createDecompressionContext(&decoder->lz4, LZ4F_VERSION));
}

static enum step lz4_step(union decoder *decoder, struct chunk *chunk)
{
    size_t in = chunk->in_left, out = chunk->out_left;
    const size_t left = LZ4F_decompress(decoder->lz4, chunk->out, &out, chunk->in, &in, NULL);

    if (LZ4F_isError(left))
        return STEP_BROKEN;
    chunk->in += in;
    chunk->in_left -= in;
    chunk->out += out;
    chunk->out_left -= out;
    return left == 0 ? STEP_WHOLE : STEP_MORE;
}

static void lz4_end(union decoder *decoder)
{
    LZ4F_freeDecompressionContext(decoder->lz4);
}

/* ---- xz ---- */

static bool xz_begin(union decoder *decoder)
{
    decoder->xz = (lzma_stream)LZMA_STREAM_INIT;
    return lzma_stream_decoder(&decoder->xz, DECODER_MEMORY, LZMA_CONCATENATED) == LZMA_OK;
}

static enum step xz_step(union decoder *decoder, struct chunk *chunk)
{
    lzma_stream *stream = &decoder->xz;

    stream->next_in = chunk->in;
    stream->avail_in = chunk->in_left;
    stream->next_out = chunk->out;
    stream->avail_out = chunk->out_left;
    const lzma_ret status = lzma_code(stream, chunk->last ? LZMA_FINISH : LZMA_RUN);
    chunk->in = stream->next_in;
    chunk->in_left = stream->avail_in;
    chunk->out = stream->next_out;
    chunk->out_left = stream->avail_out;
    if (status == LZMA_STREAM_END)
        return STEP_WHOLE;
    return status == LZMA_OK || status == LZMA_BUF_ERROR ? STEP_MORE : STEP_BROKEN;
}

static void xz_end(union decoder *decoder)
{
    lzma_end(&decoder->xz);
}

static const struct format formats[] = {
    {"gzip", {0x1f, 0x8b}, 2, gzip_begin, gzip_step, gzip_end},
    {"zstd", {0x28, 0xb5, 0x2f, 0xfd}, 4, zstd_begin, zstd_step, zstd_end},
    {"lz4", {0x04, 0x22, 0x4d, 0x18}, 4, lz4_begin, lz4_step, lz4_end},
    {"xz", {0xfd, '7', 'z', 'X', 'Z', 0x00}, 6, xz_begin, xz_step, xz_end},
};

/* ---- The descriptor ---- */

/* More bytes of the descriptor behind those that are left. False at its end, or after an error. */
static bool fill(struct unpack *unpack)
{
    struct pollfd waits[2] = {{.fd = unpack->stop, .events = POLLIN},
                              {.fd = unpack->descriptor, .events = POLLIN}};
    ssize_t got;

    if (unpack->ended)
        return false;
    if (unpack->at > 0) {
        memmove(unpack->input, unpack->input + unpack->at, unpack->filled - unpack->at);
        unpack->filled -= unpack->at;
        unpack->at = 0;
    }
    do {
        got = poll(waits, 2, -1);
        if (got > 0)
            got = waits[0].revents != 0 ? 0
                                        : read(unpack->descriptor, unpack->input + unpack->filled,
                                               sizeof unpack->input - unpack->filled);
    } while (got < 0 && errno == EINTR && (unpack->stopped == NULL || *unpack->stopped == 0));
    unpack->ended = got <= 0;
    if (got < 0)
        unpack->problem = strerror(errno);
    if (got > 0) {
        unpack->filled += (size_t)got;
        unpack->taken += (uint64_t)got;
    }
    return got > 0;
}

static bool is_stopped(const struct unpack *unpack)
{
    struct pollfd stop = {.fd = unpack->stop, .events = POLLIN};

    return poll(&stop, 1, 0) > 0;
}

/* ---- The stream ---- */

/* What stands behind the last part, all zeros: tapes and some tools fill up blocks with them. */
static bool only_padding(struct unpack *unpack)
{
    do {
        for (; unpack->at < unpack->filled; unpack->at++)
            if (unpack->input[unpack->at] != 0)
                return false;
    } while (fill(unpack));
    return true;
}

/* The compressed data ended, whole or not. */
static void end(struct unpack *unpack)
{
    if (!unpack->between && unpack->problem == NULL && !is_stopped(unpack))
        unpack->problem = "the compressed data ends in the middle";
}

static ssize_t decompress(struct unpack *unpack, uint8_t *to, size_t size)
{
    struct chunk chunk = {.out = to, .out_left = size};

    while (chunk.out_left == size && unpack->problem == NULL) {
        if (unpack->at == unpack->filled)
            fill(unpack);
        const bool nothing = unpack->at == unpack->filled;
        if (nothing && unpack->between)
            break;
        if (unpack->between && unpack->input[unpack->at] == 0 && only_padding(unpack))
            break;
        chunk.in = unpack->input + unpack->at;
        chunk.in_left = unpack->filled - unpack->at;
        chunk.last = nothing;
        const enum step step = unpack->format->step(&unpack->decoder, &chunk);
        unpack->at = unpack->filled - chunk.in_left;
        unpack->between = step == STEP_WHOLE;
        if (step == STEP_BROKEN)
            unpack->problem = "the compressed data is broken";
        else if (nothing && chunk.out_left == size)
            break;
    }
    if (chunk.out_left == size)
        end(unpack);
    return (ssize_t)(size - chunk.out_left);
}

static ssize_t copy(struct unpack *unpack, char *to, size_t size)
{
    if (unpack->at == unpack->filled && !fill(unpack))
        return 0;
    const size_t here = unpack->filled - unpack->at;
    const size_t count = size < here ? size : here;
    memcpy(to, unpack->input + unpack->at, count);
    unpack->at += count;
    return (ssize_t)count;
}

static ssize_t stream_read(void *cookie, char *to, size_t size)
{
    struct unpack *unpack = cookie;

    return unpack->format != NULL ? decompress(unpack, (uint8_t *)to, size)
                                  : copy(unpack, to, size);
}

static int stream_close(void *cookie)
{
    struct unpack *unpack = cookie;

    if (unpack->format != NULL)
        unpack->format->end(&unpack->decoder);
    const int status = close(unpack->descriptor);
    if (unpack->stop >= 0)
        close(unpack->stop);
    free(unpack);
    return status;
}

static const struct format *recognize(struct unpack *unpack)
{
    while (unpack->filled < MAGIC_SIZE && fill(unpack))
        ;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (unpack->filled >= formats[i].magic_length &&
            memcmp(unpack->input, formats[i].magic, formats[i].magic_length) == 0)
            return &formats[i];
    return NULL;
}

FILE *unpack_open(int descriptor, const volatile sig_atomic_t *stopped, struct unpack **unpack)
{
    const cookie_io_functions_t functions = {.read = stream_read, .close = stream_close};
    struct unpack *made = malloc(sizeof *made);

    if (made == NULL) {
        close(descriptor);
        return NULL;
    }
    memset(made, 0, offsetof(struct unpack, input));
    made->descriptor = descriptor;
    made->stop = eventfd(0, EFD_CLOEXEC);
    made->stopped = stopped;
    const struct format *format = recognize(made);
    if (format != NULL && format->begin(&made->decoder))
        made->format = format;
    FILE *file = NULL;
    if (made->stop >= 0 && made->format == format && made->problem == NULL)
        file = fopencookie(made, "r", functions);
    if (file == NULL) {
        const int why = errno;
        stream_close(made);
        errno = why;
        return NULL;
    }
    made->stopped = NULL; /* unpack_stop() can be called from now on */
    *unpack = made;
    return file;
}

const char *unpack_format(const struct unpack *unpack)
{
    return unpack->format != NULL ? unpack->format->name : NULL;
}

const char *unpack_problem(const struct unpack *unpack)
{
    return unpack->problem;
}

uint64_t unpack_taken(const struct unpack *unpack)
{
    return unpack->taken;
}

void unpack_stop(struct unpack *unpack)
{
    const uint64_t one = 1;
    const int saved = errno;

    if (write(unpack->stop, &one, sizeof one) < 0) {
        /* It is readable already. */
    }
    errno = saved;
}
