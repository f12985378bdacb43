#include "server/admin/listing.h"
#include "base/error.h"
#include "base/hex.h"
#include "base/table_scan.h"
#include "server/conn.h"
#include "server/groups.h"
#include "server/held.h"
#include "server/introductions.h"
#include "server/relay.h"
#include "server/relay_table.h"
#include "server/server.h"
#include "shim/net/net_address.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LISTING_PIECE 25  /* names, between two looks at what a page has cost */
#define MEMBERS_PAGE  100 /* of sessions: a page ends behind the one that comes to so many */

struct page {
    struct json *j;
    int64_t now_ms;
    struct conn_world *world;
    const char *match;
    int looked, count;
};

static void put_peer(struct json *j, const char *key, const struct endpoint *peer)
{
    char text[ENDPOINT_TEXT_MAX];

    endpoint_format(peer, text);
    json_text(j, key, text);
}

/* ---- where a page begins and ends ---- */

/* Of the list that `kind` is, or of the one before it, whose end is this one's beginning. */
static int read_after(const char *after, char kind, uint64_t *at)
{
    uint64_t value = 0;
    size_t digits = after && after[0] == kind ? strspn(after + 1, "0123456789abcdef") : 0;

    *at = TABLE_SCAN_BEGIN;
    if (!after || !after[0])
        return HX_OK;
    if (digits == 0 || digits > 16 || after[1 + digits] != '\0')
        return HX_EINVAL;
    for (size_t i = 0; i < digits; i++)
        value = value << 4 | (uint64_t)hex_value(after[1 + i]);
    *at = value;
    return HX_OK;
}

static void put_next(struct json *j, char kind, uint64_t at, bool more)
{
    char text[32];

    snprintf(text, sizeof text, "%c%" PRIx64, kind, at);
    json_text(j, "next", more ? text : NULL);
}

static int least_of(int a, int b)
{
    return a < b ? a : b;
}

/* ---- names ---- */

static const char *transport_of(enum reach reach)
{
    static const char *const texts[REACHES] = {
        [REACH_IPV4] = "udp", [REACH_IPV6] = "udp", [REACH_TUNNEL] = "tunnel", [REACH_TCP] = "tcp"};

    return texts[reach];
}

static void put_holder(struct page *p, const struct held_holder *h, int64_t since_ms)
{
    put_peer(p->j, "peer", h->peer);
    if (h->reach == REACH_TUNNEL) /* then that is an address of ours */
        put_peer(p->j, "via", h->source);
    json_text(p->j, "transport", transport_of(h->reach));
    json_number(p->j, "since_s", (p->now_ms - since_ms) / 1000);
    json_number(p->j, "conn", h->conn);
    json_text(p->j, "key", h->key[0] ? h->key : NULL);
    if (h->rtt_ms >= 0)
        json_number(p->j, "rtt_ms", h->rtt_ms);
}

static void put_name(void *user, const struct held_name *n)
{
    char owner[AUTHORIZATION_KEY_TEXT_MAX];
    struct page *p = user;

    p->looked++;
    if (p->match && !strcasestr(n->name, p->match))
        return;
    p->count++;
    json_object(p->j, NULL);
    json_text(p->j, "name", n->name);
    put_holder(p, &n->holders[0], n->held_ms);
    json_number(p->j, "introductions", (int64_t)n->introductions);
    if (held_owner(p->world, n->name, owner) == HX_OK)
        json_text(p->j, "owner", owner);
    if (n->count > 1) { /* over its other family, or TCP */
        json_array(p->j, "others");
        for (int i = 1; i < n->count; i++) {
            json_object(p->j, NULL);
            put_holder(p, &n->holders[i], n->holders[i].since_ms);
            json_end_object(p->j);
        }
        json_end_array(p->j);
    }
    json_end_object(p->j);
}

int listing_names(const struct admin_sources *from, const struct listing *l, struct json *j, int64_t now_ms)
{
    struct page p = {
        .j = j, .now_ms = now_ms, .world = server_world(from->server, now_ms), .match = l->match};
    bool more = true;
    uint64_t at;

    if (read_after(l->after, 'n', &at) < 0)
        return HX_EINVAL;
    json_object(j, NULL);
    json_array(j, "names");
    /* Until there are enough that match, or what was looked at has cost enough. */
    for (bool enough = false; !enough && more;) {
        int most = least_of(l->limit - p.count, LISTING_PIECE), before = p.looked;

        more = held_names(p.world, &at, most, put_name, &p);
        enough = p.count == l->limit || p.looked - before < most ||
                 p.looked + LISTING_WRITTEN * p.count >= LISTING_COST;
    }
    json_end_array(j);
    put_next(j, 'n', at, more);
    json_end_object(j);
    return HX_OK;
}

bool listing_name(const struct admin_sources *from, const char *name, struct json *j, int64_t now_ms)
{
    struct page p = {.j = j, .now_ms = now_ms, .world = server_world(from->server, now_ms)};

    return held_name(p.world, name, put_name, &p);
}

/* ---- sessions ---- */

static void put_group(void *user, const struct groups_shown *s)
{
    struct page *p = user;

    json_object(p->j, NULL);
    json_text(p->j, "kind", "meeting");
    json_text(p->j, "session", s->text);
    json_array(p->j, "members");
    for (int i = 0; i < s->count; i++) {
        json_object(p->j, NULL);
        json_text(p->j, "name", s->members[i].name);
        put_peer(p->j, "peer", s->members[i].peer);
        json_end_object(p->j);
    }
    json_end_array(p->j);
    json_end_object(p->j);
    p->count += s->count > 0 ? s->count : 1;
}

static void put_party(struct json *j, const char *key, const struct net_address *at, bool there)
{
    struct endpoint e = {.family = AF_UNSPEC};
    struct sockaddr_in6 sa;

    net_address_to_sockaddr6(at, &sa);
    endpoint_from_sockaddr(&e, (const struct sockaddr *)&sa, sizeof sa);
    json_object(j, key);
    put_peer(j, "peer", &e);
    json_bool(j, "there", there);
    json_end_object(j);
}

static void put_relayed(struct page *p, const struct relay_shown *s)
{
    char id[2 * RELAY_ID_BYTES + 1];

    hex_write(id, s->id, RELAY_ID_BYTES);
    json_object(p->j, NULL);
    json_text(p->j, "kind", "relay");
    json_text(p->j, "session", id);
    json_text(p->j, "state", s->open ? "open" : "known");
    json_number(p->j, "since_s", s->age_ms / 1000);
    json_number(p->j, "bytes", (int64_t)s->bytes);
    put_party(p->j, "h1", &s->at[RELAY_CALLED], s->there[RELAY_CALLED]);
    put_party(p->j, "h2", &s->at[RELAY_CALLER], s->there[RELAY_CALLER]);
    json_end_object(p->j);
}

static void put_all_relayed(struct relay *relay, int limit, uint64_t *at, struct page *p)
{
    struct relay_shown shown[LISTING_RELAYED];
    int count = relay_look_at(relay, at, shown, least_of(limit, LISTING_RELAYED), p->now_ms);

    for (int i = 0; i < count; i++)
        put_relayed(p, &shown[i]);
}

int listing_sessions(const struct admin_sources *from, const struct listing *l, struct json *j,
                     int64_t now_ms)
{
    struct page p = {.j = j, .now_ms = now_ms};
    char kind = l->after && l->after[0] == 'r' ? 'r' : 'm';
    bool more = true;
    uint64_t at;

    if (read_after(l->after, kind, &at) < 0)
        return HX_EINVAL;
    json_object(j, NULL);
    json_array(j, "sessions");
    if (kind == 'm') {
        const struct groups *groups = server_world(from->server, now_ms)->groups;

        for (int left = l->limit, before = -1; more && left > 0 && p.count < MEMBERS_PAGE && p.count > before;
             left--) {
            before = p.count;
            more = groups_look(groups, &at, 1, put_group, &p);
        }
        if (!more) {
            kind = 'r';
            at = TABLE_SCAN_BEGIN;
            more = from->counters.relay != NULL;
        }
    } else if (from->counters.relay) {
        put_all_relayed(from->counters.relay, l->limit, &at, &p);
        more = at != TABLE_SCAN_END;
    } else {
        more = false;
    }
    json_end_array(j);
    put_next(j, kind, at, more);
    json_end_object(j);
    return HX_OK;
}

/* ---- introductions ---- */

static void put_side(struct json *j, const struct introduction *i, enum introduction_side side,
                     const char *peer, const char *via)
{
    put_peer(j, peer, &i->at[side]);
    if (!endpoint_equal(&i->at[side], &i->source[side])) /* through a tunnel */
        put_peer(j, via, &i->source[side]);
}

void listing_introduction(const struct introduction *i, struct json *j, const char *key, int64_t now_ms)
{
    static const char *const by[INTRODUCTION_SIDES] = {"h1", "h2"};

    json_object(j, key);
    json_number(j, "id", (int64_t)i->number);
    json_real(j, "age_s", (double)(now_ms - i->at_ms) / 1000);
    json_text(j, "name", i->name);
    json_text(j, "h2_name", i->h2_name);
    put_side(j, i, INTRODUCTION_H1, "h1", "h1_via");
    put_side(j, i, INTRODUCTION_H2, "h2", "h2_via");
    json_bool(j, "told", !i->unheard);
    json_text(j, "session", i->has_session ? i->session : NULL);
    json_array(j, "outcomes");
    for (int side = 0; side < INTRODUCTION_SIDES; side++) {
        if (!i->reports[side].told)
            continue;
        const char *reason = attempt_reason_text(i->reports[side].reason);
        json_object(j, NULL);
        json_text(j, "by", by[side]);
        json_text(j, "outcome", attempt_outcome_text(i->reports[side].outcome));
        json_text(j, "reason", reason[0] ? reason : NULL);
        json_number(j, "ms", i->reports[side].ms);
        json_end_object(j);
    }
    json_end_array(j);
    json_end_object(j);
}

void listing_introductions(const struct introductions *all, struct json *j, int64_t now_ms)
{
    json_object(j, NULL);
    json_array(j, "introductions");
    for (uint64_t back = INTRODUCTIONS_KEPT; back-- > 0;) {
        const struct introduction *i = introductions_back(all, back);

        if (i)
            listing_introduction(i, j, NULL, now_ms);
    }
    json_end_array(j);
    json_end_object(j);
}
