/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tools > Credentials, -z credentials: user names of CONNECT, and whose they are. */
#include "plugin/register.h"
#include "plugin/tools/tools.h"

struct told {
    int tap;
};

static void tell(void *user, packet_info *pinfo, const struct mqttscope_told *seen)
{
    const struct mqtt_packet *packet = seen->packet;
    const struct told *told = user;

    if (seen->outcome != MQTT_OK || !packet->connect.has_user_name)
        return;
    const struct mqtt_slice name = packet->connect.user_name;
    struct wireshark_credential *credential = wmem_new0(pinfo->pool, struct wireshark_credential);
    credential->num = credential->username_num = pinfo->num;
    credential->password_hf_id =
        packet->connect.has_password ? (guint)hf_wire[MQTT_FIELD_PASSWORD] : 0;
    credential->username = FORMAT_TEXT(pinfo->pool, name.data, name.length);
    credential->proto = "MQTT";
    credential->info =
        seen->client == NULL ? NULL : wmem_strdup_printf(pinfo->pool, "client %s", seen->client);
    tap_queue_packet(told->tap, pinfo, credential);
}

void mqttscope_credentials_packet(int tap, packet_info *pinfo,
                                  const struct mqttscope_tapped *tapped)
{
    struct told told = {tap};

    mqttscope_for_each(tapped, pinfo, tell, &told);
}
