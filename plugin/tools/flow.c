/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Flow Graph > MQTT control packets, -z flow,mqttscope,standard: a ladder of control packets. */
#include "plugin/register.h"
#include "plugin/summary.h"
#include "plugin/tools/tools.h"

/* A picture of more steps is read by nobody, and takes their memory. */
#define STEPS_MAX 100000u

static char *label_of(packet_info *pinfo, const struct mqttscope_told *told)
{
    struct mqttscope_summary summary;

    mqttscope_summarize(&summary, pinfo->pool, told->outcome, told->packet, told->record);
    return summary.subject != NULL ? g_strdup_printf("%s %s", summary.type, summary.subject)
                                   : g_strdup(summary.type);
}

static void add_step(void *user, packet_info *pinfo, const struct mqttscope_told *told)
{
    struct wireshark_flow *flow = user;

    if (flow->steps->length >= STEPS_MAX)
        return;
    struct wireshark_flow_step *step = g_new0(struct wireshark_flow_step, 1);
    step->frame = pinfo->num;
    copy_address(&step->source, told->tapped->source);
    copy_address(&step->destination, told->tapped->destination);
    step->source_port = told->tapped->source_port;
    step->destination_port = told->tapped->destination_port;
    step->label = label_of(pinfo, told);
    step->time = g_strdup_printf("%.6f", nstime_to_sec(&pinfo->rel_ts));
    step->comment =
        g_strdup(mqttscope_packet_line(pinfo->pool, told->outcome, told->packet, told->record));
    step->line_style = 1;
    step->display = TRUE;
    g_queue_push_tail(flow->steps, step);
}

static tap_packet_status add_frame(void *user, packet_info *pinfo, epan_dissect_t *dissection,
                                   const void *data, tap_flags_t flags)
{
    (void)dissection;
    (void)flags;
    mqttscope_for_each(data, pinfo, add_step, user);
    return TAP_PACKET_REDRAW;
}

void mqttscope_flow_register(void)
{
    register_seq_analysis("mqttscope", "MQTT control packets", proto_mqttscope, MQTTSCOPE_TAP, 0,
                          add_frame);
}
