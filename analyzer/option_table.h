/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The options that there are, as rows: those of analyzer/options.def, and one for each format of
 * audit/report/writers.h. The parser, --help, the manual page and the completions of shells walk
 * them.
 */
#ifndef MQTTSCOPE_ANALYZER_OPTION_TABLE_H
#define MQTTSCOPE_ANALYZER_OPTION_TABLE_H

#include <stdbool.h>

enum option_section {
    OPTION_SECTION_INPUT,
    OPTION_SECTION_OUTPUT,
    OPTION_SECTION_REPORT,
    OPTION_SECTION_INFORMATION,
    OPTION_SECTIONS,
};

/* What an argument is, for shells that complete it. */
enum option_completion {
    OPTION_TEXT,      /* nobody can tell, or there is none */
    OPTION_CAPTURE,   /* a file that is read */
    OPTION_FILE,      /* a file that is written */
    OPTION_IFACE,     /* a network interface */
    OPTION_CHOICE,    /* one of `words` */
    OPTION_IDS,       /* rules and diagnoses, with commas between */
    OPTION_EXPLAINED, /* a rule, a diagnosis or an excuse */
};

enum option_id {
#define OPTION(name, ...) OPTION_##name##_ID,
#include "analyzer/options.def"
    OPTION_FORMAT_ID, /* and the formats, each at its number from here */
};

struct option_row {
    int id;               /* enum option_id */
    char letter;          /* '\0': none */
    const char *name;     /* without its dashes */
    const char *argument; /* what stands for it; NULL: it takes none */
    enum option_completion completion;
    const char *words; /* of OPTION_CHOICE, with blanks between */
    enum option_section section;
    const char *summary; /* one line */
    const char *manual;  /* sentences, marked up as options.def says */
};

/* The i-th option, in the order of their sections. False: there is none any more. */
bool option_row(struct option_row *row, unsigned i);

/* "Input", ... */
const char *option_section_title(enum option_section section);

#endif
