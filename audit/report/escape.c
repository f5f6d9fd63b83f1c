/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Escaping for terminals: see escape.h. */
#include "audit/report/escape.h"

#include "mqtt/wire/utf8.h"

#include <string.h>

/* Marks, letters and symbols that show as nothing: those of Default_Ignorable_Code_Point that are
 * no format characters, and blanks that Unicode does not call so. In ascending order. */
static const struct range {
    gunichar first, last;
} blank[] = {
    {0x034f, 0x034f},   /* combining grapheme joiner */
    {0x115f, 0x1160},   /* Hangul fillers */
    {0x17b4, 0x17b5},   /* Khmer inherent vowels */
    {0x180b, 0x180f},   /* Mongolian variation selectors and vowel separator */
    {0x2800, 0x2800},   /* Braille pattern without dots */
    {0x3164, 0x3164},   /* Hangul filler */
    {0xfe00, 0xfe0f},   /* variation selectors */
    {0xffa0, 0xffa0},   /* halfwidth Hangul filler */
    {0x13441, 0x13442}, /* Egyptian hieroglyph blanks */
    {0x16fe4, 0x16fe4}, /* Khitan small script filler */
    {0x1d159, 0x1d159}, /* musical symbol null notehead */
    {0xe0000, 0xe0fff}, /* tags, variation selectors, and what may come to them */
};

static bool is_blank(gunichar character)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(blank) && blank[i].first <= character; i++)
        if (character <= blank[i].last)
            return true;
    return false;
}

/* Characters that are fit to be seen: no controls, no marks that reorder text or show as nothing,
 * no code points that mean nothing yet. */
static bool visible(gunichar character)
{
    switch (g_unichar_type(character)) {
    case G_UNICODE_CONTROL:
    case G_UNICODE_FORMAT:
    case G_UNICODE_SURROGATE:
    case G_UNICODE_UNASSIGNED:
    case G_UNICODE_PRIVATE_USE:
    case G_UNICODE_LINE_SEPARATOR:
    case G_UNICODE_PARAGRAPH_SEPARATOR: return false;
    case G_UNICODE_SPACE_SEPARATOR: return character == ' ';
    default: return !is_blank(character);
    }
}

/* g_utf8_next_char() without its cast. `at` is well-formed. */
static const char *next(const char *at)
{
    return at + g_utf8_skip[(unsigned char)*at];
}

static void append_character(GString *text, gunichar character)
{
    switch (character) {
    case '\\': g_string_append(text, "\\\\"); break;
    case '\n': g_string_append(text, "\\n"); break;
    case '\r': g_string_append(text, "\\r"); break;
    case '\t': g_string_append(text, "\\t"); break;
    default:
        if (visible(character))
            g_string_append_unichar(text, character);
        else if (character < 0x80)
            g_string_append_printf(text, "\\x%02x", character);
        else
            g_string_append_printf(text, "\\u{%x}", character);
    }
}

void escape_append(GString *text, const uint8_t *bytes, size_t length)
{
    while (length > 0) {
        size_t good = mqtt_utf8_check(bytes, length);
        for (const char *at = (const char *)bytes, *end = at + good; at < end; at = next(at))
            append_character(text, g_utf8_get_char(at));
        if (good < length) {
            g_string_append_printf(text, "\\x%02x", bytes[good]);
            good++;
        }
        bytes += good;
        length -= good;
    }
}

char *escape_string(const struct audit_string *string)
{
    GString *text = g_string_sized_new(string->length);
    escape_append(text, string->bytes, string->length);
    if (string->whole > string->length)
        g_string_append(text, "...");
    return g_string_free(text, FALSE);
}

char *escape_text(const char *text)
{
    GString *escaped = g_string_new(NULL);
    escape_append(escaped, (const uint8_t *)text, strlen(text));
    return g_string_free(escaped, FALSE);
}

static unsigned width_of(gunichar character)
{
    if (g_unichar_iszerowidth(character))
        return 0;
    return g_unichar_iswide(character) ? 2 : 1;
}

unsigned escape_width(const char *text)
{
    unsigned width = 0;
    for (; *text != '\0'; text = next(text))
        width += width_of(g_utf8_get_char(text));
    return width;
}

void escape_cut(char *text, unsigned width)
{
    if (escape_width(text) <= width)
        return;
    unsigned seen = 0;
    const char *at = text;
    while ((seen += width_of(g_utf8_get_char(at))) <= width - 3)
        at = next(at);
    /* What is cut away takes more than three columns, so it has at least three bytes. */
    memcpy(text + (at - text), "...", 4);
}
