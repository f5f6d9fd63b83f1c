/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of tables.h share. Private to audit/report/. */
#ifndef MQTTSCOPE_AUDIT_REPORT_TABLES_PRIVATE_H
#define MQTTSCOPE_AUDIT_REPORT_TABLES_PRIVATE_H

#include "audit/report/tables.h"

static inline void table_put(const struct table_sink *sink, enum table_id table,
                             const struct table_value *value)
{
    sink->value(sink->user, table, value);
}

static inline void table_put_null(const struct table_sink *sink, enum table_id table)
{
    const struct table_value value = {.is = TABLE_IS_NULL};
    table_put(sink, table, &value);
}

static inline void table_put_number(const struct table_sink *sink, enum table_id table,
                                    int64_t number)
{
    const struct table_value value = {.is = TABLE_IS_NUMBER, .number = number};
    table_put(sink, table, &value);
}

/* Text of any bytes; it is null where `bytes` is. */
static inline void table_put_text(const struct table_sink *sink, enum table_id table,
                                  const uint8_t *bytes, size_t length, bool lasting)
{
    const struct table_value value = {.is = bytes != NULL ? TABLE_IS_TEXT : TABLE_IS_NULL,
                                      .bytes = bytes,
                                      .length = length,
                                      .lasting = lasting};
    table_put(sink, table, &value);
}

/* The rows of an event. */
void tables_put_event(const struct table_sink *sink, const struct audit_event *event);

#endif
