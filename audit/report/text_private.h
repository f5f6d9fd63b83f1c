/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the text report share. */
#ifndef MQTTSCOPE_AUDIT_REPORT_TEXT_PRIVATE_H
#define MQTTSCOPE_AUDIT_REPORT_TEXT_PRIVATE_H

#include "audit/report/table.h"
#include "audit/report/text.h"

/* Of what stands below a heading. */
#define TEXT_INDENT 2

/* Colours by what they say. */
enum text_style { TEXT_PLAIN, TEXT_HEADING, TEXT_ERROR, TEXT_WARNING, TEXT_NOTE, TEXT_FAINT };

struct text {
    const struct audit_report *report;
    enum report_detail detail;
    bool color;
    unsigned width;
    FILE *file;
};

/* What a terminal is told before and after text of a style; "" without colours. */
const char *text_on(const struct text *text, enum text_style style);
const char *text_off(const struct text *text);
enum text_style text_severity(unsigned severity);

/* A line break, and the heading of a section, in two parts. */
void text_heading(const struct text *text, const char *heading, const char *of);

/* Writes words, which blanks separate, in lines of the report's width, indented by `indent`. */
void text_wrap(const struct text *text, unsigned indent, const char *words);

/* How many of `total` rows are shown if `usual` are shown as a rule. */
unsigned text_rows(const struct text *text, unsigned total, unsigned usual);

/* Says how many rows are not shown: "and 12 more (-v lists all)". */
void text_more(const struct text *text, unsigned indent, uint64_t hidden);

/* Writes a table below a heading, and frees it. */
void text_table(const struct text *text, struct table *table);

/* A cell with a count, or "-" for none. */
void text_add_count(struct table *table, uint64_t count);

/* The server of all connections, or NULL if there are several. */
const struct audit_endpoint *text_only_server(const struct audit_report *report);

/* "+12.301": seconds after the start of the capture. */
const char *text_offset(const struct text *text, char buffer[static 64], int64_t time_ns);

/* How a connection ended, by enum mqtt_end_cause, in a few letters. */
const char *text_end_words(unsigned cause);

/* The kinds of handshakes in the order of the report. */
#define TEXT_HANDSHAKES 8

struct text_handshake {
    const char *direction;
    uint8_t kind; /* enum mqtt_handshake_kind */
    uint8_t role; /* enum audit_role: who begins it */
};

extern const struct text_handshake text_handshake_rows[TEXT_HANDSHAKES];

void text_diagnoses(const struct text *text);
void text_findings(const struct text *text);
void text_connections(const struct text *text);
void text_sessions(const struct text *text);
void text_transport(const struct text *text);
void text_handshakes(const struct text *text);
void text_parts(const struct text *text);
void text_histograms(const struct text *text);
void text_topics(const struct text *text);
void text_sparkplug(const struct text *text);
void text_deliveries(const struct text *text);
void text_limits(const struct text *text);

#endif
