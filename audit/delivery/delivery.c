/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Steps of connections, as far as they are about messages: see delivery.h. */
#include "audit/delivery/world.h"

#include "mqtt/state/session.h"

/* Bytes of connections whose session is not known are their own. */
#define NOBODY (UINT64_C(1) << 63)

struct audit_deliveries *audit_deliveries_new(const struct audit_delivery_options *options)
{
    struct audit_deliveries *d = g_new0(struct audit_deliveries, 1);
    d->options = *options;
    if (d->options.memory == 0)
        d->options.memory = UINT64_C(128) << 20;
    if (d->options.publications == 0)
        d->options.publications = 65536;
    d->held = g_array_new(FALSE, FALSE, sizeof(struct held));
    d->retained = g_queue_new();
    return d;
}

void audit_deliveries_free(struct audit_deliveries *d)
{
    if (d == NULL)
        return;
    retained_free(d);
    while (d->all_clients != NULL)
        client_free(d, d->all_clients);
    wills_free(d);
    publications_free(d);
    topics_free(d);
    while (d->brokers != NULL) {
        struct broker *next = d->brokers->next;
        g_free(d->brokers);
        d->brokers = next;
    }
    knots_clear(&d->topics);
    knots_clear(&d->rows);
    knots_clear(&d->nodes);
    knots_clear(&d->subscriptions);
    knots_clear(&d->clients);
    knots_clear(&d->publications);
    g_array_free(d->held, TRUE);
    g_queue_free(d->retained);
    g_free(d);
}

struct audit_delivery_link *audit_delivery_opened(struct audit_deliveries *d, void *owner,
                                                  const struct mqtt_connection *connection,
                                                  int64_t stream)
{
    struct audit_delivery_link *link = g_new0(struct audit_delivery_link, 1);
    link->owner = owner;
    link->connection = connection;
    link->stream = stream;
    link->number = ++d->links;
    return link;
}

void *audit_delivery_owner(const struct audit_delivery_link *link)
{
    return link->owner;
}

/* ---- Whose connection it is ---- */

/* The session that CONNECT names; or, where the capture lacks CONNECT, or before 5.0 the client has
 * no identifier, one of the connection's own. */
static void find_client(struct audit_deliveries *d, struct audit_delivery_link *link)
{
    const struct mqtt_connection *c = link->connection;
    const struct mqtt_session *session = mqtt_connection_session(c);
    if (!c->client_known)
        return;
    if (link->broker == NULL)
        link->broker =
            delivery_broker(d, session != NULL ? &session->server : &c->endpoints[1 - c->client]);
    if (session != NULL) {
        link->client = client_of(d, link->broker, session->id + 1, session->client_identifier);
    } else if (c->connect.frame == 0 || c->accepted) {
        link->client = client_anonymous(d, link->broker);
        if (link->client != NULL && c->connect.frame == 0) {
            link->client->link = link;
            link->client->entries = 1;
        }
    }
    link->broker->partial |= c->connect.frame == 0;
    if (link->client == NULL)
        return;
    link->client->links++;
    link->client->stream = link->stream;
    link->client->version = c->version;
    link->client->server_side = (uint8_t)(1 - c->client);
}

/* Bytes that the capture lacks, since the last look. */
static void note_doubts(struct audit_deliveries *d, struct audit_delivery_link *link)
{
    const struct mqtt_connection *c = link->connection;
    for (unsigned side = 0; side < 2; side++) {
        const uint64_t clock = c->sides[side].doubt.clock;
        if (clock == link->doubts[side])
            continue;
        link->doubts[side] = clock;
        if (link->broker != NULL && side == c->client) {
            link->broker->hole = d->time;
            link->broker->partial = true;
        }
        if (link->client == NULL)
            continue;
        link->client->hole = d->time;
        if (side == c->client)
            client_unsure(link->client);
    }
}

/* ---- CONNACK ---- */

static bool seen_whole(const struct mqtt_connection *c)
{
    return c->start_seen && c->connect.frame != 0 && c->sides[0].doubt.clock == 0 &&
           c->sides[1].doubt.clock == 0 && !c->connect_cut;
}

static void begin_session(struct audit_deliveries *d, struct audit_delivery_link *link,
                          const struct mqtt_place *place)
{
    struct client *client = link->client;
    judge_subscriptions(d, client);
    give_up_client(d, client, AUDIT_EXCUSE_OFFLINE);
    client_reset(d, client, link->connection->connect.frame);
    client->whole = seen_whole(link->connection);
    client->session_frame = place->frame;
    client->hole = client->blocked = MQTT_NO_TIME;
    client->newest = 0;
    client->newest_time = MQTT_NO_TIME;
}

static void enter(struct client *client, struct audit_delivery_link *link,
                  const struct mqtt_place *place)
{
    link->accepted = true;
    client->known = true;
    client->ended = false;
    client->link = link->over ? NULL : link; /* its CONNACK may come behind the other side's FIN */
    client->stream = link->stream;
    client->version = link->connection->version;
    link->entry = ++client->entries;
    client->entered = (struct mqtt_leg){.time = place->time, .frame = place->frame};
    client->was_queued = client->queued;
    client->queued = 0;
}

/* The server serves, and its CONNACK is not in the capture: whether the session began or went on is
 * not known. */
static void accept_unseen(struct audit_deliveries *d, struct audit_delivery_link *link,
                          const struct mqtt_place *place)
{
    struct client *client = link->client;
    if (!client->known)
        begin_session(d, link, place);
    client->session_frame = 0;
    link->broker->partial = true;
    client->hole = d->time;
    client_unsure(client);
    will_accepted(d, link, place, true);
    enter(client, link, place);
}

static void accept(struct audit_deliveries *d, struct audit_delivery_link *link,
                   const struct mqtt_place *place, const struct mqtt_step *step)
{
    struct client *client = link->client;
    const bool began =
        step->session == MQTT_SESSION_BEGAN || (client->anonymous && link->connection->clean_start);
    const bool resumed = step->session == MQTT_SESSION_RESUMED ||
                         (step->session == MQTT_SESSION_UNCLEAR && client->known);
    if (began || !client->known) {
        begin_session(d, link, place);
        if (!began) {
            client->whole = false;
            client->session_frame = 0;
        }
    } else if (link->connection->session_doubt != 0 || !seen_whole(link->connection) ||
               step->session == MQTT_SESSION_UNCLEAR) {
        client->whole = false;
        client->hole = d->time;
    }
    link->broker->partial |= !client->whole;
    will_accepted(d, link, place, resumed);
    enter(client, link, place);
}

/* ---- PUBLISH by a client ---- */

static bool has_error(const struct mqtt_step *step)
{
    for (uint32_t i = 0; i < step->finding_count; i++)
        if (mqtt_rule_info((enum mqtt_rule)step->findings[i].rule)->severity == MQTT_ERROR)
            return true;
    return step->findings_dropped != 0;
}

static void keep_properties(struct audit_deliveries *d, struct publication *publication,
                            const struct mqtt_properties *properties)
{
    const uint64_t passed_on = properties_of(d, properties);
    if (mqtt_has_property(properties, MQTT_PROPERTY_MESSAGE_EXPIRY_INTERVAL)) {
        publication->expires = true;
        publication_cargo(d, publication)->expiry_s = properties->message_expiry_interval;
    }
    if (passed_on == 0)
        return;
    struct cargo *cargo = publication_cargo(d, publication);
    cargo->properties = passed_on;
    cargo->block = (struct mqtt_slice){g_memdup2(properties->block.data, properties->block.length),
                                       properties->block.length};
    d->used += properties->block.length;
}

static void publish(struct audit_deliveries *d, struct audit_delivery_link *link,
                    const struct mqtt_packet *packet, const struct mqtt_step *step)
{
    const struct mqtt_publish *from = &packet->publish;
    struct client *client = link->client;
    if (step->topic.length == 0 || has_error(step)) {
        link->broker->hole = d->time; /* it may be any message, or be taken all the same */
        return;
    }
    struct topic *topic = topic_of(d, link->broker, step->topic, true);
    if (topic == NULL) {
        d->options.limit(d->options.user, AUDIT_LIMIT_DELIVERY_TOPICS, 1);
        return;
    }
    if (packet->captured != packet->length) {
        topic->blind = true;
        topic->kept_doubt = d->time;
        return;
    }
    struct publication *publication = publication_add(d, topic, fingerprint_of(d, from->payload));
    publication->publisher_number = client != NULL ? client->number : NOBODY | link->number;
    publication->packet_identifier = packet->packet_identifier;
    publication->payload_length = from->payload_length;
    publication->size = packet->length + (step->topic_from_alias ? step->topic.length : 0);
    publication->qos = from->qos;
    publication->retain = from->retain;
    publication->doubtful =
        from->dup || client == NULL || link->connection->refused || !link->connection->client_known;
    if (packet->properties.present != 0)
        keep_properties(d, publication, &packet->properties);
    if (from->retain)
        retained_published(d, publication);
    publication_expect(d, publication);
    if (from->qos == 0)
        publication_accepted(d, publication);
    else if (client != NULL)
        publication_opened(d, client, publication);
}

/* Sent again: the server may take it for another one, with QoS 1. */
static void publish_again(struct audit_delivery_link *link, const struct mqtt_packet *packet,
                          int64_t time)
{
    struct publication *publication =
        link->client != NULL ? publication_open(link->client, packet->packet_identifier) : NULL;
    if (publication != NULL && publication->resends != UINT16_MAX)
        publication->resends++;
    else if (publication == NULL)
        link->broker->hole = time; /* it was acknowledged, or is not known */
}

/* ---- Acknowledgements by a subscriber: a rejection ends a delivery for a whole group ---- */

static void reject(struct client *client, uint16_t identifier)
{
    for (uint32_t i = 0; i < client->group_count; i++) {
        unsigned looked = 0;
        for (struct row *row = client->groups[i]->rows; row != NULL && looked < 1000;
             row = row->next, looked++)
            for (unsigned j = 0; j < REMEMBERED; j++)
                if (row->served[j].frame != 0 && client->link != NULL &&
                    row->served[j].link == client->link->number && row->served[j].qos > 0 &&
                    row->served[j].packet_identifier == identifier)
                    row->served[j].rejected = true;
    }
}

/* ---- A step ---- */

static void take_client_packet(struct audit_deliveries *d, struct audit_delivery_link *link,
                               const struct mqtt_place *place, const struct mqtt_packet *packet,
                               const struct mqtt_step *step)
{
    struct client *client = link->client;
    switch (packet->type) {
    case MQTT_CONNECT:
        if (packet->connect.clean_start)
            will_returning(d, link);
        will_named(d, link, place, packet);
        break;
    case MQTT_PUBLISH:
        if (step->resend)
            publish_again(link, packet, place->time);
        else if (packet->publish.qos < 3)
            publish(d, link, packet, step);
        break;
    case MQTT_SUBSCRIBE:
        if (client != NULL && !has_error(step))
            client_subscribe(d, client, place, packet);
        else if (client != NULL)
            client->whole = false;
        break;
    case MQTT_UNSUBSCRIBE:
        if (client != NULL)
            client_unsubscribe(d, client, place, packet);
        break;
    case MQTT_DISCONNECT:
        if (packet->reason_code == 0)
            will_cancelled(d, link, place);
        break;
    case MQTT_PUBREL:
        if (client != NULL && packet->reason_code < 0x80)
            publication_released(d, client, packet->packet_identifier);
        break;
    case MQTT_PUBACK:
    case MQTT_PUBREC:
        if (client != NULL && packet->has_reason_code && packet->reason_code >= 0x80)
            reject(client, packet->packet_identifier);
        break;
    default: break;
    }
}

static void take_server_packet(struct audit_deliveries *d, struct audit_delivery_link *link,
                               const struct mqtt_place *place, const struct mqtt_packet *packet,
                               const struct mqtt_step *step, struct audit_match *match)
{
    struct client *client = link->client;
    if (client == NULL)
        return;
    if (!link->accepted && !client->anonymous && packet->type != MQTT_CONNACK &&
        link->connection->connack.frame == 0 && link->doubts[place->side] != 0)
        accept_unseen(d, link, place);
    switch (packet->type) {
    case MQTT_CONNACK:
        if (link->connection->accepted && !link->accepted)
            accept(d, link, place, step);
        break;
    case MQTT_PUBLISH:
        if (packet->publish.qos < 3)
            deliver(d, link, place, packet, step, match);
        break;
    case MQTT_PUBACK:
    case MQTT_PUBREC:
        publication_answered(d, client, packet->packet_identifier,
                             packet->has_reason_code ? packet->reason_code : 0);
        break;
    case MQTT_SUBACK: client_suback(d, client, place, packet, step); break;
    case MQTT_UNSUBACK: client_unsuback(d, client, place, packet, step); break;
    default: break;
    }
}

/* Most packets of a busy connection acknowledge what is known here already. */
static bool says_nothing(const struct audit_delivery_link *link, const struct mqtt_place *place,
                         const struct mqtt_packet *packet)
{
    const bool by_client = place->side == link->connection->client;
    switch (packet->type) {
    case MQTT_PUBACK:
    case MQTT_PUBREC: return by_client && packet->reason_code < 0x80;
    case MQTT_PUBREL: return !by_client;
    case MQTT_PUBCOMP:
    case MQTT_PINGREQ:
    case MQTT_PINGRESP: return true;
    default: return false;
    }
}

void audit_delivery_step(struct audit_deliveries *d, struct audit_delivery_link *link,
                         const struct mqtt_place *place, const struct mqtt_packet *packet,
                         const struct mqtt_step *step, struct audit_match *match)
{
    const struct mqtt_connection *c = link->connection;
    match->known = false;
    if (says_nothing(link, place, packet))
        return;
    d->time = place->time;
    d->frame = place->frame;
    if (link->client == NULL || link->broker == NULL)
        find_client(d, link);
    if (link->broker == NULL)
        return;
    note_doubts(d, link);
    if (d->wills != NULL)
        wills_due(d, false);
    if (packet->malformed_rule != MQTT_RULE_NONE) {
        if (link->client != NULL && place->side == c->client)
            link->client->whole = false;
        return;
    }
    if (place->side == c->client)
        take_client_packet(d, link, place, packet, step);
    else
        take_server_packet(d, link, place, packet, step, match);
    publications_age(d);
    retained_due(d);
}

/* ---- The end of a connection ---- */

void audit_delivery_shut(struct audit_delivery_link *link, int64_t time)
{
    if (link->client != NULL)
        link->client->shut = link->client->blocked = time;
}

static void go_offline(struct audit_deliveries *d, struct audit_delivery_link *link,
                       const struct mqtt_place *place)
{
    struct client *client = link->client;
    if (!link->over) {
        link->over = true;
        d->time = place->time;
        if (place->frame != 0)
            d->frame = place->frame;
        note_doubts(d, link);
        will_over(d, link, place);
    }
    /* A CONNACK may come behind the end. */
    if (client == NULL || client->link != link)
        return;
    judge_client(d, client);
    client->link = NULL;
    client->left = place->time;
    client->queued = 0;
    for (uint32_t i = 0; i < client->group_count; i++)
        client->groups[i]->left = place->time;
}

void audit_delivery_over(struct audit_deliveries *d, struct audit_delivery_link *link,
                         const struct mqtt_place *place)
{
    go_offline(d, link, place);
}

/* Nobody else has it, and the server keeps nothing. */
static bool is_over(const struct audit_delivery_link *link)
{
    const struct client *client = link->client;
    struct mqtt_departure departure;
    if (client->anonymous)
        return true;
    return client->link == NULL && link->accepted && link->entry == client->entries &&
           !mqtt_connection_taken_over(link->connection) &&
           mqtt_connection_departure(link->connection, &departure) && !departure.kept;
}

static void end_session(struct audit_deliveries *d, struct client *client)
{
    judge_subscriptions(d, client);
    give_up_client(d, client, AUDIT_EXCUSE_CONNECTION_END);
    client_reset(d, client, 0);
    client->ended = true;
}

void audit_delivery_closed(struct audit_deliveries *d, struct audit_delivery_link *link,
                           const struct mqtt_place *place, enum mqtt_close how)
{
    struct client *client = link->client;
    if (how == MQTT_CLOSE_CAPTURE_END) {
        d->time = MAX(d->time, place->time);
        if (client != NULL && client->link == link) {
            judge_subscriptions(d, client);
            judge_client(d, client);
            judge_doomed(d, client, true);
        }
        /* Its will is armed still. */
    } else {
        go_offline(d, link, place);
    }
    if (client != NULL && client->link == link && how != MQTT_CLOSE_CAPTURE_END)
        client->link = NULL;
    if (client != NULL && how != MQTT_CLOSE_CAPTURE_END) {
        judge_doomed(d, client, true);
        if (is_over(link))
            end_session(d, client);
    } else if (client != NULL && client->link == link) {
        end_client(d, client);
        client->link = NULL;
        client->ended = client->anonymous;
    }
    if (client != NULL && --client->links == 0 && client->ended)
        client_free(d, client);
    will_closed(d, link);
    g_free(link);
}

void audit_deliveries_count_anew(struct audit_deliveries *d)
{
    for (struct client *client = d->all_clients; client != NULL; client = client->next)
        for (struct row *row = client->rows; row != NULL; row = row->next)
            row_count_anew(row);
}

void audit_deliveries_end(struct audit_deliveries *d, int64_t time)
{
    d->time = MAX(d->time, time);
    retained_due(d);
    judge_at_end(d);
    if (d->shared != 0)
        d->options.shared(d->options.user, d->sharing, d->shared, d->sharing_frame);
    for (struct client *client = d->all_clients; client != NULL; client = client->next)
        client_reset(d, client, 0); /* so that none is in a group that is gone */
    while (d->all_clients != NULL)
        client_free(d, d->all_clients);
}
