/* shim/udt's tap: connections whose peer has a canonical address (shim/net/paths.h), datagram by datagram. */
#include "shim/net/paths.h"
#include "shim/udt/early_packet.h"
#include "shim/udt/first_handshake.h"
#include "test/unit/tap_fixture.h"
#include <utlist.h>

#define PATH_ID (ID + 1)

struct paths {
    struct world *w;
    struct net_peer *peer;
    struct udt_conn *conn;
    struct net_path path;
    struct net_route from; /* by the path; what came is from elsewhere afterwards */
};

static struct udt_conn *add_conn(struct world *w, int32_t id, const struct net_peer *peer)
{
    struct udt_conn_peer key = {.at = *net_peer_address(peer)};
    struct udt_conn *c = udt_conn_add(&w->tap->conns, id, &key, UDT_CONN_CONNECTING, WINDOW_MAX, NOW_MS);

    assert_non_null(c);
    c->rendezvous = true;
    return c;
}

static int open_paths(void **state)
{
    struct paths *p = calloc(1, sizeof *p);
    void *world;

    assert_non_null(p);
    assert_int_equal(open_world(&world), 0);
    p->w = world;
    assert_int_equal(net_peer_create(&p->peer, p->w->port), HX_OK);
    p->path.remote = p->w->peer;
    p->path.remote.port = htons(4711);
    assert_int_equal(net_peer_add(p->peer, &p->path), HX_OK);
    p->conn = add_conn(p->w, PATH_ID, p->peer);
    *state = p;
    return 0;
}

static int close_paths(void **state)
{
    struct paths *p = *state;
    void *world = p->w;

    net_peer_destroy(p->peer);
    free(p);
    return close_world(&world);
}

/* A handshake to this id that comes by the path. */
static bool comes(struct paths *p, int32_t id, const struct net_address *from, int32_t socket,
                  enum udt_party party)
{
    put_handshake(p->w, id, HS_RENDEZVOUS, PEER_ID, 100, PEER_ISN);
    packet_put_party(p->w->body, party);
    p->from = (struct net_route){.to = *from, .socket = socket};
    size_t len = HANDSHAKE_SIZE;
    return inbound_take(p->w->tap, &p->from, p->w->head, p->w->body, &len, NOW_MS);
}

static void udt_sees_the_canonical_address_of_what_comes_by_a_path(void **state)
{
    struct paths *p = *state;

    assert_true(comes(p, PATH_ID, &p->path.remote, 0, UDT_PARTY_UNSAID));
    assert_memory_equal(&p->from.to, net_peer_address(p->peer), sizeof p->from.to);
    assert_ptr_equal(udt_conn_find_peer(&p->w->tap->conns, net_peer_address(p->peer), PEER_ID), p->conn);
    /* what was kept comes again as UDT knows it */
    assert_true(comes(p, PATH_ID, net_peer_address(p->peer), 0, UDT_PARTY_UNSAID));
}

static void what_comes_by_no_path_of_the_connection_is_unmatched(void **state)
{
    struct paths *p = *state;
    struct net_address elsewhere = p->path.remote;
    struct net_path other = {.remote = p->path.remote};
    struct net_peer *second;

    elsewhere.port = htons(4712);
    assert_false(comes(p, PATH_ID, &elsewhere, 0, UDT_PARTY_UNSAID));
    assert_memory_equal(&p->from.to, &elsewhere, sizeof elsewhere);
    assert_false(comes(p, PATH_ID, &p->path.remote, 3, UDT_PARTY_UNSAID)); /* by another socket of ours */
    assert_false(comes(p, 0, &elsewhere, 0, UDT_PARTY_UNSAID));
    assert_int_equal(net_peer_create(&second, p->w->port), HX_OK);
    other.remote.port = htons(4713);
    net_peer_add(second, &other);
    add_conn(p->w, PATH_ID + 1, second);
    assert_false(comes(p, PATH_ID, &other.remote, 0, UDT_PARTY_UNSAID));
    assert_false(comes(p, PATH_ID + 1, &p->path.remote, 0, UDT_PARTY_UNSAID));
    assert_int_equal(p->w->tap->drops.count[DROP_UNMATCHED], 5);
    assert_true(comes(p, PATH_ID + 1, &other.remote, 0, UDT_PARTY_UNSAID));
    net_peer_remove(p->peer, &p->path);
    assert_false(comes(p, PATH_ID, &p->path.remote, 0, UDT_PARTY_UNSAID));
    net_peer_destroy(second);
    assert_false(comes(p, PATH_ID + 1, &other.remote, 0, UDT_PARTY_UNSAID));
}

static void a_first_handshake_finds_the_rendezvous_by_the_path_and_the_party(void **state)
{
    struct paths *p = *state;
    struct net_peer *second;

    assert_true(comes(p, 0, &p->path.remote, 0, UDT_PARTY_CALLER));
    assert_int_equal(packet_id(p->w->head), PATH_ID);
    assert_memory_equal(&p->from.to, net_peer_address(p->peer), sizeof p->from.to);
    p->conn->party = UDT_PARTY_CALLER;
    assert_false(comes(p, 0, &p->path.remote, 0, UDT_PARTY_CALLER));
    /* the other wish of the same host: another peer with the same path */
    assert_int_equal(net_peer_create(&second, p->w->port), HX_OK);
    net_peer_add(second, &p->path);
    add_conn(p->w, PATH_ID + 1, second)->party = UDT_PARTY_CALLED;
    assert_true(comes(p, 0, &p->path.remote, 0, UDT_PARTY_CALLER));
    assert_int_equal(packet_id(p->w->head), PATH_ID + 1);
    assert_memory_equal(&p->from.to, net_peer_address(second), sizeof p->from.to);
    assert_true(comes(p, 0, &p->path.remote, 0, UDT_PARTY_CALLED));
    assert_int_equal(packet_id(p->w->head), PATH_ID);
    net_peer_destroy(second);
}

/* Until UDT::connect() has returned it is kept: who sends more has it dropped, and sends it again. */
static void what_comes_while_a_rendezvous_starts_is_kept_within_bounds(void **state)
{
    struct paths *p = *state;

    p->conn->state = UDT_CONN_STARTING;
    for (int i = 0; i < 100; i++)
        assert_false(comes(p, i % 2 ? 0 : PATH_ID, &p->path.remote, 0, UDT_PARTY_UNSAID));
    assert_in_range(p->conn->stash_len, 16, 64);
    p->conn->state = UDT_CONN_CONNECTING;
}

/* A listener refuses, and repeats the request; no party of a rendezvous does, whatever it repeats. */
static void a_rendezvous_is_not_refused(void **state)
{
    struct paths *p = *state;

    put_handshake(p->w, PATH_ID, HS_REFUSED, PEER_ID, 100, p->conn->isn);
    packet_put_word(p->w->body + HANDSHAKE_COOKIE, p->conn->secret);
    p->from = (struct net_route){.to = p->path.remote};
    size_t len = HANDSHAKE_SIZE;
    assert_false(inbound_take(p->w->tap, &p->from, p->w->head, p->w->body, &len, NOW_MS));
    assert_int_equal(p->conn->state, UDT_CONN_CONNECTING);
    assert_true(comes(p, PATH_ID, &p->path.remote, 0, UDT_PARTY_UNSAID));
}

/* A first handshake from there at this time. */
static bool comes_at(struct paths *p, uint16_t port, int64_t now_ms)
{
    struct net_route from = {.to = p->path.remote};

    from.to.port = htons(port);
    put_handshake(p->w, 0, HS_RENDEZVOUS, PEER_ID, 100, PEER_ISN + port);
    size_t len = HANDSHAKE_SIZE;
    return inbound_take(p->w->tap, &from, p->w->head, p->w->body, &len, now_ms);
}

/* The ISN of the next handshake that waits for UDT's worker; 0: there is none. */
static uint32_t next_kept(struct paths *p)
{
    struct kept *k = p->w->tap->replay;
    uint32_t isn = k ? packet_word(k->body + HANDSHAKE_ISN) : 0;

    if (k)
        DL_DELETE(p->w->tap->replay, k);
    free(k);
    return isn;
}

static void a_handshake_that_is_ahead_of_the_news_of_its_path_counts_then(void **state)
{
    struct paths *p = *state;
    struct net_path late = {.remote = p->path.remote};

    late.remote.port = htons(5000);
    assert_false(comes_at(p, 5000, NOW_MS));
    assert_false(comes_at(p, 5001, NOW_MS));
    assert_false(first_handshake_retry(p->w->tap, NOW_MS, NOW_MS)); /* it is nobody's yet */
    assert_int_equal(net_peer_add(p->peer, &late), HX_OK);
    assert_true(first_handshake_retry(p->w->tap, NOW_MS, NOW_MS + 1));
    struct kept *k = p->w->tap->replay;
    struct net_route from = {.to = k->from, .local = k->local, .socket = k->socket};
    assert_true(inbound_take(p->w->tap, &from, k->head, k->body, &k->body_len, NOW_MS + 1));
    assert_int_equal(packet_id(k->head), PATH_ID);
    assert_memory_equal(&from.to, net_peer_address(p->peer), sizeof from.to);
    assert_int_equal(next_kept(p), PEER_ISN + 5000);
    assert_int_equal(next_kept(p), 0);
    assert_false(first_handshake_retry(p->w->tap, NOW_MS, NOW_MS + 1)); /* once */
}

static void a_handshake_of_an_earlier_attempt_or_of_long_ago_does_not(void **state)
{
    struct paths *p = *state;
    struct net_path late = {.remote = p->path.remote};

    late.remote.port = htons(5000);
    assert_false(comes_at(p, 5000, NOW_MS));
    assert_int_equal(net_peer_add(p->peer, &late), HX_OK);
    assert_false(first_handshake_retry(p->w->tap, NOW_MS + 1, NOW_MS + 2));
    assert_false(first_handshake_retry(p->w->tap, NOW_MS, NOW_MS + 1000));
    assert_int_equal(p->w->tap->unmatched_len, 0);
}

static void the_newest_first_handshakes_are_kept_and_nothing_else(void **state)
{
    struct paths *p = *state;
    struct net_path late = {.remote = p->path.remote};
    struct net_route from = {.to = p->path.remote};
    size_t len = 4;

    for (uint16_t port = 5000; port < 5020; port++)
        assert_false(comes_at(p, port, NOW_MS));
    from.to.port = htons(5030);
    packet_put_control(p->w->head, PACKET_KEEPALIVE, 0, 0);
    assert_false(inbound_take(p->w->tap, &from, p->w->head, p->w->body, &len, NOW_MS));
    assert_int_equal(p->w->tap->unmatched_len, 8);
    for (uint16_t port = 5005; port < 5020; port += 7) { /* 5005, 5012, 5019 */
        late.remote.port = htons(port);
        assert_int_equal(net_peer_add(p->peer, &late), HX_OK);
    }
    assert_true(first_handshake_retry(p->w->tap, NOW_MS, NOW_MS));
    assert_int_equal(next_kept(p), PEER_ISN + 5012);
    assert_int_equal(next_kept(p), PEER_ISN + 5019);
    assert_int_equal(next_kept(p), 0);
}

static bool comes_labelled(struct paths *p, int32_t id, const struct net_address *from,
                           const uint8_t label[HANDSHAKE_LABEL_BYTES])
{
    put_handshake(p->w, id, HS_RENDEZVOUS, PEER_ID, 100, PEER_ISN);
    memcpy(p->w->body + HANDSHAKE_ADDRESS, label, HANDSHAKE_LABEL_BYTES);
    p->from = (struct net_route){.to = *from};
    size_t len = HANDSHAKE_SIZE;
    return inbound_take(p->w->tap, &p->from, p->w->head, p->w->body, &len, NOW_MS);
}

static struct flight *begin_flight(struct udt_conn *c)
{
    c->flight = malloc(sizeof *c->flight);
    assert_non_null(c->flight);
    flight_init(c->flight, FLIGHT_PEER_MS);
    return c->flight;
}

/* More of them than paths are looked through for a peer that says none. */
static void a_first_handshake_finds_the_rendezvous_of_the_session_that_it_names(void **state)
{
    struct paths *p = *state;
    struct net_peer *peers[20];
    struct net_address elsewhere = p->path.remote;
    uint8_t label[HANDSHAKE_LABEL_BYTES] = "session", nothing[16] = {0};

    elsewhere.port++;
    for (int i = 0; i < 20; i++) {
        assert_int_equal(net_peer_create(&peers[i], p->w->port), HX_OK);
        net_peer_add(peers[i], &p->path);
        label[7] = (uint8_t)i;
        memcpy(begin_flight(add_conn(p->w, PATH_ID + 1 + i, peers[i]))->label, label, sizeof label);
    }
    for (int i = 0; i < 20; i++) {
        label[7] = (uint8_t)i;
        assert_true(comes_labelled(p, 0, &p->path.remote, label));
        assert_int_equal(packet_id(p->w->head), PATH_ID + 1 + i);
        assert_memory_equal(&p->from.to, net_peer_address(peers[i]), sizeof p->from.to);
        assert_memory_equal(p->w->body + HANDSHAKE_ADDRESS, nothing, sizeof nothing);
        assert_false(comes_labelled(p, 0, &elsewhere, label)); /* by no path of it */
        assert_true(comes_labelled(p, PATH_ID + 1 + i, &p->path.remote, label));
        assert_memory_equal(p->w->body + HANDSHAKE_ADDRESS, nothing, sizeof nothing);
        assert_false(comes_labelled(p, PATH_ID + 1 + (i + 1) % 20, &p->path.remote, label));
    }
    label[7] = 20; /* of a session that has ended, or was never */
    assert_false(comes_labelled(p, 0, &p->path.remote, label));
    memset(label, 0, sizeof label); /* it does not say: the newest */
    assert_true(comes_labelled(p, 0, &p->path.remote, label));
    assert_int_equal(packet_id(p->w->head), PATH_ID + 20);
    for (int i = 0; i < 20; i++)
        net_peer_destroy(peers[i]);
}

static void a_session_is_named_once_the_peer_of_the_canonical_address_has_a_tag(void **state)
{
    struct paths *p = *state;
    struct net_route route = {.to = *net_peer_address(p->peer)};
    struct flow *flow = flow_create();
    struct sockaddr_in6 to;
    static const uint8_t tag[16] = "session";

    net_address_to_sockaddr6(net_peer_address(p->peer), &to);
    net_peer_fit(p->peer, tag, 1200);
    assert_int_equal(tap_conn_connecting(p->w->tap, PATH_ID + 1, (struct sockaddr *)&to, &route.local, flow,
                                         UDT_PARTY_CALLER, NULL),
                     HX_OK);
    put_handshake(p->w, 0, HS_RENDEZVOUS, PATH_ID + 1, WINDOW_MAX, ISN);
    memset(p->w->body + HANDSHAKE_ADDRESS, 0xff, 16);
    assert_true(outbound_leave(p->w->tap, &route, p->w->head, p->w->body, HANDSHAKE_SIZE, NOW_MS));
    assert_memory_equal(p->w->body + HANDSHAKE_ADDRESS, tag, sizeof tag);
    tap_conn_remove(p->w->tap, PATH_ID + 1);
    flow_release(flow);
}

/* Nothing proves what it says: it is for listeners. */
static void an_early_packet_of_a_rendezvous_is_none(void **state)
{
    struct paths *p = *state;
    uint8_t handshake[HANDSHAKE_SIZE], packet[EARLY_PACKET_MAX];
    struct early_packet early = {.handshake = handshake, .bytes = (const uint8_t *)"early", .bytes_len = 5};

    put_handshake(p->w, 0, HS_RENDEZVOUS, PEER_ID, 100, PEER_ISN);
    memcpy(handshake, p->w->body, sizeof handshake);
    size_t len = early_packet_write(&early, packet) - PACKET_HEAD;
    struct net_route route = {.to = p->path.remote};
    assert_false(inbound_take(p->w->tap, &route, packet, packet + PACKET_HEAD, &len, NOW_MS));
    assert_int_equal(p->w->tap->drops.count[DROP_EARLY], 1);
}

static void what_the_filter_refuses_is_not_heard(void **state)
{
    struct paths *p = *state;
    struct net_peer_view view;
    struct net_address from;
    enum drop why;

    put_handshake(p->w, PATH_ID, HS_RENDEZVOUS, PEER_ID, 100, PEER_ISN);
    packet_put_word(p->w->body + HANDSHAKE_MSS, 44);
    p->from = (struct net_route){.to = p->path.remote};
    size_t len = HANDSHAKE_SIZE;
    assert_false(inbound_take(p->w->tap, &p->from, p->w->head, p->w->body, &len, NOW_MS));
    net_peer_view(p->peer, &view);
    assert_int_equal(view.came, 0);
    assert_true(tap_next_drop(p->w->tap, &from, &why)); /* a person shall know the address */
    assert_memory_equal(&from, &p->path.remote, sizeof from);
    assert_true(comes(p, PATH_ID, &p->path.remote, 0, UDT_PARTY_UNSAID));
    net_peer_view(p->peer, &view);
    assert_int_equal(view.came, 1);
    assert_int_equal(view.heard_ms, NOW_MS);
    assert_memory_equal(&view.heard, &p->path, sizeof view.heard);
}

static void a_handshake_does_not_tell_the_canonical_address(void **state)
{
    struct paths *p = *state;
    struct net_route route = {.to = *net_peer_address(p->peer)};
    static const uint8_t nothing[16];

    put_handshake(p->w, 0, HS_RENDEZVOUS, PATH_ID, WINDOW_MAX, ISN);
    memcpy(p->w->body + HANDSHAKE_ADDRESS, route.to.ip, 16);
    assert_true(outbound_leave(p->w->tap, &route, p->w->head, p->w->body, HANDSHAKE_SIZE, NOW_MS));
    assert_memory_equal(p->w->body + HANDSHAKE_ADDRESS, nothing, sizeof nothing);
    assert_true(route.wants_answer);
}

static void only_what_every_living_peer_answers_wants_an_answer(void **state)
{
    static const struct {
        enum packet_type type;
        bool wants;
    } all[] = {{PACKET_ACK, true}, {PACKET_NAK, false}, {PACKET_ACK2, false}, {PACKET_SHUTDOWN, false}};
    struct paths *p = *state;
    struct net_route route = {.to = *net_peer_address(p->peer)};

    assert_true(comes(p, PATH_ID, &p->path.remote, 0, UDT_PARTY_UNSAID));
    tap_conn_connected(p->w->tap, PATH_ID, false);
    memset(p->w->body, 0, sizeof p->w->body);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        packet_put_control(p->w->head, all[i].type, 0, PEER_ID);
        assert_true(outbound_leave(p->w->tap, &route, p->w->head, p->w->body, ACK_SIZE_FULL, NOW_MS));
        assert_int_equal(route.wants_answer, all[i].wants);
    }
    memset(p->w->head, 0, sizeof p->w->head);
    packet_put_word(p->w->head + 12, PEER_ID);
    assert_true(outbound_leave(p->w->tap, &route, p->w->head, p->w->body, 20, NOW_MS));
    assert_true(route.wants_answer); /* data */
}

int main(void)
{
#define PATHS(name) cmocka_unit_test_setup_teardown(name, open_paths, close_paths)
    const struct CMUnitTest tests[] = {
        PATHS(udt_sees_the_canonical_address_of_what_comes_by_a_path),
        PATHS(what_comes_by_no_path_of_the_connection_is_unmatched),
        PATHS(a_first_handshake_finds_the_rendezvous_by_the_path_and_the_party),
        PATHS(a_handshake_that_is_ahead_of_the_news_of_its_path_counts_then),
        PATHS(a_handshake_of_an_earlier_attempt_or_of_long_ago_does_not),
        PATHS(the_newest_first_handshakes_are_kept_and_nothing_else),
        PATHS(a_first_handshake_finds_the_rendezvous_of_the_session_that_it_names),
        PATHS(what_comes_while_a_rendezvous_starts_is_kept_within_bounds),
        PATHS(a_rendezvous_is_not_refused),
        PATHS(a_session_is_named_once_the_peer_of_the_canonical_address_has_a_tag),
        PATHS(an_early_packet_of_a_rendezvous_is_none),
        PATHS(what_the_filter_refuses_is_not_heard),
        PATHS(a_handshake_does_not_tell_the_canonical_address),
        PATHS(only_what_every_living_peer_answers_wants_an_answer),
    };

    return cmocka_run_group_tests_name("tap_paths", tests, NULL, NULL);
}
