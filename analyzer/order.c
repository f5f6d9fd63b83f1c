/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See order.h. */
#include "analyzer/order.h"

#include "analyzer/input/source.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct named {
    char *path;
    int64_t first; /* time of its first packet; without one, that of the file before */
    unsigned place;
};

static int by_time(const void *a, const void *b)
{
    const struct named *left = a, *right = b;

    if (left->first != right->first)
        return left->first < right->first ? -1 : 1;
    return left->place < right->place ? -1 : 1;
}

static int64_t first_time(const char *path, int64_t otherwise)
{
    char error[SOURCE_ERROR_SIZE];
    struct source_packet packet;
    struct source *source = source_open_file(path, NULL, error, sizeof error);
    int64_t time = otherwise;

    if (source != NULL && source_next(source, &packet) == SOURCE_PACKET)
        time = packet.time_ns;
    source_close(source);
    return time;
}

/* A pipe, such as a shell's <(command) is, gives its bytes once. What is not there at all gives
 * none. */
static bool can_be_read_twice(const char *path)
{
    struct stat status;

    return strcmp(path, "-") != 0 && (stat(path, &status) != 0 || !S_ISFIFO(status.st_mode));
}

void order_by_time(GPtrArray *paths)
{
    if (paths->len < 2)
        return;
    for (unsigned i = 0; i < paths->len; i++)
        if (!can_be_read_twice(g_ptr_array_index(paths, i)))
            return;
    struct named *files = g_new(struct named, paths->len);
    int64_t time = INT64_MIN;
    for (unsigned i = 0; i < paths->len; i++) {
        char *path = g_ptr_array_index(paths, i);
        time = first_time(path, time);
        files[i] = (struct named){path, time, i};
    }
    qsort(files, paths->len, sizeof *files, by_time);
    for (unsigned i = 0; i < paths->len; i++)
        paths->pdata[i] = files[i].path;
    g_free(files);
}
