/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Control packets of all types and versions without a fault, in the notation of notation.h. */
#ifndef MQTTSCOPE_TESTS_UNIT_VECTORS_H
#define MQTTSCOPE_TESTS_UNIT_VECTORS_H

#include "mqtt/wire/packet.h"

struct vector {
    enum mqtt_version version;
    enum mqtt_sender sender;
    const char *text;
    const char *view; /* as describe() in test_decode.c writes it */
};

#define V31 MQTT_VERSION_3_1
#define V311 MQTT_VERSION_3_1_1
#define V50 MQTT_VERSION_5_0
#define CLIENT MQTT_SENDER_CLIENT
#define SERVER MQTT_SENDER_SERVER

static const struct vector vectors[] = {
    /* 3.1 CONNECT */
    {V31, CLIENT, "10 ~ ['MQIsdp'] 03 02 003C ['id']",
     "CONNECT 3.1 'MQIsdp' 3 clean keep=60 id='id'"},
    {V31, CLIENT, "10 ~ ['MQIsdp'] 03 CE 0000 ['id'] ['w'] ['gone'] ['me'] ['pw']",
     "CONNECT 3.1 'MQIsdp' 3 clean keep=0 id='id' will=1,'w','gone' user='me' password='pw'"},
    /* 3.1, section 3.1: the Remaining Length overrules the user name and password flags */
    {V31, CLIENT, "10 ~ ['MQIsdp'] 03 C2 003C ['id']",
     "CONNECT 3.1 'MQIsdp' 3 clean keep=60 id='id' user='' password=''"},
    {V31, CLIENT, "10 ~ ['MQIsdp'] 83 02 003C ['id']",
     "CONNECT 3.1 'MQIsdp' 3 bridge clean keep=60 id='id'"},
    {V311, CLIENT, "10 ~ ['MQTT'] 04 00 003C ['id']", "CONNECT 3.1.1 'MQTT' 4 keep=60 id='id'"},
    {V311, CLIENT, "10 ~ ['MQTT'] 04 02 FFFF []", "CONNECT 3.1.1 'MQTT' 4 clean keep=65535 id=''"},
    {V311, CLIENT, "10 ~ ['MQTT'] 84 02 003C ['id']",
     "CONNECT 3.1.1 'MQTT' 4 bridge clean keep=60 id='id'"},
    {V311, CLIENT, "10 ~ ['MQTT'] 04 F6 0001 ['id'] ['w/t'] [00FF] ['me'] [00]",
     "CONNECT 3.1.1 'MQTT' 4 clean keep=1 id='id' will=2r,'w/t','\\00\\FF' user='me' "
     "password='\\00'"},
    {V311, CLIENT, "10 ~ ['MQTT'] 04 80 000A ['id'] []",
     "CONNECT 3.1.1 'MQTT' 4 keep=10 id='id' user=''"},
    {V50, CLIENT, "10 ~ ['MQTT'] 05 02 003C <> ['id']",
     "CONNECT 5.0 'MQTT' 5 clean keep=60 id='id'"},
    {V50, CLIENT, "10 ~ ['MQTT'] 05 40 003C <> ['id'] ['token']",
     "CONNECT 5.0 'MQTT' 5 keep=60 id='id' password='token'"},
    {V50, CLIENT,
     "10 ~ ['MQTT'] 05 EE 003C <11 00000E10 21 0014 27 00010000 22 000A 19 01 17 00 26 ['k'] ['v'] "
     "26 ['k'] ['w'] 15 ['SCRAM'] 16 [0102]> ['id'] "
     "<18 0000001E 01 01 02 0000003C 03 ['text'] 08 ['r/t'] 09 [00] 26 [] []> ['w'] ['bye'] ['me'] "
     "['pw']",
     "CONNECT 5.0 'MQTT' 5 clean keep=60 11=3600 21=20 27=65536 22=10 19=1 17=0 26='k':'v' "
     "26='k':'w' 15='SCRAM' 16='\\01\\02' id='id' will=1r,'w','bye' 18=30 01=1 02=60 03='text' "
     "08='r/t' 09='\\00' 26='':'' user='me' password='pw'"},
    /* the version of CONNECT is its own, whatever the context says */
    {V311, CLIENT, "10 ~ ['MQTT'] 05 02 003C <> ['id']",
     "CONNECT 5.0 'MQTT' 5 clean keep=60 id='id'"},

    /* 3.2 CONNACK */
    {V31, SERVER, "20 02 01 00", "CONNACK 3.1 code=0"},
    {V311, SERVER, "20 02 00 00", "CONNACK 3.1.1 code=0"},
    {V311, SERVER, "20 02 01 00", "CONNACK 3.1.1 session code=0"},
    {V311, SERVER, "20 02 00 05", "CONNACK 3.1.1 code=5"},
    {V50, SERVER, "20 ~ 00 00 <>", "CONNACK 5.0 code=0"},
    {V50, SERVER, "20 ~ 01 00 <>", "CONNACK 5.0 session code=0"},
    {V50, SERVER,
     "20 ~ 00 00 <11 FFFFFFFF 21 0001 24 01 25 00 27 0000FFFF 12 ['auto-1'] 22 0003 1F ['ok'] "
     "26 ['a'] ['b'] 28 01 29 00 2A 01 13 001E 1A ['resp/'] 1C ['other:1883'] 15 ['m'] 16 []>",
     "CONNACK 5.0 code=0 11=4294967295 21=1 24=1 25=0 27=65535 12='auto-1' 22=3 1F='ok' 26='a':'b' "
     "28=1 29=0 2A=1 13=30 1A='resp/' 1C='other:1883' 15='m' 16=''"},
    {V50, SERVER, "20 ~ 00 9D <1C ['new']>", "CONNACK 5.0 code=157 1C='new'"},
    /* a server that knows no 5.0 refuses it like this (3.1.1: 3.2.2.3) */
    {V50, SERVER, "20 02 00 01", "CONNACK 3.1.1 code=1"},

    /* 3.3 PUBLISH */
    {V31, CLIENT, "30 ~ ['a/b'] 'hello'", "PUBLISH 3.1 qos=0 topic='a/b' payload='hello'"},
    {V311, CLIENT, "30 ~ ['a/b'] 'hello'", "PUBLISH 3.1.1 qos=0 topic='a/b' payload='hello'"},
    {V311, SERVER, "31 ~ ['a']", "PUBLISH 3.1.1 qos=0 retain topic='a' payload=''"},
    {V311, CLIENT, "3B ~ ['a'] 1234 00",
     "PUBLISH 3.1.1 dup qos=1 retain topic='a' id=4660 "
     "payload='\\00'"},
    {V311, CLIENT, "34 ~ ['a'] FFFF", "PUBLISH 3.1.1 qos=2 topic='a' id=65535 payload=''"},
    {V311, CLIENT,
     "30 ~ ['a'] "
     "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'",
     "PUBLISH 3.1.1 qos=0 topic='a' "
     "payload='"
     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
     "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx'"},
    {V50, CLIENT, "30 ~ ['a/b'] <> 'hello'", "PUBLISH 5.0 qos=0 topic='a/b' payload='hello'"},
    {V50, CLIENT, "3C ~ ['a'] 0007 <23 0001> 'x'",
     "PUBLISH 5.0 dup qos=2 topic='a' id=7 23=1 payload='x'"},
    {V50, CLIENT, "32 ~ [] 0008 <23 FFFF> 'x'",
     "PUBLISH 5.0 qos=1 topic='' id=8 23=65535 payload='x'"},
    {V50, SERVER,
     "30 ~ ['a'] <01 01 02 00000000 03 ['json'] 08 ['r'] 09 [FF] 0B 01 0B FFFFFF7F 26 ['k'] ['v']> "
     "'x' C3A4",
     "PUBLISH 5.0 qos=0 topic='a' 01=1 02=0 03='json' 08='r' 09='\\FF' 0B=1 0B=268435455 "
     "26='k':'v' payload='x\\C3\\A4'"},

    /* 3.4 to 3.7: the acknowledgements of PUBLISH */
    {V31, SERVER, "40 02 0001", "PUBACK 3.1 id=1"},
    {V311, SERVER, "40 02 FFFF", "PUBACK 3.1.1 id=65535"},
    {V50, SERVER, "40 02 0001", "PUBACK 5.0 id=1 code=0"},
    {V50, SERVER, "40 03 0001 10", "PUBACK 5.0 id=1 code=16"},
    {V50, SERVER, "40 ~ 0001 97 <1F ['full'] 26 ['k'] ['v']>",
     "PUBACK 5.0 id=1 code=151 1F='full' 26='k':'v'"},
    {V31, CLIENT, "50 02 0001", "PUBREC 3.1 id=1"},
    {V311, CLIENT, "50 02 0001", "PUBREC 3.1.1 id=1"},
    {V50, CLIENT, "50 04 0001 00 00", "PUBREC 5.0 id=1 code=0"},
    {V50, CLIENT, "50 ~ 0001 80 <1F ['no']>", "PUBREC 5.0 id=1 code=128 1F='no'"},
    {V31, CLIENT, "62 02 0001", "PUBREL 3.1 id=1"},
    /* 3.1 lets PUBREL, SUBSCRIBE and UNSUBSCRIBE carry DUP */
    {V31, CLIENT, "6A 02 0001", "PUBREL 3.1 id=1"},
    {V311, CLIENT, "62 02 0001", "PUBREL 3.1.1 id=1"},
    {V50, SERVER, "62 03 0001 92", "PUBREL 5.0 id=1 code=146"},
    {V50, SERVER, "62 ~ 0001 00 <26 ['k'] ['v']>", "PUBREL 5.0 id=1 code=0 26='k':'v'"},
    {V31, SERVER, "70 02 0001", "PUBCOMP 3.1 id=1"},
    {V311, SERVER, "70 02 0001", "PUBCOMP 3.1.1 id=1"},
    {V50, SERVER, "70 ~ 0001 92 <1F ['?']>", "PUBCOMP 5.0 id=1 code=146 1F='?'"},

    /* 3.8 SUBSCRIBE, 3.9 SUBACK */
    {V31, CLIENT, "82 ~ 0001 ['a/+'] 01", "SUBSCRIBE 3.1 id=1 'a/+':1"},
    {V31, CLIENT, "8A ~ 0001 ['a'] 00", "SUBSCRIBE 3.1 id=1 'a':0"},
    {V311, CLIENT, "82 ~ 000A ['a/b'] 01 ['c/d'] 02 ['#'] 00",
     "SUBSCRIBE 3.1.1 id=10 'a/b':1 'c/d':2 '#':0"},
    {V311, CLIENT, "82 ~ 000A ['$share/+'] 00", "SUBSCRIBE 3.1.1 id=10 '$share/+':0"},
    {V50, CLIENT, "82 ~ 000A <> ['a/b'] 01 ['c/d'] 02", "SUBSCRIBE 5.0 id=10 'a/b':1 'c/d':2"},
    {V50, CLIENT, "82 ~ 0001 <0B 81 01 26 ['k'] ['v']> ['a'] 2E ['$share/g/+/b'] 09",
     "SUBSCRIBE 5.0 id=1 0B=129 26='k':'v' 'a':46 '$share/g/+/b':9"},
    {V31, SERVER, "90 03 0001 02", "SUBACK 3.1 id=1 codes=02"},
    {V311, SERVER, "90 06 0001 00 01 02 80", "SUBACK 3.1.1 id=1 codes=00,01,02,80"},
    {V50, SERVER, "90 ~ 0001 <> 00 A2", "SUBACK 5.0 id=1 codes=00,A2"},
    {V50, SERVER, "90 ~ 0001 <1F ['no'] 26 ['k'] ['v']> 87",
     "SUBACK 5.0 id=1 1F='no' 26='k':'v' codes=87"},

    /* 3.10 UNSUBSCRIBE, 3.11 UNSUBACK */
    {V31, CLIENT, "A2 ~ 0001 ['a'] ['b']", "UNSUBSCRIBE 3.1 id=1 'a' 'b'"},
    {V311, CLIENT, "A2 ~ 0001 ['a/b'] ['c/d']", "UNSUBSCRIBE 3.1.1 id=1 'a/b' 'c/d'"},
    {V50, CLIENT, "A2 ~ 0001 <26 ['k'] ['v']> ['$share/g/a']",
     "UNSUBSCRIBE 5.0 id=1 26='k':'v' '$share/g/a'"},
    {V31, SERVER, "B0 02 0001", "UNSUBACK 3.1 id=1"},
    {V311, SERVER, "B0 02 0001", "UNSUBACK 3.1.1 id=1"},
    {V50, SERVER, "B0 ~ 0001 <> 00 11", "UNSUBACK 5.0 id=1 codes=00,11"},
    {V50, SERVER, "B0 ~ 0001 <1F ['no'] 26 ['k'] ['v']> 83",
     "UNSUBACK 5.0 id=1 1F='no' 26='k':'v' codes=83"},

    /* 3.12 PINGREQ, 3.13 PINGRESP */
    {V31, CLIENT, "C0 00", "PINGREQ 3.1"},
    {V311, CLIENT, "C0 00", "PINGREQ 3.1.1"},
    {V50, CLIENT, "C0 00", "PINGREQ 5.0"},
    {V31, SERVER, "D0 00", "PINGRESP 3.1"},
    {V311, SERVER, "D0 00", "PINGRESP 3.1.1"},
    {V50, SERVER, "D0 00", "PINGRESP 5.0"},

    /* 3.14 DISCONNECT, 3.15 AUTH */
    {V31, CLIENT, "E0 00", "DISCONNECT 3.1"},
    {V311, CLIENT, "E0 00", "DISCONNECT 3.1.1"},
    {V50, CLIENT, "E0 00", "DISCONNECT 5.0 code=0"},
    {V50, CLIENT, "E0 01 04", "DISCONNECT 5.0 code=4"},
    {V50, CLIENT, "E0 ~ 00 <11 00000000 1F ['bye'] 26 ['k'] ['v']>",
     "DISCONNECT 5.0 code=0 11=0 1F='bye' 26='k':'v'"},
    {V50, SERVER, "E0 ~ 9C <1C ['b:1']>", "DISCONNECT 5.0 code=156 1C='b:1'"},
    {V50, SERVER, "F0 00", "AUTH 5.0 code=0"},
    {V50, CLIENT, "F0 ~ 18 <15 ['m'] 16 [00FF] 1F ['r'] 26 ['k'] ['v']>",
     "AUTH 5.0 code=24 15='m' 16='\\00\\FF' 1F='r' 26='k':'v'"},
    {V50, CLIENT, "F0 ~ 19 <15 ['m']>", "AUTH 5.0 code=25 15='m'"},

    /* Unknown version: read as 3.1.1. */
    {MQTT_VERSION_UNKNOWN, CLIENT, "32 ~ ['a'] 0001 00 'x'",
     "PUBLISH unknown qos=1 topic='a' id=1 payload='\\00x'"},
};
#define VECTORS (sizeof(vectors) / sizeof(vectors[0]))

#endif
