/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the fuzz targets share. A target is one function; libFuzzer calls it with bytes of its own
 * making, replay.c with files. */
#ifndef MQTTSCOPE_TESTS_FUZZ_FUZZ_H
#define MQTTSCOPE_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition)                                                                         \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

#endif
