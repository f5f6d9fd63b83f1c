/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fields of protobuf; see sparkplug_wire.h. */
#include "plugin/sparkplug_wire.h"

/* How a field is written. */
enum wire_kind { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

static bool read_varint(struct mqtt_slice *rest, uint64_t *value)
{
    *value = 0;
    for (unsigned i = 0; i < 10 && i < rest->length; i++) {
        const uint8_t byte = rest->data[i];
        *value |= (uint64_t)(byte & 0x7f) << 7 * i;
        if ((byte & 0x80) == 0) {
            rest->data += i + 1;
            rest->length -= i + 1;
            return true;
        }
    }
    return false;
}

static bool read_bytes(struct mqtt_slice *rest, uint64_t length, struct mqtt_slice *bytes)
{
    if (length > rest->length)
        return false;
    *bytes = (struct mqtt_slice){rest->data, (uint32_t)length};
    rest->data += length;
    rest->length -= (uint32_t)length;
    return true;
}

static uint64_t little_endian(struct mqtt_slice bytes)
{
    uint64_t value = 0;

    for (uint32_t i = bytes.length; i > 0; i--)
        value = value << 8 | bytes.data[i - 1];
    return value;
}

static bool read_content(struct mqtt_slice *rest, unsigned kind, struct sparkplug_field *field)
{
    uint64_t length;

    switch (kind) {
    case WIRE_VARINT:
        field->bytes.data = rest->data;
        if (!read_varint(rest, &field->value))
            return false;
        field->bytes.length = (uint32_t)(rest->data - field->bytes.data);
        return true;
    case WIRE_BYTES: return read_varint(rest, &length) && read_bytes(rest, length, &field->bytes);
    case WIRE_FIXED32:
    case WIRE_FIXED64:
        if (!read_bytes(rest, kind == WIRE_FIXED32 ? 4 : 8, &field->bytes))
            return false;
        field->value = little_endian(field->bytes);
        return true;
    default: return false;
    }
}

/* A field, and how it is written. */
static bool next(struct mqtt_slice *rest, struct sparkplug_field *field, unsigned *kind)
{
    struct mqtt_slice left = *rest;
    uint64_t key;

    *field = (struct sparkplug_field){.start = rest->data};
    if (!read_varint(&left, &key) || key >> 3 == 0 || key >> 3 > UINT32_MAX)
        return false;
    field->number = (uint32_t)(key >> 3);
    *kind = key & 7;
    if (!read_content(&left, *kind, field))
        return false;
    field->length = rest->length - left.length;
    *rest = left;
    return true;
}

bool sparkplug_field_next(struct mqtt_slice *rest, struct sparkplug_field *field)
{
    unsigned kind;

    return next(rest, field, &kind);
}

static unsigned kind_of(unsigned number)
{
    switch (number) {
    case METRIC_NAME:
    case METRIC_METADATA:
    case METRIC_PROPERTIES:
    case METRIC_STRING_VALUE:
    case METRIC_BYTES_VALUE:
    case METRIC_DATASET_VALUE:
    case METRIC_TEMPLATE_VALUE:
    case METRIC_EXTENSION_VALUE: return WIRE_BYTES;
    case METRIC_FLOAT_VALUE: return WIRE_FIXED32;
    case METRIC_DOUBLE_VALUE: return WIRE_FIXED64;
    default: return WIRE_VARINT;
    }
}

void sparkplug_metric_read(struct mqtt_slice bytes, struct sparkplug_metric *metric)
{
    struct sparkplug_field field;
    unsigned kind;

    *metric = (struct sparkplug_metric){0};
    while (next(&bytes, &field, &kind)) {
        if (field.number >= METRIC_FIELDS || kind != kind_of(field.number))
            continue;
        metric->fields[field.number] = field;
        if (field.number >= METRIC_INT_VALUE)
            metric->value = &metric->fields[field.number];
    }
    metric->is_broken = bytes.length != 0;
}
