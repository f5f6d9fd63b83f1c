/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See option_table.h. */
#include "analyzer/option_table.h"

#include <stddef.h>

#include "audit/report/writers.h"

static const struct option_row fixed[] = {
#define OPTION(name, letter, long_name, argument, completion, words, section, summary, manual)     \
    {OPTION_##name##_ID,       letter,  long_name, argument, completion, words,                    \
     OPTION_SECTION_##section, summary, manual},
#include "analyzer/options.def"
};

enum { FIXED = sizeof fixed / sizeof fixed[0] };

/* Rows of options.def up to the end of the section Output: the formats stand behind them. */
static unsigned before_formats(void)
{
    unsigned count = 0;
    while (count < FIXED && fixed[count].section <= OPTION_SECTION_OUTPUT)
        count++;
    return count;
}

static void fill(struct option_row *row, int format)
{
    *row = (struct option_row){
        .id = OPTION_FORMAT_ID + format,
        .name = report_formats[format].option,
        .argument = "FILE",
        .completion = OPTION_FILE,
        .words = "",
        .section = OPTION_SECTION_OUTPUT,
        .summary = report_formats[format].help,
        .manual = report_formats[format].manual,
    };
}

bool option_row(struct option_row *row, unsigned i)
{
    const unsigned before = before_formats();
    unsigned formats = 0;
    for (int format = 0; i >= before && format < REPORT_FORMATS; format++) {
        if (report_formats[format].option == NULL || before + formats++ != i)
            continue;
        fill(row, format);
        return true;
    }
    i -= formats;
    if (i >= FIXED)
        return false;
    *row = fixed[i];
    return true;
}

const char *option_section_title(enum option_section section)
{
    static const char *const titles[OPTION_SECTIONS] = {"Input", "Output", "Report", "Information"};
    return titles[section];
}
