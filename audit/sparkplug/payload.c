/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See payload.h. */
#include "audit/sparkplug/payload.h"

#include <stdlib.h>
#include <string.h>

/* What may still be allocated for one payload. */
struct budget {
    size_t left;
    bool exceeded;
};

static void *take(void *data, size_t size)
{
    struct budget *budget = data;
    void *memory = size <= budget->left ? malloc(size) : NULL;
    if (memory == NULL) {
        budget->exceeded = true;
        return NULL;
    }
    budget->left -= size;
    return memory;
}

static void give_back(void *data, void *memory)
{
    (void)data;
    free(memory);
}

static bool is_compressed(const Sparkplug__Payload *payload)
{
    static const char word[] = "SPBV1.0_COMPRESSED";
    return payload->has_uuid && payload->uuid.len == sizeof word - 1 &&
           memcmp(payload->uuid.data, word, sizeof word - 1) == 0;
}

enum sparkplug_reading sparkplug_payload_read(struct mqtt_slice bytes, Sparkplug__Payload **payload)
{
    struct budget budget = {.left = SPARKPLUG_MEMORY_MAX};
    ProtobufCAllocator allocator = {take, give_back, &budget};
    *payload = sparkplug__payload__unpack(&allocator, bytes.length, bytes.data);
    if (*payload == NULL)
        return budget.exceeded ? SPARKPLUG_UNREAD : SPARKPLUG_MALFORMED;
    if (!is_compressed(*payload))
        return SPARKPLUG_READ;
    sparkplug_payload_free(*payload);
    *payload = NULL;
    return SPARKPLUG_UNREAD;
}

void sparkplug_payload_free(Sparkplug__Payload *payload)
{
    ProtobufCAllocator allocator = {take, give_back, NULL};
    sparkplug__payload__free_unpacked(payload, &allocator);
}

const Sparkplug__Metric *sparkplug_metric(const Sparkplug__Payload *payload, const char *name)
{
    const size_t length = strlen(name);
    for (size_t i = 0; i < payload->n_metrics; i++) {
        const Sparkplug__Metric *metric = payload->metrics[i];
        if (metric->has_name && metric->name.len == length &&
            memcmp(metric->name.data, name, length) == 0)
            return metric;
    }
    return NULL;
}

bool sparkplug_number(const Sparkplug__Metric *metric, uint64_t *value)
{
    *value = metric->has_long_value ? metric->long_value : metric->int_value;
    return metric->has_long_value || metric->has_int_value;
}
