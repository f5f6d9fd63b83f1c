/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line: see options.h. */
#include "analyzer/options.h"

#include "analyzer/brokers.h"
#include "audit/report/escape.h"
#include "mqtt/wire/topic.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char help_input[] =
    "Usage: mqttscope [options] CAPTURE...\n"
    "\n"
    "Says from a capture alone which MQTT client or server broke which promise, when, and in "
    "which\n"
    "frame. CAPTURE is a pcap or pcapng file, or - for standard input; several are read as one.\n"
    "\n"
    "Input\n"
    "  -r, --read FILE         read FILE (same as CAPTURE)\n"
    "  -i, --interface IFACE   capture from a network interface until interrupted\n"
    "  -f, --filter BPF        take only packets that match a filter (pcap-filter(7))\n"
    "  -d tcp.port==N[,mqtt]   expect MQTT on TCP port N as on 1883; may be repeated\n"
    "      --broker ADDR[:PORT],...\n"
    "                          these are one broker, with the same clients and sessions; without "
    "a\n"
    "                          port, all ports of the address; may be repeated\n"
    "      --no-deliveries     do not match what servers deliver with what clients publish:\n"
    "                          faster, and less is found\n"
    "      --keylog FILE       decrypt TLS with the secrets in FILE (SSLKEYLOGFILE); may be "
    "repeated\n"
    "      --memory SIZE       let what traffic makes grow take so much memory; K, M or G behind "
    "the\n"
    "                          number (the default: 1G)\n"
    "\n"
    "Output, besides the text report on standard output, which - for FILE replaces\n";

static const char help_report[] =
    "\n"
    "Report\n"
    "      --only RULE,...     look for these findings and diagnoses alone\n"
    "      --client ID         report on the client with this client identifier alone\n"
    "      --topic FILTER      report on topics that match a topic filter alone: topics, "
    "deliveries,\n"
    "                          and findings about deliveries\n"
    "      --from WHEN         report on what happens from then on; packets before are followed, "
    "so\n"
    "                          that it is known who is who\n"
    "      --to WHEN           read no packet that comes later; WHEN is a time, such as\n"
    "                          2026-11-22T09:46:20Z, or an offset from the first packet: 90, "
    "1m30s,\n"
    "                          500ms\n"
    "  -q, --quiet             verdict, diagnoses and findings only\n"
    "  -v, --verbose           all rows of all tables\n"
    "      --color WHEN        auto (the default: on a terminal, unless NO_COLOR is set), always,\n"
    "                          never\n"
    "      --fail-on SEVERITY  exit with 1 if there is an error, a warning or worse, or a note or\n"
    "                          worse\n"
    "\n"
    "Information\n"
    "      --rules             list all rules: id, severity, scope, statements of 3.1.1, "
    "statements\n"
    "                          of 5.0, title; separated by tabs\n"
    "      --diagnoses         list all diagnoses: id, severity, title; separated by tabs\n"
    "      --explain ID        what a rule, a diagnosis or an excuse of deliveries means, and the "
    "usual\n"
    "                          causes\n"
    "  -h, --help              this text\n"
    "  -V, --version           version\n"
    "\n"
    "Exit status: 0 done; 1 by --fail-on only; 2 wrong usage, failed input or output, or a "
    "capture\n"
    "that could not be read to its end (what was read is reported).\n";

enum long_option {
    OPTION_FAIL_ON = 256,
    OPTION_BROKER,
    OPTION_ONLY,
    OPTION_CLIENT,
    OPTION_TOPIC,
    OPTION_FROM,
    OPTION_TO,
    OPTION_COLOR,
    OPTION_EXPLAIN,
    OPTION_KEYLOG,
    OPTION_MEMORY,
    OPTION_NO_DELIVERIES,
    OPTION_RULES,
    OPTION_DIAGNOSES,
    OPTION_FORMAT, /* and the formats' options, each at its number from here */
};

/* But for those of the formats, which options_parse() puts behind them. */
static const struct option fixed_options[] = {
    {"read", required_argument, NULL, 'r'},
    {"interface", required_argument, NULL, 'i'},
    {"filter", required_argument, NULL, 'f'},
    {"decode-as", required_argument, NULL, 'd'},
    {"broker", required_argument, NULL, OPTION_BROKER},
    {"keylog", required_argument, NULL, OPTION_KEYLOG},
    {"memory", required_argument, NULL, OPTION_MEMORY},
    {"no-deliveries", no_argument, NULL, OPTION_NO_DELIVERIES},
    {"fail-on", required_argument, NULL, OPTION_FAIL_ON},
    {"only", required_argument, NULL, OPTION_ONLY},
    {"client", required_argument, NULL, OPTION_CLIENT},
    {"topic", required_argument, NULL, OPTION_TOPIC},
    {"from", required_argument, NULL, OPTION_FROM},
    {"to", required_argument, NULL, OPTION_TO},
    {"quiet", no_argument, NULL, 'q'},
    {"verbose", no_argument, NULL, 'v'},
    {"color", required_argument, NULL, OPTION_COLOR},
    {"explain", required_argument, NULL, OPTION_EXPLAIN},
    {"rules", no_argument, NULL, OPTION_RULES},
    {"diagnoses", no_argument, NULL, OPTION_DIAGNOSES},
    {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},
};

static struct option long_options[G_N_ELEMENTS(fixed_options) + REPORT_FORMATS + 1];

static void fill_long_options(void)
{
    unsigned count = G_N_ELEMENTS(fixed_options);
    memcpy(long_options, fixed_options, sizeof fixed_options);
    for (int format = 0; format < REPORT_FORMATS; format++)
        if (report_formats[format].option != NULL)
            long_options[count++] = (struct option){
                report_formats[format].option, required_argument, NULL, OPTION_FORMAT + format};
}

void options_help(FILE *file)
{
    fputs(help_input, file);
    for (unsigned format = 0; format < REPORT_FORMATS; format++) {
        const struct report_format *row = &report_formats[format];
        char left[32];
        if (row->option == NULL)
            continue;
        g_snprintf(left, sizeof left, "      --%s FILE", row->option);
        char **lines = g_strsplit(row->help, "\n", -1);
        for (char **line = lines; *line != NULL; line++)
            fprintf(file, "%-26s%s\n", line == lines ? left : "", *line);
        g_strfreev(lines);
    }
    fputs(help_report, file);
}

/* One line on standard error, whatever was typed; always false. */
static bool complain(const char *format, ...) G_GNUC_PRINTF(1, 2);

static bool complain(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *line = g_strdup_vprintf(format, arguments);
    va_end(arguments);
    char *printable = escape_text(line);
    fprintf(stderr, "mqttscope: %s\n", printable);
    g_free(printable);
    g_free(line);
    return false;
}

/* How many letters have to be changed, added or left out to make `b` from `a` (Levenshtein). */
static unsigned distance(const char *a, const char *b)
{
    size_t length = strlen(b);
    unsigned *row = g_new(unsigned, length + 1);
    for (size_t j = 0; j <= length; j++)
        row[j] = (unsigned)j;
    for (size_t i = 0; a[i] != '\0'; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i + 1;
        for (size_t j = 0; j < length; j++) {
            unsigned cost = diagonal + (a[i] != b[j]);
            diagonal = row[j + 1];
            row[j + 1] = MIN(cost, MIN(diagonal, row[j]) + 1);
        }
    }
    unsigned answer = row[length];
    g_free(row);
    return answer;
}

/* The i-th word that stands for a rule, a diagnosis or an excuse; NULL behind the last one. */
static const char *known_id(unsigned i)
{
    if (i < MQTT_RULES)
        return mqtt_rule_info((enum mqtt_rule)i)->id;
    if (i < MQTT_RULES + AUDIT_DIAGNOSES)
        return audit_diagnosis_info(i - MQTT_RULES)->id;
    return audit_excuse_name(i - MQTT_RULES - AUDIT_DIAGNOSES);
}

/* The one that was probably meant, of excuses only where they are known; NULL if none is near. */
static const char *nearest_id(const char *id, bool excuses)
{
    const char *best = NULL, *candidate;
    unsigned least = (unsigned)MIN(strlen(id), 256) / 3 + 1;
    if (strlen(id) > 64)
        return NULL;
    const unsigned count = MQTT_RULES + AUDIT_DIAGNOSES + (excuses ? AUDIT_EXCUSES : 0);
    for (unsigned i = 0; i < count && (candidate = known_id(i)) != NULL; i++) {
        unsigned away = distance(id, candidate);
        if (away < least) {
            least = away;
            best = candidate;
        }
    }
    return best;
}

static bool unknown_id(const char *id, bool excuses)
{
    const char *nearest = nearest_id(id, excuses);
    if (nearest != NULL)
        return complain("no rule '%s'; did you mean '%s'?", id, nearest);
    return complain("no rule '%s' (--rules and --diagnoses list them)", id);
}

/* Sets the rule, or MQTT_RULE_NONE and the diagnosis. */
static bool parse_rule(const char *id, enum mqtt_rule *rule, enum audit_diagnosis_id *diagnosis)
{
    *rule = mqtt_rule_by_id(id);
    *diagnosis = audit_diagnosis_by_id(id);
    if (*rule != MQTT_RULE_NONE || *diagnosis != AUDIT_DIAGNOSES)
        return true;
    return unknown_id(id, false);
}

static bool parse_explained(struct options *options, const char *id)
{
    options->explain = mqtt_rule_by_id(id);
    options->explain_diagnosis = audit_diagnosis_by_id(id);
    options->explain_excuse = audit_excuse_by_name(id);
    return options->explain != MQTT_RULE_NONE || options->explain_diagnosis != AUDIT_DIAGNOSES ||
           options->explain_excuse != AUDIT_EXCUSES || unknown_id(id, true);
}

static bool parse_rules(struct options *options, const char *list)
{
    bool valid = true;
    char **ids = g_strsplit(list, ",", -1);
    for (char **id = ids; valid && *id != NULL; id++) {
        enum mqtt_rule rule;
        enum audit_diagnosis_id diagnosis;
        valid = parse_rule(*id, &rule, &diagnosis);
        if (valid && rule != MQTT_RULE_NONE)
            options->rules[rule] = true;
        else if (valid)
            options->diagnoses[diagnosis] = true;
    }
    g_strfreev(ids);
    options->only = true;
    return valid;
}

static bool parse_severity(const char *name, unsigned *severity)
{
    for (unsigned i = MQTT_NOTE; i <= MQTT_ERROR; i++)
        if (strcmp(name, mqtt_severity_name(i)) == 0) {
            *severity = i;
            return true;
        }
    return complain("--fail-on takes error, warning or note, not '%s'", name);
}

static bool parse_color(const char *name, enum color_mode *mode)
{
    static const char *const names[] = {"auto", "always", "never"};
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
        if (strcmp(name, names[i]) == 0) {
            *mode = (enum color_mode)i;
            return true;
        }
    return complain("--color takes auto, always or never, not '%s'", name);
}

/* "tcp.port==N", and ",mqtt" behind it as tshark has it. */
static bool parse_decode_as(struct options *options, const char *text)
{
    static const char prefix[] = "tcp.port==";
    const char *number = text + strlen(prefix);
    char *end;
    if (strncmp(text, prefix, strlen(prefix)) == 0 && g_ascii_isdigit(*number)) {
        guint64 value = g_ascii_strtoull(number, &end, 10);
        if (value > 0 && value <= UINT16_MAX && (*end == '\0' || strcmp(end, ",mqtt") == 0)) {
            uint16_t port = (uint16_t)value;
            g_array_append_val(options->ports, port);
            return true;
        }
    }
    return complain("-d takes tcp.port==N with N from 1 to 65535, not '%s'", text);
}

static bool parse_broker(struct options *options, const char *text)
{
    char *wrong = brokers_parse(options->brokers, text);
    if (wrong == NULL)
        return true;
    complain("%s", wrong);
    g_free(wrong);
    return false;
}

/* "512M": bytes. Less than a mebibyte is too little to begin with. */
static bool parse_size(const char *text, uint64_t *size)
{
    static const char suffixes[] = "KMG";
    char *end;
    if (g_ascii_isdigit(*text)) {
        guint64 number = g_ascii_strtoull(text, &end, 10);
        const char *suffix = *end != '\0' ? strchr(suffixes, *end) : NULL;
        const unsigned shift = suffix != NULL ? 10 * (unsigned)(suffix - suffixes + 1) : 0;
        if (end[suffix != NULL] == '\0' && number <= UINT64_MAX >> 1 >> shift &&
            number << shift >= 1u << 20) {
            *size = number << shift;
            return true;
        }
    }
    return complain("--memory takes a size of at least 1M, such as 512M or 2G, not '%s'", text);
}

static bool parse_topic(const char *text, const char **filter)
{
    const size_t length = strlen(text);
    size_t offset;
    *filter = text;
    if (length <= UINT16_MAX &&
        mqtt_filter_check((struct mqtt_slice){(const uint8_t *)text, (uint32_t)length}, false,
                          &offset) == MQTT_RULE_NONE)
        return true;
    return complain("--topic takes a topic filter, such as plant/# or plant/+/speed, not '%s'",
                    text);
}

static bool parse_moment(const char *option, const char *text, struct moment *moment)
{
    if (moment_parse(text, moment))
        return true;
    return complain("%s takes a time, such as 2026-11-22T09:46:20Z, or an offset from the first "
                    "packet, such as 90, 1m30s or 500ms, not '%s'",
                    option, text);
}

/* The long option that was probably meant; NULL if none is near. */
static const char *nearest_option(const char *name)
{
    const char *best = NULL;
    unsigned least = 3;
    if (strlen(name) > 64)
        return NULL;
    for (const struct option *option = long_options; option->name != NULL; option++) {
        unsigned away = distance(name, option->name);
        if (away < least) {
            least = away;
            best = option->name;
        }
    }
    return best;
}

/* getopt_long() did not like a word: says why. */
static bool wrong_long_option(const char *word)
{
    char *name = g_strndup(word + 2, strcspn(word + 2, "="));
    unsigned matches = 0;
    for (const struct option *option = long_options; option->name != NULL; option++)
        matches += g_str_has_prefix(option->name, name) ? 1 : 0;
    const char *nearest = nearest_option(name);
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
    return complain("unknown option '-%c' (--help lists the options)", optopt);
}

static bool missing_argument(char **argv, int at)
{
    return complain("option '%s' needs an argument", argv[at]);
}

static bool take_output(struct options *options, int format, const char *path)
{
    if (strcmp(path, "/dev/stdout") == 0)
        path = "-"; /* else the text report would be written to it, too */
    if (strcmp(path, "-") == 0 && report_formats[format].file_name != NULL)
        return complain("--%s takes a folder, not standard output", report_formats[format].option);
    const struct output_request request = {(enum report_format_id)format, path};
    for (unsigned i = 0; i < options->outputs->len; i++)
        if (strcmp(g_array_index(options->outputs, struct output_request, i).path, path) == 0 &&
            !g_str_has_prefix(path, "/dev/"))
            return complain("two outputs can't both be %s",
                            strcmp(path, "-") == 0 ? "standard output" : path);
    if (options->outputs->len >= OUTPUTS_LIVE_MAX)
        return complain("no more than %u outputs can be written at a time", OUTPUTS_LIVE_MAX);
    g_array_append_val(options->outputs, request);
    return true;
}

static bool take_option(struct options *options, int option, const char *argument)
{
    switch (option) {
    case 'r': g_ptr_array_add(options->files, (gpointer)(uintptr_t)argument); return true;
    case 'i':
        if (options->interface != NULL)
            return complain("only one interface can be captured from");
        options->interface = argument;
        return true;
    case 'f': options->filter = argument; return true;
    case 'd': return parse_decode_as(options, argument);
    case 'q': options->detail = REPORT_QUIET; return true;
    case 'v': options->detail = REPORT_VERBOSE; return true;
    case 'h': options->action = ACTION_HELP; return true;
    case 'V': options->action = ACTION_VERSION; return true;
    case OPTION_FAIL_ON: return parse_severity(argument, &options->fail_on);
    case OPTION_ONLY: return parse_rules(options, argument);
    case OPTION_CLIENT:
        if (*argument == '\0')
            return complain("--client takes a client identifier that is not empty");
        options->client = argument;
        return true;
    case OPTION_TOPIC: return parse_topic(argument, &options->topic);
    case OPTION_FROM: return parse_moment("--from", argument, &options->span.from);
    case OPTION_TO: return parse_moment("--to", argument, &options->span.to);
    case OPTION_BROKER: return parse_broker(options, argument);
    case OPTION_NO_DELIVERIES: options->no_deliveries = true; return true;
    case OPTION_KEYLOG: g_ptr_array_add(options->keylogs, (char *)(uintptr_t)argument); return true;
    case OPTION_MEMORY: return parse_size(argument, &options->memory);
    case OPTION_COLOR: return parse_color(argument, &options->color);
    case OPTION_RULES: options->action = ACTION_RULES; return true;
    case OPTION_DIAGNOSES: options->action = ACTION_DIAGNOSES; return true;
    case OPTION_EXPLAIN:
        options->action = ACTION_EXPLAIN;
        return parse_explained(options, argument);
    default: return take_output(options, option - OPTION_FORMAT, argument);
    }
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
    return true;
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
    fill_long_options();
    for (;;) {
        int at = optind;
        /* "-" in front: captures come as option 1, in their place among the others; ":" tells a
         * missing argument from an unknown option. */
        int option = getopt_long(argc, argv, "-:r:i:f:d:qvhV", long_options, NULL);
        if (option == -1)
            break;
        if (option == '?')
            return wrong_option(argc, argv, at);
        if (option == ':')
            return missing_argument(argv, at);
        if (!take_option(options, option == 1 ? 'r' : option, optarg))
            return false;
    }
    for (int i = optind; i < argc; i++) /* behind "--" */
        g_ptr_array_add(options->files, argv[i]);
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
