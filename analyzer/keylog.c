/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See keylog.h. */
#include "analyzer/keylog.h"

#include <glib.h>
#include <string.h>

#include "analyzer/input/pcapng.h"

struct keylog {
    struct tls_secrets *secrets;
    struct transport_tls tls;
};

struct keylog *keylog_new(void)
{
    struct tls_secrets *secrets = tls_secrets_new();
    if (secrets == NULL)
        return NULL;
    struct keylog *keylog = g_new0(struct keylog, 1);
    keylog->secrets = secrets;
    keylog->tls = (struct transport_tls){
        .secrets = secrets,
        .open = tls_new,
        .push = tls_push,
        .gap = tls_gap,
        .close = tls_free,
    };
    return keylog;
}

void keylog_free(struct keylog *keylog)
{
    if (keylog == NULL)
        return;
    tls_secrets_free(keylog->secrets);
    g_free(keylog);
}

static size_t add(struct keylog *keylog, const char *text, size_t length)
{
    size_t broken = 0;
    const size_t taken = tls_secrets_add(keylog->secrets, text, length, &broken);
    keylog->tls.has_secrets |= taken > 0;
    return taken;
}

bool keylog_read(struct keylog *keylog, const char *path, char *error, size_t error_size)
{
    GError *problem = NULL;
    char *text;
    gsize length;
    if (!g_file_get_contents(path, &text, &length, &problem)) {
        /* GLib says it in a sentence around the file's name. */
        const int code = problem->domain == G_FILE_ERROR ? problem->code : G_FILE_ERROR_FAILED;
        g_snprintf(error, (gulong)error_size, "%s: %s", path,
                   code == G_FILE_ERROR_NOENT   ? "No such file or directory"
                   : code == G_FILE_ERROR_ACCES ? "Permission denied"
                   : code == G_FILE_ERROR_ISDIR ? "is a directory"
                                                : "cannot be read");
        g_error_free(problem);
        return false;
    }
    const bool taken = add(keylog, text, length) > 0;
    if (!taken)
        g_snprintf(error, (gulong)error_size, "%s: no secrets of TLS in it", path);
    memset(text, 0, length);
    g_free(text);
    return taken;
}

void keylog_take(void *user, uint32_t kind, const uint8_t *data, uint32_t length)
{
    if (kind == PCAPNG_SECRETS_TLS)
        add(user, (const char *)data, length);
}

const struct transport_tls *keylog_tls(const struct keylog *keylog)
{
    return &keylog->tls;
}
