/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The report as rows that know their names (audit/columns.def): what a writer, a schema or a page
 * of documentation walks, so that a fact is written down once.
 */
#ifndef MQTTSCOPE_AUDIT_REPORT_ROWS_H
#define MQTTSCOPE_AUDIT_REPORT_ROWS_H

#include "audit/model.h"

#define AUDIT_REPORT_SCHEMA "mqttscope-report/1"

enum audit_row_kind {
    AUDIT_ROW_none,
#define AUDIT_ROW(row, type, help) AUDIT_ROW_##row,
#define AUDIT_ANY(...)
#include "audit/columns.def"
#undef AUDIT_ANY
    AUDIT_ROW_KINDS,
};

enum audit_shape {
    AUDIT_ONE,    /* a value */
    AUDIT_LIST,   /* any number of them */
    AUDIT_MAP,    /* each under a word of the unit's vocabulary */
    AUDIT_INLINE, /* no value: the columns of another row stand here */
};

enum audit_column_kind {
    AUDIT_COUNT,  /* 0 and above */
    AUDIT_ID,     /* 1 and above */
    AUDIT_BOOL,   /* 0 or 1 */
    AUDIT_FRAME,  /* 1 and above */
    AUDIT_STREAM, /* 0 and above */
    AUDIT_WORD,   /* of a vocabulary: stable, plain ASCII */
    AUDIT_TEXT,   /* ours: printable UTF-8 */
    AUDIT_NAME,   /* from outside: any bytes but NUL */
    AUDIT_STRING, /* from the wire: any bytes */
    AUDIT_TIME,   /* nanoseconds since 1970-01-01 UTC */
    AUDIT_ROW,    /* an object */
};

/* What numbers are counted in, and which words there are. */
enum audit_unit {
    AUDIT_UNIT_NONE,
    AUDIT_UNIT_BYTES,
    AUDIT_UNIT_SECONDS,
    AUDIT_UNIT_MICROSECONDS,
    AUDIT_UNIT_PORT,
    AUDIT_UNIT_CONNECTION, /* id of one of the report */
    AUDIT_UNIT_ADDRESS,    /* IPv4 or IPv6 */
    AUDIT_UNIT_FIELD,      /* Wireshark's names of fields */
    AUDIT_UNIT_STATEMENT,  /* "MQTT-3.1.2-24" */
    AUDIT_UNIT_VOCABULARIES /* from here on, audit_word() lists them */,
    AUDIT_UNIT_VERSION = AUDIT_UNIT_VOCABULARIES,
    AUDIT_UNIT_SEVERITY,
    AUDIT_UNIT_PACKET_TYPE,
    AUDIT_UNIT_END_CAUSE,
    AUDIT_UNIT_DIRECTION,
    AUDIT_UNIT_ROLE,
    AUDIT_UNIT_TRANSPORT,
    AUDIT_UNIT_LIMIT,
    AUDIT_UNIT_RULE,
    AUDIT_UNIT_DIAGNOSIS,
    AUDIT_UNIT_SESSION_STATE,
    AUDIT_UNIT_EXCUSE,
    AUDIT_UNIT_SCHEMA,
    AUDIT_UNITS,
};

/* The i-th word of a vocabulary; NULL behind the last one. */
const char *audit_word(enum audit_unit vocabulary, unsigned i);

/* "bytes", "s", "us"; NULL where a number has no unit. */
const char *audit_unit_name(enum audit_unit unit);

enum audit_presence {
    AUDIT_ALWAYS,
    AUDIT_NULLABLE, /* null where there is no value */
    AUDIT_OPTIONAL, /* the key is left out then */
};

/* No number. */
#define AUDIT_NONE UINT64_MAX

/* Rows that are put together for the writer. */
struct audit_both {
    uint64_t of[AUDIT_ROLES];
};

struct audit_some_handshakes {
    const struct audit_handshakes *of;
    unsigned kind; /* enum mqtt_handshake_kind */
};

struct audit_direction {
    const struct audit_handshakes *of[MQTT_HANDSHAKE_KINDS]; /* never NULL */
};

struct audit_directions {
    struct audit_direction by[AUDIT_ROLES];
};

struct audit_some_transport {
    const struct audit_transport *of;
    const struct audit_packed_histogram *round_trips; /* NULL: none */
};

struct audit_round_trip {
    uint64_t minimum; /* microseconds */
    struct audit_latency latency;
};

struct audit_bucket {
    uint64_t from, below; /* microseconds */
    uint64_t count;
};

struct audit_limit_row {
    const struct audit_limit_info *info;
    const struct audit_limit *limit;
};

struct audit_rule_row {
    const struct mqtt_rule_info *info;
    uint64_t count;
};

/* One value, and what it takes to make it. */
struct audit_value {
    const struct audit_report *report;
    GString *text;      /* room for text that is made */
    unsigned next;      /* of lists and maps: where to go on; starts at 0 */
    const void *cursor; /* the same; starts at NULL */
    const char *key;    /* of a map: the value's */
    union {
        uint64_t number;                   /* COUNT, ID, BOOL, FRAME */
        int64_t integer;                   /* STREAM, TIME */
        const char *word;                  /* WORD, TEXT, NAME */
        const struct audit_string *string; /* STRING */
        const void *row;                   /* ROW: may point to `room` */
    };
    union {
        struct audit_both both;
        struct audit_some_handshakes some;
        struct audit_directions directions;
        struct audit_latency latency;
        struct audit_some_transport transport;
        struct audit_round_trip round_trip;
        struct audit_bucket bucket;
        struct audit_limit_row limit;
        struct audit_rule_row rule;
        struct audit_endpoint endpoint;
    } room;
};

struct audit_column {
    uint8_t row; /* enum audit_row_kind that it belongs to */
    uint8_t shape;
    uint8_t kind; /* of the value, or of each */
    uint8_t unit;
    uint8_t nested; /* enum audit_row_kind, of ROW */
    uint8_t presence;
    const char *key;
    const char *help;
    /* Makes the value of a row; of lists and maps the next one. False: there is none (any more). */
    bool (*get)(struct audit_value *value, const void *row);
};

struct audit_row_info {
    const char *name;
    const char *help;
    const struct audit_column *columns;
    unsigned count;
};

struct audit_row_info audit_row_info(enum audit_row_kind kind);

#endif
