/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two folds of different connections become one. */
#include "audit/fold_private.h"

void audit_fold_times(struct audit_fold *fold, int64_t first, int64_t last)
{
    struct audit_capture *capture = &fold->report.capture;
    if (!capture->has_times || first < capture->first_time)
        capture->first_time = first;
    if (!capture->has_times || last > capture->last_time)
        capture->last_time = last;
    capture->has_times = true;
}

static void merge_capture(struct audit_fold *into, struct audit_capture *from)
{
    struct audit_capture *capture = &into->report.capture;
    for (unsigned i = 0; i < from->files->len; i++) {
        struct audit_file *file = &g_array_index(from->files, struct audit_file, i);
        g_array_append_vals(capture->files, file, 1);
        *file = (struct audit_file){0}; /* its strings have moved */
    }
    capture->packets += from->packets;
    capture->bytes += from->bytes;
    if (from->has_times)
        audit_fold_times(into, from->first_time, from->last_time);
    for (unsigned i = 0; i < AUDIT_LIMITS; i++)
        audit_add_limit(&capture->limits[i], &from->limits[i]);
}

static void merge_totals(struct audit_totals *into, const struct audit_totals *from)
{
    into->connections += from->connections;
    for (unsigned i = 0; i < G_N_ELEMENTS(into->by_version); i++)
        into->by_version[i] += from->by_version[i];
    for (unsigned i = 0; i < MQTT_END_CAUSES; i++)
        into->by_end_cause[i] += from->by_end_cause[i];
    for (unsigned role = 0; role < AUDIT_ROLES; role++) {
        into->bytes[role] += from->bytes[role];
        for (unsigned type = 0; type < MQTT_PACKET_TYPES; type++)
            into->packets[role][type] += from->packets[role][type];
        for (unsigned kind = 0; kind < MQTT_HANDSHAKE_KINDS; kind++)
            audit_handshakes_add(&into->handshakes[role][kind], &from->handshakes[role][kind],
                                 kind);
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(into->findings); i++)
        into->findings[i] += from->findings[i];
    audit_histograms_merge(&into->histograms, &from->histograms);
    for (unsigned i = 0; i < MQTT_RULES; i++)
        into->findings_by_rule[i] += from->findings_by_rule[i];
}

void audit_fold_merge(struct audit_fold *into, struct audit_fold *from)
{
    struct audit_report *report = &from->report;
    merge_capture(into, &report->capture);
    merge_totals(&into->report.totals, &report->totals);
    audit_topic_add(&into->unnamed, &from->unnamed);
    audit_topic_add(&into->left_out, &from->left_out);
    into->sessions_left_out += from->sessions_left_out;
    audit_fold_merge_deliveries(into, from);

    /* The rows move. */
    g_hash_table_remove_all(from->topic_table);
    g_hash_table_remove_all(from->session_table);
    for (unsigned i = 0; i < report->topics->len; i++)
        audit_fold_add_topic(into, g_ptr_array_index(report->topics, i));
    for (unsigned i = 0; i < report->sessions->len; i++) {
        audit_fold_add_session(into, audit_report_session(report, i));
        audit_session_free(g_ptr_array_index(report->sessions, i));
    }
    for (unsigned i = 0; i < report->connections->len; i++)
        audit_fold_list_connection(into, g_ptr_array_index(report->connections, i));
    for (unsigned i = 0; i < report->findings->len; i++)
        audit_fold_list_finding(into, g_ptr_array_index(report->findings, i));
    g_ptr_array_set_size(report->topics, 0);
    g_ptr_array_set_size(report->sessions, 0);
    g_ptr_array_set_size(report->connections, 0);
    g_ptr_array_set_size(report->findings, 0);
    audit_fold_free(from);
}
