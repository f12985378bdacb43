#include "base/percent.h"
#include "base/error.h"
#include "base/hex.h"
#include <string.h>

int percent_byte(const char *text, size_t len)
{
    if (len < 3 || text[0] != '%')
        return -1;
    int high = hex_value(text[1]);
    int low = hex_value(text[2]);
    if (high < 0 || low < 0 || (high == 0 && low == 0))
        return -1;
    return high << 4 | low;
}

ssize_t percent_decode(char *out, const char *text, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        int byte = (unsigned char)text[i];
        if (byte == '%') {
            byte = percent_byte(text + i, len - i);
            i += 2;
        }
        if (byte < 0)
            return HX_EPROTO;
        out[n++] = (char)byte;
    }
    out[n] = '\0';
    return (ssize_t)n;
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr("-._~", c);
}

ssize_t percent_encode(char *out, size_t cap, const char *text, const char *also)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t n = 0;

    for (; *text; text++) {
        bool plain = is_unreserved(*text) || strchr(also, *text);
        if (n + (plain ? 1 : 3) >= cap)
            return HX_ETOOBIG;
        if (plain) {
            out[n++] = *text;
            continue;
        }
        out[n++] = '%';
        out[n++] = digits[(unsigned char)*text >> 4];
        out[n++] = digits[(unsigned char)*text & 15];
    }
    if (n >= cap)
        return HX_ETOOBIG;
    out[n] = '\0';
    return (ssize_t)n;
}
