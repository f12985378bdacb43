#include "server/stun.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/rate.h"
#include "proto/stun.h"
#include "server/stun_parts.h"
#include "shim/net/net_port.h"
#include <stdlib.h>

#define ANSWER_MAX 256 /* four addresses of IPv6, the other port and a FINGERPRINT are 132 */

static const char *const counter_names[] = {
#define STUN_COUNTER_NAME(name, text) text,
    STUN_COUNTER_MAP(STUN_COUNTER_NAME)
#undef STUN_COUNTER_NAME
};

int stun_create(struct stun **out, const struct server_config *config)
{
    struct stun *s = calloc(1, sizeof *s);

    if (!s)
        return HX_ENOMEM;
    s->config = *config;
    pthread_mutex_init(&s->lock, NULL);
    rate_init(&s->rate, (unsigned)config->stun_rate);
    for (int family = AF_INET;; family = AF_INET6) {
        if (stun_pair_of(config, family, &s->places.pairs[s->places.pair_count]) == HX_OK)
            s->places.pair_count++;
        if (family == AF_INET6)
            break;
    }
    *out = s;
    return HX_OK;
}

void stun_reconfigure(struct stun *s, const struct server_config *config)
{
    pthread_mutex_lock(&s->lock);
    s->rate.per_second = (unsigned)config->stun_rate;
    pthread_mutex_unlock(&s->lock);
}

void stun_destroy(struct stun *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->places.count; i++)
        if (s->places.of[i].owned)
            net_port_close(s->places.of[i].port);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

void stun_begin(struct stun *s)
{
    pthread_mutex_lock(&s->lock);
    s->serving = true;
    pthread_mutex_unlock(&s->lock);
}

void stun_end(struct stun *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->serving = false;
    pthread_mutex_unlock(&s->lock);
}

/* Sends the answer by a place; `from`: an address of ours that it shall leave by instead of the one that was
 * asked, which is told to the kernel as it came, with the interface of a link-local one. */
static bool send_answer(const struct stun_place *by, const struct endpoint *from,
                        const struct net_datagram *d, uint8_t *bytes, size_t len)
{
    struct iovec part = {bytes, len};
    struct net_route route = {.to = d->from, .local = d->local};
    struct sockaddr_in6 sa;

    if (!by->any) { /* its socket leaves by no other address */
        route.local = (struct net_address){.port = 0};
    } else if (from) {
        endpoint_to_sockaddr6(from, &sa);
        net_address_from(&route.local, (struct sockaddr *)&sa);
        route.local.port = 0;
    }
    return len > 0 && net_port_send(by->port, &route, &part, 1, MSG_DONTWAIT) == 0;
}

/* To which address of ours a datagram has come, with the port. Without address: it was not told. */
static struct endpoint asked_of(const struct stun_place *p, const struct net_datagram *d)
{
    struct endpoint asked = p->bound;
    struct sockaddr_in6 local;

    if (!p->any)
        return asked;
    net_address_to_sockaddr6(&d->local, &local);
    if (pktinfo_any(&d->local))
        asked = (struct endpoint){.family = net_address_is_ipv4(&d->from) ? AF_INET : AF_INET6};
    else
        (void)endpoint_from_sockaddr(&asked, (struct sockaddr *)&local, sizeof local);
    asked.port = p->bound.port;
    return asked;
}

static size_t answer_room(const struct net_datagram *d)
{
    size_t room = stun_answer_room(d->len, !net_address_is_ipv4(&d->from));

    return room < ANSWER_MAX ? room : ANSWER_MAX;
}

static enum stun_counter refuse(const struct stun_place *p, const struct net_datagram *d,
                                const struct stun_request *q)
{
    const struct stun_response r = {.error = STUN_UNKNOWN_ATTRIBUTE};
    uint8_t bytes[ANSWER_MAX];
    size_t len = stun_write_response(q, &r, bytes, answer_room(d));

    return send_answer(p, NULL, d, bytes, len) ? STUN_UNKNOWN : STUN_UNSENT;
}

static enum stun_counter answer(const struct stun_places *places, const struct stun_place *p,
                                const struct net_datagram *d, struct stun_request *q)
{
    struct stun_response r = {.error = 0};
    struct endpoint asked = asked_of(p, d), from = asked, other;
    struct sockaddr_in6 source;
    bool changed = q->change_ip || q->change_port, told = !p->any || !pktinfo_any(&d->local);
    const struct stun_place *by = p;
    uint8_t bytes[ANSWER_MAX];

    if (changed && !(by = stun_places_change(places, &asked, q->change_ip, q->change_port, &from))) {
        /* RFC 3489's clients take an error for the answer from the other address, and silence for none. */
        if (q->classic)
            return STUN_NO_CHANGE;
        q->unknown[0] = STUN_CHANGE_REQUEST;
        q->unknown_count = 1;
    }
    if (q->unknown_count > 0)
        return refuse(p, d, q);
    net_address_to_sockaddr6(&d->from, &source);
    (void)endpoint_from_sockaddr(&r.mapped, (struct sockaddr *)&source, sizeof source);
    if (told)
        r.origin = stun_places_printed(places, &from);
    if (told && stun_places_change(places, &asked, true, true, &other))
        r.other = stun_places_printed(places, &other);
    if (stun_places_change(places, &asked, false, true, &other))
        r.other_port = other.port;
    size_t len = stun_write_response(q, &r, bytes, answer_room(d));
    if (!send_answer(by, q->change_ip ? &from : NULL, d, bytes, len))
        return STUN_UNSENT;
    return changed ? STUN_CHANGED : STUN_ANSWERED;
}

/* Cheapest first: a flood costs no parsing. */
static enum stun_counter take(struct stun *s, const struct stun_place *p, const struct net_datagram *d)
{
    static const struct token_limit total = {STUN_ANSWERS_PER_SECOND, STUN_ANSWERS_PER_SECOND};
    int64_t now_ms = clock_now_ms();
    uint8_t bytes[STUN_PADDED_MAX];
    struct stun_request q;

    if (!rate_take(&s->rate, d->from.ip, now_ms))
        return STUN_OVER_RATE;
    if (!token_bucket_take(&s->total, &total, 1, now_ms))
        return STUN_OVER_TOTAL;
    if (d->len > sizeof bytes || stun_read_request(&q, bytes, demux_gather(d, bytes, sizeof bytes)) < 0)
        return STUN_MALFORMED;
    return answer(&s->places, p, d, &q);
}

bool stun_take(void *place, struct net_datagram *d)
{
    const struct stun_place *p = place;
    struct stun *s = p->stun;

    pthread_mutex_lock(&s->lock);
    if (s->serving)
        s->counters[take(s, p, d)]++;
    pthread_mutex_unlock(&s->lock);
    return false;
}

void stun_read_own(struct stun_place *p)
{
    for (int user = 0; user < NET_USERS; user++) /* what is no STUN is counted as malformed */
        net_port_set_handler(p->port, (enum net_user)user, stun_take, p);
}

void stun_ready(void *stun, int64_t now_ms)
{
    struct stun *s = stun;
    uint8_t bytes[STUN_PADDED_MAX + 1];
    struct iovec part = {bytes, sizeof bytes};

    (void)now_ms;
    for (size_t i = 0; i < s->places.count; i++) {
        for (int n = 0; s->places.of[i].owned && n < STUN_TURN_DATAGRAMS; n++) {
            struct net_datagram d = {.parts = &part, .part_count = 1};

            if (net_port_read(s->places.of[i].port, &d) < 0)
                break; /* none, or the ICMP error of an earlier answer: the descriptor tells of the rest */
        }
    }
}

size_t stun_descriptors(const struct stun *s, const int **fds)
{
    *fds = s->fds;
    return s->fd_count;
}

void stun_each_counter(struct stun *s, counter_visit *visit, void *user)
{
    uint64_t counters[STUN_COUNTERS];

    pthread_mutex_lock(&s->lock);
    for (int i = 0; i < STUN_COUNTERS; i++)
        counters[i] = s->counters[i];
    pthread_mutex_unlock(&s->lock);
    for (int i = 0; i < STUN_COUNTERS; i++)
        visit(user, counter_names[i], counters[i]);
}
