/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sink: who is an edge node, and what its CONNECT and its end say. See sparkplug.h. */
#include "audit/sparkplug/private.h"
#include "audit/strings.h"

struct client sparkplug_without_will = {.connect_seen = true};
struct client sparkplug_relay;

static bool is_static(const struct client *client)
{
    return client == &sparkplug_without_will || client == &sparkplug_relay;
}

void sparkplug_found(const struct sparkplug *sparkplug, const struct audit_event *event,
                     enum mqtt_rule rule, uint64_t a, uint64_t b)
{
    const bool message =
        event->kind == AUDIT_EVENT_PUBLISHED || event->kind == AUDIT_EVENT_DELIVERED;
    const struct mqtt_finding finding = {
        .rule = (uint16_t)rule,
        .version = event->flow->version,
        .sender = MQTT_SENDER_CLIENT,
        .packet_type = message                                 ? MQTT_PUBLISH
                       : event->kind == AUDIT_EVENT_IDENTIFIED ? MQTT_CONNECT
                                                               : MQTT_RESERVED,
        .side = event->flow->client,
        .qos = message ? event->message.qos : 0,
        .field = MQTT_FIELDS,
        .time = event->time,
        .frame = event->frame,
        .values = {a, b},
    };
    sparkplug->options.found(sparkplug->options.user, event->flow, &finding);
}

bool sparkplug_bdseq(const Sparkplug__Payload *payload, uint64_t *value)
{
    const Sparkplug__Metric *metric = sparkplug_metric(payload, "bdSeq");
    return metric != NULL && sparkplug_number(metric, value);
}

/* ---- Nodes ---- */

static guint node_hash(gconstpointer key)
{
    return (guint)((const struct node *)key)->hash;
}

static gboolean node_equal(gconstpointer a, gconstpointer b)
{
    const struct audit_sparkplug_node *x = a, *y = b;
    return audit_endpoint_equal(&x->server, &y->server) && audit_string_equal(x->group, y->group) &&
           audit_string_equal(x->node, y->node);
}

static void node_free(gpointer data)
{
    struct node *node = data;
    g_free((gpointer)(uintptr_t)node->row.group);
    g_free((gpointer)(uintptr_t)node->row.node);
    g_free(node);
}

struct node *sparkplug_node(struct sparkplug *sparkplug, const struct audit_event *event,
                            struct mqtt_slice group, struct mqtt_slice name)
{
    const struct audit_string group_view = audit_string_view(group);
    const struct audit_string name_view = audit_string_view(name);
    struct node key = {
        .row = {.group = &group_view,
                .node = &name_view,
                .server = event->flow->endpoints[1 - event->flow->client]},
        .hash = group_view.hash ^ name_view.hash << 1,
    };
    struct node *node = g_hash_table_lookup(sparkplug->table, &key);
    if (node != NULL)
        return node;
    if (sparkplug->nodes->len >= sparkplug->options.max_nodes) {
        sparkplug->left_out++;
        return NULL;
    }
    node = g_memdup2(&key, sizeof key);
    node->row.group = audit_string_copy(&group_view);
    node->row.node = audit_string_copy(&name_view);
    g_hash_table_add(sparkplug->table, node);
    g_ptr_array_add(sparkplug->nodes, node);
    return node;
}

/* ---- CONNECT ---- */

/* bdSeq counts the CONNECT packets of a node. */
static void take_bdseq(struct sparkplug *sparkplug, const struct audit_event *event,
                       struct node *node, uint64_t bdseq)
{
    if (node->bdseq_known && bdseq == node->bdseq)
        sparkplug_found(sparkplug, event, MQTT_RULE_SPARKPLUG_BDSEQ_REPEATED, bdseq,
                        node->bdseq_frame);
    else if (node->bdseq_known && bdseq != 0 && bdseq != ((node->bdseq + 1) & 0xff))
        sparkplug_found(sparkplug, event, MQTT_RULE_SPARKPLUG_BDSEQ_SKIPPED, node->bdseq, bdseq);
    node->bdseq_known = true;
    node->bdseq = bdseq;
    node->bdseq_frame = event->frame;
}

static void take_will_payload(struct sparkplug *sparkplug, const struct audit_event *event,
                              struct will *will, struct mqtt_slice bytes)
{
    Sparkplug__Payload *payload;
    switch (sparkplug_payload_read(bytes, &payload)) {
    case SPARKPLUG_UNREAD: return;
    case SPARKPLUG_MALFORMED:
        sparkplug_found(sparkplug, event, MQTT_RULE_SPARKPLUG_PAYLOAD_MALFORMED, bytes.length, 0);
        return;
    case SPARKPLUG_READ: break;
    }
    sparkplug_check_ndeath(sparkplug, event, payload);
    will->bdseq_known = sparkplug_bdseq(payload, &will->bdseq);
    sparkplug_payload_free(payload);
}

static void take_ndeath_will(struct sparkplug *sparkplug, const struct audit_event *event,
                             struct will *will, const struct sparkplug_topic *topic)
{
    const struct audit_identity *identity = &event->identified;
    const struct audit_string group = audit_string_view(topic->group);
    const struct audit_string name = audit_string_view(topic->node);
    will->ndeath = true;
    will->group = audit_string_copy(&group);
    will->name = audit_string_copy(&name);
    if (identity->will_qos != 1 || identity->will_retain)
        sparkplug_found(sparkplug, event, MQTT_RULE_SPARKPLUG_WILL_QOS_RETAIN, identity->will_qos,
                        identity->will_retain);
    if (!identity->cut)
        take_will_payload(sparkplug, event, will, identity->will_payload);
    if (!will->bdseq_known)
        return;
    struct node *node = sparkplug_node(sparkplug, event, topic->group, topic->node);
    if (node != NULL)
        take_bdseq(sparkplug, event, node, will->bdseq);
}

static void take_will(struct sparkplug *sparkplug, const struct audit_event *event,
                      struct will *will)
{
    const struct audit_identity *identity = &event->identified;
    struct sparkplug_topic topic;
    if (!sparkplug_topic_parse(identity->will_topic, &topic)) {
        sparkplug_found(sparkplug, event, MQTT_RULE_SPARKPLUG_TOPIC, identity->will_topic.length,
                        0);
        return;
    }
    if (topic.type == SPARKPLUG_NDEATH)
        take_ndeath_will(sparkplug, event, will, &topic);
    else if (topic.type == SPARKPLUG_STATE && (identity->will_qos != 1 || !identity->will_retain))
        sparkplug_found(sparkplug, event, MQTT_RULE_SPARKPLUG_STATE_QOS_RETAIN, identity->will_qos,
                        identity->will_retain);
}

static struct client *client_of(const struct sparkplug *sparkplug, const struct audit_event *event)
{
    return event->flow->state[sparkplug->sink.slot];
}

static void set_client(const struct sparkplug *sparkplug, const struct audit_event *event,
                       struct client *client)
{
    event->flow->state[sparkplug->sink.slot] = client;
}

static void client_free(struct sparkplug *sparkplug, struct client *client)
{
    if (client == NULL || is_static(client))
        return;
    sparkplug_edge_free(sparkplug, client->edge);
    g_free(client->will.group);
    g_free(client->will.name);
    g_free(client);
}

static void take_identity(struct sparkplug *sparkplug, const struct audit_event *event)
{
    const struct audit_identity *identity = &event->identified;
    const bool ours = identity->has_will && sparkplug_is(identity->will_topic);
    if (!identity->connect || client_of(sparkplug, event) != NULL)
        return;
    if (identity->bridge)
        set_client(sparkplug, event, &sparkplug_relay);
    else if (!ours && !identity->cut)
        set_client(sparkplug, event, &sparkplug_without_will);
    if (identity->bridge || !ours)
        return;
    struct client *client = g_new0(struct client, 1);
    client->connect_seen = true;
    client->will.present = true;
    set_client(sparkplug, event, client);
    take_will(sparkplug, event, &client->will);
}

/* ---- PUBLISH ---- */

/* The client's own state, if it is not known to pass on what others send; made when it is needed.
 */
static struct client *own_client(const struct sparkplug *sparkplug, const struct audit_event *event)
{
    struct client *client = client_of(sparkplug, event);
    if (client == &sparkplug_relay)
        return NULL;
    if (client == NULL || client == &sparkplug_without_will) {
        const bool seen = client != NULL;
        client = g_new0(struct client, 1);
        client->connect_seen = seen;
        set_client(sparkplug, event, client);
    }
    return client;
}

static bool is_of(const struct audit_string *string, struct mqtt_slice slice)
{
    const struct audit_string view = audit_string_view(slice);
    return audit_string_equal(string, &view);
}

static void take_edge(struct message *message)
{
    struct sparkplug *sparkplug = message->sparkplug;
    struct client *client = own_client(sparkplug, message->event);
    if (client == NULL)
        return;
    if (client->edge == NULL)
        client->edge = sparkplug_edge_new(message, client->connect_seen);
    struct edge *edge = client->edge;
    if (!is_of(edge->group, message->topic.group) || !is_of(edge->name, message->topic.node)) {
        client_free(sparkplug, client);
        set_client(sparkplug, message->event, &sparkplug_relay);
        return;
    }
    const struct will *will = &client->will;
    const bool own = will->ndeath && audit_string_equal(will->group, edge->group) &&
                     audit_string_equal(will->name, edge->name);
    sparkplug_edge_publishes(message, edge, own ? will : NULL);
}

static void check_flags(const struct message *message)
{
    const struct audit_message *what = &message->event->message;
    const bool state = message->topic.type == SPARKPLUG_STATE;
    if (message->topic.type == SPARKPLUG_NDEATH)
        return; /* what is prescribed is prescribed for the will */
    if (state ? what->qos == 1 && what->retain : what->qos == 0 && !what->retain)
        return;
    sparkplug_found(message->sparkplug, message->event,
                    state ? MQTT_RULE_SPARKPLUG_STATE_QOS_RETAIN : MQTT_RULE_SPARKPLUG_QOS_RETAIN,
                    what->qos, what->retain);
}

/* Reads the payload, if it is there as a whole and no JSON. */
static Sparkplug__Payload *read_payload(const struct message *message)
{
    const struct audit_message *what = &message->event->message;
    Sparkplug__Payload *payload;
    if (what->payload.length < what->payload_length)
        return NULL;
    if (sparkplug_payload_read(what->payload, &payload) == SPARKPLUG_MALFORMED &&
        message->event->kind == AUDIT_EVENT_PUBLISHED)
        sparkplug_found(message->sparkplug, message->event, MQTT_RULE_SPARKPLUG_PAYLOAD_MALFORMED,
                        what->payload_length, 0);
    return payload;
}

static void take_message(struct message *message)
{
    check_flags(message);
    if (message->topic.type == SPARKPLUG_STATE)
        return;
    Sparkplug__Payload *payload = read_payload(message);
    message->payload = payload;
    if (payload != NULL)
        sparkplug_check_payload(message);
    if (message->topic.type != SPARKPLUG_NCMD && message->topic.type != SPARKPLUG_DCMD)
        take_edge(message);
    if (payload != NULL)
        sparkplug_payload_free(payload);
}

static void take_published(struct sparkplug *sparkplug, const struct audit_event *event)
{
    const struct mqtt_slice name = event->message.topic;
    struct message message = {.sparkplug = sparkplug, .event = event};
    if (name.length == 0) { /* it may be one of them */
        const struct client *client = client_of(sparkplug, event);
        if (client != NULL && client->edge != NULL)
            sparkplug_edge_forget(client->edge);
        return;
    }
    if (G_LIKELY(!sparkplug_is(name)) || event->message.resend ||
        client_of(sparkplug, event) == &sparkplug_relay)
        return;
    if (sparkplug_topic_parse(name, &message.topic))
        take_message(&message);
    else
        sparkplug_found(sparkplug, event, MQTT_RULE_SPARKPLUG_TOPIC, name.length, 0);
}

/* A command that asks a node for its rebirth. */
static void take_delivered(struct sparkplug *sparkplug, const struct audit_event *event)
{
    struct message message = {.sparkplug = sparkplug, .event = event};
    if (G_LIKELY(!sparkplug_is(event->message.topic)) || event->message.resend)
        return;
    const struct client *client = client_of(sparkplug, event);
    if (client == NULL || client->edge == NULL ||
        !sparkplug_topic_parse(event->message.topic, &message.topic) ||
        message.topic.type != SPARKPLUG_NCMD || !is_of(client->edge->group, message.topic.group) ||
        !is_of(client->edge->name, message.topic.node))
        return;
    Sparkplug__Payload *payload = read_payload(&message);
    if (payload == NULL)
        return;
    message.payload = payload;
    sparkplug_edge_is_told(&message, client->edge);
    sparkplug_payload_free(payload);
}

/* ---- The end ---- */

/* A node that was born here, and whose connection had another will or none; told when it ends, for
 * until then the client may turn out to pass on what others have sent. */
static void check_will(const struct sparkplug *sparkplug, const struct audit_event *event,
                       struct client *client)
{
    const struct edge *edge = client->edge;
    const struct will *will = &client->will;
    if (edge == NULL || edge->first_birth_frame == 0 || !client->connect_seen || client->will_told)
        return;
    client->will_told = true;
    if (will->ndeath && audit_string_equal(will->group, edge->group) &&
        audit_string_equal(will->name, edge->name))
        return;
    struct audit_event birth = *event; /* the finding names the NBIRTH */
    birth.kind = AUDIT_EVENT_PUBLISHED;
    birth.frame = edge->first_birth_frame;
    birth.time = edge->first_birth_time;
    birth.message.qos = 0;
    sparkplug_found(sparkplug, &birth, MQTT_RULE_SPARKPLUG_WILL_MISSING, event->flow->start_frame,
                    0);
}

static void take_closed(struct sparkplug *sparkplug, const struct audit_event *event)
{
    struct client *client = client_of(sparkplug, event);
    if (client == NULL)
        return;
    check_will(sparkplug, event, client);
    const struct audit_flow *flow = event->flow;
    const unsigned cause = event->closed.facts->end_cause;
    struct edge *edge = client->edge;
    const bool alive = edge != NULL && edge->birth == BORN && !edge->dead;
    if (alive && cause == MQTT_END_CLIENT_DISCONNECT && flow->version != MQTT_VERSION_5_0 &&
        edge->gaps == flow->gaps[flow->client & 1])
        sparkplug_found(sparkplug, event, MQTT_RULE_SPARKPLUG_NDEATH_NOT_SENT, edge->birth_frame,
                        0);
    if (alive && client->will.ndeath && edge->node != NULL && cause != MQTT_END_OPEN &&
        cause != MQTT_END_CLIENT_DISCONNECT)
        edge->node->row.deaths++;
    client_free(sparkplug, client);
    set_client(sparkplug, event, NULL);
}

static void take_offline(const struct sparkplug *sparkplug, const struct audit_event *event)
{
    struct client *client = event->flow != NULL ? client_of(sparkplug, event) : NULL;
    if (client != NULL)
        check_will(sparkplug, event, client);
}

static void sparkplug_event(void *user, const struct audit_event *event)
{
    struct sparkplug *sparkplug = user;
    switch (event->kind) {
    case AUDIT_EVENT_PUBLISHED: take_published(sparkplug, event); break;
    case AUDIT_EVENT_DELIVERED: take_delivered(sparkplug, event); break;
    case AUDIT_EVENT_IDENTIFIED: take_identity(sparkplug, event); break;
    case AUDIT_EVENT_SESSION_ENDED:
    case AUDIT_EVENT_SESSION_OFFLINE: take_offline(sparkplug, event); break;
    case AUDIT_EVENT_CLOSED: take_closed(sparkplug, event); break;
    default: break;
    }
}

/* ---- The object ---- */

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
    return value != 0 ? value : otherwise;
}

struct sparkplug *sparkplug_new(const struct sparkplug_options *options)
{
    struct sparkplug *sparkplug = g_new0(struct sparkplug, 1);
    sparkplug->options = *options;
    sparkplug->options.max_nodes = or_default(options->max_nodes, 10000);
    sparkplug->options.max_devices = or_default(options->max_devices, 100000);
    sparkplug->options.max_aliases = or_default(options->max_aliases, 1000000);
    sparkplug->table = g_hash_table_new(node_hash, node_equal);
    sparkplug->nodes = g_ptr_array_new_with_free_func(node_free);
    sparkplug->sink =
        (struct audit_sink){.event = sparkplug_event, .user = sparkplug, .from_start = true};
    return sparkplug;
}

void sparkplug_free(struct sparkplug *sparkplug)
{
    if (sparkplug == NULL)
        return;
    g_hash_table_destroy(sparkplug->table);
    g_ptr_array_free(sparkplug->nodes, TRUE);
    g_free(sparkplug);
}

struct audit_sink *sparkplug_sink(struct sparkplug *sparkplug)
{
    return &sparkplug->sink;
}

const GPtrArray *sparkplug_nodes(const struct sparkplug *sparkplug)
{
    return sparkplug->nodes;
}

uint64_t sparkplug_left_out(const struct sparkplug *sparkplug)
{
    return sparkplug->left_out;
}
