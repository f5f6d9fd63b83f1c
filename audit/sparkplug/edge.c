/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an edge node publishes on one connection. */
#include "audit/sparkplug/private.h"
#include "audit/strings.h"
#include "mqtt/facts/time.h"

/* Data that comes so much later than the command does so in spite of it. */
#define REBIRTH_TIME (10 * MQTT_SECOND)

/* Of an edge, or its node, which is number 0. */
struct device {
    uint32_t number;
    uint32_t births; /* aliases of earlier ones are void */
    bool born;
};

struct alias {
    uint64_t value; /* first: the key */
    uint32_t owner, births;
};

static void found(const struct message *message, enum mqtt_rule rule, uint64_t a, uint64_t b)
{
    sparkplug_found(message->sparkplug, message->event, rule, a, b);
}

/* ---- Tables ---- */

static guint alias_hash(gconstpointer key)
{
    return (guint)audit_hash((struct mqtt_slice){key, sizeof(uint64_t)});
}

static gboolean alias_equal(gconstpointer a, gconstpointer b)
{
    return *(const uint64_t *)a == *(const uint64_t *)b;
}

static void clear_aliases(struct sparkplug *sparkplug, struct edge *edge)
{
    sparkplug->aliases -= g_hash_table_size(edge->aliases);
    g_hash_table_remove_all(edge->aliases);
}

static void clear_devices(struct sparkplug *sparkplug, struct edge *edge)
{
    sparkplug->devices -= g_hash_table_size(edge->devices);
    g_hash_table_remove_all(edge->devices);
    g_ptr_array_set_size(edge->owners, 1);
}

static struct device *owner_of(const struct edge *edge, uint32_t number)
{
    return g_ptr_array_index(edge->owners, number);
}

/* The device of the message; made if it is new. NULL: there is no room. */
static struct device *device_of(const struct message *message, struct edge *edge)
{
    struct sparkplug *sparkplug = message->sparkplug;
    const struct audit_string name = audit_string_view(message->topic.device);
    struct device *device = g_hash_table_lookup(edge->devices, &name);
    if (device != NULL)
        return device;
    if (sparkplug->devices >= sparkplug->options.max_devices) {
        sparkplug->left_out++;
        edge->devices_known = edge->aliases_known = false;
        return NULL;
    }
    device = g_new0(struct device, 1);
    device->number = edge->owners->len;
    g_ptr_array_add(edge->owners, device);
    g_hash_table_insert(edge->devices, audit_string_copy(&name), device);
    sparkplug->devices++;
    return device;
}

/* What an alias stands for since the last births; NULL: nothing. */
static struct alias *alias_of(const struct edge *edge, uint64_t value)
{
    struct alias *alias = g_hash_table_lookup(edge->aliases, &value);
    return alias != NULL && alias->births == owner_of(edge, alias->owner)->births ? alias : NULL;
}

static void set_alias(struct sparkplug *sparkplug, struct edge *edge, uint64_t value,
                      const struct device *owner)
{
    struct alias *alias = g_hash_table_lookup(edge->aliases, &value);
    if (alias == NULL && sparkplug->aliases >= sparkplug->options.max_aliases) {
        sparkplug->left_out++;
        edge->aliases_known = false;
        return;
    }
    if (alias == NULL) {
        alias = g_new0(struct alias, 1);
        alias->value = value;
        g_hash_table_add(edge->aliases, alias);
        sparkplug->aliases++;
    }
    alias->owner = owner->number;
    alias->births = owner->births;
}

struct edge *sparkplug_edge_new(const struct message *message, bool from_start)
{
    const struct audit_flow *flow = message->event->flow;
    const struct audit_string group = audit_string_view(message->topic.group);
    const struct audit_string name = audit_string_view(message->topic.node);
    struct edge *edge = g_new0(struct edge, 1);
    edge->group = audit_string_copy(&group);
    edge->name = audit_string_copy(&name);
    edge->node = sparkplug_node(message->sparkplug, message->event, message->topic.group,
                                message->topic.node);
    edge->gaps = flow->gaps[flow->client & 1];
    edge->birth = from_start && edge->gaps == 0 ? UNBORN : BIRTH_UNKNOWN;
    edge->devices = g_hash_table_new_full(audit_string_hash, audit_string_equal, g_free, g_free);
    edge->owners = g_ptr_array_new();
    g_ptr_array_add(edge->owners, g_new0(struct device, 1));
    edge->aliases = g_hash_table_new_full(alias_hash, alias_equal, g_free, NULL);
    return edge;
}

void sparkplug_edge_free(struct sparkplug *sparkplug, struct edge *edge)
{
    if (edge == NULL)
        return;
    clear_aliases(sparkplug, edge);
    clear_devices(sparkplug, edge);
    g_hash_table_destroy(edge->aliases);
    g_hash_table_destroy(edge->devices);
    g_free(owner_of(edge, 0));
    g_ptr_array_free(edge->owners, TRUE);
    g_free(edge->group);
    g_free(edge->name);
    g_free(edge);
}

/* Something may be missing: what was not seen may have been sent. */
void sparkplug_edge_forget(struct edge *edge)
{
    edge->birth = BIRTH_UNKNOWN;
    edge->seq_known = false;
    edge->devices_known = edge->aliases_known = false;
    edge->rebirth_frame = 0;
}

/* ---- Metrics ---- */

static bool needs_timestamp(enum sparkplug_type type)
{
    return type != SPARKPLUG_NDEATH && type != SPARKPLUG_STATE;
}

void sparkplug_check_payload(const struct message *message)
{
    const Sparkplug__Payload *payload = message->payload;
    const bool birth = is_birth(message->topic.type);
    size_t unnamed = 0, untyped = 0;
    if (!payload->has_timestamp && needs_timestamp(message->topic.type))
        found(message, MQTT_RULE_SPARKPLUG_TIMESTAMP_MISSING,
              message->event->message.payload_length, 0);
    for (size_t i = payload->n_metrics; i-- > 0;) {
        const Sparkplug__Metric *metric = payload->metrics[i];
        if (!metric->has_name && (birth || !metric->has_alias))
            unnamed = i + 1;
        if (birth && !metric->has_datatype)
            untyped = i + 1;
    }
    if (unnamed > 0)
        found(message, MQTT_RULE_SPARKPLUG_METRIC_UNNAMED, unnamed, payload->n_metrics);
    if (untyped > 0)
        found(message, MQTT_RULE_SPARKPLUG_DATATYPE_MISSING, untyped, payload->n_metrics);
}

void sparkplug_check_ndeath(const struct sparkplug *sparkplug, const struct audit_event *event,
                            const Sparkplug__Payload *payload)
{
    uint64_t bdseq;
    if (payload->has_seq)
        sparkplug_found(sparkplug, event, MQTT_RULE_SPARKPLUG_NDEATH_SEQ, payload->seq, 0);
    if (!sparkplug_bdseq(payload, &bdseq))
        sparkplug_found(sparkplug, event, MQTT_RULE_SPARKPLUG_NDEATH_BDSEQ_MISSING,
                        payload->n_metrics, 0);
    else if (payload->n_metrics > 1)
        sparkplug_found(sparkplug, event, MQTT_RULE_SPARKPLUG_NDEATH_METRICS, payload->n_metrics,
                        0);
}

/* The aliases of a birth; the first that is not unique is told of. */
static void take_aliases(const struct message *message, struct edge *edge,
                         const struct device *owner)
{
    const Sparkplug__Payload *payload = message->payload;
    bool told = false;
    for (size_t i = 0; i < payload->n_metrics; i++) {
        const Sparkplug__Metric *metric = payload->metrics[i];
        if (!metric->has_alias)
            continue;
        if (!told && alias_of(edge, metric->alias) != NULL) {
            found(message, MQTT_RULE_SPARKPLUG_ALIAS_NOT_UNIQUE, metric->alias, i + 1);
            told = true;
        }
        set_alias(message->sparkplug, edge, metric->alias, owner);
    }
}

/* Aliases in data; one that is unknown is told of once. */
static void check_aliases(const struct message *message, struct edge *edge)
{
    const Sparkplug__Payload *payload = message->payload;
    bool told = false;
    for (size_t i = 0; i < payload->n_metrics && edge->aliases_known; i++) {
        const Sparkplug__Metric *metric = payload->metrics[i];
        if (!metric->has_alias || metric->has_name || alias_of(edge, metric->alias) != NULL)
            continue;
        if (!told)
            found(message, MQTT_RULE_SPARKPLUG_ALIAS_UNKNOWN, metric->alias, i + 1);
        told = true;
        set_alias(message->sparkplug, edge, metric->alias, owner_of(edge, 0));
    }
}

/* ---- Numbers ---- */

static void take_seq(const struct message *message, struct edge *edge)
{
    const Sparkplug__Payload *payload = message->payload;
    const uint64_t expected = message->topic.type == SPARKPLUG_NBIRTH ? 0 : (edge->seq + 1u) & 0xff;
    const bool known = edge->seq_known || message->topic.type == SPARKPLUG_NBIRTH;
    edge->seq_known = payload != NULL && payload->has_seq && payload->seq <= 0xff;
    if (payload == NULL)
        return;
    if (!payload->has_seq) {
        found(message, MQTT_RULE_SPARKPLUG_SEQ_MISSING, message->event->message.payload_length, 0);
        return;
    }
    if (payload->seq > 0xff) {
        found(message, MQTT_RULE_SPARKPLUG_SEQ_TOO_LARGE, payload->seq, 0);
        return;
    }
    edge->seq = (uint8_t)payload->seq;
    if (!known || payload->seq == expected)
        return;
    if (message->topic.type == SPARKPLUG_NBIRTH) {
        found(message, MQTT_RULE_SPARKPLUG_NBIRTH_SEQ, payload->seq, 0);
        return;
    }
    found(message, MQTT_RULE_SPARKPLUG_SEQ_GAP, payload->seq, expected);
    if (edge->node != NULL)
        edge->node->row.seq_gaps++;
}

static void check_bdseq(const struct message *message, const struct will *will)
{
    uint64_t bdseq;
    if (will != NULL && will->bdseq_known && sparkplug_bdseq(message->payload, &bdseq) &&
        bdseq != will->bdseq)
        found(message, MQTT_RULE_SPARKPLUG_BDSEQ_MISMATCH, bdseq, will->bdseq);
}

/* ---- Births and deaths ---- */

static void take_nbirth(const struct message *message, struct edge *edge, const struct will *will)
{
    struct sparkplug *sparkplug = message->sparkplug;
    const Sparkplug__Payload *payload = message->payload;
    uint64_t bdseq;
    if (edge->node != NULL) {
        edge->node->row.births++;
        edge->node->row.rebirths += edge->birth == BORN;
    }
    edge->birth = BORN;
    edge->dead = false;
    edge->rebirth_frame = 0;
    edge->birth_frame = message->event->frame;
    if (edge->first_birth_frame == 0) {
        edge->first_birth_frame = message->event->frame;
        edge->first_birth_time = message->event->time;
    }
    clear_aliases(sparkplug, edge);
    clear_devices(sparkplug, edge);
    edge->devices_known = true;
    edge->aliases_known = payload != NULL;
    if (payload == NULL)
        return;
    if (!sparkplug_bdseq(payload, &bdseq))
        found(message, MQTT_RULE_SPARKPLUG_NBIRTH_BDSEQ_MISSING, payload->n_metrics, 0);
    check_bdseq(message, will);
    if (sparkplug_metric(payload, "Node Control/Rebirth") == NULL)
        found(message, MQTT_RULE_SPARKPLUG_REBIRTH_METRIC_MISSING, payload->n_metrics, 0);
    take_aliases(message, edge, owner_of(edge, 0));
}

static void take_ndeath(const struct message *message, struct edge *edge, const struct will *will)
{
    if (edge->node != NULL)
        edge->node->row.deaths += !edge->dead;
    edge->dead = true;
    edge->birth = UNBORN;
    edge->seq_known = false;
    if (message->payload == NULL)
        return;
    sparkplug_check_ndeath(message->sparkplug, message->event, message->payload);
    check_bdseq(message, will);
}

static void take_dbirth(const struct message *message, struct edge *edge)
{
    struct device *device = device_of(message, edge);
    edge->aliases_known &= message->payload != NULL;
    if (device == NULL)
        return;
    device->born = true;
    device->births++;
    if (edge->node != NULL)
        edge->node->row.devices = MAX(edge->node->row.devices, g_hash_table_size(edge->devices));
    if (message->payload != NULL)
        take_aliases(message, edge, device);
}

static void take_ddata(const struct message *message, struct edge *edge)
{
    const bool known = edge->devices_known;
    struct device *device = device_of(message, edge);
    if (device == NULL)
        return;
    if (known && !device->born && edge->birth == BORN)
        found(message, MQTT_RULE_SPARKPLUG_BEFORE_DBIRTH, edge->birth_frame, 0);
    device->born = true; /* or that it is not was said */
}

static void take_ddeath(const struct message *message, struct edge *edge)
{
    struct device *device = device_of(message, edge);
    if (device != NULL)
        device->born = false;
}

/* ---- What comes and goes ---- */

static void check_rebirth(const struct message *message, struct edge *edge)
{
    const int64_t since = mqtt_elapsed(message->event->time, edge->rebirth_time);
    if (edge->rebirth_frame == 0 || since <= REBIRTH_TIME)
        return;
    found(message, MQTT_RULE_SPARKPLUG_REBIRTH_IGNORED, edge->rebirth_frame,
          (uint64_t)(since / 1000000));
    edge->rebirth_frame = 0;
}

/* All but NBIRTH and NDEATH: it needs the node's birth, and data means that no rebirth is coming.
 */
static void check_alive(const struct message *message, struct edge *edge)
{
    if (edge->birth == UNBORN) {
        found(message, MQTT_RULE_SPARKPLUG_BEFORE_NBIRTH, message->event->flow->start_frame, 0);
        edge->birth = BIRTH_UNKNOWN;
        edge->devices_known = edge->aliases_known = false;
    }
    check_rebirth(message, edge);
}

void sparkplug_edge_publishes(const struct message *message, struct edge *edge,
                              const struct will *will)
{
    const enum sparkplug_type type = message->topic.type;
    const struct audit_flow *flow = message->event->flow;
    if (edge->gaps != flow->gaps[flow->client & 1]) {
        edge->gaps = flow->gaps[flow->client & 1];
        sparkplug_edge_forget(edge);
    }
    if (type != SPARKPLUG_NBIRTH && type != SPARKPLUG_NDEATH)
        check_alive(message, edge);
    if (type != SPARKPLUG_NDEATH)
        take_seq(message, edge);
    switch (type) {
    case SPARKPLUG_NBIRTH: take_nbirth(message, edge, will); break;
    case SPARKPLUG_NDEATH: take_ndeath(message, edge, will); break;
    case SPARKPLUG_DBIRTH: take_dbirth(message, edge); break;
    case SPARKPLUG_DDEATH: take_ddeath(message, edge); break;
    case SPARKPLUG_DDATA: take_ddata(message, edge); break;
    default: break;
    }
    if ((type == SPARKPLUG_NDATA || type == SPARKPLUG_DDATA) && message->payload != NULL)
        check_aliases(message, edge);
}

void sparkplug_edge_is_told(const struct message *message, struct edge *edge)
{
    const Sparkplug__Metric *metric = sparkplug_metric(message->payload, "Node Control/Rebirth");
    if (metric == NULL || !metric->has_boolean_value || !metric->boolean_value ||
        edge->birth != BORN || edge->rebirth_frame != 0)
        return;
    edge->rebirth_frame = message->event->frame;
    edge->rebirth_time = message->event->time;
}
