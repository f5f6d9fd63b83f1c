/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See marks.h. */
#include "analyzer/marks.h"

#include <stdio.h>
#include <string.h>

#include "analyzer/output.h"
#include "analyzer/rewrite.h"
#include "audit/diagnosis/diagnoses.h"
#include "audit/report/escape.h"
#include "audit/report/sentences.h"

#define PER_FRAME 64 /* comments; what is more is counted */

struct marks {
    const struct audit_report *report;
    GHashTable *comments; /* of a frame: GPtrArray of char * */
    GHashTable *wanted;   /* tcp.stream of the client's connections; NULL: all frames */
    const GArray *streams;
};

static bool complain(const char *line)
{
    char *printable = escape_text(line);
    fprintf(stderr, "mqttscope: %s\n", printable);
    g_free(printable);
    return false;
}

/* ---- Comments ---- */

static void free_comments(gpointer comments)
{
    g_ptr_array_free(comments, TRUE);
}

/* Takes the text. */
static void add_comment(struct marks *marks, uint64_t frame, GString *text)
{
    GPtrArray *comments = g_hash_table_lookup(marks->comments, &frame);
    if (comments == NULL) {
        comments = g_ptr_array_new_with_free_func(g_free);
        g_hash_table_insert(marks->comments, g_memdup2(&frame, sizeof frame), comments);
    }
    if (comments->len == PER_FRAME)
        g_string_assign(text, "and more of it: see the report");
    if (comments->len <= PER_FRAME)
        g_ptr_array_add(comments, g_string_free(text, FALSE));
    else
        g_string_free(text, TRUE);
}

/* "[error publish-qos-3] PUBLISH has QoS 3: ..." */
static void collect(struct marks *marks)
{
    const struct audit_report *report = marks->report;
    for (unsigned i = 0; i < report->diagnoses->len; i++) {
        const struct audit_diagnosis *diagnosis = audit_report_diagnosis(report, i);
        for (unsigned j = 0; j < diagnosis->evidence->len; j++) {
            const struct audit_evidence *evidence =
                &g_array_index(diagnosis->evidence, struct audit_evidence, j);
            GString *text = g_string_new(NULL);
            g_string_printf(text, "[%s %s] %s", mqtt_severity_name(diagnosis->severity),
                            audit_diagnosis_info(diagnosis->id)->id, evidence->text);
            add_comment(marks, evidence->frame, text);
        }
    }
    for (unsigned i = 0; i < report->findings->len; i++) {
        const struct audit_finding *finding = audit_report_finding(report, i);
        const struct mqtt_rule_info *info = mqtt_rule_info((enum mqtt_rule)finding->what.rule);
        GString *text = g_string_new(NULL);
        g_string_printf(text, "[%s %s] ", mqtt_severity_name(info->severity), info->id);
        sentence_of_finding(text, report, finding);
        add_comment(marks, finding->what.frame, text);
    }
}

static const char *comment_of(void *user, uint64_t frame, unsigned i)
{
    const struct marks *marks = user;
    const GPtrArray *comments = g_hash_table_lookup(marks->comments, &frame);
    return comments != NULL && i < comments->len ? g_ptr_array_index(comments, i) : NULL;
}

/* ---- One client ---- */

static bool wanted(void *user, uint64_t frame)
{
    const struct marks *marks = user;
    if (frame == 0 || frame > marks->streams->len)
        return false;
    const int64_t stream = g_array_index(marks->streams, int64_t, frame - 1);
    return stream >= 0 && g_hash_table_contains(marks->wanted, &stream);
}

static void find_streams(struct marks *marks, const char *client)
{
    const size_t length = strlen(client);
    marks->wanted = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, NULL);
    for (unsigned i = 0; i < marks->report->connections->len; i++) {
        const struct audit_connection *connection = audit_report_connection(marks->report, i);
        const struct audit_string *name = connection->client_identifier;
        if (name != NULL && name->whole == length && name->length == length &&
            memcmp(name->bytes, client, length) == 0)
            g_hash_table_add(marks->wanted,
                             g_memdup2(&connection->stream, sizeof connection->stream));
    }
}

/* ---- Files ---- */

static bool write_files(struct marks *marks, FILE *file)
{
    GString *verdict = g_string_new(NULL);
    char error[512];
    bool whole = true;
    sentence_verdict(verdict, marks->report);
    for (unsigned i = 0; i < marks->report->capture.files->len; i++) {
        const struct audit_file *from = audit_report_file(marks->report, i);
        const struct rewrite_options options = {
            .frames_before = from->first_frame - 1,
            .comment = i == 0 ? verdict->str : NULL,
            .comment_of = comment_of,
            .wanted = marks->wanted != NULL ? wanted : NULL,
            .user = marks,
        };
        /* What could not be opened before has been complained of. */
        if (!rewrite_capture(from->name, &options, file, error, sizeof error) &&
            from->problem == NULL)
            whole = complain(error);
    }
    g_string_free(verdict, TRUE);
    return whole;
}

static bool write_marks(struct marks *marks, const char *path)
{
    struct output output;
    if (!output_open(&output, path))
        return false;
    marks->comments = g_hash_table_new_full(g_int64_hash, g_int64_equal, g_free, free_comments);
    collect(marks);
    const bool whole = write_files(marks, output.file);
    g_hash_table_destroy(marks->comments);
    return output_close(&output) && whole;
}

bool marks_annotate(const struct audit_report *report, const char *path)
{
    struct marks marks = {.report = report};
    return write_marks(&marks, path);
}

bool marks_extract(const struct audit_report *report, const char *client, const GArray *streams,
                   const char *path)
{
    struct marks marks = {.report = report, .streams = streams};
    bool written = false;
    find_streams(&marks, client);
    if (g_hash_table_size(marks.wanted) > 0) {
        written = write_marks(&marks, path);
    } else {
        char *line =
            g_strdup_printf("no connection of a client '%s': nothing is extracted", client);
        complain(line);
        g_free(line);
    }
    g_hash_table_destroy(marks.wanted);
    return written;
}
