/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files that are there whole or not at all: see output.h. */
#include "analyzer/output.h"

#include "audit/report/escape.h"

#include <errno.h>
#include <fcntl.h>
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

/* Devices and pipes are written to as they are: there is nothing to rename. */
static bool is_special(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 && !S_ISREG(status.st_mode);
}

/* Opens PATH.XXXXXX beside the file, so that renaming stays within its file system, and with the
 * rights that an ordinary new file gets. */
static FILE *open_temporary(struct output *output)
{
    output->temporary = g_strdup_printf("%s.XXXXXX", output->path);
    int descriptor = g_mkstemp_full(output->temporary, O_RDWR | O_CLOEXEC, 0666);
    if (descriptor >= 0)
        return fdopen(descriptor, "w");
    int error = errno;
    g_free(output->temporary);
    output->temporary = NULL;
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

/* Flushes and closes; 0 or an errno. */
static int finish(FILE *file)
{
    errno = 0;
    int error = fflush(file) != 0 || ferror(file) != 0 ? errno : 0;
    if (ferror(file) != 0 && error == 0)
        error = EIO;
    if (file != stdout && fclose(file) != 0 && error == 0)
        error = errno;
    return error;
}

bool output_close(struct output *output)
{
    int error = finish(output->file);
    if (output->temporary != NULL) {
        if (error == 0 && rename(output->temporary, output->path) != 0)
            error = errno;
        if (error != 0)
            unlink(output->temporary);
        g_free(output->temporary);
    }
    return error == 0 || fail(output->path, error);
}
