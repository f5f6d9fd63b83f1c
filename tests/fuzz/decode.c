/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Both decoders on one packet: equal views, spans that account for every byte, nothing outside it.
 *
 * Byte 0: version (low three bits) and sender; byte 1: how much of the packet the capture cut.
 */
#include "fuzz.h"
#include "views.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    const struct mqtt_context context = {(enum mqtt_version)((data[0] & 7) % 6),
                                         (enum mqtt_sender)((data[0] >> 3) % 3)};
    const size_t reported = size - 2;
    const size_t captured = reported - (data[1] < reported ? data[1] : 0);
    /* a copy, so that a read of what was cut shows */
    uint8_t *bytes = malloc(captured + (captured == 0));
    REQUIRE(bytes != NULL);
    memcpy(bytes, data + 2, captured);
    const char *wrong = wrong_decoding(bytes, captured, reported, &context);
    if (wrong != NULL)
        fprintf(stderr, "%s\n", wrong);
    REQUIRE(wrong == NULL);
    mqtt_infer_version(bytes, captured, reported);
    free(bytes);
    return 0;
}
