/* test/unit/agent_fixture.h: agents of two ports in this process, and a peer that is played by hand: it knows
 * the session's key, and says over plain sockets what it likes. Brings cmocka. */
#ifndef HX_TEST_AGENT_FIXTURE_H
#define HX_TEST_AGENT_FIXTURE_H

#include "client/agent_state.h"
#include "client/engine.h"
#include "client/race.h"
#include "test/unit/path_fixture.h"

#define FENCE_MS 200 /* for an answer that is not lost; then the question is said again */

/* Each test has one of its own: agents outlive their ends. */
static struct session the_session = {.id = "an id of 16 byte", .key = "a key of 16 byte", .given = true};
static uint64_t last_number; /* of the hand-made peer's requests */

struct hand { /* a socket of the hand-made peer */
    int fd;
    struct endpoint at;
};

static inline struct endpoint endpoint_at(const char *ip, uint16_t port)
{
    struct endpoint e;
    struct net_address a = at(ip, htons(port));
    struct sockaddr_in6 sa;
    net_address_to_sockaddr6(&a, &sa);
    assert_int_equal(endpoint_from_sockaddr(&e, (struct sockaddr *)&sa, sizeof sa), HX_OK);
    return e;
}

static inline struct endpoint endpoint_of(const char *ip, struct udt_port *p)
{
    return endpoint_at(ip, ntohs(port_of(p)));
}

static inline struct hand hand_at(const char *ip)
{
    struct endpoint e = endpoint_at(ip, 1);
    struct sockaddr_storage sa;
    socklen_t len = endpoint_to_sockaddr(&e, &sa);
    struct hand h = {.fd = socket(sa.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    if (sa.ss_family == AF_INET)
        ((struct sockaddr_in *)&sa)->sin_port = 0;
    else
        ((struct sockaddr_in6 *)&sa)->sin6_port = 0;
    assert_int_equal(bind(h.fd, (struct sockaddr *)&sa, len), 0);
    assert_int_equal(getsockname(h.fd, (struct sockaddr *)&sa, &len), 0);
    assert_int_equal(endpoint_from_sockaddr(&h.at, (struct sockaddr *)&sa, len), HX_OK);
    return h;
}

static inline void hand_say(const struct hand *h, struct udt_port *to, const uint8_t *bytes, size_t len)
{
    struct endpoint e = endpoint_of(h->at.family == AF_INET ? "127.0.0.1" : "::1", to);
    struct sockaddr_storage sa;
    socklen_t sa_len = endpoint_to_sockaddr(&e, &sa);
    assert_int_equal(sendto(h->fd, bytes, len, 0, (struct sockaddr *)&sa, sa_len), (ssize_t)len);
}

/* The next probe of this kind that comes to it within `ms`, past everything else: its length; 0: none does. */
static inline size_t hand_hear_early(const struct hand *h, enum probe_kind kind,
                                     uint8_t bytes[PROBE_BYTES_MAX], struct probe *p, int64_t ms)
{
    int64_t left_ms = ms;
    for (int64_t end_ms = clock_now_ms() + ms; left_ms >= 0; left_ms = end_ms - clock_now_ms()) {
        struct pollfd fd = {h->fd, POLLIN, 0};
        if (poll(&fd, 1, (int)left_ms) != 1)
            continue;
        ssize_t n = recv(h->fd, bytes, PROBE_BYTES_MAX, MSG_DONTWAIT);
        if (n >= PROBE_BYTES && probe_read(p, bytes, (size_t)n) == HX_OK && p->kind == kind)
            return (size_t)n;
    }
    return 0;
}

/* The same where none has early bytes. */
static inline bool hand_hear(const struct hand *h, enum probe_kind kind, uint8_t bytes[PROBE_BYTES],
                             struct probe *p, int64_t ms)
{
    uint8_t all[PROBE_BYTES_MAX];
    size_t len = hand_hear_early(h, kind, all, p, ms);
    if (len == 0)
        return false;
    assert_int_equal(len, PROBE_BYTES);
    memcpy(bytes, all, PROBE_BYTES);
    p->early = NULL;
    return true;
}

/* The code over it, of the one side or the other, with the session's key or a `secret` of the two alone. */
static inline void sign(uint8_t *bytes, size_t len, bool calling, const uint8_t *secret)
{
    uint8_t key[MAC_KEY_BYTES];
    const char *label = calling ? "hx probe of the caller" : "hx probe of the called";
    assert_int_equal(mac_derive(secret ? secret : the_session.key,
                                secret ? AGENT_SECRET_BYTES : SESSION_BYTES, label, key),
                     HX_OK);
    assert_int_equal(mac_compute(key, bytes, len - PROBE_CODE_BYTES, bytes + len - PROBE_CODE_BYTES), HX_OK);
}

/* A probe of the session with the code over it: its length, PROBE_BYTES and its early bytes. */
static inline size_t make(uint8_t *bytes, const struct probe *p, const uint8_t *secret)
{
    struct probe whole = *p;
    size_t len = PROBE_BYTES + p->early_len;
    uint8_t tag[MAC_KEY_BYTES];
    assert_int_equal(mac_derive(the_session.id, SESSION_BYTES, "hx session", tag), HX_OK);
    memcpy(whole.tag, tag, PROBE_TAG_BYTES);
    probe_write(&whole, bytes, len);
    sign(bytes, len, p->flags & PROBE_CALLER, secret);
    return len;
}

/* A request of the caller's, who is made by hand, with a number of its own. */
static inline void request(uint8_t bytes[PROBE_BYTES], int flags)
{
    make(bytes,
         &(struct probe){
             .kind = PROBE_REQUEST, .flags = (uint8_t)(PROBE_CALLER | flags), .number = ++last_number},
         NULL);
}

/* Returns when the agent of `to` has taken all that was said to it before: `h` asks it until it answers. */
static inline void fence(const struct hand *h, struct udt_port *to)
{
    uint8_t bytes[PROBE_BYTES];
    struct probe p;
    for (int i = 0; i < WAIT_MS / FENCE_MS; i++) {
        request(bytes, 0);
        hand_say(h, to, bytes, sizeof bytes);
        for (int64_t end_ms = clock_now_ms() + FENCE_MS; clock_now_ms() < end_ms;) {
            if (hand_hear(h, PROBE_ANSWER, bytes, &p, end_ms - clock_now_ms()) && p.number == last_number)
                return;
        }
    }
    fail_msg("the agent does not answer");
}

/* ---- agents ---- */

static inline void add_candidate(struct candidates *c, const struct endpoint *e, enum candidate_kind kind)
{
    assert_int_equal(candidates_add(c, e, kind), HX_OK);
}

/* Of the port, calling or not, for these candidates of its peer. */
static inline struct agent *agent_with(struct udt_port *p, bool calling, const struct candidates *peer)
{
    struct agent *a = NULL;
    engine_lock();
    int err = agent_begin(&a, &(struct agent_config){.port = p,
                                                     .session = &the_session,
                                                     .families = FAMILY_ANY,
                                                     .calling = calling,
                                                     .candidates = *peer});
    engine_unlock();
    assert_int_equal(err, HX_OK);
    return a;
}

static inline struct agent *agent_to(struct udt_port *p, bool calling, const struct endpoint *peer)
{
    struct candidates c = {.count = 0};
    add_candidate(&c, peer, CANDIDATE_SRFLX);
    return agent_with(p, calling, &c);
}

static inline void end_agent(struct agent *a)
{
    engine_lock();
    agent_end(a);
    engine_unlock();
}

/* The place of the path to there; -1: none. */
static inline int way_to(struct agent *a, const struct endpoint *e)
{
    struct net_route there = {.socket = 0};
    struct sockaddr_in6 sa;
    endpoint_to_sockaddr6(e, &sa);
    net_address_from(&there.to, (struct sockaddr *)&sa);
    engine_lock();
    int place = agent_way_of(a, &there);
    engine_unlock();
    return place;
}

/* Does UDT ask there? */
static inline bool is_linked(struct agent *a, const struct endpoint *e)
{
    int place = way_to(a, e);
    engine_lock();
    bool linked = place >= 0 && a->ways[place].linked;
    engine_unlock();
    return linked;
}

static inline int count_ways(struct agent *a)
{
    int count = 0;
    engine_lock();
    for (int i = 0; i < PATH_CHOICE_MAX; i++)
        count += a->choice.paths[i].present;
    engine_unlock();
    return count;
}

static inline struct path_times times_of(struct agent *a, int place)
{
    engine_lock();
    struct path_times t = a->choice.paths[place];
    engine_unlock();
    return t;
}

static inline enum path_state state_of(struct agent *a)
{
    engine_lock();
    enum path_state s = a->choice.state;
    engine_unlock();
    return s;
}

static inline int start_engine(void **state)
{
    struct udt_port_config config = {.backlog = 0}; /* all addresses of both families */
    (void)state;
    if (engine_enter(0) != HX_OK)
        return -1;
    engine_unlock();
    assert_int_equal(udt_port_open(&left, &config), HX_OK);
    assert_int_equal(udt_port_open(&right, &config), HX_OK);
    return 0;
}

static inline int stop_engine(void **state)
{
    (void)state;
    engine_end();
    return 0;
}

static inline int new_session(void **state)
{
    (void)state;
    the_session.id[0]++;
    last_number = 0;
    return 0;
}

/* Probes of the session that have come to it until now, past what it has not heard. */
static inline int count_heard(const struct hand *h, size_t *bytes)
{
    uint8_t all[PROBE_BYTES_MAX];
    int count = 0;
    ssize_t n;
    while ((n = recv(h->fd, all, sizeof all, MSG_DONTWAIT)) >= 0) {
        *bytes += (size_t)n;
        count++;
    }
    return count;
}

#endif
