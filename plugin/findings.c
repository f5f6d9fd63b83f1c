/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Findings by record; see findings.h. */
#include "plugin/findings.h"

#include "plugin/preferences.h"

/* Findings that are kept, one by one, of a capture: some 64 MB of them. More are counted. */
#define FINDINGS_KEPT_MAX 1000000u

static uint32_t kept; /* how many there are */

void mqttscope_findings_cleanup(void)
{
    kept = 0;
}

static size_t size_of(uint32_t count)
{
    return sizeof(struct mqttscope_findings) + count * sizeof(struct mqtt_finding);
}

static uint32_t count_heard(const struct mqtt_step *step)
{
    uint32_t heard = 0;

    for (uint32_t i = 0; i < step->finding_count; i++)
        heard += !mqttscope_is_muted(step->findings[i].rule);
    return heard;
}

void mqttscope_findings_keep(struct mqttscope_record *record, const struct mqtt_step *step)
{
    const uint32_t heard = count_heard(step);
    const uint32_t count = MIN(heard, FINDINGS_KEPT_MAX - kept);

    if (heard == 0)
        return;
    struct mqttscope_findings *findings = wmem_alloc(wmem_file_scope(), size_of(count));
    findings->count = 0;
    findings->dropped = step->findings_dropped + heard - count;
    for (uint32_t i = 0; i < step->finding_count && findings->count < count; i++) {
        if (!mqttscope_is_muted(step->findings[i].rule))
            findings->list[findings->count++] = step->findings[i];
    }
    record->findings = findings;
    kept += count;
}

void mqttscope_findings_add(struct mqttscope_record *record, const struct mqtt_finding *finding)
{
    struct mqttscope_findings *findings = record->findings;
    const uint32_t count = findings != NULL ? findings->count : 0;
    const bool room = kept < FINDINGS_KEPT_MAX;

    if (mqttscope_is_muted(finding->rule))
        return;
    if (findings == NULL)
        findings = wmem_alloc0(wmem_file_scope(), size_of(room));
    else if (room)
        findings = wmem_realloc(wmem_file_scope(), findings, size_of(count + 1));
    record->findings = findings;
    if (!room) {
        findings->dropped++;
        return;
    }
    findings->list[findings->count++] = *finding;
    kept++;
}
