/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From TCP streams to control packets: finds out which streams carry MQTT, and gives their control
 * packets to the protocol library and what they mean to the audit.
 *
 * MQTT is expected on port 1883 and on the ports that the user names, from any point of a
 * connection on; on other ports it is recognized by the CONNECT that opens it. A WebSocket that
 * carries MQTT is recognized by its handshake, on any port.
 */
#ifndef MQTTSCOPE_TRANSPORT_TRANSPORT_H
#define MQTTSCOPE_TRANSPORT_TRANSPORT_H

#include "audit/recorder.h"
#include "mqtt/state/broker.h"
#include "tcp/tcp.h"
#include "tls/tls.h"

struct transport;

/* What decrypts TLS: the functions of tls/tls.h, and the secrets for them. Who links them says so
 * here; the plugin, whose host decrypts, does not. */
struct transport_tls {
    const struct tls_secrets *secrets;
    bool has_secrets; /* any at all, by now */
    struct tls *(*open)(const struct tls_secrets *secrets, unsigned client,
                        struct mqtt_memory *memory);
    enum tls_trouble (*push)(struct tls *tls, unsigned side, struct slice bytes,
                             const struct tls_sink *sink);
    enum tls_trouble (*gap)(struct tls *tls, unsigned side, uint64_t count,
                            const struct tls_sink *sink);
    void (*close)(struct tls *tls);
};

struct transport_options {
    const uint16_t *ports; /* TCP ports that carry MQTT besides 1883 */
    size_t port_count;
    struct mqtt_brokers brokers; /* what was declared to be one broker; what it points to lives as
                                    long as the transport */
    uint64_t memory; /* bytes that what traffic can make grow may take: see mqtt/wire/memory.h; 0: 1
                        GiB */
    const struct transport_tls
        *tls;       /* decrypts TLS, as long as the transport lives; NULL: nobody */
    bool opens_tls; /* transport_opened() brings what TLS carries, where that can be decrypted */
};

/* `options` are copied. The recorder takes in all connections, and lives longer. NULL without
 * memory. */
struct transport *transport_new(struct audit_recorder *audit,
                                const struct transport_options *options);

/* Takes one IP packet whose protocol is TCP, in the order of the capture. */
enum tcp_result transport_packet(struct transport *transport, const struct tcp_moment *now,
                                 const struct ip_packet *packet);

/* The same for a segment that somebody else has decoded. With `expected`, MQTT is expected on its
 * connection whatever its ports are. */
void transport_segment(struct transport *transport, const struct tcp_moment *now,
                       const struct tcp_segment *segment, bool expected);

/* With `opens_tls`: a whole control packet (or what the snap length left of it) that came inside of
 * TLS with this frame, from the source of `segment`, of which nothing but addresses and ports is
 * looked at. `carrier` is "tls" or "websocket", static. Those of a direction come in their order; a
 * frame's segments come before them, but for a FIN or RST, which ends what they belong to. Nothing
 * happens where the connection is not known to be TLS. */
void transport_opened(struct transport *transport, const struct tcp_moment *now,
                      const struct tcp_segment *segment, const char *carrier, struct slice packet);

/* Wireshark's tcp.stream of the packet that transport_packet() took last; -1: it has none. */
int64_t transport_last_stream(const struct transport *transport);

/* The capture ended: closes what is open and tells the audit what is left. */
void transport_finish(struct transport *transport);

/* Frees everything; transport_finish() comes first. NULL is allowed. */
void transport_free(struct transport *transport);

#endif
