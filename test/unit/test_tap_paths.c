/* shim/udt's tap: connections whose peer has a canonical address (shim/net/paths.h), datagram by datagram. */
#include "shim/net/paths.h"
#include "test/unit/tap_fixture.h"

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

static bool comes_labelled(struct paths *p, int32_t id, const struct net_address *from,
                           const uint8_t label[HANDSHAKE_LABEL_BYTES])
{
    put_handshake(p->w, id, HS_RENDEZVOUS, PEER_ID, 100, PEER_ISN);
    memcpy(p->w->body + HANDSHAKE_ADDRESS, label, HANDSHAKE_LABEL_BYTES);
    p->from = (struct net_route){.to = *from};
    size_t len = HANDSHAKE_SIZE;
    return inbound_take(p->w->tap, &p->from, p->w->head, p->w->body, &len, NOW_MS);
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
        memcpy(add_conn(p->w, PATH_ID + 1 + i, peers[i])->label, label, sizeof label);
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
    struct sockaddr_in6 to;
    static const uint8_t tag[16] = "session";

    net_address_to_sockaddr6(net_peer_address(p->peer), &to);
    net_peer_fit(p->peer, tag, 1200);
    assert_int_equal(tap_conn_connecting(p->w->tap, PATH_ID + 1, (struct sockaddr *)&to, &route.local, true,
                                         UDT_PARTY_CALLER, NULL),
                     HX_OK);
    put_handshake(p->w, 0, HS_RENDEZVOUS, PATH_ID + 1, WINDOW_MAX, ISN);
    memset(p->w->body + HANDSHAKE_ADDRESS, 0xff, 16);
    assert_true(outbound_leave(p->w->tap, &route, p->w->head, p->w->body, HANDSHAKE_SIZE, NOW_MS));
    assert_memory_equal(p->w->body + HANDSHAKE_ADDRESS, tag, sizeof tag);
    tap_conn_remove(p->w->tap, PATH_ID + 1);
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
        PATHS(a_first_handshake_finds_the_rendezvous_of_the_session_that_it_names),
        PATHS(a_session_is_named_once_the_peer_of_the_canonical_address_has_a_tag),
        PATHS(what_the_filter_refuses_is_not_heard),
        PATHS(a_handshake_does_not_tell_the_canonical_address),
        PATHS(only_what_every_living_peer_answers_wants_an_answer),
    };

    return cmocka_run_group_tests_name("tap_paths", tests, NULL, NULL);
}
