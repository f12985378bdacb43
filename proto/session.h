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

/* Whether the nameserver relays for the two (proto/relay_frame.h), and within which limits; 0: there is none.
 * The text is "rate=BYTES; time=SECONDS"; parameters that are not known are ignored. */
struct relay_offer {
    bool offered;
    uint64_t rate;   /* bytes a second, both ways together */
    uint64_t time_s; /* from the first frame */
};
#define RELAY_OFFER_TEXT_MAX 64

struct session { /* zeroed: none */
    uint8_t id[SESSION_BYTES];
    uint8_t key[SESSION_BYTES];
    bool given;
    struct relay_offer relay;
};

/* Strict, in hex digits of either case. HX_OK or HX_EPROTO; *out untouched on error. */
int session_parse(struct session *out, const char *text, size_t len);
int session_id_parse(uint8_t out[SESSION_BYTES], const char *text, size_t len);
/* The NUL-terminated text, in small letters. */
void session_format(const struct session *s, char text[SESSION_TEXT_MAX]);
void session_id_format(const uint8_t id[SESSION_BYTES], char text[SESSION_ID_TEXT_MAX]);

/* HX_OK or HX_EPROTO: a parameter without a value, or one of ours that is no number. *out untouched on
 * error. */
int relay_offer_parse(struct relay_offer *out, const char *text, size_t len);
/* The NUL-terminated text. */
void relay_offer_format(const struct relay_offer *o, char text[RELAY_OFFER_TEXT_MAX]);

#endif
