/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Times and offsets, as people type them: see span.h. */
#include "analyzer/span.h"

#include <glib.h>
#include <string.h>

#define SECOND INT64_C(1000000000)
#define DAY INT64_C(86400)

/* ---- Offsets ---- */

static const struct {
    const char *name;
    int64_t ns;
} units[] = {
    {"h", 3600 * SECOND}, {"m", 60 * SECOND}, {"s", SECOND},
    {"ms", 1000000},      {"us", 1000},       {"ns", 1},
};

/* So many of a unit, "1.5": what is behind its nanoseconds is cut. NULL if there is no number, or
 * too large a one; else what stands behind it. */
static const char *take_number(const char *at, uint64_t *whole, uint64_t *billionths)
{
    uint64_t weight = SECOND / 10;
    if (!g_ascii_isdigit(*at))
        return NULL;
    for (*whole = 0; g_ascii_isdigit(*at); at++) {
        *whole = *whole * 10 + (uint64_t)(*at - '0');
        if (*whole > INT64_MAX / SECOND * SECOND / 10)
            return NULL;
    }
    *billionths = 0;
    if (*at != '.')
        return at;
    if (!g_ascii_isdigit(at[1]))
        return NULL;
    for (at++; g_ascii_isdigit(*at); at++, weight /= 10)
        *billionths += (uint64_t)(*at - '0') * weight;
    return at;
}

/* The unit whose name stands here, among those smaller than the one before; none is a second. */
static unsigned take_unit(const char **at, unsigned next)
{
    const size_t length = strspn(*at, "hmnsu");
    if (length == 0 && next == 0 && **at == '\0')
        return 2;
    for (unsigned i = next; i < G_N_ELEMENTS(units); i++)
        if (strlen(units[i].name) == length && strncmp(units[i].name, *at, length) == 0) {
            *at += length;
            return i;
        }
    return G_N_ELEMENTS(units);
}

static bool parse_offset(const char *at, int64_t *ns)
{
    unsigned next = 0; /* units come from the largest to the smallest, each once */
    *ns = 0;
    do {
        uint64_t whole, billionths, product;
        at = take_number(at, &whole, &billionths);
        const unsigned unit = at != NULL ? take_unit(&at, next) : G_N_ELEMENTS(units);
        if (unit == G_N_ELEMENTS(units))
            return false;
        const uint64_t size = (uint64_t)units[unit].ns;
        const uint64_t part =
            billionths / 1000 * size / 1000000 + billionths % 1000 * size / SECOND;
        if (!g_uint64_checked_mul(&product, whole, size) ||
            !g_uint64_checked_add(&product, product, part) || product > (uint64_t)(INT64_MAX - *ns))
            return false;
        *ns += (int64_t)product;
        next = unit + 1;
    } while (*at != '\0');
    return true;
}

/* ---- Times ---- */

/* `count` digits, and what has to stand behind them ('\0': anything). */
static bool take_digits(const char **at, unsigned count, char behind, unsigned *value)
{
    for (*value = 0; count > 0; count--, (*at)++) {
        if (!g_ascii_isdigit(**at))
            return false;
        *value = *value * 10 + (unsigned)(**at - '0');
    }
    if (behind == '\0')
        return true;
    return g_ascii_toupper(*(*at)++) == behind;
}

/* Days from 1970-01-01 to a day of the Gregorian calendar. Years are counted from March on, so that
 * the day that is there every four years is their last. */
static int64_t days_until(unsigned year, unsigned month, unsigned day)
{
    const int64_t years = (int64_t)year - (month <= 2);
    const int64_t of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return years * 365 + years / 4 - years / 100 + years / 400 + of_year - 719468;
}

/* "Z", or "+02:00": how far the clock is ahead, in seconds. */
static bool take_zone(const char **at, int64_t *seconds)
{
    const char sign = *(*at)++;
    unsigned hours, minutes;
    *seconds = 0;
    if (sign == 'Z' || sign == 'z')
        return true;
    if ((sign != '+' && sign != '-') || !take_digits(at, 2, ':', &hours) ||
        !take_digits(at, 2, '\0', &minutes) || hours > 23 || minutes > 59)
        return false;
    *seconds = (int64_t)(hours * 3600 + minutes * 60) * (sign == '-' ? -1 : 1);
    return true;
}

static bool parse_time(const char *at, int64_t *ns)
{
    unsigned year, month, day, hour, minute, second;
    int64_t ahead, weight = SECOND / 10, fraction = 0;
    if (!take_digits(&at, 4, '-', &year) || !take_digits(&at, 2, '-', &month) ||
        !take_digits(&at, 2, 'T', &day) || !take_digits(&at, 2, ':', &hour) ||
        !take_digits(&at, 2, ':', &minute) || !take_digits(&at, 2, '\0', &second))
        return false;
    if (year < 1600 || month < 1 || month > 12 || hour > 23 || minute > 59 || second > 60 ||
        !g_date_valid_dmy((GDateDay)day, (GDateMonth)month, (GDateYear)year))
        return false; /* 64 bits of nanoseconds reach back to 1677 */
    if (*at == '.') {
        if (!g_ascii_isdigit(at[1]))
            return false;
        for (at++; g_ascii_isdigit(*at); at++, weight /= 10)
            fraction += (*at - '0') * weight;
    }
    if (!take_zone(&at, &ahead) || *at != '\0')
        return false;
    const int64_t seconds =
        days_until(year, month, day) * DAY + hour * 3600 + minute * 60 + second - ahead;
    if (seconds > INT64_MAX / SECOND - 1 || seconds < INT64_MIN / SECOND + 1)
        return false;
    *ns = seconds * SECOND + fraction;
    return true;
}

/* ---- Both ---- */

bool moment_parse(const char *text, struct moment *moment)
{
    moment->kind = strchr(text, '-') != NULL ? MOMENT_TIME : MOMENT_OFFSET;
    return moment->kind == MOMENT_TIME ? parse_time(text, &moment->ns)
                                       : parse_offset(text, &moment->ns);
}

int64_t moment_time(const struct moment *moment, int64_t first)
{
    if (moment->kind == MOMENT_TIME)
        return moment->ns;
    return first > INT64_MAX - moment->ns ? INT64_MAX : first + moment->ns; /* none is negative */
}

bool span_is_empty(const struct span *span)
{
    return span->from.kind != MOMENT_NONE && span->from.kind == span->to.kind &&
           span->from.ns > span->to.ns;
}
