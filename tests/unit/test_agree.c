/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mqtt_decode() and mqtt_decode_traced() are one grammar: they see the same in all vectors, in
 * vectors with bytes changed, and in bytes of chance; and the spans account for every byte.
 */
#include "suite.h"

#include "notation.h"
#include "vectors.h"
#include "views.h"

#define MUTATIONS_PER_VECTOR 2500

static const enum mqtt_version versions[] = {MQTT_VERSION_UNKNOWN, V31, V311, V50};

static void assert_right(const uint8_t *bytes, size_t length, size_t reported,
                         const struct mqtt_context *context)
{
    uint8_t *data = bytes_exact(bytes, length);
    const char *wrong = wrong_decoding(data, length, reported, context);
    if (wrong != NULL) {
        char hex[256] = "";
        for (size_t i = 0; i < length && i < 100; i++)
            snprintf(hex + 2 * i, 3, "%02X", data[i]);
        ck_abort_msg("%s %s %zu/%zu: %s", mqtt_version_name(context->version), hex, length,
                     reported, wrong);
    }
    free(data);
}

START_TEST(vectors_agree)
{
    struct bytes bytes = notation(vectors[_i].text);
    for (unsigned v = 0; v < 4; v++) {
        for (unsigned sender = 0; sender < 3; sender++) {
            const struct mqtt_context context = {versions[v], (enum mqtt_sender)sender};
            for (size_t length = 0; length <= bytes.length; length++)
                assert_right(bytes.data, length, bytes.length, &context);
        }
    }
    free(bytes.data);
}
END_TEST

/* One to four changes: a byte set, a bit turned, bytes cut out, bytes put in. The Remaining Length
 * is repaired half of the time, so that what is inside gets read. */
static void mutate(struct bytes *bytes, uint64_t *seed)
{
    static const uint8_t likely[] = {0x00, 0x01, 0x02, 0x7f, 0x80, 0xff, 0x26, 0x1f, '#', '+', '/'};
    for (uint32_t changes = 1 + random_below(seed, 4); changes > 0 && bytes->length > 2;
         changes--) {
        const uint32_t at = random_below(seed, (uint32_t)bytes->length);
        switch (random_below(seed, 4)) {
        case 0: bytes->data[at] = (uint8_t)random_next(seed); break;
        case 1: bytes->data[at] ^= (uint8_t)(1u << random_below(seed, 8)); break;
        case 2: bytes->data[at] = likely[random_below(seed, sizeof(likely))]; break;
        default:
            bytes->length--;
            memmove(bytes->data + at, bytes->data + at + 1, bytes->length - at);
            break;
        }
    }
    if (random_below(seed, 2) == 0 && bytes->length < 130)
        bytes->data[1] = (uint8_t)(bytes->length - 2);
}

START_TEST(mutated_vectors_agree)
{
    uint64_t seed = 1 + (uint64_t)_i;
    struct bytes original = notation(vectors[_i].text);
    for (unsigned i = 0; i < MUTATIONS_PER_VECTOR; i++) {
        const struct mqtt_context context = {versions[random_below(&seed, 4)],
                                             (enum mqtt_sender)random_below(&seed, 3)};
        struct bytes bytes = {0};
        bytes_add(&bytes, original.data, original.length);
        mutate(&bytes, &seed);
        assert_right(bytes.data, bytes.length, bytes.length, &context);
        const size_t cut = random_below(&seed, (uint32_t)bytes.length + 1);
        assert_right(bytes.data, cut, bytes.length, &context);
        free(bytes.data);
    }
    free(original.data);
}
END_TEST

START_TEST(random_bytes_agree)
{
    uint64_t seed = 77;
    for (unsigned i = 0; i < 50000; i++) {
        const struct mqtt_context context = {versions[random_below(&seed, 4)],
                                             (enum mqtt_sender)random_below(&seed, 3)};
        uint8_t bytes[64];
        const size_t length = random_below(&seed, 65);
        for (size_t j = 0; j < length; j++)
            bytes[j] = (uint8_t)(random_next(&seed) & (i % 2 == 0 ? 0xff : 0x3f));
        if (length > 2 && random_below(&seed, 4) != 0)
            bytes[1] = (uint8_t)(length - 2);
        assert_right(bytes, length, length, &context);
    }
}
END_TEST

SUITE("agree", TABLE(vectors_agree, vectors), TABLE(mutated_vectors_agree, vectors),
      TEST(random_bytes_agree))
