/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See topic.h. */
#include "audit/sparkplug/topic.h"

#define LEVELS 4 /* behind the namespace */

static bool is_word(struct mqtt_slice level, const char *word)
{
    return level.length == strlen(word) && memcmp(level.data, word, level.length) == 0;
}

/* The levels behind the namespace: how many there are, LEVELS + 1 for more than LEVELS. */
static unsigned split(struct mqtt_slice name, struct mqtt_slice levels[static LEVELS])
{
    const size_t skipped = sizeof SPARKPLUG_NAMESPACE - 1;
    const uint8_t *at = name.data + skipped, *end = name.data + name.length;
    for (unsigned count = 0;; count++) {
        const uint8_t *slash = memchr(at, '/', (size_t)(end - at));
        const uint8_t *stop = slash != NULL ? slash : end;
        if (count == LEVELS)
            return LEVELS + 1;
        levels[count] = (struct mqtt_slice){at, (uint32_t)(stop - at)};
        if (slash == NULL)
            return count + 1;
        at = slash + 1;
    }
}

bool sparkplug_topic_parse(struct mqtt_slice name, struct sparkplug_topic *topic)
{
    static const char *const types[] = {"NBIRTH", "NDEATH", "NDATA", "NCMD",
                                        "DBIRTH", "DDEATH", "DDATA", "DCMD"};
    struct mqtt_slice levels[LEVELS] = {0};
    const unsigned count = split(name, levels);
    for (unsigned i = 0; i < count && i < LEVELS; i++)
        if (levels[i].length == 0)
            return false;
    *topic = (struct sparkplug_topic){.group = levels[0], .node = levels[2], .device = levels[3]};
    if (count == 2 && is_word(levels[0], "STATE")) {
        topic->type = SPARKPLUG_STATE;
        topic->node = levels[1];
        return true;
    }
    for (unsigned type = 0; type < SPARKPLUG_STATE; type++)
        if (is_word(levels[1], types[type])) {
            topic->type = (enum sparkplug_type)type;
            return count == (type < SPARKPLUG_DBIRTH ? 3u : 4u);
        }
    return false;
}
