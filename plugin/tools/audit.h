/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The analyzer's audit of what Wireshark reads: TCP segments and what TLS carries go, frame by
 * frame, the way that they go there, from the reassembly on (transport/).
 *
 * So it does not depend on what the dissector has worked out: neither on the pass, nor on
 * preferences of TCP, nor on what is shown.
 */
#ifndef MQTTSCOPE_PLUGIN_TOOLS_AUDIT_H
#define MQTTSCOPE_PLUGIN_TOOLS_AUDIT_H

#include "audit/report/writers.h"
#include "plugin/compat.h"
#include "plugin/tapped.h"
#include "plugin/tcp_view.h"

struct mqttscope_audit;

/* Begins, and tells a writer of this format, which writes to `file`; `path` is its name, NULL if it
 * has none. Lines of text are folded at `width` columns; 0: where it is usual. NULL without memory.
 */
struct mqttscope_audit *mqttscope_audit_new(const struct report_format *format, FILE *file,
                                            const char *path, unsigned width);

/* What taps bring of a frame, in any order; kept until its end. */
void mqttscope_audit_segment(struct mqttscope_audit *audit, const packet_info *pinfo,
                             const struct mqttscope_tapped_segment *segment);
void mqttscope_audit_packets(struct mqttscope_audit *audit, const struct mqttscope_tapped *packets);

/* The frame's end: takes all in. To be called for each frame, in the order of the capture. */
void mqttscope_audit_frame(struct mqttscope_audit *audit, const packet_info *pinfo);

/* The capture ended: the writer writes its report. Returns an errno if it could not, as far as the
 * file does not tell itself; else 0. */
int mqttscope_audit_finish(struct mqttscope_audit *audit);

/* Frees it; what the writer has not written is not wanted any more. NULL is allowed. */
void mqttscope_audit_free(struct mqttscope_audit *audit);

#endif
