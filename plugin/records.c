/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Keeps what the first pass says of each frame; see records.h. */
#include "plugin/records.h"

#include "mqtt/facts/time.h"
#include "plugin/register.h"

#define OBJECTS_AT_ONCE 256
#define FRAMES_A_PAGE 1024

/* Room for many objects of one size: a pool would add a header to each. */
struct slab {
    char *next;
    uint32_t left;
};

static struct {
    struct mqttscope_record ***pages; /* a frame's first record, by frame number */
    uint32_t page_count;
    struct slab records;
    struct slab extras;
} kept;

/* Most captures that this is used for are MQTT in most frames: a table costs less than Wireshark's
 * own list a frame. */
static struct mqttscope_record **first_record(uint32_t frame)
{
    const uint32_t page = frame / FRAMES_A_PAGE;

    if (page >= kept.page_count) {
        const uint32_t count = MAX(page + 1, kept.page_count * 2);
        kept.pages = wmem_realloc(wmem_file_scope(), kept.pages, count * sizeof(kept.pages[0]));
        memset(kept.pages + kept.page_count, 0, (count - kept.page_count) * sizeof(kept.pages[0]));
        kept.page_count = count;
    }
    if (kept.pages[page] == NULL)
        kept.pages[page] =
            wmem_alloc0_array(wmem_file_scope(), struct mqttscope_record *, FRAMES_A_PAGE);
    return &kept.pages[page][frame % FRAMES_A_PAGE];
}

struct mqttscope_frame *mqttscope_frame_get(packet_info *pinfo)
{
    struct mqttscope_frame *frame = p_get_proto_data(pinfo->pool, pinfo, proto_mqttscope, 0);

    if (frame != NULL)
        return frame;
    frame = wmem_new0(pinfo->pool, struct mqttscope_frame);
    frame->first = first_record(pinfo->num);
    p_add_proto_data(pinfo->pool, pinfo, proto_mqttscope, 0, frame);
    return frame;
}

struct mqttscope_record *mqttscope_records_of(uint32_t frame)
{
    const uint32_t page = frame / FRAMES_A_PAGE;

    if (page >= kept.page_count || kept.pages[page] == NULL)
        return NULL;
    return kept.pages[page][frame % FRAMES_A_PAGE];
}

/* One of many objects of a size, zeroed. */
static void *take(struct slab *slab, size_t size)
{
    if (slab->left == 0) {
        slab->left = OBJECTS_AT_ONCE;
        slab->next = wmem_alloc0(wmem_file_scope(), size * OBJECTS_AT_ONCE);
    }
    void *object = slab->next;
    slab->next += size;
    slab->left--;
    return object;
}

struct mqttscope_record *mqttscope_record_add(struct mqttscope_frame *frame,
                                              enum mqttscope_record_kind kind,
                                              const struct mqttscope_bytes *bytes, uint32_t offset)
{
    struct mqttscope_record *record = take(&kept.records, sizeof(*record));

    record->kind = (uint8_t)kind;
    record->buffer = bytes->buffer;
    record->position = bytes->start + offset;
    if (frame->last == NULL)
        *frame->first = record;
    else
        frame->last->next = record;
    frame->last = record;
    return record;
}

struct mqttscope_record *mqttscope_record_take(struct mqttscope_frame *frame, unsigned kinds,
                                               const struct mqttscope_bytes *bytes, uint32_t offset)
{
    struct mqttscope_record *start = frame->at != NULL ? frame->at->next : *frame->first;

    for (struct mqttscope_record *record = start; record != NULL; record = record->next) {
        const bool here =
            record->buffer == bytes->buffer && record->position == bytes->start + offset;
        const bool wanted = (RECORD_IN(record->kind) & kinds) != 0;
        if (here && wanted) {
            frame->at = record;
            return record;
        }
        /* Buffers of one length come often: what follows belongs to another one. */
        if ((here && bytes->buffer != 0) || (record->kind == RECORD_PACKET && !wanted))
            return NULL;
    }
    return NULL;
}

struct mqttscope_extra *mqttscope_record_extra(struct mqttscope_record *record)
{
    if (record->extra == NULL) {
        record->extra = take(&kept.extras, sizeof(*record->extra));
        record->extra->handshake_time = MQTT_NO_TIME;
    }
    return record->extra;
}

void mqttscope_records_cleanup(void)
{
    memset(&kept, 0, sizeof(kept));
}
