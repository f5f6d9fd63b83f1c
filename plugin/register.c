/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes Wireshark's field, expert and preference tables from the rows of mqtt/ and made.def. */
#include "plugin/register.h"

#include "plugin/payload_table.h"
#include "plugin/ports.h"
#include "plugin/preferences.h"
#include "plugin/sparkplug.h"

int proto_mqttscope = -1;
int mqttscope_builtin_protocol = -1;
int hf_wire[MQTT_FIELDS];
int hf_made[MADE_FIELDS];
expert_field ei_rule[MQTT_RULES];
expert_field ei_remark[REMARKS];
int ett_mqttscope[SUBTREES];
struct mqttscope_preferences mqttscope_preferences = {
    .payload_json = TRUE,
    .payload_heuristics = TRUE,
    .payload_content_type = TRUE,
    .payload_unpack = TRUE,
    .payload_sparkplug = TRUE,
};

/* A table of mqtt/ is handed to Wireshark as it is. */
G_STATIC_ASSERT(sizeof(struct mqtt_value) == sizeof(value_string));
G_STATIC_ASSERT(offsetof(struct mqtt_value, value) == offsetof(value_string, value));
G_STATIC_ASSERT(offsetof(struct mqtt_value, name) == offsetof(value_string, strptr));

static char seconds[] = " s";
static const unit_name_string units_seconds_spaced = {seconds, NULL};

bool mqttscope_is_in_seconds(unsigned field)
{
    switch (field) {
    case MQTT_FIELD_KEEP_ALIVE:
    case MQTT_FIELD_PROPERTY_MESSAGE_EXPIRY_INTERVAL:
    case MQTT_FIELD_PROPERTY_SESSION_EXPIRY_INTERVAL:
    case MQTT_FIELD_PROPERTY_SERVER_KEEP_ALIVE:
    case MQTT_FIELD_PROPERTY_WILL_DELAY_INTERVAL: return true;
    default: return false;
    }
}

static enum ftenum wire_type(unsigned kind)
{
    switch (kind) {
    case MQTT_KIND_UINT8: return FT_UINT8;
    case MQTT_KIND_UINT16: return FT_UINT16;
    case MQTT_KIND_UINT32: return FT_UINT32;
    case MQTT_KIND_UINT64: return FT_UINT64;
    case MQTT_KIND_BOOLEAN: return FT_BOOLEAN;
    case MQTT_KIND_STRING: return FT_STRING;
    case MQTT_KIND_UINT_STRING: return FT_UINT_STRING;
    case MQTT_KIND_BYTES: return FT_BYTES;
    default: return FT_NONE;
    }
}

static int wire_display(const struct mqtt_field_info *info)
{
    if (info->kind == MQTT_KIND_BOOLEAN)
        return 8; /* all flags of MQTT live in one byte */
    switch (info->display) {
    case MQTT_DISPLAY_DECIMAL: return BASE_DEC;
    case MQTT_DISPLAY_HEX: return BASE_HEX;
    default: return BASE_NONE;
    }
}

/* Fields that are on the wire belong to the protocol of Wireshark's own dissector: that is what
 * scripts read in the keys of `-T ek`, and what `-O mqtt` shows. */
static int protocol_of(const char *abbreviation)
{
    const bool on_the_wire = g_str_has_prefix(abbreviation, "mqtt.");

    return on_the_wire && mqttscope_builtin_protocol > 0 ? mqttscope_builtin_protocol
                                                         : proto_mqttscope;
}

static void register_fields(hf_register_info *rows, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        proto_register_field_array(protocol_of(rows[i].hfinfo.abbrev), &rows[i], 1);
}

static void register_wire_fields(void)
{
    static hf_register_info rows[MQTT_FIELDS];

    for (unsigned i = 0; i < MQTT_FIELDS; i++) {
        const struct mqtt_field_info *info = mqtt_field_info((enum mqtt_field)i);
        header_field_info *field = &rows[i].hfinfo;
        hf_wire[i] = -1;
        rows[i].p_id = &hf_wire[i];
        *field = (header_field_info){info->name,
                                     info->abbreviation,
                                     wire_type(info->kind),
                                     wire_display(info),
                                     NULL,
                                     info->mask,
                                     info->help,
                                     HFILL};
        if (info->kind == MQTT_KIND_BOOLEAN) {
            field->strings = TFS(&tfs_set_notset);
        } else if (mqttscope_is_in_seconds(i)) {
            field->display |= BASE_UNIT_STRING;
            field->strings = &units_seconds_spaced;
        } else if (info->values != NULL) {
            field->strings = info->values;
        }
    }
    register_fields(rows, MQTT_FIELDS);
}

static void register_made_fields(void)
{
    static hf_register_info rows[] = {
#define MADE(id, name, abbreviation, type, display, strings, mask, help)                           \
    {&hf_made[MADE_##id], {name, abbreviation, type, display, strings, mask, help, HFILL}},
#include "plugin/made.def"
#undef MADE
    };

    for (unsigned i = 0; i < MADE_FIELDS; i++)
        hf_made[i] = -1;
    register_fields(rows, MADE_FIELDS);
}

/* The rules that end decoding: the bytes behind the place can't be told apart. */
static bool loses_structure(unsigned rule)
{
    switch (rule) {
    case MQTT_RULE_REMAINING_LENGTH_MALFORMED:
    case MQTT_RULE_VARIABLE_BYTE_INTEGER_TOO_LONG:
    case MQTT_RULE_PACKET_TYPE_RESERVED:
    case MQTT_RULE_FIELD_MISSING:
    case MQTT_RULE_WILL_FIELDS_MISSING:
    case MQTT_RULE_USER_NAME_MISSING:
    case MQTT_RULE_PASSWORD_MISSING:
    case MQTT_RULE_CLIENT_IDENTIFIER_MISSING:
    case MQTT_RULE_PROPERTY_LENGTH_MISSING:
    case MQTT_RULE_PROPERTY_LENGTH_OVERRUN:
    case MQTT_RULE_PROPERTY_UNKNOWN: return true;
    default: return false;
    }
}

static int rule_group(unsigned rule, const struct mqtt_rule_info *info)
{
    if (loses_structure(rule))
        return PI_MALFORMED;
    return info->scope == MQTT_SCOPE_PACKET ? PI_PROTOCOL : PI_SEQUENCE;
}

static int rule_severity(const struct mqtt_rule_info *info)
{
    switch (info->severity) {
    case MQTT_ERROR: return PI_ERROR;
    case MQTT_WARNING: return PI_WARN;
    default: return PI_NOTE;
    }
}

/* A field a rule, so that each can be filtered, coloured and counted by itself. */
static void register_rules(expert_module_t *module)
{
    static ei_register_info rows[MQTT_RULES];

    for (unsigned i = 0; i < MQTT_RULES; i++) {
        const struct mqtt_rule_info *info = mqtt_rule_info((enum mqtt_rule)i);
        ei_rule[i] = (expert_field)EI_INIT;
        rows[i] = (ei_register_info){
            &ei_rule[i],
            {g_strdup_printf("mqttscope.rule.%s", info->id), rule_group(i, info),
             rule_severity(info), info->title, EXPFILL},
        };
    }
    expert_register_field_array(module, rows, MQTT_RULES);
}

static void register_remarks(expert_module_t *module)
{
    static ei_register_info rows[REMARKS] = {
        {&ei_remark[REMARK_CUT],
         {"mqttscope.cut", PI_UNDECODED, PI_NOTE,
          "The capture does not hold the whole control packet", EXPFILL}},
        {&ei_remark[REMARK_GAP],
         {"mqttscope.gap", PI_SEQUENCE, PI_NOTE,
          "Bytes before this are missing. If they came late, turn on the TCP preference "
          "\"Reassemble "
          "out-of-order segments\"",
          EXPFILL}},
        {&ei_remark[REMARK_OUT_OF_ORDER],
         {"mqttscope.out_of_order", PI_REASSEMBLE, PI_NOTE,
          "Not decoded: these bytes came twice or late. If late, turn on the TCP preference "
          "\"Reassemble out-of-order segments\"",
          EXPFILL}},
        {&ei_remark[REMARK_DROPPED],
         {"mqttscope.more_findings", PI_PROTOCOL, PI_NOTE, "More findings than are kept", EXPFILL}},
        {&ei_remark[REMARK_TOO_LONG],
         {"mqttscope.more_fields", PI_UNDECODED, PI_NOTE, "More fields than are drawn", EXPFILL}},
        {&ei_remark[REMARK_PACKED],
         {"mqttscope.payload.packed", PI_UNDECODED, PI_NOTE, "The payload is not unpacked",
          EXPFILL}},
    };

    for (unsigned i = 0; i < REMARKS; i++)
        ei_remark[i] = (expert_field)EI_INIT;
    expert_register_field_array(module, rows, REMARKS);
}

static void register_subtrees(void)
{
    static int *ids[SUBTREES];

    for (unsigned i = 0; i < SUBTREES; i++) {
        ett_mqttscope[i] = -1;
        ids[i] = &ett_mqttscope[i];
    }
    proto_register_subtree_array(ids, SUBTREES);
}

static void register_preferences(void)
{
    module_t *module = prefs_register_protocol(proto_mqttscope, mqttscope_preferences_apply);

    mqttscope_ports_register(module);
    mqttscope_preferences_register(module);
    prefs_register_bool_preference(
        module, "hand_back", "Leave MQTT to Wireshark's own dissector",
        "Hand everything on our ports to the dissector that Wireshark brings along, as if this one "
        "were not installed.",
        &mqttscope_preferences.hand_back);
    prefs_register_bool_preference(module, "payload_json", "Show JSON payloads as a tree",
                                   "Give payloads that look like JSON to the JSON dissector.",
                                   &mqttscope_preferences.payload_json);
    mqttscope_payload_table_register(module);
    prefs_register_bool_preference(
        module, "payload_unpack", "Unpack compressed payloads",
        "Unpack payloads that begin like gzip or Zstandard, and those that the table above says "
        "are compressed.",
        &mqttscope_preferences.payload_unpack);
    prefs_register_bool_preference(
        module, "payload_sparkplug", "Decode Sparkplug B",
        "Show the metrics of Sparkplug B with their names, data types and values, also where "
        "aliases of earlier births stand for names.",
        &mqttscope_preferences.payload_sparkplug);
    prefs_register_bool_preference(
        module, "payload_content_type", "Dissect payloads by their Content Type",
        "Give a payload whose Content Type (MQTT 5.0) names a media type to the dissector of that "
        "media type.",
        &mqttscope_preferences.payload_content_type);
    prefs_register_bool_preference(module, "payload_heuristics",
                                   "Let other dissectors recognise payloads",
                                   "Offer the payload of PUBLISH to the dissectors that recognise "
                                   "topics (Sparkplug B, for one).",
                                   &mqttscope_preferences.payload_heuristics);
}

void mqttscope_register_fields(void)
{
    register_wire_fields();
    register_made_fields();
    register_subtrees();
    expert_module_t *module = expert_register_protocol(proto_mqttscope);
    register_rules(module);
    register_remarks(module);
    register_preferences();
}
