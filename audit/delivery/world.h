/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of deliveries share. Private to audit/delivery/. */
#ifndef MQTTSCOPE_AUDIT_DELIVERY_WORLD_H
#define MQTTSCOPE_AUDIT_DELIVERY_WORLD_H

#include "audit/delivery/delivery.h"
#include "audit/delivery/knots.h"
#include "audit/delivery/pool.h"
#include "mqtt/facts/time.h"

#include <glib.h>

/* A session that was served with newer messages for so long has lost what did not come. */
#define WINDOW (10 * MQTT_SECOND)

/* What a server may still have had under way when it acknowledged UNSUBSCRIBE. */
#define GRACE (200 * MQTT_SECOND / 1000)

/* A server that has something to send and nothing under way sends sooner. */
#define IDLE (MQTT_SECOND / 100)

/* Publications older than that are not remembered. */
#define MAX_AGE (600 * MQTT_SECOND)

/* So long after a hole in a publisher's direction, what it held may still be under way. */
#define HOLE_TIME (60 * MQTT_SECOND)

/* More in flight to one client, and the server may hold back others: brokers have windows of 10
 * (RabbitMQ, HiveMQ), 20 (mosquitto, VerneMQ) and 32 (EMQX). */
#define INFERRED_WINDOW 8u

/* More messages waiting for a client that is offline, and the server may have dropped some:
 * mosquitto kept 100 until 2.0, others keep 1,000. */
#define QUEUE_LIMIT 100u

/* Levels of a topic filter that have nodes of their own. */
#define FILTER_DEPTH 24u

/* Of what is alike, or waits, so many are looked at. */
#define LOOKED_AT 64u

/* Payloads from this length on say more than ON or OFF. */
#define DISTINCTIVE 8u

/* Shorter ones may be ON and OFF themselves. */
#define TRIVIAL 4u

struct client;
struct row;
struct topic;

/* A broker, as far as it was declared or is one endpoint. */
struct broker {
    struct broker *next;
    struct mqtt_endpoint endpoint;
    uint32_t number;
    uint64_t cut_generation; /* when `cut` topics had more subscriptions than are followed */
    uint32_t cut;
    uint64_t generation; /* of its subscriptions: what was matched before is matched anew */
    uint64_t unseen;     /* deliveries whose publication is not in the capture, without $ topics */
    int64_t hole;        /* the last hole in a direction from a client; MQTT_NO_TIME: none */
    bool partial;        /* what some client has asked for is not all known */
    bool reorders;       /* it has delivered something after what should have come later */
    uint64_t kept;       /* topics with retained messages, at some time */
};

enum subscription_state {
    SUBSCRIPTION_ASKED,   /* SUBSCRIBE, and no answer yet */
    SUBSCRIPTION_SURE,    /* granted */
    SUBSCRIPTION_LEAVING, /* UNSUBSCRIBE, and no answer yet */
    SUBSCRIPTION_GONE,    /* UNSUBACK */
};

/* A subscription of a client, or of a group of clients that share it. */
struct subscription {
    struct knot knot;          /* among those of all clients, by client and filter */
    struct subscription *next; /* of the client */
    struct client *client;     /* whose table it is in: a group's for shared ones */
    struct client *member;     /* who asked for it, where `client` is a group; else NULL */
    struct node *node;         /* where it hangs */
    struct subscription *node_next, **node_at;
    struct mqtt_slice filter; /* owned; without $share/NAME/ */
    uint8_t state;            /* enum subscription_state */
    bool was_sure;            /* it was granted before it was asked for again */
    bool unsure;              /* the capture lacks something of the client's since */
    bool multi_level;         /* it ends with #, and hangs at the level before */
    bool deep;                /* it has more levels than nodes, and is compared */
    bool no_local, retain_as_published;
    uint8_t retain_handling;
    uint8_t qos; /* granted */
    uint8_t asked_options;
    uint32_t identifier; /* 0: none */
    uint32_t asked_identifier;
    uint64_t since;          /* publications up to this one may not know of it */
    uint64_t asked_after;    /* publications up to this one are older than the last SUBSCRIBE */
    struct mqtt_leg asked;   /* the last SUBSCRIBE */
    struct mqtt_leg granted; /* its SUBACK */
    struct mqtt_leg first;   /* the SUBACK that made it SURE */
    struct mqtt_leg gone;    /* the UNSUBACK, or UNSUBSCRIBE while LEAVING */
    struct mqtt_leg before;  /* the SUBSCRIBE before the last one; frame 0: none */
    uint64_t gone_after;     /* publications up to this one are older than the UNSUBACK */
    bool mixed;              /* it was renewed with other options: publications up to */
    uint64_t mixed_until;    /* this one may be served by either */
    uint8_t qos_most;        /* the highest that was in force since `since` */
    bool renewed;            /* the last SUBSCRIBE found it in the table */
    uint8_t times;           /* that the last SUBSCRIBE names it */
    bool varied;             /* ... with options that differ */
    uint64_t matched;        /* accepted publications since it is sure */
    uint64_t served;
    int64_t third; /* time of the third of them */
    bool told;     /* that it was never served */
};

/* A level of topic filters. */
struct node {
    struct knot knot; /* among all, by parent and level */
    struct node *parent;
    struct node *plus;
    struct subscription *exact, *below; /* the filters that end here; here and with # behind */
    struct subscription *deep;          /* those that go on beyond FILTER_DEPTH */
    uint32_t uses;                      /* subscriptions and nodes below */
    uint32_t broker;
    uint32_t length;
    uint8_t level[];
};

/* A session, a connection whose session is not known, or the group of a shared subscription. */
struct client {
    struct knot knot;
    struct client *next, *previous; /* of all */
    uint64_t key;                   /* of its session; 0: a group */
    struct broker *broker;
    struct mqtt_slice identifier; /* owned */
    uint64_t number;
    bool group;
    uint64_t shared_served,
        shared_missed;      /* of a group: messages that a member got; that none did */
    bool anonymous;         /* goes with its connection */
    bool known;             /* accepted at least once */
    bool whole;             /* all SUBSCRIBE packets of the session are in the capture */
    bool subscribes;        /* it ever did */
    bool vendor;            /* a filter that servers give a meaning of their own */
    uint64_t session_frame; /* of the CONNACK with which it began; 0: not in the capture */
    struct audit_delivery_link *link; /* NULL: offline */
    uint32_t links;                   /* connections that name it, and are not closed */
    bool ended;                       /* its session is gone */
    uint64_t entries;                 /* connections that were accepted, up to this one */
    struct mqtt_leg entered;          /* the last CONNACK that accepted */
    int64_t left;                     /* when it went offline; MQTT_NO_TIME: it did not */
    struct subscription *subscriptions;
    uint32_t subscription_count; /* those that are not GONE */
    uint64_t unsubscribed;       /* the newest publication at its last UNSUBSCRIBE */
    struct row *rows;
    struct publication **open; /* its publications that await PUBACK or PUBREC, by identifier */
    uint32_t open_size, open_count;
    struct expectation *first, *last; /* owed with QoS 1 or 2, in the order of publication */
    struct expectation *doomed, *doomed_last; /* overtaken, in that order */
    struct expectation *extra, *extra_last;   /* served, in that order */
    uint32_t queued;                          /* expectations made while it was offline */
    uint32_t owed;                            /* how many are in that list */
    uint32_t was_queued;                      /* when it came back the last time */
    uint8_t version;                          /* enum mqtt_version */
    uint8_t server_side;                      /* of its last connection */
    int64_t stream;                           /* of that: Wireshark's tcp.stream; -1: none */
    int64_t hole;             /* the last doubt in either direction; MQTT_NO_TIME: none */
    int64_t asked_hole;       /* in its own direction */
    int64_t blocked;          /* the last time that it had as much in flight as it may */
    int64_t shut;             /* the last time that its TCP took nothing in */
    uint64_t newest;          /* the newest publication of QoS 1 or 2 that it was served with */
    int64_t newest_time;      /* when */
    int64_t served;           /* when it got anything */
    int64_t idle;             /* when nothing was under way to it for a while, the last time */
    struct client *groups[8]; /* of shared subscriptions that it is in */
    uint32_t group_count;
    uint32_t retained; /* what it is owed because of SUBSCRIBE */
};

enum publication_state { PUBLICATION_OPEN, PUBLICATION_ACCEPTED, PUBLICATION_REFUSED };

/* What few publications have. */
struct cargo {
    uint64_t properties;     /* of what has to be passed on */
    struct mqtt_slice block; /* owned: the properties, of 5.0; length 0: none */
    uint32_t expiry_s;       /* if it `expires` */
    struct will *will;       /* that it was published for; NULL: it is a client's */
};

/* Two cache lines: thousands are remembered, and looked at again when they are long out of the
 * cache. */
struct publication {
    struct knot knot; /* among all, by topic and fingerprint */
    struct topic *topic;
    uint64_t fingerprint; /* of payload and length */
    struct expectation *expectations;
    uint64_t number; /* counts all, from 1 */
    uint64_t publisher_number;
    uint32_t payload_length;
    uint16_t resends;
    uint8_t qos;
    uint8_t state;    /* enum publication_state */
    uint8_t forwards; /* deliveries of it; 255 stands for more */
    bool retain : 1;
    bool expires : 1;
    bool open_listed : 1;
    bool doubtful : 1; /* nobody knows whether the server takes it, or took it before */
    bool alike : 1;    /* there was another one like it */
    uint16_t packet_identifier;
    uint32_t size; /* as a PUBLISH with its whole topic name */
    uint64_t frame;
    int64_t time;
    int64_t accepted_time; /* MQTT_NO_TIME: it is not */
    struct publication *newer;
    struct publication *next_open; /* of its publisher's */
    struct client *publisher;      /* while it is `open_listed` */
    struct cargo *cargo;           /* NULL: none; owned */
};

/* Publications in the order in which they came. */
struct publications {
    struct publication *oldest, *newest;
    uint32_t count;
};

/* What few expectations need to remember. */
struct notes {
    uint64_t flagged; /* the frame in which it came with RETAIN instead; 0: it did not */
    int64_t flagged_time;
    uint64_t flagged_asked; /* the frame of the subscription */
    uint64_t overtaken;     /* the frame of the delivery that it had to come before; 0: none */
    int64_t overtaken_time;
    uint64_t overtaken_link;
    uint64_t other; /* the frame of what came in its place; 0: nothing did */
    int64_t other_time;
    uint8_t other_qos;
    bool overtaken_surely; /* by a publication that is like no other */
    /* Of several subscriptions: the first copy, and the best one. */
    uint8_t first_qos, best, version;
    uint64_t first_frame; /* 0: none that can be judged */
    int64_t first_time;   /* of any copy, if more may come */
    uint32_t lacking;     /* an identifier that the first one has not; 0: none */
    uint64_t lacking_frame;
};

/* A publication and a session that is to get it. Two cache lines, as a publication. */
struct expectation {
    uint64_t fingerprint; /* of the publication */
    struct publication *publication;
    struct row *row;
    struct expectation *pub_next, *pub_previous;
    struct expectation *row_next, *row_previous;
    uint8_t list;     /* enum expectation_list */
    uint8_t qos;      /* effective, the highest that is due */
    uint8_t qos_low;  /* the lowest that may be right */
    uint8_t qos_high; /* the highest that may be right */
    uint8_t copies;   /* that may still come */
    uint8_t copies_served;
    bool owed : 1; /* and not served yet */
    bool served : 1;
    bool queued : 1;    /* the client was offline */
    bool crowded : 1;   /* a hundred and more were due to the client */
    bool blocked : 1;   /* it had as much in flight as it may */
    bool large : 1;     /* beyond its Maximum Packet Size, or near it */
    bool suspended : 1; /* it is lost, unless none of the row ever comes */
    struct expectation *client_next, *client_previous;
    uint64_t entries;    /* the client's, when it was published */
    struct notes *notes; /* NULL: none; owned */
};

enum expectation_list {
    LIST_NONE,
    LIST_CLIENT, /* owed */
    LIST_DOOMED, /* overtaken */
    LIST_EXTRA,  /* served, and other copies may come */
};

/* What was delivered last of a publisher's messages of one QoS. */
struct stream {
    uint64_t publisher; /* its number; 0: free */
    uint64_t number;    /* of the publication */
    uint8_t qos;
};

#define STREAMS 4u
#define REMEMBERED 4u
#define STRANGERS 2u
#define LIKENESSES 8u

/* A histogram lies in several places of memory: so many latencies are added at once. */
#define RECENT_TIMES 8u

/* A delivery that a row remembers. */
struct served {
    uint64_t number; /* of the publication; 0: a stranger */
    uint64_t frame;
    uint64_t link;
    int64_t time;
    uint32_t payload_length;
    uint16_t packet_identifier;
    uint8_t qos;
    bool rejected; /* with a reason code of 0x80 or above */
    bool used;     /* it explains one that did not come */
    bool unsure;   /* the client may have got it by another subscription */
};

/* Messages of a row that are alike: which delivery is of which, nobody knows for sure. */
struct likeness {
    uint64_t fingerprint;
    uint32_t surplus; /* deliveries for which no publication was left */
    uint32_t deficit; /* publications that were given up without a delivery */
    bool ambiguous;   /* a delivery could be of several that were awaited */
    bool used;
};

/* A topic and a session that gets it. */
struct row {
    struct knot knot; /* by topic and client */
    struct topic *topic;
    struct client *client;
    struct expectation *first, *last; /* in the order of publication */
    uint32_t count;                   /* of those */
    uint32_t served_next;
    uint64_t forwarded;     /* deliveries with a publication in the capture */
    int64_t last_time;      /* of any delivery but of what was stored */
    uint64_t publishers[8]; /* numbers of those seen; a set */
    uint32_t publisher_count;
    uint32_t recent_count;
    uint32_t recent[RECENT_TIMES];      /* latencies that are not in `times` yet: microseconds */
    struct served served[REMEMBERED];   /* the last ones; a ring */
    struct served strangers[STRANGERS]; /* the last ones that nobody published; a ring */
    uint32_t strangers_next;
    struct stream streams[STREAMS];
    struct audit_delivery_counts counts;
    struct audit_histogram *times; /* NULL: none; owned */
    struct row *next, *previous;   /* of the client */
    struct row *topic_next, *topic_previous;
    struct likeness likenesses[LIKENESSES]; /* a ring */
    uint32_t likeness_next;
    uint64_t suspended; /* expectations that are lost, or were never to come */
    /* Retained messages. */
    uint64_t retained_frame; /* of the last one that came; 0: none */
    int64_t retained_time;
    uint64_t retained_print; /* fingerprint of the first one that came for: */
    uint64_t retained_asked; /* the frame of that SUBSCRIBE */
    uint32_t retained_copies;
};

/* What is stored for a topic, as far as the capture tells. */
struct kept {
    uint64_t number; /* of the publication; 0: not known */
    uint64_t publisher;
    uint64_t frame;
    int64_t time;
    int64_t accepted_time;   /* INT64_MAX: it was not */
    uint64_t accepted_after; /* publications up to this one came before it was */
    uint32_t size;
    uint64_t fingerprint;
    uint32_t payload_length;
    uint32_t expiry_s;
    uint8_t qos;
    bool expires;
    bool accepted;
    bool forwarded; /* somebody got it */
    bool will;
};

#define KEPT 4u

/* Sessions that match a topic. */
struct match {
    struct client *client;
    struct row *row;
    uint32_t from, count; /* in the topic's subscriptions */
    uint8_t sure, maybe;  /* copies that are due; that may come besides */
    uint8_t qos;          /* the highest granted of the sure ones */
    uint8_t qos_low, qos_high;
    bool local; /* one of them has No Local */
};

/* One copy more than its publications explain. If another session gets one too, a publication that
 * the capture lacks is what explains both. */
struct surplus {
    uint64_t fingerprint;
    uint64_t client; /* its number; 0: free */
    int64_t time;
    unsigned held; /* the finding that waits, counted from 1; 0: none */
    bool at_once;  /* just behind the copy that is explained */
};

#define SURPLUSES 4u

struct topic {
    struct knot knot;            /* by broker and name */
    struct topic *older, *newer; /* in the order of use */
    struct broker *broker;
    struct row *rows;
    struct mqtt_slice name; /* in the same block */
    uint64_t generation;    /* of the broker, when it was matched; 0: never */
    struct match *matches;
    uint32_t match_count, match_capacity;
    struct subscription **subscriptions;
    uint32_t subscription_count, subscription_capacity;
    uint64_t forwarded[8]; /* publishers of which something was delivered; a ring */
    uint32_t forwarded_next;
    uint32_t uses;   /* publications and wills that point here */
    bool unfollowed; /* more sessions match than are followed */
    bool blind;      /* a payload on it is not all in the capture */
    uint64_t unseen; /* deliveries whose publication is not in the capture */
    struct will *wills;
    struct kept kept[KEPT]; /* newest first */
    uint32_t kept_count;
    int64_t kept_doubt; /* the last time that something may have replaced it unseen */
    struct surplus surplus[SURPLUSES]; /* a ring */
    uint32_t surplus_next;
};

enum will_state { WILL_ARMED, WILL_CANCELLED, WILL_ENDED, WILL_PUBLISHED };

struct will {
    struct will *next, **at; /* of the topic */
    struct will *newer;      /* of those that are over */
    struct will *next_due;
    struct topic *topic;
    uint64_t owner; /* its client's number */
    struct broker *broker;
    int64_t stream;
    struct mqtt_slice identifier; /* owned: of its client */
    uint64_t fingerprint;
    uint64_t properties;
    struct mqtt_slice block; /* owned */
    uint32_t payload_length;
    uint32_t delay_s;
    uint32_t expiry_s;
    uint32_t session_expiry_s;
    bool expires, has_session_expiry;
    uint8_t qos;
    bool retain;
    uint8_t version;                 /* enum mqtt_version */
    uint8_t state;                   /* enum will_state */
    struct mqtt_leg connect, end;    /* `end`: DISCONNECT, or the connection's end */
    struct mqtt_leg returned;        /* the CONNACK with which the client went on; frame 0: none */
    struct publication *publication; /* what it became, as long as that is remembered */
    bool told;                       /* that it was not published */
    bool returning;                  /* its client is about to begin a new session */
    bool listed;                     /* in its topic's list */
};

struct audit_delivery_link {
    void *owner;
    const struct mqtt_connection *connection;
    uint64_t number;
    struct broker *broker;
    struct client *client; /* as its CONNECT names it; NULL: not known yet */
    bool accepted;
    uint64_t entry;     /* the client's, with this connection */
    uint64_t doubts[2]; /* the clocks of the doubts that are known */
    struct will *will;
    int64_t stream;
    bool over;
};

/* What waits for the end of the capture, when it is known whether publishers were out of sight. */
struct held {
    struct audit_delivery_finding finding; /* its slices are owned */
    const struct broker *broker;
    struct topic *topic; /* which is kept for it; NULL: none */
    uint64_t client;     /* its number */
    uint64_t number;     /* of the publication */
    int64_t since;       /* its time */
    bool trivial;        /* it hardly says anything */
    bool alike;          /* there were other publications like it */
    bool hasty;          /* it might have come, had there been more time */
    bool distinctive;    /* its payload says more than ON or OFF */
    bool dropped;        /* it is explained since */
    uint8_t kind;        /* enum held_kind */
};

enum held_kind {
    HELD_TWICE,
    HELD_LOST,
    HELD_STRICT, /* said only if all is known, or the payload says much */
    HELD_OTHER,
};

struct audit_deliveries {
    struct audit_delivery_options options;
    struct broker *brokers;
    struct knots topics, rows, nodes, subscriptions, clients, publications;
    struct topic *oldest_topic, *newest_topic;
    struct client *all_clients;
    struct publications recent;  /* the last ones */
    struct publications waiting; /* older ones that somebody is to get still */
    uint32_t expectation_count;
    struct pool publication_pool, expectation_pool;
    uint64_t used; /* bytes, about */
    uint64_t links, client_numbers, publication_numbers;
    int64_t time; /* of the packet that is looked at */
    uint64_t frame;
    struct will *wills; /* those that wait for their delay */
    uint32_t waiting_wills;
    struct will *past, *last_past; /* those that are over, oldest first */
    uint32_t past_count;
    GQueue *retained; /* struct owed_retained: what has to come because of SUBSCRIBE */
    GArray *held;     /* struct held */
    struct mqtt_endpoint sharing[2]; /* listeners that pass on each other's messages */
    uint64_t shared, sharing_frame;
    bool ended;
};

uint64_t deliveries_hash(uint64_t seed, struct mqtt_slice slice);

static inline uint64_t hash_of(const struct audit_deliveries *d, uint64_t key,
                               struct mqtt_slice slice)
{
    return deliveries_hash(d->options.seed ^ key * UINT64_C(0x9e3779b97f4a7c15), slice);
}

/* ---- filters.c ---- */

void filters_add(struct audit_deliveries *d, struct subscription *subscription);
void filters_remove(struct audit_deliveries *d, struct subscription *subscription);

/* Calls `each` for every subscription at the broker that the topic name matches, whatever its
 * state, until it returns false; so many nodes are looked at, at the most. False if it was cut
 * short. */
bool filters_match(struct audit_deliveries *d, const struct broker *broker, struct mqtt_slice topic,
                   bool (*each)(void *user, struct subscription *subscription), void *user);

/* ---- clients.c ---- */

struct broker *delivery_broker(struct audit_deliveries *d, const struct mqtt_endpoint *server);
struct client *client_of(struct audit_deliveries *d, struct broker *broker, uint64_t key,
                         struct mqtt_slice identifier);
struct client *client_anonymous(struct audit_deliveries *d, struct broker *broker);
void client_free(struct audit_deliveries *d, struct client *client);

/* The session is gone: nothing of it is expected any more. `keep`: not what that link asked for. */
void client_reset(struct audit_deliveries *d, struct client *client, uint64_t keep_since);

void client_subscribe(struct audit_deliveries *d, struct client *client,
                      const struct mqtt_place *place, const struct mqtt_packet *packet);
void client_unsubscribe(struct audit_deliveries *d, struct client *client,
                        const struct mqtt_place *place, const struct mqtt_packet *packet);
void client_suback(struct audit_deliveries *d, struct client *client,
                   const struct mqtt_place *place, const struct mqtt_packet *packet,
                   const struct mqtt_step *step);
void client_unsuback(struct audit_deliveries *d, struct client *client,
                     const struct mqtt_place *place, const struct mqtt_packet *packet,
                     const struct mqtt_step *step);

/* Something of what it sent is not in the capture. */
void client_unsure(struct client *client);

/* ---- topics.c ---- */

/* The topic; made if `make` and there is room; NULL otherwise. */
struct topic *topic_of(struct audit_deliveries *d, struct broker *broker, struct mqtt_slice name,
                       bool make);

/* Brings topic->matches up to date. */
void topic_match(struct audit_deliveries *d, struct topic *topic);
const struct match *topic_match_of(const struct topic *topic, const struct client *client);
struct row *row_of(struct audit_deliveries *d, struct topic *topic, struct client *client,
                   bool make);
void row_free(struct audit_deliveries *d, struct row *row);
void topics_free(struct audit_deliveries *d);

/* Whether it begins with $: the server's own. */
static inline bool is_dollar(struct mqtt_slice topic)
{
    return topic.length > 0 && topic.data[0] == '$';
}

/* Whether anything of that publisher was delivered to anybody. */
static inline bool topic_forwards(const struct topic *topic, uint64_t publisher)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(topic->forwarded); i++)
        if (topic->forwarded[i] == publisher)
            return true;
    return false;
}

/* What is known of messages with this fingerprint; made if `make`; NULL if there is nothing. */
struct likeness *row_likeness(struct row *row, uint64_t fingerprint, bool make);
void row_add_time(struct row *row, uint64_t microseconds);
void row_flush_times(struct row *row);

/* Only what is due by now is counted: as due. */
void row_count_anew(struct row *row);
void row_count_anew(struct row *row);

/* ---- publications.c ---- */

struct publication *publication_add(struct audit_deliveries *d, struct topic *topic,
                                    uint64_t fingerprint);
void publication_expect(struct audit_deliveries *d, struct publication *publication);
void publication_opened(struct audit_deliveries *d, struct client *publisher,
                        struct publication *publication);
struct publication *publication_open(const struct client *publisher, uint16_t identifier);
void publication_answered(struct audit_deliveries *d, struct client *publisher, uint16_t identifier,
                          uint8_t reason_code);

/* PUBREL: now it is accepted for sure. */
void publication_released(struct audit_deliveries *d, struct client *publisher,
                          uint16_t identifier);

/* What it carries, to be filled in. */
struct cargo *publication_cargo(struct audit_deliveries *d, struct publication *publication);

/* The will that it was published for; NULL: it is a client's. */
static inline struct will *will_of(const struct publication *publication)
{
    return publication->cargo != NULL ? publication->cargo->will : NULL;
}

void publications_age(struct audit_deliveries *d);
void publications_free(struct audit_deliveries *d);
void publications_disown(struct client *publisher);
void publication_accepted(struct audit_deliveries *d, struct publication *publication);

/* The first with this key behind `after` (NULL: of all), oldest first; NULL if there is none. */
struct publication *publication_find(const struct audit_deliveries *d, const struct topic *topic,
                                     uint64_t fingerprint, const struct publication *after);

/* Finds up to `most` expectations of the row with this fingerprint, the oldest first; of a long row
 * those near its ends. Returns how many. */
unsigned expectations_like(const struct audit_deliveries *d, const struct row *row,
                           uint64_t fingerprint, struct expectation **found, unsigned most);
void expectation_free(struct audit_deliveries *d, struct expectation *expectation);

/* What is remembered of it, to be filled in. */
struct notes *expectation_notes(struct audit_deliveries *d, struct expectation *expectation);

/* The frame of the delivery that it had to come before; 0: none. */
static inline uint64_t overtaken_in(const struct expectation *expectation)
{
    return expectation->notes != NULL ? expectation->notes->overtaken : 0;
}

/* The frame in which it came with RETAIN instead; 0: it did not. */
static inline uint64_t flagged_in(const struct expectation *expectation)
{
    return expectation->notes != NULL ? expectation->notes->flagged : 0;
}

void expectation_list(struct expectation *expectation, enum expectation_list list);

/* Whether the server may have no more PUBLISH packets under way to it. */
bool client_is_full(const struct client *client);

/* Whether it has something to acknowledge. It is online. */
bool client_is_waiting(const struct client *client);

/* Whether the publication may be more than it takes. */
bool client_is_small(const struct client *client, const struct publication *publication);

/* ---- deliver.c ---- */

void deliver(struct audit_deliveries *d, struct audit_delivery_link *link,
             const struct mqtt_place *place, const struct mqtt_packet *packet,
             const struct mqtt_step *step, struct audit_match *match);

/* A PUBLISH by a server, and what is known of it. */
struct delivery {
    struct audit_deliveries *d;
    struct audit_delivery_link *link;
    const struct mqtt_place *place;
    const struct mqtt_packet *packet;
    const struct mqtt_step *step;
    struct client *client;
    struct topic *topic;
    const struct match *matched; /* the client's subscriptions that match; NULL: none ever did */
    uint64_t fingerprint;
    bool repeated; /* it says that it was sent before, and nobody knows when */
    bool only;     /* no other publication is like the one that it is matched with */
    bool sole;     /* no other publisher has one like it */
    bool certain;  /* and no other one like it is awaited, or was missed */
    bool besides;  /* it is one of several copies that the client may get */
};

/* A finding of this rule about the delivery, with its two values. */
struct mqtt_finding delivery_finding(const struct delivery *of, enum mqtt_rule rule, uint64_t first,
                                     uint64_t second);
void delivery_raise(const struct delivery *of, enum mqtt_rule rule, uint64_t first,
                    uint64_t second);

/* The same, where it is true only if no publisher is out of sight: it waits for the end. */
void delivery_hold(const struct delivery *of, enum mqtt_rule rule, uint64_t first, uint64_t second,
                   enum held_kind kind, uint64_t number, int64_t since);

/* The client's subscriptions are the same since before that publication, and all are known. */
bool delivery_is_stable(const struct delivery *of, uint64_t number);

/* All publications like that are of one publisher, and of one QoS: their order is known. */
bool is_sole(const struct audit_deliveries *d, const struct publication *publication);

/* It is the only publication like that. */
bool is_only(const struct audit_deliveries *d, const struct publication *publication);
void serve(struct delivery *of, struct expectation *e, struct audit_match *match);

/* The client has not lost sight of anything, and all it asked for is known. */
static inline bool is_whole(const struct client *client)
{
    return client->whole && client->session_frame != 0 && !client->vendor;
}

/* ---- matching.c ---- */

/* What was delivered last of that publisher's messages of that QoS; NULL: nothing that is known. */
struct stream *stream_of(struct row *row, uint64_t publisher, uint8_t qos);

/* The client is sure to have been subscribed since before that publication. */
bool still_subscribed(struct audit_deliveries *d, const struct expectation *e);

/* The expectation that the delivery is for, as far as can be told; NULL: none is like it. */
struct expectation *choose(const struct delivery *of, struct row *row);

/* Remembers the delivery; `number` of its publication, 0 if that is not in the capture. */
void row_remember(struct row *row, const struct delivery *of, uint64_t number);

/* The same, where nobody in the capture published it. */
void row_remember_stranger(struct row *row, const struct delivery *of);

/* The delivery of that publication, if it is among the last ones of the row; and how many are. */
struct served *row_remembered(struct row *row, uint64_t number);
unsigned row_times_remembered(const struct row *row, uint64_t number);

/* One more like it: it may be for another publication that it was not matched with. */
void note_surplus(const struct delivery *of, struct row *row);

/* No other expectation of the row would fit as well, now or before. */
bool is_alone(const struct delivery *of, struct row *row, const struct expectation *expectation);

/* ---- qos.c ---- */

/* 3.8.4-6; 5.0: 3.8.4-8. */
void check_above_granted(const struct delivery *of);

/* 5.0: 4.8.2-3. A member of a group, served for the group: its own granted QoS counts. */
void check_shared_granted(const struct delivery *of, const struct client *group);

/* It is not what is due: min(published, granted). */
void check_qos(const struct delivery *of, const struct expectation *expectation);

/* Of one copy for several subscriptions: whether it is the only one, the end tells. */
void note_low(const struct delivery *of, struct expectation *expectation);

/* No other copy comes: was one for several subscriptions as good as the best of them? */
void judge_copies(struct audit_deliveries *d, const struct expectation *expectation);

/* ---- extra.c ---- */

/* 3.3.2-3, 4.7.2-1. True if nothing that the client has asked for matches. */
bool check_subscribed(const struct delivery *of);

/* No expectation takes it. `row` may be NULL. */
void take_extra(const struct delivery *of, struct row *row);

/* ---- contents.c ---- */

uint64_t fingerprint_of(const struct audit_deliveries *d, struct mqtt_slice payload);

/* Stands for what has to be passed on of the properties; 0: nothing. */
uint64_t properties_of(const struct audit_deliveries *d, const struct mqtt_properties *properties);

/* The delivery is surely of that publication: what it carries against what was published. */
void check_contents(const struct delivery *of, const struct publication *publication);
void check_identifiers(const struct delivery *of, const struct publication *publication);
bool carries_identifier(const struct delivery *of, uint32_t identifier);

/* ---- held.c ---- */

/* Hands it on. Of a group, one of those that share it stands for all. */
void tell_finding(struct audit_deliveries *d, const struct client *client, struct mqtt_slice topic,
                  const struct mqtt_finding *finding);

/* It waits for the end; `kind` says what may explain it until then. */
void hold(struct audit_deliveries *d, enum held_kind kind, const struct client *client,
          struct topic *topic, const struct mqtt_finding *finding, uint64_t number, int64_t since,
          uint32_t payload_length, bool alike);

/* The same, of a will: it carries the client identifier of who left it. */
void hold_for_owner(struct audit_deliveries *d, const struct will *will,
                    const struct mqtt_finding *finding, struct mqtt_slice topic);

/* The end: those that nothing explains are handed on. */
void tell_held(struct audit_deliveries *d);

/* ---- verdicts.c ---- */

/* Looks at what is due at the client: overtaken, or waiting for longer than the window. */
void judge_client(struct audit_deliveries *d, struct client *client);

/* The same, of what was overtaken: its connection ends, or the capture does. */
void judge_doomed(struct audit_deliveries *d, struct client *client, bool all);

/* What the expectation came to, when it is given up; `why`: enum audit_excuse. */
void excuse(struct audit_deliveries *d, struct expectation *expectation, unsigned why);

/* Marks what `publication`, which just came, has overtaken in the row. */
void overtake(const struct delivery *of, struct row *row, const struct publication *publication);
void judge_subscriptions(struct audit_deliveries *d, struct client *client);
void judge_at_end(struct audit_deliveries *d);

/* The capture ends: what is expected of it still came to something else, or may come. */
void end_client(struct audit_deliveries *d, struct client *client);

/* It is lost, unless nothing of its row ever comes, and all of that row is given up. */
void judge_suspended(struct audit_deliveries *d, struct expectation *expectation);

/* Nothing of it is expected any more. */
void give_up_client(struct audit_deliveries *d, struct client *client, unsigned why);
/* ---- retained.c ---- */

void retained_published(struct audit_deliveries *d, struct publication *publication);
void retained_accepted(struct audit_deliveries *d, struct publication *publication);

/* The server does not take it: what is stored is what was there before, or not. */
void retained_refused(struct audit_deliveries *d, struct publication *publication);

/* A client got it, as it was published. */
void retained_forwarded(const struct publication *publication);

/* RETAIN is set. False: it is a message that was published just now, and passed on as it came. */
bool retained_delivered(const struct delivery *of);

/* SUBACK: what is stored has to come. */
void retained_asked(struct audit_deliveries *d, struct client *client,
                    struct subscription *subscription);
void retained_due(struct audit_deliveries *d);
void retained_forget(struct audit_deliveries *d, const struct client *client);
void retained_free(struct audit_deliveries *d);

/* ---- wills.c ---- */

void will_named(struct audit_deliveries *d, struct audit_delivery_link *link,
                const struct mqtt_place *place, const struct mqtt_packet *packet);
/* CONNECT with a clean start: what waits for its delay may be published from now on. */
void will_returning(struct audit_deliveries *d, const struct audit_delivery_link *link);
void will_accepted(struct audit_deliveries *d, struct audit_delivery_link *link,
                   const struct mqtt_place *place, bool resumed);
void will_cancelled(struct audit_deliveries *d, struct audit_delivery_link *link,
                    const struct mqtt_place *place);
void will_over(struct audit_deliveries *d, struct audit_delivery_link *link,
               const struct mqtt_place *place);
void wills_due(struct audit_deliveries *d, bool all);
bool will_delivered(struct delivery *of, struct audit_match *match);

/* What it became did not come at one session. */
void will_lost(struct audit_deliveries *d, const struct publication *publication,
               const struct mqtt_finding *finding);

/* What it became is forgotten. */
void will_unpublished(struct audit_deliveries *d, struct will *will);
void will_closed(struct audit_deliveries *d, struct audit_delivery_link *link);
void wills_free(struct audit_deliveries *d);

#endif
