/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A prepared statement a table, and one transaction: see sqlite.h. Nothing is journalled, for the
 * file gets its name only when it is whole.
 */
#include "audit/report/sqlite.h"

#include <errno.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#include "audit/report/tables.h"
#include "mqtt/wire/utf8.h"

struct sqlite {
    sqlite3 *database;
    struct tables *tables;
    sqlite3_stmt *inserts[TABLES];
    const uint8_t *types[TABLES]; /* enum table_type, by column */
    int at;                       /* the column that is bound next, from 0 */
    char *own_path;               /* NULL: the file is the caller's */
    FILE *file;
    int *error;
};

/* What SQLite says in the words of errno. */
static int errno_of(sqlite3 *database, int code)
{
    const int system = database != NULL ? sqlite3_system_errno(database) : 0;
    switch (code & 0xff) {
    case SQLITE_FULL: return ENOSPC;
    case SQLITE_NOMEM: return ENOMEM;
    case SQLITE_TOOBIG: return EFBIG;
    default: return system != 0 ? system : EIO;
    }
}

/* Whether all is well; remembers what is not. */
static bool check(struct sqlite *sqlite, int code)
{
    if (G_LIKELY(code == SQLITE_OK || code == SQLITE_DONE || code == SQLITE_ROW))
        return true;
    if (*sqlite->error == 0)
        *sqlite->error = errno_of(sqlite->database, code);
    return false;
}

static bool execute(struct sqlite *sqlite, const char *statement)
{
    if (*sqlite->error != 0)
        return false;
    return check(sqlite, sqlite3_exec(sqlite->database, statement, NULL, NULL, NULL));
}

/* ---- Tables ---- */

static const char *sql_type(unsigned type)
{
    return type == TABLE_TEXT || type == TABLE_STRING || type == TABLE_JSON ? "TEXT" : "INTEGER";
}

static void create_table(struct sqlite *sqlite, const struct table *table)
{
    GString *statement = g_string_new(NULL);
    g_string_printf(statement, "CREATE TABLE %s(", table->name);
    for (unsigned i = 0; i < table->columns->len; i++) {
        const struct table_column *column = &g_array_index(table->columns, struct table_column, i);
        g_string_append_printf(statement, "%s%s %s%s", i > 0 ? ", " : "", column->name,
                               sql_type(column->type), column->key ? " PRIMARY KEY" : "");
        if (column->references != NULL)
            g_string_append_printf(statement, " REFERENCES %s", column->references);
    }
    g_string_append_c(statement, ')');
    execute(sqlite, statement->str);
    g_string_free(statement, TRUE);
}

static void prepare_insert(struct sqlite *sqlite, enum table_id id, const struct table *table)
{
    uint8_t *types = g_new(uint8_t, table->columns->len);
    GString *statement = g_string_new(NULL);
    g_string_printf(statement, "INSERT INTO %s VALUES(", table->name);
    for (unsigned i = 0; i < table->columns->len; i++) {
        types[i] = g_array_index(table->columns, struct table_column, i).type;
        g_string_append(statement, i > 0 ? ",?" : "?");
    }
    g_string_append_c(statement, ')');
    sqlite->types[id] = types;
    if (*sqlite->error == 0)
        check(sqlite, sqlite3_prepare_v3(sqlite->database, statement->str, -1,
                                         SQLITE_PREPARE_PERSISTENT, &sqlite->inserts[id], NULL));
    g_string_free(statement, TRUE);
}

/* A table of all columns and what they mean: the database describes itself. */
static void describe(struct sqlite *sqlite)
{
    sqlite3_stmt *insert = NULL;
    execute(sqlite, "CREATE TABLE dictionary(table_name TEXT, column_name TEXT, help TEXT)");
    if (*sqlite->error != 0 ||
        !check(sqlite, sqlite3_prepare_v2(sqlite->database, "INSERT INTO dictionary VALUES(?,?,?)",
                                          -1, &insert, NULL)))
        return;
    for (unsigned id = 0; id < TABLES; id++) {
        const struct table *table = tables_info(sqlite->tables, (enum table_id)id);
        for (unsigned i = 0; i < table->columns->len; i++) {
            const struct table_column *column =
                &g_array_index(table->columns, struct table_column, i);
            sqlite3_bind_text(insert, 1, table->name, -1, SQLITE_STATIC);
            sqlite3_bind_text(insert, 2, column->name, -1, SQLITE_STATIC);
            sqlite3_bind_text(insert, 3, column->help, -1, SQLITE_STATIC);
            sqlite3_step(insert);
            check(sqlite, sqlite3_reset(insert));
        }
    }
    sqlite3_finalize(insert);
}

/* ---- Rows ---- */

/* Text that is none, or that SQL would see an end in, is kept as the bytes that it is. */
static bool is_text(const struct table_value *value)
{
    return memchr(value->bytes, 0, value->length) == NULL &&
           mqtt_utf8_check(value->bytes, value->length) == value->length;
}

static int bind_text(sqlite3_stmt *insert, int at, unsigned type, const struct table_value *value)
{
    const sqlite3_destructor_type keep = value->lasting ? SQLITE_STATIC : SQLITE_TRANSIENT;
    if (type == TABLE_STRING && !is_text(value))
        return sqlite3_bind_blob(insert, at, value->bytes, (int)value->length, keep);
    return sqlite3_bind_text(insert, at, (const char *)value->bytes, (int)value->length, keep);
}

static void put_value(void *user, enum table_id id, const struct table_value *value)
{
    struct sqlite *sqlite = user;
    sqlite3_stmt *insert = sqlite->inserts[id];
    const unsigned type = sqlite->types[id][sqlite->at++];
    int code = SQLITE_OK;
    switch (value->is) {
    case TABLE_IS_NULL: code = sqlite3_bind_null(insert, sqlite->at); break;
    case TABLE_IS_NUMBER: code = sqlite3_bind_int64(insert, sqlite->at, value->number); break;
    case TABLE_IS_TEXT: code = bind_text(insert, sqlite->at, type, value); break;
    }
    check(sqlite, code);
}

static void put_row(void *user, enum table_id id)
{
    struct sqlite *sqlite = user;
    sqlite->at = 0;
    sqlite3_step(sqlite->inserts[id]);
    check(sqlite, sqlite3_reset(sqlite->inserts[id]));
}

void sqlite_event(struct sqlite *sqlite, const struct audit_event *event)
{
    if (G_LIKELY(*sqlite->error == 0))
        tables_event(sqlite->tables, event);
    sqlite->at = 0;
}

/* ---- The file ---- */

/* Where the database is made, if the caller has no file for it. */
static char *make_own(struct sqlite *sqlite)
{
    GError *error = NULL;
    int descriptor = g_file_open_tmp("mqttscope-XXXXXX", &sqlite->own_path, &error);
    if (descriptor >= 0)
        close(descriptor);
    else
        *sqlite->error = EIO;
    g_clear_error(&error);
    return sqlite->own_path;
}

static void open_database(struct sqlite *sqlite, const char *path)
{
    static const char *const settings[] = {
        "PRAGMA page_size=8192",    "PRAGMA journal_mode=OFF",
        "PRAGMA synchronous=OFF",   "PRAGMA locking_mode=EXCLUSIVE",
        "PRAGMA cache_size=-32768", "PRAGMA application_id=1297183315", /* "MQTS" */
        "PRAGMA user_version=1",    "BEGIN"};
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); /* no locks for figures that nobody asks for */
    if (path == NULL)
        path = make_own(sqlite);
    if (path == NULL)
        return;
    /* A path that can't be taken for ":memory:" or a URI. */
    char *plain = path[0] == '/' ? g_strdup(path) : g_strconcat("./", path, NULL);
    check(sqlite, sqlite3_open_v2(plain, &sqlite->database,
                                  SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL));
    g_free(plain);
    for (unsigned i = 0; i < G_N_ELEMENTS(settings); i++)
        execute(sqlite, settings[i]);
}

struct sqlite *sqlite_new(const char *path, FILE *file, int *error)
{
    struct sqlite *sqlite = g_new0(struct sqlite, 1);
    const struct table_sink sink = {.value = put_value, .row = put_row, .user = sqlite};
    sqlite->file = file;
    sqlite->error = error;
    sqlite->tables = tables_new(&sink);
    open_database(sqlite, path);
    for (unsigned id = 0; id < TABLES; id++) {
        const struct table *table = tables_info(sqlite->tables, (enum table_id)id);
        create_table(sqlite, table);
        prepare_insert(sqlite, (enum table_id)id, table);
    }
    describe(sqlite);
    return sqlite;
}

static void copy_own(struct sqlite *sqlite)
{
    char bytes[65536];
    size_t length;
    FILE *own = fopen(sqlite->own_path, "rbe");
    if (own == NULL) {
        *sqlite->error = errno;
        return;
    }
    while ((length = fread(bytes, 1, sizeof bytes, own)) > 0)
        if (fwrite(bytes, 1, length, sqlite->file) != length) {
            *sqlite->error = errno != 0 ? errno : EIO;
            break;
        }
    if (ferror(own) != 0 && *sqlite->error == 0)
        *sqlite->error = EIO;
    fclose(own);
}

void sqlite_finish(struct sqlite *sqlite, const struct audit_report *report)
{
    if (report != NULL && *sqlite->error == 0) {
        const char *statement;
        tables_report(sqlite->tables, report);
        for (unsigned i = 0; (statement = sqlite_schema(i)) != NULL; i++)
            execute(sqlite, statement);
        execute(sqlite, "COMMIT");
    }
    for (unsigned id = 0; id < TABLES; id++) {
        sqlite3_finalize(sqlite->inserts[id]);
        g_free((gpointer)(uintptr_t)sqlite->types[id]);
    }
    const int code = sqlite3_close(sqlite->database);
    if (report != NULL)
        check(sqlite, code);
    if (sqlite->own_path != NULL) {
        if (report != NULL && *sqlite->error == 0)
            copy_own(sqlite);
        unlink(sqlite->own_path);
        g_free(sqlite->own_path);
    }
    tables_free(sqlite->tables);
    g_free(sqlite);
}
