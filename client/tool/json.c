#include "client/tool/json.h"
#include <stdint.h>
#include <stdio.h>

#define REPLACEMENT 0xFFFD

/* The character that `text` begins with, and its bytes; 0 bytes: it is no UTF-8 (RFC 3629). */
static uint32_t character(const unsigned char *text, size_t *bytes)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t len = text[0] < 0x80       ? 1
                 : text[0] >> 5 == 6  ? 2
                 : text[0] >> 4 == 14 ? 3
                 : text[0] >> 3 == 30 ? 4
                                      : 0;
    *bytes = 0;
    if (len == 0)
        return REPLACEMENT;
    uint32_t c = len == 1 ? text[0] : text[0] & (0x7FU >> len);
    for (size_t i = 1; i < len; i++) {
        if (text[i] >> 6 != 2) /* so is a NUL */
            return REPLACEMENT;
        c = c << 6 | (text[i] & 0x3F);
    }
    if (c < least[len] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000))
        return REPLACEMENT;
    *bytes = len;
    return c;
}

static size_t write_character(char *out, uint32_t c)
{
    if (c == '"' || c == '\\')
        return (size_t)sprintf(out, "\\%c", (char)c);
    if (c >= ' ' && c < 0x7F) {
        *out = (char)c;
        return 1;
    }
    if (c < 0x10000)
        return (size_t)sprintf(out, "\\u%04x", (unsigned)c);
    c -= 0x10000;
    return (size_t)sprintf(out, "\\u%04x\\u%04x", (unsigned)(0xD800 | c >> 10),
                           (unsigned)(0xDC00 | (c & 0x3FF)));
}

size_t json_string(char *out, const char *text, bool *exact)
{
    const unsigned char *at = (const unsigned char *)text;
    size_t len = 0;
    *exact = true;
    out[len++] = '"';
    while (*at) {
        size_t bytes;
        uint32_t c = character(at, &bytes);
        *exact = *exact && bytes > 0;
        at += bytes > 0 ? bytes : 1;
        len += write_character(out + len, c);
    }
    out[len++] = '"';
    out[len] = '\0';
    return len;
}
