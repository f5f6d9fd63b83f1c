/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line: see options.h. */
#include "analyzer/options.h"

#include "analyzer/arguments.h"
#include "analyzer/clash.h"
#include "analyzer/option_table.h"
#include "analyzer/suggest.h"

#include <getopt.h>
#include <string.h>

/* ---- What getopt_long() needs, from the table ---- */

#define LONG_OPTIONS_MAX 64
#define CAPTURE 1 /* what getopt_long() gives for a word that is no option */

/* Long options give their place in the table behind this one, so that no letter has it. */
#define FIRST_ROW 256

static struct option long_options[LONG_OPTIONS_MAX + 1];
static char short_options[2 * LONG_OPTIONS_MAX + 3];

static void fill_options(void)
{
    struct option_row row;
    /* "-" in front: captures come as option 1, in their place among the others; ":" tells a missing
     * argument from an unknown option. */
    char *at = g_stpcpy(short_options, "-:");
    for (unsigned i = 0; option_row(&row, i); i++) {
        g_assert(i < LONG_OPTIONS_MAX);
        long_options[i] =
            (struct option){row.name, row.argument != NULL ? required_argument : no_argument, NULL,
                            FIRST_ROW + (int)i};
        if (row.letter == '\0')
            continue;
        *at++ = row.letter;
        if (row.argument != NULL)
            *at++ = ':';
    }
}

/* The row of what getopt_long() gave. */
static void find_row(struct option_row *row, int option)
{
    if (option >= FIRST_ROW) {
        option_row(row, (unsigned)(option - FIRST_ROW));
        return;
    }
    for (unsigned i = 0; option_row(row, i) && row->letter != option; i++)
        ;
}

/* ---- Mistakes ---- */

static const char *long_name(void *user, unsigned i)
{
    (void)user;
    return long_options[i].name;
}

/* getopt_long() did not like a word: says why. */
static bool wrong_long_option(const char *word)
{
    char *name = g_strndup(word + 2, strcspn(word + 2, "="));
    unsigned matches = 0;
    for (const struct option *option = long_options; option->name != NULL; option++)
        matches += g_str_has_prefix(option->name, name) ? 1 : 0;
    const char *nearest = suggest(name, 2, long_name, NULL);
    if (matches == 1) /* a known one, so it is what stands behind "=" */
        complain("option '--%s' takes no argument", name);
    else if (matches > 1)
        complain("option '--%s' is ambiguous (--help lists the options)", name);
    else if (nearest != NULL)
        complain("unknown option '--%s'; did you mean '--%s'?", name, nearest);
    else
        complain("unknown option '--%s' (--help lists the options)", name);
    g_free(name);
    return false;
}

static bool wrong_option(int argc, char **argv, int at)
{
    if (at < argc && g_str_has_prefix(argv[at], "--"))
        return wrong_long_option(argv[at]);
    const char *nearest = at < argc ? suggest(argv[at] + 1, 1, long_name, NULL) : NULL;
    if (nearest != NULL) /* "-json" */
        return complain("unknown option '%s'; did you mean '--%s'?", argv[at], nearest);
    return complain("unknown option '-%c' (--help lists the options)", optopt);
}

/* ---- Meanings ---- */

static bool take_output(struct options *options, int format, const char *path)
{
    if (strcmp(path, "/dev/stdout") == 0)
        path = "-"; /* else the text report would be written to it, too */
    if (strcmp(path, "-") == 0 && report_formats[format].file_name != NULL)
        return complain("--%s takes a folder, not standard output", report_formats[format].option);
    const struct output_request request = {(enum report_format_id)format, path};
    if (options->outputs->len >= OUTPUTS_LIVE_MAX)
        return complain("no more than %u outputs can be written at a time", OUTPUTS_LIVE_MAX);
    g_array_append_val(options->outputs, request);
    return true;
}

static bool take_interface(struct options *options, const char *name)
{
    if (options->interface != NULL)
        return complain("only one interface can be captured from");
    options->interface = name;
    return true;
}

static bool take_capture(struct options *options, const char *path)
{
    if (*path == '\0')
        return complain("a capture's name is empty");
    g_ptr_array_add(options->files, (gpointer)(uintptr_t)path);
    return true;
}

static bool act(struct options *options, enum action action)
{
    options->action = action;
    return true;
}

static bool take_option(struct options *options, int id, const char *argument)
{
    if (id >= OPTION_FORMAT_ID)
        return take_output(options, id - OPTION_FORMAT_ID, argument);
    switch ((enum option_id)id) {
    case OPTION_READ_ID: return take_capture(options, argument);
    case OPTION_INTERFACE_ID: return take_interface(options, argument);
    case OPTION_FILTER_ID: options->filter = argument; return true;
    case OPTION_DECODE_AS_ID: return parse_decode_as(options, argument);
    case OPTION_BROKER_ID: return parse_broker(options, argument);
    case OPTION_NO_DELIVERIES_ID: options->no_deliveries = true; return true;
    case OPTION_KEYLOG_ID:
        g_ptr_array_add(options->keylogs, (gpointer)(uintptr_t)argument);
        return true;
    case OPTION_MEMORY_ID: return parse_size(argument, &options->memory);
    case OPTION_ANNOTATE_ID: options->annotate = argument; return true;
    case OPTION_EXTRACT_ID: options->extract = argument; return true;
    case OPTION_WRITE_ID: options->write = argument; return true;
    case OPTION_ONLY_ID: return parse_rules(options, argument);
    case OPTION_CLIENT_ID: options->client = argument; return true;
    case OPTION_TOPIC_ID: return parse_topic(argument, &options->topic);
    case OPTION_FROM_ID: return parse_moment("--from", argument, &options->span.from);
    case OPTION_TO_ID: return parse_moment("--to", argument, &options->span.to);
    case OPTION_QUIET_ID: options->detail = REPORT_QUIET; return true;
    case OPTION_VERBOSE_ID: options->detail = REPORT_VERBOSE; return true;
    case OPTION_COLOR_ID: return parse_color(argument, &options->color);
    case OPTION_FAIL_ON_ID: return parse_severity(argument, &options->fail_on);
    case OPTION_RULES_ID: return act(options, ACTION_RULES);
    case OPTION_DIAGNOSES_ID: return act(options, ACTION_DIAGNOSES);
    case OPTION_EXPLAIN_ID:
        return act(options, ACTION_EXPLAIN) && parse_explained(options, argument);
    case OPTION_HELP_ID: return act(options, ACTION_HELP);
    case OPTION_VERSION_ID: return act(options, ACTION_VERSION);
    case OPTION_FORMAT_ID: break;
    }
    return false;
}

/* What getopt_long() gave. An argument of no characters is a variable of a script that was not set,
 * and never what anybody wants. */
static bool take(struct options *options, int option, const char *argument)
{
    struct option_row row;
    if (option == CAPTURE)
        return take_capture(options, argument);
    find_row(&row, option);
    if (row.argument != NULL && *argument == '\0')
        return complain("option '--%s' needs an argument that is not empty", row.name);
    return take_option(options, row.id, argument);
}

/* The i-th file that is written; NULL behind the last one. */
static const char *written(const struct options *options, unsigned i)
{
    const char *const captures[] = {options->annotate, options->write};
    if (i < options->outputs->len)
        return g_array_index(options->outputs, struct output_request, i).path;
    i -= options->outputs->len;
    for (unsigned j = 0; j < G_N_ELEMENTS(captures); j++)
        if (captures[j] != NULL && i-- == 0)
            return captures[j];
    return NULL;
}

/* Nobody wants to lose a capture to its report, or one report to another. */
static bool check_outputs(const struct options *options)
{
    const char *path, *other;
    for (unsigned i = 0; (path = written(options, i)) != NULL; i++) {
        if (clash_input(options->files, path) != NULL ||
            clash_input(options->keylogs, path) != NULL)
            return complain("%s is read: it can't be written to", path);
        for (unsigned j = 0; j < i && (other = written(options, j)) != NULL; j++)
            if (clash_same(other, path))
                return complain("two outputs can't both be %s",
                                strcmp(path, "-") == 0 ? "standard output" : path);
    }
    return true;
}

/* Captures that are written take a second look at those that are read. */
static bool check_captures(const struct options *options)
{
    if ((options->extract == NULL) != (options->write == NULL))
        return complain(options->write == NULL ? "--extract needs -w FILE to write to"
                                               : "-w needs --extract CLIENT");
    if (options->annotate == NULL && options->extract == NULL)
        return true;
    const char *option = options->annotate != NULL ? "--annotate" : "--extract";
    if (options->interface != NULL)
        return complain("%s reads a capture twice: it can't be an interface", option);
    for (unsigned i = 0; i < options->files->len; i++)
        if (strcmp(g_ptr_array_index(options->files, i), "-") == 0)
            return complain("%s reads a capture twice: it can't be standard input", option);
    return true;
}

/* Whether the options go together. */
static bool check_input(const struct options *options)
{
    if (options->action != ACTION_REPORT)
        return true;
    if (options->interface != NULL && options->files->len > 0)
        return complain("an interface and capture files can't be read together");
    if (options->interface == NULL && options->files->len == 0)
        return complain("no capture given (--help says how)");
    if (span_is_empty(&options->span))
        return complain("--to is before --from: nothing is between them");
    unsigned standard_input = 0;
    for (unsigned i = 0; i < options->files->len; i++)
        standard_input += strcmp(g_ptr_array_index(options->files, i), "-") == 0;
    if (standard_input > 1)
        return complain("standard input can be read only once");
    return check_captures(options) && check_outputs(options);
}

bool options_parse(struct options *options, int argc, char **argv)
{
    *options = (struct options){
        .files = g_ptr_array_new(),
        .keylogs = g_ptr_array_new(),
        .ports = g_array_new(FALSE, FALSE, sizeof(uint16_t)),
        .brokers = g_array_new(FALSE, FALSE, sizeof(struct mqtt_broker_endpoint)),
        .outputs = g_array_new(FALSE, FALSE, sizeof(struct output_request)),
        .fail_on = FAIL_ON_NOTHING,
        .detail = REPORT_NORMAL,
    };
    opterr = 0;
    fill_options();
    for (;;) {
        int at = optind;
        int option = getopt_long(argc, argv, short_options, long_options, NULL);
        if (option == -1)
            break;
        if (option == '?')
            return wrong_option(argc, argv, at);
        if (option == ':')
            return complain("option '%s' needs an argument", argv[at]);
        if (!take(options, option, optarg))
            return false;
    }
    for (int i = optind; i < argc; i++) /* behind "--" */
        if (!take_capture(options, argv[i]))
            return false;
    return check_input(options);
}

void options_clear(struct options *options)
{
    g_ptr_array_free(options->files, TRUE);
    g_ptr_array_free(options->keylogs, TRUE);
    g_array_free(options->ports, TRUE);
    g_array_free(options->brokers, TRUE);
    g_array_free(options->outputs, TRUE);
}
