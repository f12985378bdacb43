/* test/unit/path_fixture.h: two ports whose peers have several paths on loopback, and a relay that a path may
 * lead through, which can be cut. Brings cmocka. */
#ifndef HX_TEST_PATH_FIXTURE_H
#define HX_TEST_PATH_FIXTURE_H

#include "shim/net/net_port.h"
#include "shim/net/paths.h"
#include "test/unit/udt_fixture.h"
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <unistd.h>

/* Forwards between two ports: what comes from one leaves to the other by the socket that this one knows. */
struct relay {
    int fd[2]; /* to one, to the other */
    struct sockaddr_in to[2];
    atomic_bool cut, done;
    atomic_uint forwarded;
    pthread_t thread;
};

static struct net_address at(const char *ip, uint16_t port)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_port = port};
    struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6, .sin6_port = port};
    struct net_address a;

    if (inet_pton(AF_INET, ip, &sin.sin_addr) == 1) {
        net_address_from(&a, (struct sockaddr *)&sin);
    } else {
        assert_int_equal(inet_pton(AF_INET6, ip, &sin6.sin6_addr), 1);
        net_address_from(&a, (struct sockaddr *)&sin6);
    }
    return a;
}

static uint16_t port_of(struct udt_port *p)
{
    socklen_t len;
    struct net_address a;

    net_address_from(&a, udt_port_local(p, &len));
    return a.port;
}

/* By the same loopback address on both sides. */
static inline struct net_path path_over(const char *ip, struct udt_port *to)
{
    return (struct net_path){.remote = at(ip, port_of(to)), .local = at(ip, 0)};
}

static int loopback_socket(struct net_address *out)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof sin;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&sin, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
    net_address_from(out, (struct sockaddr *)&sin);
    return fd;
}

static void *relay_run(void *arg)
{
    struct relay *r = arg;
    struct pollfd fds[2] = {{r->fd[0], POLLIN, 0}, {r->fd[1], POLLIN, 0}};
    uint8_t bytes[2048];

    while (!atomic_load(&r->done)) {
        if (poll(fds, 2, 10) <= 0)
            continue;
        for (int i = 0; i < 2; i++) {
            ssize_t n = fds[i].revents ? recv(r->fd[i], bytes, sizeof bytes, MSG_DONTWAIT) : -1;

            if (n < 0 || atomic_load(&r->cut))
                continue;
            (void)!sendto(r->fd[!i], bytes, (size_t)n, 0, (struct sockaddr *)&r->to[!i], sizeof r->to[!i]);
            atomic_fetch_add(&r->forwarded, 1);
        }
    }
    return NULL;
}

/* *one_to_other: the path of a port at `one`, and the other way round. */
static inline void relay_start(struct relay *r, struct udt_port *one, struct udt_port *other,
                               struct net_path *one_to_other, struct net_path *other_to_one)
{
    int bytes = 4 << 20;

    memset(r, 0, sizeof *r);
    memset(one_to_other, 0, sizeof *one_to_other);
    memset(other_to_one, 0, sizeof *other_to_one);
    for (int i = 0; i < 2; i++) {
        r->fd[i] = loopback_socket(i ? &other_to_one->remote : &one_to_other->remote);
        (void)setsockopt(r->fd[i], SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
        r->to[i] = (struct sockaddr_in){.sin_family = AF_INET,
                                        .sin_port = port_of(i ? other : one),
                                        .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    }
    assert_int_equal(pthread_create(&r->thread, NULL, relay_run, r), 0);
}

static inline void relay_stop(struct relay *r)
{
    atomic_store(&r->done, true);
    pthread_join(r->thread, NULL);
    close(r->fd[0]);
    close(r->fd[1]);
}

#endif
