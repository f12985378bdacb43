#include "proto/session.h"
#include "base/error.h"
#include "base/percent.h"
#include <string.h>

#define ID_DIGITS ((size_t)2 * SESSION_BYTES)

int session_id_parse(uint8_t out[SESSION_BYTES], const char *text, size_t len)
{
    uint8_t bytes[SESSION_BYTES];

    if (len != ID_DIGITS)
        return HX_EPROTO;
    for (size_t i = 0; i < sizeof bytes; i++) {
        int high = percent_hex_value(text[2 * i]), low = percent_hex_value(text[2 * i + 1]);

        if (high < 0 || low < 0)
            return HX_EPROTO;
        bytes[i] = (uint8_t)((unsigned)high << 4 | (unsigned)low);
    }
    memcpy(out, bytes, sizeof bytes);
    return HX_OK;
}

int session_parse(struct session *out, const char *text, size_t len)
{
    struct session s = {.given = true};

    if (len != 2 * ID_DIGITS + 1 || text[ID_DIGITS] != ' ' || session_id_parse(s.id, text, ID_DIGITS) < 0 ||
        session_id_parse(s.key, text + ID_DIGITS + 1, ID_DIGITS) < 0)
        return HX_EPROTO;
    *out = s;
    return HX_OK;
}

void session_id_format(const uint8_t id[SESSION_BYTES], char text[SESSION_ID_TEXT_MAX])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < SESSION_BYTES; i++) {
        text[2 * i] = digits[id[i] >> 4];
        text[2 * i + 1] = digits[id[i] & 0xf];
    }
    text[ID_DIGITS] = '\0';
}

void session_format(const struct session *s, char text[SESSION_TEXT_MAX])
{
    session_id_format(s->id, text);
    text[ID_DIGITS] = ' ';
    session_id_format(s->key, text + ID_DIGITS + 1);
}
