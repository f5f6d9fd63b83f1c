/* SPDX-License-Identifier: GPL-2.0-or-later */
/* docs/tables.md: what --sqlite and --csv write. */
#include <stdio.h>

#include "audit/report/tables.h"
#include "docs/generate_report.h"

static const char *type_name(unsigned type)
{
    static const char *const names[] = {
        [TABLE_INTEGER] = "number", [TABLE_BOOL] = "true or false", [TABLE_TIME] = "time",
        [TABLE_TEXT] = "text",      [TABLE_STRING] = "string",      [TABLE_JSON] = "JSON",
    };
    return names[type];
}

static void no_row(void *user, enum table_id table)
{
    (void)user;
    (void)table;
}

void tables_page(void)
{
    const struct table_sink sink = {.row = no_row};
    struct tables *tables = tables_new(&sink);
    printf("# Tables\n\n"
           "<!-- Generated from audit/report/tables.def and audit/columns.def by scripts/docs. "
           "Change it there. -->\n\n"
           "What `--sqlite FILE` and `--csv FOLDER` write. Any column but those that tell rows "
           "apart may be null.\n"
           "[sqlite.md](sqlite.md) says how kinds are written in a database, and has questions "
           "and their answers.\n");
    for (unsigned id = 0; id < TABLES; id++) {
        const struct table *table = tables_info(tables, (enum table_id)id);
        printf("\n## %s\n\n%s\n\n| Column | Kind | What it is |\n|---|---|---|\n", table->name,
               table->help);
        for (unsigned i = 0; i < table->columns->len; i++) {
            const struct table_column *column =
                &g_array_index(table->columns, struct table_column, i);
            printf("| `%s` | %s", column->name, type_name(column->type));
            if (column->key)
                printf(", tells rows apart");
            if (column->references != NULL)
                printf(", of `%s`", column->references);
            printf(" | %s |\n", column->help);
        }
    }
    tables_free(tables);
}
