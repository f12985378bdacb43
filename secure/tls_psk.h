/* secure/tls_psk.h: which TLS we speak, and the external PSKs in it (RFC 8446, section 4.2.11). */
#ifndef HX_SECURE_TLS_PSK_H
#define HX_SECURE_TLS_PSK_H

#include "secure/key.h"
#include <openssl/ssl.h>
#include <stdbool.h>

/* What OpenSSL's callbacks know of their connection. */
struct tls_psk {
    struct keyring ring;
    char label[KEY_LABEL_MAX + 1];   /* of the key that is used, */
    char identity[PSK_ID_BYTES + 1]; /* and its own */
};

/* NULL: no memory, or no such TLS in this OpenSSL. `psk` must outlive it. */
SSL *tls_psk_ssl(struct tls_psk *psk, bool connecting);

#endif
