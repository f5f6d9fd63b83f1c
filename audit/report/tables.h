/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The report and the events of a capture as tables (tables.def): what the writers of tables walk,
 * so that all of them have the same ones.
 *
 * Connections are named by the number that events know them by (event.h), in all tables.
 */
#ifndef MQTTSCOPE_AUDIT_REPORT_TABLES_H
#define MQTTSCOPE_AUDIT_REPORT_TABLES_H

#include "audit/event.h"
#include "audit/report/rows.h"

enum table_id {
#define TABLE_OF_ROWS(name, ...) TABLE_##name,
#define TABLE_OF_EVENTS(name, ...) TABLE_##name,
#include "audit/report/tables.def"
    TABLES,
};

enum table_type {
    TABLE_INTEGER,
    TABLE_BOOL,   /* 0 or 1 */
    TABLE_TIME,   /* nanoseconds since 1970-01-01 UTC */
    TABLE_TEXT,   /* ours: UTF-8 */
    TABLE_STRING, /* from outside, or from the wire: any bytes */
    TABLE_JSON,   /* ours: a list or a map */
};

struct table_column {
    const char *name;       /* [a-z_0-9]+, no keyword of SQL */
    uint8_t type;           /* enum table_type */
    bool key;               /* tells the rows of the table apart */
    const char *references; /* "TABLE(COLUMN)"; NULL: nothing */
    const char *help;
};

struct table {
    const char *name, *help;
    GArray *columns; /* struct table_column */
};

/* One field of a row; valid during the call. */
struct table_value {
    enum { TABLE_IS_NULL, TABLE_IS_NUMBER, TABLE_IS_TEXT } is;
    int64_t number;
    const uint8_t *bytes; /* of text */
    size_t length;
    bool lasting; /* the bytes stay until the row is over */
};

/* Who is told. */
struct table_sink {
    /* The next field of a row of this table, in the order of its columns. */
    void (*value)(void *user, enum table_id table, const struct table_value *value);
    /* The row is whole. */
    void (*row)(void *user, enum table_id table);
    void *user;
};

struct tables;

struct tables *tables_new(const struct table_sink *sink);
void tables_free(struct tables *tables);

/* Lives as long as `tables`. */
const struct table *tables_info(const struct tables *tables, enum table_id table);

/* Tells the rows that an event makes: none, one, or one a topic filter. */
void tables_event(struct tables *tables, const struct audit_event *event);

/* Tells all rows of the report. */
void tables_report(struct tables *tables, const struct audit_report *report);

#endif
