/* proto/authorization.h: how somebody proves to a nameserver which key it has, in HTTP's own fields (RFC
 * 9110, 11): the nameserver's challenge, the credentials, and the message that is signed. No I/O, no
 * cryptography.
 *
 *     WWW-Authenticate: HX nonce="22 characters"
 *     Authorization: HX key="ed25519:43 characters", sig="86 characters"
 *     Authorization: HX key="psk:22 characters", sig="43 characters"
 *     Authentication-Info: nextnonce="22 characters"
 *
 * All of them are base64url without padding (RFC 4648, 5). Of a nonce no more is asked than that it is made
 * of those characters. */
#ifndef HX_PROTO_AUTHORIZATION_H
#define HX_PROTO_AUTHORIZATION_H

#include "base/base64.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define AUTHORIZATION_SCHEME          "HX"
#define AUTHORIZATION_NONCE_MAX       64 /* characters; ours have 22 */
#define AUTHORIZATION_KEY_BYTES       32 /* of a public key */
#define AUTHORIZATION_PSK_ID_BYTES    16
#define AUTHORIZATION_SIGNATURE_BYTES 64
#define AUTHORIZATION_CODE_BYTES      32 /* of a shared key's proof, an HMAC */
#define AUTHORIZATION_KEY_TEXT_MAX    (sizeof "ed25519:" + BASE64URL_CHARS(AUTHORIZATION_KEY_BYTES))
#define AUTHORIZATION_TEXT_MAX        192  /* bytes of credentials with their NUL */
#define AUTHORIZATION_MESSAGE_MAX     4608 /* with the longest target and host of a request */

enum authorization_kind { AUTHORIZATION_ED25519, AUTHORIZATION_PSK };

/* A key as it is named on the wire: the public key, or the id of a shared one, and zeros behind it. */
struct authorization_key {
    uint8_t kind; /* enum authorization_kind */
    uint8_t bytes[AUTHORIZATION_KEY_BYTES];
};

struct authorization {
    struct authorization_key key;
    uint8_t proof[AUTHORIZATION_SIGNATURE_BYTES]; /* or a code, and zeros behind it */
};

/* HX_OK or HX_EPROTO. */
int authorization_key_parse(struct authorization_key *out, const char *text, size_t len);
void authorization_key_format(char text[AUTHORIZATION_KEY_TEXT_MAX], const struct authorization_key *key);
bool authorization_key_equal(const struct authorization_key *a, const struct authorization_key *b);

/* The value of an Authorization field. HX_OK; HX_ENOTFOUND: it is of another scheme; HX_EPROTO: of this one,
 * and malformed. *out means nothing then. */
int authorization_parse(struct authorization *out, const char *value, size_t len);
void authorization_format(char text[AUTHORIZATION_TEXT_MAX], const struct authorization *a);

/* The nonce of a WWW-Authenticate field's value, which may name other schemes, too; a second field is a
 * further list (RFC 9110, 11.6.1). HX_OK; HX_ENOTFOUND: none of this scheme; HX_EPROTO. */
int challenge_parse(char nonce[AUTHORIZATION_NONCE_MAX + 1], const char *value, size_t len);
/* Likewise of an Authentication-Info field's value (RFC 7615). */
int next_nonce_parse(char nonce[AUTHORIZATION_NONCE_MAX + 1], const char *value, size_t len);

/* What is signed. `target` is the request target, `host` the Host field's value, both as they are sent; ""
 * without a Host. Returns the length, or HX_ETOOBIG. */
ssize_t authorization_message(char out[AUTHORIZATION_MESSAGE_MAX], const char *nonce, const char *method,
                              const char *target, const char *host);

#endif
