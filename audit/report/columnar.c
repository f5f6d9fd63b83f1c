/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A walk over the rows of audit/columns.def that turns them by ninety degrees: see columnar.h. */
#include "audit/report/columnar.h"

#include <inttypes.h>
#include <string.h>

#include "audit/report/escape.h"
#include "mqtt/facts/time.h"

#define MISSING INT64_MIN

/* Up to here, numbers and their differences are exact in JavaScript. */
#define FAR (INT64_C(1) << 52)

/* Numbers of a text that get columns. */
#define NUMBERS_MAX 6

/* ---- Words ---- */

struct columnar_words {
    GHashTable *numbers; /* of the strings in `words` */
    GPtrArray *words;    /* char *, owned */
};

struct columnar_words *columnar_words_new(void)
{
    struct columnar_words *words = g_new(struct columnar_words, 1);
    words->numbers = g_hash_table_new(g_str_hash, g_str_equal);
    words->words = g_ptr_array_new_with_free_func(g_free);
    return words;
}

void columnar_words_free(struct columnar_words *words)
{
    g_hash_table_destroy(words->numbers);
    g_ptr_array_free(words->words, TRUE);
    g_free(words);
}

unsigned columnar_word(struct columnar_words *words, const char *word)
{
    gpointer number;
    if (g_hash_table_lookup_extended(words->numbers, word, NULL, &number))
        return GPOINTER_TO_UINT(number);
    char *copy = g_strdup(word);
    g_hash_table_insert(words->numbers, copy, GUINT_TO_POINTER(words->words->len));
    g_ptr_array_add(words->words, copy);
    return words->words->len - 1;
}

void columnar_words_write(const struct columnar_words *words, struct json_writer *json,
                          const char *key)
{
    json_array_begin(json, key);
    for (guint i = 0; i < words->words->len; i++)
        json_text(json, NULL, g_ptr_array_index(words->words, i));
    json_array_end(json);
}

/* ---- Columns as they grow ---- */

/* A place in the tree that a row is. */
struct node {
    char *path;
    const struct audit_column *column;
    GArray *values;      /* int64_t, a row each up to the last one that has one; NULL: none */
    GPtrArray *children; /* struct node; by number of the column, of the element or of the part of a
                            text; NULL where there is none */
    GPtrArray *keys;     /* of a map: char *, the children's */
    bool words;          /* the values are words */
};

struct walk {
    const struct audit_report *report;
    struct columnar_words *words;
    int64_t base; /* times are counted from here */
    unsigned row;
    GString *text, *pattern;
};

static struct node *new_node(const struct node *parent, const char *separator, const char *key,
                             const struct audit_column *column)
{
    struct node *node = g_new0(struct node, 1);
    node->path = parent == NULL || parent->path[0] == '\0'
                     ? g_strdup(key)
                     : g_strconcat(parent->path, separator, key, NULL);
    node->column = column;
    return node;
}

static void free_node(struct node *node)
{
    if (node == NULL)
        return;
    for (guint i = 0; node->children != NULL && i < node->children->len; i++)
        free_node(g_ptr_array_index(node->children, i));
    if (node->children != NULL)
        g_ptr_array_free(node->children, TRUE);
    if (node->keys != NULL)
        g_ptr_array_free(node->keys, TRUE);
    if (node->values != NULL)
        g_array_free(node->values, TRUE);
    g_free(node->path);
    g_free(node);
}

static struct node *child_at(struct node *node, unsigned i, const char *separator, const char *key,
                             const struct audit_column *column)
{
    if (node->children == NULL)
        node->children = g_ptr_array_new();
    if (node->children->len <= i)
        g_ptr_array_set_size(node->children, (gint)i + 1);
    if (g_ptr_array_index(node->children, i) == NULL)
        g_ptr_array_index(node->children, i) = new_node(node, separator, key, column);
    return g_ptr_array_index(node->children, i);
}

static struct node *child_of_key(struct node *node, const char *key)
{
    unsigned i = 0;
    if (node->keys == NULL)
        node->keys = g_ptr_array_new_with_free_func(g_free);
    while (i < node->keys->len && strcmp(g_ptr_array_index(node->keys, i), key) != 0)
        i++;
    if (i == node->keys->len)
        g_ptr_array_add(node->keys, g_strdup(key));
    return child_at(node, i, ".", key, node->column);
}

static void put(const struct walk *walk, struct node *node, int64_t value)
{
    const int64_t missing = MISSING;
    if (node->values == NULL)
        node->values = g_array_new(FALSE, FALSE, sizeof(int64_t));
    while (node->values->len < walk->row)
        g_array_append_val(node->values, missing);
    if (node->values->len == walk->row) /* else a list that is longer than it may be */
        g_array_append_val(node->values, value);
}

static void put_word(const struct walk *walk, struct node *node, const char *word)
{
    node->words = true;
    put(walk, node, columnar_word(walk->words, word));
}

/* The number that stands at the beginning of a text, as long as it is written back as it was: its
 * end, or NULL. */
static const char *take_number(const char *text, int64_t *number)
{
    const char *end = text;
    for (*number = 0; g_ascii_isdigit(*end); end++)
        *number = end - text < 15 ? *number * 10 + (*end - '0') : 0;
    return end == text || end - text > 15 || (*text == '0' && end - text > 1) ? NULL : end;
}

static void put_text(struct walk *walk, struct node *node, const char *text)
{
    unsigned numbers = 0;
    char name[16];
    g_string_truncate(walk->pattern, 0);
    for (const char *at = text; *at != '\0';) {
        int64_t number;
        const char *end = numbers < NUMBERS_MAX ? take_number(at, &number) : NULL;
        if (end == NULL) {
            const size_t digits = strspn(at, "0123456789");
            const size_t length = MAX(digits, 1);
            g_string_append_len(walk->pattern, at, (gssize)length);
            at += length;
            continue;
        }
        g_snprintf(name, sizeof name, "%u", numbers);
        put(walk, child_at(node, numbers, "#", name, node->column), number);
        numbers++;
        g_string_append_c(walk->pattern, '\1');
        at = end;
    }
    put_word(walk, node, walk->pattern->str);
}

static int64_t number_of(uint64_t number)
{
    return number > INT64_MAX ? INT64_MAX : (int64_t)number;
}

static void walk_row(struct walk *walk, struct node *node, enum audit_row_kind kind,
                     const void *row, const char *const *without);

static void put_value(struct walk *walk, struct node *node, const struct audit_value *value)
{
    char *printable;
    switch ((enum audit_column_kind)node->column->kind) {
    case AUDIT_COUNT:
    case AUDIT_ID:
    case AUDIT_BOOL:
    case AUDIT_FRAME: put(walk, node, number_of(value->number)); break;
    case AUDIT_STREAM: put(walk, node, value->integer); break;
    case AUDIT_TIME: put(walk, node, mqtt_elapsed(value->integer, walk->base) / 1000); break;
    case AUDIT_WORD: put_word(walk, node, value->word); break;
    case AUDIT_TEXT: put_text(walk, node, value->word); break;
    case AUDIT_NAME:
        printable = escape_text(value->word);
        put_word(walk, node, printable);
        g_free(printable);
        break;
    case AUDIT_STRING:
        printable = escape_string(value->string);
        put_word(walk, node, printable);
        g_free(printable);
        break;
    case AUDIT_ROW:
        walk_row(walk, node, (enum audit_row_kind)node->column->nested, value->row, NULL);
        break;
    }
}

/* Lists of words are a word; of numbers, each place is a column. Longer lists of numbers, and lists
 * of objects, are nothing for a table. */
#define PLACES 4

static void put_list(struct walk *walk, struct node *node, const void *row,
                     struct audit_value *value)
{
    const enum audit_column_kind kind = (enum audit_column_kind)node->column->kind;
    GString *joined = g_string_new(NULL);
    for (unsigned i = 0; kind != AUDIT_ROW && node->column->get(value, row); i++) {
        char name[16];
        g_snprintf(name, sizeof name, "%u", i);
        if (kind != AUDIT_WORD && kind != AUDIT_TEXT && kind != AUDIT_NAME) {
            if (i < PLACES)
                put_value(walk, child_at(node, i, ".", name, node->column), value);
            continue;
        }
        g_string_append_printf(joined, "%s%s", i > 0 ? " " : "", value->word);
    }
    if (joined->len > 0)
        put_word(walk, node, joined->str);
    g_string_free(joined, TRUE);
}

static void walk_column(struct walk *walk, struct node *node, const void *row)
{
    struct audit_value value;
    value.report = walk->report;
    value.text = walk->text;
    value.next = 0;
    value.cursor = NULL;
    switch ((enum audit_shape)node->column->shape) {
    case AUDIT_ONE:
        if (node->column->get(&value, row))
            put_value(walk, node, &value);
        break;
    case AUDIT_LIST: put_list(walk, node, row, &value); break;
    case AUDIT_MAP:
        while (node->column->get(&value, row))
            put_value(walk, child_of_key(node, value.key), &value);
        break;
    case AUDIT_INLINE:
        node->column->get(&value, row);
        walk_row(walk, node, (enum audit_row_kind)node->column->nested, value.row, NULL);
        break;
    }
}

static bool left_out(const char *const *without, const char *key)
{
    for (; without != NULL && *without != NULL; without++)
        if (strcmp(key, *without) == 0)
            return true;
    return false;
}

static void walk_row(struct walk *walk, struct node *node, enum audit_row_kind kind,
                     const void *row, const char *const *without)
{
    const struct audit_row_info info = audit_row_info(kind);
    for (unsigned i = 0; i < info.count; i++) {
        const struct audit_column *column = &info.columns[i];
        if (left_out(without, column->key))
            continue;
        struct node *child = child_at(node, i, ".", column->key, column);
        if (column->shape == AUDIT_INLINE) {
            g_free(child->path);
            child->path = g_strdup(node->path);
        }
        walk_column(walk, child, row);
    }
}

/* ---- Columns as they are written ---- */

/* How many letters a number takes, the comma behind it included. */
static unsigned width_of(int64_t value)
{
    if (value == MISSING)
        return 5;
    unsigned width = value < 0 ? 3 : 2;
    for (uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value; rest >= 10; rest /= 10)
        width++;
    return width;
}

/* The value of most rows: one that more than half of them have, if there is one. */
static int64_t most_of(const int64_t *values, guint count)
{
    int64_t candidate = MISSING;
    guint lead = 0;
    for (guint i = 0; i < count; i++) {
        if (lead == 0)
            candidate = values[i];
        lead = values[i] == candidate ? lead + 1 : lead - 1;
    }
    return candidate;
}

/* What each way to write a column takes. */
struct costs {
    uint64_t values, steps, most;
    guint others; /* rows that do not have the value of most */
    bool gaps;    /* some have none, or one that is too far off: no steps */
};

static struct costs costs_of(const int64_t *values, guint count, int64_t most)
{
    struct costs costs = {0};
    int64_t before = 0;
    guint last = 0;
    for (guint i = 0; i < count; i++) {
        costs.values += width_of(values[i]);
        if (values[i] < -FAR || values[i] > FAR)
            costs.gaps = true; /* MISSING, too */
        else if (!costs.gaps)
            costs.steps += width_of(mqtt_elapsed(values[i], before));
        before = values[i];
        if (values[i] != most) {
            costs.others++;
            costs.most += width_of(values[i]) + width_of((int64_t)i - last);
            last = i;
        }
    }
    costs.most += 20; /* the keys */
    return costs;
}

static void write_number(struct json_writer *json, const char *key, int64_t value)
{
    if (value == MISSING)
        json_null(json, key);
    else
        json_signed(json, key, value);
}

static void write_most(struct json_writer *json, const int64_t *values, guint count, int64_t most)
{
    guint last = 0;
    write_number(json, "most", most);
    json_array_begin(json, "at");
    for (guint i = 0; i < count; i++)
        if (values[i] != most) {
            json_unsigned(json, NULL, i - last);
            last = i;
        }
    json_array_end(json);
    json_array_begin(json, "is");
    for (guint i = 0; i < count; i++)
        if (values[i] != most)
            write_number(json, NULL, values[i]);
    json_array_end(json);
}

static void write_list(struct json_writer *json, const int64_t *values, guint count, bool steps)
{
    int64_t before = 0;
    json_array_begin(json, steps ? "steps" : "values");
    for (guint i = 0; i < count; i++) {
        write_number(json, NULL, steps ? mqtt_elapsed(values[i], before) : values[i]);
        before = values[i];
    }
    json_array_end(json);
}

static void write_values(struct json_writer *json, const int64_t *values, guint count)
{
    const int64_t most = most_of(values, count);
    const struct costs costs = costs_of(values, count, most);
    if (costs.others == 0)
        write_number(json, "all", most);
    else if (costs.most < costs.values && (costs.gaps || costs.most < costs.steps))
        write_most(json, values, count, most);
    else
        write_list(json, values, count, !costs.gaps && costs.steps < costs.values);
}

static const char *kind_name(const struct node *node)
{
    if (node->words)
        return node->column->kind == AUDIT_TEXT ? "text" : "word";
    switch ((enum audit_column_kind)node->column->kind) {
    case AUDIT_BOOL: return "bool";
    case AUDIT_FRAME: return "frame";
    case AUDIT_TIME: return "time";
    default: return "number";
    }
}

static void write_node(const struct walk *walk, const struct node *node, struct json_writer *json)
{
    const int64_t missing = MISSING;
    if (node == NULL)
        return;
    if (node->values != NULL) {
        while (node->values->len < walk->row)
            g_array_append_val(node->values, missing);
        const char *unit = audit_unit_name((enum audit_unit)node->column->unit);
        json_object_begin(json, NULL);
        json_text(json, "key", node->path);
        json_text(json, "kind", kind_name(node));
        if (unit != NULL)
            json_text(json, "unit", unit);
        json_text(json, "help", node->column->help);
        write_values(json, (const int64_t *)(const void *)node->values->data, node->values->len);
        json_object_end(json);
    }
    for (guint i = 0; node->children != NULL && i < node->children->len; i++)
        write_node(walk, g_ptr_array_index(node->children, i), json);
}

void columnar_write(const struct columnar_table *table, const struct audit_report *report,
                    struct columnar_words *words, struct json_writer *json)
{
    struct node *root = new_node(NULL, "", "", NULL);
    struct walk walk = {
        .report = report,
        .words = words,
        .base = report->capture.has_times ? report->capture.first_time : 0,
        .text = g_string_new(NULL),
        .pattern = g_string_new(NULL),
    };
    const guint count = MIN(table->rows->len, table->most);
    for (walk.row = 0; walk.row < count; walk.row++)
        walk_row(&walk, root, table->kind, g_ptr_array_index(table->rows, walk.row),
                 table->without);
    json_object_begin(json, table->key);
    json_unsigned(json, "rows", count);
    json_unsigned(json, "of", table->rows->len);
    json_array_begin(json, "columns");
    write_node(&walk, root, json);
    json_array_end(json);
    json_object_end(json);
    g_string_free(walk.pattern, TRUE);
    g_string_free(walk.text, TRUE);
    free_node(root);
}
