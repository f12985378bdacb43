/* secure/tls_certificate.h: which TLS we speak with a server of the web, and how it proves its name (RFC
 * 9525). */
#ifndef HX_SECURE_TLS_CERTIFICATE_H
#define HX_SECURE_TLS_CERTIFICATE_H

#include <openssl/ssl.h>

/* As tls_create_web() says. NULL: no memory. */
SSL *tls_certificate_ssl(const char *host);
/* As tls_certificate_problem() says, of what SSL_get_verify_result() has said. Static. */
const char *tls_certificate_words(long verify_result);

#endif
