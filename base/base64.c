#include "base/base64.h"
#include "base/error.h"
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_digits[] = BASE64URL_DIGITS;

void base64_encode(char *out, const void *data, size_t len)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        uint32_t group = (uint32_t)bytes[i] << 16 | (left > 1 ? (uint32_t)bytes[i + 1] << 8 : 0) |
                         (left > 2 ? bytes[i + 2] : 0);
        *out++ = digits[group >> 18];
        *out++ = digits[group >> 12 & 63];
        *out++ = left > 1 ? digits[group >> 6 & 63] : '=';
        *out++ = left > 2 ? digits[group & 63] : '=';
    }
    *out = '\0';
}

void base64url_encode(char *out, const void *data, size_t len)
{
    const uint8_t *bytes = data;
    uint32_t bits = 0;
    int count = 0;

    for (size_t i = 0; i < len; i++) {
        bits = bits << 8 | bytes[i];
        for (count += 8; count >= 6; count -= 6)
            *out++ = url_digits[bits >> (count - 6) & 63];
    }
    if (count > 0)
        *out++ = url_digits[bits << (6 - count) & 63];
    *out = '\0';
}

int base64url_decode(void *out, size_t len, const char *text)
{
    uint8_t *bytes = out;
    uint32_t bits = 0;
    int count = 0;

    for (size_t i = 0; i < BASE64URL_CHARS(len); i++) {
        const char *found = text[i] ? strchr(url_digits, text[i]) : NULL;
        if (!found)
            return HX_EPROTO;
        bits = bits << 6 | (uint32_t)(found - url_digits);
        count += 6;
        if (count < 8)
            continue;
        count -= 8;
        *bytes++ = (uint8_t)(bits >> count);
    }
    return (bits & ((1U << count) - 1)) == 0 ? HX_OK
                                             : HX_EPROTO; /* the last digit's bits that are no byte's */
}
