/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Conversation Filter > MQTT client: all connections of the client whose packet is selected. */
#include "plugin/tools/tools.h"

/* The client of the frame's first control packet that is known; NULL: none is. */
static const char *client_of(packet_info *pinfo)
{
    const struct mqttscope_record *record = mqttscope_records_of(pinfo->num);

    for (; record != NULL; record = record->next) {
        if (record->kind == RECORD_PACKET && record->client->identifier != NULL)
            return record->client->identifier;
    }
    return NULL;
}

static ws_boolean is_valid(packet_info *pinfo FILTER_USER_DATA)
{
    FILTER_USER_DATA_UNUSED;
    return client_of(pinfo) != NULL;
}

/* An identifier is whatever its client likes: what means something inside a filter's string is
 * written as what it is. */
static char *build(packet_info *pinfo FILTER_USER_DATA)
{
    const char *client = client_of(pinfo);
    GString *filter = g_string_new("mqttscope.client == \"");

    FILTER_USER_DATA_UNUSED;
    for (const char *at = client; at != NULL && *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || *at == 0x7f)
            g_string_append_printf(filter, "\\x%02x", (unsigned)*at);
        else if (*at == '"' || *at == '\\')
            g_string_append_printf(filter, "\\%c", *at);
        else
            g_string_append_c(filter, *at);
    }
    g_string_append_c(filter, '"');
    return g_string_free(filter, FALSE);
}

void mqttscope_client_filter_register(void)
{
    REGISTER_CONVERSATION_FILTER("mqttscope", "MQTT client", is_valid, build);
}
