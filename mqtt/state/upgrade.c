/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Section 6 of 3.1.1 and 5.0; 3.1 does not speak of WebSocket: see upgrade.h. */
#include "mqtt/state/upgrade.h"

/* Against one half of the handshake: names its frame, which came before the packet, and no packet.
 */
static void blame(struct observation *o, enum mqtt_rule rule, const struct mqtt_leg *leg,
                  enum mqtt_sender sender)
{
    struct mqtt_finding *finding = raise_finding(o, rule, MQTT_FIELDS, 0, 0);
    if (finding == NULL)
        return;
    finding->frame = leg->frame;
    finding->time = leg->time;
    finding->packet_type = MQTT_RESERVED;
    finding->sender = (uint8_t)sender;
    if (sender != o->sender)
        finding->side = 1 - finding->side;
}

/* MQTT-6.0.0-3 and -4. A server can select only what was offered (RFC 6455, 4.2.2), so one that
 * selects nothing because "mqtt" is not there does right. One that selects "mqttv3.1" where both
 * were offered may know 3.1 alone. */
static void judge_subprotocol(struct observation *o)
{
    const struct mqtt_upgrade *upgrade = &o->connection->upgrade;
    if (upgrade->request.frame == 0 || o->version == MQTT_VERSION_3_1)
        return;
    if (!upgrade->offers_mqtt) {
        blame(o, MQTT_RULE_WEBSOCKET_PROTOCOL_NOT_OFFERED, &upgrade->request, MQTT_SENDER_CLIENT);
        return;
    }
    const bool old = upgrade->selected == MQTT_SUBPROTOCOL_MQTTV31 && upgrade->offers_mqttv31;
    if (upgrade->response.frame != 0 && upgrade->selected != MQTT_SUBPROTOCOL_MQTT && !old)
        blame(o, MQTT_RULE_WEBSOCKET_PROTOCOL_NOT_SELECTED, &upgrade->response, MQTT_SENDER_SERVER);
}

void observe_upgrade(struct observation *o, enum mqtt_outcome outcome)
{
    const struct mqtt_connection *c = o->connection;
    const bool known = is_5_0(o) || (o->version == MQTT_VERSION_3_1_1 && !c->version_inferred);
    if (o->place->text_frame != 0 && !o->from->text_told && known) {
        raise_finding(o, MQTT_RULE_WEBSOCKET_TEXT_FRAME, MQTT_FIELDS, o->place->text_frame, 0);
        o->from->text_told = true;
    }
    if (o->packet->type == MQTT_CONNECT && o->sender == MQTT_SENDER_CLIENT &&
        c->connect.frame == 0 && outcome != MQTT_MALFORMED && o->version != MQTT_VERSION_UNKNOWN)
        judge_subprotocol(o);
}
