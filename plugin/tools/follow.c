/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Follow > MQTTScope, -z follow,mqttscope,ascii,N: the control packets of a connection, N being its
 * tcp.stream, a line each. */
#include "plugin/register.h"
#include "plugin/summary.h"
#include "plugin/tcp_view.h"
#include "plugin/tools/tools.h"

static gchar *filter_of_packet(epan_dissect_t *dissection, packet_info *pinfo, guint *stream,
                               guint *sub_stream)
{
    uint32_t number;

    (void)dissection;
    if (mqttscope_records_of(pinfo->num) == NULL || !mqttscope_tcp_stream(pinfo, &number))
        return NULL;
    *stream = number;
    *sub_stream = 0;
    return g_strdup_printf("tcp.stream eq %u", number);
}

static gchar *filter_of_stream(guint stream, guint sub_stream)
{
    (void)sub_stream;
    return g_strdup_printf("tcp.stream eq %u", stream);
}

static gchar *filter_of_ends(address *from, address *to, int from_port, int to_port)
{
    const char *family = from->type == AT_IPv6 ? "ipv6" : "ip";
    char *source = address_to_str(NULL, from);
    char *destination = address_to_str(NULL, to);
    char *filter = g_strdup_printf(
        "((%s.src eq %s and tcp.srcport eq %d) and (%s.dst eq %s and tcp.dstport eq %d)) or "
        "((%s.src eq %s and tcp.srcport eq %d) and (%s.dst eq %s and tcp.dstport eq %d))",
        family, source, from_port, family, destination, to_port, family, destination, to_port,
        family, source, from_port);

    wmem_free(NULL, source);
    wmem_free(NULL, destination);
    return filter;
}

static gchar *port_text(wmem_allocator_t *pool, guint port)
{
    return wmem_strdup_printf(pool, "%u", port);
}

/* Which end is the client is told by the packet that comes first. */
static void fill_ends(follow_info_t *follow, const struct mqttscope_tapped *tapped, bool by_server)
{
    if (follow->client_port != 0)
        return;
    follow->client_port = by_server ? tapped->destination_port : tapped->source_port;
    follow->server_port = by_server ? tapped->source_port : tapped->destination_port;
    copy_address(&follow->client_ip, by_server ? tapped->destination : tapped->source);
    copy_address(&follow->server_ip, by_server ? tapped->source : tapped->destination);
}

static void add_line(void *user, packet_info *pinfo, const struct mqttscope_told *seen)
{
    const bool by_server = seen->record->sender == MQTT_SENDER_SERVER;
    follow_info_t *follow = user;

    fill_ends(follow, seen->tapped, by_server);
    const char *line = wmem_strdup_printf(
        pinfo->pool, "%.6f frame %u %s %s\n", nstime_to_sec(&pinfo->rel_ts), pinfo->num,
        by_server ? "<-" : "->",
        mqttscope_packet_line(pinfo->pool, seen->outcome, seen->packet, seen->record));
    const guint length = (guint)strlen(line);
    follow_record_t *said = g_new0(follow_record_t, 1);
    said->is_server = by_server;
    said->packet_num = pinfo->num;
    said->abs_ts = pinfo->abs_ts;
    said->data = g_byte_array_append(g_byte_array_new(), (const guint8 *)line, length);
    follow->bytes_written[by_server ? FROM_SERVER : FROM_CLIENT] += length;
    follow->payload = g_list_prepend(follow->payload, said);
}

static tap_packet_status follow_frame(void *user, packet_info *pinfo, epan_dissect_t *dissection,
                                      const void *data, tap_flags_t flags)
{
    (void)dissection;
    (void)flags;
    mqttscope_for_each(data, pinfo, add_line, user);
    return TAP_PACKET_DONT_REDRAW;
}

void mqttscope_follow_register(void)
{
    REGISTER_FOLLOW(proto_mqttscope, MQTTSCOPE_TAP, filter_of_packet, filter_of_stream,
                    filter_of_ends, port_text, follow_frame, mqttscope_tcp_streams);
}
