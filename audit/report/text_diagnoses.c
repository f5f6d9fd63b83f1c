/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text report's diagnoses, the worst first: a line that says what is the matter, what shows it,
 * what else it could be, what to do; and the explanation of one. */
#include "audit/diagnosis/diagnoses.h"
#include "audit/report/escape.h"
#include "audit/report/format.h"
#include "audit/report/text_private.h"

#define INDENT 2
#define ROWS 5
#define WIDTH 80u    /* sentences are read more easily in short lines */
#define OF_A_KIND 3u /* the worst of them stand for the others */
#define NAMED_CLIENTS 6
#define CLIENT_WIDTH 28

/* "+12.301 s  frame 206  what happened", the rest of the words below the first ones. */
static void write_evidence(const struct text *text, const struct audit_evidence *evidence)
{
    char offset[FORMAT_SIZE];
    uint64_t number;
    const struct audit_file *file = audit_locate(text->report, evidence->frame, &number);
    GString *line = g_string_new(NULL);
    g_string_append_printf(line, "%s s", text_offset(text, offset, evidence->time));
    if (file != NULL && text->report->capture.files->len > 1) {
        char *base = g_path_get_basename(file->name);
        char *name = escape_text(base);
        g_string_append_printf(line, " %s", name);
        g_free(name);
        g_free(base);
    }
    if (file != NULL)
        g_string_append_printf(line, " frame %" G_GUINT64_FORMAT, number);
    g_string_append_printf(line, ": %s", evidence->text);
    text_wrap(text, 2 * INDENT, line->str);
    g_string_free(line, TRUE);
}

static void write_clients(const struct text *text, const struct audit_diagnosis *diagnosis)
{
    GString *line = g_string_new("clients:");
    const unsigned shown = MIN(diagnosis->clients->len, NAMED_CLIENTS);
    for (unsigned i = 0; i < shown; i++) {
        char *name = escape_string(g_ptr_array_index(diagnosis->clients, i));
        escape_cut(name, CLIENT_WIDTH);
        g_string_append_printf(line, "%s %s", i > 0 ? "," : "", name);
        g_free(name);
    }
    if (diagnosis->clients->len > shown)
        g_string_append_printf(line, " and %u more", diagnosis->clients->len - shown);
    if (diagnosis->clients->len > 1)
        text_wrap(text, 2 * INDENT, line->str);
    g_string_free(line, TRUE);
}

/* A sentence with its heading in front. */
static void write_sentence(const struct text *text, const char *heading, const char *sentence)
{
    if (sentence[0] == '\0')
        return;
    char *line = g_strdup_printf("%s %s", heading, sentence);
    text_wrap(text, 2 * INDENT, line);
    g_free(line);
}

static void write_diagnosis(const struct text *text, const struct audit_diagnosis *diagnosis)
{
    const struct audit_diagnosis_info *info = audit_diagnosis_info(diagnosis->id);
    const unsigned rows = text_rows(text, diagnosis->evidence->len, ROWS);
    fprintf(text->file, "\n%s%s%s %s%s%s%s\n", text_on(text, text_severity(diagnosis->severity)),
            mqtt_severity_name(diagnosis->severity), text_off(text), text_on(text, TEXT_HEADING),
            info->id, text_off(text), diagnosis->sure ? "" : " (likely)");
    text_wrap(text, INDENT, diagnosis->title);
    for (unsigned i = 0; i < rows; i++)
        write_evidence(text, &g_array_index(diagnosis->evidence, struct audit_evidence, i));
    if (diagnosis->count > rows)
        fprintf(text->file, "%*s%sand %" G_GUINT64_FORMAT " more%s%s\n", 2 * INDENT, "",
                text_on(text, TEXT_FAINT), diagnosis->count - rows,
                rows < diagnosis->evidence->len ? " (-v shows more)" : "", text_off(text));
    write_clients(text, diagnosis);
    if (text->detail == REPORT_QUIET)
        return;
    write_sentence(text, "Or else:", info->alternatives);
    write_sentence(text, "What to do:", info->advice);
    GString *filter = g_string_new("Wireshark: ");
    if (format_diagnosis_filter(filter, text->report, diagnosis)) {
        fputs(text_on(text, TEXT_FAINT), text->file);
        text_wrap(text, 2 * INDENT, filter->str);
        fputs(text_off(text), text->file);
    }
    g_string_free(filter, TRUE);
}

void text_diagnoses(const struct text *text)
{
    const GPtrArray *diagnoses = text->report->diagnoses;
    struct text narrow = *text;
    unsigned shown[AUDIT_DIAGNOSES] = {0};
    narrow.width = MIN(text->width, WIDTH);
    if (diagnoses->len > 0)
        text_heading(text, "What is the matter", "");
    for (unsigned i = 0; i < diagnoses->len; i++) {
        const struct audit_diagnosis *diagnosis = audit_report_diagnosis(text->report, i);
        if (text->detail == REPORT_VERBOSE || shown[diagnosis->id] < OF_A_KIND)
            write_diagnosis(&narrow, diagnosis);
        shown[diagnosis->id]++;
    }
    for (unsigned id = 0; id < AUDIT_DIAGNOSES && text->detail != REPORT_VERBOSE; id++)
        if (shown[id] > OF_A_KIND)
            fprintf(text->file, "\n%sand %u more of %s (-v lists all)%s\n",
                    text_on(text, TEXT_FAINT), shown[id] - OF_A_KIND, audit_diagnosis_info(id)->id,
                    text_off(text));
    if (diagnoses->len > 0 && text->report->findings->len > 0)
        text_heading(text, "What was found", "");
}

void report_explain_diagnosis(unsigned id, const struct report_text_options *options, FILE *file)
{
    const struct audit_diagnosis_info *info = audit_diagnosis_info(id);
    const struct text text = {
        .color = options->color,
        .width = options->width == 0 ? 80 : CLAMP(options->width, 60u, 100u),
        .file = file,
    };
    fprintf(file, "%s%s%s (%s%s%s, a diagnosis)\n", text_on(&text, TEXT_HEADING), info->id,
            text_off(&text), text_on(&text, text_severity(info->severity)),
            mqtt_severity_name(info->severity), text_off(&text));
    text_wrap(&text, INDENT, info->title);
    fputc('\n', file);
    text_wrap(&text, INDENT, info->explanation);
    fputc('\n', file);
    write_sentence(&text, "Said of:", info->needs);
    write_sentence(&text, "Or else:", info->alternatives);
    write_sentence(&text, "What to do:", info->advice);
}
