/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of events: see event.h. */
#include "audit/event.h"

static const struct audit_event_info event_infos[AUDIT_EVENTS] = {
#define AUDIT_EVENT(id, name, help) [AUDIT_EVENT_##id] = {name, help},
#include "audit/events.def"
#undef AUDIT_EVENT
};

const struct audit_event_info *audit_event_info(enum audit_event_kind kind)
{
    return &event_infos[kind];
}
