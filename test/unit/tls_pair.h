/* test/unit/tls_pair.h: two sides of TLS joined by pipes in memory that take and give as little as a test
 * wants. Brings cmocka. */
#ifndef HX_TEST_TLS_PAIR_H
#define HX_TEST_TLS_PAIR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "secure/tls.h"
#include <stdlib.h>
#include <string.h>

#define PIPE_SIZE (1 << 20)

struct pipe_end {
    uint8_t *data; /* PIPE_SIZE bytes; what waits is data[start .. start+len) */
    size_t start, len;
    size_t read_max; /* bytes of one read; 0: all */
    size_t room;     /* bytes that may wait; writes beyond say HX_EAGAIN */
    size_t passed;   /* bytes read so far */
    size_t stop_at;  /* reads say `stop_error` once so many bytes have passed; SIZE_MAX: never */
    int stop_error;  /* HX_EAGAIN: once, then it goes on */
    int write_error; /* of the writing end; 0: none */
    size_t flip_at;  /* the byte with this index in the stream is changed; SIZE_MAX: none */
    size_t written;  /* bytes so far */
    size_t writes;   /* calls that took something */
};

struct side {
    struct tls *tls;
    struct pipe_end *in, *out;
};

struct pair {
    struct pipe_end up, down; /* to the accepting side; to the connecting one */
    struct side connecting, accepting;
};

static inline ssize_t pipe_read(void *user, void *buf, size_t len)
{
    struct pipe_end *p = ((struct side *)user)->in;
    if (p->passed >= p->stop_at) {
        if (p->stop_error == HX_EAGAIN)
            p->stop_at = SIZE_MAX;
        return p->stop_error;
    }
    if (p->len == 0)
        return HX_EAGAIN;
    if (len > p->len)
        len = p->len;
    if (p->read_max > 0 && len > p->read_max)
        len = p->read_max;
    if (len > p->stop_at - p->passed)
        len = p->stop_at - p->passed;
    memcpy(buf, p->data + p->start, len);
    p->start += len;
    p->len -= len;
    p->passed += len;
    if (p->len == 0)
        p->start = 0;
    return (ssize_t)len;
}

static inline ssize_t pipe_write(void *user, const void *buf, size_t len)
{
    struct pipe_end *p = ((struct side *)user)->out;
    if (p->write_error < 0)
        return p->write_error;
    if (p->len >= p->room)
        return HX_EAGAIN;
    if (len > p->room - p->len)
        len = p->room - p->len;
    if (p->start + p->len + len > PIPE_SIZE) {
        memmove(p->data, p->data + p->start, p->len);
        p->start = 0;
    }
    memcpy(p->data + p->start + p->len, buf, len);
    if (p->flip_at >= p->written && p->flip_at < p->written + len)
        p->data[p->start + p->len + p->flip_at - p->written] ^= 1;
    p->len += len;
    p->written += len;
    p->writes++;
    return (ssize_t)len;
}

static inline void pipe_init(struct pipe_end *p)
{
    *p = (struct pipe_end){
        .data = malloc(PIPE_SIZE), .room = PIPE_SIZE, .stop_at = SIZE_MAX, .flip_at = SIZE_MAX};
    assert_non_null(p->data);
}

static inline void side_init(struct side *s, const char *ring_text, bool connecting)
{
    struct tls_transport io = {.read = pipe_read, .write = pipe_write, .user = s};
    struct keyring ring;
    int line;
    assert_int_equal(keyring_parse(&ring, ring_text, strlen(ring_text), &line), HX_OK);
    assert_int_equal(tls_create(&s->tls, &ring, connecting, &io), HX_OK);
    keyring_free(&ring); /* it was copied */
}

static inline void pair_init(struct pair *p, const char *connecting_ring, const char *accepting_ring)
{
    pipe_init(&p->up);
    pipe_init(&p->down);
    p->connecting = (struct side){.in = &p->down, .out = &p->up};
    p->accepting = (struct side){.in = &p->up, .out = &p->down};
    side_init(&p->connecting, connecting_ring, true);
    side_init(&p->accepting, accepting_ring, false);
}

static inline void pair_free(struct pair *p)
{
    tls_destroy(p->connecting.tls);
    tls_destroy(p->accepting.tls);
    free(p->up.data);
    free(p->down.data);
}

/* Turns of both sides until neither waits, or neither gets any further. */
static inline void pair_handshake(struct pair *p, int *connecting, int *accepting)
{
    size_t passed, idle = 0;
    do {
        passed = p->up.passed + p->down.passed;
        *connecting = tls_handshake(p->connecting.tls);
        *accepting = tls_handshake(p->accepting.tls);
        (void)tls_flush(p->connecting.tls);
        (void)tls_flush(p->accepting.tls);
        idle = passed == p->up.passed + p->down.passed ? idle + 1 : 0;
    } while ((*connecting == HX_EAGAIN || *accepting == HX_EAGAIN) && idle < 3);
}

static inline void pair_proven(struct pair *p)
{
    int c, a;
    pair_handshake(p, &c, &a);
    assert_int_equal(c, HX_OK);
    assert_int_equal(a, HX_OK);
}

#endif
