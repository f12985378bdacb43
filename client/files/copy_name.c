#include "client/files/copy_name.h"
#include "base/hex.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void copy_name_make(struct copy_name *out, int64_t now_ms)
{
    uint8_t bytes[COPY_NAME_DIGITS / 2];
    arc4random_buf(bytes, sizeof bytes);
    hex_write(out->id, bytes, sizeof bytes);
    out->begun_ms = now_ms;
}

void copy_name_format(char out[COPY_NAME_TEXT], const struct copy_name *c, int64_t now_ms)
{
    int64_t age_ms = now_ms > c->begun_ms ? now_ms - c->begun_ms : 0;
    snprintf(out, COPY_NAME_TEXT, "%s %" PRId64, c->id, age_ms);
}

void copy_name_parse(struct copy_name *out, const char *text, int64_t now_ms)
{
    *out = (struct copy_name){.id = "", .begun_ms = now_ms};
    if (!text || strspn(text, HEX_DIGITS) != COPY_NAME_DIGITS || text[COPY_NAME_DIGITS] != ' ')
        return;
    const char *number = text + COPY_NAME_DIGITS + 1;
    size_t len = strspn(number, HEX_DIGITS);
    if (len == 0 || len > 15 || number[len] || strspn(number, "0123456789") != len)
        return;
    memcpy(out->id, text, COPY_NAME_DIGITS);
    out->begun_ms = now_ms - strtoll(number, NULL, 10);
}

bool copy_name_is_older(const struct copy_name *a, const struct copy_name *b)
{
    bool same = a->id[0] && strcmp(a->id, b->id) == 0;
    return same || a->begun_ms <= b->begun_ms;
}
