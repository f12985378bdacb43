#include "proto/session.h"
#include "base/error.h"
#include "base/hex.h"
#include "proto/field.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ID_DIGITS     ((size_t)2 * SESSION_BYTES)
#define NUMBER_DIGITS 18 /* fit into 64 bits */

int session_id_parse(uint8_t out[SESSION_BYTES], const char *text, size_t len)
{
    uint8_t bytes[SESSION_BYTES];

    if (len != ID_DIGITS || hex_read(bytes, text, sizeof bytes) < 0)
        return HX_EPROTO;
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
    hex_write(text, id, SESSION_BYTES);
}

void session_format(const struct session *s, char text[SESSION_TEXT_MAX])
{
    session_id_format(s->id, text);
    text[ID_DIGITS] = ' ';
    session_id_format(s->key, text + ID_DIGITS + 1);
}

static bool read_number(uint64_t *out, const struct field_piece *p)
{
    uint64_t n = 0;

    for (size_t i = 0; i < p->len; i++) {
        if (p->at[i] < '0' || p->at[i] > '9')
            return false;
        n = 10 * n + (uint64_t)(p->at[i] - '0');
    }
    *out = n;
    return p->len > 0 && p->len <= NUMBER_DIGITS;
}

int relay_offer_parse(struct relay_offer *out, const char *text, size_t len)
{
    struct field_piece rest = {text, len};
    struct relay_offer o = {.offered = true};

    while (rest.len > 0) {
        struct field_piece value = field_next(&rest, ';');
        if (value.len == 0) /* "; ;" (RFC 9110, 5.6.6) */
            continue;
        struct field_piece name = field_next(&value, '=');
        uint64_t *number = field_piece_is(&name, "rate")   ? &o.rate
                           : field_piece_is(&name, "time") ? &o.time_s
                                                           : NULL;
        if (!field_name_valid(name.at, name.len) || value.len == 0 ||
            (number && !read_number(number, &value)))
            return HX_EPROTO;
    }
    *out = o;
    return HX_OK;
}

void relay_offer_format(const struct relay_offer *o, char text[RELAY_OFFER_TEXT_MAX])
{
    snprintf(text, RELAY_OFFER_TEXT_MAX, "rate=%" PRIu64 "; time=%" PRIu64, o->rate, o->time_s);
}
