/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Draws what a proxy puts in front of MQTT; see tree.h. */
#include "mqtt/wire/preamble.h"
#include "plugin/tree.h"

/* "203.0.113.9:56324", "[2001:db8::1]:56324"; NULL: the header names nobody. */
static const char *proxied_client(wmem_allocator_t *pool, tvbuff_t *tvb, uint32_t offset)
{
    const uint32_t captured = (uint32_t)tvb_captured_length_remaining(tvb, (int)offset);
    struct mqtt_proxy_header header;
    address client;

    if (mqtt_proxy_header(tvb_get_ptr(tvb, (int)offset, (int)captured), captured, &header) !=
            MQTT_OK ||
        !header.has_client)
        return NULL;
    if (header.family == 4)
        set_address(&client, AT_IPv4, 4, header.address);
    else
        set_address(&client, AT_IPv6, 16, header.address);
    return wmem_strdup_printf(pool, header.family == 4 ? "%s:%u" : "[%s]:%u",
                              address_to_str(pool, &client), header.port);
}

const char *mqttscope_draw_proxy(proto_tree *tree, packet_info *pinfo, tvbuff_t *tvb,
                                 uint32_t offset, uint32_t length)
{
    const char *client = proxied_client(pinfo->pool, tvb, offset);
    const int there = (int)MIN(length, (uint32_t)tvb_captured_length_remaining(tvb, (int)offset));
    const char *summary =
        wmem_strdup_printf(pinfo->pool, "PROXY protocol header, %u bytes%s%s", length,
                           client != NULL ? ", client " : "", client != NULL ? client : "");

    if (tree == NULL)
        return summary;
    proto_item *item = proto_tree_add_item(tree, proto_mqttscope, tvb, (int)offset, there, ENC_NA);
    proto_tree *subtree = proto_item_add_subtree(item, ett_mqttscope[SUBTREE_PACKET]);
    proto_item_set_text(item, "%s", summary);
    proto_tree_add_item(subtree, hf_made[MADE_PROXY], tvb, (int)offset, there, ENC_NA);
    if (client != NULL)
        proto_tree_add_string(subtree, hf_made[MADE_PROXY_CLIENT], tvb, (int)offset, there, client);
    return summary;
}
