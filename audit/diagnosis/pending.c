/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Diagnoses that nobody looks for yet. */
#include "audit/diagnosis/private.h"

#define PENDING(id)                                                                                \
    void diagnose_##id(struct diagnosing *diagnosing)                                              \
    {                                                                                              \
        (void)diagnosing;                                                                          \
    }

PENDING(slow_broker)
PENDING(slow_network)
PENDING(slow_client)
