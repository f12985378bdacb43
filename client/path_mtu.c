#include "client/path_mtu.h"
#include <string.h>

/* For the answers of a round: two round trips and this, for a peer may be busy; then twice as long each
 * time, for what was lost once may be lost together with what follows it at once. Answers that come later
 * count all the same. */
#define WAIT_MS      30
#define WAIT_MOST_MS 1000
#define AGAIN_MS     2000

/* Bytes of IP packets: the base; the least that IPv6 allows; tunnels, radio, PPPoE (RFC 2516), Ethernet. */
static const int ip_bytes[PATH_MTU_SIZES] = {0,    1280, 1320, 1360, 1380, 1400,
                                             1420, 1440, 1460, 1480, 1492, 1500};

static int size_of(const struct path_mtu *m, int at)
{
    if (at < 0)
        return PATH_MTU_FLOOR;
    return at == 0 ? PATH_MTU_BASE : ip_bytes[at] - m->heads;
}

static void enter(struct path_mtu *m, enum path_mtu_state next)
{
    m->state = next;
}

void path_mtu_init(struct path_mtu *m, int heads)
{
    memset(m, 0, sizeof *m);
    m->heads = heads;
    m->size = PATH_MTU_BASE;
    m->failed = PATH_MTU_SIZES;
    m->due_ms = INT64_MAX;
    for (int i = 0; i < PATH_MTU_ASKED; i++)
        m->asked[i].at = -1;
}

static void search(struct path_mtu *m, int64_t now_ms)
{
    memset(m->tries, 0, sizeof m->tries);
    m->failed = PATH_MTU_SIZES;
    m->round = m->waited = 0;
    m->rounds = 0;
    m->due_ms = now_ms;
    enter(m, PATH_MTU_SEARCHING);
}

void path_mtu_begin(struct path_mtu *m, int64_t now_ms)
{
    if (m->state == PATH_MTU_AT_BASE)
        search(m, now_ms);
}

/* Where nothing passes at all the path itself has failed, or carries less than anybody should: it is looked
 * at again soon. */
static void complete(struct path_mtu *m, int64_t now_ms)
{
    m->round = m->waited = 0;
    m->size = size_of(m, m->passed);
    m->due_ms = now_ms + (m->passed < 0 ? AGAIN_MS : PATH_MTU_RAISE_MS);
    if (m->passed == PATH_MTU_SIZES - 1)
        m->due_ms = INT64_MAX;
    enter(m, PATH_MTU_COMPLETE);
}

/* The smallest size that was asked and not answered; m->failed: there is none. */
static int suspect_of(const struct path_mtu *m)
{
    int at = m->passed + 1;

    while (at < m->failed && m->tries[at] == 0)
        at++;
    return at;
}

static void ask(struct path_mtu *m, int at)
{
    m->round |= (uint16_t)(1u << at);
}

static void ask_below(struct path_mtu *m, int at)
{
    if (m->passed + 1 < at)
        ask(m, (m->passed + at) / 2);
}

static void plan_round(struct path_mtu *m, int64_t now_ms)
{
    int suspect = suspect_of(m);

    m->round = m->waited = 0;
    if (suspect < m->failed && m->tries[suspect] >= PATH_MTU_TRIES)
        m->failed = suspect;
    if (m->passed + 1 >= m->failed) {
        complete(m, now_ms);
        return;
    }
    ask_below(m, suspect);
    if (suspect < m->failed) {
        ask(m, suspect);
    } else { /* none of what may pass was asked yet */
        ask(m, m->passed + 1);
        ask(m, m->failed - 1);
    }
}

static int lowest(unsigned bits)
{
    int at = 0;

    while (!(bits & 1u << at))
        at++;
    return at;
}

int path_mtu_next(struct path_mtu *m, int rtt_ms, int64_t now_ms)
{
    if (now_ms >= m->due_ms) {
        if (m->state == PATH_MTU_COMPLETE)
            search(m, now_ms);
        plan_round(m, now_ms);
    }
    if (now_ms >= m->due_ms) { /* not complete */
        int64_t wait_ms = (int64_t)(2 * rtt_ms + WAIT_MS) << m->rounds;

        m->due_ms = now_ms + (wait_ms < WAIT_MOST_MS ? wait_ms : WAIT_MOST_MS);
        if (m->rounds < PATH_MTU_TRIES)
            m->rounds++;
    }
    return m->round ? size_of(m, lowest(m->round)) : 0;
}

void path_mtu_sent(struct path_mtu *m, int len, uint64_t number)
{
    for (int i = 0; i < PATH_MTU_SIZES; i++) {
        if (!(m->round & 1u << i) || size_of(m, i) != len)
            continue;
        m->round &= (uint16_t) ~(1u << i);
        m->waited |= (uint16_t)(1u << i);
        m->tries[i]++;
        m->asked[m->asked_next % PATH_MTU_ASKED].number = number;
        m->asked[m->asked_next % PATH_MTU_ASKED].at = i;
        m->asked_next++;
    }
}

void path_mtu_too_long(struct path_mtu *m, int len, int64_t now_ms)
{
    for (int i = m->passed + 1; i < m->failed; i++) {
        if (size_of(m, i) >= len)
            m->failed = i;
    }
    m->round &= (uint16_t)((1u << m->failed) - 1);
    m->waited &= (uint16_t)((1u << m->failed) - 1);
    if (m->state == PATH_MTU_SEARCHING && !m->round && !m->waited)
        m->due_ms = now_ms;
}

static void take_passed(struct path_mtu *m, int at, int64_t now_ms)
{
    if (at <= m->passed)
        return;
    m->passed = at;
    if (m->failed <= at) /* it came late */
        m->failed = at + 1;
    if (m->size < size_of(m, at))
        m->size = size_of(m, at);
    m->round &= (uint16_t) ~((2u << at) - 1);
    m->waited &= (uint16_t) ~((2u << at) - 1);
    if (m->state != PATH_MTU_SEARCHING || m->round)
        return;
    int suspect = suspect_of(m);
    if (!m->waited)
        m->due_ms = now_ms;
    else if (m->tries[suspect] > 1) /* it has had its time once: what passes need not wait for it again */
        ask_below(m, suspect);
}

bool path_mtu_answered(struct path_mtu *m, uint64_t number, int64_t now_ms)
{
    for (int i = 0; i < PATH_MTU_ASKED; i++) {
        if (m->asked[i].at < 0 || m->asked[i].number != number)
            continue;
        take_passed(m, m->asked[i].at, now_ms);
        m->asked[i].at = -1;
        return true;
    }
    return false;
}

static void forget(struct path_mtu *m, int64_t now_ms)
{
    m->passed = -1;
    for (int i = 0; i < PATH_MTU_ASKED; i++)
        m->asked[i].at = -1; /* what was asked of the path as it was */
    search(m, now_ms);
}

void path_mtu_recheck(struct path_mtu *m, int64_t now_ms)
{
    if (m->state == PATH_MTU_COMPLETE)
        forget(m, now_ms);
}

void path_mtu_black_hole(struct path_mtu *m, int64_t now_ms)
{
    if (m->state == PATH_MTU_SEARCHING && m->passed < 0)
        return; /* it is being found out */
    if (m->size > PATH_MTU_BASE)
        m->size = PATH_MTU_BASE;
    forget(m, now_ms);
}

int64_t path_mtu_due_ms(const struct path_mtu *m)
{
    return m->round ? INT64_MIN : m->due_ms;
}
