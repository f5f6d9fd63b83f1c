/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the summaries of a frame to one line; see info.h. */
#include "plugin/info.h"

/* Groups of alike packets that are said; what is beyond them is counted. */
#define GROUPS_MAX 10u

/* Packets behind each other that differ in topic and packet identifier alone. */
struct group {
    struct mqttscope_summary common; /* the first one's; its subject is what they share */
    uint32_t count;
    uint16_t last; /* packet identifier of the last one */
    bool in_a_row; /* each packet identifier is one above that before it */
    bool topics_differ;
};

struct mqttscope_info {
    struct group groups[GROUPS_MAX];
    unsigned count;
    uint32_t others; /* packets that no group is left for */
    struct mqttscope_broken broken;
    const char *before;  /* what others wrote for good, before the first of ours */
    const char *written; /* the column as it was left; NULL: not written yet */
};

/* ---- Packets that are alike ---- */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Of PUBLISH the topic may differ; topic filters are not put together. */
static bool is_alike(const struct mqttscope_summary *a, const struct mqttscope_summary *b)
{
    const bool publish = strcmp(a->type, "PUBLISH") == 0;

    return same_text(a->type, b->type) && same_text(a->details, b->details) &&
           same_text(a->client, b->client) && a->has_identifier == b->has_identifier &&
           (publish ? (a->subject == NULL) == (b->subject == NULL)
                    : same_text(a->subject, b->subject));
}

/* The levels that both topics begin with; the first topic where they have none in common. */
static const char *common_levels(wmem_allocator_t *pool, const char *a, const char *b)
{
    size_t levels = 0;

    for (size_t i = 0; a[i] != '\0' && a[i] == b[i]; i++) {
        if (a[i] == '/')
            levels = i + 1;
    }
    return levels != 0 ? wmem_strndup(pool, a, levels) : a;
}

static void join(struct group *group, wmem_allocator_t *pool,
                 const struct mqttscope_summary *summary)
{
    const char *subject = group->common.subject;

    group->in_a_row &= (uint16_t)(group->last + 1) == summary->identifier;
    group->last = summary->identifier;
    group->count++;
    if (same_text(subject, summary->subject))
        return;
    if (!(group->topics_differ && g_str_has_prefix(summary->subject, subject)))
        group->common.subject = common_levels(pool, subject, summary->subject);
    group->topics_differ = true;
}

void mqttscope_info_add(struct mqttscope_frame *frame, packet_info *pinfo,
                        const struct mqttscope_summary *summary,
                        const struct mqttscope_findings *findings)
{
    if (frame->info == NULL)
        frame->info = wmem_new0(pinfo->pool, struct mqttscope_info);
    struct mqttscope_info *info = frame->info;

    mqttscope_broken_add(&info->broken, findings);
    if (info->count != 0 && info->others == 0 &&
        is_alike(&info->groups[info->count - 1].common, summary))
        join(&info->groups[info->count - 1], pinfo->pool, summary);
    else if (info->count == GROUPS_MAX)
        info->others++;
    else
        info->groups[info->count++] = (struct group){
            .common = *summary, .count = 1, .last = summary->identifier, .in_a_row = true};
}

/* ---- The line ---- */

static void append_group(wmem_strbuf_t *text, const struct group *group)
{
    const struct mqttscope_summary *common = &group->common;

    wmem_strbuf_append(text, common->type);
    if (common->subject != NULL)
        wmem_strbuf_append_printf(text, " %s", common->subject);
    if (group->topics_differ)
        wmem_strbuf_append_printf(text, "%s" MQTTSCOPE_ELLIPSIS,
                                  g_str_has_suffix(common->subject, "/") ? "" : ", ");
    if (group->count > 1)
        wmem_strbuf_append_printf(text, " " MQTTSCOPE_TIMES "%u", group->count);
    wmem_strbuf_append(text, common->details);
    if (!common->has_identifier)
        return;
    wmem_strbuf_append_printf(text, ", id %u", common->identifier);
    if (group->count > 1)
        wmem_strbuf_append_printf(text, " %s %u", group->in_a_row ? "to" : MQTTSCOPE_ELLIPSIS,
                                  group->last);
}

/* Behind the last group of a client. */
static bool ends_client(const struct mqttscope_info *info, unsigned group)
{
    const char *client = info->groups[group].common.client;

    return client != NULL &&
           (group + 1 == info->count || !same_text(client, info->groups[group + 1].common.client));
}

static const char *line_of(const struct mqttscope_info *info, wmem_allocator_t *pool)
{
    wmem_strbuf_t *text = wmem_strbuf_new(pool, info->before);

    for (unsigned i = 0; i < info->count; i++) {
        if (i != 0)
            wmem_strbuf_append(text, " | ");
        append_group(text, &info->groups[i]);
        if (ends_client(info, i))
            wmem_strbuf_append_printf(text, ", client %s", info->groups[i].common.client);
    }
    if (info->others != 0)
        wmem_strbuf_append_printf(text, " | %u more", info->others);
    mqttscope_broken_append(&info->broken, text);
    return wmem_strbuf_get_str(text);
}

/* What stands in the column for good is kept: it is ours as we left it, or somebody wrote behind
 * it.
 */
static void keep_others(struct mqttscope_info *info, wmem_allocator_t *pool, const char *there)
{
    if (info->written == NULL)
        info->before = wmem_strdup(pool, there);
    else if (strcmp(info->written, there) != 0)
        *info = (struct mqttscope_info){
            .groups = {info->groups[info->count - 1]},
            .count = 1,
            .before = wmem_strdup_printf(pool, "%s | ", there),
        };
}

void mqttscope_info_write(struct mqttscope_frame *frame, packet_info *pinfo)
{
    column_info *columns = pinfo->cinfo;
    struct mqttscope_info *info = frame->info;

    if (info == NULL)
        return;
    if (info->written == NULL)
        col_set_str(columns, COL_PROTOCOL, "MQTT");
    col_clear(columns, COL_INFO); /* what other layers said since; not what is behind a fence */
    const char *there = col_get_text(columns, COL_INFO);
    if (there == NULL) /* nobody looks at the column */
        return;
    keep_others(info, pinfo->pool, there);
    col_clear_fence(columns, COL_INFO);
    col_add_str(columns, COL_INFO, line_of(info, pinfo->pool));
    col_set_fence(columns, COL_INFO);
    info->written = wmem_strdup(pinfo->pool, col_get_text(columns, COL_INFO));
}
