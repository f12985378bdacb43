#include "client/tool/args_number.h"
#include "client/mux/pace.h"
#include "client/tool/args.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool args_number(const char *text, long least, long most, int *out)
{
    char *end;
    if (*text < '0' || *text > '9' || strlen(text) > 6)
        return false;
    long value = strtol(text, &end, 10);
    *out = (int)value;
    return *end == '\0' && value >= least && value <= most;
}

bool args_interval(const char *text, int *out_ms)
{
    int whole;
    int ms = 0;
    char digits[8];
    size_t dot = strcspn(text, ".");
    if (dot == 0 || dot >= sizeof digits)
        return false;
    memcpy(digits, text, dot);
    digits[dot] = '\0';
    if (!args_number(digits, 0, ARGS_INTERVAL_MAX / 1000, &whole))
        return false;
    if (text[dot] == '.') {
        size_t decimals = strlen(text + dot + 1);
        if (decimals < 1 || decimals > 3)
            return false;
        snprintf(digits, sizeof digits, "%s%.*s", text + dot + 1, (int)(3 - decimals), "000");
        if (!args_number(digits, 0, 999, &ms))
            return false;
    }
    *out_ms = whole * 1000 + ms;
    return *out_ms >= ARGS_INTERVAL_MIN && *out_ms <= ARGS_INTERVAL_MAX;
}

bool args_duration(const char *text, int64_t *out_s)
{
    static const char units[] = "smhd";
    static const int64_t seconds[] = {1, 60, 3600, 24 * 3600};
    char *end;
    if (!isdigit((unsigned char)*text) || strlen(text) > 9)
        return false;
    *out_s = strtol(text, &end, 10);
    const char *unit = *end ? strchr(units, *end) : units;
    if (!unit || (*end && end[1]))
        return false;
    *out_s *= seconds[unit - units];
    return *out_s >= 1 && *out_s <= ARGS_EXPIRE_MAX;
}

/* What stands behind the number. 0: that is no unit. */
static double unit_bytes(const char *unit)
{
    static const char letters[] = "KMGT";
    double bytes = 1024;
    if (*unit == '\0')
        return bytes;
    if (strcasecmp(unit, "B") == 0)
        return 1;
    const char *letter = strchr(letters, toupper((unsigned char)*unit));
    bool binary = unit[1] == '\0' || strcasecmp(unit + 1, "iB") == 0;
    if (!letter || (!binary && strcasecmp(unit + 1, "B") != 0))
        return 0;
    for (const char *at = letters; at < letter; at++)
        bytes *= 1024;
    return binary ? bytes : pow(1000, (double)(letter - letters + 1));
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
    double bytes = value * unit_bytes(text);
    *out = bytes < (double)PACE_MOST ? (int64_t)ceil(bytes) : PACE_MOST;
    return unit_bytes(text) > 0;
}
