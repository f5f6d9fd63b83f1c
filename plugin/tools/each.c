/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From what the tap brings to control packets; see tools.h. */
#include "plugin/summary.h"
#include "plugin/tools/tools.h"

void mqttscope_for_each(const void *data, packet_info *pinfo,
                        void (*tell)(void *user, packet_info *pinfo,
                                     const struct mqttscope_told *seen),
                        void *user)
{
    struct mqtt_packet packet;
    struct mqttscope_told seen = {.packet = &packet};

    for (const struct mqttscope_tapped *at = data; at != NULL; at = at->next, seen.ordinal++) {
        const struct mqttscope_record *record = at->record;
        const struct mqtt_context context = {(enum mqtt_version)record->version,
                                             (enum mqtt_sender)record->sender};
        const char *client = record->client->identifier;
        struct mqttscope_summary summary = {0};

        seen.tapped = at;
        seen.record = record;
        seen.outcome = mqtt_decode(at->data, at->captured, at->length, &context, &packet);
        if (packet.type == MQTT_PUBLISH)
            mqttscope_summarize(&summary, pinfo->pool, seen.outcome, &packet, record);
        seen.topic = summary.subject;
        seen.client = client != NULL ? FORMAT_TEXT(pinfo->pool, client, strlen(client)) : NULL;
        tell(user, pinfo, &seen);
    }
}

void mqttscope_tools_register(void)
{
    mqttscope_trees_register();
    mqttscope_response_times_register();
    mqttscope_flow_register();
    mqttscope_follow_register();
    mqttscope_client_filter_register();
}
