/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Escaping for terminals: see escape.h. */
#include "audit/report/escape.h"

#include "mqtt/wire/utf8.h"

#include <string.h>

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
    default: return true;
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
