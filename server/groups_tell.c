/* What the members of a session are told of each other. */
#include "base/error.h"
#include "server/counters.h"
#include "server/groups_state.h"
#include "server/relay.h"
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Nobody can send UDP to one who is there over TCP, and so it counts for those alone who are there like that,
 * and look. One who comes through a tunnel can be reached by those who know relays. */
static bool reaches(const struct group_member *reader, const struct group_member *m)
{
    bool lines = reader->lines && m->lines;

    if (m == reader || reader->reach == REACH_TCP)
        return true;
    if (m->reach == REACH_TCP)
        return false;
    return lines || (m->reach != REACH_TUNNEL && reader->reach != REACH_TUNNEL);
}

bool groups_sees(const struct group_member *reader, const struct group_member *m)
{
    return m->role == GROUP_MEMBER && reaches(reader, m);
}

int groups_count_seen(const struct group_member *reader)
{
    const struct group *g = reader->group;
    int count = 0;

    for (int i = 0; i < MEMBERS_MAX; i++)
        count += g->slots[i] && groups_sees(reader, g->slots[i]);
    return count;
}

void groups_note_news(const struct group_member *m)
{
    struct group *g = m->group;

    for (int i = 0; i < MEMBERS_MAX; i++) {
        struct group_member *reader = g->slots[i];

        if (reader && reader != m && reader->role == GROUP_MEMBER &&
            ((reader->known & groups_bit(m)) || groups_sees(reader, m)))
            reader->news |= groups_bit(m);
    }
}

/* The same for both, each time: nothing is kept for a pair. Of the two the one with the smaller name calls.
 * False: there is none. */
static bool pair_session(const struct group_member *a, const struct group_member *b, struct session *out)
{
    const struct group *g = a->group;
    struct relay *relay = g->groups->c.relay;
    bool a_calls = strcmp(a->name, b->name) < 0;
    uint64_t first = a->serial < b->serial ? a->serial : b->serial;
    uint64_t second = a->serial < b->serial ? b->serial : a->serial;
    uint8_t both[MAC_KEY_BYTES];
    char label[64];

    *out = (struct session){.given = true};
    if (a->reach == REACH_TCP || b->reach == REACH_TCP || !a->lines || !b->lines)
        return false;
    snprintf(label, sizeof label, "hx pair %" PRIu64 " %" PRIu64, first, second);
    if (mac_derive(g->secret, sizeof g->secret, label, both) < 0)
        return false;
    static_assert(sizeof both == sizeof out->id + sizeof out->key, "they take all of it");
    memcpy(out->id, both, sizeof out->id);
    memcpy(out->key, both + sizeof out->id, sizeof out->key);
    explicit_bzero(both, sizeof both);
    if (relay) /* who has come later pays for it: the other one cannot help it */
        relay_offer(relay, out, a_calls ? &a->peer : &b->peer, a_calls ? &b->peer : &a->peer,
                    a_calls == (a->arrived > b->arrived) ? RELAY_CALLER : RELAY_CALLED, groups_now(g));
    return true;
}

/* One that has moved to where the reader cannot reach it has left, for this one. The news may be of who had
 * the slot before, and went before the reader was told of it. */
static enum member_event event_of(const struct group_member *reader, const struct group_member *m)
{
    bool known = (reader->known & groups_bit(m)) != 0;

    if (m->role == GROUP_RESERVED)
        return MEMBER_UNTOLD;
    if (!groups_sees(reader, m))
        return known ? MEMBER_LEFT : MEMBER_UNTOLD;
    if (known)
        return MEMBER_MOVED;
    return m->arrived < reader->arrived ? MEMBER_HERE : MEMBER_JOINED;
}

static int say(struct group_member *reader, const struct group_member *m, enum member_event event)
{
    struct groups_part part = {
        .name = m->name, .peer = m->peer, .membership = {event, groups_count_seen(reader), reader->expect}};
    struct registry_told told = {.lines = m->lines};

    if (m != reader) {
        if (reaches(reader, m)) /* else it has left, and port 0 is no address to who reads of peers */
            part.peer = reach_told((enum reach)m->reach, &m->peer);
        if (event != MEMBER_LEFT && pair_session(reader, m, &told.session))
            part.told = &told;
    }
    int err = reader->events->tell(reader->owner, &part);
    if (err == HX_OK)
        counters_add(reader->group->groups->c.counters, COUNTER_MEMBER_TOLD);
    return err;
}

static int say_news(struct group_member *reader, const struct group_member *m)
{
    enum member_event event = event_of(reader, m);
    int err = event == MEMBER_UNTOLD ? HX_OK : say(reader, m, event);

    if (err < 0)
        return err;
    reader->news &= ~groups_bit(m);
    if (event == MEMBER_LEFT)
        reader->known &= ~groups_bit(m);
    else if (event != MEMBER_UNTOLD)
        reader->known |= groups_bit(m);
    return HX_OK;
}

/* Who has left comes first: its name may be another one's by now. */
static int say_all_news(struct group_member *reader)
{
    struct group *g = reader->group;
    int err = HX_OK;

    for (int out = 1; out >= 0 && err == HX_OK; out--)
        for (int i = 0; i < MEMBERS_MAX && err == HX_OK; i++) {
            const struct group_member *m = g->slots[i];

            if (m && (reader->news & groups_bit(m)) && (m->role == GROUP_OUT) == out)
                err = say_news(reader, m);
        }
    return err;
}

void groups_tell(struct group_member *m)
{
    int err = HX_OK;

    if (m->role != GROUP_MEMBER || (!m->news && m->knows_itself && !m->waited))
        return;
    if (!m->knows_itself) {
        err = say(m, m, MEMBER_SELF);
        m->knows_itself = err == HX_OK;
    }
    if (err == HX_OK)
        err = say_all_news(m);
    if (err == HX_OK && m->waited) {
        err = say(m, m, MEMBER_WAITED);
        m->waited = err == HX_EAGAIN;
    }
    if (err == HX_OK || err == HX_EAGAIN)
        m->events->told(m->owner);
}

static bool is_known(const struct group *g, const struct group_member *m)
{
    for (int i = 0; i < MEMBERS_MAX; i++)
        if (g->slots[i] && g->slots[i]->role == GROUP_MEMBER && (g->slots[i]->known & groups_bit(m)))
            return true;
    return false;
}

static void free_slots(struct group *g)
{
    for (int i = 0; i < MEMBERS_MAX; i++)
        if (g->slots[i] && g->slots[i]->role == GROUP_OUT && !is_known(g, g->slots[i]))
            groups_leave_slot(g->slots[i]);
}

/* Not while others are at work on the group: they hold on to members. */
static void tell_all(struct group *g)
{
    while (g->again) {
        g->again = false;
        for (int i = 0; i < MEMBERS_MAX; i++)
            if (g->slots[i])
                groups_tell(g->slots[i]);
    }
    free_slots(g);
}

void groups_settle(struct group *g)
{
    if (g->busy == 1) /* else whoever is at work does it */
        tell_all(g);
    groups_release(g);
}

/* Those who have not read that others have left, which keeps the slots of these. */
static void end_behind(struct group *g)
{
    uint64_t out = 0;

    for (int i = 0; i < MEMBERS_MAX; i++)
        if (g->slots[i] && g->slots[i]->role == GROUP_OUT)
            out |= groups_bit(g->slots[i]);
    for (int i = 0; i < MEMBERS_MAX; i++) {
        struct group_member *m = g->slots[i];

        if (m && m->role == GROUP_MEMBER && (m->known & out))
            m->events->behind(m->owner);
    }
}

bool groups_find_slot(struct group_member *m)
{
    struct group *g = m->group;

    if (groups_take_slot(m))
        return true;
    if (g->busy > 1)
        return false;
    tell_all(g);
    if (groups_take_slot(m))
        return true;
    end_behind(g);
    tell_all(g);
    return groups_take_slot(m);
}
