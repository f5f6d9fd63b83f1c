/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What readers of a report ask it: see model.h. */
#include "audit/model.h"

#include "mqtt/facts/time.h"

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

uint64_t audit_delivery_messages(const struct audit_delivery_counts *counts)
{
    return counts->expected + counts->twice + counts->unknown + counts->retained;
}

uint64_t audit_delivery_excused(const struct audit_delivery_counts *counts)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < AUDIT_EXCUSES; i++)
        sum += counts->excused[i];
    return sum;
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

/* ---- Sessions ---- */

enum audit_session_state audit_session_state(const struct audit_session *session)
{
    const struct audit_last *last = &session->last;
    if (last->end_cause == MQTT_END_REFUSED)
        return AUDIT_SESSION_REFUSED;
    if (last->entered_frame == 0)
        return AUDIT_SESSION_UNKNOWN;
    if (last->end_cause == MQTT_END_OPEN)
        return AUDIT_SESSION_ONLINE;
    if (!last->departed)
        return AUDIT_SESSION_UNKNOWN;
    if (!last->kept)
        return AUDIT_SESSION_ENDED;
    return session->life != NULL && session->life->expired_at_end != 0 ? AUDIT_SESSION_EXPIRED
                                                                       : AUDIT_SESSION_OFFLINE;
}

const char *audit_session_state_name(enum audit_session_state state)
{
    static const char *const names[AUDIT_SESSION_STATES] = {NULL,    "online",  "offline",
                                                            "ended", "expired", "refused"};
    return names[state];
}

uint64_t audit_session_rate(const struct audit_report *report, const struct audit_session *session)
{
    const uint64_t reconnects = session->connections - MIN(session->connections, 1);
    const uint64_t observed =
        mqtt_milliseconds(mqtt_elapsed(report->capture.last_time, session->first_time));
    if (!report->capture.has_times || observed == 0 || reconnects > UINT64_MAX / 7200000)
        return UINT64_MAX;
    return (reconnects * 3600000 + observed / 2) / observed;
}
