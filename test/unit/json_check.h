/* test/unit/json_check.h: whether bytes are one JSON value (RFC 8259), in ASCII, as our writers make it. */
#ifndef HX_TEST_JSON_CHECK_H
#define HX_TEST_JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct json_check { /* private */
    const char *at, *end;
};

static inline bool json_byte(struct json_check *j, char c)
{
    bool is = j->at < j->end && *j->at == c;
    j->at += is;
    return is;
}

static inline long json_hex(struct json_check *j)
{
    char digits[5] = "";
    if (j->end - j->at < 4)
        return -1;
    memcpy(digits, j->at, 4);
    if (strspn(digits, "0123456789abcdefABCDEF") != 4)
        return -1;
    j->at += 4;
    return strtol(digits, NULL, 16);
}

/* A character by its number; halves of pairs come in pairs. */
static inline bool json_number_of_character(struct json_check *j)
{
    long c = json_hex(j);
    if (c < 0 || (c >= 0xdc00 && c < 0xe000))
        return false;
    if (c < 0xd800 || c >= 0xe000)
        return true;
    if (!json_byte(j, '\\') || !json_byte(j, 'u'))
        return false;
    c = json_hex(j);
    return c >= 0xdc00 && c < 0xe000;
}

static inline bool json_string(struct json_check *j)
{
    if (!json_byte(j, '"'))
        return false;
    while (j->at < j->end && *j->at != '"') {
        char c = *j->at++;
        if (c < 0x20 || c > 0x7e)
            return false;
        if (c != '\\')
            continue;
        if (j->at == j->end || !strchr("\"\\/bfnrtu", *j->at))
            return false;
        if (*j->at++ == 'u' && !json_number_of_character(j))
            return false;
    }
    return json_byte(j, '"');
}

static inline bool json_integer(struct json_check *j)
{
    const char *digits;
    json_byte(j, '-');
    digits = j->at;
    while (j->at < j->end && *j->at >= '0' && *j->at <= '9')
        j->at++;
    return j->at > digits && (*digits != '0' || j->at == digits + 1);
}

/* One object of texts and integers, as a line of the log is one. */
static inline bool json_is_flat_object(const char *text, size_t len)
{
    struct json_check j = {text, text + len};
    if (!json_byte(&j, '{'))
        return false;
    do {
        if (!json_string(&j) || !json_byte(&j, ':'))
            return false;
        if (!(j.at < j.end && *j.at == '"' ? json_string(&j) : json_integer(&j)))
            return false;
    } while (json_byte(&j, ','));
    return json_byte(&j, '}') && j.at == j.end;
}

#endif
