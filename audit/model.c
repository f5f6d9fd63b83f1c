/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What readers of a report ask it: see model.h. */
#include "audit/model.h"

struct audit_latency audit_handshakes_latency(const struct audit_handshakes *handshakes)
{
    if (handshakes->times != NULL)
        return audit_histogram_latency(handshakes->times);
    struct audit_histogram times = {0};
    audit_histogram_merge_packed(&times, handshakes->packed);
    struct audit_latency latency = audit_histogram_latency(&times);
    audit_histogram_clear(&times);
    return latency;
}

const struct audit_file *audit_locate(const struct audit_report *report, uint64_t frame,
                                      uint64_t *number)
{
    const GArray *files = report->capture.files;
    for (unsigned i = files->len; frame > 0 && i-- > 0;) {
        const struct audit_file *file = audit_report_file(report, i);
        if (file->first_frame <= frame) {
            *number = frame - file->first_frame + 1;
            return file;
        }
    }
    return NULL;
}
