/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What shells complete: see generate_options.h. Rules and diagnoses are asked of the program that
 * is completed, so that they are those of the version that is installed.
 */
#include "docs/generate_options.h"

#include <stdio.h>
#include <string.h>

#include "analyzer/option_table.h"

static const char made[] = "# Made from analyzer/options.def by scripts/docs. Change it there.\n";
static const char license[] = "# SPDX-License-Identifier: GPL-2.0-or-later\n";

/* ---- bash ---- */

/* "-r|--read|...": the options whose argument is completed like that. */
static void bash_case(enum option_completion completion, const char *action)
{
    struct option_row row;
    bool any = false;
    for (unsigned i = 0; option_row(&row, i); i++) {
        if (row.argument == NULL || row.completion != completion)
            continue;
        printf("%s", any ? " | " : "    ");
        if (row.letter != '\0')
            printf("-%c | ", row.letter);
        printf("--%s", row.name);
        any = true;
    }
    if (any)
        printf(") %s ;;\n", action);
}

static void bash_choices(void)
{
    struct option_row row;
    for (unsigned i = 0; option_row(&row, i); i++)
        if (row.completion == OPTION_CHOICE)
            printf("    --%s) words='%s' ;;\n", row.name, row.words);
}

static void bash_options(void)
{
    struct option_row row;
    printf("    *)\n        case $cur in\n        -*) words='");
    for (unsigned i = 0; option_row(&row, i); i++) {
        if (row.letter != '\0')
            printf("-%c ", row.letter);
        printf("--%s ", row.name);
    }
    printf("' ;;\n        *) files=captures ;;\n        esac ;;\n");
}

void bash_completion(void)
{
    printf("# Completion for bash.\n%s%s\n", license, made);
    printf("_mqttscope()\n{\n"
           "    local program=$1 cur=$2 prev=$3 words='' files='' head='' file\n"
           "    # bash cuts --option=value into three words.\n"
           "    if [[ $cur == = ]]; then\n"
           "        cur=''\n"
           "    elif [[ $prev == = ]]; then\n"
           "        prev=${COMP_WORDS[COMP_CWORD - 2]}\n"
           "    fi\n"
           "    COMPREPLY=()\n"
           "    case $prev in\n");
    bash_case(OPTION_CAPTURE, "files=captures");
    bash_case(OPTION_FILE, "files=all");
    bash_case(OPTION_IFACE, "words=$(ls /sys/class/net 2>/dev/null)");
    bash_case(OPTION_IDS, "words=$(\"$program\" --rules 2>/dev/null | cut -f 1; \"$program\" "
                          "--diagnoses 2>/dev/null | cut -f 1)\n"
                          "        head=${cur%\"${cur##*,}\"} cur=${cur##*,}");
    bash_case(OPTION_EXPLAINED, "words=$(\"$program\" --rules 2>/dev/null | cut -f 1; "
                                "\"$program\" --diagnoses 2>/dev/null | cut -f 1)");
    bash_choices();
    bash_case(OPTION_TEXT, "return");
    bash_options();
    printf("    esac\n"
           "    if [[ -n $words ]]; then\n"
           "        mapfile -t COMPREPLY < <(compgen -P \"$head\" -W \"$words\" -- \"$cur\")\n"
           "        return\n"
           "    fi\n"
           "    compopt -o filenames 2>/dev/null\n"
           "    mapfile -t COMPREPLY < <(compgen -f -- \"$cur\" | while IFS= read -r file; do\n"
           "        [[ -d $file || $files == all || $file == *.pcap* || $file == *.cap* ]] && "
           "printf '%%s\\n' \"$file\"\n"
           "    done)\n"
           "    [[ ${#COMPREPLY[@]} -gt 0 ]] || mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
           "}\n\n"
           "complete -F _mqttscope mqttscope\n");
}

/* ---- zsh ---- */

static const char *zsh_action(enum option_completion completion)
{
    switch (completion) {
    case OPTION_CAPTURE: return "_mqttscope_captures";
    case OPTION_FILE: return "_files";
    case OPTION_IFACE: return "_net_interfaces";
    case OPTION_IDS: return "_sequence _mqttscope_ids";
    case OPTION_EXPLAINED: return "_mqttscope_ids";
    case OPTION_CHOICE:
    case OPTION_TEXT: break;
    }
    return " ";
}

/* Text inside of '...[here]': what is special there is none of ours but these. */
static void zsh_text(const char *text)
{
    for (; *text != '\0'; text++) {
        if (strchr("[]:\\", *text) != NULL)
            putchar('\\');
        if (*text == '\'')
            printf("'\\'");
        putchar(*text);
    }
}

static void zsh_option(const struct option_row *row)
{
    printf("    '*'");
    if (row->letter != '\0')
        printf("{-%c%s,--%s%s}", row->letter, row->argument != NULL ? "+" : "", row->name,
               row->argument != NULL ? "=" : "");
    else
        printf("--%s%s", row->name, row->argument != NULL ? "=" : "");
    printf("'[");
    zsh_text(row->summary);
    putchar(']');
    if (row->argument != NULL) {
        putchar(':');
        zsh_text(row->argument);
        if (row->completion == OPTION_CHOICE)
            printf(":(%s)", row->words);
        else
            printf(":%s", zsh_action(row->completion));
    }
    printf("' \\\n");
}

void zsh_completion(void)
{
    struct option_row row;
    printf("#compdef mqttscope\n# Completion for zsh.\n%s%s\n", license, made);
    printf("_mqttscope_ids() {\n"
           "    local -a ids\n"
           "    ids=(${(f)\"$($_mqttscope_program --rules 2>/dev/null | cut -f 1)\"}\n"
           "         ${(f)\"$($_mqttscope_program --diagnoses 2>/dev/null | cut -f 1)\"})\n"
           "    compadd \"$@\" -a ids\n"
           "}\n\n"
           "_mqttscope_captures() {\n"
           "    _files -g '*.(pcap|pcapng|cap)*'\n"
           "}\n\n"
           "local _mqttscope_program=$words[1]\n"
           "_arguments -s -S \\\n");
    for (unsigned i = 0; option_row(&row, i); i++)
        zsh_option(&row);
    printf("    '*:capture:_mqttscope_captures'\n");
}

/* ---- fish ---- */

static void fish_text(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'' || *text == '\\')
            putchar('\\');
        putchar(*text);
    }
}

static const char *fish_action(enum option_completion completion)
{
    switch (completion) {
    case OPTION_CAPTURE:
    case OPTION_FILE: return " -r -F";
    case OPTION_IFACE: return " -x -a '(ls /sys/class/net 2>/dev/null)'";
    case OPTION_IDS: return " -x -a '(__fish_append , (__mqttscope_ids))'";
    case OPTION_EXPLAINED: return " -x -a '(__mqttscope_ids)'";
    case OPTION_CHOICE:
    case OPTION_TEXT: break;
    }
    return " -x";
}

void fish_completion(void)
{
    struct option_row row;
    printf("# Completion for fish.\n%s%s\n", license, made);
    printf("function __mqttscope_ids\n"
           "    set -l program (commandline -opc)[1]\n"
           "    $program --rules 2>/dev/null | cut -f 1\n"
           "    $program --diagnoses 2>/dev/null | cut -f 1\n"
           "end\n\n");
    for (unsigned i = 0; option_row(&row, i); i++) {
        printf("complete -c mqttscope");
        if (row.letter != '\0')
            printf(" -s %c", row.letter);
        printf(" -l %s", row.name);
        if (row.argument != NULL)
            printf("%s", fish_action(row.completion));
        if (row.completion == OPTION_CHOICE)
            printf(" -a '%s'", row.words);
        printf(" -d '");
        fish_text(row.summary);
        printf("'\n");
    }
}
