/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line. */
#ifndef MQTTSCOPE_ANALYZER_OPTIONS_H
#define MQTTSCOPE_ANALYZER_OPTIONS_H

#include <glib.h>
#include <stdio.h>

#include "analyzer/outputs.h"
#include "analyzer/span.h"
#include "audit/diagnosis/diagnoses.h"

enum action {
    ACTION_REPORT,
    ACTION_HELP,
    ACTION_VERSION,
    ACTION_RULES,
    ACTION_DIAGNOSES,
    ACTION_EXPLAIN
};

enum color_mode { COLOR_AUTO, COLOR_ALWAYS, COLOR_NEVER };

#define FAIL_ON_NOTHING 3 /* above every enum mqtt_severity */

struct options {
    enum action action;
    GPtrArray *files;      /* const char *; arguments of main() */
    const char *interface; /* NULL: none */
    const char *filter;    /* NULL: none */
    GArray *ports;         /* uint16_t */
    GPtrArray *keylogs;    /* const char *; arguments of main() */
    GArray *brokers;       /* struct mqtt_broker_endpoint */
    uint64_t memory;       /* bytes; 0: as usual */
    bool no_deliveries;    /* what is published is not matched with what is delivered */
    GArray *outputs;       /* struct output_request */
    const char *annotate;  /* where the capture goes with comments; NULL: nowhere */
    const char *extract;   /* the client whose packets go to `write`; NULL: none */
    const char *write;
    unsigned fail_on; /* enum mqtt_severity: this one and what is worse */
    bool only;        /* some rules alone: */
    bool rules[MQTT_RULES];
    bool diagnoses[AUDIT_DIAGNOSES];
    const char *client; /* NULL: all */
    const char *topic;  /* filter; NULL: all */
    struct span span;
    enum report_detail detail;
    enum color_mode color;
    enum mqtt_rule explain;                    /* ACTION_EXPLAIN; MQTT_RULE_NONE: this diagnosis */
    enum audit_diagnosis_id explain_diagnosis; /* AUDIT_DIAGNOSES: this excuse */
    enum audit_excuse explain_excuse;
};

/* Reads the arguments of main(). False after one line on standard error. */
bool options_parse(struct options *options, int argc, char **argv);

void options_clear(struct options *options);

/* Prints what --help prints. */
void options_help(FILE *file);

#endif
