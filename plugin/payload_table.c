/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tables of topics and dissectors; see payload_table.h. */
#include "plugin/payload_table.h"

#include <epan/uat-int.h>

#include "mqtt/wire/topic.h"
#include "plugin/register.h"

/* ---- Ours ---- */

struct row {
    char *topic_filter;
    char *dissector; /* may be empty */
    guint compression;
};

static struct row *rows;
static guint row_count;

static const value_string compressions[] = {
    {PACKING_AUTOMATIC, "Automatic"},
    {PACKING_NONE, "None"},
    {PACKING_ZLIB, "gzip or zlib"},
    {PACKING_ZSTD, "Zstandard"},
    {0, NULL},
};

UAT_CSTRING_CB_DEF(payloads, topic_filter, struct row)
UAT_VS_DEF(payloads, compression, struct row, guint, PACKING_AUTOMATIC, "Automatic")
UAT_CSTRING_CB_DEF(payloads, dissector, struct row)

static void *copy_row(void *to, const void *from, size_t size)
{
    const struct row *source = (const struct row *)from;
    struct row *row = (struct row *)to;

    (void)size;
    row->topic_filter = g_strdup(source->topic_filter);
    row->dissector = g_strdup(source->dissector);
    row->compression = source->compression;
    return row;
}

static void free_row(void *record)
{
    struct row *row = (struct row *)record;

    g_free(row->topic_filter);
    g_free(row->dissector);
}

static struct mqtt_slice slice_of(const char *text)
{
    return (struct mqtt_slice){(const uint8_t *)text, (uint32_t)strlen(text)};
}

static bool is_named(const char *dissector)
{
    return dissector != NULL && *dissector != '\0';
}

/* MQTT within MQTT would be taken for packets of the connection that carries it. */
static dissector_handle_t find_other(const char *name)
{
    dissector_handle_t handle = find_dissector(name);

    return handle != NULL && dissector_handle_get_protocol_index(handle) != proto_mqttscope ? handle
                                                                                            : NULL;
}

static ws_boolean check_row(void *record, char **error)
{
    const struct row *row = (const struct row *)record;
    size_t offset;

    *error = NULL;
    if (row->topic_filter == NULL || strlen(row->topic_filter) > UINT16_MAX ||
        mqtt_filter_check(slice_of(row->topic_filter), false, &offset) != MQTT_RULE_NONE)
        *error = g_strdup("This is no topic filter: + stands for one whole level, and # for all "
                          "that are left, at the end.");
    else if (is_named(row->dissector) && find_other(row->dissector) == NULL)
        *error = g_strdup_printf("No dissector for payloads is called \"%s\". They have names in "
                                 "small letters: json, xml, protobuf, data-text-lines, ...",
                                 row->dissector);
    return *error == NULL;
}

void mqttscope_payload_table_register(module_t *module)
{
    static uat_field_t fields[] = {
        UAT_FLD_CSTRING(payloads, topic_filter, "Topic filter",
                        "Topics that the row is for, with MQTT's wildcards + and #"),
        UAT_FLD_VS(payloads, compression, "Compression", compressions,
                   "How payloads are compressed; automatic: what begins like gzip or Zstandard is"),
        UAT_FLD_CSTRING(payloads, dissector, "Dissector",
                        "Name of the dissector; none: what is unpacked is recognised as other "
                        "payloads are"),
        UAT_END_FIELDS,
    };
    uat_t *table =
        uat_new("MQTT Payloads", sizeof(struct row), "mqttscope_payloads", TRUE, &rows, &row_count,
                UAT_AFFECTS_DISSECTION, NULL, copy_row, check_row, free_row, NULL, NULL, fields);

    prefs_register_uat_preference(
        module, "payloads", "Payloads by topic",
        "Which dissector payloads are for, and how they are compressed, by topic filters. The "
        "first row that matches the topic counts.",
        table);
}

static bool wish_of_row(const struct row *row, struct mqttscope_wish *wish)
{
    *wish = (struct mqttscope_wish){.packing = (enum mqttscope_packing)row->compression};
    if (is_named(row->dissector)) {
        wish->name = row->dissector;
        wish->handle = find_other(row->dissector);
    }
    return true;
}

/* ---- That of Wireshark's own dissector ---- */

/* What its rows compare topics by, as its menu has it. */
enum comparison { EQUAL, CONTAINS, STARTS, ENDS, EXPRESSION, COMPARISONS };

static const char *const comparison_names[COMPARISONS] = {
    [EQUAL] = "Equal to",
    [CONTAINS] = "Contains",
    [STARTS] = "Starts with",
    [ENDS] = "Ends with",
    [EXPRESSION] = "Regular Expression",
};

static uat_t *builtin_table;

void mqttscope_payload_table_handoff(void)
{
    builtin_table = uat_get_table_by_name("Message Decoding");
}

/* A column of a row as text; empty where this version has no such column. */
static const char *column(wmem_allocator_t *pool, void *record, const char *name)
{
    for (const uat_field_t *field = builtin_table->fields; field->name != NULL; field++) {
        if (strcmp(field->name, name) != 0)
            continue;
        char *text = NULL;
        unsigned length = 0;
        field->cb.tostr(record, &text, &length, field->cbdata.tostr, field->fld_data);
        const char *copy = wmem_strndup(pool, text != NULL ? text : "", text != NULL ? length : 0);
        g_free(text);
        return copy;
    }
    return "";
}

static bool compares(const char *comparison, const char *pattern, const char *topic)
{
    unsigned by = 0;

    while (by < COMPARISONS && strcmp(comparison, comparison_names[by]) != 0)
        by++;
    switch (by) {
    case EQUAL: return strcmp(topic, pattern) == 0;
    case CONTAINS: return strstr(topic, pattern) != NULL;
    case STARTS: return g_str_has_prefix(topic, pattern);
    case ENDS: return g_str_has_suffix(topic, pattern);
    case EXPRESSION:
        return g_regex_match_simple(pattern, topic, (GRegexCompileFlags)0, (GRegexMatchFlags)0);
    default: return false;
    }
}

static bool wish_of_builtin(wmem_allocator_t *pool, const char *topic, struct mqttscope_wish *wish)
{
    const guint count = builtin_table != NULL ? builtin_table->user_data->len : 0;

    for (guint i = 0; i < count; i++) {
        void *record = builtin_table->user_data->data + i * builtin_table->record_size;
        if (!compares(column(pool, record, "match_criteria"), column(pool, record, "topic_pattern"),
                      topic))
            continue;
        const char *name = column(pool, record, "payload_proto");
        const bool is_packed = strcmp(column(pool, record, "msg_decoding"), "compressed") == 0;
        *wish = (struct mqttscope_wish){is_packed ? PACKING_ZLIB : PACKING_NONE, name,
                                        find_other(name)};
        return wish->handle != NULL;
    }
    return false;
}

bool mqttscope_payload_wish(wmem_allocator_t *pool, const char *topic, struct mqttscope_wish *wish)
{
    if (*topic == '\0')
        return false;
    for (guint i = 0; i < row_count; i++)
        if (mqtt_topic_matches(slice_of(rows[i].topic_filter), slice_of(topic)))
            return wish_of_row(&rows[i], wish);
    return wish_of_builtin(pool, topic, wish);
}
