/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Service Response Time > MQTTScope, -z mqttscope,srt: how soon each side answered what. */
#include "mqtt/facts/time.h"
#include "plugin/register.h"
#include "plugin/tools/tools.h"

/* A row for each packet that answers, by its type, which is what the rows' filter asks for; and for
 * the whole of a QoS 2 handshake. */
#define WHOLE_HANDSHAKE 16
#define ROWS 17

static const char *const rows[ROWS] = {
    [MQTT_CONNACK] = "CONNECT: CONNACK",
    [MQTT_PUBACK] = "PUBLISH, QoS 1: PUBACK",
    [MQTT_PUBREC] = "PUBLISH, QoS 2: PUBREC",
    [MQTT_PUBREL] = "PUBREC: PUBREL",
    [MQTT_PUBCOMP] = "PUBREL: PUBCOMP",
    [MQTT_SUBACK] = "SUBSCRIBE: SUBACK",
    [MQTT_UNSUBACK] = "UNSUBSCRIBE: UNSUBACK",
    [MQTT_PINGRESP] = "PINGREQ: PINGRESP",
    [MQTT_AUTH] = "AUTH: AUTH",
    [WHOLE_HANDSHAKE] = "PUBLISH, QoS 2: PUBCOMP",
};

enum { BY_SERVER, BY_CLIENT, TABLES };

static void make_tables(struct register_srt *tool, GArray *tables)
{
    static const char *const names[TABLES] = {
        [BY_SERVER] = "Answers of the server", [BY_CLIENT] = "Answers of the client"};
    static const char *const short_names[TABLES] = {[BY_SERVER] = "Server", [BY_CLIENT] = "Client"};

    (void)tool;
    for (unsigned t = 0; t < TABLES; t++) {
        srt_stat_table *table =
            init_srt_table(names[t], short_names[t], tables, ROWS, "Answer", "mqtt.msgtype", NULL);
        for (int row = 0; row < ROWS; row++)
            init_srt_table_row(table, row, rows[row] != NULL ? rows[row] : "Other");
    }
}

/* Wireshark takes the difference itself: it wants to know when the request came. */
static void add(srt_stat_table *table, int row, int64_t took, packet_info *pinfo)
{
    const int64_t time = MAX(took, 0); /* clocks step back */
    nstime_t elapsed = {.secs = (time_t)(time / 1000000000), .nsecs = (int)(time % 1000000000)};
    nstime_t began;

    nstime_delta(&began, &pinfo->abs_ts, &elapsed);
    add_srt_table_data(table, row, &began, pinfo);
}

static void add_packet(void *user, packet_info *pinfo, const struct mqttscope_told *seen)
{
    const struct mqttscope_extra *extra = seen->record->extra;
    const unsigned type = seen->packet->type & 15u;
    srt_data_t *times = user;

    if (extra == NULL)
        return;
    srt_stat_table *table =
        g_array_index(times->srt_array, srt_stat_table *,
                      seen->record->sender == MQTT_SENDER_CLIENT ? BY_CLIENT : BY_SERVER);
    if (extra->response_to != 0)
        add(table, (int)type, extra->rtt, pinfo);
    if (extra->handshake_time != MQTT_NO_TIME)
        add(table, WHOLE_HANDSHAKE, extra->handshake_time, pinfo);
}

static tap_packet_status add_frame(void *user, packet_info *pinfo, epan_dissect_t *dissection,
                                   const void *data, tap_flags_t flags)
{
    (void)dissection;
    (void)flags;
    mqttscope_for_each(data, pinfo, add_packet, user);
    return TAP_PACKET_REDRAW;
}

void mqttscope_response_times_register(void)
{
    register_srt_table(proto_mqttscope, MQTTSCOPE_TAP, TABLES, add_frame, make_tables, NULL);
}
