/* test/unit/dial_fixture.h: one connection of client/dial.h, and a listening TCP port on loopback for it. The
 * test's thread holds the engine's lock but where it says otherwise. Brings cmocka. */
#ifndef HX_TEST_DIAL_FIXTURE_H
#define HX_TEST_DIAL_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "client/dial.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MS 20000

struct dialing {
    struct dial *dial; /* NULL: closed */
    bool close_at_open, close_at_bytes, close_at_end;
    int opens, rooms, ends;
    int error;
    char text[256];
    bool early;     /* bytes came before it was open */
    char got[4096]; /* the last bytes that came */
    size_t got_len; /* all of them */
    pthread_cond_t cond;
};

static inline void dialing_close(struct dialing *g)
{
    dial_close(g->dial);
    g->dial = NULL;
}

static inline void dialing_told(struct dialing *g, bool close)
{
    if (close)
        dialing_close(g);
    pthread_cond_broadcast(&g->cond);
}

static inline void on_open(void *user)
{
    struct dialing *g = user;
    g->opens++;
    dialing_told(g, g->close_at_open);
}

static inline void on_bytes(void *user, const void *bytes, size_t len)
{
    struct dialing *g = user;
    g->early |= g->opens != 1;
    for (size_t i = 0; i < len; i++)
        g->got[g->got_len++ % sizeof g->got] = ((const char *)bytes)[i];
    dialing_told(g, g->close_at_bytes);
}

static inline void on_room(void *user)
{
    struct dialing *g = user;
    g->rooms++;
    dialing_told(g, false);
}

static inline void on_end(void *user, int error, const char *text)
{
    struct dialing *g = user;
    g->ends++;
    g->error = error;
    snprintf(g->text, sizeof g->text, "%s", text);
    dialing_told(g, g->close_at_end);
}

static inline void dialing_begin(struct dialing *g, const char *to, int64_t timeout_ms,
                                 struct dial_request request)
{
    struct host_port name;
    assert_int_equal(host_port_parse(&name, to, 1), HX_OK);
    assert_int_equal(engine_cond_init(&g->cond), HX_OK);
    request.to = &name;
    request.families = FAMILY_ANY;
    request.deadline_ms = clock_now_ms() + timeout_ms;
    request.callbacks.on_open = on_open;
    request.callbacks.on_bytes = on_bytes;
    request.callbacks.on_room = on_room;
    request.callbacks.on_end = on_end;
    request.callbacks.user = g;
    assert_int_equal(dial_begin(&g->dial, &request), HX_OK);
}

/* Until the condition holds: evaluated with the lock held. */
#define AWAIT(g, condition)                                          \
    do {                                                             \
        int64_t await_deadline_ms = clock_now_ms() + PATIENCE_MS;    \
        while (!(condition))                                         \
            assert_true(engine_wait(&(g)->cond, await_deadline_ms)); \
    } while (0)

static inline void dialing_end(struct dialing *g)
{
    dialing_close(g);
    assert_false(g->early);
    pthread_cond_destroy(&g->cond);
}

/* ---- who is dialled ---- */

/* Listens on 127.0.0.1, any port, which is appended to "HOST:". `backlog` below 0: nobody listens there. */
static inline int listen_at(char *address, size_t size, const char *host, int backlog)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof sin;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof sin), 0);
    if (backlog >= 0)
        assert_int_equal(listen(fd, backlog), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
    snprintf(address, size, "%s:%d", host, ntohs(sin.sin_port));
    return fd;
}

/* The lock is given back meanwhile. */
static inline int accept_one(int listener)
{
    engine_unlock();
    int fd = accept(listener, NULL, NULL);
    engine_lock();
    assert_true(fd >= 0);
    return fd;
}

/* Exactly so many bytes; the lock is given back meanwhile. False: it has ended before. */
static inline bool receive_all(int fd, char *data, size_t len)
{
    engine_unlock();
    ssize_t got = recv(fd, data, len, MSG_WAITALL);
    engine_lock();
    return got == (ssize_t)len;
}

#endif
