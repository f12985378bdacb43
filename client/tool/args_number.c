#include "client/tool/args_number.h"
#include "client/tool/args.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
