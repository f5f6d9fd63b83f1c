/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Statistics > MQTT, -z mqttscope_packets,tree and its family: what is counted by what. */
#include "plugin/tools/tools.h"

/* Clients and topics are named by strangers: so many of a tree get a line of their own, so many
 * bytes of a name are shown. Names that agree in these share a line. */
#define NAMES_MAX 1000u
#define NAME_BYTES_MAX 200u
#define OTHERS "(others)"
#define UNKNOWN "(unknown)"

/* What is counted in a tree; the others are below the first node. */
struct names {
    int top;
    GHashTable *seen; /* names that have a line */
};

static GHashTable *open_trees; /* stats_tree → struct names */

static void free_names(void *value)
{
    struct names *names = value;

    g_hash_table_destroy(names->seen);
    g_free(names);
}

/* Called anew when a tree is counted anew. */
static void begin(stats_tree *tree, const char *title)
{
    struct names *names = g_new0(struct names, 1);

    names->seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    names->top = stats_tree_create_node(tree, title, 0, STAT_DT_INT, TRUE);
    if (open_trees == NULL)
        open_trees = g_hash_table_new_full(g_direct_hash, g_direct_equal, NULL, free_names);
    g_hash_table_replace(open_trees, tree, names);
}

static void end(stats_tree *tree)
{
    if (open_trees == NULL)
        return;
    g_hash_table_remove(open_trees, tree);
    if (g_hash_table_size(open_trees) == 0) {
        g_hash_table_destroy(open_trees);
        open_trees = NULL;
    }
}

/* A name as the tree shows it: cut to its length, and never that of the top node, which Wireshark
 * looks up among the nodes with children. The caller frees it. */
static char *shown_name(const char *title, const char *name)
{
    size_t length = strlen(name);

    if (strcmp(name, title) == 0)
        return g_strdup_printf("%s ", name);
    if (length <= NAME_BYTES_MAX)
        return g_strdup(name);
    for (length = NAME_BYTES_MAX; length > 0 && (name[length] & 0xc0) == 0x80;)
        length--;
    return g_strdup_printf("%.*s...", (int)length, name);
}

/* The name that this one is counted under: itself, or the others. The tree owns it. */
static const char *bounded(struct names *names, const char *title, const char *name)
{
    char *shown = shown_name(title, name);
    const char *known = g_hash_table_lookup(names->seen, shown);

    if (known == NULL && g_hash_table_size(names->seen) < NAMES_MAX) {
        g_hash_table_insert(names->seen, shown, shown);
        return shown;
    }
    g_free(shown);
    return known != NULL ? known : OTHERS;
}

/* Counts a packet under the title, the name, and what it is there. */
static void count(stats_tree *tree, const char *title, const char *name, const char *below)
{
    struct names *names = g_hash_table_lookup(open_trees, tree);

    tick_stat_node(tree, title, 0, TRUE);
    const int node = tick_stat_node(tree, bounded(names, title, name), names->top, below != NULL);
    if (below != NULL)
        tick_stat_node(tree, below, node, FALSE);
}

/* ---- What is counted ---- */

#define PACKETS "Control packets"
#define CLIENTS "Control packets by client"
#define TOPICS "PUBLISH by topic"
#define REASONS "Reason codes"
#define FINDINGS "Findings by rule"
#define IN_FLIGHT "PUBLISH in flight by client"

static const char *sender_name(const struct mqttscope_told *seen)
{
    switch (seen->record->sender) {
    case MQTT_SENDER_CLIENT: return "by the client";
    case MQTT_SENDER_SERVER: return "by the server";
    default: return UNKNOWN;
    }
}

static const char *client_name(const struct mqttscope_told *seen)
{
    return seen->client != NULL ? seen->client : UNKNOWN;
}

static unsigned qos_of(const struct mqtt_packet *publish)
{
    return publish->flags >> 1 & 3;
}

static void count_type(void *tree, packet_info *pinfo, const struct mqttscope_told *seen)
{
    (void)pinfo;
    count(tree, PACKETS, mqtt_packet_type_name(seen->packet->type), sender_name(seen));
}

static void count_client(void *tree, packet_info *pinfo, const struct mqttscope_told *seen)
{
    (void)pinfo;
    count(tree, CLIENTS, client_name(seen), mqtt_packet_type_name(seen->packet->type));
}

static void count_topic(void *tree, packet_info *pinfo, const struct mqttscope_told *seen)
{
    static const char *const qos[4] = {"QoS 0", "QoS 1", "QoS 2", "QoS 3 (reserved)"};

    (void)pinfo;
    if (seen->packet->type == MQTT_PUBLISH)
        count(tree, TOPICS, seen->topic != NULL ? seen->topic : UNKNOWN, qos[qos_of(seen->packet)]);
}

static void count_code(stats_tree *tree, const packet_info *pinfo, const struct mqtt_packet *packet,
                       uint8_t code)
{
    const char *name = mqtt_reason_name((enum mqtt_version)packet->version,
                                        (enum mqtt_packet_type)packet->type, code);

    count(
        tree, REASONS, mqtt_packet_type_name(packet->type),
        wmem_strdup_printf(pinfo->pool, "0x%02x %s", code, name != NULL ? name : "(not defined)"));
}

static void count_reasons(void *tree, packet_info *pinfo, const struct mqttscope_told *seen)
{
    const struct mqtt_packet *packet = seen->packet;

    if (seen->outcome != MQTT_OK)
        return;
    if (packet->has_reason_code)
        count_code(tree, pinfo, packet, packet->reason_code);
    const struct mqtt_slice codes = packet->type == MQTT_SUBACK     ? packet->suback.codes
                                    : packet->type == MQTT_UNSUBACK ? packet->unsuback.codes
                                                                    : (struct mqtt_slice){0};
    for (uint32_t i = 0; i < codes.length; i++)
        count_code(tree, pinfo, packet, codes.data[i]);
}

static void count_findings(void *tree, packet_info *pinfo, const struct mqttscope_told *seen)
{
    const struct mqttscope_findings *findings = seen->record->findings;

    (void)pinfo;
    for (uint32_t i = 0; findings != NULL && i < findings->count; i++) {
        const struct mqtt_rule_info *rule = mqtt_rule_info((enum mqtt_rule)findings->list[i].rule);
        count(tree, FINDINGS, mqtt_severity_name(rule->severity), rule->id);
    }
}

/* The lines show how many were in flight, on average and at the most. */
static void count_in_flight(void *tree, packet_info *pinfo, const struct mqttscope_told *seen)
{
    struct names *names = g_hash_table_lookup(open_trees, tree);
    const gint value = (gint)MIN(seen->record->in_flight, (uint32_t)G_MAXINT);

    if (seen->packet->type != MQTT_PUBLISH || qos_of(seen->packet) == 0)
        return;
    const char *name =
        wmem_strdup_printf(pinfo->pool, "%s, %s", client_name(seen), sender_name(seen));
    avg_stat_node_add_value_int(tree, IN_FLIGHT, 0, TRUE, value);
    avg_stat_node_add_value_int(tree, bounded(names, IN_FLIGHT, name), names->top, FALSE, value);
}

/* ---- What Wireshark calls ---- */

/* TREE(what, title, what is told of each packet): Wireshark gives its callbacks no more than the
 * tree, so each tree has its own. */
#define TREE(id, title, tell)                                                                      \
    static void id##_begin(stats_tree *tree)                                                       \
    {                                                                                              \
        begin(tree, title);                                                                        \
    }                                                                                              \
    static tap_packet_status id##_add(stats_tree *tree, packet_info *pinfo, epan_dissect_t *edt,   \
                                      const void *data, tap_flags_t flags)                         \
    {                                                                                              \
        (void)edt;                                                                                 \
        (void)flags;                                                                               \
        mqttscope_for_each(data, pinfo, tell, tree);                                               \
        return TAP_PACKET_REDRAW;                                                                  \
    }

TREE(packets, PACKETS, count_type)
TREE(clients, CLIENTS, count_client)
TREE(topics, TOPICS, count_topic)
TREE(reasons, REASONS, count_reasons)
TREE(findings, FINDINGS, count_findings)
TREE(in_flight, IN_FLIGHT, count_in_flight)

void mqttscope_trees_register(void)
{
    static const struct {
        const char *name;
        const char *title;
        stat_tree_packet_cb add;
        stat_tree_init_cb begin;
    } trees[] = {
        {"mqttscope_packets", "Control Packets", packets_add, packets_begin},
        {"mqttscope_clients", "Clients", clients_add, clients_begin},
        {"mqttscope_topics", "Topics", topics_add, topics_begin},
        {"mqttscope_reasons", "Reason Codes", reasons_add, reasons_begin},
        {"mqttscope_findings", "Findings", findings_add, findings_begin},
        {"mqttscope_in_flight", "In Flight", in_flight_add, in_flight_begin},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(trees); i++) {
        char *path = g_strconcat("MQTT", STATS_TREE_MENU_SEPARATOR, trees[i].title, NULL);
        stats_tree_register_plugin(MQTTSCOPE_TAP, trees[i].name, path, 0, trees[i].add,
                                   trees[i].begin, end);
        g_free(path);
    }
}
