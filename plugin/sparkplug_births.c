/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Births and their aliases; see sparkplug_births.h. */
#include "plugin/sparkplug_births.h"

#include "mqtt/wire/hash.h"
#include "plugin/sparkplug_wire.h"

/* What strangers may make grow. A node has hundreds of metrics, a plant hundreds of nodes. */
#define NAMES_MAX (1u << 18)      /* aliases in all births */
#define NAME_BYTES_MAX (1u << 25) /* of their names */
#define BIRTHS_MAX (1u << 14)     /* births that differ from the one before */
#define NAME_LENGTH_MAX 1024u

struct sparkplug_birth {
    struct sparkplug_birth *earlier;
    struct sparkplug_place place;
    uint64_t digest; /* of its payload: one birth may come again and again */
    uint32_t count;
    struct sparkplug_name *names; /* by alias */
};

static struct {
    wmem_map_t *last; /* by key_of(); NULL: nothing so far */
    uint64_t seed;
    uint32_t names;
    uint32_t name_bytes;
    uint32_t births;
} known;

void sparkplug_births_cleanup(void)
{
    memset(&known, 0, sizeof(known));
}

/* ---- Whose birth ---- */

static char *key_of(const struct sparkplug_origin *origin, bool from_server, bool of_device)
{
    const struct mqtt_slice levels[] = {origin->topic->group, origin->topic->node,
                                        origin->topic->device};
    wmem_strbuf_t *key = wmem_strbuf_new(origin->pool, from_server ? "from " : "to ");

    wmem_strbuf_append(key, address_to_str(origin->pool, origin->server));
    for (unsigned i = 0; i < (of_device ? 3u : 2u); i++)
        wmem_strbuf_append_printf(
            key, "/%s", get_utf_8_string(origin->pool, levels[i].data, (int)levels[i].length));
    return wmem_strdup(origin->pool, wmem_strbuf_get_str(key));
}

static bool is_before(struct sparkplug_place a, struct sparkplug_place b)
{
    return a.frame != b.frame ? a.frame < b.frame : a.number < b.number;
}

/* The last one before this place. */
static const struct sparkplug_birth *birth_at(const char *key, struct sparkplug_place place)
{
    const struct sparkplug_birth *birth = wmem_map_lookup(known.last, key);

    while (birth != NULL && !is_before(birth->place, place))
        birth = birth->earlier;
    return birth;
}

/* ---- What it says ---- */

static int by_alias(const void *a, const void *b)
{
    const uint64_t left = ((const struct sparkplug_name *)a)->alias;
    const uint64_t right = ((const struct sparkplug_name *)b)->alias;

    return left < right ? -1 : left > right;
}

static bool read_name(struct mqtt_slice bytes, struct sparkplug_name *name)
{
    struct sparkplug_metric metric;

    sparkplug_metric_read(bytes, &metric);
    const struct sparkplug_field *field = &metric.fields[METRIC_NAME];
    if (!sparkplug_has(&metric, METRIC_ALIAS) || field->bytes.length == 0 ||
        field->bytes.length > MIN(NAME_LENGTH_MAX, NAME_BYTES_MAX - known.name_bytes))
        return false;
    known.name_bytes += field->bytes.length;
    name->alias = metric.fields[METRIC_ALIAS].value;
    name->name = (const char *)get_utf_8_string(wmem_file_scope(), field->bytes.data,
                                                (int)field->bytes.length);
    name->datatype = (uint32_t)metric.fields[METRIC_DATATYPE].value;
    return true;
}

static uint32_t count_metrics(struct mqtt_slice payload)
{
    struct sparkplug_field field;
    uint32_t count = 0;

    while (sparkplug_field_next(&payload, &field))
        count += field.number == PAYLOAD_METRIC;
    return count;
}

static void read_names(struct sparkplug_birth *birth, struct mqtt_slice payload)
{
    const uint32_t room = MIN(count_metrics(payload), NAMES_MAX - known.names);
    struct sparkplug_field field;

    birth->names = wmem_alloc_array(wmem_file_scope(), struct sparkplug_name, room);
    while (birth->count < room && sparkplug_field_next(&payload, &field))
        if (field.number == PAYLOAD_METRIC && read_name(field.bytes, &birth->names[birth->count]))
            birth->count++;
    known.names += room;
    if (birth->count != 0)
        qsort(birth->names, birth->count, sizeof(birth->names[0]), by_alias);
}

static void prepare(void)
{
    if (known.last != NULL)
        return;
    known.last = wmem_map_new(wmem_file_scope(), wmem_str_hash, g_str_equal);
    known.seed = (uint64_t)g_random_int() << 32 | g_random_int();
}

void sparkplug_births_learn(const struct sparkplug_origin *origin, struct mqtt_slice payload,
                            struct sparkplug_place place)
{
    prepare();
    const char *key = key_of(origin, origin->from_server, origin->topic->type == SPARKPLUG_DBIRTH);
    const uint64_t digest = mqtt_keyed_hash(known.seed, payload.data, payload.length);
    struct sparkplug_birth *earlier = wmem_map_lookup(known.last, key);
    if ((earlier != NULL && earlier->digest == digest) || known.births == BIRTHS_MAX)
        return;
    struct sparkplug_birth *birth = wmem_new0(wmem_file_scope(), struct sparkplug_birth);
    birth->earlier = earlier;
    birth->place = place;
    birth->digest = digest;
    read_names(birth, payload);
    known.births++;
    wmem_map_insert(known.last, wmem_strdup(wmem_file_scope(), key), birth);
}

static struct sparkplug_births births_of_way(const struct sparkplug_origin *origin,
                                             bool from_server, struct sparkplug_place place)
{
    struct sparkplug_births births = {NULL, birth_at(key_of(origin, from_server, false), place)};

    if (origin->topic->device.length != 0)
        births.device = birth_at(key_of(origin, from_server, true), place);
    if (births.device != NULL && births.node != NULL &&
        is_before(births.device->place, births.node->place))
        births.device = NULL;
    return births;
}

struct sparkplug_births sparkplug_births_at(const struct sparkplug_origin *origin,
                                            struct sparkplug_place place)
{
    if (known.last == NULL)
        return (struct sparkplug_births){NULL, NULL};
    const struct sparkplug_births births = births_of_way(origin, origin->from_server, place);
    return births.node != NULL || births.device != NULL
               ? births
               : births_of_way(origin, !origin->from_server, place);
}

static const struct sparkplug_name *name_in(const struct sparkplug_birth *birth, uint64_t alias)
{
    const struct sparkplug_name key = {.alias = alias};

    return birth != NULL && birth->count != 0
               ? bsearch(&key, birth->names, birth->count, sizeof(key), by_alias)
               : NULL;
}

const struct sparkplug_name *sparkplug_births_name(const struct sparkplug_births *births,
                                                   uint64_t alias)
{
    const struct sparkplug_name *name = name_in(births->device, alias);

    return name != NULL ? name : name_in(births->node, alias);
}
