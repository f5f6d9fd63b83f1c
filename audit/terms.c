/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of limits: see terms.h. */
#include "audit/terms.h"

static const struct audit_limit_info limit_infos[AUDIT_LIMITS] = {
#define AUDIT_LIMIT(id, kind, counted, consequence)                                                \
    [AUDIT_LIMIT_##id] = {kind, counted, consequence},
#include "audit/limits.def"
#undef AUDIT_LIMIT
};

const struct audit_limit_info *audit_limit_info(enum audit_limit_kind kind)
{
    return &limit_infos[kind];
}
