#include "client/path_choice.h"
#include <string.h>

#define LOOK_MS    250 /* between two looks at the traffic, while there is any */
#define FLOW_COUNT 10  /* so many datagrams ... */
#define FLOW_WITHIN_MS \
    10000                  /* ... within this are data; keepalives of UDT and of whoever uses it are fewer */
#define SOON_MS          3 /* a request is repeated after so long, since the peer may just have opened its NAT, ... */
#define FIRST_MS         20    /* ... then after this, then after twice as long each time, ... */
#define LONGEST_MS       1000  /* ... up to this, ... */
#define LEAST_LONGEST_MS 100   /* ... or, where most are lost, to this */
#define MORE_TRIES       2     /* for each that an answer takes there above one */
#define RTT_MARGIN_MS    20    /* an answer may come so late and is no loss */
#define SETTLE_MS        5000  /* between two changes to a better path */
#define BETTER_ANSWERS   3     /* in a row, before a path is taken for better; ... */
#define PROVING_MS       200   /* ... the time between their requests */
#define CUT_TRIES        4     /* so many requests in a row without an answer are no loss: the path was cut */
#define LEAST_MS         30000 /* how long the shortest round trip is remembered */
#define LOSS_ALL         65536
#define LOSS_WEIGHT      32                  /* of one request, inverse */
#define LOSS_CLEAR       (LOSS_ALL / 4)      /* so much more loss is worth a change */
#define LOSS_SLIGHT      (LOSS_ALL * 3 / 20) /* so much more is worth none, however short the round trip is */
#define ROOM_MS          2000 /* a path that was heard, or has answered, so long ago keeps its place */
#define NEVER            INT64_MAX

static void enter(struct path_choice *c, enum path_state state, int64_t now_ms)
{
    c->state = state;
    c->entered_ms = now_ms;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t rtt_ms(const struct path_times *p)
{
    return p->rtt_us / 1000;
}

/* Where packets are lost an answer takes several requests, and a silence is as long before it means anything. */
static int64_t answer_ms(const struct path_times *p)
{
    return most(PATH_ANSWER_MS, 2 * rtt_ms(p)) * p->need / PATH_NEED_ONE;
}

/* As unlikely as so many without an answer where hardly any is lost. */
static int tries_that_mean(const struct path_times *p, int tries)
{
    return tries + (tries + MORE_TRIES) * (p->need - PATH_NEED_ONE) / PATH_NEED_ONE;
}

static int64_t ask_ms(const struct path_times *p)
{
    return most(PATH_ASK_MS, 2 * rtt_ms(p));
}

static bool used_is(const struct path_choice *c, int at)
{
    return c->used == at && at >= 0;
}

/* It is asked at once, and then less and less often. One that has never answered may be anybody's address: it
 * gets one burst in all, and one request more for each of the peer's that came from there: whoever has put a
 * foreign address on those does it no more harm than by itself. */
static void burst(struct path_times *p, int64_t now_ms)
{
    if (!p->present || (p->answered_ms == 0 && p->spent >= PATH_BURST_MOST))
        return;
    p->due_ms = now_ms;
    p->tries = 0;
}

static void burst_all(struct path_choice *c, int64_t now_ms)
{
    for (int i = 0; i < PATH_CHOICE_MAX; i++)
        burst(&c->paths[i], now_ms);
}

void path_choice_init(struct path_choice *c, int64_t now_ms)
{
    memset(c, 0, sizeof *c);
    c->used = -1;
    c->counted_ms = now_ms;
    enter(c, PATHS_SEEKING, now_ms);
}

int path_choice_add(struct path_choice *c, enum path_rank rank, int64_t now_ms)
{
    for (int i = 0; i < PATH_CHOICE_MAX; i++) {
        if (c->paths[i].present)
            continue;
        c->paths[i] = (struct path_times){.present = true, .rank = rank, .need = PATH_NEED_ONE};
        burst(&c->paths[i], now_ms);
        return i;
    }
    return -1;
}

void path_choice_remove(struct path_choice *c, int at)
{
    c->paths[at] = (struct path_times){.present = false};
    if (used_is(c, at))
        c->used = -1;
}

void path_choice_told(struct path_choice *c, int at, int64_t now_ms)
{
    c->paths[at].spent = 0;
    burst(&c->paths[at], now_ms);
}

void path_choice_unexpected(struct path_choice *c, int at)
{
    c->paths[at].spent = PATH_BURST_MOST;
    c->paths[at].due_ms = NEVER;
}

/* Who comes by a new path shall not take the place of one that lives: two who have many sockets each would
 * go on to replace each other's for ever. */
static bool lives(const struct path_times *p, int64_t now_ms)
{
    if (p->answered_ms != 0)
        return p->tries < PATH_TRIES_LOST || now_ms - p->answered_ms < ROOM_MS;
    return p->heard && now_ms - p->asked_ms < ROOM_MS;
}

static int worth(const struct path_times *p)
{
    return p->answered_ms != 0 ? 2 : p->heard ? 1 : 0;
}

int path_choice_least(const struct path_choice *c, int64_t now_ms)
{
    int least = -1;
    for (int i = 0; i < PATH_CHOICE_MAX; i++) {
        const struct path_times *p = &c->paths[i], *l = least < 0 ? NULL : &c->paths[least];
        if (!p->present || used_is(c, i) || lives(p, now_ms))
            continue;
        if (!l || worth(p) < worth(l) || (worth(p) == worth(l) && p->spent > l->spent))
            least = i;
    }
    return least;
}

static bool is_relayed(const struct path_choice *c, int at)
{
    return at >= 0 && c->paths[at].rank == PATH_RANK_RELAYED;
}

bool path_choice_relayed(const struct path_choice *c)
{
    return is_relayed(c, c->used);
}

static void use(struct path_choice *c, int at, int64_t now_ms)
{
    if (c->used >= 0 && c->state == PATHS_LOST)
        c->paths[c->used].failed = true;
    if (c->used >= 0) /* what is used first is no choice yet: a better one may follow soon */
        c->switched_ms = now_ms;
    c->used = at;
}

/* Both ways were tried at once, and the peer's handshake has come through the relay first. */
static void use_direct(struct path_choice *c)
{
    for (int i = 0; i < PATH_CHOICE_MAX && path_choice_relayed(c); i++) {
        if (c->paths[i].present && !is_relayed(c, i) && c->paths[i].answered_ms != 0)
            c->used = i;
    }
}

/* Two behind one NAT that hairpins hear each other by both ways in the same moment. */
static void use_lan(struct path_choice *c)
{
    for (int i = 0; i < PATH_CHOICE_MAX && c->used >= 0; i++) {
        const struct path_times *p = &c->paths[i];
        if (p->present && p->rank == PATH_RANK_LAN && c->paths[c->used].rank != PATH_RANK_LAN &&
            !path_choice_relayed(c) && (p->heard || p->answered_ms != 0))
            c->used = i;
    }
}

void path_choice_connected(struct path_choice *c, int at, int64_t now_ms)
{
    if (c->state != PATHS_SEEKING)
        return;
    if (c->used < 0)
        use(c, at, now_ms);
    use_direct(c);
    use_lan(c);
    enter(c, PATHS_GOOD, now_ms);
}

/* How long the next request of a path that does not answer waits. Where it takes many, they follow sooner. */
static int64_t interval_ms(const struct path_times *p)
{
    int64_t longest_ms =
        most(LEAST_LONGEST_MS, LONGEST_MS * PATH_NEED_ONE * PATH_NEED_ONE / p->need / p->need);
    int64_t wait_ms = p->tries == 1  ? SOON_MS
                      : p->tries < 7 ? (int64_t)FIRST_MS << (p->tries - 2)
                                     : longest_ms;
    if (wait_ms > longest_ms)
        wait_ms = longest_ms;
    return p->rtt_us > 0 ? most(wait_ms, rtt_ms(p) + RTT_MARGIN_MS) : wait_ms;
}

/* After an answer. */
static int64_t calm_ms(const struct path_choice *c, const struct path_times *p)
{
    if (p->answers < BETTER_ANSWERS)
        return PROVING_MS;
    return c->flows ? PATH_FLOW_MS : PATH_IDLE_MS;
}

/* After a request: when is it asked again, if no answer comes? */
static int64_t again_ms(const struct path_choice *c, int at, int64_t now_ms)
{
    const struct path_times *p = &c->paths[at];
    bool long_ago = now_ms - p->burst_ms >= PATH_BURST_MS;
    if (p->answered_ms == 0 && (long_ago || p->spent >= PATH_BURST_MOST))
        return NEVER;
    if (long_ago && !used_is(c, at) && c->state != PATHS_LOST)
        return now_ms + PATH_IDLE_MS;
    return now_ms + interval_ms(p);
}

int path_choice_next(const struct path_choice *c, int64_t now_ms)
{
    int next = -1;
    for (int i = 0; i < PATH_CHOICE_MAX; i++) {
        const struct path_times *p = &c->paths[i];
        if (p->present && p->due_ms <= now_ms && (next < 0 || p->due_ms < c->paths[next].due_ms))
            next = i;
    }
    return next;
}

static void count_loss(struct path_times *p)
{
    p->answers = 0;
    if (p->tries < CUT_TRIES)
        p->loss += (LOSS_ALL - p->loss) / LOSS_WEIGHT;
}

void path_choice_asked(struct path_choice *c, int at, uint64_t number, int64_t now_us)
{
    struct path_times *p = &c->paths[at];
    int64_t now_ms = now_us / 1000;
    if (p->asked[p->asked_next].number != 0)
        count_loss(p);
    p->asked[p->asked_next].number = number;
    p->asked[p->asked_next].sent_us = now_us;
    p->asked[p->asked_next].tries = p->tries + 1;
    p->asked_next = (p->asked_next + 1) % PATH_ASKED_MAX;
    p->asked_ms = now_ms;
    if (p->answered_ms == 0)
        p->spent++;
    if (p->tries++ == 0)
        p->burst_ms = now_ms;
    p->due_ms = again_ms(c, at, now_ms);
}

/* While data flows the shortest round trip is kept, however old: what comes then tells of our own queue. */
static void measure(const struct path_choice *c, struct path_times *p, int64_t rtt_us, int64_t now_ms)
{
    rtt_us = most(rtt_us, 1);
    p->rtt_us = p->rtt_us == 0 ? rtt_us : (7 * p->rtt_us + rtt_us) / 8;
    if (p->least_us == 0 || rtt_us <= p->least_us || (!c->flows && now_ms - p->least_ms >= LEAST_MS)) {
        p->least_us = rtt_us;
        p->least_ms = now_ms;
    }
}

/* The answer came to a request after so many, those that left while it was on its way not among them. Soon
 * taken for worse, and slowly for better. Of what took much longer the path was cut; and before a round
 * trip is known requests do not wait for an answer. */
static void count_need(struct path_times *p, int tries)
{
    int took = tries * PATH_NEED_ONE;
    if (p->rtt_us == 0 || took > 4 * p->need)
        return;
    p->need += (took - p->need) / (took > p->need ? 4 : 16);
    if (p->need > PATH_NEED_MOST)
        p->need = PATH_NEED_MOST;
}

/* `at` has answered: is it used in place of the relay? One that has failed before shall not take and lose the
 * connection again and again. */
static bool leaves_relay(const struct path_choice *c, int at)
{
    const struct path_times *p = &c->paths[at];
    return path_choice_relayed(c) && !is_relayed(c, at) && (!p->failed || p->answers >= BETTER_ANSWERS);
}

/* Is `at` worth a change from the path in use, which works? */
static bool better(const struct path_choice *c, int at)
{
    const struct path_times *p = &c->paths[at], *u = &c->paths[c->used];
    int64_t clearly_us = u->least_us / 4 + 1000;
    if (is_relayed(c, at) != path_choice_relayed(c))
        return false;
    if (p->answers < BETTER_ANSWERS || p->loss > u->loss + LOSS_SLIGHT)
        return false;
    if (p->loss + LOSS_CLEAR < u->loss)
        return p->least_us <= 2 * u->least_us + 1000;
    if (p->rank < u->rank)
        return p->least_us <= u->least_us + clearly_us;
    return p->least_us < u->least_us - clearly_us;
}

/* An answer came over `at`. */
static void choose(struct path_choice *c, int at, int64_t now_ms)
{
    const struct path_times *u = c->used < 0 ? NULL : &c->paths[c->used];
    /* the peer's handshake may have come by a path that leads one way only */
    bool unproven = u && u->answered_ms == 0 && u->tries > 1 && now_ms - u->burst_ms >= PATH_ANSWER_MS;
    bool lost = c->state == PATHS_LOST;
    if (!used_is(c, at) && (!u || lost || unproven || leaves_relay(c, at) ||
                            (now_ms - c->switched_ms >= SETTLE_MS && better(c, at))))
        use(c, at, now_ms);
    if (lost || (c->state == PATHS_CHECKING && used_is(c, at)))
        enter(c, PATHS_GOOD, now_ms);
}

bool path_choice_answered(struct path_choice *c, int at, uint64_t number, int64_t now_us)
{
    struct path_times *p = &c->paths[at];
    int64_t now_ms = now_us / 1000;
    int i = 0;
    while (i < PATH_ASKED_MAX && (number == 0 || p->asked[i].number != number))
        i++;
    if (i == PATH_ASKED_MAX)
        return false;
    for (int k = 0; k < PATH_ASKED_MAX; k++) { /* those before it are lost: few paths change the order */
        if (p->asked[k].number == 0 || p->asked[k].sent_us >= p->asked[i].sent_us)
            continue;
        count_loss(p);
        p->asked[k].number = 0;
    }
    /* of a request and its repetitions one answer counts */
    bool repeated = p->answers > 0 && p->asked[i].sent_us / 1000 <= p->answered_ms;
    if (!repeated)
        count_need(p, p->asked[i].tries);
    measure(c, p, now_us - p->asked[i].sent_us, now_ms);
    p->asked[i].number = 0;
    p->answered_ms = now_ms;
    p->loss -= p->loss / LOSS_WEIGHT;
    p->tries = 0;
    if (!repeated) {
        p->answers++;
        p->due_ms = now_ms + calm_ms(c, p);
    }
    choose(c, at, now_ms);
    return true;
}

void path_choice_heard(struct path_choice *c, int at, int64_t now_ms)
{
    struct path_times *p = &c->paths[at];
    bool first = !p->heard;
    p->heard = true;
    if (p->spent > 0)
        p->spent--;
    if (first)
        burst(p, now_ms);
    else if (p->due_ms == NEVER && p->spent < PATH_BURST_MOST) /* not at once: so does the peer */
        p->due_ms = p->tries == 0 ? now_ms : most(now_ms, p->asked_ms + interval_ms(p));
}

/* The path in use may be asked already without an answer: that goes on to count, since it may lead one way
 * only, and a peer that has lost it says so again and again. */
void path_choice_moved(struct path_choice *c, int64_t now_ms)
{
    if (c->state == PATHS_GOOD)
        enter(c, PATHS_CHECKING, now_ms);
    for (int i = 0; i < PATH_CHOICE_MAX; i++) {
        if (!used_is(c, i) || c->paths[i].tries == 0)
            burst(&c->paths[i], now_ms);
    }
}

void path_choice_wakes(struct path_choice *c, int64_t now_ms)
{
    c->waits = true; /* soon; until the next look */
    c->waits_ms = now_ms;
    struct path_times *u = c->used < 0 ? NULL : &c->paths[c->used];
    if (c->state == PATHS_GOOD && u && u->tries == 0 && now_ms - u->asked_ms >= PATH_FLOW_MS)
        u->due_ms = now_ms;
}

/* Data, or only what keeps the connection alive? When data begins to flow, requests come more often. */
static void count(struct path_choice *c, const struct path_traffic *t, int64_t now_ms)
{
    int64_t passed_ms = now_ms - c->counted_ms;
    uint64_t counted = t->count - c->count;
    bool before = c->flows;
    if (passed_ms < FLOW_WITHIN_MS && counted < FLOW_COUNT)
        return;
    c->flows = (int64_t)counted * FLOW_WITHIN_MS >= FLOW_COUNT * most(passed_ms, FLOW_WITHIN_MS);
    c->count = t->count;
    c->counted_ms = now_ms;
    for (int i = 0; i < PATH_CHOICE_MAX && c->flows && !before; i++) {
        struct path_times *p = &c->paths[i];
        if (p->present && p->answered_ms != 0 && p->tries == 0 && p->due_ms > now_ms + PATH_FLOW_MS)
            p->due_ms = now_ms + PATH_FLOW_MS;
    }
}

static void begin_check(struct path_choice *c, int64_t now_ms)
{
    enter(c, PATHS_CHECKING, now_ms);
    burst(&c->paths[c->used], now_ms);
}

static void begin_lost(struct path_choice *c, int64_t now_ms)
{
    enter(c, PATHS_LOST, now_ms);
    burst_all(c, now_ms);
}

/* Whoever is asked early is found to be lost early. Once for each silence, and not if it was asked in it
 * anyway. */
static bool is_worth_asking(const struct path_choice *c)
{
    const struct path_times *u = &c->paths[c->used];
    return c->state == PATHS_GOOD && c->waits && u->tries == 0 && u->asked_ms < c->waits_ms;
}

/* The path in use is asked now and then while it works, too. */
static bool unanswered(const struct path_choice *c, const struct path_traffic *t, int64_t now_ms)
{
    const struct path_times *u = &c->paths[c->used];
    int64_t since_ms = u->tries == 0 ? 0 : now_ms - u->burst_ms;
    if (u->tries >= tries_that_mean(u, PATH_TRIES_LOST) && since_ms >= most(PATH_SILENCE_MS, 4 * rtt_ms(u)))
        return true;
    return u->tries > tries_that_mean(u, CUT_TRIES) && since_ms >= answer_ms(u) && t->heard_ms < u->burst_ms;
}

void path_choice_look(struct path_choice *c, const struct path_traffic *t, int64_t now_ms)
{
    count(c, t, now_ms);
    c->waits = t->unanswered_ms != 0;
    c->waits_ms = t->unanswered_ms;
    if (c->used < 0)
        return;
    struct path_times *u = &c->paths[c->used];
    if (c->state == PATHS_CHECKING && t->heard_ms > c->entered_ms &&
        u->tries < tries_that_mean(u, PATH_TRIES_LOST))
        enter(c, PATHS_GOOD, now_ms);
    if ((c->state == PATHS_GOOD && unanswered(c, t, now_ms)) ||
        (c->state == PATHS_CHECKING && now_ms - c->entered_ms >= answer_ms(u)))
        begin_lost(c, now_ms);
    if (c->state == PATHS_GOOD && c->waits &&
        now_ms - t->unanswered_ms >= most(PATH_SILENCE_MS, 4 * rtt_ms(u)))
        begin_check(c, now_ms);
    else if (is_worth_asking(c) && now_ms - c->waits_ms >= ask_ms(u))
        u->due_ms = now_ms;
}

int64_t path_choice_due_ms(const struct path_choice *c, int64_t now_ms)
{
    int64_t due_ms = NEVER;
    if (c->state != PATHS_SEEKING && (c->flows || c->waits || c->state != PATHS_GOOD))
        due_ms = now_ms + LOOK_MS;
    if (c->used >= 0 && is_worth_asking(c) && c->waits_ms + ask_ms(&c->paths[c->used]) < due_ms)
        due_ms = most(c->waits_ms + ask_ms(&c->paths[c->used]), now_ms + 1);
    if (c->state == PATHS_CHECKING && c->used >= 0)
        due_ms = most(c->entered_ms + answer_ms(&c->paths[c->used]), now_ms + 1);
    for (int i = 0; i < PATH_CHOICE_MAX; i++) {
        const struct path_times *p = &c->paths[i];
        if (p->present && p->due_ms < due_ms)
            due_ms = p->due_ms;
        if (used_is(c, i) && p->tries > 0 && due_ms > now_ms + LOOK_MS)
            due_ms = now_ms + LOOK_MS;
    }
    return due_ms;
}
