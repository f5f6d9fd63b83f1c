/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The traffic of the benchmark: many publishers and subscribers at one broker, driven by one thread
 * as fast as the broker takes it. Every handshake is completed and no rule is broken, so a capture
 * of it has no findings.
 *
 * usage: make-load-client PORT PUBLICATIONS */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PUBLISHERS = 64,
    SUBSCRIBERS = 64, /* as many, since mosquitto takes turns: fewer would lag with their answers */
    CLIENTS = PUBLISHERS + SUBSCRIBERS,
    SENSORS = 8,       /* topics of a publisher, and its topic aliases */
    WINDOW = 16,       /* QoS 1 and 2 handshakes a publisher has open */
    BURST = 6,         /* publications a write */
    OUTSTANDING = 4000 /* publications on their way, so that the broker's queues stay short */
};

enum type { CONNACK = 2, PUBLISH = 3, PUBACK = 4, PUBREC = 5, PUBREL = 6, PUBCOMP = 7, SUBACK = 9 };

enum stage { FREE, WAITS_PUBACK, WAITS_PUBREC, WAITS_PUBCOMP };

struct buffer {
    size_t start, end;
    uint8_t bytes[1 << 17];
};

struct client {
    int fd; /* -1 once closed */
    unsigned number;
    bool publisher;
    bool leaving;     /* DISCONNECT is sent or about to be */
    bool wants_write; /* EPOLLOUT is armed */
    uint8_t level;    /* 4 or 5 */
    unsigned in_flight;
    uint16_t last_identifier;
    uint64_t made;         /* publications so far, or deliveries for a subscriber */
    uint64_t quota;        /* publications to make, or deliveries to get */
    bool aliased[SENSORS]; /* this publisher's alias for the topic is set */
    uint8_t stages[UINT16_MAX + 1];
    struct buffer in, out;
};

static struct client clients[CLIENTS];
static uint64_t sent, received; /* control packets */
static uint64_t published, delivered;
static int poller;

static void fail(const char *what)
{
    fprintf(stderr, "make-load: %s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
    exit(1);
}

static void put(struct client *client, const void *bytes, size_t length)
{
    if (sizeof client->out.bytes - client->out.end < length) {
        errno = 0;
        fail("the output buffer is full");
    }
    memcpy(client->out.bytes + client->out.end, bytes, length);
    client->out.end += length;
}

static void watch(struct client *client, int operation, bool write)
{
    struct epoll_event event = {.events = EPOLLIN | (write ? EPOLLOUT : 0U), .data.ptr = client};
    if (epoll_ctl(poller, operation, client->fd, &event) < 0) {
        fail("epoll_ctl");
    }
    client->wants_write = write;
}

static void flush(struct client *client)
{
    struct buffer *out = &client->out;
    while (out->start < out->end) {
        ssize_t n = write(client->fd, out->bytes + out->start, out->end - out->start);
        if (n < 0 && errno == EAGAIN) {
            break;
        }
        if (n < 0) {
            fail("write");
        }
        out->start += (size_t)n;
    }
    if (out->start == out->end) {
        out->start = out->end = 0;
    }
    bool write = out->end > 0;
    if (write != client->wants_write) {
        watch(client, EPOLL_CTL_MOD, write);
    }
    if (client->leaving && !write) {
        shutdown(client->fd, SHUT_WR);
    }
}

/* A control packet of up to 127 bytes after the fixed header. */
static void send_packet(struct client *client, unsigned type, unsigned flags, const void *body,
                        size_t length)
{
    const uint8_t head[2] = {(uint8_t)(type << 4 | flags), (uint8_t)length};
    put(client, head, sizeof head);
    put(client, body, length);
    sent++;
}

static void send_ack(struct client *client, enum type type, uint16_t identifier)
{
    const uint8_t body[2] = {(uint8_t)(identifier >> 8), (uint8_t)identifier};
    send_packet(client, type, type == PUBREL ? 2 : 0, body, sizeof body);
}

static void send_connect(struct client *client)
{
    uint8_t body[64] = {0, 4, 'M', 'Q', 'T', 'T', client->level, 2 /* clean */, 0, 60};
    size_t at = 10;
    if (client->level == 5) {
        body[at++] = 0; /* no properties */
    }
    int length = snprintf((char *)body + at + 2, sizeof body - at - 2, "%s-%02u",
                          client->publisher ? "publisher" : "subscriber", client->number);
    body[at] = 0;
    body[at + 1] = (uint8_t)length;
    send_packet(client, 1, 0, body, at + 2 + (size_t)length);
}

/* A subscriber takes the topics of PUBLISHERS / SUBSCRIBERS publishers, so every publication has
 * one delivery. */
static void send_subscribe(struct client *client)
{
    uint8_t body[120] = {0, 1};
    size_t at = client->level == 5 ? 3 : 2;
    for (unsigned n = client->number; n < PUBLISHERS; n += SUBSCRIBERS) {
        int length = snprintf((char *)body + at + 2, sizeof body - at - 2, "load/%02u/#", n);
        body[at] = 0;
        body[at + 1] = (uint8_t)length;
        at += 2 + (size_t)length;
        body[at++] = 2; /* QoS 2 */
    }
    send_packet(client, 8, 2, body, at);
}

static uint16_t take_identifier(struct client *client, unsigned qos)
{
    do {
        client->last_identifier++;
    } while (client->last_identifier == 0 || client->stages[client->last_identifier] != FREE);
    client->stages[client->last_identifier] = qos == 1 ? WAITS_PUBACK : WAITS_PUBREC;
    client->in_flight++;
    return client->last_identifier;
}

static void send_publication(struct client *client)
{
    static const char *const sensor[SENSORS] = {"temperature", "humidity", "pressure", "voltage",
                                                "current",     "speed",    "level",    "state"};
    static const uint8_t qos_of[10] = {0, 1, 0, 2, 0, 1, 0, 2, 0, 1};
    const unsigned which = (unsigned)(client->made % SENSORS);
    const unsigned qos = qos_of[client->made / 3 % 10];
    uint8_t body[127];
    size_t at = 2;
    if (!client->aliased[which]) {
        at += (size_t)snprintf((char *)body + at, sizeof body - at, "load/%02u/%s", client->number,
                               sensor[which]);
    }
    body[0] = 0;
    body[1] = (uint8_t)(at - 2);
    if (qos > 0) {
        const uint16_t identifier = take_identifier(client, qos);
        body[at++] = (uint8_t)(identifier >> 8);
        body[at++] = (uint8_t)identifier;
    }
    if (client->level == 5) {
        const uint8_t topic_alias[4] = {3, 0x23, 0, (uint8_t)(which + 1)};
        memcpy(body + at, topic_alias, sizeof topic_alias);
        at += sizeof topic_alias;
        client->aliased[which] = true;
    }
    at += (size_t)snprintf((char *)body + at, sizeof body - at, "{\"n\":%llu,\"value\":%u.%u%s}",
                           (unsigned long long)client->made, which + 20,
                           (unsigned)(client->made % 97),
                           client->made % 4 == 0 ? ",\"unit\":\"percent\",\"place\":\"hall\"" : "");
    send_packet(client, PUBLISH, qos << 1, body, at);
    client->made++;
    published++;
}

/* Fills the publisher's window with one write. */
static void publish_some(struct client *client)
{
    if (client->fd < 0 || client->leaving || client->out.end > 0) {
        return;
    }
    for (int n = 0; n < BURST && client->made < client->quota && client->in_flight < WINDOW &&
                    published - delivered < OUTSTANDING;
         n++) {
        send_publication(client);
    }
    if (client->made == client->quota && client->in_flight == 0) {
        send_packet(client, 14, 0, "", 0);
        client->leaving = true;
    }
    if (client->out.end > 0) {
        flush(client);
    }
}

static void advance(struct client *client, uint16_t identifier, enum stage from, enum stage to)
{
    if (client->stages[identifier] != from) {
        errno = 0;
        fail("the broker acknowledged what was not sent");
    }
    client->stages[identifier] = (uint8_t)to;
    if (to == FREE) {
        client->in_flight--;
    }
}

static void take_delivery(struct client *client, unsigned flags, const uint8_t *body)
{
    const unsigned qos = flags >> 1 & 3;
    delivered++;
    client->made++;
    if (qos > 0) {
        const uint8_t *at = body + 2 + (body[0] << 8 | body[1]);
        const uint16_t identifier = (uint16_t)(at[0] << 8 | at[1]);
        send_ack(client, qos == 1 ? PUBACK : PUBREC, identifier);
        client->in_flight += qos == 2;
    }
}

static void take_packet(struct client *client, unsigned first, const uint8_t *body, size_t length)
{
    const uint16_t identifier = length >= 2 ? (uint16_t)(body[0] << 8 | body[1]) : 0;
    received++;
    switch (first >> 4) {
    case PUBLISH: take_delivery(client, first & 15, body); break;
    case PUBREL:
        client->in_flight--;
        send_ack(client, PUBCOMP, identifier);
        break;
    case PUBACK: advance(client, identifier, WAITS_PUBACK, FREE); break;
    case PUBREC:
        advance(client, identifier, WAITS_PUBREC, WAITS_PUBCOMP);
        send_ack(client, PUBREL, identifier);
        break;
    case PUBCOMP: advance(client, identifier, WAITS_PUBCOMP, FREE); break;
    default: errno = 0; fail("the broker sent an unexpected control packet");
    }
}

/* Cuts the next control packet; false if it is not complete. Nothing here exceeds two bytes of
 * Remaining Length. */
static bool next_packet(struct buffer *in, unsigned *first, const uint8_t **body, size_t *length)
{
    const uint8_t *p = in->bytes + in->start;
    const size_t there = in->end - in->start;
    if (there < 2 || ((p[1] & 0x80) && there < 3)) {
        return false;
    }
    const size_t head = p[1] & 0x80 ? 3 : 2;
    *length = head == 3 ? (size_t)((p[1] & 0x7F) | p[2] << 7) : p[1];
    if (there < head + *length) {
        return false;
    }
    *first = p[0];
    *body = p + head;
    in->start += head + *length;
    return true;
}

/* Appends what came in; false at the end of the stream. */
static bool fill(struct client *client)
{
    struct buffer *in = &client->in;
    memmove(in->bytes, in->bytes + in->start, in->end - in->start);
    in->end -= in->start;
    in->start = 0;
    ssize_t n = read(client->fd, in->bytes + in->end, sizeof in->bytes - in->end);
    if (n < 0 && errno != EAGAIN) {
        fail("read");
    }
    in->end += n > 0 ? (size_t)n : 0;
    return n != 0;
}

static void serve(struct client *client)
{
    unsigned first;
    const uint8_t *body;
    size_t length;
    if (!fill(client)) {
        errno = 0;
        if (!client->leaving) {
            fail("the broker closed a connection");
        }
        close(client->fd);
        client->fd = -1;
        return;
    }
    while (next_packet(&client->in, &first, &body, &length)) {
        take_packet(client, first, body, length);
    }
    if (!client->publisher && client->made == client->quota && client->in_flight == 0 &&
        !client->leaving) {
        send_packet(client, 14, 0, "", 0);
        client->leaving = true;
    }
    if (client->out.end > 0) {
        flush(client);
    }
}

/* The answer to CONNECT or SUBSCRIBE, while the socket still blocks. */
static void await(struct client *client, enum type type)
{
    unsigned first = 0;
    const uint8_t *body;
    size_t length;
    flush(client);
    while (!next_packet(&client->in, &first, &body, &length)) {
        if (!fill(client)) {
            fail("the broker closed a connection");
        }
    }
    received++;
    if (first >> 4 != type || (type == CONNACK && body[1] != 0)) {
        errno = 0;
        fail("the broker refused");
    }
}

static void join(struct client *client, uint16_t port)
{
    const struct sockaddr_in broker = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int one = 1;
    client->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (client->fd < 0 ||
        connect(client->fd, (const struct sockaddr *)&broker, sizeof broker) < 0) {
        fail("connect");
    }
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    send_connect(client);
    await(client, CONNACK);
    if (!client->publisher) {
        send_subscribe(client);
        await(client, SUBACK);
    }
    fcntl(client->fd, F_SETFL, O_NONBLOCK);
    watch(client, EPOLL_CTL_ADD, false);
}

static void plan(uint64_t publications)
{
    for (unsigned n = 0; n < CLIENTS; n++) {
        struct client *client = &clients[n];
        client->publisher = n >= SUBSCRIBERS;
        client->number = client->publisher ? n - SUBSCRIBERS : n;
        client->level = client->number % 2 ? 5 : 4;
        client->quota =
            publications / PUBLISHERS * (client->publisher ? 1 : PUBLISHERS / SUBSCRIBERS);
    }
}

static bool anyone_there(void)
{
    for (unsigned n = 0; n < CLIENTS; n++) {
        if (clients[n].fd >= 0) {
            return true;
        }
    }
    return false;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: make-load-client PORT PUBLICATIONS\n");
        return 2;
    }
    poller = epoll_create1(0);
    plan(strtoull(argv[2], NULL, 10));
    for (unsigned n = 0; n < CLIENTS; n++) {
        join(&clients[n], (uint16_t)strtoul(argv[1], NULL, 10));
    }
    do {
        struct epoll_event events[CLIENTS];
        for (unsigned n = SUBSCRIBERS; n < CLIENTS; n++) {
            publish_some(&clients[n]);
        }
        const int ready = epoll_wait(poller, events, CLIENTS, 10000);
        if (ready <= 0) {
            errno = 0;
            fail("the broker stalls");
        }
        for (int n = 0; n < ready; n++) {
            struct client *client = events[n].data.ptr;
            if (events[n].events & EPOLLOUT) {
                flush(client);
            }
            if (events[n].events & ~(uint32_t)EPOLLOUT) {
                serve(client);
            }
        }
    } while (anyone_there());
    printf("%llu\n", (unsigned long long)(sent + received));
    return 0;
}
