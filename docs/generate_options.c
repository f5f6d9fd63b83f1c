/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The manual page: see generate_options.h. */
#include "docs/generate_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyzer/option_table.h"

#define WIDTH 100

static void put_character(char character)
{
    switch (character) {
    case '-': printf("\\-"); break;
    case '\\': printf("\\e"); break;
    case '\'': printf("\\(aq"); break;
    default: putchar(character); break;
    }
}

/* One word, with its marks. */
static void put_word(const char *word, size_t length)
{
    static bool literal; /* "`A span" and "of time`" are one */
    for (size_t i = 0; i < length; i++)
        switch (word[i]) {
        case '`':
            literal = !literal;
            printf(literal ? "\\fB" : "\\fR");
            break;
        case '<': printf("\\fI"); break;
        case '>': printf("\\fR"); break;
        default: put_character(word[i]); break;
        }
}

/* Sentences in lines; troff fills them again. */
static void put_sentences(const char *text)
{
    size_t column = 0;
    while (*text != '\0') {
        const size_t length = strcspn(text, " ");
        if (column > 0)
            putchar(column + length > WIDTH ? '\n' : ' ');
        if (column + length > WIDTH)
            column = 0;
        put_word(text, length);
        column += length + 1;
        text += length;
        text += strspn(text, " ");
    }
    putchar('\n');
}

static void put_option(const struct option_row *row)
{
    printf(".TP\n");
    if (row->letter != '\0')
        printf("\\fB\\-%c\\fR, ", row->letter);
    printf("\\fB\\-\\-");
    for (const char *at = row->name; *at != '\0'; at++)
        put_character(*at);
    printf("\\fR");
    if (row->argument != NULL)
        printf(" \\fI%s\\fR", row->argument);
    putchar('\n');
    put_sentences(row->manual);
}

static void put_section(const char *title)
{
    struct option_row row;
    for (unsigned i = 0; option_row(&row, i); i++)
        if (strcmp(option_section_title(row.section), title) == 0)
            put_option(&row);
}

void manual_page(void)
{
    static const char mark[] = ".\\\" OPTIONS ";
    char line[4096];
    FILE *file = fopen(MQTTSCOPE_DOCS "/mqttscope.1.in", "r");
    if (file == NULL) {
        perror(MQTTSCOPE_DOCS "/mqttscope.1.in");
        exit(2);
    }
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, mark, strlen(mark)) != 0) {
            fputs(line, stdout);
            continue;
        }
        line[strcspn(line, "\n")] = '\0';
        put_section(line + strlen(mark));
    }
    fclose(file);
}
