/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text report's table of Sparkplug's edge nodes. */
#include "audit/report/escape.h"
#include "audit/report/format.h"
#include "audit/report/table.h"
#include "audit/report/text_private.h"

#define USUAL_NODES 25

static void add_node(struct table *table, const struct audit_sparkplug_node *node)
{
    char *group = escape_string(node->group);
    char *name = escape_string(node->node);
    table_add(table, group);
    table_add(table, name);
    text_add_count(table, node->births);
    text_add_count(table, node->rebirths);
    text_add_count(table, node->deaths);
    text_add_count(table, node->devices);
    text_add_count(table, node->seq_gaps);
    g_free(group);
    g_free(name);
}

void text_sparkplug(const struct text *text)
{
    static const struct table_column columns[] = {
        {.title = "group", .flexible = true}, {.title = "node", .flexible = true},
        {.title = "births", .right = true},   {.title = "rebirths", .right = true},
        {.title = "deaths", .right = true},   {.title = "devices", .right = true},
        {.title = "gaps", .right = true},
    };
    const struct audit_report *report = text->report;
    if (report->sparkplug == NULL || report->sparkplug->len == 0)
        return;
    const unsigned rows = text_rows(text, report->sparkplug->len, USUAL_NODES);
    struct table *table = table_new(columns, G_N_ELEMENTS(columns));
    for (unsigned i = 0; i < rows; i++)
        add_node(table, audit_report_sparkplug(report, i));
    text_heading(text, "Sparkplug B, edge nodes", "");
    text_table(text, table);
    text_more(text, TEXT_INDENT, report->sparkplug->len - rows);
}
