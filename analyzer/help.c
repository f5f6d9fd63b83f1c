/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What --help prints: the table of options, on one screen. */
#include "analyzer/options.h"

#include "analyzer/option_table.h"

#define LEFT 31 /* columns of an option and its argument */

static const char usage[] =
    "Usage: mqttscope [options] CAPTURE...\n"
    "Says from a capture which MQTT client or server broke which promise, and where.\n"
    "CAPTURE is a pcap or pcapng file, compressed or not; - is standard input.\n";

static const char examples[] =
    "\nExamples\n"
    "  mqttscope fleet.pcapng                        what is wrong, and whose fault\n"
    "  mqttscope -q --fail-on error --junit out.xml fleet.pcapng   for a CI server\n"
    "  tcpdump -i eth0 -w - port 1883 | mqttscope -  from a pipe\n"
    "Exit status: 0 done, 1 by --fail-on, 2 trouble. The manual page has more.\n";

static const char *section_note(enum option_section section)
{
    return section == OPTION_SECTION_OUTPUT
               ? " (besides the text; any number; - for FILE: standard output)"
               : "";
}

static void print_option(FILE *file, const struct option_row *row)
{
    char left[2 * LEFT];
    int used = row->letter != '\0'
                   ? g_snprintf(left, sizeof left, "  -%c, --%s", row->letter, row->name)
                   : g_snprintf(left, sizeof left, "      --%s", row->name);
    if (row->argument != NULL)
        g_snprintf(left + used, sizeof left - (gulong)used, " %s", row->argument);
    fprintf(file, "%-*s %s\n", LEFT - 1, left, row->summary);
}

void options_help(FILE *file)
{
    struct option_row row;
    int section = -1;
    fputs(usage, file);
    for (unsigned i = 0; option_row(&row, i); i++) {
        if ((int)row.section != section) {
            section = (int)row.section;
            fprintf(file, "\n%s%s\n", option_section_title(row.section), section_note(row.section));
        }
        print_option(file, &row);
    }
    fputs(examples, file);
}
