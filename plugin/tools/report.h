/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The analyzer's report in tshark and Wireshark:
 *
 *     -z mqttscope,report[,FORMAT[,FILE]]     FORMAT: text, json, ...; FILE: standard output if
 * absent Tools > MQTT > Report                   the text, in a window
 *
 * Nothing is done, and nothing kept, unless it is asked for.
 */
#ifndef MQTTSCOPE_PLUGIN_TOOLS_REPORT_H
#define MQTTSCOPE_PLUGIN_TOOLS_REPORT_H

/* Called once, from the protocol's registration. */
#ifdef MQTTSCOPE_REPORT
void mqttscope_report_register(void);
#else
static inline void mqttscope_report_register(void)
{
}
#endif

#endif
