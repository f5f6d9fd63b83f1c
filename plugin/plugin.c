/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What Wireshark looks for when it loads the plugin. Where symbols are exported one by one
 * (Windows), that is this file's matter: the others only take what Wireshark exports. */
#define WS_BUILD_DLL
#include "plugin/compat.h"
#include "plugin/packet-mqttscope.h"

WS_DLL_PUBLIC_DEF const char plugin_version[] = MQTTSCOPE_VERSION;
WS_DLL_PUBLIC_DEF const int plugin_want_major = WIRESHARK_VERSION_MAJOR;
WS_DLL_PUBLIC_DEF const int plugin_want_minor = WIRESHARK_VERSION_MINOR;

WS_DLL_PUBLIC void plugin_register(void);
WS_DLL_PUBLIC_DEF void plugin_register(void)
{
    static const proto_plugin plugin = {
        .register_protoinfo = proto_register_mqttscope,
        .register_handoff = proto_reg_handoff_mqttscope,
    };
    proto_register_plugin(&plugin);
}

/* 4.4 asks for it; before, nobody does. */
WS_DLL_PUBLIC uint32_t plugin_describe(void);
WS_DLL_PUBLIC_DEF uint32_t plugin_describe(void)
{
    return WS_PLUGIN_DESC_DISSECTOR;
}
