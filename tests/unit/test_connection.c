/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules of scope CONNECTION and SESSION: for each a transcript that raises it, and beside it
 * the lines that look alike and rightly don't. See transcript.h for the language.
 */
#include <stdio.h>
#include <string.h>

#include "suite.h"
#include "transcript.h"

#include "mqtt/facts/tables.h"
#include "mqtt/state/connection.h"

struct scene {
    const char *name;
    const char *text;
};

#define V0 "C CONNECT 3.1.1 a clean\nS CONNACK\n" /* no keep alive */
#define V3 "C CONNECT 3.1.1 a clean ka=60\nS CONNACK\n"
#define V5 "C CONNECT 5.0 a clean ka=60\nS CONNACK\n"

static const struct scene scenes[] = {
    /* ---- Handshakes as they should be ---- */
    {"QoS 1 both ways, the same identifier in each direction",
     "connection\n" V3 "C PUBLISH 1 t id=1\n? in-flight 1\nS PUBLISH 1 t id=1\n? in-flight 1\n"
     "C PUBACK 1\n? answers\n? done QoS 1\n? rtt 1\nS PUBACK 1\n? done QoS 1\n? rtt 3\n"
     "C PUBLISH 1 t id=1\n? alone\nS PUBACK 1\n"
     "C DISCONNECT\nclose C fin\n? cause client-disconnect\n"},
    {"QoS 2 both ways",
     "connection\n" V5 "C PUBLISH 2 t id=9\nS PUBREC 9\n? answers\n? rtt 1\nC PUBREL 9\n? rtt 1\n"
     "S PUBCOMP 9\n? rtt 1\n? done QoS 2\nS PUBLISH 2 t id=9\nC PUBREC 9\nS PUBREL 9\nC PUBCOMP 9\n"
     "? done QoS 2\n"},
    {"requests and answers",
     "connection\n" V5 "C SUBSCRIBE 1 a:1 b:2\nS SUBACK 1 1 2\n? done SUBSCRIBE\n"
     "C UNSUBSCRIBE 2 a b\nS UNSUBACK 2 0 0x11\n? done UNSUBSCRIBE\nC PINGREQ\nS PINGRESP\n"
     "? done PING\n"},
    {"what a client sends before CONNACK is in order",
     "connection\nC CONNECT 3.1.1 a clean\n? client a\nC SUBSCRIBE 1 a:0\nC PUBLISH 1 t id=2\n"
     "S CONNACK\n? answers\n? done CONNECT\nS SUBACK 1 0\nS PUBACK 2\n"},
    {"3.1", "connection\nC CONNECT 3.1 a clean\n? version 3.1\nS CONNACK\nC PUBLISH 2 t id=1\n"
            "S PUBREC 1\nC PUBREL 1\nS PUBCOMP 1\n"},

    /* ---- Who speaks when ---- */
    {"first packet is not CONNECT",
     "connection\nC PINGREQ\n! first-packet-not-connect\nC CONNECT 3.1.1 a clean\nS CONNACK\n"
     "! violation-tolerated\n"},
    {"in mid-connection anything may come first",
     "connection mid\nC PINGREQ\n? client-side 0\nS PINGRESP\n? answers\n"},
    {"roles turn out the other way round", "connection mid\nS SUBSCRIBE 1 a:0\n? client-side 1\n"
                                           "C SUBACK 1 0\n"},
    {"second CONNECT", "connection\n" V3 "C CONNECT 3.1.1 a clean\n! second-connect\n"},
    {"server does not begin with CONNACK",
     "connection\nC CONNECT 3.1.1 a clean\nS PUBLISH 0 t\n! first-server-packet-not-connack\n"
     "S CONNACK\n"},
    {"AUTH may come before CONNACK",
     "connection\nC CONNECT 5.0 a clean {15 0001 6d}\nS AUTH 0x18 {15 0001 6d}\n"
     "C AUTH 0x18 {15 0001 6d}\n? answers\nS CONNACK {15 0001 6d}\n"},
    {"second CONNACK", "connection\n" V3 "S CONNACK\n! second-connack\n"},
    {"a packet from the wrong side",
     "connection\n" V3 "S SUBSCRIBE 1 a:0\n! packet-from-wrong-side\nC CONNACK\n"
     "! packet-from-wrong-side\n"},
    {"a 5.0 server disconnects before CONNACK",
     "connection\nC CONNECT 5.0 a clean\nS DISCONNECT 0x8b\n! server-disconnect-before-connack\n"
     "! disconnected-with-error\n"},
    {"a server's DISCONNECT before 5.0",
     "connection\n" V3 "S DISCONNECT\n! server-disconnect-before-5.0\n"},
    {"something after DISCONNECT",
     "connection\n" V3 "C DISCONNECT\nC PINGREQ\n! packet-after-disconnect\n"},
    {"the other side may still send",
     "connection\n" V3 "C PINGREQ\nC DISCONNECT\nS PINGRESP\nclose C fin\n"},
    {"a refused client is not served",
     "connection\nC CONNECT 3.1.1 a clean\nC SUBSCRIBE 1 a:0\nS CONNACK code=5\n! connect-refused\n"
     "S SUBACK 1 0\n! packet-after-refusal\nclose S fin\n? cause refused\n"},
    {"not closed after the refusal",
     "connection\nC CONNECT 3.1.1 a clean\nS CONNACK code=3\n! connect-refused\n+3\nend\n"
     "! not-closed-after-refusal\n"},
    {"CONNECT without an answer",
     "connection\nC CONNECT 3.1.1 a clean\n+2\nclose S fin\n! connect-unanswered\n"},
    {"the capture ends before CONNACK", "connection\nC CONNECT 3.1.1 a clean\nend\n? cause open\n"},

    /* ---- What CONNACK promises ---- */
    {"Session Present after a clean start",
     "connection\nC CONNECT 3.1.1 a clean\nS CONNACK sp\n! session-present-after-clean-start\n"},
    {"no identifier assigned",
     "connection\nC CONNECT 5.0 - clean\nS CONNACK\n! client-identifier-not-assigned\n"},
    {"identifier assigned",
     "connection\nC CONNECT 5.0 - clean\nS CONNACK {12 0002 7a7a}\n? client zz\n"},
    {"response information", "connection\nC CONNECT 5.0 a clean\nS CONNACK {1a 0001 72}\n"
                             "! response-information-unasked\n"},
    {"response information that was asked for",
     "connection\nC CONNECT 5.0 a clean {19 01}\nS CONNACK {1a 0001 72}\n"},
    {"problem information",
     "connection\nC CONNECT 5.0 a clean {17 00}\nS CONNACK {1f 0001 72}\nC PUBLISH 1 t id=1\n"
     "S PUBACK 1 0x10 {1f 0001 72}\n! problem-information-unwanted\n"
     "S DISCONNECT 0x00 {1f 0001 72}\n"},
    {"will above Maximum QoS, retained will on a server that retains nothing",
     "connection\nC CONNECT 5.0 a clean will=2 will-retain\nS CONNACK {24 01 25 00}\n"
     "! will-qos-unsupported\n! will-retain-unsupported\n"},
    {"Server Keep Alive", "connection\nC CONNECT 5.0 a clean ka=60\nS CONNACK {13 000a}\n"
                          "? effective 10\n"},

    /* ---- Extended authentication ---- */
    {"AUTH without a method",
     "connection\nC CONNECT 5.0 a clean\nS AUTH 0x18 {15 0001 6d}\n! auth-without-method\n"
     "C AUTH 0x18 {15 0001 6d}\n! auth-without-method\n"},
    {"another method", "connection\nC CONNECT 5.0 a clean {15 0001 6d}\nS AUTH 0x18 {15 0001 6e}\n"
                       "! auth-method-changed\n"},
    {"a CONNACK that does not name the method",
     "connection\nC CONNECT 5.0 a clean {15 0001 6d}\nS CONNACK\n! auth-method-changed\n"},
    {"authentication of which the answers are missing",
     "connection\nC CONNECT 5.0 a clean {15 0001 6d}\ngap S\nC PINGREQ\nC AUTH 0x19 {15 0001 "
     "6d}\n"},
    {"another reason code than 0x18 while connecting",
     "connection\nC CONNECT 5.0 a clean {15 0001 6d}\nS AUTH 0x00 {15 0001 6d}\n"
     "! auth-reason-unexpected\n"},
    {"something else while authenticating",
     "connection\nC CONNECT 5.0 a clean {15 0001 6d}\nC PINGREQ\n! packet-during-authentication\n"
     "S CONNACK {15 0001 6d}\nC AUTH 0x19 {15 0001 6d}\nS AUTH 0x00 {15 0001 6d}\n"},

    /* ---- Limits ---- */
    {"Receive Maximum of the server",
     "connection\nC CONNECT 5.0 a clean\nS CONNACK {21 0002}\nC PUBLISH 1 t id=1\n"
     "C PUBLISH 2 t id=2\n? in-flight 2\nC PUBLISH 1 t id=3\n! receive-maximum-exceeded\n"
     "S PUBACK 1\nS PUBREC 2\nS PUBACK 3\nC PUBLISH 1 t id=4\n? in-flight 2\nS PUBACK 4\n"
     "C PUBREL 2\nS PUBCOMP 2\n"},
    {"a client that does not wait for CONNACK can't know its limits",
     "connection\nC CONNECT 5.0 a clean\nC PUBLISH 0 t\nS CONNACK {24 00 25 00 27 00000006}\n"
     "C PUBLISH 1 t id=1 retain\nS PUBACK 1\n+6\nC PUBLISH 0 t retain\n! retain-not-available\n"
     "! maximum-packet-size-exceeded\n"},
    {"a PUBREC with an error frees its place",
     "connection\nC CONNECT 5.0 a clean\nS CONNACK {21 0001}\nC PUBLISH 2 t id=1\n"
     "S PUBREC 1 0x97\n! publish-refused\nC PUBLISH 2 t id=1\n"},
    {"Receive Maximum of the client",
     "connection\nC CONNECT 5.0 a clean {21 0001}\nS CONNACK\nS PUBLISH 1 t id=1\n"
     "S PUBLISH 1 t id=2\n! receive-maximum-exceeded\nC PUBACK 1\n"},
    {"Maximum Packet Size",
     "connection\nC CONNECT 5.0 a clean {27 00000014}\nS CONNACK {27 00000010}\n"
     "C PUBLISH 0 0123456789\nC PUBLISH 0 0123456789a\n! maximum-packet-size-exceeded\n"
     "S PUBLISH 0 0123456789abcd\nS PUBLISH 0 0123456789abcdef\n! maximum-packet-size-exceeded\n"},
    {"topic aliases of the client",
     "connection\nC CONNECT 5.0 a clean {22 0002}\nS CONNACK {22 0001}\nC PUBLISH 0 up {23 0001}\n"
     "S PUBLISH 0 down {23 0001}\nC PUBLISH 0 - {23 0001}\n? topic up\nS PUBLISH 0 - {23 0001}\n"
     "? topic down\nC PUBLISH 0 x {23 0002}\n! topic-alias-above-maximum\nS PUBLISH 0 - {23 0002}\n"
     "! topic-alias-unknown\nS PUBLISH 0 other {23 0001}\nS PUBLISH 0 - {23 0001}\n? topic "
     "other\n"},
    {"topic alias where none is permitted",
     "connection\n" V5 "C PUBLISH 0 t {23 0001}\n! topic-alias-not-permitted\n"
     "S PUBLISH 0 t {23 0001}\n! topic-alias-not-permitted\n"},
    {"aliases do not outlive the connection",
     "connection\nC CONNECT 5.0 a clean\nS CONNACK {22 0001}\nC PUBLISH 0 up {23 0001}\n"
     "C DISCONNECT\nclose C fin\nconnection\nC CONNECT 5.0 a clean\nS CONNACK {22 0001}\n"
     "C PUBLISH 0 - {23 0001}\n! topic-alias-unknown\n"},
    {"an alias that a gap may have set", "connection\nC CONNECT 5.0 a clean\nS CONNACK {22 0001}\n"
                                         "gap C\nC PUBLISH 0 - {23 0001}\n"},
    {"Maximum QoS and Retain Available",
     "connection\nC CONNECT 5.0 a clean\nS CONNACK {24 01 25 00}\nC PUBLISH 2 t id=1\n"
     "! maximum-qos-exceeded\nC PUBLISH 0 t retain\n! retain-not-available\nS PUBLISH 0 t "
     "retain\n"},
    {"subscriptions that the server does not take",
     "connection\nC CONNECT 5.0 a clean\nS CONNACK {28 00 29 00 2a 00}\n"
     "C SUBSCRIBE 1 a/+:0 {0b 01}\n! wildcard-not-available\n"
     "! subscription-identifier-not-available\nC SUBSCRIBE 2 $share/g/a:0\n"
     "! shared-subscription-not-available\n"},
    {"session expiry raised by DISCONNECT",
     "connection\n" V5 "C DISCONNECT 0 {11 0000000a}\n! disconnect-expiry-raised\n"},
    {"what CONNECT asked for counts, not what CONNACK said",
     "connection\nC CONNECT 5.0 a clean {11 00000064}\nS CONNACK {11 00000000}\n"
     "C DISCONNECT 0 {11 00000032}\nconnection\nC CONNECT 5.0 b clean\nS CONNACK {11 00000064}\n"
     "C DISCONNECT 0 {11 00000032}\n! disconnect-expiry-raised\n"},
    {"session expiry changed by DISCONNECT",
     "connection\nC CONNECT 5.0 a clean {11 0000000a}\nS CONNACK\nC DISCONNECT 0 {11 00000000}\n"},

    /* ---- Handshakes gone wrong ---- */
    {"packet identifier in use",
     "connection\n" V3 "C PUBLISH 1 t id=1\nC PUBLISH 1 u id=1\n! packet-identifier-in-use\n"
     "C SUBSCRIBE 1 a:0\n! packet-identifier-in-use\nS PUBLISH 1 t id=1\nS PUBLISH 1 t id=1\n"
     "! packet-identifier-in-use\n"},
    {"acknowledgement for nothing",
     "connection\n" V3 "S PUBACK 1\n! acknowledgement-unknown\nS PUBREC 1\n"
     "! acknowledgement-unknown\nC PUBREL 2\n! acknowledgement-unknown\nS PUBCOMP 3\n"
     "! acknowledgement-unknown\nS SUBACK 1 0\n! suback-unknown\nS UNSUBACK 1\n"
     "! unsuback-unknown\nS PINGRESP\n! pingresp-unasked\n"},
    {"an answer to an acknowledgement for nothing is right, once",
     "connection\n" V3 "C PUBREL 1\n! acknowledgement-unknown\nS PUBCOMP 1\nS PUBCOMP 1\n"
     "! acknowledgement-unknown\nS PUBREC 2\n! acknowledgement-unknown\nC PUBREL 2\nS PUBCOMP 2\n"},
    {"each copy of a packet is acknowledged",
     "connection\n" V3 "C PUBLISH 1 t id=1\nC PUBLISH 1 t id=1 dup\n! resent-on-timeout\n"
     "S PUBACK 1\nS PUBACK 1\nS PUBACK 1\n! acknowledgement-unknown\n"
     "S PUBLISH 1 t id=3\nS PUBLISH 1 u id=3\n! packet-identifier-in-use\nC PUBACK 3\nC PUBACK 3\n"
     "C PUBLISH 2 t id=4\nS PUBREC 4\nC PUBREL 4\nC PUBREL 4\n! resent-on-timeout\n"
     "S PUBCOMP 4\nS PUBCOMP 4\n"
     "C PUBLISH 2 t id=5\nS PUBREC 5\nC PUBREL 5\nC PUBLISH 2 t id=5 dup\n"
     "! publish-after-pubrel\nS PUBCOMP 5\nS PUBREC 5\n"},
    {"who breaks a rule is owed no answer",
     "connection\n" V3 "C PUBLISH 1 t id=1\nC SUBSCRIBE 2 a#:0\n! filter-multi-level-wildcard\n"
     "close S fin\n? cause protocol-error\n"
     "connection\n" V3 "C CONNECT 3.1.1 b clean\n! second-connect\nC PUBLISH 1 t id=1\n"
     "C PINGREQ\n+1\nclose S fin\n"
     "connection\n" V3 "C CONNECT 3.1.1 c clean\n! second-connect\nC PINGREQ\nS PINGRESP\n"
     "! second-connect-not-closed\nC PUBLISH 1 t id=1\n+1\nclose S fin\n! qos-1-unfinished\n"},
    {"many pings at once are all answered",
     "connection\n" V3 "C PINGREQ\nC PINGREQ\nC PINGREQ\nC PINGREQ\nC PINGREQ\nC PINGREQ\n"
     "C PINGREQ\nC PINGREQ\nC PINGREQ\nC PINGREQ\nC PINGREQ\nC PINGREQ\nC PINGREQ\nC PINGREQ\n"
     "C PINGREQ\nC PINGREQ\nC PINGREQ\nS PINGRESP\nS PINGRESP\nS PINGRESP\nS PINGRESP\n"
     "S PINGRESP\nS PINGRESP\nS PINGRESP\nS PINGRESP\nS PINGRESP\nS PINGRESP\nS PINGRESP\n"
     "S PINGRESP\nS PINGRESP\nS PINGRESP\nS PINGRESP\nS PINGRESP\nS PINGRESP\n"
     "S PINGRESP\n! pingresp-unasked\n"},
    {"an answer to nothing after a gap, or in mid-connection",
     "connection\n" V3 "gap C\nS PUBACK 1\nS SUBACK 1 0\nS PINGRESP\nC PUBLISH 1 t id=2 dup\n"
     "connection mid\nS PUBACK 1\nS PUBREC 2\nS SUBACK 1 0\nC PUBREL 7\nS PUBCOMP 7\n? answers\n"
     "? done QoS 2\n"},
    {"the wrong acknowledgement",
     "connection\n" V3 "C PUBLISH 2 t id=1\nS PUBACK 1\n! acknowledgement-wrong-type\n"
     "C PUBLISH 1 t id=2\nS PUBREC 2\n! acknowledgement-wrong-type\nC SUBSCRIBE 3 a:0\n"
     "S UNSUBACK 3\n! unsuback-unknown\n"},
    {"QoS 2 out of step",
     "connection\n" V3 "C PUBLISH 2 t id=1\nC PUBREL 1\n! qos-2-out-of-step\nS PUBCOMP 1\n"
     "C PUBLISH 2 t id=2\nS PUBREC 2\nS PUBREC 2\n! qos-2-out-of-step\nS PUBCOMP 2\n"
     "! qos-2-out-of-step\n"},
    {"DUP on a first send",
     "connection\n" V3 "C PUBLISH 1 t id=1 dup\n! dup-on-first-send\nS PUBACK 1\n"},
    {"DUP on the first send that the capture shows",
     "connection\nC CONNECT 3.1.1 a\nS CONNACK sp\nC PUBLISH 1 t id=1 dup\nS PUBACK 1\n"
     "S PUBACK 2\n"},
    {"sent again while connected, 5.0",
     "connection\n" V5 "C PUBLISH 1 t id=1\nC PUBLISH 1 t id=1 dup\n! resent-while-connected\n"
     "? resend\n? in-flight 1\nS PUBACK 1\n"},
    {"sent again while connected, 3.1.1",
     "connection\n" V3 "C PUBLISH 1 t id=1\nC PUBLISH 1 t id=1 dup\n! resent-on-timeout\n? resend\n"
     "C PUBLISH 2 t id=2\nS PUBREC 2\nC PUBREL 2\nC PUBREL 2\n! resent-on-timeout\n? resend\n"},
    {"PUBLISH again after PUBREC and after PUBREL",
     "connection\n" V3 "C PUBLISH 2 t id=1\nS PUBREC 1\n+1\nC PUBLISH 2 t id=1 dup\n"
     "! publish-after-pubrec\n! resent-on-timeout\nS PUBREC 1\nC PUBREL 1\nC PUBLISH 2 t id=1 dup\n"
     "! publish-after-pubrel\n"},
    {"acknowledgements of a client out of order",
     "connection\n" V3 "S PUBLISH 1 t id=1\nS PUBLISH 1 t id=2\nS PUBLISH 2 t id=3\n"
     "S PUBLISH 2 t id=4\nC PUBACK 2\nC PUBACK 1\n! puback-out-of-order\nC PUBREC 4\nC PUBREC 3\n"
     "! pubrec-out-of-order\n"},
    {"PUBREL out of order",
     "connection\n" V3 "C PUBLISH 2 t id=1\nC PUBLISH 2 t id=2\nS PUBREC 2\nS PUBREC 1\n"
     "C PUBREL 1\nC PUBREL 2\n! pubrel-out-of-order\n"},
    {"servers may acknowledge in any order",
     "connection\n" V3 "C PUBLISH 1 t id=1\nC PUBLISH 1 t id=2\nS PUBACK 2\nS PUBACK 1\n"},
    {"PUBLISH refused", "connection\n" V5 "C PUBLISH 1 t id=1\nS PUBACK 1 0x87\n! publish-refused\n"
                        "C PUBLISH 1 t id=2\nS PUBACK 2 0x10\n"},
    {"identifier not found", "connection\n" V5 "C PUBLISH 2 t id=1\nS PUBREC 1\nC PUBREL 1\n"
                             "S PUBCOMP 1 0x92\n! packet-identifier-not-found\n"},
    {"resends that cross their acknowledgements, 3.1.1",
     "connection\n" V3 "C PUBLISH 1 t id=1\nS PUBACK 1\nC PUBLISH 1 t id=1 dup\n"
     "! resent-on-timeout\nS PUBACK 1\nC PUBLISH 2 t id=2\nS PUBREC 2\nC PUBLISH 2 t id=2 dup\n"
     "! resent-on-timeout\nC PUBREL 2\nS PUBREC 2\nC PUBREL 2\nS PUBCOMP 2\nC PUBREL 2\n"
     "! resent-on-timeout\nS PUBCOMP 2\n"},
    {"twenty resends and all their acknowledgements",
     "connection\n" V3 "C PUBLISH 1 t id=1\nC PUBLISH 1 t id=2\nC PUBLISH 1 t id=1 dup\n"
     "! resent-on-timeout\nC PUBLISH 1 t id=2 dup\n! resent-on-timeout\nS PUBACK 1\nS PUBACK 2\n"
     "S PUBACK 1\nS PUBACK 2\n"},
    {"the same identifier at another QoS is no resend",
     "connection\n" V3 "C PUBLISH 1 t id=1\nC PUBLISH 2 t id=1 dup\n! packet-identifier-in-use\n"},
    {"who answers what came out of turn does right",
     "connection\n" V3 "C SUBSCRIBE 1 a:0\nC PUBLISH 1 t id=1\n! packet-identifier-in-use\n"
     "S SUBACK 1 0\nS PUBACK 1\n"},
    {"3.1 lets SUBSCRIBE be sent again", "connection\nC CONNECT 3.1 a clean\nS CONNACK\n"
                                         "C SUBSCRIBE 1 a:1\nS SUBACK 1 1\n"},
    {"a clean end leaves nothing to blame",
     "connection\n" V3 "S PUBLISH 1 t id=1\nC PINGREQ\nC DISCONNECT\nclose C fin\n"},
    {"left unfinished, each at its stage",
     "connection\n" V3 "C PUBLISH 1 t id=1\nC PUBLISH 2 t id=2\nC PUBLISH 2 t id=3\nS PUBREC 3\n"
     "C PUBLISH 2 t id=4\nS PUBREC 4\nC PUBREL 4\nC SUBSCRIBE 5 a:0\nC UNSUBSCRIBE 6 a\nC PINGREQ\n"
     "+1\nclose S rst\n! qos-1-unfinished\n! qos-2-without-pubrec\n! qos-2-without-pubrel\n"
     "! qos-2-without-pubcomp\n! subscribe-unanswered\n! unsubscribe-unanswered\n"
     "! pingreq-unanswered\n? cause server-reset\n"},
    {"unfinished, but the capture ended soon after",
     "connection\n" V3 "C PUBLISH 1 t id=1\nC PINGREQ\n+1\nend\n"},
    {"unfinished for long when the capture ends",
     "connection\n" V3 "C PUBLISH 1 t id=1\nC PINGREQ\n+9\nend\n! qos-1-unfinished\n"
     "! pingreq-unanswered\n"},

    /* ---- SUBSCRIBE and UNSUBSCRIBE ---- */
    {"SUBACK miscounts", "connection\n" V3 "C SUBSCRIBE 1 a:1 b:1\nS SUBACK 1 1\n! suback-count\n"},
    {"UNSUBACK miscounts",
     "connection\n" V5 "C UNSUBSCRIBE 1 a b\nS UNSUBACK 1 0\n! unsuback-count\n"},
    {"granted QoS", "connection\n" V3 "C SUBSCRIBE 1 a:2 b:1 c:0\nS SUBACK 1 1 0x80 1\n"
                    "! subscribe-refused\n! suback-above-requested\n"},

    /* ---- Keep alive ---- */
    {"in time, late, expired",
     "connection\nC CONNECT 3.1.1 a clean ka=10\nS CONNACK\n+9\nC PINGREQ\nS PINGRESP\n+11\n"
     "C PINGREQ\n! keep-alive-late\nS PINGRESP\n+12\nC PINGREQ\nS PINGRESP\n+16\nC PINGREQ\n"
     "! keep-alive-broken\nS PINGRESP\n! keep-alive-expired\n"},
    {"... of which its packet alone is no proof: the server may be gone",
     "connection\nC CONNECT 3.1.1 a clean ka=10\nS CONNACK\n+30\nC PINGREQ\n! keep-alive-broken\n"
     "close S rst\n"
     "connection\nC CONNECT 5.0 b clean ka=10\nS CONNACK\n+30\nC PINGREQ\n! keep-alive-broken\n"
     "S DISCONNECT 0x8d\n! keep-alive-timeout\nclose S fin\n"
     "connection\nC CONNECT 5.0 c clean ka=10\nS CONNACK\n+15.2\nC PINGREQ\n! keep-alive-late\n"
     "S DISCONNECT 0x8d\n! keep-alive-timeout\nclose S fin\n"},
    {"... nor that it ends the connection after all",
     "connection\nC CONNECT 5.0 a clean ka=10\nS CONNACK\n+30\nC PUBLISH 0 t\n! keep-alive-broken\n"
     "+1.5\nS DISCONNECT 0x8b\n! disconnected-with-error\nclose S fin\n"},
    {"... nor is what the server had sent before",
     "connection\nC CONNECT 3.1.1 a clean ka=10\nS CONNACK\n+30\nC PUBLISH 0 t\n"
     "! keep-alive-broken\n+0.5\nS PUBLISH 0 t\nclose S fin\n"
     "connection\nC CONNECT 3.1.1 b clean ka=10\nS CONNACK\n+30\nC PUBLISH 0 t\n"
     "! keep-alive-broken\n+1.5\nS PUBLISH 0 t\n! keep-alive-expired\nS PUBLISH 0 t\n"},
    {"what the server sends does not keep it alive",
     "connection\nC CONNECT 3.1.1 a clean ka=10\nS CONNACK\n+8\nS PUBLISH 0 t\n+8\nC PINGREQ\n"
     "! keep-alive-broken\nS PINGRESP\n! keep-alive-expired\n"},
    {"no keep alive", "connection\nC CONNECT 3.1.1 a clean ka=0\nS CONNACK\n+9999\nC PINGREQ\n"},
    {"silence that a gap may have filled",
     "connection\nC CONNECT 3.1.1 a clean ka=10\nS CONNACK\n+20\ngap C\nC PINGREQ\n"},
    {"the server closes on silence, 3.1.1",
     "connection\nC CONNECT 3.1.1 a clean ka=10\nS CONNACK\n+16\nclose S fin\n! keep-alive-closed\n"
     "? cause keep-alive\n"},
    {"the server closes on silence, 5.0",
     "connection\nC CONNECT 5.0 a clean ka=10\nS CONNACK\n+16\nS DISCONNECT 0x8d\n"
     "! keep-alive-timeout\nclose S fin\n? cause keep-alive\n"},
    {"a packet that crosses the server's end",
     "connection\nC CONNECT 5.0 a clean ka=10\nS CONNACK\n+16\nS DISCONNECT 0x8d\n"
     "! keep-alive-timeout\nC PINGREQ\n"},
    {"a Server Keep Alive in a CONNACK that is lost",
     "connection\nC CONNECT 5.0 a clean ka=5\ngap S\nS PUBLISH 0 t\n+60\nC PINGREQ\n"
     "S PINGRESP\nconnection\nC CONNECT 5.0 b clean ka=5\ngap C\nS CONNACK\nC PUBLISH 0 t\n"
     "+60\nC PINGREQ\n! keep-alive-broken\nS PINGRESP\n! keep-alive-expired\n"},
    {"Server Keep Alive counts",
     "connection\nC CONNECT 5.0 a clean ka=60\nS CONNACK {13 000a}\n+16\nclose S fin\n"
     "! keep-alive-closed\n? cause keep-alive\n"},
    {"PINGREQ without an answer",
     "connection\n" V3 "C PINGREQ\n+20\nclose C fin\n! pingreq-unanswered\n"
     "! closed-without-disconnect\n? cause client-closed\n"},

    /* ---- How it ends ---- */
    {"server closes for no reason", "connection\n" V3 "close S fin\n? cause server-closed\n"},
    {"client resets", "connection\n" V3 "close C rst\n! closed-without-disconnect\n"
                      "? cause client-reset\n"},
    {"closed right after a violation",
     "connection\n" V3 "C CONNECT 3.1.1 a clean\n! second-connect\nclose S fin\n"
     "? cause protocol-error\n"},
    {"disconnected for a violation",
     "connection\n" V5 "S DISCONNECT 0x82\n! disconnected-with-error\nclose S fin\n"
     "? cause protocol-error\n"},
    {"server shuts down", "connection\n" V5 "S DISCONNECT 0x8b\n! disconnected-with-error\n"
                          "close S fin\n? cause server-disconnect\n"},

    /* ---- Sessions ---- */
    {"taken over, 5.0",
     "connection one\nC CONNECT 5.0 a clean\nS CONNACK\nconnection two\nC CONNECT 5.0 a clean\n"
     "use one\nS DISCONNECT 0x8e\nclose S fin\n? cause taken-over\nuse two\n"
     "S CONNACK\n! client-taken-over\n"},
    {"taken over, 3.1.1", "connection one\n" V3 "connection two\nC CONNECT 3.1.1 a clean\n"
                          "use one\nclose S fin\n? cause taken-over\nuse two\nS CONNACK\n"
                          "! client-taken-over\n"},
    {"back after an end is no takeover",
     "connection\n" V3 "close C fin\n! closed-without-disconnect\nconnection\n" V3 "C DISCONNECT\n"
     "connection\n" V3},
    {"a CONNECT that is refused takes nobody over",
     "connection one\nC CONNECT 3.1.1 a\nS CONNACK\nC PUBLISH 1 t id=1\nconnection two\n"
     "C CONNECT 3.1.1 a\nS CONNACK code=5\n! connect-refused\nclose S fin\nuse one\nS PUBACK 1\n"
     "C PUBLISH 1 t id=2\nS PUBACK 2\nC DISCONNECT\nclose C fin\n? cause client-disconnect\n"
     "connection three\nC CONNECT 3.1.1 a\nS CONNACK sp\nC PUBLISH 1 t id=1\nS PUBACK 1\n"},
    {"... and does not restart the session's expiry",
     "connection\nC CONNECT 5.0 a clean {11 0000003c}\nS CONNACK\nC DISCONNECT\nclose C fin\n+50\n"
     "connection\nC CONNECT 5.0 a {11 0000003c}\nS CONNACK code=0x88\n! connect-refused\n"
     "close S fin\n+50\nconnection\nC CONNECT 5.0 a\nS CONNACK\n"},
    {"an expired session is no loss, whether its FIN was captured or not",
     "connection\nC CONNECT 5.0 a clean {11 0000000a}\nS CONNACK\nC DISCONNECT\n+100\nconnection\n"
     "C CONNECT 5.0 a\nS CONNACK\n"},
    {"a CONNACK that was not captured leaves everything open",
     "connection\nC CONNECT 3.1.1 a\nS CONNACK\nC DISCONNECT\nclose C fin\nconnection\n"
     "C CONNECT 3.1.1 a clean\ngap S\nC DISCONNECT\nclose C fin\nconnection\n"
     "C CONNECT 3.1.1 a\nS CONNACK\n"},
    {"acknowledged on the old connection while it is taken over",
     "connection one\nC CONNECT 3.1.1 a\nS CONNACK\nS PUBLISH 1 t id=1\nconnection two\n"
     "C CONNECT 3.1.1 a\nuse one\nC PUBACK 1\n? answers\nuse two\nS CONNACK sp\n"
     "! client-taken-over\nS PUBLISH 1 t id=1\nC PUBACK 1\n"},
    {"3.1.1 clients send again whatever Session Present says",
     "connection\nC CONNECT 3.1.1 a\nS CONNACK\nC PUBLISH 1 t id=1 dup\nS PUBACK 1\nC PUBREL 2\n"
     "S PUBCOMP 2\nS PUBLISH 1 t id=1 dup\n! dup-on-first-send\n"},
    {"... and 5.0 clients don't",
     "connection\nC CONNECT 5.0 a\nS CONNACK\nC PUBLISH 1 t id=1 dup\n! dup-on-first-send\n"},
    {"orders of two connections are not compared",
     "connection\nC CONNECT 3.1.1 a\nS CONNACK\nC PUBLISH 2 t id=1\nC PUBLISH 2 t id=2\n"
     "S PUBREC 1\nS PUBREC 2\nC PUBREL 1\nclose C rst\n! closed-without-disconnect\nconnection\n"
     "C CONNECT 3.1.1 a\nS CONNACK sp\nC PUBREL 2\nC PUBLISH 2 t id=3\nS PUBREC 3\nC PUBREL 3\n"},
    {"a new PUBLISH where a gap may hide the PUBCOMP of the old one",
     "connection\nC CONNECT 3.1.1 a\nS CONNACK\nC PUBLISH 2 t id=1\nS PUBREC 1\nC PUBREL 1\ngap S\n"
     "close S rst\nconnection\nC CONNECT 3.1.1 a\nS CONNACK sp\nC PUBLISH 2 t id=1\n"},
    {"redelivery as it should be",
     "connection\nC CONNECT 3.1.1 a clean\nS CONNACK\nC DISCONNECT\nclose C fin\nconnection\n"
     "C CONNECT 3.1.1 a\nS CONNACK\nC PUBLISH 1 t id=1\nC PUBLISH 2 t id=2\nS PUBREC 2\n"
     "C PUBLISH 2 t id=3\nS PUBREC 3\nC PUBREL 3\nS PUBLISH 1 t id=1\nclose C fin\n"
     "! closed-without-disconnect\nconnection\nC CONNECT 3.1.1 a\nS CONNACK sp\n"
     "C PUBLISH 1 t id=1 dup\n? resend\nS PUBLISH 1 t id=1 dup\n? resend\nC PUBREL 2\nC PUBREL 3\n"
     "? resend\nS PUBACK 1\n? answers\nC PUBACK 1\n? answers\nS PUBCOMP 2\n? done QoS 2\n"
     "S PUBCOMP 3\n"},
    {"sent again because the acknowledgement was lost with the connection",
     "connection\nC CONNECT 3.1.1 a\nS CONNACK\nC PUBLISH 1 t id=1\nS PUBACK 1\n"
     "C PUBLISH 2 t id=2\nS PUBREC 2\nC PUBREL 2\nS PUBCOMP 2\nclose C rst\n"
     "! closed-without-disconnect\nconnection\nC CONNECT 3.1.1 a\nS CONNACK sp\n"
     "C PUBLISH 1 t id=1 dup\nS PUBACK 1\n? answers\nC PUBREL 2\nS PUBCOMP 2\n? answers\n"},
    {"redelivery without DUP",
     "connection\nC CONNECT 3.1.1 a clean\nS CONNACK\nC DISCONNECT\nclose C fin\nconnection\n"
     "C CONNECT 3.1.1 a\nS CONNACK\nC PUBLISH 1 t id=1\nclose S rst\nconnection\n"
     "C CONNECT 3.1.1 a\nS CONNACK sp\nC PUBLISH 1 t id=1\n! redelivery-without-dup\nS PUBACK 1\n"},
    {"a clean start forgets",
     "connection\nC CONNECT 3.1.1 a\nS CONNACK\nC PUBLISH 1 t id=1\nclose S rst\nconnection\n"
     "C CONNECT 3.1.1 a clean\nS CONNACK\nC PUBLISH 1 t id=1\nS PUBACK 1\n"},
    {"PUBLISH again after its PUBREL, a connection later",
     "connection\nC CONNECT 3.1.1 a\nS CONNACK\nC PUBLISH 2 t id=1\nS PUBREC 1\nC PUBREL 1\n"
     "close S rst\nconnection\nC CONNECT 3.1.1 a\nS CONNACK sp\nC PUBLISH 2 t id=1 dup\n"
     "! publish-after-pubrel\n"},
    {"never resumed",
     "connection\nC CONNECT 3.1.1 a\nS CONNACK\nC PUBLISH 1 t id=1\n+6\nclose S rst\n+20\nend\n"
     "! qos-1-unfinished\n"},
    {"... for it had not got there",
     "connection\nC CONNECT 3.1.1 a\nS CONNACK\n+1\nunread C\nC PUBLISH 1 t id=1\n+6\n"
     "close S rst\n+20\nend\n! waits-in-session\n"},
    {"... for it was not sent again on the next connection",
     "connection\nC CONNECT 3.1.1 a\nS CONNACK\nC PUBLISH 1 t id=1\nclose S rst\n+1\n"
     "connection\nC CONNECT 3.1.1 a\nS CONNACK sp\n+9\nC PINGREQ\nS PINGRESP\nclose C fin\n"
     "! closed-without-disconnect\n+9\nend\n! waits-in-session\n"},
    {"... and nobody was late",
     "connection\nC CONNECT 3.1.1 a\nS CONNACK\nC PUBLISH 1 t id=1\nclose S rst\n+20\nend\n"
     "! waits-in-session\n"},
    {"further and further beyond the Receive Maximum, staying there, and once more",
     "connection\nC CONNECT 5.0 a clean\nS CONNACK {21 0001}\nC PUBLISH 1 t id=1\nC PUBLISH 1 t "
     "id=2\n"
     "! receive-maximum-exceeded\nC PUBLISH 1 t id=3\n! receive-maximum-exceeded\nS PUBACK 1\n"
     "C PUBLISH 1 t id=4\nS PUBACK 2\nS PUBACK 3\nC PUBLISH 1 t id=5\n"
     "! receive-maximum-exceeded\nS PUBACK 4\nS PUBACK 5\nC PUBLISH 1 t id=6\n"},
    {"an hour in which nobody at all is heard of is the clock's",
     "connection A\nC CONNECT 3.1.1 a clean ka=10\nS CONNACK\nC PUBLISH 1 t id=1\n"
     "connection B\nC CONNECT 5.0 b clean ka=30\nS CONNACK\n+3600\nC PINGREQ\nS PINGRESP\n"
     "use A\nS PUBACK 1\nC PINGREQ\nS PINGRESP\n+11\nC PINGREQ\n! keep-alive-late\n+2\n"
     "S PINGRESP\nuse B\n+40\nC PINGREQ\n! keep-alive-broken\nS PINGRESP\n! keep-alive-expired\n"},
    {"... of one client alone it is its own",
     "connection A\nC CONNECT 3.1.1 a clean ka=10\nS CONNACK\nconnection B\n"
     "C CONNECT 3.1.1 b clean\nS CONNACK\nconnection C\nC CONNECT 3.1.1 c clean ka=10\nS CONNACK\n"
     "C DISCONNECT\nclose C fin\nuse A\n+3600\nC PINGREQ\n! keep-alive-broken\nS PINGRESP\n"
     "! keep-alive-expired\n"},
    {"... and so it is where others go on",
     "connection A\nC CONNECT 3.1.1 a clean ka=10\nS CONNACK\nconnection B\n"
     "C CONNECT 3.1.1 b clean ka=40\nS CONNACK\n+50\nC PUBLISH 0 t\n! keep-alive-late\n+50\n"
     "C PUBLISH 0 t\nuse A\nC PINGREQ\n! keep-alive-broken\nS PINGRESP\n! keep-alive-expired\n"},
    {"... nor does a session expire by it, or anything wait for so long",
     "connection A\nC CONNECT 5.0 a {11 0000003c}\nS CONNACK\nC DISCONNECT\nclose C fin\n"
     "connection B\nC CONNECT 5.0 b clean ka=10\nS CONNACK\nC PUBLISH 1 t id=1\nconnection D\n"
     "C CONNECT 5.0 d clean ka=10\nS CONNACK\n+3600\nC PINGREQ\nS PINGRESP\n"
     "use B\nclose S fin\nconnection E\nC CONNECT 5.0 a\nS CONNACK sp\n"},
    {"nobody has to answer what did not get there",
     "connection\n" V5 "C PUBLISH 1 t id=1\nS PUBLISH 2 t id=9\n+1\nunread C\nC PUBLISH 2 t id=2\n"
     "C SUBSCRIBE 3 t:0\nC PINGREQ\n+30\nend\n! qos-1-unfinished\n! qos-2-without-pubrec\n"},
    {"... nor what did not get to the client",
     "connection\n" V3 "S PUBLISH 1 t id=1\n+1\nunread S\nS PUBLISH 2 t id=9\n+30\nC PINGREQ\n"
     "+1\nclose S fin\n! qos-1-unfinished\n! pingreq-unanswered\n"},
    {"QoS 2 that is answered with PUBACK is over for both",
     "connection\nC CONNECT 5.0 a {11 00000e10}\nS CONNACK {21 0001}\nC PUBLISH 2 t id=1\n"
     "S PUBACK 1\n! acknowledgement-wrong-type\nC PUBLISH 2 t id=1\nS PUBACK 1\n"
     "! acknowledgement-wrong-type\nclose S rst\n"
     "connection\nC CONNECT 5.0 a {11 00000e10}\nS CONNACK sp\nC PUBLISH 1 t id=3\nS PUBACK 3\n"
     "+30\nC DISCONNECT\nclose C fin\n+20\nend\n"},
    {"... even if the client goes on with it",
     "connection\n" V5 "C PUBLISH 2 t id=1\nS PUBACK 1\n! acknowledgement-wrong-type\n"
     "C PUBREL 1\nS PUBCOMP 1\n"},
    {"not found is no error in recovery",
     "connection\nC CONNECT 5.0 a {11 00000e10}\nS CONNACK\nC PUBLISH 2 t id=1\nS PUBREC 1\n"
     "C PUBREL 1\nclose S rst\nconnection\nC CONNECT 5.0 a {11 00000e10}\nS CONNACK sp\n"
     "C PUBREL 1\nS PUBCOMP 1 0x92\n"},
    {"the session is lost",
     "connection\nC CONNECT 3.1.1 a\nS CONNACK\nC DISCONNECT\nclose C fin\nconnection\n"
     "C CONNECT 3.1.1 a\nS CONNACK\n! session-lost\n"},
    {"a session where there should be none",
     "connection\nC CONNECT 3.1.1 a clean\nS CONNACK\nC DISCONNECT\nclose C fin\nconnection\n"
     "C CONNECT 3.1.1 a\nS CONNACK sp\n! session-present-without-state\n"},
    {"session expiry, 5.0",
     "connection\nC CONNECT 5.0 a clean {11 0000000a}\nS CONNACK\nC DISCONNECT\nclose C fin\n+5\n"
     "connection\nC CONNECT 5.0 a {11 0000000a}\nS CONNACK\n! session-lost\nC DISCONNECT\n"
     "close C fin\n+20\nconnection\nC CONNECT 5.0 a\nS CONNACK sp\n"
     "! session-present-without-state\n"},
    {"what another listener does is not known",
     "connection a port=1883\nC CONNECT 3.1.1 a clean\nS CONNACK\nC DISCONNECT\nclose C fin\n"
     "connection b port=8883\nC CONNECT 3.1.1 a\nS CONNACK\nC DISCONNECT\nclose C fin\n"
     "connection c port=1883\nC CONNECT 3.1.1 a\nS CONNACK sp\nC DISCONNECT\nclose C fin\n"
     "connection d port=8883\nC CONNECT 3.1.1 a\nS CONNACK\n"},
    {"nor what was sent there",
     "connection a port=8883\nC CONNECT 5.0 a\nS CONNACK\nC PUBLISH 1 t id=1\nclose S rst\n"
     "connection b port=1883\nC CONNECT 5.0 a\nS CONNACK\nC PUBLISH 1 t id=1 dup\n"},
    {"the same where it is declared to be the same broker",
     "brokers 1883,8883\n"
     "connection a port=1883\nC CONNECT 3.1.1 a clean\nS CONNACK\nC DISCONNECT\nclose C fin\n"
     "connection b port=8883\nC CONNECT 3.1.1 a\nS CONNACK\nC DISCONNECT\nclose C fin\n"
     "connection c port=1883\nC CONNECT 3.1.1 a\nS CONNACK sp\nC DISCONNECT\nclose C fin\n"
     "connection d port=8883\nC CONNECT 3.1.1 a\nS CONNACK\n! session-lost\n"},
    {"and where they are declared to be two",
     "brokers 1883 8883\n"
     "connection a port=1883\nC CONNECT 3.1.1 a clean\nS CONNACK\nC DISCONNECT\nclose C fin\n"
     "connection b port=8883\nC CONNECT 3.1.1 a\nS CONNACK\nC DISCONNECT\nclose C fin\n"
     "connection c port=1883\nC CONNECT 3.1.1 a\nS CONNACK sp\n! session-present-without-state\n"},
    {"all ports of a broker's address are one",
     "brokers 0\n"
     "connection a port=1883\nC CONNECT 3.1.1 a\nS CONNACK\nC PUBLISH 1 t id=7\nclose S rst\n"
     "connection b port=8883\nC CONNECT 3.1.1 a\nS CONNACK sp\nC PUBLISH 1 t id=7 dup\n? resend\n"
     "connection c port=8884\nC CONNECT 3.1.1 a\nS CONNACK sp\n! client-taken-over\n"},
    {"others with the same client identifier are no excuse for what is on one connection",
     "connection a port=1883\nC CONNECT 3.1.1 a clean\nS CONNACK\n"
     "connection b port=8883\nC CONNECT 3.1.1 a clean\nS CONNACK\nC PUBLISH 1 t id=1\n"
     "C PUBLISH 1 u id=1\n! packet-identifier-in-use\n"},
    {"a refused CONNECT changes nothing",
     "connection\nC CONNECT 3.1.1 a\nS CONNACK\nC PUBLISH 1 t id=1\nclose S rst\nconnection\n"
     "C CONNECT 3.1.1 a clean\nS CONNACK code=3\n! connect-refused\nclose S fin\nconnection\n"
     "C CONNECT 3.1.1 a\nS CONNACK sp\nC PUBLISH 1 t id=1 dup\n? resend\nS PUBACK 1\n"},

#define SESSION_VERSION 4
#include "resume.def"
#undef SESSION_VERSION
#define SESSION_VERSION 5
#include "resume.def"
#undef SESSION_VERSION

    /* ---- What crosses, what comes late, what was not read: nobody is to blame ---- */
    {"a PUBLISH crosses the client's DISCONNECT",
     "connection\n" V3 "C DISCONNECT\nS PUBLISH 1 t id=1\n+10\nclose C fin\n"},
    {"... and one that was long there is not acknowledged",
     "connection\n" V3 "S PUBLISH 1 t id=1\n+1\nC DISCONNECT\nclose C fin\n! qos-1-unfinished\n"},
    {"a PINGREQ, an UNSUBSCRIBE, a PUBLISH cross the server's DISCONNECT",
     "connection\n" V5
     "S DISCONNECT 0x8b\n! disconnected-with-error\nC PINGREQ\nC UNSUBSCRIBE 1 a\n"
     "C PUBLISH 1 t id=2\n+10\nend\n! not-closed-after-error\n? cause server-disconnect\n"},
    {"the answer to a fault is a DISCONNECT, and the transport stays open",
     "connection\n" V5 "C SUBSCRIBE 1 a:0\nS DISCONNECT 0x97\n! disconnected-with-error\n+60\nend\n"
     "! not-closed-after-error\n"},
    {"a server that is slow on this connection is slow at its end, too",
     "connection\nC CONNECT 3.1.1 a clean\n+1\nS CONNACK\nC SUBSCRIBE 1 a:0\n+2\nclose C fin\n"
     "! closed-without-disconnect\n"},
    {"... and one that is not, owes an answer",
     "connection\nC CONNECT 3.1.1 a clean\nS CONNACK\nC SUBSCRIBE 1 a:0\n+2\nclose C fin\n"
     "! closed-without-disconnect\n! subscribe-unanswered\n"},
    {"the server sends an identifier again, the client acknowledges in the order of arrival",
     "connection\n" V3 "S PUBLISH 1 t id=1\nS PUBLISH 1 t id=2\nS PUBLISH 1 t id=1\n"
     "! packet-identifier-in-use\nC PUBACK 1\nC PUBACK 2\nC PUBACK 1\n"},
    {"... and one that doesn't is told",
     "connection\n" V3 "S PUBLISH 1 t id=1\nS PUBLISH 1 t id=2\nC PUBACK 2\nC PUBACK 1\n"
     "! puback-out-of-order\n"},
    {"silence ends with a packet's first byte",
     "connection\nC CONNECT 3.1.1 a clean ka=2\nS CONNACK\n+10\nC PUBLISH 0 t began=-8.5\n"},
    {"... if it began in time",
     "connection\nC CONNECT 3.1.1 a clean ka=2\nS CONNACK\n+10\nC PUBLISH 1 t id=1 began=-1\n"
     "! keep-alive-broken\nS PUBACK 1\n! keep-alive-expired\n"},
    {"a Server Keep Alive binds from its CONNACK on",
     "connection\nC CONNECT 5.0 a clean ka=60\n+8\nS CONNACK {13 0005}\n+4\nC PINGREQ\n"},
    {"... and then it does",
     "connection\nC CONNECT 5.0 a clean ka=60\n+8\nS CONNACK {13 0005}\n+9\nC PINGREQ\n"
     "! keep-alive-broken\n! server-keep-alive-ignored\nS PINGRESP\n! keep-alive-expired\n"},
    {"limits in a CONNACK that the client's TCP has not got",
     "connection\nC CONNECT 5.0 a clean\nS CONNACK {24 00 25 00 27 0000000a}\n"
     "C PUBLISH 1 t id=1 retain says=0123456789 unread\n"},
    {"... and that it has got",
     "connection\nC CONNECT 5.0 a clean\nS CONNACK {24 00 25 00 27 0000000a}\n"
     "C PUBLISH 1 t id=1 retain says=0123456789\n! maximum-qos-exceeded\n! retain-not-available\n"
     "! maximum-packet-size-exceeded\n"},
    {"a keep alive timeout without silence",
     "connection\n" V5 "C PINGREQ\nS DISCONNECT 0x8d\n! keep-alive-timeout-early\n"},
    {"... and with it",
     "connection\n" V5 "C PINGREQ\n+90\nS DISCONNECT 0x8d\n! keep-alive-timeout\n"},
    {"a late second send, after its PUBACK has passed",
     "connection\nC CONNECT 3.1.1 a clean\nS CONNACK\nC PUBLISH 1 t id=1\nS PUBACK 1\n+6\n"
     "C PUBLISH 1 t id=1 dup\nS PUBACK 1\n"},
    {"... and a first one",
     "connection\nC CONNECT 3.1.1 a clean\nS CONNACK\nC PUBLISH 1 t id=1\nS PUBACK 1\n+6\n"
     "C PUBLISH 1 t id=2 dup\n! dup-on-first-send\n"},
    {"another message under the identifier of one that waits in the session",
     "connection\nC CONNECT 3.1.1 a\nS CONNACK\nS PUBLISH 1 t id=1\nclose C rst\n"
     "! closed-without-disconnect\nconnection\nC CONNECT 3.1.1 a\nS CONNACK sp\n"
     "S PUBLISH 1 u id=1 says=other\n! packet-identifier-in-use\n"},
    {"the same message, after a clean start",
     "connection\nC CONNECT 3.1.1 a clean\nS CONNACK\nC PUBLISH 1 t id=1\nclose C rst\n"
     "! closed-without-disconnect\nconnection\nC CONNECT 3.1.1 a clean\nS CONNACK\n"
     "C PUBLISH 1 t id=1 dup\n! resent-after-clean-start\n"},
    {"... and another one",
     "connection\nC CONNECT 3.1.1 a clean\nS CONNACK\nC PUBLISH 1 t id=1\nclose C rst\n"
     "! closed-without-disconnect\nconnection\nC CONNECT 3.1.1 a clean\nS CONNACK\n"
     "C PUBLISH 1 t id=1 dup says=other\n! dup-on-first-send\n"},
    {"a PUBREL for what was refused",
     "connection\n" V5 "C PUBLISH 2 t id=1\nS PUBREC 1 0x87\n! publish-refused\nC PUBREL 1\n"
     "! pubrel-after-error\nS PUBCOMP 1 0x92\n! packet-identifier-not-found\n"},
    {"a PUBREL that comes once more is no exchange of its own",
     "connection\n" V3 "C PUBLISH 2 t id=1\nS PUBREC 1\nC PUBREL 1\nS PUBCOMP 1\n? done QoS 2\n"
     "C PUBREL 1\n! resent-on-timeout\n? resend\nS PUBCOMP 1\n? answers\n"},
    {"another message after PUBREL, before PUBCOMP",
     "connection\n" V3 "C PUBLISH 2 t id=1\nS PUBREC 1\nC PUBREL 1\nC PUBLISH 2 t id=1 says=other\n"
     "! packet-identifier-in-use\n"},
    {"an identifier that is assigned twice",
     "connection\nC CONNECT 5.0 - clean\nS CONNACK {12 0002 7a7a}\nconnection\n"
     "C CONNECT 5.0 - clean\nS CONNACK {12 0002 7a7a}\n! assigned-identifier-in-use\n"},

    /* ---- Doubt: what the capture lacks is held against nobody, and what came later is judged ----
     */
    {"what was in flight at a gap is not counted again when it is acknowledged",
     "connection\nC CONNECT 5.0 a clean\nS CONNACK {21 0001}\nC PUBLISH 1 t id=1\ngap S\nS PUBLISH "
     "0 "
     "t\nC PUBLISH 1 t id=2\nS PUBACK 1\nC PUBLISH 1 t id=3\n! receive-maximum-exceeded\n"
     "S PUBACK 2\nS PUBACK 3\n"},
    {"... and stays silent where the next one waits for it",
     "connection\nC CONNECT 5.0 a clean\nS CONNACK {21 0001}\nC PUBLISH 1 t id=1\ngap S\nS PUBLISH "
     "0 "
     "t\nC PUBLISH 1 t id=2\nS PUBACK 1\nS PUBACK 2\nC PUBLISH 1 t id=3\nS PUBACK 3\n"},
    {"the first packet behind a gap begins what is judged",
     "connection\n" V3 "gap S\nS PUBLISH 1 t id=5\nC PUBCOMP 5\n! acknowledgement-wrong-type\n"
     "C PUBACK 5\n"},
    {"what began behind a gap is judged, what was in flight is not",
     "connection\n" V3 "C PUBLISH 1 t id=1\ngap S\nS PUBLISH 0 t\nC PUBLISH 1 t id=2\n+1\n"
     "close S fin\n! qos-1-unfinished\n"},
    {"... and stays silent where it is answered",
     "connection\n" V3 "C PUBLISH 1 t id=1\ngap S\nS PUBLISH 0 t\nC PUBLISH 1 t id=2\nS PUBACK 2\n"
     "+1\nclose S fin\n"},
    {"as long as nothing comes behind the gap, more may be lost",
     "connection\n" V3 "gap S\nC SUBSCRIBE 1 a:0\n+10\nclose C fin\n! closed-without-disconnect\n"},
    {"... and when something comes, an answer that does not is missed",
     "connection\n" V3 "gap S\nS PUBLISH 0 t\nC SUBSCRIBE 1 a:0\n+10\nclose C fin\n"
     "! closed-without-disconnect\n! subscribe-unanswered\n"},
    {"a PUBREC may be lost",
     "connection\n" V3 "C PUBLISH 2 t id=3\ngap S\nC PUBREL 3\nS PUBCOMP 3\n? done QoS 2\n"},
    {"... and behind the gap it may not be left out",
     "connection\n" V3
     "gap S\nS PUBLISH 0 t\nC PUBLISH 2 t id=3\nC PUBREL 3\n! qos-2-out-of-step\n"},
    {"an identifier may be free again because its PUBACK is lost",
     "connection\n" V3 "C PUBLISH 1 t id=1\ngap S\nS PUBLISH 0 t\nC PUBLISH 1 t id=1\n"},
    {"... and not if it was used behind the gap",
     "connection\n" V3 "gap S\nS PUBLISH 0 t\nC PUBLISH 1 t id=1\nC PUBLISH 1 t id=1\n"
     "! packet-identifier-in-use\n"},
    {"what is acknowledged may be lost, whenever that was",
     "connection\n" V0 "gap C\nC PINGREQ\nS PINGRESP\n+3600\nS PUBACK 9\nS SUBACK 8 0\n"},
    {"... unless the identifier was used and finished with, long after the gap",
     "connection\n" V0 "gap C\nC PUBLISH 0 t\n+61\nC PUBLISH 1 t id=9\nS PUBACK 9\nS PUBACK 9\n"
     "! acknowledgement-unknown\nC SUBSCRIBE 8 a:0\nS SUBACK 8 0\nS SUBACK 8 0\n! suback-unknown\n"
     "S PUBACK 7\n"},
    {"... not a moment after it: the lost one may have been the same, sent twice",
     "connection\n" V3 "gap C\nC PUBLISH 0 t\nC PUBLISH 1 t id=9\nS PUBACK 9\nS PUBACK 9\n"},
    {"a DUP may repeat what is lost, and so may its second PUBREC answer that",
     "connection\n" V3 "gap C\nC PUBLISH 2 t id=5 dup\nS PUBREC 5\nC PUBREL 5\nS PUBREC 5\n"},
    {"... and long after the gap it may not",
     "connection\n" V0 "gap C\nC PUBLISH 0 t\n+61\nC PUBLISH 1 t id=5\nS PUBACK 5\n+6\n"
     "C PUBLISH 1 t id=7\nS PUBACK 7\n+6\nC PUBLISH 1 t id=6 dup\n"},
    {"another gap, and it is in doubt again",
     "connection\n" V0 "gap C\nC PUBLISH 0 t\n+61\nC PUBLISH 1 t id=5\nS PUBACK 5\n+6\ngap C\n"
     "C PUBLISH 1 t id=5 dup\n"},
    {"the quota is counted anew behind a gap",
     "connection\nC CONNECT 5.0 a clean\nS CONNACK {21 0001}\nC PUBLISH 1 t id=1\ngap S\n"
     "S PUBLISH 0 t\nC PUBLISH 1 t id=2\n? in-flight 1\nC PUBLISH 1 t id=3\n"
     "! receive-maximum-exceeded\n"},
    {"an answer may be meant for a later PINGREQ than the first that waits",
     "connection\n" V3 "C PINGREQ\ngap S\nC PINGREQ\nS PINGRESP\nC PINGREQ\nS PINGRESP\n+1\n"
     "C DISCONNECT\nclose C fin\n"},
    {"... and one that gets none at all is missed",
     "connection\n" V3 "gap S\nS PUBLISH 0 t\nC PINGREQ\nS PINGRESP\nC PINGREQ\n+1\nclose C fin\n"
     "! pingreq-unanswered\n! closed-without-disconnect\n"},
    {"a PINGRESP may answer what is lost", "connection\n" V3 "gap C\nC PUBLISH 0 t\nS PINGRESP\n"},
    {"... but not for ever",
     "connection\n" V0 "gap C\nC PUBLISH 0 t\n+61\nC PINGREQ\nS PINGRESP\nS PINGRESP\n"
     "! pingresp-unasked\n"},
    {"a SUBACK may answer a later SUBSCRIBE than the one that was seen",
     "connection\n" V3 "C SUBSCRIBE 1 a:0\ngap S\ngap C\nC PINGREQ\nS SUBACK 1 1 1\n"},
    {"a DISCONNECT may be lost with what is behind it, not with what is before it",
     "connection\n" V3 "gap C\nclose C fin\nconnection two\nC CONNECT 3.1.1 b clean\nS CONNACK\n"
     "gap C\nC PINGREQ\nS PINGRESP\nclose C fin\n! closed-without-disconnect\n"},
    {"the history of a session that was resumed is not known: what is used on this connection is",
     "connection\nC CONNECT 3.1.1 a\nS CONNACK sp\nS PUBACK 2\nC PUBLISH 1 t id=1\nS PUBACK 1\n"
     "S PUBACK 1\n! acknowledgement-unknown\nS PUBACK 2\nC PUBLISH 2 t id=3\nC PUBREL 3\n"
     "! qos-2-out-of-step\n"},
    {"what is lost may be resent before CONNACK, too",
     "connection\nC CONNECT 3.1.1 a\nS CONNACK\nC PUBLISH 2 t id=1\nS PUBREC 1\nclose S rst\n"
     "connection\nC CONNECT 3.1.1 a\ngap C\nC PINGREQ\nS CONNACK sp\nS PUBCOMP 1\n"},
    {"acknowledgements that may be lost take nothing from the quota",
     "connection\nC CONNECT 5.0 a clean\nS CONNACK {21 0002}\ngap S\nC PUBLISH 1 t id=1\n"
     "C PUBLISH 1 t id=2\nC PUBLISH 1 t id=3\nS PUBACK 3\n"},
    {"... and it is counted anew when the side is seen again",
     "connection\nC CONNECT 5.0 a clean\nS CONNACK {21 0002}\ngap S\nC PUBLISH 1 t id=1\n"
     "C PUBLISH 1 t id=2\nS PUBACK 1\nS PUBACK 2\nC PUBLISH 1 t id=3\n? in-flight 1\n"
     "C PUBLISH 1 t id=4\n"},
    {"a PUBLISH with DUP behind a PUBREC and a gap may be the next message",
     "connection\n" V3 "C PUBLISH 2 t id=1\nS PUBREC 1\ngap C\ngap S\n+1\n"
     "C PUBLISH 2 u id=1 dup\nS PUBREC 1\nC PUBREL 1\nS PUBCOMP 1\n"},
    {"a CONNACK that is lost leaves the session open, not the connection",
     "connection\nC CONNECT 3.1.1 a\ngap S\nS PUBLISH 0 t\nC SUBSCRIBE 1 a:0\nC PUBLISH 1 t id=2\n"
     "+1\nclose S rst\n! subscribe-unanswered\n"},

    {"a connection whose CONNECT is lost may be the one that resumes the session",
     "connection\nC CONNECT 3.1.1 a\nS CONNACK\nC PUBLISH 1 t id=1\nclose S rst\nconnection\n"
     "gap C\nS CONNACK sp\nC PUBLISH 1 t id=1 dup\nS PUBACK 1\n+20\nend\n"},

    /* ---- One session, several connections ---- */
    {"who had a gap is taken over like anybody",
     "connection A\n" V3 "gap S\nS PUBLISH 0 t\nC PUBLISH 1 t id=1\nconnection B\n" V3
     "use A\nS PUBACK 9\n+1\nclose S fin\n? cause server-closed\n"},
    {"of two that contest, the second goes on when the first is refused",
     "connection A\n" V3 "connection B\nC CONNECT 3.1.1 a clean\nconnection C\n"
     "C CONNECT 3.1.1 a clean\nuse B\nS CONNACK code=5\n! connect-refused\nuse A\n"
     "C PUBLISH 1 t id=1\n+1\nclose S fin\n? cause taken-over\n"},
    {"... and when both are, the holder is judged again",
     "connection A\n" V3 "connection B\nC CONNECT 3.1.1 a clean\nconnection C\n"
     "C CONNECT 3.1.1 a clean\nuse B\nS CONNACK code=5\n! connect-refused\nuse C\n"
     "S CONNACK code=5\n! connect-refused\nuse A\nS PUBACK 1\n! acknowledgement-unknown\n"},
    {"what was sent while a CONNECT that is refused waited is judged as well",
     "connection A\nC CONNECT 3.1.1 a\nS CONNACK\nconnection B\nC CONNECT 3.1.1 a\nuse A\n"
     "C PINGREQ\nS PINGRESP\nC PUBLISH 1 t id=3 dup\nuse B\nS CONNACK code=5\n"
     "! connect-refused\nuse A\nC PUBLISH 1 t id=3 dup\n! resent-on-timeout\nC PINGREQ\n+1\n"
     "close S fin\n! pingreq-unanswered\n"},
    {"answers to two CONNECTs cross: who holds the session then can't be told",
     "connection B\nC CONNECT 3.1.1 a clean\nconnection C\nC CONNECT 3.1.1 a\nS CONNACK\nuse B\n"
     "S CONNACK\n! client-taken-over\nS PUBLISH 1 t id=1\n+1\nclose S fin\nconnection D\n"
     "C CONNECT 3.1.1 a\nS CONNACK sp\n"},
    {"... also if the other one has gone by then, or waits still",
     "connection B\nC CONNECT 3.1.1 a clean\nconnection C\nC CONNECT 3.1.1 a clean\nS CONNACK\n"
     "C DISCONNECT\nclose C fin\nuse B\nS CONNACK\nS PUBLISH 1 t id=1\n+1\n"
     "close S fin\nconnection D\nC CONNECT 3.1.1 a clean\nS CONNACK\nC DISCONNECT\nclose C fin\n"
     "connection E\nC CONNECT 3.1.1 a\nconnection F\nC CONNECT 3.1.1 a\nuse E\nS CONNACK sp\n"},
    {"who was abandoned contests nothing",
     "connection B\nC CONNECT 3.1.1 a clean\nC DISCONNECT\n+6\nconnection C\n" V0
     "S PUBACK 1\n! acknowledgement-unknown\n"},
    {"a clean start that is refused makes the client forget, not the server",
     "connection\nC CONNECT 3.1.1 a\nS CONNACK\nC PUBLISH 1 t id=1\nclose S rst\nconnection\n"
     "C CONNECT 3.1.1 a clean\nS CONNACK code=3\n! connect-refused\nclose S fin\nconnection\n"
     "C CONNECT 3.1.1 a\nS CONNACK sp\nC PUBLISH 1 u id=1\nS PUBACK 1\n"},
    {"a PUBREL of a session that is not known has to be answered like any",
     "connection\nC CONNECT 5.0 a {11 00000064}\nS CONNACK sp\nC PUBREL 7\n+6\nend\n"
     "! qos-2-without-pubcomp\n"},
    {"of two that wait for CONNACK, the second may displace the first",
     "connection B\nC CONNECT 3.1.1 a clean\nconnection C\nC CONNECT 3.1.1 a clean\nuse B\n"
     "S CONNACK\nC PUBLISH 1 t id=1\n+1\nclose S fin\nuse C\nS CONNACK\n"},
    {"a CONNECT that got no answer contests nothing that comes after it",
     "connection\nC CONNECT 3.1.1 a clean\nclose C rst\nconnection\n" V3
     "S PUBACK 1\n! acknowledgement-unknown\n"},
    {"answers to two CONNECTs cross: what was known at CONNECT is not true any more",
     "connection A\nC CONNECT 3.1.1 a\nS CONNACK\nC DISCONNECT\nclose C fin\nconnection B\n"
     "C CONNECT 3.1.1 a\nconnection C\nC CONNECT 3.1.1 a clean\nS CONNACK\nuse B\nS CONNACK sp\n"
     "! client-taken-over\n"},
    {"the same, but the other one has gone already, and this one is refused",
     "connection A\nC CONNECT 3.1.1 a\nS CONNACK\nC DISCONNECT\nclose C fin\nconnection B\n"
     "C CONNECT 3.1.1 a\nconnection C\nC CONNECT 3.1.1 a\nS CONNACK sp\nC DISCONNECT\n"
     "close C fin\nuse B\nS CONNACK code=3\n! connect-refused\nclose S fin\nconnection D\n"
     "C CONNECT 3.1.1 a\nS CONNACK sp\nS PUBREC 9\n"},
    {"an acknowledgement that comes late on the old connection may count, or not",
     "connection A\nC CONNECT 5.0 a {11 00000064}\nS CONNACK\nS PUBLISH 1 t id=1\n"
     "S DISCONNECT 0x8b\n! disconnected-with-error\nconnection B\n"
     "C CONNECT 5.0 a {11 00000064}\nuse A\nC PUBACK 1\nuse B\nS CONNACK sp\n"
     "S PUBLISH 1 u id=1\nC PUBACK 1\n"},
    {"... also if nobody goes on with the session",
     "connection A\nC CONNECT 5.0 a {11 00000064}\nS CONNACK\nS PUBLISH 1 t id=1\n"
     "S DISCONNECT 0x8b\n! disconnected-with-error\nconnection B\n"
     "C CONNECT 5.0 a {11 00000064}\nuse A\nC PUBACK 1\nclose S fin\nuse B\n"
     "S CONNACK code=0x88\n! connect-refused\nclose S fin\n+20\nend\n"},
    {"a stranger between CONNECT and CONNACK may be this client's",
     "connection A\nC CONNECT 3.1.1 a\nS CONNACK\nC DISCONNECT\nclose C fin\nconnection B\n"
     "C CONNECT 3.1.1 a\nconnection X\ngap C\nS CONNACK\nuse B\nS CONNACK\n"},
    {"a stranger may be the one that takes over, whoever came after it",
     "connection A\nC CONNECT 5.0 a clean\nS CONNACK\nC PUBLISH 1 t id=1\nconnection X\ngap C\n"
     "S CONNACK\nuse A\nS DISCONNECT 0x8e\nconnection B\n" V5 "use A\n+1\nclose S fin\n"},
    {"whose CONNACK is lost may be taken over, too",
     "connection A\nC CONNECT 3.1.1 a clean\ngap S\nS PUBLISH 1 t id=1\nC SUBSCRIBE 1 a:0\n"
     "connection B\n" V3 "use A\n+1\nclose S fin\n"},
    {"a stranger may be the one that takes over",
     "connection A\n" V3 "C PUBLISH 1 t id=1\nC PINGREQ\nconnection X\ngap C\nS CONNACK\nuse A\n"
     "+1\nclose S fin\n"},
    {"what was sent again a moment ago may be answered yet",
     "connection\nC CONNECT 3.1.1 a\nS CONNACK\nC PUBLISH 1 t id=1\nclose S rst\n+30\n"
     "connection\nC CONNECT 3.1.1 a\nS CONNACK sp\nC PUBLISH 1 t id=1 dup\n+1\nend\n"},
    {"... and is missed later",
     "connection\nC CONNECT 3.1.1 a\nS CONNACK\nC PUBLISH 1 t id=1\nclose S rst\n+30\n"
     "connection\nC CONNECT 3.1.1 a\nS CONNACK sp\nC PUBLISH 1 t id=1 dup\n+6\nend\n"
     "! qos-1-unfinished\n"},
    {"what the session keeps may be finished later, even where it has no room",
     "connection\nC CONNECT 3.1.1 a\nS CONNACK\nC PUBLISH 1 t id=1\n+1\nclose S rst\n"},
    {"a clock that was set back tells no age",
     "connection\nC CONNECT 5.0 a {11 00000064}\nS CONNACK\nC DISCONNECT\nclose C fin\n+-3600\n"
     "connection\nC CONNECT 5.0 a\nS CONNACK\n"},
    {"a clock that jumps ahead and back does not make handshakes unknown",
     "connection\nC CONNECT 5.0 a {11 00000064} \nS CONNACK\nS PUBLISH 2 t id=1\nC PUBREC 1\n"
     "close S rst\n+100000\nconnection\nC CONNECT 5.0 b clean\nS CONNACK\nC DISCONNECT\n"
     "close C fin\n+-100000\nconnection\nC CONNECT 5.0 a {11 00000064}\nS CONNACK sp\nC PUBREC 1\n"
     "S PUBREL 1\nC PUBCOMP 1\n"},

    /* ---- CONNACK: to what, and to whom ---- */
    {"a CONNACK that the server sends before it has read anything",
     "connection\nS CONNACK unread\n! connack-before-connect\n"},
    {"a CONNACK before its CONNECT, as the observer sees it",
     "connection\nS CONNACK\nconnection\ngap C\nS CONNACK unread\nconnection mid\n"
     "S CONNACK unread\nconnection\nC CONNECT 3.1.1 a clean\nS CONNACK unread\n"},
    {"a name that is none, accepted",
     "connection\nC RAW {10 0d 0004 4d515458 04 02 003c 0001 61}\n! protocol-name-wrong\n"
     "S CONNACK\n! protocol-name-accepted\n"},
    {"... and refused",
     "connection\nC RAW {10 0d 0004 4d515458 04 02 003c 0001 61}\n! protocol-name-wrong\n"
     "S CONNACK code=1\n! connect-refused\nclose S fin\n"},
    {"the server refuses an alias that it had allowed",
     "connection\nC CONNECT 5.0 a clean\nS CONNACK {22 0005}\nC PUBLISH 0 t {23 0005}\n"
     "S DISCONNECT 0x94\n! topic-alias-refused\n! disconnected-with-error\nclose S fin\n"},
    {"... and the client",
     "connection\nC CONNECT 5.0 a clean {22 0001}\nS CONNACK\nS PUBLISH 0 t {23 0001}\n"
     "C DISCONNECT 0x94\n! topic-alias-refused\n! disconnected-with-error\nclose C fin\n"},
    {"... which it may: above the maximum, sent before that was known, never set, of no alias",
     "connection\nC CONNECT 5.0 a clean\nS CONNACK {22 0005}\nC PUBLISH 0 t {23 0005}\n"
     "C PUBLISH 0 t {23 0006}\n! topic-alias-above-maximum\nS DISCONNECT 0x94\n"
     "! disconnected-with-error\nclose S fin\n"
     "connection\nC CONNECT 5.0 b clean\nC PUBLISH 0 t {23 0009}\nS CONNACK {22 0005}\n"
     "S DISCONNECT 0x94\n! disconnected-with-error\nclose S fin\n"
     "connection\nC CONNECT 5.0 c clean\nS CONNACK {22 0005}\nC PUBLISH 0 t unread {23 0009}\n"
     "S DISCONNECT 0x94\n! disconnected-with-error\nclose S fin\n"
     "connection\nC CONNECT 5.0 d clean\nS CONNACK {22 0005}\nC PUBLISH 0 t {23 0001}\n"
     "C PUBLISH 0 - {23 0002}\n! topic-alias-unknown\nS DISCONNECT 0x94\n"
     "! disconnected-with-error\nclose S fin\n"
     "connection\nC CONNECT 5.0 e clean\nS CONNACK {22 0005}\nC PUBLISH 0 t\n"
     "S DISCONNECT 0x94\n! disconnected-with-error\nclose S fin\n"},
    {"a client that goes by its own keep alive",
     "connection\nC CONNECT 5.0 a clean ka=600\nS CONNACK {13 000a}\n+16\nS DISCONNECT 0x8d\n"
     "! keep-alive-timeout\n! server-keep-alive-ignored\nclose S fin\n"
     "connection\nC CONNECT 5.0 b clean\nS CONNACK {13 000a}\n+30\nC PINGREQ\n"
     "! keep-alive-broken\n! server-keep-alive-ignored\nS PINGRESP\n! keep-alive-expired\n"},
    {"... and others, which are late by any",
     "connection\nC CONNECT 5.0 a clean ka=15\nS CONNACK {13 000a}\n+16\nS DISCONNECT 0x8d\n"
     "! keep-alive-timeout\nclose S fin\n"
     "connection\nC CONNECT 5.0 b clean ka=10\nS CONNACK\n+30\nC PINGREQ\n"
     "! keep-alive-broken\nS PINGRESP\n! keep-alive-expired\n"
     "connection\nC CONNECT 5.0 c clean ka=600\nS CONNACK {13 000a}\n+12\nC PINGREQ\n"
     "! keep-alive-late\n"
     "connection\nC CONNECT 5.0 d clean ka=5\nS CONNACK {13 000a}\n+9\nC PINGREQ\n"},
    {"a level that is none, refused with another code",
     "connection\nC RAW {10 0d 0004 4d515454 09 02 003c 0001 61}\n! protocol-level-unknown\n"
     "S CONNACK code=5\n! protocol-level-refused-otherwise\n! connect-refused\nclose S fin\n"},
    {"... of which 5.0 may say anything, and of which the beginning was not seen",
     "connection\nC RAW v5 {10 0e 0004 4d515454 09 02 003c 00 0001 61}\n! protocol-level-unknown\n"
     "S CONNACK code=0x87\n! connect-refused\nclose S fin\n"
     "connection mid\nC RAW {10 0d 0004 4d515454 09 02 003c 0001 61}\n! protocol-level-unknown\n"
     "S CONNACK code=5\n! connect-refused\nclose S fin\n"},
    {"no identifier need be assigned to whom one could not read",
     "connection\nC RAW v5 {10 0e 0004 4d515454 09 02 003c 00 0001 61}\n! protocol-level-unknown\n"
     "S CONNACK\n! protocol-level-accepted\n"},
    {"a level that is none, accepted",
     "connection\nC RAW {10 0d 0004 4d515454 09 02 003c 0001 61}\n! protocol-level-unknown\n"
     "S CONNACK\n! protocol-level-accepted\n"},
    {"... and refused, in 5.0 with its own code",
     "connection\nC RAW {10 0d 0004 4d515454 09 02 003c 0001 61}\n! protocol-level-unknown\n"
     "S CONNACK code=1\n! connect-refused\nclose S fin\nconnection\n"
     "C RAW v5 {10 0e 0004 4d515454 09 02 003c 00 0001 61}\n! protocol-level-unknown\n"
     "S CONNACK code=0x84\n! connect-refused\nclose S fin\n"},
    {"a reserved flag in CONNECT, accepted",
     "connection\nC RAW {10 0d 0004 4d515454 04 03 003c 0001 61}\n! connect-reserved-flag\n"
     "S CONNACK\n! invalid-connect-accepted\n"},
    {"... in 5.0", "connection\nC RAW v5 {10 0e 0004 4d515454 05 03 003c 00 0001 61}\n"
                   "! connect-reserved-flag\nS CONNACK\n! invalid-connect-accepted\n"},
    {"... refused, closed without a word, and where the capture lacks what came before",
     "connection\nC RAW {10 0d 0004 4d515454 04 03 003c 0001 61}\n! connect-reserved-flag\n"
     "S CONNACK code=2\n! connect-refused\nclose S fin\n"
     "connection\nC RAW {10 0d 0004 4d515454 04 03 003c 0001 61}\n! connect-reserved-flag\n"
     "close S fin\n? cause protocol-error\n"
     "connection\nC RAW {10 0d 0004 4d515454 04 03 003c 0001 61}\n! connect-reserved-flag\n"
     "gap C\nS CONNACK\nconnection mid\n"
     "C RAW {10 0d 0004 4d515454 04 03 003c 0001 61}\n! connect-reserved-flag\nS CONNACK\n"},
    {"a CONNECT that breaks off, accepted",
     "connection\nC RAW {10 0c 0004 4d515454 04 02 003c 0005}\n! client-identifier-missing\n"
     "S CONNACK\n! invalid-connect-accepted\n"},
    {"3.1 does not look at the reserved flag",
     "connection\nC RAW {10 0f 0006 4d5149736470 03 03 003c 0001 61}\nS CONNACK\n"},
    {"a will with another payload format: no sentence forbids it",
     "connection\nC RAW v5 {10 19 0004 4d515454 05 06 003c 00 0001 61 02 01 02 0001 74 0003 "
     "787878}\n"
     "! property-out-of-range\nS CONNACK\n"},
    {"an empty identifier without Clean Session, accepted",
     "connection\nC CONNECT 3.1.1 -\n! client-identifier-empty\nS CONNACK\n"
     "! empty-identifier-accepted\n"},
    {"... refused, with Clean Session, and in 5.0",
     "connection\nC CONNECT 3.1.1 -\n! client-identifier-empty\nS CONNACK code=2\n"
     "! connect-refused\nclose S fin\nconnection\nC CONNECT 3.1.1 - clean\nS CONNACK\n"
     "connection\nC CONNECT 5.0 -\nS CONNACK {12 0002 7a7a}\n"},
    {"an identifier that all servers have to allow",
     "connection\nC CONNECT 3.1.1 abcdefghijklmnopqrstuv9 clean\nS CONNACK code=2\n"
     "! connect-refused\n! client-identifier-refused\nclose S fin\n"
     "connection\nC CONNECT 5.0 Z0 clean\nS CONNACK code=0x85\n! connect-refused\n"
     "! client-identifier-refused\nclose S fin\n"},
    {"... and some that they need not, or refused for something else",
     "connection\nC CONNECT 3.1.1 abcdefghijklmnopqrstuvw9 clean\nS CONNACK code=2\n"
     "! connect-refused\nclose S fin\nconnection\nC CONNECT 3.1.1 a-b clean\n"
     "S CONNACK code=2\n! connect-refused\nclose S fin\nconnection\n"
     "C CONNECT 5.0 a clean\nS CONNACK code=0x87\n! connect-refused\nclose S fin\n"
     "connection\nC CONNECT 3.1.1 a clean\nS CONNACK code=5\n! connect-refused\n"
     "close S fin\nconnection\nC CONNECT 3.1 a clean\nS CONNACK code=2\n"
     "! connect-refused\nclose S fin\n"},

    /* ---- Going on after a violation ---- */
    {"wrong flags, answered as if they were right",
     "connection\n" V3 "C RAW {c1 00}\n! fixed-header-flags\nS PINGRESP\n"
     "! wrong-flags-not-closed\nC RAW {c1 00}\n! fixed-header-flags\nS PINGRESP\n"},
    {"... in 5.0", "connection\n" V5 "C RAW {c1 00}\n! fixed-header-flags\nS PINGRESP\n"
                   "! violation-tolerated\n"},
    {"... and closed, with a DISCONNECT in 5.0",
     "connection\n" V3 "C RAW {c1 00}\n! fixed-header-flags\nclose S fin\n"
     "? cause protocol-error\nconnection\n" V5 "C RAW {c1 00}\n! fixed-header-flags\n"
     "S DISCONNECT 0x81\n! disconnected-with-error\nclose S fin\n"},
    {"... what follows the DISCONNECT is another fault",
     "connection\n" V5 "C RAW {c1 00}\n! fixed-header-flags\nS DISCONNECT 0x81\n"
     "! disconnected-with-error\nS PINGRESP\n! packet-after-disconnect\nclose S fin\n"},
    {"what was long waited for is owed all the same",
     "connection\n" V3 "C PUBLISH 1 t id=1\n+6\nC RAW {c1 00}\n! fixed-header-flags\n"
     "close S fin\n! qos-1-unfinished\n"},
    {"3.1 does not say what ends a connection",
     "connection\nC CONNECT 3.1 a clean\nS CONNACK\nC RAW {c0 01 00}\n! trailing-bytes\n"
     "S PINGRESP\n"},
    {"... and the others do",
     "connection\n" V3 "C RAW {c0 01 00}\n! trailing-bytes\nS PINGRESP\n! violation-tolerated\n"},
    {"what was under way is no answer to what came behind the fault",
     "connection\n" V3 "C PUBLISH 1 t id=1\nC PINGREQ\nC RAW {c1 00}\n! fixed-header-flags\n"
     "C PINGREQ\nS PUBLISH 0 t\nS PUBACK 1\nS PINGRESP\n+1\nclose S fin\n"},
    {"... and this one is",
     "connection\n" V3 "C PUBLISH 1 t id=1\nC PINGREQ\nC RAW {c1 00}\n! fixed-header-flags\n"
     "C PUBLISH 1 t id=2\nS PUBACK 1\nS PINGRESP\nS PUBACK 2\n! wrong-flags-not-closed\n"},
    {"an answer that may be to an earlier PINGREQ, which is lost",
     "connection\n" V3 "gap C\nC RAW {c1 00}\n! fixed-header-flags\nS PINGRESP\n"
     "C PINGREQ\nS PINGRESP\n"},
    {"QoS 3",
     "connection\n" V3 "C RAW {36 05 0001 74 0001}\n! publish-qos-3\nC PINGREQ\nS PINGRESP\n"
     "! fault-not-closed\n"},
    {"NUL in a topic filter, and it is granted",
     "connection\n" V3 "C RAW {82 06 0001 0001 00 00}\n! topic-nul\nS SUBACK 1 0\n"
     "! fault-not-closed\n"},
    {"... and refused, and nothing more is answered",
     "connection\n" V3 "C RAW {82 06 0001 0001 00 00}\n! topic-nul\nS SUBACK 1 0x80\n"
     "! subscribe-refused\nclose S fin\n"},
    {"a wildcard in a topic name is tolerated",
     "connection\n" V3 "C PUBLISH 1 a/# id=1\n! topic-name-wildcard\nS PUBACK 1\n"
     "! violation-tolerated\nC PUBLISH 1 a/# id=1\n! topic-name-wildcard\nS PUBACK 1\n"},
    {"... in 5.0 nothing says that it ends the connection",
     "connection\n" V5 "C PUBLISH 1 a/# id=1\n! topic-name-wildcard\nS PUBACK 1\n"},
    {"... and may be refused",
     "connection\n" V3 "C PUBLISH 1 a/# id=1\n! topic-name-wildcard\nclose S fin\n"},
    {"No Local on a shared subscription",
     "connection\n" V5 "C SUBSCRIBE 1 $share/g/t:4\n! no-local-shared\nS SUBACK 1 0\n"
     "! violation-tolerated\n"},
    {"... refused",
     "connection\n" V5 "C SUBSCRIBE 1 $share/g/t:4\n! no-local-shared\nS DISCONNECT 0x82\n"
     "! disconnected-with-error\nC PINGREQ\nclose S fin\n"},
    {"a client that goes on after the server's fault",
     "connection\n" V3 "S RAW {36 05 0001 74 0001}\n! publish-qos-3\nS PUBLISH 1 t id=2\n"
     "C PUBACK 2\n! fault-not-closed\n"},
    {"... and one whose PUBACK was under way",
     "connection\n" V3 "S PUBLISH 1 t id=2\nS RAW {36 05 0001 74 0001}\n! publish-qos-3\n"
     "C PUBACK 2\nC PINGREQ\nC DISCONNECT\nclose C fin\n"},
    {"an identifier that was used twice: which of the two is acknowledged can't be told",
     "connection\n" V3 "C PUBLISH 1 t id=1\nC RAW {c1 00}\n! fixed-header-flags\n"
     "C PUBLISH 1 u id=1\n! packet-identifier-in-use\nS PUBACK 1\n"},
    {"the server goes on after a second CONNECT",
     "connection\n" V3 "C CONNECT 3.1.1 a clean\n! second-connect\nC PINGREQ\nS PINGRESP\n"
     "! second-connect-not-closed\nconnection\n"
     "C CONNECT 5.0 b clean\nS CONNACK\nC CONNECT 5.0 b clean\n! second-connect\nC PINGREQ\n"
     "S PINGRESP\n! second-connect-not-closed\n"},
    {"... and what it had to answer before it closes",
     "connection\n" V3 "C PINGREQ\nC CONNECT 3.1.1 a clean\n! second-connect\nS PINGRESP\n"
     "close S fin\n"},
    {"a second CONNECT with a fault of its own is a second CONNECT",
     "connection\n" V3 "C RAW {10 0d 0004 4d515454 04 03 003c 0001 61}\n! connect-reserved-flag\n"
     "! second-connect\nC PINGREQ\nS PINGRESP\n! second-connect-not-closed\n"},
    {"a DISCONNECT that names another fault",
     "connection\nC CONNECT 5.0 a clean\nS CONNACK {22 0001}\nC PUBLISH 0 t {23 0002}\n"
     "! topic-alias-above-maximum\nS DISCONNECT 0x82\n! disconnected-with-error\n"
     "! reason-code-not-prescribed\nclose S fin\nconnection\n"
     "C CONNECT 5.0 b clean\nS CONNACK\nC RAW {c1 00}\n! fixed-header-flags\n"
     "S DISCONNECT 0x95\n! disconnected-with-error\n! reason-code-not-prescribed\nclose S fin\n"
     "connection\n"
     "C CONNECT 5.0 c clean {21 0001}\nS CONNACK\nS PUBLISH 1 t id=1\nS PUBLISH 1 t id=2\n"
     "! receive-maximum-exceeded\nC DISCONNECT 0x81\n! disconnected-with-error\n"
     "! reason-code-not-prescribed\nclose C fin\n"},
    {"... the one that is meant, one of the two general ones, something else, or one of several",
     "connection\nC CONNECT 5.0 a clean\nS CONNACK {22 0001}\nC PUBLISH 0 t {23 0002}\n"
     "! topic-alias-above-maximum\nS DISCONNECT 0x94\n! disconnected-with-error\nclose S fin\n"
     "connection\nC CONNECT 5.0 b clean\nS CONNACK\nC RAW {c1 00}\n! fixed-header-flags\n"
     "S DISCONNECT 0x82\n! disconnected-with-error\nclose S fin\n"
     "connection\nC CONNECT 5.0 c clean\nS CONNACK\nC RAW {c1 00}\n! fixed-header-flags\n"
     "S DISCONNECT 0x8b\n! disconnected-with-error\nclose S fin\n"
     "connection\nC CONNECT 5.0 d clean\nS CONNACK\nC RAW {c1 00}\n! fixed-header-flags\n"
     "C PUBLISH 0 t {23 0002}\n! topic-alias-not-permitted\nS DISCONNECT 0x81\n"
     "! disconnected-with-error\nclose S fin\n"
     "connection\nC CONNECT 5.0 e clean\nS CONNACK\nC RAW {c1 00}\n! fixed-header-flags\n"
     "C PUBLISH 0 t\nS DISCONNECT 0x95\n! disconnected-with-error\nclose S fin\n"},
    {"a QoS 2 exchange that was resumed began before the fault",
     "connection\nC CONNECT 3.1.1 a\nS CONNACK\nC PUBLISH 2 t id=1\nS PUBREC 1\nclose S rst\n"
     "connection\nC CONNECT 3.1.1 a\nS CONNACK sp\nC PUBREL 1\nC RAW {c1 00}\n"
     "! fixed-header-flags\nS PUBCOMP 1\nclose S fin\n"},

    /* ---- Extended authentication: whose turn it is ---- */
    {"a server that authenticates its client anew by itself",
     "connection\nC CONNECT 5.0 a clean {15 0001 6d}\nS CONNACK {15 0001 6d}\n"
     "S AUTH 0x18 {15 0001 6d}\n! auth-unasked\n"},
    {"... and one that ends what did not begin",
     "connection\nC CONNECT 5.0 a clean {15 0001 6d}\nS CONNACK {15 0001 6d}\n"
     "S AUTH 0x00 {15 0001 6d}\n! auth-unasked\n"},
    {"a client that answers what was not asked",
     "connection\nC CONNECT 5.0 a clean {15 0001 6d}\nC AUTH 0x18 {15 0001 6d}\n"
     "! auth-unasked\n"},
    {"an AUTH that no client may send is not unasked as well",
     "connection\nC CONNECT 5.0 a clean {15 0001 6d}\nC AUTH 0x00 {15 0001 6d}\n"
     "! auth-reason-unknown\n! auth-reason-unexpected\n"},
    {"authentication and another one, of several rounds each",
     "connection\nC CONNECT 5.0 a clean {15 0001 6d}\nS AUTH 0x18 {15 0001 6d}\n"
     "C AUTH 0x18 {15 0001 6d}\nS AUTH 0x18 {15 0001 6d}\nC AUTH 0x18 {15 0001 6d}\n"
     "S CONNACK {15 0001 6d}\nC AUTH 0x19 {15 0001 6d}\nS AUTH 0x18 {15 0001 6d}\n"
     "C AUTH 0x18 {15 0001 6d}\nS AUTH 0x00 {15 0001 6d}\nC AUTH 0x19 {15 0001 6d}\n"
     "S AUTH 0x00 {15 0001 6d}\n"},
    {"a client that begins twice gets two answers",
     "connection\nC CONNECT 5.0 a clean {15 0001 6d}\nS CONNACK {15 0001 6d}\n"
     "C AUTH 0x19 {15 0001 6d}\nC AUTH 0x19 {15 0001 6d}\nS AUTH 0x00 {15 0001 6d}\n"
     "S AUTH 0x00 {15 0001 6d}\n"},
    {"a server that does not wait for an answer gets it all the same",
     "connection\nC CONNECT 5.0 a clean {15 0001 6d}\nS AUTH 0x18 {15 0001 6d}\n"
     "S CONNACK {15 0001 6d}\nC AUTH 0x18 {15 0001 6d}\nconnection\n"
     "C CONNECT 5.0 b clean {15 0001 6d}\nS CONNACK {15 0001 6d}\nC AUTH 0x19 {15 0001 6d}\n"
     "S AUTH 0x18 {15 0001 6d}\nS AUTH 0x00 {15 0001 6d}\nC AUTH 0x18 {15 0001 6d}\n"},
    {"an AUTH that a gap may have asked for",
     "connection\nC CONNECT 5.0 a clean {15 0001 6d}\nS CONNACK {15 0001 6d}\ngap C\n"
     "S AUTH 0x00 {15 0001 6d}\n"},

    /* ---- SUBSCRIBE refused for its QoS ---- */
    {"a Maximum QoS that is held against a SUBSCRIBE",
     "connection\nC CONNECT 5.0 a clean\nS CONNACK {24 01}\nC SUBSCRIBE 1 t:2\n"
     "S DISCONNECT 0x9b\n! disconnected-with-error\n! subscribe-qos-refused\nclose S fin\n"
     "connection\nC CONNECT 5.0 b clean\nS CONNACK {24 01}\nC SUBSCRIBE 1 t:2\n"
     "S SUBACK 1 0x9b\n! suback-code-unknown\n! subscribe-refused\n! subscribe-qos-refused\n"},
    {"... granted what there is, and where a PUBLISH may be meant",
     "connection\nC CONNECT 5.0 a clean\nS CONNACK {24 01}\nC SUBSCRIBE 1 t:2\nS SUBACK 1 1\n"
     "connection\nC CONNECT 5.0 b clean\nS CONNACK {24 01}\nC SUBSCRIBE 1 t:2\n"
     "C PUBLISH 2 t id=2 unread\nS DISCONNECT 0x9b\n! disconnected-with-error\nclose S fin\n"
     "connection\nC CONNECT 5.0 c clean\nS CONNACK {24 01}\nC SUBSCRIBE 1 t:1\n"
     "S DISCONNECT 0x9b\n! disconnected-with-error\nclose S fin\n"
     "connection\nC CONNECT 5.0 d clean\nS CONNACK {24 01}\nC SUBSCRIBE 1 t:2\n"
     "S SUBACK 1 0x87\n! subscribe-refused\n"},

    /* ---- Keep alive: a server that does not close ---- */
    {"a server that serves a silent client on, until the capture ends",
     "connection\nC CONNECT 3.1.1 a clean ka=10\nS CONNACK\n+21\nS PUBLISH 0 t\n+3\n"
     "S PUBLISH 0 t\nend\n! keep-alive-not-enforced\n"},
    {"... until the client closes, 5.0",
     "connection\nC CONNECT 5.0 a clean ka=60\nS CONNACK {13 000a}\n+21\nS PUBLISH 0 t\n+3\n"
     "close C fin\n! keep-alive-not-enforced\n! closed-without-disconnect\n"},
    {"... it may have taken that long to notice, or the packet to get here",
     "connection\nC CONNECT 3.1.1 a clean ka=10\nS CONNACK\n+19\nS PUBLISH 0 t\nend\n"
     "connection\nC CONNECT 3.1.1 b clean ka=10\nS CONNACK\n+99\nS PUBLISH 0 t\n"
     "S PUBLISH 0 t\n+1\nclose S fin\n! keep-alive-closed\n"
     "connection\nC CONNECT 3.1.1 c clean ka=10\nS CONNACK\n+99\nS PUBLISH 0 t\nend\n"},
    {"... closed a little later, where ends may be filtered out, twice within the time to notice",
     "connection\nC CONNECT 3.1.1 a clean ka=10\nS CONNACK\n+99\nS PUBLISH 0 t\n+3\n"
     "close S fin\n! keep-alive-closed\nconnection mid\nC CONNECT 3.1.1 b clean ka=10\n"
     "S CONNACK\n+99\nS PUBLISH 0 t\n+9\nend\nconnection\nC CONNECT 3.1.1 c clean ka=10\n"
     "S CONNACK\n+17\nS PUBLISH 0 t\n+2.5\nS PUBLISH 0 t\n+3\nend\n"},
    {"... also if the CONNACK is lost",
     "connection\nC CONNECT 3.1.1 a clean ka=10\ngap S\nS PUBLISH 0 t\n+21\nS PUBLISH 0 t\n+3\n"
     "S PUBLISH 0 t\nend\n! keep-alive-not-enforced\nconnection\n"
     "C CONNECT 5.0 b clean ka=10\ngap S\nS PUBLISH 0 t\n+21\nS PUBLISH 0 t\n+3\n"
     "S PUBLISH 0 t\nend\n"},
    {"... there is no keep alive, a DISCONNECT, a packet that is coming, or one that is lost",
     "connection\nC CONNECT 3.1.1 a clean ka=0\nS CONNACK\n+99\nS PUBLISH 0 t\n+9\nend\n"
     "connection\nC CONNECT 3.1.1 b clean ka=10\nS CONNACK\n+99\nS PUBLISH 0 t\n+9\n"
     "end began=-95\nconnection\nC CONNECT 3.1.1 c clean ka=10\nS CONNACK\ngap C\n+99\n"
     "S PUBLISH 0 t\n+9\nend\nconnection\nC CONNECT 5.0 d clean ka=10\nS CONNACK\n+99\n"
     "S PUBLISH 0 t\n+9\nS DISCONNECT 0x8d\n! keep-alive-timeout\nclose S fin\n"
     "connection\nC CONNECT 3.1.1 e clean ka=10\nS CONNACK\n+9\nS PUBLISH 0 t\n+99\nend\n"
     "connection mid\nC PINGREQ\nS PINGRESP\n+99\nS PUBLISH 0 t\n+9\nend\n"},
    {"... and the client is heard of again",
     "connection\nC CONNECT 3.1.1 a clean ka=10\nS CONNACK\n+21\nS PUBLISH 0 t\n+3\n"
     "S PUBLISH 0 t\nC PINGREQ\n! keep-alive-broken\nS PINGRESP\n! keep-alive-expired\n+3\nS "
     "PUBLISH "
     "0 t\nend\n"},

    /* ---- After DISCONNECT ---- */
    {"nobody closes after the client's DISCONNECT",
     "connection\n" V3 "C DISCONNECT\n+6\nend\n! not-closed-after-disconnect\n"
     "connection\n" V5 "C DISCONNECT\n+6\nend\n! not-closed-after-disconnect\n"},
    {"... nor after the server's",
     "connection\n" V5 "S DISCONNECT 0\n+6\nend\n! not-closed-after-disconnect\n"},
    {"... the other side may close, the capture may end first, or lack ends",
     "connection\n" V3 "C DISCONNECT\n+6\nclose S fin\n"
     "connection\n" V3 "C DISCONNECT\n+4\nend\n"
     "connection mid\n" V3 "C DISCONNECT\n+6\nend\n"
     "connection\n" V3 "gap S\nC DISCONNECT\n+6\nend\n"},
    {"... and a DISCONNECT that there is not, before 5.0",
     "connection\n" V3 "S DISCONNECT\n! server-disconnect-before-5.0\n+6\nend\n"},
    {"a server that goes on after the client's DISCONNECT",
     "connection\n" V3 "C DISCONNECT\n+6\nS PUBLISH 0 t read\n! packet-after-others-disconnect\n"
     "S PUBLISH 0 t read\nclose C fin\n"},
    {"... that it has not got, or a moment ago",
     "connection\n" V3 "C DISCONNECT\n+6\nS PUBLISH 0 t unread\n+1\nS PUBLISH 0 t\nclose C fin\n"
     "connection\n" V3 "C DISCONNECT\nS PUBLISH 0 t read\n+4\nS PUBLISH 0 t read\nclose C fin\n"},
    {"a client that goes on after the server's DISCONNECT",
     "connection\n" V5 "S DISCONNECT 0x8b\n! disconnected-with-error\n+6\nC PINGREQ read\n"
     "! packet-after-others-disconnect\nclose C fin\n"},

    /* ---- Takeover: what becomes of the earlier connection ---- */
    {"served on after it was taken over",
     "connection one\n" V3 "+2\nconnection two\n" V3 "! client-taken-over\nuse one\n+2\n"
     "C PINGREQ\nS PINGRESP\n! takeover-not-closed\nC PINGREQ\nS PINGRESP\n"},
    {"... in 5.0, and with PUBLISH",
     "connection one\n" V5 "+2\nconnection two\n" V5 "! client-taken-over\nuse one\n+2\n"
     "C PUBLISH 1 t id=1\nS PUBACK 1\n! takeover-not-closed\n"},
    {"what was under way while it was taken over",
     "connection one\n" V3 "+2\nC PINGREQ\nconnection two\n" V3 "! client-taken-over\nuse one\n"
     "+2\nS PINGRESP\nS PUBLISH 0 t\nclose S fin\n? cause taken-over\n"},
    {"which of two that connect at once took over can't be told",
     "connection one\n" V3 "connection two\n" V3 "! client-taken-over\nuse one\n+2\nC PINGREQ\n"
     "S PINGRESP\n"},
    {"one client identifier of two users may be two clients",
     "connection one\nC CONNECT 3.1.1 a clean user=x\nS CONNACK\n+2\nconnection two\n"
     "C CONNECT 3.1.1 a clean user=y\nS CONNACK\n! client-taken-over\nuse one\n+2\nC PINGREQ\n"
     "S PINGRESP\n"},
    {"... and of one user it is one",
     "connection one\nC CONNECT 3.1.1 a clean user=x\nS CONNACK\n+2\nconnection two\n"
     "C CONNECT 3.1.1 a clean user=x\nS CONNACK\n! client-taken-over\nuse one\n+2\nC PINGREQ\n"
     "S PINGRESP\n! takeover-not-closed\n"},
    {"one assigned identifier given to two is no takeover that one of them meant",
     "connection one\nC CONNECT 5.0 - clean\nS CONNACK {12 0002 7a7a}\n+2\nconnection two\n"
     "C CONNECT 5.0 - clean\nS CONNACK {12 0002 7a7a}\n! assigned-identifier-in-use\nuse one\n"
     "+2\nC PINGREQ\nS PINGRESP\n"},
    {"an answer that may be to what a gap hides",
     "connection one\n" V3 "+2\nconnection two\n" V3 "! client-taken-over\nuse one\ngap C\n+2\n"
     "C PINGREQ\nS PINGRESP\n"},
    {"a takeover that is refused changes nothing",
     "connection one\n" V3 "+2\nconnection two\nC CONNECT 3.1.1 a clean\nS CONNACK code=5\n"
     "! connect-refused\nclose S fin\nuse one\n+2\nC PINGREQ\nS PINGRESP\n"},
    {"taken over and closed without a word, 5.0",
     "connection one\n" V5 "+2\nconnection two\n" V5 "! client-taken-over\nuse one\n"
     "close S fin\n! takeover-without-disconnect\n? cause taken-over\n"},
    {"... with it, and in 3.1.1",
     "connection one\n" V5 "+2\nconnection two\n" V5 "! client-taken-over\nuse one\n"
     "S DISCONNECT 0x8e\nclose S fin\n"
     "connection three\nC CONNECT 3.1.1 b clean\nS CONNACK\n+2\nconnection four\n"
     "C CONNECT 3.1.1 b clean\nS CONNACK\n! client-taken-over\nuse three\nclose S fin\n"},
    {"... closed by the client",
     "connection one\n" V5 "+2\nconnection two\n" V5 "! client-taken-over\nuse one\n"
     "close C fin\n"},
    {"... reset, silent for too long, or broken",
     "connection one\n" V5 "+2\nconnection two\n" V5 "! client-taken-over\nuse one\n"
     "close S rst\nconnection three\nC CONNECT 5.0 b clean ka=10\nS CONNACK\n+12\n"
     "connection four\nC CONNECT 5.0 b clean\nS CONNACK\n! client-taken-over\nuse three\n"
     "close S fin\nconnection five\nC CONNECT 5.0 c clean\nS CONNACK\n+2\n"
     "connection six\nC CONNECT 5.0 c clean\nS CONNACK\n! client-taken-over\nuse five\n"
     "C RAW {c1 00}\n! fixed-header-flags\nclose S fin\n"},

    /* ---- Which version it is, where CONNECT was not captured ---- */
    {"a packet that reads in both is 5.0, until one reads in 3.1.1 alone",
     "connection mid\nC PUBLISH 0 t v5\n? version 5.0\nC PUBLISH 0 t v5\nC PUBLISH 0 t v5\n"
     "? version 5.0\nC SUBSCRIBE 1 a:1\n? version 3.1.1\n"},
    {"what is discouraged in 5.0 does not make it 3.1.1",
     "connection mid\nC PUBLISH 0 t v5\n? version 5.0\n"
     "C PUBLISH 0 t v5 {26 0001 6B 0002 7609}\n! string-control-character\n? version 5.0\n"},
    {"and the other way round",
     "connection mid\nC SUBSCRIBE 1 a:1\n? version 3.1.1\nS SUBACK 1 1\nS SUBACK 2 0x87 v5\n"
     "? version 5.0\n"},

    /* ---- WebSocket: 6 ---- */
    {"a sub-protocol as it should be", "connection a offers=mqtt selects=mqtt\n"
                                       "C CONNECT 5.0 a clean\n"
                                       "S CONNACK 0\n"},
    {"several offered", "connection a offers=chat,mqtt,mqttv3.1 selects=mqtt\n"
                        "C CONNECT 3.1.1 a clean\n"},
    {"no mqtt offered", "connection a offers=none selects=none\n"
                        "C CONNECT 3.1.1 a clean\n"
                        "! websocket-protocol-not-offered\n"},
    {"a second CONNECT is not asked again", "connection a offers=none selects=none\n"
                                            "C CONNECT 5.0 a clean\n"
                                            "! websocket-protocol-not-offered\n"
                                            "S CONNACK 0\n"
                                            "C CONNECT 5.0 a clean\n"
                                            "! second-connect\n"},
    /* What was not offered can't be selected: RFC 6455, 4.2.2. */
    {"another offered, and selected", "connection a offers=chat selects=chat\n"
                                      "C CONNECT 5.0 a clean\n"
                                      "! websocket-protocol-not-offered\n"},
    {"the name of 3.1 with 3.1.1", "connection a offers=mqttv3.1 selects=mqttv3.1\n"
                                   "C CONNECT 3.1.1 a clean\n"
                                   "! websocket-protocol-not-offered\n"},
    {"the name of 3.1 with 3.1", "connection a offers=mqttv3.1 selects=mqttv3.1\n"
                                 "C CONNECT 3.1 a clean\n"},
    {"3.1 has no such section", "connection a offers=none selects=none\n"
                                "C CONNECT 3.1 a clean text\n"},
    {"a server of 3.1 that chooses what it knows",
     "connection a offers=mqtt,mqttv3.1 selects=mqttv3.1\n"
     "C CONNECT 3.1.1 a clean\n"},
    {"offered, and none selected", "connection a offers=mqtt selects=none\n"
                                   "C CONNECT 5.0 a clean\n"
                                   "! websocket-protocol-not-selected\n"},
    {"offered, and another selected", "connection a offers=mqtt,chat selects=chat\n"
                                      "C CONNECT 3.1.1 a clean\n"
                                      "! websocket-protocol-not-selected\n"},
    {"an old name that was not offered", "connection a offers=mqtt selects=mqttv3.1\n"
                                         "C CONNECT 3.1.1 a clean\n"
                                         "! websocket-protocol-not-selected\n"},
    {"the request is not in the capture", "connection a selects=chat\n"
                                          "C CONNECT 5.0 a clean\n"},
    {"the response is not in the capture", "connection a offers=mqtt\n"
                                           "C CONNECT 5.0 a clean\n"},
    {"text frames, said once a side", "connection a offers=mqtt selects=mqtt\n"
                                      "C CONNECT 5.0 a clean text\n"
                                      "! websocket-text-frame\n"
                                      "S CONNACK 0\n"
                                      "C PINGREQ\n"
                                      "S PINGRESP text\n"
                                      "! websocket-text-frame\n"
                                      "C PINGREQ text\n"
                                      "S PINGRESP text\n"},
    {"text frames without the CONNECT, which may be of 3.1", "connection a mid\n"
                                                             "C PINGREQ text\n"},
    {"a server that closes for a text frame", "connection a offers=mqtt selects=mqtt\n"
                                              "C CONNECT 5.0 a clean\n"
                                              "S CONNACK 0\n"
                                              "C PINGREQ text\n"
                                              "! websocket-text-frame\n"
                                              "close S fin\n"
                                              "? cause protocol-error\n"},
};

START_TEST(scene)
{
    transcript(scenes[_i].text);
}
END_TEST

/* Every rule that needs more than one packet is raised by one of the scenes; those about Sparkplug
 * have their own, in test_sparkplug.c, and so have those about deliveries, in tests/delivery/. */
START_TEST(every_rule_has_a_scene)
{
    for (unsigned rule = 0; rule < MQTT_RULES; rule++) {
        const struct mqtt_rule_info *info = mqtt_rule_info((enum mqtt_rule)rule);
        if (info->scope == MQTT_SCOPE_PACKET || strncmp(info->id, "sparkplug-", 10) == 0 ||
            (rule >= MQTT_RULE_DELIVERY_LOST && rule <= MQTT_RULE_SUBSCRIPTION_NEVER_SERVED))
            continue;
        char line[96];
        bool found = false;
        snprintf(line, sizeof line, "! %s\n", info->id);
        for (size_t i = 0; i < sizeof scenes / sizeof *scenes && !found; i++)
            found = strstr(scenes[i].text, line) != NULL;
        ck_assert_msg(found, "%s is raised by no scene", info->id);
    }
}
END_TEST

/* Where the n-th allocation fails, for every n, nothing is raised that is not raised with memory.
 */
START_TEST(without_memory)
{
    struct transcript_run whole = {.start = TRANSCRIPT_START};
    transcript_run(scenes[_i].text, &whole);
    /* Where the earlier session is not remembered, the one is what is left of the other: both say
     * that DUP does not belong there. */
    whole.found[MQTT_RULE_DUP_ON_FIRST_SEND] += whole.found[MQTT_RULE_RESENT_AFTER_CLEAN_START];
    /* Where the other connection is not remembered, who goes before it is thrown out has gone. */
    whole.found[MQTT_RULE_CLOSED_WITHOUT_DISCONNECT] += whole.found[MQTT_RULE_CLIENT_TAKEN_OVER];
    for (uint64_t n = 1; n <= whole.allocations; n++) {
        struct transcript_run run = {.start = TRANSCRIPT_START, .failing = n};
        transcript_run(scenes[_i].text, &run);
        ck_assert_uint_ge(run.allocations, n);
        for (unsigned rule = 0; rule < MQTT_RULES; rule++)
            ck_assert_msg(run.found[rule] <= whole.found[rule], "allocation %u fails: %s is raised",
                          (unsigned)n, mqtt_rule_info((enum mqtt_rule)rule)->id);
    }
}
END_TEST

/* The sanitizers watch the arithmetic. */
START_TEST(at_the_ends_of_time)
{
    static const int64_t starts[] = {INT64_MIN, INT64_MIN + 1,          -1,
                                     0,         INT64_MAX - 1000000000, INT64_MAX};
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        struct transcript_run run = {.start = starts[i]};
        transcript_run(scenes[_i].text, &run);
        ck_assert_uint_ne(run.allocations, 0);
    }
}
END_TEST

SUITE("connection", TABLE(scene, scenes), TEST(every_rule_has_a_scene),
      TABLE(without_memory, scenes), TABLE(at_the_ends_of_time, scenes))
