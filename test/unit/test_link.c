#include "test/unit/link_fixture.h"

static void both_sides_come_up_and_pass_streams(void **state)
{
    (void)state;
    create_both(0, 0);
    request();
    assert_int_equal(mux_stream_write(near.stream, "hello", 5), 5);
    assert_int_equal(mux_stream_write(far.stream, "answer", 6), 6);
    AWAIT(far.got == 5 && near.got == 6);
}

static void much_passes_whole_though_the_stream_takes_little_at_a_time(void **state)
{
    static char data[10000];
    size_t put = 0;
    (void)state;
    create_both(0, 0);
    request();
    while (far.got < BIG) {
        size_t n = BIG - put < sizeof data ? BIG - put : sizeof data;
        ssize_t taken = n > 0 ? mux_stream_write(near.stream, data, n) : 0;
        put += taken > 0 ? (size_t)taken : 0;
        ev_run(loop, EVRUN_NOWAIT);
    }
    assert_int_equal(far.got, BIG);
}

/* 50 times 10 ms, and what passes then. */
static void who_waits_for_the_pace_sleeps_meanwhile(void **state)
{
    static char data[50000];
    struct pace slow;
    (void)state;
    pace_init(&slow, 100000);
    pace = &slow;
    create_both(0, 0);
    pace = NULL;
    request();
    assert_int_equal(mux_stream_write(near.stream, data, sizeof data), sizeof data);
    unsigned begun = ev_iteration(loop);
    while (far.got < sizeof data)
        ev_run(loop, EVRUN_ONCE);
    assert_in_range(ev_iteration(loop) - begun, 1, 1000);
    link_destroy(near.link);
    link_destroy(far.link);
    near.link = far.link = NULL;
    pace_free(&slow);
}

static void a_peer_without_the_key_is_told_at_once(void **state)
{
    int fds[2];
    (void)state;
    socket_pair(fds);
    struct hx_stream *s = stream_on(fds[0]);
    s->handshake = HX_EAUTH;
    create(&near, s, false, 0, 0);
    assert_int_equal(send(fds[1], "x", 1, 0), 1);
    AWAIT(near.downs == 1);
    assert_int_equal(near.error, HX_EAUTH);
    assert_int_equal(near.ups, 0);
    close(fds[1]);
}

static void nothing_is_read_or_said_before_the_proof(void **state)
{
    char byte;
    int fds[2];
    (void)state;
    socket_pair(fds);
    struct hx_stream *s = stream_on(fds[0]);
    s->handshake = HX_EAGAIN;
    create(&near, s, true, 0, 0);
    assert_int_equal(send(fds[1], "x", 1, 0), 1);
    run_for(50);
    assert_int_equal(near.ups, 0);
    assert_int_equal(near.downs, 0);
    assert_int_equal(recv(fds[1], &byte, 1, MSG_DONTWAIT), -1);
    s->handshake = HX_OK;
    AWAIT(near.ups == 1);
    close(fds[1]);
}

static void a_proof_that_does_not_come_is_not_awaited_for_ever(void **state)
{
    int fds[2];
    (void)state;
    socket_pair(fds);
    struct hx_stream *s = stream_on(fds[0]);
    s->handshake = HX_EAGAIN;
    handshake_ms = 700;
    create(&near, s, false, 0, 0);
    handshake_ms = 0;
    ev_now_update(loop);
    run_for(200);
    assert_int_equal(near.downs, 0);
    AWAIT(near.downs == 1);
    assert_int_equal(near.error, HX_ETIMEDOUT);
    close(fds[1]);
}

static void a_silent_peer_is_asked_and_then_given_up(void **state)
{
    uint8_t said[4096];
    (void)state;
    int fd = create_near(100, 200);
    assert_int_equal(send(fd, "\0\0\0\4\0\0\0\0\0", 9, 0), 9); /* SETTINGS: it speaks HTTP/2 */
    AWAIT(near.ups == 1);
    run_for(50);
    while (recv(fd, said, sizeof said, MSG_DONTWAIT) > 0)
        continue;
    int64_t begun_ms = now_ms();
    AWAIT(near.downs == 1);
    assert_int_equal(near.error, HX_ETIMEDOUT);
    assert_in_range(now_ms() - begun_ms, 100, 3000);                 /* 200; a busy machine */
    assert_int_equal(recv(fd, said, sizeof said, MSG_DONTWAIT), 17); /* a PING, one */
    assert_int_equal(said[3], 6);
    close(fd);
}

static void a_peer_that_answers_is_kept(void **state)
{
    (void)state;
    create_both(100, 600);
    run_for(1500);
    assert_int_equal(near.downs, 0);
    assert_int_equal(far.downs, 0);
    assert_int_equal(near.pongs, 0); /* nobody called link_ping() */
}

/* The sender's own PINGs may wait behind megabytes: it must hear from us without asking. */
static void who_only_listens_says_something_now_and_then(void **state)
{
    static const uint8_t ping_ack[17] = {0, 0, 8, 6, 1};
    uint8_t said[4096];
    int pings = 0;
    (void)state;
    int fd = create_near(10000, 400);
    assert_int_equal(send(fd, "\0\0\0\4\0\0\0\0\0", 9, 0), 9);
    AWAIT(near.ups == 1);
    run_for(20);
    for (int64_t until_ms = now_ms() + 900; now_ms() < until_ms; turn()) {
        assert_int_equal(send(fd, ping_ack, sizeof ping_ack, 0), sizeof ping_ack); /* something */
        ssize_t n = recv(fd, said, sizeof said, MSG_DONTWAIT);
        pings += n == 17 && said[3] == 6;
    }
    assert_in_range(pings, 4, 10); /* every 100 ms, seen every 20 ms */
    assert_int_equal(near.downs, 0);
    close(fd);
}

static void pings_tell_their_round_trip_in_order(void **state)
{
    (void)state;
    create_both(0, 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(link_ping(near.link), HX_OK);
    AWAIT(near.pongs == 3);
    assert_in_range(near.rtt_us, 1, 1000000);
    assert_int_equal(far.pongs, 0);
}

static void a_pong_that_was_made_up_is_ignored(void **state)
{
    static const uint8_t ack_of_1[17] = {0, 0, 8, 6, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
    (void)state;
    int fd = create_near(0, 0);
    assert_int_equal(send(fd, "\0\0\0\4\0\0\0\0\0", 9, 0), 9);
    AWAIT(near.ups == 1);
    assert_int_equal(send(fd, ack_of_1, sizeof ack_of_1, 0), sizeof ack_of_1);
    run_for(50);
    assert_int_equal(near.pongs, 0);
    assert_int_equal(link_ping(near.link), HX_OK);
    run_for(10);
    assert_int_equal(near.pongs, 0);
    close(fd);
}

static void a_link_ends_in_order_after_its_last_stream(void **state)
{
    (void)state;
    create_both(0, 0);
    request();
    far.echoes = true;
    link_finish(near.link);
    run_for(50);
    assert_int_equal(near.downs, 0); /* a stream is open */
    assert_int_equal(mux_stream_write(near.stream, "last words", 10), 10);
    mux_stream_end(near.stream);
    AWAIT(near.downs == 1 && far.downs == 1);
    assert_int_equal(far.got, 10);
    assert_int_equal(near.error, HX_OK);
    assert_int_equal(far.error, HX_OK);
    assert_int_equal(near.closed_error, HX_OK);
    AWAIT(atomic_load(&near.hx_closed) == 2);
    assert_int_equal(atomic_load(&far.hx_closed), 2);
}

/* What it has read may still be on its way to a slow descriptor. */
static void a_side_that_keeps_its_stream_is_not_given_up(void **state)
{
    static const struct mux_stream_events keeps = {.closed = on_closed, .reads_end = true};
    (void)state;
    create_both(50, 100);
    request();
    mux_stream_own(far.stream, &keeps, &far);
    mux_stream_end(far.stream);
    mux_stream_end(near.stream);
    link_finish(near.link);
    run_for(400);
    assert_int_equal(near.closed, 1);
    assert_int_equal(near.downs, 0);
    assert_int_equal(far.downs, 0);
    mux_stream_own(far.stream, &stream_events, &far); /* reads to the end now */
    AWAIT(near.downs == 1 && far.downs == 1);
    assert_int_equal(near.error, HX_OK);
    assert_int_equal(far.error, HX_OK);
}

static void a_stream_that_lingers_does_not_hold_up_the_loop(void **state)
{
    (void)state;
    create_both(0, 0);
    atomic_store(&far.lingers, true);
    link_finish(near.link);
    AWAIT(near.downs == 1);
    run_for(100); /* would not return */
    assert_int_equal(far.downs, 0);
    atomic_store(&far.lingers, false);
    AWAIT(far.downs == 1);
    assert_int_equal(far.error, HX_OK);
}

static void a_link_can_be_destroyed_while_its_stream_lingers(void **state)
{
    (void)state;
    create_both(0, 0);
    atomic_store(&far.lingers, true);
    link_finish(near.link);
    AWAIT(near.downs == 1);
    run_for(20);
    link_destroy(far.link);
    far.link = NULL;
    assert_int_equal(atomic_load(&far.hx_closed), 0);
    atomic_store(&far.lingers, false);
    AWAIT(atomic_load(&far.hx_closed) == 2);
    run_for(20);
    assert_int_equal(far.downs, 0);
}

/* The peer's end says that ours was read: nothing more is asked of it. */
static void who_connected_goes_when_the_peer_has_ended_too(void **state)
{
    (void)state;
    create_both(0, 0);
    atomic_store(&near.lingers, true);
    link_finish(far.link);
    run_for(30);
    assert_int_equal(far.downs, 0); /* it lets us go first */
    assert_int_equal(near.downs, 0);
    link_finish(near.link);
    AWAIT(near.downs == 1 && far.downs == 1);
    assert_int_equal(near.error, HX_OK);
    assert_int_equal(far.error, HX_OK);
    assert_int_equal(atomic_load(&near.hx_closed), 0);
    atomic_store(&near.lingers, false);
    AWAIT(atomic_load(&near.hx_closed) == 2);
}

static void who_was_connected_to_ends_alone_if_it_must(void **state)
{
    (void)state;
    create_both(0, 5000); /* looks at the clock 20 times in that; a busy machine may take its time */
    link_finish(far.link);
    AWAIT(near.downs == 1 && far.downs == 1);
    assert_int_equal(near.error, HX_OK);
    assert_int_equal(far.error, HX_OK);
}

static void who_leaves_waits_for_nobody(void **state)
{
    struct hx_path path;
    (void)state;
    int fd = create_near(0, 0); /* says nothing, and hears nothing */
    AWAIT(near.ups == 1);
    atomic_store(&near.lingers, true);
    link_leave(near.link);
    AWAIT(!link_stream(near.link)); /* who shows how far it is may still ask */
    assert_int_equal(link_path(near.link, &path), HX_ECLOSED);
    AWAIT(near.downs == 1);
    assert_int_equal(near.error, HX_OK);
    atomic_store(&near.lingers, false);
    AWAIT(atomic_load(&near.hx_closed) == 2); /* the end of our direction was said */
    close(fd);
}

static void who_leaves_is_seen_to_end_in_order(void **state)
{
    (void)state;
    create_both(0, 0);
    link_leave(near.link);
    AWAIT(near.downs == 1 && far.downs == 1);
    assert_int_equal(near.error, HX_OK);
    assert_int_equal(far.error, HX_OK);
}

/* The peer's end and its goodbye are often seen in one turn, with something of ours still to be said. */
static void who_has_gone_when_its_end_is_read_has_left_in_order(void **state)
{
    (void)state;
    create_both(0, 0);
    link_stream(far.link)->gone_at_end = true;
    assert_int_equal(link_ping(near.link), HX_OK);
    link_leave(near.link);
    AWAIT(near.downs == 1 && far.downs == 1);
    assert_int_equal(near.error, HX_OK);
    assert_int_equal(far.error, HX_OK);
}

static void who_has_gone_before_its_end_is_read_has_left_in_order(void **state)
{
    (void)state;
    create_both(0, 0);
    assert_int_equal(shutdown(link_stream(near.link)->fd, SHUT_WR), 0);
    link_stream(far.link)->gone_unread = true;
    assert_int_equal(link_ping(far.link), HX_OK); /* something that is still to be said */
    AWAIT(far.downs == 1);
    assert_int_equal(far.error, HX_OK);
}

static void who_has_gone_with_a_stream_open_is_lost(void **state)
{
    (void)state;
    create_both(0, 0);
    request();
    link_stream(far.link)->gone_at_end = true;
    link_leave(near.link);
    AWAIT(near.downs == 1 && far.downs == 1);
    assert_int_equal(far.error, HX_ECLOSED);
}

static void who_leaves_with_a_stream_open_goes_all_the_same(void **state)
{
    (void)state;
    create_both(0, 0);
    request();
    link_leave(near.link);
    AWAIT(near.downs == 1);
    assert_int_equal(near.closed, 1);
    assert_int_equal(near.closed_error, HX_ECLOSED);
}

static void a_peer_that_goes_away_breaks_the_streams(void **state)
{
    (void)state;
    create_both(0, 0);
    request();
    link_destroy(far.link); /* no end was said; the stream sees one */
    far.link = NULL;
    assert_int_equal(far.downs, 0);
    assert_int_equal(far.closed, 1);
    assert_int_equal(atomic_load(&far.hx_closed), 1);
    assert_int_equal(mux_stream_write(near.stream, "x", 1), 1);
    AWAIT(near.downs == 1);
    assert_int_equal(near.error, HX_ECLOSED);
    assert_int_equal(near.closed, 1);
    assert_int_equal(near.closed_error, HX_ECLOSED);
}

static void a_peer_that_speaks_no_http_is_given_up_and_told_why(void **state)
{
    uint8_t said[4096];
    bool goaway = false;
    (void)state;
    int fd = create_near(0, 0);
    AWAIT(near.ups == 1);
    run_for(20);
    while (recv(fd, said, sizeof said, MSG_DONTWAIT) > 0)
        continue;
    assert_int_equal(send(fd, "HTTP/1.1 200 OK\r\n\r\n", 19, 0), 19);
    AWAIT(near.downs == 1);
    assert_int_equal(near.error, HX_EPROTO);
    AWAIT(atomic_load(&near.hx_closed) == 2);
    ssize_t n = recv(fd, said, sizeof said, MSG_DONTWAIT);
    for (ssize_t i = 3; i < n; i++)
        goaway = goaway || said[i] == 7;
    assert_true(goaway);
    close(fd);
}

/* The type of each frame that came, as bits; in *calm whether a GOAWAY named ENHANCE_YOUR_CALM
 * (RFC 9113, 7). */
static void hear_all(int fd, uint8_t *said, size_t *len, size_t max, bool *calm)
{
    ssize_t got = recv(fd, said + *len, max - *len, MSG_DONTWAIT);
    size_t at = 0;
    *len += got > 0 ? (size_t)got : 0;
    for (size_t frame; *len - at >= 17; at += frame) {
        frame = 9 + ((size_t)said[at] << 16 | (size_t)said[at + 1] << 8 | said[at + 2]);
        if (*len - at < frame)
            break;
        *calm = *calm || (said[at + 3] == 7 && said[at + 16] == 11);
    }
    *len -= at;
    memmove(said, said + at, *len);
}

static void a_peer_that_floods_is_given_up_and_told_that_it_did(void **state)
{
    static const uint8_t settings[] = {0, 0, 0, 4, 0, 0, 0, 0, 0};
    static uint8_t said[100000], pings[17 * 500];
    size_t len = 0;
    bool calm = false;
    (void)state;
    int fd = create_near(0, 0);
    AWAIT(near.ups == 1);
    run_for(20);
    len = (size_t)recv(fd, said, 24, 0); /* the preface */
    assert_int_equal(len, 24);
    len = 0;
    for (size_t at = 0; at < sizeof pings; at += 17)
        memcpy(pings + at, (const uint8_t[]){0, 0, 8, 6}, 4);
    assert_int_equal(send(fd, settings, sizeof settings, 0), sizeof settings);
    size_t part = 0; /* of the pings, taken by the socket */
    for (int64_t until_ms = now_ms() + 30000; near.downs == 0 && now_ms() < until_ms;) {
        ssize_t put = send(fd, pings + part, sizeof pings - part, MSG_DONTWAIT | MSG_NOSIGNAL);
        part = (part + (put > 0 ? (size_t)put : 0)) % sizeof pings;
        hear_all(fd, said, &len, sizeof said, &calm);
        ev_run(loop, EVRUN_NOWAIT);
    }
    assert_int_equal(near.downs, 1);
    assert_int_equal(near.error, HX_EFLOOD);
    AWAIT(atomic_load(&near.hx_closed) == 2);
    for (int i = 0; i < 100 && !calm; i++)
        hear_all(fd, said, &len, sizeof said, &calm);
    assert_true(calm);
    close(fd);
}

static void who_is_told_that_it_floods_says_so(void **state)
{
    static const uint8_t said[] = {0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 8, 7,
                                   0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11};
    (void)state;
    int fd = create_near(0, 0);
    AWAIT(near.ups == 1);
    assert_int_equal(send(fd, said, sizeof said, 0), sizeof said);
    AWAIT(near.downs == 1);
    assert_int_equal(near.error, HX_EFLOOD);
    close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(both_sides_come_up_and_pass_streams),
        TEST(much_passes_whole_though_the_stream_takes_little_at_a_time),
        TEST(who_waits_for_the_pace_sleeps_meanwhile),
        TEST(a_peer_without_the_key_is_told_at_once),
        TEST(nothing_is_read_or_said_before_the_proof),
        TEST(a_proof_that_does_not_come_is_not_awaited_for_ever),
        TEST(a_silent_peer_is_asked_and_then_given_up),
        TEST(a_peer_that_answers_is_kept),
        TEST(who_only_listens_says_something_now_and_then),
        TEST(pings_tell_their_round_trip_in_order),
        TEST(a_pong_that_was_made_up_is_ignored),
        TEST(a_link_ends_in_order_after_its_last_stream),
        TEST(a_side_that_keeps_its_stream_is_not_given_up),
        TEST(a_stream_that_lingers_does_not_hold_up_the_loop),
        TEST(a_link_can_be_destroyed_while_its_stream_lingers),
        TEST(who_connected_goes_when_the_peer_has_ended_too),
        TEST(who_was_connected_to_ends_alone_if_it_must),
        TEST(who_leaves_waits_for_nobody),
        TEST(who_leaves_is_seen_to_end_in_order),
        TEST(who_has_gone_when_its_end_is_read_has_left_in_order),
        TEST(who_has_gone_before_its_end_is_read_has_left_in_order),
        TEST(who_has_gone_with_a_stream_open_is_lost),
        TEST(who_leaves_with_a_stream_open_goes_all_the_same),
        TEST(a_peer_that_goes_away_breaks_the_streams),
        TEST(a_peer_that_speaks_no_http_is_given_up_and_told_why),
        TEST(a_peer_that_floods_is_given_up_and_told_that_it_did),
        TEST(who_is_told_that_it_floods_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
