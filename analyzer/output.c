/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that are there whole or not at all: see output.h. */
#include "analyzer/output.h"

#include "audit/report/escape.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool fail(const char *path, int error)
{
    char *name = escape_text(strcmp(path, "-") == 0 ? "standard output" : path);
    fprintf(stderr, "mqttscope: %s: %s\n", name, g_strerror(error));
    g_free(name);
    return false;
}

/* Devices and pipes are written to as they are: there is nothing to rename. Names in /dev and /proc
 * stand for what is open already (/dev/stdout), also where that is a file. */
static bool is_special(const char *path)
{
    struct stat status;
    if (g_str_has_prefix(path, "/dev/") || g_str_has_prefix(path, "/proc/"))
        return true;
    return stat(path, &status) == 0 && !S_ISREG(status.st_mode);
}

/* Files that are not whole yet, for output_unlink_all(): what finds no place stays in a folder if
 * the program is killed. */
static char *volatile unfinished[64];

static void replace_unfinished(char *name, char *by)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(unfinished); i++)
        if (unfinished[i] == name) {
            unfinished[i] = by;
            return;
        }
}

void output_unlink_all(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(unfinished); i++)
        if (unfinished[i] != NULL)
            unlink(unfinished[i]);
}

static void free_names(struct output *output)
{
    if (output->temporary != NULL)
        replace_unfinished(output->temporary, NULL);
    g_free(output->temporary);
    output->temporary = NULL;
    free(output->target);
    output->target = NULL;
}

/* A file that stood there before keeps its rights and, as far as that is allowed, its owner. False,
 * with errno, where it may not be written to. */
static bool keep_rights(const struct output *output, int descriptor)
{
    struct stat status;
    if (stat(output->target, &status) != 0)
        return true; /* it is not there yet */
    if (access(output->target, W_OK) != 0)
        return false;
    if (fchown(descriptor, status.st_uid, status.st_gid) != 0)
        errno = 0; /* another one's, and we are not root: it becomes ours */
    return fchmod(descriptor, status.st_mode & 07777) == 0;
}

/* Opens PATH.XXXXXX beside the file, so that renaming stays within its file system, and with the
 * rights that an ordinary new file gets. A link stays one, and what it leads to is replaced. */
static FILE *open_temporary(struct output *output)
{
    output->target = realpath(output->path, NULL);
    if (output->target == NULL)
        output->target = strdup(output->path); /* it is not there yet */
    output->temporary = g_strdup_printf("%s.XXXXXX", output->target);
    int descriptor = g_mkstemp_full(output->temporary, O_RDWR | O_CLOEXEC, 0666);
    if (descriptor >= 0)
        replace_unfinished(NULL, output->temporary);
    if (descriptor >= 0 && keep_rights(output, descriptor))
        return fdopen(descriptor, "w");
    int error = errno;
    if (descriptor >= 0) {
        unlink(output->temporary);
        close(descriptor);
    }
    free_names(output);
    errno = error;
    return NULL;
}

bool output_open(struct output *output, const char *path)
{
    *output = (struct output){.path = path};
    if (strcmp(path, "-") == 0)
        output->file = stdout;
    else if (is_special(path))
        output->file = fopen(path, "we");
    else
        output->file = open_temporary(output);
    return output->file != NULL || fail(path, errno);
}

bool output_is_live(const struct output *output)
{
    struct stat status;
    int descriptor = fileno(output->file);
    return isatty(descriptor) != 0 || (fstat(descriptor, &status) == 0 &&
                                       (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode)));
}

bool output_failed(struct output *output)
{
    if (output->error == 0 && ferror_unlocked(output->file) != 0)
        output->error = errno != 0 ? errno : EIO;
    return output->error != 0;
}

/* Flushes and closes; `error` says what was wrong. */
static void finish(struct output *output)
{
    errno = 0;
    if (fflush(output->file) != 0 && output->error == 0)
        output->error = errno;
    output_failed(output);
    errno = 0;
    if (output->file != stdout && fclose(output->file) != 0 && output->error == 0)
        output->error = errno;
}

bool output_close(struct output *output)
{
    finish(output);
    if (output->temporary != NULL) {
        if (output->error == 0 && rename(output->temporary, output->target) != 0)
            output->error = errno;
        if (output->error != 0)
            unlink(output->temporary);
        free_names(output);
    }
    return output->error == 0 || fail(output->path, output->error);
}

void output_discard(struct output *output)
{
    finish(output);
    if (output->temporary != NULL)
        unlink(output->temporary);
    free_names(output);
}
