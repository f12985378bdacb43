/* test/unit/scenes_fixture.h: every state that hx_bind(), hx_connect() and what comes of them can be in, each
 * reached by a function. Goes with test/unit/client_fixture.h; a process is in one state, once. */
#ifndef HX_TEST_SCENES_FIXTURE_H
#define HX_TEST_SCENES_FIXTURE_H

#include "test/unit/client_fixture.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>

#define HANG_MS 3000 /* the name service; its thread is left behind for so long */
#define PEER_MS 500  /* a hole in which nothing comes back is lost after about a second */

static char key[HX_KEY_TEXT_MAX];
static char silent_text[ENDPOINT_TEXT_MAX]; /* a port from which nobody answers */
static int silent_fd = -1;
static int told_fd[2];    /* a byte for an event that is waited for */
static int resolve_fd[2]; /* likewise when a name is looked up, which hangs */

int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **out)
{
    int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
    if (strcmp(host, "hangs.test") != 0 || (hints->ai_flags & AI_NUMERICHOST))
        return real(host, port, hints, out);
    say(resolve_fd[1]);
    poll(NULL, 0, HANG_MS);
    return EAI_AGAIN;
}

/* ---- who waits in a call of the library ---- */

struct caller {
    pthread_t thread;
    struct hx_config config;
    const char *name;
    int timeout_ms;
    struct hx_listener *listener; /* it accepts */
    struct hx_stream *stream;
    ssize_t result;
};

static inline void *connect_run(void *arg)
{
    struct caller *c = arg;
    c->result = hx_connect(&c->stream, &c->config, c->name, PATIENCE_MS);
    return NULL;
}

static inline void *bind_run(void *arg)
{
    struct caller *c = arg;
    c->config.timeout_ms = PATIENCE_MS;
    c->result = hx_bind(&c->listener, &c->config, "another");
    return NULL;
}

static inline void *accept_run(void *arg)
{
    struct caller *c = arg;
    say(told_fd[1]);
    c->result = hx_accept(c->listener, &c->stream, PATIENCE_MS);
    return NULL;
}

static inline void *prove_run(void *arg)
{
    struct caller *c = arg;
    say(told_fd[1]);
    c->result = hx_handshake(c->stream, PATIENCE_MS);
    return NULL;
}

static inline void *write_run(void *arg)
{
    static const char much[100000];
    struct caller *c = arg;
    while ((c->result = hx_write(c->stream, much, sizeof much, PATIENCE_MS)) > 0)
        say(told_fd[1]);
    return NULL;
}

static inline void *read_run(void *arg)
{
    char byte;
    struct caller *c = arg;
    say(told_fd[1]);
    c->result = hx_read(c->stream, &byte, 1, PATIENCE_MS);
    return NULL;
}

static inline void *close_run(void *arg)
{
    struct caller *c = arg;
    say(told_fd[1]);
    c->result = hx_close(c->stream);
    c->stream = NULL;
    return NULL;
}

static inline void *nat_run(void *arg)
{
    struct caller *c = arg;
    struct hx_nat_report report;
    c->result = hx_nat(&report, NULL, &c->config, PATIENCE_MS);
    return NULL;
}

static inline void *lifetime_run(void *arg)
{
    struct caller *c = arg;
    struct hx_nat_lifetime lifetime;
    c->result = hx_nat_lifetime(&lifetime, &c->config, 20, NULL, NULL);
    return NULL;
}

static enum hx_event awaited_event;

static inline void tell(void *user, const struct hx_event_info *info)
{
    (void)user;
    if (info->event == awaited_event)
        say(told_fd[1]);
}

/* ---- the states ---- */

struct scene {
    struct caller callers[2];
    int count;
    struct hx_stream *stream; /* connected, ours to close; NULL: none yet */
    struct hx_listener *listener;
    pid_t peer;
};

static bool begin(struct scene *x, void *(*run)(void *), const struct caller *c)
{
    struct caller *mine = &x->callers[x->count++];
    *mine = *c;
    return pthread_create(&mine->thread, NULL, run, mine) == 0;
}

static struct hx_config with_key(void)
{
    struct hx_config config = defaults();
    config.keys = key;
    config.on_event = tell;
    return config;
}

static bool connecting(struct scene *x, const char *server, int wait_s, enum hx_event event, int heard_fd)
{
    struct caller c = {.config = with_key(), .name = "nobody"};
    c.config.nameserver = server;
    c.config.wait_s = wait_s;
    awaited_event = event;
    return begin(x, connect_run, &c) && hear(heard_fd);
}

static bool resolving(struct scene *x)
{
    return connecting(x, "hangs.test:7000", 0, (enum hx_event) - 1, resolve_fd[0]);
}

static bool asking(struct scene *x)
{
    char bytes[100];
    struct caller c = {.config = with_key(), .name = "nobody"};
    c.config.nameserver = silent_text;
    return begin(x, connect_run, &c) && recv(silent_fd, bytes, sizeof bytes, 0) > 0;
}

static bool waiting(struct scene *x) /* for another try */
{
    return connecting(x, "127.0.0.1:1", 0, HX_EVENT_NAMESERVER_AWAITED, told_fd[0]);
}

static bool waiting_for_its_turn(struct scene *x) /* one name, two who want it */
{
    return asking(x) && begin(x, connect_run, &x->callers[0]);
}

static bool waiting_for_the_name(struct scene *x)
{
    struct caller c = {.config = with_key(), .name = "nobody"};
    c.config.wait_s = 60;
    bool begun = begin(x, connect_run, &c);
    poll(NULL, 0, PEER_MS); /* nobody is told that the nameserver waits, too */
    return begun;
}

static bool binding(struct scene *x)
{
    char bytes[100];
    struct caller c = {.config = with_key()};
    c.config.nameserver = silent_text;
    return begin(x, bind_run, &c) && recv(silent_fd, bytes, sizeof bytes, 0) > 0;
}

static bool waiting_to_bind(struct scene *x)
{
    struct caller c = {.config = with_key()};
    c.config.nameserver = "127.0.0.1:1";
    awaited_event = HX_EVENT_NAMESERVER_AWAITED;
    return begin(x, bind_run, &c) && hear(told_fd[0]);
}

static bool looking_at_the_nat(struct scene *x)
{
    char bytes[100];
    struct caller c = {.config = with_key()};
    c.config.nameserver = silent_text;
    return begin(x, nat_run, &c) && recv(silent_fd, bytes, sizeof bytes, 0) > 0;
}

static bool measuring_lifetimes(struct scene *x)
{
    char bytes[100];
    struct caller c = {.config = with_key()};
    c.config.nameserver = silent_text;
    return begin(x, lifetime_run, &c) && recv(silent_fd, bytes, sizeof bytes, 0) > 0;
}

/* A peer that has a name, and does with who connects what `mood` says, in a process of its own. */
static char peer_name[HX_NAME_MAX]; /* another one each time: the last one is not free yet */
static enum { TAKES, TAKES_NONE, HAS_NO_KEY, IS_STOPPED } mood;

static enum outcome be_peer(int hear_fd, int say_fd)
{
    struct hx_config config = defaults();
    struct hx_listener *l;
    struct hx_stream *s = NULL;
    if (mood != HAS_NO_KEY)
        config.keys = key;
    if (hx_bind(&l, &config, peer_name) < 0)
        return FAILED_BIND;
    say(say_fd);
    for (int i = 0; i < 2 && mood != TAKES_NONE; i++) {
        if (hx_accept(l, &s, PATIENCE_MS) < 0)
            return FAILED_ACCEPT;
        if (mood != HAS_NO_KEY && hx_handshake(s, PATIENCE_MS) < 0)
            return FAILED_PROOF;
    }
    (void)hear(hear_fd);
    return DONE;
}

static struct process peer;

static bool peer_there(struct scene *x)
{
    (void)x;
    return hear(peer.hear);
}

static bool connected(struct scene *x)
{
    struct hx_config config = with_key();
    return peer_there(x) && hx_connect(&x->stream, &config, peer_name, PATIENCE_MS) == HX_OK;
}

static bool connected_and_proven(struct scene *x)
{
    return connected(x) && hx_handshake(x->stream, PATIENCE_MS) == HX_OK;
}

static bool proving(struct scene *x)
{
    return connected(x) && begin(x, prove_run, &(struct caller){.stream = x->stream}) && hear(told_fd[0]);
}

static bool idle(struct scene *x)
{
    return connected_and_proven(x) && begin(x, read_run, &(struct caller){.stream = x->stream}) &&
           hear(told_fd[0]);
}

static bool bulk(struct scene *x)
{
    return connected_and_proven(x) && begin(x, write_run, &(struct caller){.stream = x->stream}) &&
           hear(told_fd[0]);
}

static bool lost(struct scene *x)
{
    if (!bulk(x))
        return false;
    kill(peer.pid, SIGSTOP);
    poll(NULL, 0, 3 * PEER_MS); /* nobody is told that a path is lost */
    return true;
}

static bool closing(struct scene *x) /* the peer does not read what is written */
{
    if (!connected_and_proven(x) || hx_write(x->stream, key, sizeof key, PATIENCE_MS) < 0 ||
        hx_shutdown(x->stream) < 0)
        return false;
    bool begun = begin(x, close_run, &(struct caller){.stream = x->stream}) && hear(told_fd[0]);
    x->stream = NULL;
    return begun;
}

static bool bound(struct scene *x)
{
    struct hx_config config = with_key();
    return hx_bind(&x->listener, &config, "mine") == HX_OK;
}

static bool accepting(struct scene *x)
{
    return bound(x) && begin(x, accept_run, &(struct caller){.listener = x->listener}) && hear(told_fd[0]);
}

/* Asks for "mine", and ends whenever that is over. */
static enum outcome call_mine(int hear_fd, int say_fd)
{
    struct hx_config config = defaults();
    struct hx_stream *s;
    config.keys = key;
    (void)say_fd;
    if (!hear(hear_fd))
        return FAILED_BIND;
    if (hx_connect(&s, &config, "mine", PATIENCE_MS) == HX_OK)
        (void)hear(hear_fd);
    return DONE;
}

static bool with_a_peer_that_waits(struct scene *x)
{
    if (!bound(x))
        return false;
    say(peer.say);
    struct pollfd fd = {hx_listener_fd(x->listener), POLLIN, 0};
    return poll(&fd, 1, PATIENCE_MS) == 1;
}

#endif
