/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The Info column of a frame: what stands in it, alike packets together, then whose connection it
 * is, then what is wrong.
 *
 *     PUBLISH lot/0 ×60, QoS 0 | PUBACK ×3, id 4 to 6, client writer [publish-dup-qos-0]
 *
 * A frame may come to the dissector in several calls, and other layers write into the column in
 * between and behind; so after each call all of it is written anew and closed with a fence.
 */
#ifndef MQTTSCOPE_PLUGIN_INFO_H
#define MQTTSCOPE_PLUGIN_INFO_H

#include "plugin/summary.h"

/* Adds a control packet, or what is none. The summary's texts live as long as the dissection;
 * `findings` may be NULL. */
void mqttscope_info_add(struct mqttscope_frame *frame, packet_info *pinfo,
                        const struct mqttscope_summary *summary,
                        const struct mqttscope_findings *findings);

/* Writes all that was added into the columns; nothing if there is none. */
void mqttscope_info_write(struct mqttscope_frame *frame, packet_info *pinfo);

#endif
