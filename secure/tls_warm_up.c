/* A connection between two in this process, which has all that any other one needs of OpenSSL. */
#include "secure/tls.h"
#include <openssl/crypto.h>
#include <pthread.h>
#include <string.h>

#define FLIGHT_MAX 2048 /* bytes; those of external PSKs have about 300 */

struct wire {
    uint8_t bytes[FLIGHT_MAX];
    size_t len;
};

struct end {
    struct wire *in, *out;
};

static ssize_t read_wire(void *user, void *buf, size_t len)
{
    struct wire *in = ((struct end *)user)->in;
    size_t got = len < in->len ? len : in->len;
    memcpy(buf, in->bytes, got);
    in->len -= got;
    memmove(in->bytes, in->bytes + got, in->len);
    return got > 0 ? (ssize_t)got : HX_EAGAIN;
}

static ssize_t write_wire(void *user, const void *buf, size_t len)
{
    struct wire *out = ((struct end *)user)->out;
    size_t put = len < FLIGHT_MAX - out->len ? len : FLIGHT_MAX - out->len;
    memcpy(out->bytes + out->len, buf, put);
    out->len += put;
    return put > 0 ? (ssize_t)put : HX_EAGAIN;
}

static void handshake(const struct keyring *ring)
{
    struct wire there = {.len = 0}, back = {.len = 0};
    struct end caller = {&back, &there}, called = {&there, &back};
    struct tls *t[2] = {NULL, NULL};
    if (tls_create(&t[0], ring, true, &(struct tls_transport){read_wire, write_wire, &caller}) == HX_OK &&
        tls_create(&t[1], ring, false, &(struct tls_transport){read_wire, write_wire, &called}) == HX_OK) {
        for (int flight = 0; flight < 4; flight++)
            (void)tls_handshake(t[flight % 2]);
    }
    tls_destroy(t[0]);
    tls_destroy(t[1]);
}

static void warm_up(void)
{
    char text[KEY_TEXT_MAX];
    struct keyring ring;
    int line;
    if (key_generate(text) == HX_OK && keyring_parse(&ring, text, strlen(text), &line) == HX_OK) {
        handshake(&ring);
        keyring_free(&ring);
    }
    OPENSSL_cleanse(text, sizeof text);
}

void tls_warm_up(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, warm_up);
}
