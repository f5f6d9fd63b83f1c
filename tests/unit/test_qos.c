/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every transition of the QoS exchanges: what figure 4.3 and the clauses beside it say of a packet
 * that comes at some point of an exchange. The expectations are written by hand, and each row of
 * the table has to have one.
 */
#include <stdio.h>
#include <string.h>

#include "suite.h"
#include "transcript.h"

/* How a state is reached: the exchange has identifier 1, and the client begins it. */
static const struct {
    const char *state;
    const char *kind; /* QoS of a PUBLISH that belongs to it */
    const char *path;
} states[] = {
    {"NONE", "2", ""},
    {"OTHER", "2", "C SUBSCRIBE 1 a:0\n"},
    {"QOS_1_PUBLISHED", "1", "C PUBLISH 1 t id=1\n"},
    {"QOS_2_PUBLISHED", "2", "C PUBLISH 2 t id=1\n"},
    {"QOS_2_RECEIVED", "2", "C PUBLISH 2 t id=1\nS PUBREC 1\n"},
    {"QOS_2_RELEASED", "2", "C PUBLISH 2 t id=1\nS PUBREC 1\nC PUBREL 1\n"},
    {"QOS_1_RESUMED", "1", "C PUBLISH 1 t id=1\nRESUME"},
    {"QOS_2_RESUMED", "2", "C PUBLISH 2 t id=1\nRESUME"},
    {"QOS_2_RESUMED_RECEIVED", "2", "C PUBLISH 2 t id=1\nS PUBREC 1\nRESUME"},
    {"QOS_2_RESUMED_RELEASED", "2", "C PUBLISH 2 t id=1\nS PUBREC 1\nC PUBREL 1\nRESUME"},
};

static const struct {
    const char *packet;
    const char *line; /* %s: the QoS */
} packets[] = {
    {"FIRST", "C PUBLISH %s t id=1\n"},
    {"AGAIN", "C PUBLISH %s t id=1 dup\n"},
    {"PUBACK", "S PUBACK 1\n"},
    {"PUBREC", "S PUBREC 1\n"},
    {"PUBREC_ERROR", "S PUBREC 1 0x97\n"},
    {"PUBREL", "C PUBREL 1\n"},
    {"PUBCOMP", "S PUBCOMP 1\n"},
};

/* What has to be said of it, and what comes of it: `then` is what the two ends may say next without
 * anybody being blamed. RESENT stands for the rule of the version. */
static const struct {
    const char *state, *packet;
    const char *expected;
    const char *then;
} expectations[] = {
    {"NONE", "FIRST", "", "S PUBREC 1\nC PUBREL 1\nS PUBCOMP 1\n? done QoS 2\n"},
    {"NONE", "AGAIN", "! dup-on-first-send\n",
     "S PUBREC 1\nC PUBREL 1\nS PUBCOMP 1\n? done QoS 2\n"},
    {"NONE", "PUBACK", "! acknowledgement-unknown\n", ""},
    {"NONE", "PUBREC", "! acknowledgement-unknown\n", "C PUBREL 1\nS PUBCOMP 1\n"},
    {"NONE", "PUBREC_ERROR", "! acknowledgement-unknown\n", ""},
    {"NONE", "PUBREL", "! acknowledgement-unknown\n", "S PUBCOMP 1\n"},
    {"NONE", "PUBCOMP", "! acknowledgement-unknown\n", ""},

    {"OTHER", "FIRST", "! packet-identifier-in-use\n", "S SUBACK 1 0\nS PUBREC 1\n"},
    {"OTHER", "AGAIN", "! packet-identifier-in-use\n", "S SUBACK 1 0\nS PUBREC 1\n"},
    {"OTHER", "PUBACK", "! acknowledgement-wrong-type\n", "S SUBACK 1 0\n"},
    {"OTHER", "PUBREC", "! acknowledgement-wrong-type\n",
     "C PUBREL 1\nS PUBCOMP 1\nS SUBACK 1 0\n"},
    {"OTHER", "PUBREC_ERROR", "! acknowledgement-wrong-type\n", "S SUBACK 1 0\n"},
    {"OTHER", "PUBREL", "! acknowledgement-wrong-type\n", "S PUBCOMP 1\nS SUBACK 1 0\n"},
    {"OTHER", "PUBCOMP", "! acknowledgement-wrong-type\n", "S SUBACK 1 0\n"},

    {"QOS_1_PUBLISHED", "FIRST", "! packet-identifier-in-use\n", "S PUBACK 1\nS PUBACK 1\n"},
    {"QOS_1_PUBLISHED", "AGAIN", "! RESENT\n? resend\n", "S PUBACK 1\n? done QoS 1\nS PUBACK 1\n"},
    {"QOS_1_PUBLISHED", "PUBACK", "? done QoS 1\n", "C PUBLISH 1 t id=1\n"},

    {"QOS_2_PUBLISHED", "FIRST", "! packet-identifier-in-use\n", "S PUBREC 1\nS PUBREC 1\n"},
    {"QOS_2_PUBLISHED", "AGAIN", "! RESENT\n? resend\n", "S PUBREC 1\nS PUBREC 1\nC PUBREL 1\n"},
    {"QOS_2_PUBLISHED", "PUBREC", "? answers\n", "C PUBREL 1\nS PUBCOMP 1\n? done QoS 2\n"},
    {"QOS_2_PUBLISHED", "PUBREC_ERROR", "! publish-refused\n? done QoS 2\n",
     "C PUBLISH 2 t id=1\n"},
    {"QOS_2_PUBLISHED", "PUBREL", "! qos-2-out-of-step\n", "S PUBCOMP 1\n? done QoS 2\n"},
    {"QOS_2_PUBLISHED", "PUBCOMP", "! qos-2-out-of-step\n? done QoS 2\n", "C PUBLISH 2 t id=1\n"},

    {"QOS_2_RECEIVED", "FIRST", "! packet-identifier-in-use\n",
     "S PUBREC 1\nC PUBREL 1\nS PUBCOMP 1\n"},
    {"QOS_2_RECEIVED", "AGAIN", "! RESENT\n? resend\n", "S PUBREC 1\nC PUBREL 1\nS PUBCOMP 1\n"},
    {"QOS_2_RECEIVED", "PUBREC", "! qos-2-out-of-step\n", "C PUBREL 1\nS PUBCOMP 1\n"},
    {"QOS_2_RECEIVED", "PUBREC_ERROR", "! qos-2-out-of-step\n", "C PUBREL 1\nS PUBCOMP 1\n"},
    {"QOS_2_RECEIVED", "PUBREL", "? answers\n", "S PUBCOMP 1\n? done QoS 2\n"},
    {"QOS_2_RECEIVED", "PUBCOMP", "! qos-2-out-of-step\n? done QoS 2\n", "C PUBLISH 2 t id=1\n"},

    /* The same message: it was sent before, though it does not say so. */
    {"QOS_2_RELEASED", "FIRST", "! publish-after-pubrel\n", "S PUBCOMP 1\nS PUBREC 1\n"},
    {"QOS_2_RELEASED", "AGAIN", "! publish-after-pubrel\n? resend\n", "S PUBREC 1\nS PUBCOMP 1\n"},
    {"QOS_2_RELEASED", "PUBREC", "! qos-2-out-of-step\n", "C PUBREL 1\nS PUBCOMP 1\nS PUBCOMP 1\n"},
    {"QOS_2_RELEASED", "PUBREC_ERROR", "! qos-2-out-of-step\n",
     "C PUBREL 1\nS PUBCOMP 1\nS PUBCOMP 1\n"},
    {"QOS_2_RELEASED", "PUBREL", "! RESENT\n? resend\n",
     "S PUBCOMP 1\n? done QoS 2\nS PUBCOMP 1\n"},
    {"QOS_2_RELEASED", "PUBCOMP", "? done QoS 2\n", "C PUBLISH 2 t id=1\n"},

    {"QOS_1_RESUMED", "FIRST", "! redelivery-without-dup\n? resend\n",
     "S PUBACK 1\n? done QoS 1\n"},
    {"QOS_1_RESUMED", "AGAIN", "? resend\n", "S PUBACK 1\n? done QoS 1\n"},
    {"QOS_1_RESUMED", "PUBACK", "? done QoS 1\n", "C PUBLISH 1 t id=1\n"},

    {"QOS_2_RESUMED", "FIRST", "! redelivery-without-dup\n? resend\n", "S PUBREC 1\nC PUBREL 1\n"},
    {"QOS_2_RESUMED", "AGAIN", "? resend\n", "S PUBREC 1\nC PUBREL 1\nS PUBCOMP 1\n? done QoS 2\n"},
    {"QOS_2_RESUMED", "PUBREC", "? answers\n", "C PUBREL 1\nS PUBCOMP 1\n? done QoS 2\n"},
    {"QOS_2_RESUMED", "PUBREC_ERROR", "! publish-refused\n? done QoS 2\n", "C PUBLISH 2 t id=1\n"},
    {"QOS_2_RESUMED", "PUBREL", "", "S PUBCOMP 1\n? done QoS 2\n"},
    {"QOS_2_RESUMED", "PUBCOMP", "! qos-2-out-of-step\n? done QoS 2\n", "C PUBLISH 2 t id=1\n"},

    {"QOS_2_RESUMED_RECEIVED", "FIRST", "! redelivery-without-dup\n? resend\n", "S PUBREC 1\n"},
    {"QOS_2_RESUMED_RECEIVED", "AGAIN", "? resend\n", "S PUBREC 1\nC PUBREL 1\nS PUBCOMP 1\n"},
    {"QOS_2_RESUMED_RECEIVED", "PUBREC", "", "C PUBREL 1\nS PUBCOMP 1\n? done QoS 2\n"},
    {"QOS_2_RESUMED_RECEIVED", "PUBREC_ERROR", "", "C PUBREL 1\nS PUBCOMP 1\n"},
    {"QOS_2_RESUMED_RECEIVED", "PUBREL", "? answers\n", "S PUBCOMP 1\n? done QoS 2\n"},
    {"QOS_2_RESUMED_RECEIVED", "PUBCOMP", "! qos-2-out-of-step\n? done QoS 2\n",
     "C PUBLISH 2 t id=1\n"},

    {"QOS_2_RESUMED_RELEASED", "FIRST", "! publish-after-pubrel\n? resend\n", "S PUBREC 1\n"},
    {"QOS_2_RESUMED_RELEASED", "AGAIN", "! publish-after-pubrel\n? resend\n", "S PUBREC 1\n"},
    {"QOS_2_RESUMED_RELEASED", "PUBREC", "", "C PUBREL 1\n? resend\nS PUBCOMP 1\n? done QoS 2\n"},
    {"QOS_2_RESUMED_RELEASED", "PUBREC_ERROR", "", "C PUBREL 1\n? resend\nS PUBCOMP 1\n"},
    {"QOS_2_RESUMED_RELEASED", "PUBREL", "? resend\n", "S PUBCOMP 1\n? done QoS 2\n"},
    {"QOS_2_RESUMED_RELEASED", "PUBCOMP", "? done QoS 2\n", "C PUBLISH 2 t id=1\n"},
};

/* Appends `text`, with `with` for each `what` in it. */
static void append(char *scene, size_t size, const char *text, const char *what, const char *with)
{
    const char *at;
    while (what[0] != '\0' && (at = strstr(text, what)) != NULL) {
        strncat(scene, text, (size_t)(at - text));
        strcat(scene, with);
        text = at + strlen(what);
    }
    ck_assert_uint_lt(strlen(scene) + strlen(text), size);
    strcat(scene, text);
}

static void check(size_t i, bool five)
{
    char scene[2048], resume[256];
    size_t state = 0, packet = 0;
    const char *version = five ? "5.0" : "3.1.1";
    const char *expiry = five ? " {11 00000e10}" : "";
    while (strcmp(states[state].state, expectations[i].state) != 0)
        state++;
    while (strcmp(packets[packet].packet, expectations[i].packet) != 0)
        packet++;
    /* A known session: it begins with nothing stored, so that DUP and all else can be judged. */
    snprintf(scene, sizeof scene, "connection\nC CONNECT %s a%s%s\nS CONNACK\n", version,
             strstr(states[state].path, "RESUME") == NULL ? " clean" : "", expiry);
    snprintf(resume, sizeof resume,
             "close C rst\n! closed-without-disconnect\nconnection\nC CONNECT %s a%s\n"
             "S CONNACK sp\n",
             version, expiry);
    append(scene, sizeof scene, states[state].path, "RESUME", resume);
    append(scene, sizeof scene, packets[packet].line, "%s", states[state].kind);
    append(scene, sizeof scene, expectations[i].expected, "RESENT",
           five ? "resent-while-connected" : "resent-on-timeout");
    append(scene, sizeof scene, expectations[i].then, "", "");

    transcript(scene);
}

START_TEST(transition_3_1_1)
{
    if (strcmp(expectations[_i].packet, "PUBREC_ERROR") != 0) /* 3.1.1 has none */
        check((size_t)_i, false);
}
END_TEST

START_TEST(transition_5_0)
{
    check((size_t)_i, true);
}
END_TEST

/* The table as text, to compare its rows with the expectations. */
static const char *const rows[][2] = {
#define QOS(state, packet, ...) {#state, #packet},
#include "mqtt/state/qos.def"
};

START_TEST(every_row_is_expected)
{
    for (size_t row = 0; row < sizeof rows / sizeof *rows; row++) {
        unsigned found = 0;
        for (size_t i = 0; i < sizeof expectations / sizeof *expectations; i++)
            found += strcmp(rows[row][0], expectations[i].state) == 0 &&
                     strcmp(rows[row][1], expectations[i].packet) == 0;
        ck_assert_msg(found == 1, "%s, %s: %u expectations", rows[row][0], rows[row][1], found);
    }
    ck_assert_uint_eq(sizeof rows / sizeof *rows, sizeof expectations / sizeof *expectations);
}
END_TEST

SUITE("qos", TABLE(transition_3_1_1, expectations), TABLE(transition_5_0, expectations),
      TEST(every_row_is_expected))
