/* secure/tls_trust.h: the certificates of whom this host trusts, where OpenSSL looks for them: SSL_CERT_FILE
 * and SSL_CERT_DIR, else where this system keeps them. Any thread. */
#ifndef HX_SECURE_TLS_TRUST_H
#define HX_SECURE_TLS_TRUST_H

#include <openssl/x509.h>

/* To be given back by X509_STORE_free(). Reading a system's 150 takes OpenSSL 50 ms: that is done again only
 * when the places, or what is there, have changed. NULL: no memory. */
X509_STORE *tls_trust_store(void);

#endif
