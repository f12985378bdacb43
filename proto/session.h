/* proto/session.h: what a nameserver gives to two who meet, so that they know each other: the name of their
 * session, and a key that their probes prove themselves with. No I/O, no allocation.
 *
 * The text is "ID KEY", each 32 hex digits; "ID" alone asks to continue a session. */
#ifndef HX_PROTO_SESSION_H
#define HX_PROTO_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SESSION_BYTES       16 /* of the ID, and of the KEY */
#define SESSION_ID_TEXT_MAX (2 * SESSION_BYTES + 1)
#define SESSION_TEXT_MAX    (2 * SESSION_ID_TEXT_MAX)

struct session { /* zeroed: none */
    uint8_t id[SESSION_BYTES];
    uint8_t key[SESSION_BYTES];
    bool given;
};

/* Strict, in hex digits of either case. HX_OK or HX_EPROTO; *out untouched on error. */
int session_parse(struct session *out, const char *text, size_t len);
int session_id_parse(uint8_t out[SESSION_BYTES], const char *text, size_t len);
/* The NUL-terminated text, in small letters. */
void session_format(const struct session *s, char text[SESSION_TEXT_MAX]);
void session_id_format(const uint8_t id[SESSION_BYTES], char text[SESSION_ID_TEXT_MAX]);

#endif
