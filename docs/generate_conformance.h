/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The page of docs/ that accounts for every normative statement. Private to docs/. */
#ifndef MQTTSCOPE_DOCS_GENERATE_CONFORMANCE_H
#define MQTTSCOPE_DOCS_GENERATE_CONFORMANCE_H

/* docs/conformance.md */
void conformance_page(void);

#endif
