/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What only the end of a connection or of the capture tells: which packets got no answer, and the
 * rules of which rules.def says END. Worked out once, when the first pass is over, and put into the
 * records of the packets concerned: later passes draw it, as they do the frame of a response.
 */
#ifndef MQTTSCOPE_PLUGIN_ENDING_H
#define MQTTSCOPE_PLUGIN_ENDING_H

#include "plugin/compat.h"

/* Has Wireshark tell when the sequence of a capture's frames is over: called once. */
void mqttscope_ending_register(void);

/* To be called with each frame of a later pass, before it is drawn. Where the user had a capture
 * dissected anew, nobody tells that this is over. */
void mqttscope_ending_look(void);

/* The state of the capture is gone: what is read next, the same capture or another, ends anew. */
void mqttscope_ending_cleanup(void);

#endif
