#include "server/relay_table.h"
#include "base/error.h"
#include "server/relay_table_state.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <utlist.h>

#define COOKIE_MS   15000 /* a cookie is good for one to two of these: longer than between two OPENs */
#define SWEEP_MOST  4096  /* sessions looked at in one sweep */
#define TOLD_MS     15000 /* a limit that was met is told in each OPENED for so long */
#define BURST_MS    250   /* of a rate, at once */
#define BURST_LEAST 65536 /* bytes: a flight of UDT's */
#define NAMES_OF_KEYS                                      \
    {                                                      \
        "hx relay of the caller", "hx relay of the called" \
    }

static const char *const counter_names[] = {
#define RELAY_COUNTER_NAME(name, text) text,
    RELAY_COUNTER_MAP(RELAY_COUNTER_NAME)
#undef RELAY_COUNTER_NAME
};

const char *relay_counter_name(enum relay_counter which)
{
    return counter_names[which];
}

static struct token_limit limit_of(int64_t per_second)
{
    int64_t burst = per_second * BURST_MS / 1000;

    return (struct token_limit){.per_second = per_second, .most = burst > BURST_LEAST ? burst : BURST_LEAST};
}

void relay_table_set_limits(struct relay_table *t, const struct relay_limits *limits)
{
    pthread_mutex_lock(&t->lock);
    t->limits = *limits;
    t->rate = limit_of(limits->rate);
    t->total = limit_of(limits->total);
    pthread_mutex_unlock(&t->lock);
}

int relay_table_create(struct relay_table **out, const struct relay_limits *limits)
{
    struct relay_table *t = calloc(1, sizeof *t);

    if (!t)
        return HX_ENOMEM;
    rate_init(&t->codes, 0);
    pthread_mutex_init(&t->lock, NULL);
    relay_table_set_limits(t, limits);
    if (getrandom(t->secret, sizeof t->secret, 0) != (ssize_t)sizeof t->secret) {
        relay_table_destroy(t);
        return HX_ESYS;
    }
    *out = t;
    return HX_OK;
}

/* ---- sessions and hosts ---- */

/* A session counts once for a host, also where both parties are behind it. */
static void leave_host(struct relay_table *t, struct relay_session *s, enum relay_half half)
{
    struct relay_host *h = s->parties[half].host;

    s->parties[half].host = NULL;
    if (h && s->parties[!half].host != h)
        relay_hosts_leave(&t->hosts, h, &h->open);
}

/* False: it has as many as it may, or there is no memory. */
static bool enter_host(struct relay_table *t, struct relay_session *s, enum relay_half half,
                       const struct net_address *a)
{
    struct relay_host *h = relay_hosts_find_or_add(&t->hosts, a);

    if (!h)
        return false;
    if (s->parties[half].host == h)
        return true;
    bool counted = s->parties[!half].host == h;
    if (!counted && t->limits.per_address > 0 && h->open >= t->limits.per_address)
        return false;
    leave_host(t, s, half);
    h->open += !counted;
    s->parties[half].host = h;
    return true;
}

static void leave_known(struct relay_table *t, struct relay_session *s)
{
    if (!s->asker)
        return;
    relay_hosts_leave(&t->hosts, s->asker, &s->asker->known);
    s->asker = NULL;
    DL_DELETE2(t->known, s, known_prev, known_next);
    t->known_count--;
}

static void end_session(struct relay_table *t, struct relay_session *s)
{
    leave_host(t, s, RELAY_CALLER);
    leave_host(t, s, RELAY_CALLED);
    leave_known(t, s);
    if (s->begun_ms != 0)
        t->open--;
    HASH_DEL(t->sessions, s);
    DL_DELETE(t->order, s);
    explicit_bzero(s, sizeof *s);
    free(s);
}

static bool is_there(const struct party *p, int64_t now_ms)
{
    return p->opened_ms != 0 && now_ms - p->opened_ms < RELAY_PARTY_MS;
}

static bool is_over_time(const struct relay_table *t, const struct relay_session *s, int64_t now_ms)
{
    return t->limits.time_ms > 0 && s->begun_ms != 0 && now_ms - s->begun_ms >= t->limits.time_ms;
}

/* One whose time is over is kept while its parties may ask why nothing comes. */
static bool is_over(const struct relay_session *s, int64_t now_ms)
{
    if (s->begun_ms == 0)
        return now_ms - s->known_ms >= RELAY_OPEN_MS;
    return !is_there(&s->parties[RELAY_CALLER], now_ms) && !is_there(&s->parties[RELAY_CALLED], now_ms);
}

/* NULL: there is no memory. */
static struct relay_session *new_session(struct relay_table *t, const struct session *given,
                                         const uint8_t id[RELAY_ID_BYTES],
                                         const struct net_address at[RELAY_HALVES], int64_t now_ms)
{
    struct relay_session *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    memcpy(s->id, id, sizeof s->id);
    memcpy(s->key, given->key, sizeof s->key);
    for (int i = 0; i < RELAY_HALVES; i++)
        s->parties[i].proven = at[i];
    s->known_ms = now_ms;
    HASH_ADD(hh, t->sessions, id, sizeof s->id, s);
    if (!s->hh.tbl) {
        free(s);
        return NULL;
    }
    DL_APPEND(t->order, s);
    return s;
}

/* One host's sessions that nobody opens do not push out those of others, but where there are too many of
 * all. */
static int add(struct relay_table *t, const struct session *given, const uint8_t id[RELAY_ID_BYTES],
               const struct net_address at[RELAY_HALVES], enum relay_half half, int64_t now_ms)
{
    struct relay_session *s;

    HASH_FIND(hh, t->sessions, id, RELAY_ID_BYTES, s);
    if (s) { /* offered again: to its other party, or since one has moved */
        s->known_ms = now_ms;
        return HX_OK;
    }
    struct relay_host *asker = relay_hosts_find_or_add(&t->hosts, &at[half]);
    if (!asker)
        return HX_ENOMEM;
    asker->known++;
    bool full = asker->known > RELAY_KNOWN_HOST || HASH_COUNT(t->sessions) >= RELAY_SESSIONS_MAX;
    s = full ? NULL : new_session(t, given, id, at, now_ms);
    if (!s) {
        relay_hosts_leave(&t->hosts, asker, &asker->known);
        return full ? HX_ELIMIT : HX_ENOMEM;
    }
    s->asker = asker;
    DL_APPEND2(t->known, s, known_prev, known_next);
    if (++t->known_count > RELAY_KNOWN_MAX)
        end_session(t, t->known);
    return HX_OK;
}

int relay_table_add(struct relay_table *t, const struct session *s, const struct net_address at[RELAY_HALVES],
                    enum relay_half asker, int64_t now_ms)
{
    uint8_t id[MAC_KEY_BYTES];
    int err = mac_derive(s->key, sizeof s->key, "hx relay id", id);

    if (err < 0)
        return err;
    pthread_mutex_lock(&t->lock);
    err = add(t, s, id, at, asker, now_ms);
    pthread_mutex_unlock(&t->lock);
    return err;
}

/* ---- OPEN and its answers ---- */

static bool has_key(struct relay_session *s, enum relay_half half)
{
    static const char *const names[RELAY_HALVES] = NAMES_OF_KEYS;
    struct party *p = &s->parties[half];

    p->has_key = p->has_key || mac_derive(s->key, sizeof s->key, names[half], p->key) == HX_OK;
    return p->has_key;
}

static bool make_cookie(const struct relay_table *t, const struct relay_frame *f,
                        const struct net_address *from, int64_t slot, uint8_t out[RELAY_COOKIE_BYTES])
{
    struct {
        uint8_t session[RELAY_ID_BYTES];
        struct net_address from;
        int64_t slot;
        int64_t half;
    } of = {.from = *from, .slot = slot, .half = f->half};
    static_assert(sizeof of == 48, "no padding: all of it is signed");

    memcpy(of.session, f->session, sizeof of.session);
    return mac_compute(t->secret, &of, sizeof of, out) == HX_OK;
}

static bool is_proven(const struct relay_table *t, const struct party *p, const struct relay_frame *f,
                      const struct net_address *from, int64_t known_ms, int64_t now_ms)
{
    uint8_t cookie[RELAY_COOKIE_BYTES];

    if (net_address_equal(from, &p->proven) && now_ms - known_ms < RELAY_OPEN_MS)
        return true;
    for (int64_t slot = now_ms / COOKIE_MS; slot >= now_ms / COOKIE_MS - 1; slot--)
        if (make_cookie(t, f, from, slot, cookie) && memcmp(cookie, f->cookie, sizeof cookie) == 0)
            return true;
    return false;
}

static enum relay_reason limit_met(const struct relay_session *s, int64_t now_ms)
{
    if (s->over_rate_ms != 0 && now_ms - s->over_rate_ms < TOLD_MS)
        return RELAY_OVER_RATE;
    return s->over_total_ms != 0 && now_ms - s->over_total_ms < TOLD_MS ? RELAY_OVER_TOTAL : RELAY_NO_REASON;
}

static uint32_t left_s(const struct relay_table *t, const struct relay_session *s, int64_t now_ms)
{
    if (t->limits.time_ms == 0)
        return RELAY_NO_END;
    return (uint32_t)((t->limits.time_ms - (now_ms - s->begun_ms) + 999) / 1000);
}

static void begin(struct relay_table *t, struct relay_session *s, int64_t now_ms)
{
    leave_known(t, s);
    s->begun_ms = now_ms;
    t->open++;
}

/* A question with a right code. What it is answered with; RELAY_COUNT_REPEATED: nothing. */
static enum relay_counter answer_open(struct relay_table *t, struct relay_session *s,
                                      const struct relay_frame *f, const struct relay_place *from,
                                      int64_t now_ms, struct relay_frame *a)
{
    struct party *p = &s->parties[f->half];

    *a = *f;
    a->reason = RELAY_NO_REASON;
    a->left_s = 0;
    memset(a->cookie, 0, sizeof a->cookie);
    bool proven = is_proven(t, p, f, &from->route.to, s->known_ms, now_ms);
    if (f->number <= p->number || (!proven && f->number <= p->challenged))
        return RELAY_COUNT_REPEATED;
    if (!proven)
        p->challenged = f->number;
    a->kind = RELAY_REFUSED;
    if (is_over_time(t, s, now_ms)) {
        a->reason = RELAY_OVER_TIME;
        return RELAY_COUNT_REFUSED_TIME;
    }
    (void)make_cookie(t, f, &from->route.to, now_ms / COOKIE_MS, a->cookie);
    if (!proven) {
        a->kind = RELAY_CHALLENGE;
        return RELAY_COUNT_CHALLENGED;
    }
    p->number = f->number;
    if (!enter_host(t, s, f->half, &from->route.to)) {
        a->reason = RELAY_OVER_ADDRESS;
        return RELAY_COUNT_REFUSED_ADDRESS;
    }
    if (s->begun_ms == 0)
        begin(t, s, now_ms);
    p->place = *from;
    p->opened_ms = now_ms;
    memset(&p->proven, 0, sizeof p->proven); /* once: the address may be another host's some day */
    a->kind = RELAY_OPENED;
    a->reason = limit_met(s, now_ms);
    a->left_s = left_s(t, s, now_ms);
    return RELAY_COUNT_OPENED;
}

/* Whoever sees a session's frames can send OPENs with wrong codes in a party's name, and a code costs more
 * than all else that is done here. They shall not keep the party out: sources have shares of their own, wide
 * enough for all who may be behind one address, and where parties are nothing is shared with others. */
static bool may_look(struct relay_table *t, const struct party *p, const struct net_address *from,
                     int64_t now_ms)
{
    static const struct token_limit of_party = RATE_LIMIT(20000), of_unmatched = RATE_LIMIT(5000),
                                    of_all_unmatched = RATE_LIMIT(20000);
    bool known = net_address_equal(from, &p->proven) ||
                 (p->opened_ms != 0 && net_address_equal(from, &p->place.route.to));
    uint8_t key[RATE_KEY_BYTES + 1];
    size_t len = rate_source_key(from->ip, key);

    key[len++] = known;
    return token_bucket_take(rate_bucket_of(&t->codes, key, len), known ? &of_party : &of_unmatched, 1,
                             now_ms) &&
           (known || token_bucket_take(&t->unmatched_codes, &of_all_unmatched, 1, now_ms));
}

static enum relay_counter take_open(struct relay_table *t, const struct relay_frame *f,
                                    const uint8_t bytes[RELAY_CONTROL_BYTES], const struct relay_place *from,
                                    int64_t now_ms, uint8_t out[RELAY_CONTROL_BYTES])
{
    struct relay_session *s;
    struct relay_frame a;

    if (f->kind != RELAY_OPEN)
        return RELAY_COUNT_MALFORMED;
    HASH_FIND(hh, t->sessions, f->session, RELAY_ID_BYTES, s);
    if (!s || is_over(s, now_ms))
        return RELAY_COUNT_NO_SESSION;
    struct party *p = &s->parties[f->half];
    if (!may_look(t, p, &from->route.to, now_ms))
        return RELAY_COUNT_OVER_CODES;
    if (!has_key(s, f->half) || !mac_right(p->key, bytes, RELAY_SAID_BYTES, bytes + RELAY_SAID_BYTES))
        return RELAY_COUNT_BAD_CODE;
    enum relay_counter what = answer_open(t, s, f, from, now_ms, &a);
    if (what == RELAY_COUNT_REPEATED)
        return what;
    relay_frame_write_control(&a, out);
    return mac_compute(p->key, out, RELAY_SAID_BYTES, out + RELAY_SAID_BYTES) == HX_OK ? what
                                                                                       : RELAY_COUNT_UNSENT;
}

bool relay_table_control(struct relay_table *t, const struct relay_frame *f,
                         const uint8_t bytes[RELAY_CONTROL_BYTES], const struct relay_place *from,
                         int64_t now_ms, uint8_t answer[RELAY_CONTROL_BYTES])
{
    pthread_mutex_lock(&t->lock);
    enum relay_counter what = take_open(t, f, bytes, from, now_ms, answer);
    t->counters[what]++;
    pthread_mutex_unlock(&t->lock);
    return what == RELAY_COUNT_OPENED || what == RELAY_COUNT_CHALLENGED || what == RELAY_COUNT_REFUSED_TIME ||
           what == RELAY_COUNT_REFUSED_ADDRESS;
}

/* ---- DATA ---- */

static bool may_pass(struct relay_table *t, struct relay_session *s, size_t bytes, int64_t now_ms,
                     enum relay_counter *why)
{
    *why = RELAY_COUNT_OVER_RATE;
    if (t->limits.rate > 0 && token_bucket_left(&s->rate, &t->rate, now_ms) < (int64_t)bytes) {
        s->over_rate_ms = now_ms;
        return false;
    }
    *why = RELAY_COUNT_OVER_TOTAL;
    if (t->limits.total > 0 && !token_bucket_take(&t->all, &t->total, (int64_t)bytes, now_ms)) {
        s->over_total_ms = now_ms;
        return false;
    }
    if (t->limits.rate > 0)
        token_bucket_spend(&s->rate, &t->rate, (int64_t)bytes, now_ms);
    return true;
}

static enum relay_counter forward(struct relay_table *t, const struct relay_frame *f,
                                  const struct relay_place *from, size_t bytes, int64_t now_ms,
                                  struct relay_place *to)
{
    struct relay_session *s;
    enum relay_counter why;

    HASH_FIND(hh, t->sessions, f->session, RELAY_ID_BYTES, s);
    if (!s)
        return RELAY_COUNT_NO_SESSION;
    struct party *sender = &s->parties[f->half], *receiver = &s->parties[!f->half];
    if (!is_there(sender, now_ms) || sender->place.port != from->port ||
        !net_address_equal(&sender->place.route.to, &from->route.to))
        return RELAY_COUNT_NO_PARTY;
    if (!is_there(receiver, now_ms) || is_over_time(t, s, now_ms))
        return RELAY_COUNT_NOT_THERE;
    if (!may_pass(t, s, bytes, now_ms, &why))
        return why;
    t->bytes += bytes;
    s->bytes += bytes;
    *to = receiver->place;
    return RELAY_COUNT_FORWARDED;
}

bool relay_table_data(struct relay_table *t, const struct relay_frame *f, const struct relay_place *from,
                      int count, size_t bytes, int64_t now_ms, struct relay_place *to)
{
    pthread_mutex_lock(&t->lock);
    enum relay_counter what = forward(t, f, from, bytes, now_ms, to);
    t->counters[what] += (uint64_t)count;
    pthread_mutex_unlock(&t->lock);
    return what == RELAY_COUNT_FORWARDED;
}

/* ---- the loop ---- */

void relay_table_count(struct relay_table *t, enum relay_counter which, uint64_t times)
{
    pthread_mutex_lock(&t->lock);
    t->counters[which] += times;
    pthread_mutex_unlock(&t->lock);
}

void relay_table_sweep(struct relay_table *t, int64_t now_ms)
{
    pthread_mutex_lock(&t->lock);
    unsigned most = HASH_COUNT(t->sessions) < SWEEP_MOST ? HASH_COUNT(t->sessions) : SWEEP_MOST;
    for (unsigned i = 0; i < most; i++) {
        struct relay_session *s = t->order;

        if (is_over(s, now_ms)) {
            end_session(t, s);
            continue;
        }
        DL_DELETE(t->order, s);
        DL_APPEND(t->order, s);
    }
    pthread_mutex_unlock(&t->lock);
}

void relay_table_totals(struct relay_table *t, struct relay_totals *out)
{
    pthread_mutex_lock(&t->lock);
    *out = (struct relay_totals){.known = t->known_count, .open = t->open, .bytes = t->bytes};
    pthread_mutex_unlock(&t->lock);
}

void relay_table_counters(struct relay_table *t, uint64_t out[RELAY_COUNTERS])
{
    pthread_mutex_lock(&t->lock);
    memcpy(out, t->counters, sizeof t->counters);
    pthread_mutex_unlock(&t->lock);
}

void relay_table_destroy(struct relay_table *t)
{
    if (!t)
        return;
    while (t->order)
        end_session(t, t->order);
    pthread_mutex_destroy(&t->lock);
    explicit_bzero(t->secret, sizeof t->secret);
    free(t);
}
