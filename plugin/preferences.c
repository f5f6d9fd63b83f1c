/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Preferences of the analysis; see preferences.h. */
#include "plugin/preferences.h"

#include <wsutil/report_message.h>

#include "mqtt/facts/time.h"
#include "plugin/builtin.h"

static struct {
    ws_boolean everywhere;
    int default_version;
    guint tolerance; /* milliseconds */
    const char *muted_rules;
} wanted = {.everywhere = TRUE, .muted_rules = ""};

static bool muted[MQTT_RULES];

void mqttscope_preferences_register(module_t *module)
{
    static const enum_val_t versions[] = {
        {"none", "What the packets show", MQTT_VERSION_UNKNOWN},
        {"3.1", "MQTT 3.1", MQTT_VERSION_3_1},
        {"3.1.1", "MQTT 3.1.1", MQTT_VERSION_3_1_1},
        {"5.0", "MQTT 5.0", MQTT_VERSION_5_0},
        {NULL, NULL, 0},
    };

    prefs_register_bool_preference(
        module, "everywhere", "Look for MQTT on all ports",
        "Take every TCP connection and every WebSocket for MQTT that begins with a CONNECT, "
        "whatever its ports are.",
        &wanted.everywhere);
    prefs_register_enum_preference(
        module, "default_version", "Version where CONNECT is missing",
        "The version in which connections are read that began before the capture, until their "
        "packets prove otherwise. The packets of 3.1 and 3.1.1 look alike, and short ones look the "
        "same in all versions. Where nothing is chosen, the default version of Wireshark's own "
        "dissector counts, if one is chosen there.",
        &wanted.default_version, versions, FALSE);
    prefs_register_uint_preference(
        module, "keep_alive_tolerance", "Keep alive tolerance (ms)",
        "Milliseconds by which a client may be later than its keep alive allows before that is a "
        "finding: for links with long delays, or for captures with coarse times.",
        10, &wanted.tolerance);
    prefs_register_string_preference(
        module, "muted_rules", "Rules to mute",
        "Rules whose findings are not shown, by their names, separated by spaces or commas: "
        "\"keep-alive-late topic-empty\". A finding has its rule's name in the field "
        "mqttscope.rule.",
        &wanted.muted_rules);
}

static bool mute(const char *name)
{
    for (unsigned rule = 0; rule < MQTT_RULES; rule++) {
        if (strcmp(mqtt_rule_info((enum mqtt_rule)rule)->id, name) == 0) {
            muted[rule] = true;
            return true;
        }
    }
    return false;
}

/* A name that is none would else look as if its rule were never broken. */
void mqttscope_preferences_apply(void)
{
    char **names = g_strsplit_set(wanted.muted_rules, " ,;\t", -1);

    memset(muted, 0, sizeof(muted));
    for (char **name = names; *name != NULL; name++) {
        if (**name != '\0' && !mute(*name))
            report_warning("MQTTScope, rules to mute: no rule is called \"%s\".", *name);
    }
    g_strfreev(names);
}

bool mqttscope_looks_everywhere(void)
{
    return wanted.everywhere;
}

enum mqtt_version mqttscope_default_version(void)
{
    return wanted.default_version != MQTT_VERSION_UNKNOWN
               ? (enum mqtt_version)wanted.default_version
               : mqttscope_builtin_version();
}

int64_t mqttscope_keep_alive_tolerance(void)
{
    return (int64_t)wanted.tolerance * (MQTT_SECOND / 1000);
}

bool mqttscope_is_muted(unsigned rule)
{
    return muted[rule];
}
