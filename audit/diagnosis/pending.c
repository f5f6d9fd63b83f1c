/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Diagnoses that nobody looks for yet. */
#include "audit/diagnosis/private.h"

#define PENDING(id)                                                                                \
    void diagnose_##id(struct diagnosing *diagnosing)                                              \
    {                                                                                              \
        (void)diagnosing;                                                                          \
    }

PENDING(reconnect_storm)
PENDING(broker_stall)
PENDING(slow_broker)
PENDING(slow_network)
PENDING(slow_client)
PENDING(nagle_delayed_ack)
PENDING(slow_consumer)
PENDING(in_flight_stalled)
PENDING(qos_2_stuck)
PENDING(silent_acl)
PENDING(offline_queue)
PENDING(retained_flood)
PENDING(retained_cut_off)
PENDING(retained_commands)
PENDING(will_not_cleared)
PENDING(bridge_loop)
PENDING(capture_quality)
