/* secure/openssl.h: OpenSSL, made ready before its first use. */
#ifndef HX_SECURE_OPENSSL_H
#define HX_SECURE_OPENSSL_H

/* Keeps OpenSSL from tearing itself down when the process ends: a thread of a connection that was given up
 * may still be computing then, and would find its locks destroyed. Any thread; before whatever else of
 * OpenSSL a module calls. No effect in a program that has used OpenSSL before. */
void openssl_begin(void);

#endif
