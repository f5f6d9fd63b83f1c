/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rows of one kind as JSON, a list a column instead of an object a row: ten times smaller, which
 * makes a page of 100,000 findings one that opens. docs/report.md has the columns; the page that
 * reads them is web/src/table.js.
 *
 * A table is {"rows": N, "of": M, "columns": [...]}: N rows are here of M that the report has. A
 * column is named by its path ("keep_alive.late") and has its values in the shortest of four ways:
 *
 *   "all": V                          the same in all rows
 *   "most": V, "at": [...], "is": []  the same in most; `at` are distances between rows
 *   "steps": [...]                    differences, the first one from 0
 *   "values": [...]
 *
 * Words and texts are numbers of struct columnar_words; null is none. Times are microseconds since
 * the first packet. Numbers inside a text ("silent for 5096 ms") stand in columns of their own,
 * "text#0", "text#1" and so on, and U+0001 in their place.
 */
#ifndef MQTTSCOPE_AUDIT_REPORT_COLUMNAR_H
#define MQTTSCOPE_AUDIT_REPORT_COLUMNAR_H

#include "audit/report/json_writer.h"
#include "audit/report/rows.h"

/* All words and texts of the tables of one page, each once. */
struct columnar_words;

struct columnar_words *columnar_words_new(void);
void columnar_words_free(struct columnar_words *words);

/* The number of a word, which is copied. */
unsigned columnar_word(struct columnar_words *words, const char *word);

/* Writes all of them, a list. */
void columnar_words_write(const struct columnar_words *words, struct json_writer *json,
                          const char *key);

struct columnar_table {
    const char *key;
    enum audit_row_kind kind;
    const GPtrArray *rows;      /* of this kind */
    unsigned most;              /* rows that are written, the first ones */
    const char *const *without; /* keys at the outermost level; NULL behind the last one */
};

void columnar_write(const struct columnar_table *table, const struct audit_report *report,
                    struct columnar_words *words, struct json_writer *json);

#endif
