#include "client/stun.h"
#include "base/clock.h"
#include "base/container_of.h"
#include "proto/stun.h"
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>
#include <utlist.h>

struct stun_transaction {
    struct stun_question q;
    struct timer timer; /* the next repetition, or the end */
    uint8_t id[STUN_ID_BYTES];
    uint8_t request[STUN_PADDED_MAX];
    size_t request_len;
    struct net_address server, answered_by;
    int sent;
    bool refused;
    int rto_ms;
    int64_t asked_us, deadline_ms;
    /* Guarded by table.lock: what has come. */
    bool came;
    int64_t came_us;
    struct net_address local;
    uint8_t answer[STUN_MAX];
    size_t answer_len;
    struct stun_transaction *prev, *next;
};

/* The receiving threads have their own lock, since the engine's may be held by who waits for them. What has
 * come is kept in its transaction, one datagram each, and the engine's thread is woken. */
static struct {
    pthread_mutex_t lock;
    struct stun_transaction *list; /* changed with the engine's lock held as well */
    struct engine_watch watch;     /* fd: below 0 before the first question */
} table = {.lock = PTHREAD_MUTEX_INITIALIZER, .watch = {.fd = -1}};

static void transaction_free(struct stun_transaction *t)
{
    engine_timer_cancel(&t->timer);
    pthread_mutex_lock(&table.lock);
    DL_DELETE(table.list, t);
    pthread_mutex_unlock(&table.lock);
    free(t);
}

static void end(struct stun_transaction *t, struct stun_answer *a)
{
    struct stun_question q = t->q;
    a->sent = t->sent;
    transaction_free(t);
    q.on_done(q.user, a);
}

static void fail(struct stun_transaction *t, int error)
{
    end(t, &(struct stun_answer){.error = error, .rtt_us = clock_now_us() - t->asked_us});
}

/* ---- the receiving threads ---- */

/* Our own question that came back by hairpin comes from wherever the NAT says: whoever sends it has seen it. */
static bool awaits(const struct stun_transaction *t, const struct net_datagram *d)
{
    return !t->came && (t->q.hairpin || net_address_equal(&t->answered_by, &d->from));
}

bool stun_take_answer(void *unused, struct net_datagram *d)
{
    uint8_t bytes[STUN_MAX];
    uint64_t one = 1;
    struct stun_transaction *t;
    bool wake = false;

    (void)unused;
    if (d->len < STUN_HEAD_BYTES || d->len > STUN_MAX)
        return false;
    size_t len = demux_gather(d, bytes, sizeof bytes);
    pthread_mutex_lock(&table.lock);
    DL_FOREACH(table.list, t)
    {
        if (memcmp(t->id, bytes + 4, STUN_ID_BYTES) != 0 || !awaits(t, d))
            continue;
        t->came = wake = true;
        t->came_us = clock_now_us();
        t->local = d->local;
        memcpy(t->answer, bytes, len);
        t->answer_len = len;
        break;
    }
    if (wake)
        (void)!write(table.watch.fd, &one, sizeof one);
    pthread_mutex_unlock(&table.lock);
    return false;
}

/* ---- the engine's thread ---- */

static void endpoint_of(struct endpoint *out, const struct net_address *a)
{
    struct sockaddr_in6 sa;
    net_address_to_sockaddr6(a, &sa);
    (void)endpoint_from_sockaddr(out, (struct sockaddr *)&sa, sizeof sa);
}

/* HX_EPROTO: it is no answer, and another one may come. */
static int read_answer(const struct stun_transaction *t, struct stun_answer *a)
{
    struct stun_response r;
    struct net_address at, own;
    socklen_t len;
    if (t->q.hairpin)
        return HX_OK;
    int err = stun_read_response(&r, t->answer, t->answer_len);
    if (err < 0)
        return err;
    if (r.error != 0)
        return HX_EREJECTED;
    a->mapped = r.mapped;
    a->other = r.other;
    a->other_port = r.other_port;
    net_address_from(&own, net_port_local(t->q.port, &len));
    at = t->local;
    at.port = own.port;
    endpoint_of(&a->local, &at);
    return HX_OK;
}

static struct stun_transaction *next_that_came(void)
{
    struct stun_transaction *t;
    pthread_mutex_lock(&table.lock);
    DL_FOREACH(table.list, t)
    {
        if (t->came)
            break;
    }
    pthread_mutex_unlock(&table.lock);
    return t;
}

static void on_ready(struct engine_watch *w)
{
    struct stun_transaction *t;
    uint64_t count;
    (void)!read(w->fd, &count, sizeof count);
    while ((t = next_that_came())) {
        struct stun_answer a = {.rtt_us = t->came_us - t->asked_us};
        a.error = read_answer(t, &a);
        if (a.error == HX_EPROTO || a.error == HX_ETOOBIG) {
            pthread_mutex_lock(&table.lock);
            t->came = false;
            pthread_mutex_unlock(&table.lock);
        } else {
            end(t, &a);
        }
    }
}

void stun_refused(const struct net_port *port, const struct net_address *server)
{
    struct stun_transaction *t;
    DL_FOREACH(table.list, t)
    {
        if (!t->refused && t->q.port == port && net_address_equal(&t->server, server) && !t->q.hairpin)
            break;
    }
    if (!t)
        return;
    t->refused = true;
    engine_timer_set(&t->timer, clock_now_ms()); /* who tells us is still busy with the port */
}

/* A datagram that cannot leave is as good as lost. */
static void send_once(struct stun_transaction *t)
{
    struct net_route route = {
        .to = t->server, .local = t->q.source, .socket = t->q.socket, .whole = t->q.packet_bytes > 0};
    struct iovec part = {.iov_base = t->request, .iov_len = t->request_len};
    /* an earlier datagram's ICMP error may be told instead, once (udp(7)) */
    if (net_port_send(t->q.port, &route, &part, 1, MSG_DONTWAIT) < 0)
        (void)net_port_send(t->q.port, &route, &part, 1, MSG_DONTWAIT);
    t->sent++;
    int64_t next_ms = clock_now_ms() + t->rto_ms;
    t->rto_ms = t->rto_ms * 2 < STUN_RTO_MAX_MS ? t->rto_ms * 2 : STUN_RTO_MAX_MS;
    engine_timer_set(&t->timer, next_ms < t->deadline_ms ? next_ms : t->deadline_ms);
}

static void on_timer(struct timer *timer)
{
    struct stun_transaction *t = container_of(timer, struct stun_transaction, timer);
    if (t->refused)
        fail(t, HX_EREFUSED);
    else if (clock_now_ms() >= t->deadline_ms)
        fail(t, HX_ETIMEDOUT);
    else
        send_once(t);
}

static int begin_watch(void)
{
    if (table.watch.fd >= 0)
        return HX_OK;
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return HX_ESYS;
    table.watch = (struct engine_watch){.fd = fd, .on_ready = on_ready};
    int err = engine_watch_begin(&table.watch);
    if (err < 0) {
        table.watch.fd = -1;
        close(fd);
    }
    return err;
}

static int write_question(struct stun_transaction *t)
{
    uint8_t random[STUN_ID_BYTES - 4];
    if (getrandom(random, sizeof random, 0) != sizeof random)
        return HX_ESYS;
    struct stun_request r = {.change_ip = t->q.change_ip,
                             .change_port = t->q.change_port,
                             .response_port = t->q.response_port,
                             .wants_other_port = true};
    stun_set_id(r.id, random);
    memcpy(t->id, r.id, sizeof t->id);
    t->request_len = stun_write_request(&r, t->request, sizeof t->request);
    if (t->q.packet_bytes > 0) {
        int heads = t->q.server.family == AF_INET ? IPV4_HEADS : IPV6_HEADS;
        r.padding = (uint16_t)(t->q.packet_bytes - heads - (int)t->request_len);
        t->request_len = stun_write_request(&r, t->request, sizeof t->request);
    }
    return t->request_len > 0 ? HX_OK : HX_ESYS;
}

static void net_address_of(struct net_address *out, const struct endpoint *e, uint32_t scope)
{
    struct sockaddr_in6 sa;
    endpoint_to_sockaddr6(e, &sa);
    sa.sin6_scope_id = scope;
    net_address_from(out, (struct sockaddr *)&sa);
}

int stun_ask(struct stun_transaction **out, const struct stun_question *q)
{
    struct stun_transaction *t;
    int count;
    DL_COUNT(table.list, t, count);
    if (count >= STUN_QUESTIONS_MAX)
        return HX_ELIMIT;
    int err = begin_watch();
    if (err < 0)
        return err;
    t = calloc(1, sizeof *t);
    if (!t)
        return HX_ENOMEM;
    t->q = *q;
    t->timer.fire = on_timer;
    t->rto_ms = q->rto_ms > 0 ? q->rto_ms : STUN_RTO_MS;
    t->asked_us = clock_now_us();
    t->deadline_ms = clock_now_ms() + q->timeout_ms;
    net_address_of(&t->server, &q->server, q->scope);
    net_address_of(&t->answered_by, q->answered_by.family == AF_UNSPEC ? &q->server : &q->answered_by,
                   q->scope);
    err = write_question(t);
    if (err < 0) {
        free(t);
        return err;
    }
    pthread_mutex_lock(&table.lock);
    DL_APPEND(table.list, t);
    pthread_mutex_unlock(&table.lock);
    send_once(t);
    *out = t;
    return HX_OK;
}

void stun_cancel(struct stun_transaction *t)
{
    if (t)
        transaction_free(t);
}
