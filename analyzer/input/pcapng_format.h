/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers of pcapng, for those who read its blocks and those who write them. Section numbers are
 * those of draft-ietf-opsawg-pcapng. */
#ifndef MQTTSCOPE_ANALYZER_PCAPNG_FORMAT_H
#define MQTTSCOPE_ANALYZER_PCAPNG_FORMAT_H

#include <stdint.h>

enum {
    BLOCK_SECTION = 0x0a0d0d0a, /* 4.1; reads the same in both byte orders */
    BLOCK_INTERFACE = 1,        /* 4.2 */
    BLOCK_OLD_PACKET = 2,       /* obsolete, and still met */
    BLOCK_SIMPLE_PACKET = 3,    /* 4.4 */
    BLOCK_PACKET = 6,           /* 4.3 */
    BLOCK_SECRETS = 10,         /* 4.7 */
    BLOCK_EDGES = 12,           /* type and length before, length behind */
    OPTION_END = 0,             /* 3.5 */
    OPTION_COMMENT = 1,         /* 3.5 */
    OPTION_TIME_RESOLUTION = 9, /* 4.2 */
    OPTION_TIME_OFFSET = 14,    /* 4.2 */
    LINKTYPE_RAW = 101,         /* of files; libpcap's DLT_RAW has another number, and no two of the
                                 * others that layer.h knows differ */
};

/* Behind the length of a section header, in the section's byte order. */
#define ORDER_MAGIC UINT32_C(0x1a2b3c4d)

#endif
