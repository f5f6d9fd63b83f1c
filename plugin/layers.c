/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What calls of dissectors leave behind in a frame; see layers.h. */
#include "plugin/layers.h"

#include "plugin/register.h"

/* frame.protocols lists them, and nobody reads as many. */
#define LAYERS_KEPT 48

void mqttscope_layers_save(struct mqttscope_layers *layers, const packet_info *pinfo)
{
    *layers = (struct mqttscope_layers){
        .count = wmem_list_count(pinfo->layers),
        .number = pinfo->curr_layer_num,
        .proto_number = pinfo->curr_proto_layer_num,
        .can_desegment = pinfo->can_desegment,
        .saved_can_desegment = pinfo->saved_can_desegment,
        .protocol = pinfo->current_proto,
        .heuristics = pinfo->heur_list_name,
        .match_string = pinfo->match_string,
        .desegment_offset = pinfo->desegment_offset,
        .desegment_length = pinfo->desegment_len,
    };
}

void mqttscope_layers_restore(const struct mqttscope_layers *layers, packet_info *pinfo)
{
    while (wmem_list_count(pinfo->layers) > MAX(layers->count, (unsigned)LAYERS_KEPT))
        wmem_list_remove_frame(pinfo->layers, wmem_list_tail(pinfo->layers));
    pinfo->curr_layer_num = layers->number;
    pinfo->curr_proto_layer_num = layers->proto_number;
    pinfo->can_desegment = layers->can_desegment;
    pinfo->saved_can_desegment = layers->saved_can_desegment;
    pinfo->current_proto = layers->protocol;
    pinfo->heur_list_name = layers->heuristics;
    pinfo->match_string = layers->match_string;
    pinfo->desegment_offset = layers->desegment_offset;
    pinfo->desegment_len = layers->desegment_length;
}

/* Wireshark counts the layers of each protocol, and insists on finding those that it left. */
static void count_builtin(packet_info *pinfo)
{
    gpointer key = GINT_TO_POINTER(mqttscope_builtin_protocol);

    if (wmem_map_lookup(pinfo->proto_layers, key) != NULL)
        return;
    int *count = wmem_new(pinfo->pool, int);
    *count = 1;
    wmem_map_insert(pinfo->proto_layers, key, count);
}

bool mqttscope_layers_rename_own(packet_info *pinfo)
{
    wmem_list_frame_t *last = wmem_list_tail(pinfo->layers);

    if (last == NULL || GPOINTER_TO_INT(wmem_list_frame_data(last)) != proto_mqttscope)
        return false;
    wmem_list_remove_frame(pinfo->layers, last);
    if (mqttscope_builtin_protocol > 0 && wmem_list_count(pinfo->layers) < LAYERS_KEPT) {
        wmem_list_append(pinfo->layers, GINT_TO_POINTER(mqttscope_builtin_protocol));
        count_builtin(pinfo);
    }
    return true;
}

void mqttscope_layers_own_again(packet_info *pinfo)
{
    wmem_list_frame_t *last = wmem_list_tail(pinfo->layers);

    if (last != NULL && GPOINTER_TO_INT(wmem_list_frame_data(last)) == mqttscope_builtin_protocol)
        wmem_list_remove_frame(pinfo->layers, last);
    wmem_list_append(pinfo->layers, GINT_TO_POINTER(proto_mqttscope));
}
