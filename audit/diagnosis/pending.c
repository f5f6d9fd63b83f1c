/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Diagnoses that nobody looks for yet: the model does not say when TCP acknowledged a request,
 * which tells the time on the wire from the time in the receiver. With both parts of the handshakes
 * of a connection there, the one that holds most of the 95th percentile names the diagnosis. */
#include "audit/diagnosis/private.h"

#define PENDING(id)                                                                                \
    void diagnose_##id(struct diagnosing *diagnosing)                                              \
    {                                                                                              \
        (void)diagnosing;                                                                          \
    }

PENDING(slow_broker)
PENDING(slow_network)
PENDING(slow_client)
