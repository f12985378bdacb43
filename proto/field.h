/* proto/field.h: what header fields of requests and responses have in common (RFC 9110, 5). */
#ifndef HX_PROTO_FIELD_H
#define HX_PROTO_FIELD_H

#include <stdbool.h>
#include <stddef.h>

/* True if name[0..len) is a token (RFC 9110, 5.6.2). */
bool field_name_valid(const char *name, size_t len);
/* False if value[0..len) has a control byte other than HTAB (RFC 9110, 5.5). http-parser lets one through as
 * a value's first byte. */
bool field_value_valid(const char *value, size_t len);

/* A value is read piece by piece. */
struct field_piece { /* bytes of the value; no NUL behind them */
    const char *at;
    size_t len;
};

/* Without the blanks around it. */
struct field_piece field_trim(struct field_piece p);
/* Takes the bytes up to the next `separator` that is in no quoted-string (RFC 9110, 5.6.4) off *rest, and the
 * separator; returns them trimmed. */
struct field_piece field_next(struct field_piece *rest, char separator);
bool field_piece_is(const struct field_piece *p, const char *word); /* without regard to case */
/* Its place among words[0..count), likewise; `unknown`: it is none of them. */
int field_piece_among(const struct field_piece *p, const char *const words[], int count, int unknown);

#endif
