/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The manual page and what shells complete, from the table of options. Private to docs/. */
#ifndef MQTTSCOPE_DOCS_GENERATE_OPTIONS_H
#define MQTTSCOPE_DOCS_GENERATE_OPTIONS_H

/* docs/mqttscope.1: the lines of docs/mqttscope.1.in, with the options of a section in place of its
 * line ".\" OPTIONS Section". */
void manual_page(void);

/* docs/completions/mqttscope.bash, _mqttscope (zsh), mqttscope.fish */
void bash_completion(void);
void zsh_completion(void);
void fish_completion(void);

#endif
