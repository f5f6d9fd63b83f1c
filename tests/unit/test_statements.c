/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every normative statement that one control packet can break by itself: the bytes that break it
 * raise its rule and no other, their twin raises none, and rules.def says which statement it was.
 */
#include "suite.h"

#include "mqtt/facts/statements.h"
#include "mqtt/wire/decode.h"
#include "notation.h"

#define V31 MQTT_VERSION_3_1
#define V311 MQTT_VERSION_3_1_1
#define V50 MQTT_VERSION_5_0
#define CLIENT MQTT_SENDER_CLIENT
#define SERVER MQTT_SENDER_SERVER

static const struct row {
    const char *statements; /* that the rule stands for here; "" where none has a number */
    enum mqtt_version version;
    enum mqtt_sender sender;
    enum mqtt_rule rule;
    const char *bad; /* see notation.h */
    const char *good;
} rows[] = {
    /* ---- 3.1.1 ---- */
    {"MQTT-1.5.3-1 MQTT-3.1.3-4", V311, CLIENT, MQTT_RULE_CLIENT_IDENTIFIER_NOT_UTF8,
     "10 ~ ['MQTT'] 04 02 003C ['d' FF]", "10 ~ ['MQTT'] 04 02 003C ['d' C3BC]"},
    {"MQTT-1.5.3-1 MQTT-3.1.3-10", V311, CLIENT, MQTT_RULE_WILL_TOPIC_NOT_UTF8,
     "10 ~ ['MQTT'] 04 06 003C ['id'] ['gone/' ED A0 80] []",
     "10 ~ ['MQTT'] 04 06 003C ['id'] ['gone/' ED 9F BF] []"},
    {"MQTT-1.5.3-1 MQTT-3.1.3-11", V311, CLIENT, MQTT_RULE_USER_NAME_NOT_UTF8,
     "10 ~ ['MQTT'] 04 82 003C ['id'] ['J' F6 'rg']",
     "10 ~ ['MQTT'] 04 82 003C ['id'] ['J' C3B6 'rg']"},
    {"MQTT-1.5.3-1 MQTT-3.3.2-1", V311, CLIENT, MQTT_RULE_TOPIC_NAME_NOT_UTF8, "30 ~ ['t/' C0 AF]",
     "30 ~ ['t/' C2 AF]"},
    {"MQTT-1.5.3-1 MQTT-3.8.3-1", V311, CLIENT, MQTT_RULE_SUBSCRIBE_FILTER_NOT_UTF8,
     "82 ~ 0001 ['a/' 80] 00", "82 ~ 0001 ['a/' 7E] 00"},
    {"MQTT-1.5.3-1 MQTT-3.10.3-1", V311, CLIENT, MQTT_RULE_UNSUBSCRIBE_FILTER_NOT_UTF8,
     "A2 ~ 0001 ['a/' F4 90 80 80]", "A2 ~ 0001 ['a/' F4 8F BF BD]"},
    {"MQTT-1.5.3-2", V311, CLIENT, MQTT_RULE_STRING_NUL, "10 ~ ['MQTT'] 04 02 003C ['id' 00]",
     "10 ~ ['MQTT'] 04 02 003C ['id' 20]"},
    {"MQTT-1.5.3-2 MQTT-4.7.3-2", V311, SERVER, MQTT_RULE_TOPIC_NUL, "30 ~ ['a' 00 'b'] 'x'",
     "30 ~ ['a' 20 'b'] 'x'"},
    {"MQTT-2.2.2-1", V311, CLIENT, MQTT_RULE_FIXED_HEADER_FLAGS, "C1 00", "C0 00"},
    {"MQTT-2.2.2-1", V311, SERVER, MQTT_RULE_FIXED_HEADER_FLAGS, "28 02 00 00", "20 02 00 00"},
    {"MQTT-2.2.2-1", V311, SERVER, MQTT_RULE_FIXED_HEADER_FLAGS, "42 02 0001", "40 02 0001"},
    {"MQTT-2.2.2-1", V311, SERVER, MQTT_RULE_FIXED_HEADER_FLAGS, "52 02 0001", "50 02 0001"},
    {"MQTT-2.2.2-1", V311, SERVER, MQTT_RULE_FIXED_HEADER_FLAGS, "72 02 0001", "70 02 0001"},
    {"MQTT-2.2.2-1", V311, SERVER, MQTT_RULE_FIXED_HEADER_FLAGS, "92 03 0001 00", "90 03 0001 00"},
    {"MQTT-2.2.2-1", V311, SERVER, MQTT_RULE_FIXED_HEADER_FLAGS, "B2 02 0001", "B0 02 0001"},
    {"MQTT-2.2.2-1", V311, SERVER, MQTT_RULE_FIXED_HEADER_FLAGS, "D4 00", "D0 00"},
    {"MQTT-2.2.2-1", V311, CLIENT, MQTT_RULE_FIXED_HEADER_FLAGS, "11 ~ ['MQTT'] 04 02 003C ['id']",
     "10 ~ ['MQTT'] 04 02 003C ['id']"},
    {"MQTT-2.2.2-1 MQTT-3.6.1-1", V311, CLIENT, MQTT_RULE_PUBREL_FLAGS, "60 02 0001", "62 02 0001"},
    {"MQTT-2.2.2-1 MQTT-3.8.1-1", V311, CLIENT, MQTT_RULE_SUBSCRIBE_FLAGS, "80 ~ 0001 ['a'] 00",
     "82 ~ 0001 ['a'] 00"},
    {"MQTT-2.2.2-1 MQTT-3.10.1-1", V311, CLIENT, MQTT_RULE_UNSUBSCRIBE_FLAGS, "A0 ~ 0001 ['a']",
     "A2 ~ 0001 ['a']"},
    {"MQTT-2.2.2-1 MQTT-3.14.1-1", V311, CLIENT, MQTT_RULE_DISCONNECT_FLAGS, "E2 00", "E0 00"},
    {"MQTT-2.3.1-1", V311, CLIENT, MQTT_RULE_PACKET_IDENTIFIER_ZERO, "32 ~ ['a'] 0000",
     "32 ~ ['a'] 0001"},
    {"MQTT-2.3.1-1", V311, SERVER, MQTT_RULE_PACKET_IDENTIFIER_ZERO, "34 ~ ['a'] 0000 'x'",
     "34 ~ ['a'] FFFF 'x'"},
    {"MQTT-2.3.1-1", V311, CLIENT, MQTT_RULE_PACKET_IDENTIFIER_ZERO, "82 ~ 0000 ['a'] 00",
     "82 ~ 0100 ['a'] 00"},
    {"MQTT-2.3.1-1", V311, CLIENT, MQTT_RULE_PACKET_IDENTIFIER_ZERO, "A2 ~ 0000 ['a']",
     "A2 ~ 0001 ['a']"},
    {"", V311, CLIENT, MQTT_RULE_PROTOCOL_NAME_WRONG, "10 ~ ['MQTt'] 04 02 003C ['id']",
     "10 ~ ['MQTT'] 04 02 003C ['id']"},
    {"", V311, CLIENT, MQTT_RULE_PROTOCOL_NAME_WRONG, "10 ~ ['MQIsdp'] 04 02 003C ['id']",
     "10 ~ ['MQTT'] 04 02 003C ['id']"},
    {"", V311, CLIENT, MQTT_RULE_PROTOCOL_LEVEL_UNKNOWN, "10 ~ ['MQTT'] 06 02 003C ['id']",
     "10 ~ ['MQTT'] 04 02 003C ['id']"},
    {"MQTT-3.1.2-3", V311, CLIENT, MQTT_RULE_CONNECT_RESERVED_FLAG,
     "10 ~ ['MQTT'] 04 03 003C ['id']", "10 ~ ['MQTT'] 04 02 003C ['id']"},
    {"MQTT-3.1.2-9", V311, CLIENT, MQTT_RULE_WILL_FIELDS_MISSING, "10 ~ ['MQTT'] 04 06 003C ['id']",
     "10 ~ ['MQTT'] 04 06 003C ['id'] ['w'] []"},
    {"MQTT-3.1.2-9", V311, CLIENT, MQTT_RULE_WILL_FIELDS_MISSING,
     "10 ~ ['MQTT'] 04 06 003C ['id'] ['w']", "10 ~ ['MQTT'] 04 2E 003C ['id'] ['w'] ['gone']"},
    {"MQTT-3.1.2-11 MQTT-3.1.2-13", V311, CLIENT, MQTT_RULE_WILL_QOS_WITHOUT_WILL,
     "10 ~ ['MQTT'] 04 0A 003C ['id']", "10 ~ ['MQTT'] 04 0E 003C ['id'] ['w'] []"},
    {"MQTT-3.1.2-11 MQTT-3.1.2-13", V311, CLIENT, MQTT_RULE_WILL_QOS_WITHOUT_WILL,
     "10 ~ ['MQTT'] 04 1A 003C ['id']", "10 ~ ['MQTT'] 04 02 003C ['id']"},
    {"MQTT-3.1.2-11 MQTT-3.1.2-15", V311, CLIENT, MQTT_RULE_WILL_RETAIN_WITHOUT_WILL,
     "10 ~ ['MQTT'] 04 22 003C ['id']", "10 ~ ['MQTT'] 04 26 003C ['id'] ['w'] []"},
    {"MQTT-3.1.2-14", V311, CLIENT, MQTT_RULE_WILL_QOS_3,
     "10 ~ ['MQTT'] 04 1E 003C ['id'] ['w'] []", "10 ~ ['MQTT'] 04 16 003C ['id'] ['w'] []"},
    {"MQTT-3.1.2-18", V311, CLIENT, MQTT_RULE_USER_NAME_UNEXPECTED,
     "10 ~ ['MQTT'] 04 02 003C ['id'] ['me']", "10 ~ ['MQTT'] 04 82 003C ['id'] ['me']"},
    {"MQTT-3.1.2-19", V311, CLIENT, MQTT_RULE_USER_NAME_MISSING, "10 ~ ['MQTT'] 04 82 003C ['id']",
     "10 ~ ['MQTT'] 04 82 003C ['id'] []"},
    {"MQTT-3.1.2-20", V311, CLIENT, MQTT_RULE_PASSWORD_UNEXPECTED,
     "10 ~ ['MQTT'] 04 82 003C ['id'] ['me'] ['secret']",
     "10 ~ ['MQTT'] 04 C2 003C ['id'] ['me'] ['secret']"},
    {"MQTT-3.1.2-21", V311, CLIENT, MQTT_RULE_PASSWORD_MISSING,
     "10 ~ ['MQTT'] 04 C2 003C ['id'] ['me']", "10 ~ ['MQTT'] 04 C2 003C ['id'] ['me'] [FF00]"},
    {"MQTT-3.1.2-22", V311, CLIENT, MQTT_RULE_PASSWORD_WITHOUT_USER_NAME,
     "10 ~ ['MQTT'] 04 42 003C ['id'] ['secret']", "10 ~ ['MQTT'] 04 C2 003C ['id'] [] ['secret']"},
    {"MQTT-3.1.3-3", V311, CLIENT, MQTT_RULE_CLIENT_IDENTIFIER_MISSING, "10 ~ ['MQTT'] 04 02 003C",
     "10 ~ ['MQTT'] 04 02 003C []"},
    {"MQTT-3.1.3-7", V311, CLIENT, MQTT_RULE_CLIENT_IDENTIFIER_EMPTY, "10 ~ ['MQTT'] 04 00 003C []",
     "10 ~ ['MQTT'] 04 02 003C []"},
    {"MQTT-3.2.2-4", V311, SERVER, MQTT_RULE_CONNACK_REFUSED_SESSION_PRESENT, "20 02 01 05",
     "20 02 00 05"},
    {"MQTT-3.3.1-2 MQTT-4.3.1-1", V311, CLIENT, MQTT_RULE_PUBLISH_DUP_QOS_0, "38 ~ ['a']",
     "3A ~ ['a'] 0001"},
    {"MQTT-3.3.1-2 MQTT-4.3.1-1", V311, SERVER, MQTT_RULE_PUBLISH_DUP_QOS_0, "39 ~ ['a'] 'x'",
     "31 ~ ['a'] 'x'"},
    {"MQTT-3.3.1-4", V311, CLIENT, MQTT_RULE_PUBLISH_QOS_3, "36 ~ ['a'] 0001", "34 ~ ['a'] 0001"},
    {"MQTT-3.3.2-2 MQTT-4.7.1-1", V311, CLIENT, MQTT_RULE_TOPIC_NAME_WILDCARD, "30 ~ ['a/+/b']",
     "30 ~ ['a/-/b']"},
    {"MQTT-3.3.2-2 MQTT-4.7.1-1", V311, SERVER, MQTT_RULE_TOPIC_NAME_WILDCARD, "30 ~ ['a/#']",
     "30 ~ ['a/']"},
    {"MQTT-4.7.1-1", V311, CLIENT, MQTT_RULE_WILL_TOPIC_WILDCARD,
     "10 ~ ['MQTT'] 04 06 003C ['id'] ['w/#'] []", "10 ~ ['MQTT'] 04 06 003C ['id'] ['w/'] []"},
    {"MQTT-3.8.3-3", V311, CLIENT, MQTT_RULE_SUBSCRIBE_EMPTY, "82 02 0001", "82 06 0001 ['a'] 00"},
    {"MQTT-3.8.3-4", V311, CLIENT, MQTT_RULE_SUBSCRIPTION_OPTIONS_RESERVED, "82 06 0001 ['a'] 04",
     "82 06 0001 ['a'] 02"},
    {"MQTT-3.8.3-4", V311, CLIENT, MQTT_RULE_SUBSCRIPTION_OPTIONS_RESERVED, "82 06 0001 ['a'] 80",
     "82 06 0001 ['a'] 01"},
    {"MQTT-3.8.3-4", V311, CLIENT, MQTT_RULE_SUBSCRIPTION_QOS_3, "82 06 0001 ['a'] 03",
     "82 06 0001 ['a'] 00"},
    {"MQTT-3.9.3-2", V311, SERVER, MQTT_RULE_SUBACK_CODE_UNKNOWN, "90 03 0001 03", "90 03 0001 80"},
    {"MQTT-3.9.3-2", V311, SERVER, MQTT_RULE_SUBACK_CODE_UNKNOWN, "90 04 0001 00 81",
     "90 06 0001 00 01 02 80"},
    {"MQTT-3.10.3-2", V311, CLIENT, MQTT_RULE_UNSUBSCRIBE_EMPTY, "A2 02 0001", "A2 05 0001 ['a']"},
    {"MQTT-4.7.1-2", V311, CLIENT, MQTT_RULE_FILTER_MULTI_LEVEL, "82 ~ 0001 ['a#'] 00",
     "82 ~ 0001 ['a/#'] 00"},
    {"MQTT-4.7.1-2", V311, CLIENT, MQTT_RULE_FILTER_MULTI_LEVEL, "A2 ~ 0001 ['#/a']",
     "A2 ~ 0001 ['#']"},
    {"MQTT-4.7.1-3", V311, CLIENT, MQTT_RULE_FILTER_SINGLE_LEVEL, "82 ~ 0001 ['a+'] 00",
     "82 ~ 0001 ['a/+/b'] 00"},
    {"MQTT-4.7.1-3", V311, CLIENT, MQTT_RULE_FILTER_SINGLE_LEVEL, "A2 ~ 0001 ['+a']",
     "A2 ~ 0001 ['+/a']"},
    {"MQTT-4.7.3-1", V311, CLIENT, MQTT_RULE_TOPIC_EMPTY, "30 ~ [] 'x'", "30 ~ ['/'] 'x'"},
    {"MQTT-4.7.3-1", V311, CLIENT, MQTT_RULE_TOPIC_EMPTY, "82 ~ 0001 [] 00", "82 ~ 0001 [' '] 00"},
    {"MQTT-4.7.3-1", V311, CLIENT, MQTT_RULE_TOPIC_EMPTY, "A2 ~ 0001 []", "A2 ~ 0001 ['/']"},
    {"MQTT-4.7.3-1", V311, CLIENT, MQTT_RULE_TOPIC_EMPTY, "10 ~ ['MQTT'] 04 06 003C ['id'] [] []",
     "10 ~ ['MQTT'] 04 06 003C ['id'] ['/'] []"},
    {"MQTT-1.5.3-2 MQTT-4.7.3-2", V311, CLIENT, MQTT_RULE_TOPIC_NUL, "82 ~ 0001 ['a' 00] 00",
     "82 ~ 0001 ['a'] 00"},
    {"MQTT-1.5.3-2 MQTT-4.7.3-2", V311, CLIENT, MQTT_RULE_TOPIC_NUL, "A2 ~ 0001 [00]",
     "A2 ~ 0001 ['0']"},
    {"MQTT-1.5.3-2 MQTT-4.7.3-2", V311, CLIENT, MQTT_RULE_TOPIC_NUL,
     "10 ~ ['MQTT'] 04 06 003C ['id'] ['w' 00] []", "10 ~ ['MQTT'] 04 06 003C ['id'] ['w'] [00]"},
    /* ---- 5.0 ---- */
    {"MQTT-1.5.4-1", V50, SERVER, MQTT_RULE_STRING_NOT_UTF8, "E0 ~ 8B <1F [FE]>",
     "E0 ~ 8B <1F ['bye']>"},
    {"MQTT-1.5.4-1 MQTT-3.1.3-4", V50, CLIENT, MQTT_RULE_CLIENT_IDENTIFIER_NOT_UTF8,
     "10 ~ ['MQTT'] 05 02 003C <> ['d' FF]", "10 ~ ['MQTT'] 05 02 003C <> ['d' C3BC]"},
    {"MQTT-1.5.4-1 MQTT-3.1.3-11", V50, CLIENT, MQTT_RULE_WILL_TOPIC_NOT_UTF8,
     "10 ~ ['MQTT'] 05 06 003C <> ['id'] <> [ED BF BF] []",
     "10 ~ ['MQTT'] 05 06 003C <> ['id'] <> [EE 80 80] []"},
    {"MQTT-1.5.4-1 MQTT-3.1.3-12", V50, CLIENT, MQTT_RULE_USER_NAME_NOT_UTF8,
     "10 ~ ['MQTT'] 05 82 003C <> ['id'] [C1 BF]", "10 ~ ['MQTT'] 05 82 003C <> ['id'] [C2 BF]"},
    {"MQTT-1.5.4-1 MQTT-3.3.2-1", V50, CLIENT, MQTT_RULE_TOPIC_NAME_NOT_UTF8, "30 ~ ['t' E2 82] <>",
     "30 ~ ['t' E2 82 AC] <>"},
    {"MQTT-1.5.4-1 MQTT-3.8.3-1", V50, CLIENT, MQTT_RULE_SUBSCRIBE_FILTER_NOT_UTF8,
     "82 ~ 0001 <> ['a/' 80] 00", "82 ~ 0001 <> ['a/b'] 00"},
    {"MQTT-1.5.4-1 MQTT-3.10.3-1", V50, CLIENT, MQTT_RULE_UNSUBSCRIBE_FILTER_NOT_UTF8,
     "A2 ~ 0001 <> [F8]", "A2 ~ 0001 <> ['8']"},
    {"MQTT-1.5.4-1 MQTT-3.3.2-13", V50, CLIENT, MQTT_RULE_RESPONSE_TOPIC_NOT_UTF8,
     "30 ~ ['a'] <08 ['r' FF]>", "30 ~ ['a'] <08 ['r']>"},
    {"MQTT-1.5.4-1 MQTT-3.3.2-19", V50, CLIENT, MQTT_RULE_CONTENT_TYPE_NOT_UTF8,
     "30 ~ ['a'] <03 [80]>", "30 ~ ['a'] <03 ['text/plain']>"},
    {"MQTT-1.5.4-1 MQTT-1.5.7-1", V50, CLIENT, MQTT_RULE_USER_PROPERTY_NOT_UTF8,
     "30 ~ ['a'] <26 ['k' FF] ['v']>", "30 ~ ['a'] <26 ['k'] ['v']>"},
    {"MQTT-1.5.4-1 MQTT-1.5.7-1", V50, SERVER, MQTT_RULE_USER_PROPERTY_NOT_UTF8,
     "30 ~ ['a'] <26 ['k'] [FF]>", "30 ~ ['a'] <26 [] []>"},
    {"MQTT-1.5.4-2", V50, CLIENT, MQTT_RULE_STRING_NUL, "10 ~ ['MQTT'] 05 02 003C <> ['id' 00]",
     "10 ~ ['MQTT'] 05 02 003C <> ['id']"},
    {"MQTT-1.5.4-2", V50, SERVER, MQTT_RULE_STRING_NUL, "20 ~ 00 87 <1F ['no' 00]>",
     "20 ~ 00 87 <1F ['no']>"},
    {"MQTT-1.5.4-2", V50, CLIENT, MQTT_RULE_STRING_NUL, "40 ~ 0001 00 <26 [00] ['v']>",
     "40 ~ 0001 00 <26 ['k'] ['v']>"},
    {"MQTT-1.5.4-2 MQTT-4.7.3-2", V50, CLIENT, MQTT_RULE_TOPIC_NUL, "30 ~ [00] <>",
     "30 ~ ['0'] <>"},
    {"MQTT-1.5.4-2 MQTT-4.7.3-2", V50, CLIENT, MQTT_RULE_TOPIC_NUL, "82 ~ 0001 <> ['a' 00] 00",
     "82 ~ 0001 <> ['a'] 00"},
    {"MQTT-1.5.5-1", V50, CLIENT, MQTT_RULE_VARIABLE_BYTE_INTEGER_NOT_MINIMAL, "C0 80 00", "C0 00"},
    {"MQTT-1.5.5-1", V50, CLIENT, MQTT_RULE_VARIABLE_BYTE_INTEGER_NOT_MINIMAL,
     "30 ~ ['a'] 80 80 00", "30 ~ ['a'] 00"},
    {"MQTT-1.5.5-1", V50, SERVER, MQTT_RULE_VARIABLE_BYTE_INTEGER_NOT_MINIMAL,
     "30 ~ ['a'] <0B FF 00>", "30 ~ ['a'] <0B 7F>"},
    {"MQTT-1.5.5-1", V50, CLIENT, MQTT_RULE_VARIABLE_BYTE_INTEGER_NOT_MINIMAL,
     "30 ~ ['a'] <81 00 01>", "30 ~ ['a'] <01 01>"},
    {"MQTT-2.1.3-1", V50, CLIENT, MQTT_RULE_FIXED_HEADER_FLAGS, "C1 00", "C0 00"},
    {"MQTT-2.1.3-1", V50, SERVER, MQTT_RULE_FIXED_HEADER_FLAGS, "42 02 0001", "40 02 0001"},
    {"MQTT-2.1.3-1 MQTT-3.6.1-1", V50, CLIENT, MQTT_RULE_PUBREL_FLAGS, "60 02 0001", "62 02 0001"},
    {"MQTT-2.1.3-1 MQTT-3.8.1-1", V50, CLIENT, MQTT_RULE_SUBSCRIBE_FLAGS, "83 ~ 0001 <> ['a'] 00",
     "82 ~ 0001 <> ['a'] 00"},
    {"MQTT-2.1.3-1 MQTT-3.10.1-1", V50, CLIENT, MQTT_RULE_UNSUBSCRIBE_FLAGS, "A0 ~ 0001 <> ['a']",
     "A2 ~ 0001 <> ['a']"},
    {"MQTT-2.1.3-1 MQTT-3.14.1-1", V50, SERVER, MQTT_RULE_DISCONNECT_FLAGS, "E1 00", "E0 00"},
    {"MQTT-2.1.3-1 MQTT-3.15.1-1", V50, CLIENT, MQTT_RULE_AUTH_FLAGS, "F2 ~ 18 <15 ['m']>",
     "F0 ~ 18 <15 ['m']>"},
    {"MQTT-2.2.1-3", V50, CLIENT, MQTT_RULE_PACKET_IDENTIFIER_ZERO, "32 ~ ['a'] 0000 <>",
     "32 ~ ['a'] 0001 <>"},
    {"MQTT-2.2.1-3", V50, CLIENT, MQTT_RULE_PACKET_IDENTIFIER_ZERO, "82 ~ 0000 <> ['a'] 00",
     "82 ~ 0001 <> ['a'] 00"},
    {"MQTT-2.2.1-3", V50, CLIENT, MQTT_RULE_PACKET_IDENTIFIER_ZERO, "A2 ~ 0000 <> ['a']",
     "A2 ~ 0001 <> ['a']"},
    {"MQTT-2.2.1-4", V50, SERVER, MQTT_RULE_PACKET_IDENTIFIER_ZERO, "34 ~ ['a'] 0000 <>",
     "34 ~ ['a'] 0001 <>"},
    {"MQTT-2.2.2-1", V50, CLIENT, MQTT_RULE_PROPERTY_LENGTH_MISSING, "30 ~ ['a']", "30 ~ ['a'] <>"},
    {"MQTT-2.2.2-1", V50, CLIENT, MQTT_RULE_PROPERTY_LENGTH_MISSING, "82 02 0001",
     "82 ~ 0001 <> ['a'] 00"},
    {"MQTT-2.2.2-1", V50, SERVER, MQTT_RULE_PROPERTY_LENGTH_MISSING, "20 02 00 00",
     "20 03 00 00 00"},
    {"MQTT-2.2.2-1", V50, CLIENT, MQTT_RULE_PROPERTY_LENGTH_MISSING, "10 ~ ['MQTT'] 05 02 003C",
     "10 ~ ['MQTT'] 05 02 003C <> []"},
    {"MQTT-3.1.2-1", V50, CLIENT, MQTT_RULE_PROTOCOL_NAME_WRONG,
     "10 ~ ['MQTTX'] 05 02 003C <> ['id']", "10 ~ ['MQTT'] 05 02 003C <> ['id']"},
    {"", V50, CLIENT, MQTT_RULE_PROTOCOL_LEVEL_UNKNOWN, "10 ~ ['MQTT'] 00 02 003C <> ['id']",
     "10 ~ ['MQTT'] 05 02 003C <> ['id']"},
    {"MQTT-3.1.2-3", V50, CLIENT, MQTT_RULE_CONNECT_RESERVED_FLAG,
     "10 ~ ['MQTT'] 05 01 003C <> ['id']", "10 ~ ['MQTT'] 05 00 003C <> ['id']"},
    {"MQTT-3.1.2-9", V50, CLIENT, MQTT_RULE_WILL_FIELDS_MISSING,
     "10 ~ ['MQTT'] 05 06 003C <> ['id']", "10 ~ ['MQTT'] 05 06 003C <> ['id'] <> ['w'] []"},
    {"MQTT-3.1.2-9", V50, CLIENT, MQTT_RULE_WILL_FIELDS_MISSING,
     "10 ~ ['MQTT'] 05 06 003C <> ['id'] <18 00000005>",
     "10 ~ ['MQTT'] 05 06 003C <> ['id'] <18 00000005> ['w'] ['x']"},
    {"MQTT-3.1.2-9", V50, CLIENT, MQTT_RULE_WILL_FIELDS_MISSING,
     "10 ~ ['MQTT'] 05 06 003C <> ['id'] <> ['w']",
     "10 ~ ['MQTT'] 05 06 003C <> [] <> ['w'] ['x']"},
    {"MQTT-3.1.2-11", V50, CLIENT, MQTT_RULE_WILL_QOS_WITHOUT_WILL,
     "10 ~ ['MQTT'] 05 12 003C <> ['id']", "10 ~ ['MQTT'] 05 16 003C <> ['id'] <> ['w'] []"},
    {"MQTT-3.1.2-12", V50, CLIENT, MQTT_RULE_WILL_QOS_3,
     "10 ~ ['MQTT'] 05 1E 003C <> ['id'] <> ['w'] []",
     "10 ~ ['MQTT'] 05 0E 003C <> ['id'] <> ['w'] []"},
    {"MQTT-3.1.2-13", V50, CLIENT, MQTT_RULE_WILL_RETAIN_WITHOUT_WILL,
     "10 ~ ['MQTT'] 05 20 003C <> ['id']", "10 ~ ['MQTT'] 05 24 003C <> ['id'] <> ['w'] []"},
    {"MQTT-3.1.2-16", V50, CLIENT, MQTT_RULE_USER_NAME_UNEXPECTED,
     "10 ~ ['MQTT'] 05 02 003C <> ['id'] ['me']", "10 ~ ['MQTT'] 05 82 003C <> ['id'] ['me']"},
    {"MQTT-3.1.2-17", V50, CLIENT, MQTT_RULE_USER_NAME_MISSING,
     "10 ~ ['MQTT'] 05 82 003C <> ['id']", "10 ~ ['MQTT'] 05 02 003C <> ['id']"},
    {"MQTT-3.1.2-18", V50, CLIENT, MQTT_RULE_PASSWORD_UNEXPECTED,
     "10 ~ ['MQTT'] 05 82 003C <> ['id'] ['me'] ['pw']",
     "10 ~ ['MQTT'] 05 C2 003C <> ['id'] ['me'] ['pw']"},
    {"MQTT-3.1.2-19", V50, CLIENT, MQTT_RULE_PASSWORD_MISSING, "10 ~ ['MQTT'] 05 42 003C <> ['id']",
     "10 ~ ['MQTT'] 05 42 003C <> ['id'] ['token']"},
    {"MQTT-3.1.3-3", V50, CLIENT, MQTT_RULE_CLIENT_IDENTIFIER_MISSING,
     "10 ~ ['MQTT'] 05 02 003C <>", "10 ~ ['MQTT'] 05 00 003C <> []"},
    {"MQTT-3.2.2-1", V50, SERVER, MQTT_RULE_CONNACK_FLAGS_RESERVED, "20 ~ 02 00 <>",
     "20 ~ 01 00 <>"},
    {"MQTT-3.2.2-6", V50, SERVER, MQTT_RULE_CONNACK_REFUSED_SESSION_PRESENT, "20 ~ 01 87 <>",
     "20 ~ 00 87 <>"},
    {"MQTT-3.2.2-8", V50, SERVER, MQTT_RULE_CONNACK_REASON_UNKNOWN, "20 ~ 00 05 <>",
     "20 ~ 00 86 <>"},
    {"MQTT-3.3.1-2 MQTT-4.3.1-1", V50, CLIENT, MQTT_RULE_PUBLISH_DUP_QOS_0, "38 ~ ['a'] <>",
     "3C ~ ['a'] 0001 <>"},
    {"MQTT-3.3.1-4", V50, SERVER, MQTT_RULE_PUBLISH_QOS_3, "36 ~ ['a'] 0001 <>",
     "34 ~ ['a'] 0001 <>"},
    {"MQTT-3.3.2-2 MQTT-4.7.0-1", V50, CLIENT, MQTT_RULE_TOPIC_NAME_WILDCARD, "30 ~ ['a/+'] <>",
     "30 ~ ['a/p'] <>"},
    {"MQTT-4.7.0-1", V50, CLIENT, MQTT_RULE_WILL_TOPIC_WILDCARD,
     "10 ~ ['MQTT'] 05 06 003C <> ['id'] <> ['+'] []",
     "10 ~ ['MQTT'] 05 06 003C <> ['id'] <> ['w'] ['+']"},
    {"MQTT-3.3.2-14 MQTT-4.7.0-1", V50, CLIENT, MQTT_RULE_RESPONSE_TOPIC_WILDCARD,
     "30 ~ ['a'] <08 ['r/#']>", "30 ~ ['a'] <08 ['r/1']>"},
    {"MQTT-3.3.2-14 MQTT-4.7.0-1", V50, CLIENT, MQTT_RULE_RESPONSE_TOPIC_WILDCARD,
     "10 ~ ['MQTT'] 05 06 003C <> ['id'] <08 ['r/+']> ['w'] []",
     "10 ~ ['MQTT'] 05 06 003C <> ['id'] <08 ['r']> ['w'] []"},
    {"MQTT-3.3.2-8", V50, CLIENT, MQTT_RULE_TOPIC_ALIAS_ZERO, "30 ~ ['a'] <23 0000>",
     "30 ~ ['a'] <23 0001>"},
    {"MQTT-3.3.4-6", V50, CLIENT, MQTT_RULE_SUBSCRIPTION_IDENTIFIER_FROM_CLIENT,
     "30 ~ ['a'] <0B 01>", "30 ~ ['a'] <>"},
    {"MQTT-3.4.2-1", V50, SERVER, MQTT_RULE_PUBACK_REASON_UNKNOWN, "40 03 0001 92",
     "40 03 0001 10"},
    {"MQTT-3.5.2-1", V50, SERVER, MQTT_RULE_PUBREC_REASON_UNKNOWN, "50 03 0001 01",
     "50 03 0001 97"},
    {"MQTT-3.6.2-1", V50, CLIENT, MQTT_RULE_PUBREL_REASON_UNKNOWN, "62 03 0001 80",
     "62 03 0001 92"},
    {"MQTT-3.7.2-1", V50, SERVER, MQTT_RULE_PUBCOMP_REASON_UNKNOWN, "70 04 0001 10 00",
     "70 04 0001 92 00"},
    {"MQTT-3.8.3-2", V50, CLIENT, MQTT_RULE_SUBSCRIBE_EMPTY, "82 03 0001 <>",
     "82 07 0001 <> ['a'] 00"},
    {"MQTT-3.8.3-4", V50, CLIENT, MQTT_RULE_NO_LOCAL_SHARED, "82 ~ 0001 <> ['$share/g/a'] 04",
     "82 ~ 0001 <> ['$share/g/a'] 00"},
    {"MQTT-3.8.3-4", V50, CLIENT, MQTT_RULE_NO_LOCAL_SHARED, "82 ~ 0001 <> ['$share/g/#'] 2E",
     "82 ~ 0001 <> ['share/g/#'] 2E"},
    {"MQTT-3.8.3-5", V50, CLIENT, MQTT_RULE_SUBSCRIPTION_OPTIONS_RESERVED, "82 ~ 0001 <> ['a'] 40",
     "82 ~ 0001 <> ['a'] 2E"},
    {"MQTT-3.8.3-5", V50, CLIENT, MQTT_RULE_SUBSCRIPTION_OPTIONS_RESERVED, "82 ~ 0001 <> ['a'] 81",
     "82 ~ 0001 <> ['a'] 01"},
    {"MQTT-3.8.4-7 MQTT-3.9.3-2", V50, SERVER, MQTT_RULE_SUBACK_CODE_UNKNOWN, "90 ~ 0001 <> 11",
     "90 ~ 0001 <> 9E"},
    {"MQTT-3.8.4-7 MQTT-3.9.3-2", V50, SERVER, MQTT_RULE_SUBACK_CODE_UNKNOWN, "90 ~ 0001 <> 00 03",
     "90 ~ 0001 <> 00 02"},
    {"MQTT-3.10.3-2", V50, CLIENT, MQTT_RULE_UNSUBSCRIBE_EMPTY, "A2 03 0001 <>",
     "A2 06 0001 <> ['a']"},
    {"MQTT-3.11.3-2", V50, SERVER, MQTT_RULE_UNSUBACK_CODE_UNKNOWN, "B0 ~ 0001 <> 01",
     "B0 ~ 0001 <> 11"},
    {"MQTT-3.14.2-1", V50, CLIENT, MQTT_RULE_DISCONNECT_REASON_UNKNOWN, "E0 01 05", "E0 01 04"},
    {"MQTT-3.14.2-1", V50, CLIENT, MQTT_RULE_DISCONNECT_REASON_UNKNOWN, "E0 01 8E", "E0 01 81"},
    {"MQTT-3.14.2-1", V50, SERVER, MQTT_RULE_DISCONNECT_REASON_UNKNOWN, "E0 01 04", "E0 01 8E"},
    {"MQTT-3.14.2-2", V50, SERVER, MQTT_RULE_DISCONNECT_EXPIRY_FROM_SERVER, "E0 ~ 00 <11 0000000A>",
     "E0 ~ 00 <>"},
    {"MQTT-3.15.2-1", V50, SERVER, MQTT_RULE_AUTH_REASON_UNKNOWN, "F0 ~ 19 <15 ['m']>",
     "F0 ~ 00 <15 ['m']>"},
    {"MQTT-3.15.2-1", V50, CLIENT, MQTT_RULE_AUTH_REASON_UNKNOWN, "F0 00", "F0 ~ 19 <15 ['m']>"},
    {"MQTT-3.15.2-1", V50, CLIENT, MQTT_RULE_AUTH_REASON_UNKNOWN, "F0 ~ 00 <15 ['m']>",
     "F0 ~ 19 <15 ['m']>"},
    {"MQTT-3.15.2-1", V50, CLIENT, MQTT_RULE_AUTH_REASON_UNKNOWN, "F0 ~ 80 <15 ['m']>",
     "F0 ~ 18 <15 ['m']>"},
    {"MQTT-4.7.1-1", V50, CLIENT, MQTT_RULE_FILTER_MULTI_LEVEL, "82 ~ 0001 <> ['a/#/b'] 00",
     "82 ~ 0001 <> ['a/b/#'] 00"},
    {"MQTT-4.7.1-1", V50, CLIENT, MQTT_RULE_FILTER_MULTI_LEVEL, "82 ~ 0001 <> ['$share/g/a#'] 00",
     "82 ~ 0001 <> ['$share/g/#'] 00"},
    {"MQTT-4.7.1-2", V50, CLIENT, MQTT_RULE_FILTER_SINGLE_LEVEL, "A2 ~ 0001 <> ['a/b+']",
     "A2 ~ 0001 <> ['a/+']"},
    {"MQTT-4.7.3-1", V50, CLIENT, MQTT_RULE_TOPIC_EMPTY, "30 ~ [] <> 'x'", "30 ~ [] <23 0001> 'x'"},
    {"MQTT-4.7.3-1", V50, CLIENT, MQTT_RULE_TOPIC_EMPTY, "82 ~ 0001 <> [] 00",
     "82 ~ 0001 <> ['/'] 00"},
    {"MQTT-4.7.3-1", V50, CLIENT, MQTT_RULE_TOPIC_EMPTY,
     "10 ~ ['MQTT'] 05 06 003C <> ['id'] <> [] []",
     "10 ~ ['MQTT'] 05 06 003C <> ['id'] <> ['w'] []"},
    {"MQTT-4.7.3-1", V50, CLIENT, MQTT_RULE_TOPIC_EMPTY, "30 ~ ['a'] <08 []>",
     "30 ~ ['a'] <08 ['r']>"},
    {"MQTT-4.8.2-1", V50, CLIENT, MQTT_RULE_SHARE_NAME_MISSING, "82 ~ 0001 <> ['$share//a'] 00",
     "82 ~ 0001 <> ['$share/g/a'] 00"},
    {"MQTT-4.8.2-2", V50, CLIENT, MQTT_RULE_SHARE_MALFORMED, "82 ~ 0001 <> ['$share/g'] 00",
     "82 ~ 0001 <> ['$share/g//'] 00"},
    {"MQTT-4.8.2-2", V50, CLIENT, MQTT_RULE_SHARE_MALFORMED, "A2 ~ 0001 <> ['$share/g+/a']",
     "A2 ~ 0001 <> ['$share/g/+']"},
    /* ---- without a number, in any version ---- */
    {"", V311, CLIENT, MQTT_RULE_REMAINING_LENGTH_MALFORMED, "30 FF FF FF FF 7F", "30 03 ['a']"},
    {"", V50, CLIENT, MQTT_RULE_REMAINING_LENGTH_MALFORMED, "30 80 80 80 80 00", "30 04 ['a'] <>"},
    {"", V311, CLIENT, MQTT_RULE_VARIABLE_BYTE_INTEGER_NOT_MINIMAL, "C0 80 00", "C0 00"},
    {"", V50, CLIENT, MQTT_RULE_VARIABLE_BYTE_INTEGER_TOO_LONG, "30 ~ ['a'] FF FF FF FF 01",
     "30 ~ ['a'] <>"},
    {"", V50, SERVER, MQTT_RULE_VARIABLE_BYTE_INTEGER_TOO_LONG, "30 ~ ['a'] <0B 80 80 80 80 01>",
     "30 ~ ['a'] <0B 80 80 80 01>"},
    {"", V311, CLIENT, MQTT_RULE_STRING_CONTROL_CHARACTER, "30 ~ ['a' 09 'b']", "30 ~ ['a b'] 09"},
    {"", V311, CLIENT, MQTT_RULE_STRING_CONTROL_CHARACTER, "82 ~ 0001 ['a' 7F] 00",
     "82 ~ 0001 ['a~'] 00"},
    {"", V311, SERVER, MQTT_RULE_STRING_CONTROL_CHARACTER, "30 ~ ['long/topic' C2 9F 0A]",
     "30 ~ ['long/topic' C2 A0]"},
    {"", V311, CLIENT, MQTT_RULE_STRING_CONTROL_CHARACTER,
     "10 ~ ['MQTT'] 04 C6 003C ['id'] ['w'] [0A] ['u' 1F] [0A]",
     "10 ~ ['MQTT'] 04 C6 003C ['id'] ['w'] [0A] ['u'] [0A]"},
    {"", V50, CLIENT, MQTT_RULE_STRING_CONTROL_CHARACTER, "30 ~ ['a'] <26 ['k'] ['v' 0D 0A]>",
     "30 ~ ['a'] <26 ['k'] ['v']> 0D 0A"},
    {"", V50, CLIENT, MQTT_RULE_STRING_CONTROL_CHARACTER, "30 ~ ['a'] <08 [01 'r']>",
     "30 ~ ['a'] <09 [01 'r']>"},
    {"", V311, CLIENT, MQTT_RULE_STRING_NON_CHARACTER, "30 ~ ['a' EF BF BF]",
     "30 ~ ['a' EF BF BD]"},
    {"", V311, CLIENT, MQTT_RULE_STRING_NON_CHARACTER, "30 ~ [EF BF BE 'a']",
     "30 ~ [EF BB BF 'a']"},
    {"", V50, CLIENT, MQTT_RULE_STRING_NON_CHARACTER, "A2 ~ 0001 <> ['a' EF B7 90]",
     "A2 ~ 0001 <> ['a' EF B7 8F]"},
    {"", V50, SERVER, MQTT_RULE_STRING_NON_CHARACTER, "E0 ~ 8B <1F [F0 9F BF BE]>",
     "E0 ~ 8B <1F [F0 9F BF BD]>"},
    {"", V311, CLIENT, MQTT_RULE_PACKET_TYPE_RESERVED, "00 00", "C0 00"},
    {"", V311, CLIENT, MQTT_RULE_PACKET_TYPE_RESERVED, "F0 00", "E0 00"},
    {"", V50, CLIENT, MQTT_RULE_PACKET_TYPE_RESERVED, "0F 00", "C0 00"},
    {"", V311, CLIENT, MQTT_RULE_FIELD_MISSING, "32 ~ ['a'] 00", "32 ~ ['a'] 0001"},
    {"", V311, CLIENT, MQTT_RULE_FIELD_MISSING, "30 01 00", "30 03 ['a']"},
    {"", V311, CLIENT, MQTT_RULE_FIELD_MISSING, "30 04 0003 'ab'", "30 05 ['abc']"},
    {"", V311, CLIENT, MQTT_RULE_FIELD_MISSING, "40 01 00", "40 02 0001"},
    {"", V311, SERVER, MQTT_RULE_FIELD_MISSING, "20 01 00", "20 02 00 00"},
    {"", V311, CLIENT, MQTT_RULE_FIELD_MISSING, "82 ~ 0001 ['a'] 00 ['b']",
     "82 ~ 0001 ['a'] 00 ['b'] 00"},
    {"", V311, CLIENT, MQTT_RULE_FIELD_MISSING, "10 ~ ['MQTT'] 04 02 00",
     "10 ~ ['MQTT'] 04 02 0000 []"},
    {"", V50, CLIENT, MQTT_RULE_FIELD_MISSING, "30 ~ ['a'] <02 0000>", "30 ~ ['a'] <02 00000001>"},
    {"", V50, CLIENT, MQTT_RULE_FIELD_MISSING, "30 ~ ['a'] <03 0005 'abc'>",
     "30 ~ ['a'] <03 ['abc']>"},
    {"", V311, CLIENT, MQTT_RULE_TRAILING_BYTES, "C0 01 00", "C0 00"},
    {"", V311, CLIENT, MQTT_RULE_TRAILING_BYTES, "40 03 0001 00", "40 02 0001"},
    {"", V311, SERVER, MQTT_RULE_TRAILING_BYTES, "B0 03 0001 00", "B0 02 0001"},
    {"", V311, SERVER, MQTT_RULE_TRAILING_BYTES, "20 03 00 00 00", "20 02 00 00"},
    {"", V311, CLIENT, MQTT_RULE_TRAILING_BYTES, "E0 02 00 00", "E0 00"},
    {"", V311, CLIENT, MQTT_RULE_TRAILING_BYTES, "10 ~ ['MQTT'] 04 C2 003C ['id'] ['u'] ['p'] 00",
     "10 ~ ['MQTT'] 04 C2 003C ['id'] ['u'] ['p']"},
    {"", V50, CLIENT, MQTT_RULE_TRAILING_BYTES, "40 ~ 0001 00 <> 00", "40 ~ 0001 00 <>"},
    {"", V31, CLIENT, MQTT_RULE_PUBREL_FLAGS, "60 02 0001", "6A 02 0001"},
    {"", V31, CLIENT, MQTT_RULE_SUBSCRIBE_FLAGS, "80 ~ 0001 ['a'] 00", "8A ~ 0001 ['a'] 00"},
    {"", V31, CLIENT, MQTT_RULE_UNSUBSCRIBE_FLAGS, "A4 ~ 0001 ['a']", "AA ~ 0001 ['a']"},
    {"", V31, CLIENT, MQTT_RULE_CLIENT_IDENTIFIER_LENGTH,
     "10 ~ ['MQIsdp'] 03 02 003C ['123456789012345678901234']",
     "10 ~ ['MQIsdp'] 03 02 003C ['12345678901234567890123']"},
    {"", V31, CLIENT, MQTT_RULE_CLIENT_IDENTIFIER_LENGTH, "10 ~ ['MQIsdp'] 03 02 003C []",
     "10 ~ ['MQIsdp'] 03 02 003C ['1']"},
    {"", V50, CLIENT, MQTT_RULE_AUTHENTICATION_DATA_ALONE,
     "10 ~ ['MQTT'] 05 02 003C <16 [00]> ['id']",
     "10 ~ ['MQTT'] 05 02 003C <15 ['m'] 16 [00]> ['id']"},
    {"", V50, SERVER, MQTT_RULE_AUTHENTICATION_DATA_ALONE, "20 ~ 00 00 <16 [00]>",
     "20 ~ 00 00 <16 [00] 15 ['m']>"},
    {"", V311, SERVER, MQTT_RULE_CONNACK_FLAGS_RESERVED, "20 02 80 00", "20 02 01 00"},
    {"MQTT-3.2.2-6", V311, SERVER, MQTT_RULE_CONNACK_REASON_UNKNOWN, "20 02 00 06", "20 02 00 05"},
    {"", V50, CLIENT, MQTT_RULE_PAYLOAD_NOT_UTF8, "30 ~ ['a'] <01 01> 'x' FF",
     "30 ~ ['a'] <01 00> 'x' FF"},
    {"", V50, CLIENT, MQTT_RULE_SUBSCRIPTION_QOS_3, "82 ~ 0001 <> ['a'] 03",
     "82 ~ 0001 <> ['a'] 02"},
    {"", V50, CLIENT, MQTT_RULE_RETAIN_HANDLING_3, "82 ~ 0001 <> ['a'] 30",
     "82 ~ 0001 <> ['a'] 20"},
    {"", V50, CLIENT, MQTT_RULE_AUTH_METHOD_MISSING, "F0 ~ 18 <>", "F0 ~ 18 <15 ['m']>"},
    {"", V50, CLIENT, MQTT_RULE_PROPERTY_LENGTH_OVERRUN, "30 ~ ['a'] 05 01 00",
     "30 ~ ['a'] 02 01 00"},
    {"", V50, CLIENT, MQTT_RULE_PROPERTY_UNKNOWN, "30 ~ ['a'] <2B 00>", "30 ~ ['a'] <01 00>"},
    {"", V50, CLIENT, MQTT_RULE_PROPERTY_UNKNOWN, "30 ~ ['a'] <00>", "30 ~ ['a'] <> 00"},
    {"", V50, CLIENT, MQTT_RULE_PROPERTY_NOT_ALLOWED, "30 ~ ['a'] <11 00000001>",
     "30 ~ ['a'] <02 00000001>"},
    {"", V50, SERVER, MQTT_RULE_PROPERTY_NOT_ALLOWED, "20 ~ 00 00 <23 0001>",
     "20 ~ 00 00 <22 0001>"},
    {"", V50, CLIENT, MQTT_RULE_PROPERTY_NOT_ALLOWED,
     "10 ~ ['MQTT'] 05 06 003C <> ['id'] <11 00000001> ['w'] []",
     "10 ~ ['MQTT'] 05 06 003C <11 00000001> ['id'] <> ['w'] []"},
    {"", V50, CLIENT, MQTT_RULE_PROPERTY_REPEATED, "30 ~ ['a'] <01 00 01 00>",
     "30 ~ ['a'] <01 00 26 [] [] 26 [] []>"},
    {"", V50, CLIENT, MQTT_RULE_PROPERTY_REPEATED, "82 ~ 0001 <0B 01 0B 02> ['a'] 00",
     "82 ~ 0001 <0B 01> ['a'] 00"},
    {"", V50, CLIENT, MQTT_RULE_PROPERTY_OUT_OF_RANGE, "30 ~ ['a'] <01 02>", "30 ~ ['a'] <01 01>"},
    {"", V50, CLIENT, MQTT_RULE_PROPERTY_OUT_OF_RANGE, "10 ~ ['MQTT'] 05 02 003C <21 0000> ['id']",
     "10 ~ ['MQTT'] 05 02 003C <21 0001> ['id']"},
    {"", V50, CLIENT, MQTT_RULE_PROPERTY_OUT_OF_RANGE, "82 ~ 0001 <0B 00> ['a'] 00",
     "82 ~ 0001 <0B 01> ['a'] 00"},
    {"", V50, SERVER, MQTT_RULE_PROPERTY_OUT_OF_RANGE, "20 ~ 00 00 <24 02>", "20 ~ 00 00 <24 01>"},
    {"", V50, SERVER, MQTT_RULE_PROPERTY_OUT_OF_RANGE, "20 ~ 00 00 <27 00000000>",
     "20 ~ 00 00 <27 00000001>"},
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

static enum mqtt_outcome decode(const struct row *row, const char *text, struct mqtt_packet *packet)
{
    const struct mqtt_context context = {row->version, row->sender};
    struct bytes bytes = notation(text);
    uint8_t *data = bytes_exact(bytes.data, bytes.length);
    enum mqtt_outcome outcome = mqtt_decode(data, bytes.length, bytes.length, &context, packet);
    free(data);
    free(bytes.data);
    return outcome;
}

START_TEST(bad_bytes_raise_the_rule)
{
    const struct row *row = &rows[_i];
    struct mqtt_packet packet;
    enum mqtt_outcome outcome = decode(row, row->bad, &packet);
    ck_assert_msg(packet.finding_count == 1, "%s: %u findings, the first is %s", row->bad,
                  packet.finding_count,
                  packet.finding_count == 0
                      ? "missing"
                      : mqtt_rule_info((enum mqtt_rule)packet.findings[0].rule)->id);
    ck_assert_msg(packet.findings[0].rule == row->rule, "%s: %s", row->bad,
                  mqtt_rule_info((enum mqtt_rule)packet.findings[0].rule)->id);
    ck_assert_msg(outcome == MQTT_OK || outcome == MQTT_MALFORMED, "%s: outcome %d", row->bad,
                  outcome);
    if (outcome == MQTT_MALFORMED)
        ck_assert_int_eq(packet.malformed_rule, row->rule);
}
END_TEST

/* Several at once: the rules, in the order in which they are found. */
static const struct several {
    enum mqtt_version version;
    const char *packet;
    enum mqtt_rule rules[4]; /* MQTT_RULE_NONE ends them */
    uint32_t values[2];      /* of the first */
} several_rows[] = {
    /* Neither the type nor the length is right. */
    {V311,
     "00 FF FF FF FF",
     {MQTT_RULE_PACKET_TYPE_RESERVED, MQTT_RULE_REMAINING_LENGTH_MALFORMED, MQTT_RULE_NONE},
     {0, 0}},
    {V311,
     "F0 80 80 80 80",
     {MQTT_RULE_PACKET_TYPE_RESERVED, MQTT_RULE_REMAINING_LENGTH_MALFORMED, MQTT_RULE_NONE},
     {15, 0}},
    {V50, "F0 80 80 80 80", {MQTT_RULE_REMAINING_LENGTH_MALFORMED, MQTT_RULE_NONE}, {0, 0}},
    /* The first of each kind and of each string, and which one it is. */
    {V311,
     "30 ~ ['ab' 07 EF BF BF 08 EF BF BE]",
     {MQTT_RULE_STRING_CONTROL_CHARACTER, MQTT_RULE_STRING_NON_CHARACTER, MQTT_RULE_NONE},
     {0x07, 2}},
    {V50,
     "30 ~ ['a'] <26 ['k' 0A] ['v' 0A 0A]>",
     {MQTT_RULE_STRING_CONTROL_CHARACTER, MQTT_RULE_STRING_CONTROL_CHARACTER, MQTT_RULE_NONE},
     {0x0a, 1}},
    {V50,
     "30 ~ ['gr' C3 BC 'n/' C2 85] <>",
     {MQTT_RULE_STRING_CONTROL_CHARACTER, MQTT_RULE_NONE},
     {0x85, 6}},
    {V50,
     "30 ~ ['a' F4 8F BF BE] <>",
     {MQTT_RULE_STRING_NON_CHARACTER, MQTT_RULE_NONE},
     {0x10fffe, 1}},
    /* NUL is more than discouraged; what is no UTF-8 has no characters. */
    {V311,
     "30 ~ ['a' 07 00]",
     {MQTT_RULE_STRING_CONTROL_CHARACTER, MQTT_RULE_TOPIC_NUL, MQTT_RULE_NONE},
     {0x07, 1}},
    {V311, "30 ~ [07 FF]", {MQTT_RULE_TOPIC_NAME_NOT_UTF8, MQTT_RULE_NONE}, {1, 0}},
    /* 3.1 discourages nothing. */
    {V31, "30 ~ ['a' 07 EF BF BF]", {MQTT_RULE_NONE}, {0, 0}},
};

START_TEST(several_rules)
{
    const struct several *row = &several_rows[_i];
    const struct row as = {"", row->version, CLIENT, MQTT_RULE_NONE, row->packet, row->packet};
    struct mqtt_packet packet;
    decode(&as, row->packet, &packet);
    for (unsigned i = 0; i < 4; i++) {
        const unsigned rule =
            i < packet.finding_count ? packet.findings[i].rule : (unsigned)MQTT_RULE_NONE;
        ck_assert_msg(rule == row->rules[i], "%s: number %u is %s", row->packet, i + 1,
                      rule < MQTT_RULES ? mqtt_rule_info((enum mqtt_rule)rule)->id : "missing");
        if (rule == MQTT_RULE_NONE)
            break;
        ck_assert(i != 0 || (packet.findings[0].values[0] == row->values[0] &&
                             packet.findings[0].values[1] == row->values[1]));
    }
}
END_TEST

/* Of many strings that hold what is discouraged not all are told, but what is forbidden is. */
START_TEST(warnings_leave_room_for_errors)
{
    char text[512] = "82 ~ 0001";
    for (unsigned i = 0; i < 20; i++)
        strcat(text, i < 19 ? " [07] 00" : " [07] 80");
    const struct row as = {"", V311, CLIENT, MQTT_RULE_NONE, text, text};
    struct mqtt_packet packet;
    ck_assert_int_eq(decode(&as, text, &packet), MQTT_OK);
    ck_assert_uint_eq(packet.finding_count, MQTT_PACKET_FINDINGS_MAX / 2 + 1);
    ck_assert_uint_eq(packet.findings_dropped, 20 - MQTT_PACKET_FINDINGS_MAX / 2);
    ck_assert_uint_eq(packet.findings[packet.finding_count - 1].rule,
                      MQTT_RULE_SUBSCRIPTION_OPTIONS_RESERVED);
}
END_TEST

START_TEST(the_twin_raises_none)
{
    const struct row *row = &rows[_i];
    struct mqtt_packet packet;
    enum mqtt_outcome outcome = decode(row, row->good, &packet);
    ck_assert_msg(outcome == MQTT_OK, "%s: outcome %d", row->good, outcome);
    ck_assert_msg(packet.finding_count == 0, "%s: %s", row->good,
                  packet.finding_count == 0
                      ? ""
                      : mqtt_rule_info((enum mqtt_rule)packet.findings[0].rule)->id);
}
END_TEST

/* Whether a list like "MQTT-3.3.1-2 MQTT-4.3.1-1" has the statement. */
static bool lists(const char *list, const char *statement, size_t length)
{
    while (*list != '\0') {
        size_t word = strcspn(list, " ");
        if (word == length && memcmp(list, statement, length) == 0)
            return true;
        list += word + strspn(list + word, " ");
    }
    return false;
}

/* rules.def names exactly the row's statements for this rule, version and sender. */
START_TEST(the_rule_names_the_statements)
{
    const struct row *row = &rows[_i];
    const char *cursor = NULL;
    const char *statement;
    size_t length;
    size_t named = 0;
    size_t listed = row->statements[0] != '\0';
    for (const char *at = row->statements; (at = strchr(at, ' ')) != NULL; at++)
        listed++;
    while (
        mqtt_statement_next(row->rule, row->version, row->sender, &cursor, &statement, &length)) {
        ck_assert_msg(lists(row->statements, statement, length), "%s names %.*s",
                      mqtt_rule_info(row->rule)->id, (int)length, statement);
        named++;
    }
    ck_assert_msg(named == listed, "%s names %zu statements, not %s", mqtt_rule_info(row->rule)->id,
                  named, row->statements);
}
END_TEST

static bool has_row(enum mqtt_version version, const char *statement)
{
    for (size_t i = 0; i < ROWS; i++)
        if (rows[i].version == version && lists(rows[i].statements, statement, strlen(statement)))
            return true;
    return false;
}

/* Those that one packet can break, but for those that no packet can be seen to break. */
START_TEST(every_statement_of_one_packet_is_shown)
{
    const struct mqtt_statement *row;
    unsigned shown = 0;
    for (unsigned i = 0; (row = mqtt_statement(i)) != NULL; i++) {
        if (row->scope != MQTT_SCOPE_PACKET)
            continue;
        ck_assert_msg(has_row((enum mqtt_version)row->version, row->id) !=
                          (row->why == MQTT_WHY_UNSEEN),
                      "%s of %s: has bytes that break it, or a reason why there are none", row->id,
                      mqtt_version_name(row->version));
        shown++;
    }
    ck_assert_uint_eq(shown, 43 + 62); /* as the two specifications number them */
}
END_TEST

START_TEST(every_packet_rule_is_raised)
{
    for (unsigned rule = 0; rule < MQTT_RULES; rule++) {
        bool raised = mqtt_rule_info((enum mqtt_rule)rule)->scope != MQTT_SCOPE_PACKET;
        for (size_t i = 0; i < ROWS && !raised; i++)
            raised = rows[i].rule == rule;
        ck_assert_msg(raised, "%s has no row", mqtt_rule_info((enum mqtt_rule)rule)->id);
    }
}
END_TEST

/* What rules.def claims for a packet rule has bytes to show for it, in that version. */
static void assert_shown(enum mqtt_rule rule, enum mqtt_version version)
{
    const char *cursor = NULL;
    const char *statement;
    size_t length;
    while (mqtt_statement_next(rule, version, MQTT_SENDER_UNKNOWN, &cursor, &statement, &length)) {
        bool shown = false;
        for (size_t i = 0; i < ROWS && !shown; i++)
            shown = rows[i].rule == rule && rows[i].version == version &&
                    lists(rows[i].statements, statement, length);
        ck_assert_msg(shown, "%s: %.*s of %s", mqtt_rule_info(rule)->id, (int)length, statement,
                      mqtt_version_name(version));
    }
}

START_TEST(every_claim_of_a_packet_rule_is_shown)
{
    for (unsigned rule = 0; rule < MQTT_RULES; rule++) {
        if (mqtt_rule_info((enum mqtt_rule)rule)->scope != MQTT_SCOPE_PACKET)
            continue;
        assert_shown((enum mqtt_rule)rule, V311);
        assert_shown((enum mqtt_rule)rule, V50);
    }
}
END_TEST

SUITE("statements", TABLE(bad_bytes_raise_the_rule, rows), TABLE(several_rules, several_rows),
      TEST(warnings_leave_room_for_errors), TABLE(the_twin_raises_none, rows),
      TABLE(the_rule_names_the_statements, rows), TEST(every_statement_of_one_packet_is_shown),
      TEST(every_packet_rule_is_raised), TEST(every_claim_of_a_packet_rule_is_shown))
