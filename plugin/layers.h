/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Wireshark keeps a list of the layers of a frame, adds to it with each call of a dissector, and
 * gives the whole frame up when it has more than gui.max_tree_depth (500): "Dissector bug". A frame
 * with many control packets, or many TLS records, is no bug. So what calls add beyond a few dozen
 * is taken off again.
 */
#ifndef MQTTSCOPE_PLUGIN_LAYERS_H
#define MQTTSCOPE_PLUGIN_LAYERS_H

#include "plugin/compat.h"

/* What Wireshark's calls of dissectors change, and put right again unless an exception ends them.
 */
struct mqttscope_layers {
    unsigned count;
    /* Dissectors tell what they keep of one frame apart by it, so it has to be the same on every
     * pass; and payloads are not dissected on every pass. */
    uint8_t number;
    uint8_t proto_number;
    uint16_t can_desegment;
    uint16_t saved_can_desegment;
    const char *protocol;
    const char *heuristics;
    const char *match_string;
    int desegment_offset;
    uint32_t desegment_length;
};

void mqttscope_layers_save(struct mqttscope_layers *layers, const packet_info *pinfo);
void mqttscope_layers_restore(const struct mqttscope_layers *layers, packet_info *pinfo);

/* Gives the layer that this call of our dissector is the name of Wireshark's own, which is what
 * scripts look for in frame.protocols; takes it off where there are many already. True if it did
 * something. */
bool mqttscope_layers_rename_own(packet_info *pinfo);

/* Takes that back: of a call that is not accepted Wireshark takes the layer off that it added. */
void mqttscope_layers_own_again(packet_info *pinfo);

#endif
