/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Compressed payloads; see unpack.h. Wireshark's own functions know no limit: a megabyte that
 * unpacks to a gigabyte would be one. */
#include "plugin/unpack.h"

#ifdef MQTTSCOPE_ZLIB
#define ZLIB_CONST
#include <zlib.h>
#endif
#ifdef MQTTSCOPE_ZSTD
#include <zstd.h>
#endif

/* The window that a Zstandard stream asks for is memory too: as much as `zstd` takes by itself. */
#define ZSTD_WINDOW_LOG 23

#define FIRST_SIZE 4096u

static const char damaged[] = "its compression is damaged";
static const char too_large[] = "it grows beyond what one frame may take";
static const char nothing[] = "nothing is in it";

/* ---- What comes out ---- */

struct output {
    uint8_t *data; /* NULL: nothing so far */
    size_t length;
    size_t room;
    size_t limit;
};

/* Makes room behind what is there; false: that is all there may be. */
static bool grow(struct output *output)
{
    if (output->length < output->room)
        return true;
    if (output->room >= output->limit)
        return false;
    output->room = MIN(MAX(2 * output->room, FIRST_SIZE), output->limit);
    output->data = (uint8_t *)g_realloc(output->data, output->room);
    return true;
}

/* ---- zlib ---- */

#ifdef MQTTSCOPE_ZLIB
/* Both headers are recognised by 32 more; without a header the number is negative. */
static const int window_bits[] = {MAX_WBITS + 32, -MAX_WBITS};

static const char *inflate_all(z_stream *stream, struct output *output)
{
    int status = Z_OK;

    while (status == Z_OK) {
        if (!grow(output))
            return too_large;
        stream->next_out = output->data + output->length;
        stream->avail_out = (uInt)(output->room - output->length);
        status = inflate(stream, Z_NO_FLUSH);
        output->length = output->room - stream->avail_out;
    }
    return status == Z_STREAM_END ? NULL : damaged;
}

static const char *unpack_zlib(const uint8_t *data, size_t length, struct output *output)
{
    const char *problem = damaged;

    for (unsigned i = 0; i < G_N_ELEMENTS(window_bits) && problem == damaged; i++) {
        z_stream stream = {.next_in = data, .avail_in = (uInt)length};
        if (inflateInit2(&stream, window_bits[i]) != Z_OK)
            return "there is no memory for it";
        output->length = 0;
        problem = inflate_all(&stream, output);
        inflateEnd(&stream);
    }
    return problem;
}
#else
static const char *unpack_zlib(const uint8_t *data, size_t length, struct output *output)
{
    (void)data, (void)length, (void)output;
    return "this build has no zlib";
}
#endif

/* ---- Zstandard ---- */

#ifdef MQTTSCOPE_ZSTD
static const char *decompress_all(ZSTD_DStream *stream, ZSTD_inBuffer *in, struct output *output)
{
    size_t status = 1;

    while (status != 0) {
        if (!grow(output))
            return too_large;
        ZSTD_outBuffer out = {output->data, output->room, output->length};
        const size_t before = in->pos;
        status = ZSTD_decompressStream(stream, &out, in);
        const bool stuck = out.pos == output->length && in->pos == before;
        output->length = out.pos;
        if (ZSTD_isError(status) || (stuck && status != 0))
            return damaged;
    }
    return NULL;
}

static const char *unpack_zstd(const uint8_t *data, size_t length, struct output *output)
{
    ZSTD_DStream *stream = ZSTD_createDStream();
    ZSTD_inBuffer in = {data, length, 0};

    if (stream == NULL)
        return "there is no memory for it";
    ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, ZSTD_WINDOW_LOG);
    const char *problem = decompress_all(stream, &in, output);
    ZSTD_freeDStream(stream);
    return problem;
}
#else
static const char *unpack_zstd(const uint8_t *data, size_t length, struct output *output)
{
    (void)data, (void)length, (void)output;
    return "this build has no Zstandard";
}
#endif

/* ---- Either ---- */

enum mqttscope_packing mqttscope_packing_of(const uint8_t *data, size_t length)
{
    static const uint8_t gzip[] = {0x1f, 0x8b, 0x08}; /* deflate is all it ever had */
    static const uint8_t zstd[] = {0x28, 0xb5, 0x2f, 0xfd};

    if (length > sizeof(gzip) && memcmp(data, gzip, sizeof(gzip)) == 0)
        return PACKING_ZLIB;
    if (length > sizeof(zstd) && memcmp(data, zstd, sizeof(zstd)) == 0)
        return PACKING_ZSTD;
    return PACKING_NONE;
}

uint8_t *mqttscope_unpack(enum mqttscope_packing packing, const uint8_t *data, size_t length,
                          size_t limit, size_t *unpacked, const char **problem)
{
    struct output output = {.limit = limit};

    *problem = packing == PACKING_ZSTD ? unpack_zstd(data, length, &output)
                                       : unpack_zlib(data, length, &output);
    if (*problem == NULL && output.length == 0)
        *problem = nothing;
    if (*problem != NULL) {
        g_free(output.data);
        return NULL;
    }
    *unpacked = output.length;
    return output.data;
}
