#include "client/tool/args_number.h"
#include "client/mux/pace.h"
#include <ctype.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DECIMALS   6 /* that count */
#define MILLION    1000000
#define DIGITS_MAX 9

bool args_number(const char *text, long least, long most, int *out)
{
    char *end;
    if (*text < '0' || *text > '9' || strlen(text) > 6)
        return false;
    long value = strtol(text, &end, 10);
    *out = (int)value;
    return *end == '\0' && value >= least && value <= most;
}

static bool take_unit(const char *text, int64_t *ms)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60 * 1000}, {"h", 3600 * 1000}, {"d", 24 * 3600 * 1000}};
    if (*text == '\0')
        return true;
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (strcmp(text, units[i].name) != 0)
            continue;
        *ms = units[i].ms;
        return true;
    }
    return false;
}

bool args_time(const char *text, int64_t unit_ms, int64_t least_ms, int64_t most_ms, int64_t *out_ms)
{
    static const char digits[] = "0123456789";
    int64_t millionths = 0;
    size_t whole = strspn(text, digits);
    size_t decimals = 0;
    if (whole > DIGITS_MAX)
        return false;
    int64_t value = whole > 0 ? strtol(text, NULL, 10) : 0;
    text += whole;
    if (*text == '.') {
        decimals = strspn(++text, digits);
        for (size_t i = 0; i < DECIMALS; i++)
            millionths = millionths * 10 + (i < decimals ? text[i] - '0' : 0);
        text += decimals;
    }
    if (whole + decimals == 0 || !take_unit(text, &unit_ms))
        return false;
    *out_ms = value * unit_ms + (millionths * unit_ms + MILLION - 1) / MILLION;
    return *out_ms >= least_ms && *out_ms <= most_ms;
}

bool args_seconds(const char *text, int64_t least_s, int64_t most_s, int64_t *out_s)
{
    int64_t ms;
    if (!args_time(text, 1000, 0, most_s * 1000, &ms))
        return false;
    *out_s = (ms + 999) / 1000;
    return *out_s >= least_s;
}

/* What stands behind the number. 0: that is no unit. */
static double unit_bytes(const char *unit)
{
    static const char letters[] = "KMGT";
    double bytes = 1;
    if (*unit == '\0')
        return 1024;
    if (strcasecmp(unit, "B") == 0)
        return 1;
    const char *letter = strchr(letters, toupper((unsigned char)*unit));
    bool binary = unit[1] == '\0' || strcasecmp(unit + 1, "iB") == 0;
    if (!letter || (!binary && strcasecmp(unit + 1, "B") != 0))
        return 0;
    for (const char *at = letters; at <= letter; at++)
        bytes *= binary ? 1024 : 1000;
    return bytes;
}

bool args_rate(const char *text, int64_t *out)
{
    size_t digits = strspn(text, "0123456789");
    double value = 0;
    double place = 1;
    if (digits == 0 || digits > 9)
        return false;
    for (size_t i = 0; i < digits; i++)
        value = 10 * value + (text[i] - '0');
    text += digits;
    if (*text == '.' && !isdigit((unsigned char)*++text))
        return false;
    for (; isdigit((unsigned char)*text); text++)
        value += (*text - '0') * (place /= 10);
    double unit = unit_bytes(text);
    double bytes = value * unit;
    *out = bytes < (double)PACE_MOST ? (int64_t)ceil(bytes) : PACE_MOST;
    return unit > 0;
}
