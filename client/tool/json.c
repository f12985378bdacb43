#include "client/tool/json.h"
#include "base/percent.h"
#include "base/utf8.h"
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define REPLACEMENT 0xFFFD

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

size_t json_bytes(char *out, const char *text, size_t len, bool *exact)
{
    size_t written = 0;
    size_t at = 0;
    *exact = true;
    out[written++] = '"';
    while (at < len) {
        uint32_t c = REPLACEMENT;
        size_t bytes = utf8_read(&c, text + at, len - at < UTF8_BYTES_MAX ? len - at : UTF8_BYTES_MAX);
        *exact = *exact && bytes > 0;
        at += bytes > 0 ? bytes : 1;
        written += write_character(out + written, c);
    }
    out[written++] = '"';
    out[written] = '\0';
    return written;
}

size_t json_string(char *out, const char *text, bool *exact)
{
    return json_bytes(out, text, strlen(text), exact);
}

size_t json_name(char *out, const char *key, const char *text, const char *bytes)
{
    bool exact;
    size_t len = (size_t)sprintf(out, "\"%s\":", key);
    len += json_string(out + len, text, &exact);
    if (exact)
        return len;
    len += (size_t)sprintf(out + len, ",\"%s\":\"", bytes);
    len += (size_t)percent_encode(out + len, 3 * strlen(text) + 1, text, "/");
    return len + (size_t)sprintf(out + len, "\"");
}
