/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See inform.h. */
#include "analyzer/inform.h"

#include "analyzer/output.h"
#include "audit/diagnosis/diagnoses.h"
#include "audit/report/text.h"

static void print_rules(FILE *file)
{
    for (unsigned rule = 0; rule < MQTT_RULES; rule++) {
        const struct mqtt_rule_info *info = mqtt_rule_info((enum mqtt_rule)rule);
        fprintf(file, "%s\t%s\t%s\t%s\t%s\t%s\n", info->id, mqtt_severity_name(info->severity),
                mqtt_scope_name(info->scope), info->statements_3_1_1, info->statements_5_0,
                info->title);
    }
}

static void print_diagnoses(FILE *file)
{
    for (unsigned id = 0; id < AUDIT_DIAGNOSES; id++) {
        const struct audit_diagnosis_info *info = audit_diagnosis_info(id);
        fprintf(file, "%s\t%s\t%s\n", info->id, mqtt_severity_name(info->severity), info->title);
    }
}

static void explain(const struct options *options, const struct report_text_options *how,
                    FILE *file)
{
    if (options->explain != MQTT_RULE_NONE)
        report_explain(options->explain, how, file);
    else if (options->explain_diagnosis == AUDIT_DIAGNOSES)
        report_explain_excuse(options->explain_excuse, how, file);
    else
        report_explain_diagnosis(options->explain_diagnosis, how, file);
}

bool inform(const struct options *options, const struct report_text_options *how)
{
    struct output output;
    if (!output_open(&output, "-"))
        return false;
    switch (options->action) {
    case ACTION_HELP: options_help(output.file); break;
    case ACTION_VERSION: fputs("mqttscope " MQTTSCOPE_VERSION "\n", output.file); break;
    case ACTION_RULES: print_rules(output.file); break;
    case ACTION_DIAGNOSES: print_diagnoses(output.file); break;
    case ACTION_EXPLAIN: explain(options, how, output.file); break;
    case ACTION_REPORT: break;
    }
    return output_close(&output);
}
