/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See clash.h. */
#include "analyzer/clash.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool same_inode(const struct stat *a, const struct stat *b)
{
    return S_ISREG(a->st_mode) && a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Where a file will be that is not there yet, for free(); NULL: nowhere. */
static char *place(const char *path)
{
    char *folder = g_path_get_dirname(path), *name = g_path_get_basename(path);
    char *whole = realpath(folder, NULL);
    char *both = whole != NULL ? g_build_filename(whole, name, NULL) : NULL;
    free(whole);
    g_free(folder);
    g_free(name);
    return both;
}

static bool same_place(const char *a, const char *b)
{
    char *of_a = place(a), *of_b = place(b);
    const bool same = of_a != NULL && of_b != NULL && strcmp(of_a, of_b) == 0;
    g_free(of_a);
    g_free(of_b);
    return same;
}

bool clash_same(const char *a, const char *b)
{
    struct stat of_a, of_b;
    if (strcmp(a, "-") == 0 || strcmp(b, "-") == 0)
        return strcmp(a, b) == 0;
    const bool a_is = stat(a, &of_a) == 0, b_is = stat(b, &of_b) == 0;
    if (a_is && b_is)
        return same_inode(&of_a, &of_b);
    return !a_is && !b_is && (strcmp(a, b) == 0 || same_place(a, b));
}

const char *clash_input(const GPtrArray *inputs, const char *output)
{
    struct stat of_output, of_input;
    if (strcmp(output, "-") == 0 || stat(output, &of_output) != 0)
        return NULL;
    for (unsigned i = 0; i < inputs->len; i++) {
        const char *input = g_ptr_array_index(inputs, i);
        const bool known = strcmp(input, "-") == 0 ? fstat(STDIN_FILENO, &of_input) == 0
                                                   : stat(input, &of_input) == 0;
        if (known && same_inode(&of_input, &of_output))
            return input;
    }
    return NULL;
}
