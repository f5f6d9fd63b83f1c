/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Values of Sparkplug B; see sparkplug_value.h. */
#include "plugin/sparkplug_value.h"

#include "plugin/sparkplug.h"

/* Sparkplug 3.0, section 6.4.16. */
enum datatype {
    INT8 = 1,
    INT16,
    INT32,
    INT64,
    DATE_TIME = 13,
};

const value_string mqttscope_sparkplug_datatypes[] = {
    {0, "Unknown"},        {INT8, "Int8"},
    {INT16, "Int16"},      {INT32, "Int32"},
    {INT64, "Int64"},      {5, "UInt8"},
    {6, "UInt16"},         {7, "UInt32"},
    {8, "UInt64"},         {9, "Float"},
    {10, "Double"},        {11, "Boolean"},
    {12, "String"},        {DATE_TIME, "DateTime"},
    {14, "Text"},          {15, "UUID"},
    {16, "DataSet"},       {17, "Bytes"},
    {18, "File"},          {19, "Template"},
    {20, "PropertySet"},   {21, "PropertySetList"},
    {22, "Int8Array"},     {23, "Int16Array"},
    {24, "Int32Array"},    {25, "Int64Array"},
    {26, "UInt8Array"},    {27, "UInt16Array"},
    {28, "UInt32Array"},   {29, "UInt64Array"},
    {30, "FloatArray"},    {31, "DoubleArray"},
    {32, "BooleanArray"},  {33, "StringArray"},
    {34, "DateTimeArray"}, {0, NULL},
};

/* The last millisecond of the year 9999: what comes behind it no calendar shows. */
#define TIME_MAX UINT64_C(253402300799999)

/* Bytes that are shown of a value that is bytes. */
#define BYTES_SHOWN 32u

bool sparkplug_time(uint64_t milliseconds, nstime_t *time)
{
    if (milliseconds > TIME_MAX)
        return false;
    time->secs = (time_t)(milliseconds / 1000);
    time->nsecs = (int)(milliseconds % 1000) * 1000000;
    return true;
}

/* A whole number as its data type says; those below zero stand as the two's complement of their
 * field, or of their own size. */
static bool signed_value(const struct sparkplug_field *value, uint32_t datatype, int64_t *number)
{
    switch (datatype) {
    case INT8: *number = (int8_t)value->value; return true;
    case INT16: *number = (int16_t)value->value; return true;
    case INT32: *number = (int32_t)value->value; return true;
    case INT64: *number = (int64_t)value->value; return true;
    default: return false;
    }
}

static float float_of(uint64_t bits)
{
    const uint32_t low = (uint32_t)bits;
    float number;

    memcpy(&number, &low, sizeof(number));
    return number;
}

static double double_of(uint64_t bits)
{
    double number;

    memcpy(&number, &bits, sizeof(number));
    return number;
}

/* "2023-11-14T22:13:20.250Z" */
static const char *time_text(wmem_allocator_t *pool, uint64_t milliseconds)
{
    GDateTime *time = g_date_time_new_from_unix_utc((gint64)(milliseconds / 1000));
    char *text = time != NULL ? g_date_time_format(time, "%Y-%m-%dT%H:%M:%S") : NULL;
    const char *copy = wmem_strdup_printf(pool, "%s.%03uZ", text != NULL ? text : "?",
                                          (unsigned)(milliseconds % 1000));

    g_free(text);
    if (time != NULL)
        g_date_time_unref(time);
    return copy;
}

static const char *whole_text(wmem_allocator_t *pool, const struct sparkplug_field *value,
                              uint32_t datatype)
{
    int64_t number;

    if (datatype == DATE_TIME && value->value <= TIME_MAX)
        return time_text(pool, value->value);
    if (signed_value(value, datatype, &number))
        return wmem_strdup_printf(pool, "%" PRId64, number);
    return wmem_strdup_printf(pool, "%" PRIu64,
                              value->number == METRIC_INT_VALUE ? (uint32_t)value->value
                                                                : value->value);
}

static const char *bytes_text(wmem_allocator_t *pool, struct mqtt_slice bytes)
{
    if (bytes.length == 0)
        return "no bytes";
    return bytes_to_str_maxlen(pool, bytes.data, bytes.length, BYTES_SHOWN);
}

const char *sparkplug_value_text(wmem_allocator_t *pool, const struct sparkplug_field *value,
                                 uint32_t datatype)
{
    switch (value->number) {
    case METRIC_INT_VALUE:
    case METRIC_LONG_VALUE: return whole_text(pool, value, datatype);
    case METRIC_FLOAT_VALUE:
        return wmem_strdup_printf(pool, "%.9g", (double)float_of(value->value));
    case METRIC_DOUBLE_VALUE: return wmem_strdup_printf(pool, "%.17g", double_of(value->value));
    case METRIC_BOOLEAN_VALUE: return value->value != 0 ? "true" : "false";
    case METRIC_STRING_VALUE:
        return (const char *)get_utf_8_string(pool, value->bytes.data, (int)value->bytes.length);
    case METRIC_DATASET_VALUE:
        return wmem_strdup_printf(pool, "data set, %u bytes", value->bytes.length);
    case METRIC_TEMPLATE_VALUE:
        return wmem_strdup_printf(pool, "template, %u bytes", value->bytes.length);
    default: return bytes_text(pool, value->bytes);
    }
}

bool sparkplug_value_number(const struct sparkplug_field *value, uint32_t datatype, double *number)
{
    int64_t whole;

    switch (value->number) {
    case METRIC_INT_VALUE:
        *number = signed_value(value, datatype, &whole) ? (double)whole : (uint32_t)value->value;
        return true;
    case METRIC_LONG_VALUE:
        *number = signed_value(value, datatype, &whole) ? (double)whole : (double)value->value;
        return true;
    case METRIC_FLOAT_VALUE: *number = (double)float_of(value->value); return true;
    case METRIC_DOUBLE_VALUE: *number = double_of(value->value); return true;
    case METRIC_BOOLEAN_VALUE: *number = value->value != 0; return true;
    default: return false;
    }
}
