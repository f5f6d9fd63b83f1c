/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Control packets for those who listen; see tapped.h. */
#include "plugin/tapped.h"

#include "plugin/tools/tools.h"

static int tap = -1;
static int export_tap = -1;
static int credentials_tap = -1;

void mqttscope_tap_register(void)
{
    tap = register_tap(MQTTSCOPE_TAP);
    export_tap = mqttscope_export_register();
    credentials_tap = register_tap("credentials"); /* Wireshark's own: this is its number */
}

/* Later layers, the payload's among them, may change what the frame's addresses are. */
static const address *keep(packet_info *pinfo, const address *from)
{
    address *kept = wmem_new0(pinfo->pool, address);

    copy_address_wmem(pinfo->pool, kept, from);
    return kept;
}

void mqttscope_tap_packet(packet_info *pinfo, struct mqttscope_frame *frame,
                          const struct mqttscope_bytes *bytes, uint32_t offset,
                          const struct mqttscope_record *record, enum mqttscope_carrier carrier)
{
    const bool listened = have_tap_listener(tap);
    const bool exported = have_tap_listener(export_tap);
    const bool credentials = record->type == MQTT_CONNECT && have_tap_listener(credentials_tap);

    if (!listened && !exported && !credentials)
        return;
    struct mqttscope_tapped *tapped = wmem_new0(pinfo->pool, struct mqttscope_tapped);
    const uint32_t from = MIN(offset, bytes->captured);

    tapped->record = record;
    tapped->carrier = carrier;
    tapped->data = bytes->data + from;
    tapped->captured = MIN(bytes->captured - from, record->length);
    tapped->length = record->length;
    tapped->source = keep(pinfo, &pinfo->src);
    tapped->destination = keep(pinfo, &pinfo->dst);
    tapped->source_port = (uint16_t)pinfo->srcport;
    tapped->destination_port = (uint16_t)pinfo->destport;
    if (credentials)
        mqttscope_credentials_packet(credentials_tap, pinfo, tapped);
    if (frame->tapped != NULL)
        frame->tapped->next = tapped;
    else if (listened)
        tap_queue_packet(tap, pinfo, tapped);
    if (frame->tapped == NULL && exported)
        tap_queue_packet(export_tap, pinfo, tapped);
    frame->tapped = tapped;
}
