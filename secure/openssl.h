/* secure/openssl.h: OpenSSL, made ready before its first use. */
#ifndef HX_SECURE_OPENSSL_H
#define HX_SECURE_OPENSSL_H

/* Keeps OpenSSL from tearing itself down when the process ends: a thread of a connection that was given up
 * may still be computing then, and would find its locks destroyed. Any thread; before whatever else of
 * OpenSSL a module calls. No effect in a program that has used OpenSSL before. */
void openssl_begin(void);
/* Does once what the first TLS connection of a process does else, while a peer waits: OpenSSL looks all of
 * its algorithms up, which takes 5 to 10 ms. Any thread; others that need OpenSSL meanwhile wait for it. */
void openssl_warm_up(void);

#endif
