/* test/unit/server_fixture.h: a server whose connections are fake streams and whose clock is a number. */
#ifndef HX_TEST_SERVER_FIXTURE_H
#define HX_TEST_SERVER_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/endpoint.h"
#include "server/config.h"
#include "server/log.h"
#include "server/server.h"
#include "test/fake_stream.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIXTURE_PEERS 1200
#define H1            "203.0.113.10:40001"
#define H2            "198.51.100.20:40002"

struct fixture {
    struct server_config config;
    struct server *server;
    int64_t now_ms;
    struct fake_stream *peers[FIXTURE_PEERS];
    size_t peer_count;
    char log[1 << 20]; /* what came since fixture_forget_log(); what does not fit is dropped */
    size_t log_len;
};

static void fixture_take_line(void *user, const char *line, size_t len)
{
    struct fixture *f = user;

    if (f->log_len + len >= sizeof f->log)
        return;
    memcpy(f->log + f->log_len, line, len);
    f->log_len += len;
    f->log[f->log_len] = '\0';
}

static inline int fixture_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    if (!f)
        return -1;
    server_config_defaults(&f->config);
    f->now_ms = 1000000;
    log_set_sink(fixture_take_line, f);
    *state = f;
    return 0;
}

/* A test that wants other options sets them in f->config before the first peer comes. */
static inline struct server *fixture_server(struct fixture *f)
{
    if (!f->server)
        assert_int_equal(server_create(&f->server, &f->config, NULL), HX_OK);
    return f->server;
}

static inline int fixture_teardown(void **state)
{
    struct fixture *f = *state;

    server_destroy(f->server);
    for (size_t i = 0; i < f->peer_count; i++) {
        assert_true(f->peers[i]->closed); /* no stream is forgotten */
        fake_stream_free(f->peers[i]);
        free(f->peers[i]);
    }
    log_set_sink(NULL, NULL);
    free(f);
    return 0;
}

/* Turns of the loop until nobody waits for one. */
static inline void fixture_turns(struct fixture *f)
{
    int turns = 0;

    do {
        server_turn(f->server, f->now_ms);
        assert_true(++turns < 100000); /* a loop that spins */
    } while (server_timeout_ms(f->server, f->now_ms) == 0);
}

static inline struct fake_stream *fixture_peer_unread(struct fixture *f, const char *address)
{
    struct fake_stream *p = malloc(sizeof *p);

    assert_non_null(p);
    assert_true(f->peer_count < FIXTURE_PEERS);
    fake_stream_init(p, address);
    p->heard_ms = f->now_ms;
    f->peers[f->peer_count++] = p;
    return p;
}

static inline void fixture_accept(struct fixture *f, struct fake_stream *p)
{
    server_accept(fixture_server(f), &p->stream, f->now_ms);
    fixture_turns(f);
}

static inline struct fake_stream *fixture_peer(struct fixture *f, const char *address)
{
    struct fake_stream *p = fixture_peer_unread(f, address);

    fixture_accept(f, p);
    return p;
}

static inline struct fake_stream *fixture_peer_tcp(struct fixture *f, const char *address)
{
    struct fake_stream *p = fixture_peer_unread(f, address);

    fake_stream_over_tcp(p);
    fixture_accept(f, p);
    return p;
}

static inline void fixture_ready(struct fixture *f, struct fake_stream *p)
{
    if (!p->closed)
        server_stream_ready(f->server, &p->stream, f->now_ms);
    fixture_turns(f);
}

static inline void fixture_say(struct fixture *f, struct fake_stream *p, const char *text)
{
    p->heard_ms = f->now_ms;
    fake_stream_say(p, text);
    fixture_ready(f, p);
}

/* A datagram of it comes, which says nothing new. */
static inline void fixture_hear(struct fixture *f, struct fake_stream *p)
{
    p->heard_ms = f->now_ms;
    fixture_ready(f, p);
}

static inline void fixture_close(struct fixture *f, struct fake_stream *p)
{
    p->gone = true;
    if (!p->closed)
        server_stream_closed(f->server, &p->stream, f->now_ms);
    fixture_turns(f);
}

/* All who are still there are heard again, so that only the deadline under test can come; but not those who
 * are silent. */
static inline void fixture_pass(struct fixture *f, int64_t ms)
{
    f->now_ms += ms;
    for (size_t i = 0; i < f->peer_count; i++)
        if (!f->peers[i]->gone && !f->peers[i]->silent)
            f->peers[i]->heard_ms = f->now_ms;
    fixture_turns(f);
}

/* A new peer that says one request. */
static inline struct fake_stream *fixture_ask(struct fixture *f, const char *address, const char *target)
{
    struct fake_stream *p = fixture_peer(f, address);
    char text[1024];

    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\n\r\n", target);
    fixture_say(f, p, text);
    return p;
}

static inline int fixture_status(const struct fake_stream *p)
{
    int status = 0;

    sscanf(p->output, "HTTP/1.1 %d ", &status);
    return status;
}

static inline size_t fixture_count(const char *text, const char *needle)
{
    size_t count = 0;

    for (const char *at = text; (at = strstr(at, needle)) != NULL; at += strlen(needle))
        count++;
    return count;
}

static inline bool fixture_logged(const struct fixture *f, const char *needle)
{
    return strstr(f->log, needle) != NULL;
}

static inline void fixture_forget_log(struct fixture *f)
{
    f->log_len = 0;
    f->log[0] = '\0';
}

/* The body of a streaming answer so far. */
static inline const char *fixture_body(const struct fake_stream *p)
{
    const char *end = strstr(p->output, "\r\n\r\n");

    assert_non_null(end);
    return end + 4;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

#endif
