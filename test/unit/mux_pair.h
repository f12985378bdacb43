/* test/unit/mux_pair.h: a client's and a server's mux joined in memory, and owners of streams that note what
 * they are told. Brings cmocka. */
#ifndef HX_TEST_MUX_PAIR_H
#define HX_TEST_MUX_PAIR_H

#include "client/mux/mux.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* needs those above */

#define ENDS_MAX 1200 /* streams of one side in one test */

struct side;

struct end { /* one side of a stream */
    struct side *side;
    struct mux_stream *s; /* NULL once closed() was told */
    bool stalled;         /* reads nothing */
    char method[16], target[64], status[8];
    bool headers_ended;
    size_t fields;
    size_t got;    /* bytes read */
    uint64_t hash; /* of them */
    bool eof;      /* mux_stream_read() said HX_EEOF */
    int headers, readable, writable, closed;
    int error; /* of closed() */
    uint32_t code;
    void (*on_readable)(struct end *e); /* instead of reading */
    void (*on_headers)(struct end *e);
    void (*on_closed)(struct end *e);
};

struct side {
    struct mux *m;
    struct end *ends;
    size_t count;
    int goaways, pongs, failed; /* failed: what mux_receive() or mux_send() said */
    uint64_t pong;
    size_t sent;                       /* bytes that left */
    void (*on_request)(struct end *e); /* instead of owning only */
    bool refuse;                       /* requests are not owned */
};

struct pair {
    struct side client, server;
    size_t step; /* bytes given to mux_receive() at once; 0: all */
};

/* What is done with each byte is not what a sanitizer is to look at, and it takes most of a test's time. */
#define UNSANITIZED __attribute__((no_sanitize("address", "undefined")))

UNSANITIZED static inline uint64_t hash_add(uint64_t hash, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ data[i]) * 1099511628211u; /* FNV-1a: order matters */
    return hash;
}

UNSANITIZED static inline uint8_t body_byte(size_t at, unsigned salt)
{
    return (uint8_t)((at * 31 + at / 251 + salt * 17) & 0xff);
}

UNSANITIZED static inline void body_fill(uint8_t *data, size_t at, size_t len, unsigned salt)
{
    for (size_t i = 0; i < len; i++)
        data[i] = body_byte(at + i, salt);
}

UNSANITIZED static inline uint64_t body_hash(size_t len, unsigned salt)
{
    uint64_t hash = 0;

    for (size_t at = 0; at < len; at++) {
        uint8_t byte = body_byte(at, salt);
        hash = hash_add(hash, &byte, 1);
    }
    return hash;
}

static inline void end_read(struct end *e)
{
    uint8_t data[5000];
    ssize_t n;

    while ((n = mux_stream_read(e->s, data, sizeof data)) > 0) {
        e->got += (size_t)n;
        e->hash = hash_add(e->hash, data, (size_t)n);
    }
    assert_true(n == HX_EAGAIN || n == HX_EEOF || n == HX_ECLOSED);
    e->eof = n == HX_EEOF;
}

static inline void end_on_readable(void *user)
{
    struct end *e = user;

    assert_non_null(e->s);
    e->readable++;
    if (e->on_readable)
        e->on_readable(e);
    else if (!e->stalled)
        end_read(e);
}

static inline void end_on_writable(void *user)
{
    struct end *e = user;

    assert_non_null(e->s);
    e->writable++;
}

static inline void end_on_closed(void *user, int error, uint32_t code)
{
    struct end *e = user;

    assert_non_null(e->s);
    e->closed++;
    e->error = error;
    e->code = code;
    if (e->on_closed)
        e->on_closed(e);
    e->s = NULL;
}

static inline void end_on_headers(void *user, const struct mux_message *m)
{
    struct end *e = user;

    e->headers++;
    e->fields = m->count;
    e->headers_ended = m->ended;
    if (mux_field(m, ":status"))
        snprintf(e->status, sizeof e->status, "%s", mux_field(m, ":status"));
    if (e->on_headers)
        e->on_headers(e);
}

static const struct mux_stream_events end_events = {
    .headers = end_on_headers,
    .readable = end_on_readable,
    .writable = end_on_writable,
    .closed = end_on_closed,
};

static inline struct end *side_end(struct side *side)
{
    assert_true(side->count < ENDS_MAX);
    struct end *e = &side->ends[side->count++];
    *e = (struct end){.side = side};
    return e;
}

static inline void side_on_request(void *user, struct mux_stream *s, const struct mux_message *m)
{
    struct side *side = user;
    struct end *e = side_end(side);
    const char *target = mux_field(m, ":path");

    if (!target)
        target = mux_field(m, ":authority");
    snprintf(e->method, sizeof e->method, "%s", mux_field(m, ":method"));
    snprintf(e->target, sizeof e->target, "%s", target);
    e->fields = m->count;
    e->headers_ended = m->ended;
    if (side->refuse)
        return;
    e->s = s;
    mux_stream_own(s, &end_events, e);
    if (side->on_request)
        side->on_request(e);
}

static inline void side_on_pong(void *user, uint64_t opaque)
{
    struct side *side = user;

    side->pongs++;
    side->pong = opaque;
}

static inline void side_on_goaway(void *user)
{
    struct side *side = user;

    side->goaways++;
}

static inline void side_create(struct side *side, bool client)
{
    static const struct mux_events events = {side_on_request, side_on_pong, side_on_goaway};

    *side = (struct side){.ends = calloc(ENDS_MAX, sizeof(struct end))};
    assert_non_null(side->ends);
    assert_int_equal(mux_create(&side->m, client, &events, side), HX_OK);
}

static inline void side_destroy(struct side *side)
{
    mux_destroy(side->m);
    free(side->ends);
}

/* Each piece in memory of its own: reading past it, or later, is seen by a sanitizer. */
static inline void side_receive(struct side *side, const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len);

    assert_non_null(copy);
    memcpy(copy, data, len);
    int err = side->failed == HX_OK ? mux_receive(side->m, copy, len) : HX_OK;
    free(copy);
    if (err < 0)
        side->failed = err;
}

/* One mux_send() of `from`. False: it had nothing. */
static inline bool pass(struct side *from, struct side *to, size_t step)
{
    const uint8_t *data;
    ssize_t n = mux_send(from->m, &data);

    if (n <= 0) {
        from->failed = n < 0 ? (int)n : from->failed;
        return false;
    }
    from->sent += (size_t)n;
    uint8_t *copy = malloc((size_t)n);
    assert_non_null(copy);
    memcpy(copy, data, (size_t)n);
    size_t piece = step == 0 ? (size_t)n : step;
    for (size_t at = 0; at < (size_t)n; at += piece)
        side_receive(to, copy + at, piece < (size_t)n - at ? piece : (size_t)n - at);
    free(copy);
    return true;
}

/* Until neither has anything to send. */
static inline void run(struct pair *p)
{
    bool more = true;

    while (more) {
        more = pass(&p->client, &p->server, p->step);
        more = pass(&p->server, &p->client, p->step) || more;
    }
    assert_false(mux_wants_send(p->client.m));
    assert_false(mux_wants_send(p->server.m));
}

static inline void pair_create(struct pair *p)
{
    p->step = 0;
    side_create(&p->client, true);
    side_create(&p->server, false);
    run(p);
}

static inline void pair_destroy(struct pair *p)
{
    side_destroy(&p->client);
    side_destroy(&p->server);
}

/* HX_OK: *out is the client's end. */
static inline int try_request(struct pair *p, struct end **out, const char *method, const char *target,
                              bool ended)
{
    const struct mux_field connect[] = {{":method", method}, {":authority", target}};
    const struct mux_field others[] = {
        {":method", method}, {":scheme", "hx"}, {":authority", "peer"}, {":path", target}};
    bool is_connect = strcmp(method, "CONNECT") == 0;
    struct mux_message m = {is_connect ? connect : others, is_connect ? 2 : 4, ended};
    struct end *e = side_end(&p->client);

    *out = e;
    return mux_request(p->client.m, &e->s, &m, &end_events, e);
}

static inline struct end *request(struct pair *p, const char *method, const char *target, bool ended)
{
    struct end *e;

    assert_int_equal(try_request(p, &e, method, target, ended), HX_OK);
    return e;
}

static inline void respond(struct end *e, const char *status, bool ended)
{
    const struct mux_field field = {":status", status};
    const struct mux_message m = {&field, 1, ended};

    assert_int_equal(mux_respond(e->s, &m), HX_OK);
}

/* The server's end of the newest request. */
static inline struct end *newest(struct pair *p)
{
    assert_true(p->server.count > 0);
    return &p->server.ends[p->server.count - 1];
}

/* A request that has arrived and was answered "200"; both ends are open. */
static inline struct end *open_stream(struct pair *p, struct end **server)
{
    struct end *e = request(p, "POST", "/echo", false);

    run(p);
    *server = newest(p);
    respond(*server, "200", false);
    run(p);
    return e;
}

/* Writes bytes [at, at+len) of the body as far as they are taken. */
static inline size_t write_body(struct end *e, size_t at, size_t len, unsigned salt)
{
    uint8_t data[7000];
    size_t done = 0;

    while (done < len) {
        size_t n = len - done < sizeof data ? len - done : sizeof data;
        body_fill(data, at + done, n, salt);
        ssize_t taken = mux_stream_write(e->s, data, n);
        if (taken == HX_EAGAIN)
            break;
        assert_true(taken > 0);
        done += (size_t)taken;
    }
    return done;
}

#endif
