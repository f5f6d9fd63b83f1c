/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Secrets for TLS: from key log files that the user names, and from the captures themselves. */
#ifndef MQTTSCOPE_ANALYZER_KEYLOG_H
#define MQTTSCOPE_ANALYZER_KEYLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "transport/transport.h"

struct keylog;

/* NULL without memory. */
struct keylog *keylog_new(void);

/* Takes in a file in the format of SSLKEYLOGFILE. False after "PATH: reason" in `error`: it can't
 * be read, or has no secret in it that is of use. */
bool keylog_read(struct keylog *keylog, const char *path, char *error, size_t error_size);

/* Takes in what a capture carries: a source_secrets_function, `user` is the keylog. */
void keylog_take(void *user, uint32_t kind, const uint8_t *data, uint32_t length);

/* What decrypts with them; lives as long as the keylog. */
const struct transport_tls *keylog_tls(const struct keylog *keylog);

/* NULL is allowed. */
void keylog_free(struct keylog *keylog);

#endif
