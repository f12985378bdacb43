/* A server's mux, and a peer that has the key and means ill: what it costs is bounded, and it is cut. */
#include "test/unit/mux_raw.h"

static void data_beyond_a_streams_window_resets_it(void **state)
{
    (void)state;
    struct raw r;
    raw_create(&r, false);
    raw_request(&r, 1, false);
    struct end *e = &r.side.ends[0];
    e->stalled = true;
    raw_data(&r, 1, MUX_WINDOW_FIRST, false);
    raw_hear(&r);
    assert_int_equal(e->closed, 0);
    raw_data(&r, 1, 1, false);
    raw_hear(&r);
    assert_int_equal(e->error, HX_ECLOSED);
    assert_int_equal(e->code, FLOW_CONTROL_ERROR);
    check_reset(&r, 1, FLOW_CONTROL_ERROR);
    raw_destroy(&r);
}

static void a_peer_that_fills_every_window_is_held_to_the_total(void **state)
{
    size_t all = 0;

    (void)state;
    struct raw r;
    raw_create(&r, false);
    for (uint32_t i = 0; i < MUX_STREAMS_MAX; i++) {
        raw_request(&r, 2 * i + 1, false);
        r.side.ends[i].stalled = true;
        raw_data(&r, 2 * i + 1, MUX_WINDOW_FIRST, false);
        all += MUX_WINDOW_FIRST;
    }
    raw_hear(&r);
    assert_int_equal(r.side.failed, HX_OK);
    assert_true(all <= MUX_WINDOW_TOTAL);
    raw_request(&r, 2 * MUX_STREAMS_MAX + 1, false); /* one more than SETTINGS allow */
    raw_hear(&r);
    assert_int_equal(r.side.failed, HX_EPROTO);
    raw_destroy(&r);
}

static void streams_that_are_over_but_unread_are_bounded_too(void **state)
{
    uint32_t id = 1;

    (void)state;
    struct raw r;
    raw_create(&r, false);
    for (size_t i = 0; i < 1000 && r.heard[RST_STREAM] == 0; i++, id += 2) {
        raw_request(&r, id, false);
        raw_hear(&r);
        if (r.heard[RST_STREAM] > 0)
            break;
        r.side.ends[i].stalled = true;
        raw_data(&r, id, 10, true);
        respond(&r.side.ends[i], "200", true);
        raw_hear(&r);
    }
    assert_int_equal(r.code, REFUSED_STREAM);
    assert_int_equal(r.side.failed, HX_OK);
    assert_in_range(mux_stream_count(r.side.m), MUX_STREAMS_MAX, 2 * MUX_STREAMS_MAX);
    raw_destroy(&r);
}

static void a_header_beyond_the_bounds_resets_its_stream_alone(void **state)
{
    char large[MUX_VALUE_MAX + 2];

    (void)state;
    memset(large, 'v', sizeof large);
    for (int which = 0; which < 4; which++) {
        struct raw r;
        raw_create(&r, false);
        block_request(&r);
        large[sizeof large - 1] = '\0';
        if (which == 0) /* one field too many */
            for (int i = 4; i <= MUX_FIELDS_MAX; i++)
                block_field(&r, "x", "y");
        if (which == 1) /* one value too long */
            block_field(&r, "x", large);
        if (which == 2) /* a name too long */
            block_field(&r, large, "x");
        large[MUX_VALUE_MAX / 2] = '\0';
        for (int i = 0; which == 3 && i < 3; i++) /* too much in all */
            block_field(&r, "x", large);
        large[MUX_VALUE_MAX / 2] = 'v';
        raw_block(&r, 0, 1);
        assert_int_equal(r.side.count, 0);
        assert_int_equal(mux_stream_count(r.side.m), 0);
        check_reset(&r, 1, ENHANCE_YOUR_CALM);
        assert_int_equal(mux_stream_count(r.side.m), 1); /* that of the check */
        raw_destroy(&r);
    }
}

static void trailers_are_read_over_however_many(void **state)
{
    (void)state;
    struct raw r;
    raw_create(&r, false);
    raw_request(&r, 1, false);
    raw_data(&r, 1, 10, false);
    r.block_len = 0;
    for (int i = 0; i < 500; i++)
        block_field(&r, "x", "y");
    raw_block(&r, END_STREAM, 1);
    raw_hear(&r);
    assert_int_equal(r.side.count, 1);
    assert_int_equal(r.side.ends[0].got, 10);
    assert_true(r.side.ends[0].eof);
    assert_int_equal(r.side.failed, HX_OK);
    raw_destroy(&r);
}

static void malformed_requests_reset_their_streams_alone(void **state)
{
    static const struct mux_field bad[] = {
        {":protocol", "websocket"}, {":status", "200"}, {"Upper", "case"},   {"x", "a\nb"},
        {"connection", "close"},    {":path", "/two"},  {"x y", "not name"}, {"content-length", "7"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct raw r;
        raw_create(&r, false);
        block_request(&r);
        block_field(&r, bad[i].name, bad[i].value);
        raw_block(&r, END_STREAM, 1); /* so content-length is wrong */
        assert_int_equal(r.side.count, 0);
        check_reset(&r, 1, PROTOCOL_ERROR);
        raw_destroy(&r);
    }
}

static void a_request_without_a_path_resets_its_stream_alone(void **state)
{
    (void)state;
    struct raw r;
    raw_create(&r, false);
    r.block_len = 0;
    block_field(&r, ":method", "GET");
    block_field(&r, ":scheme", "hx");
    raw_block(&r, END_STREAM, 1);
    assert_int_equal(r.side.count, 0);
    check_reset(&r, 1, PROTOCOL_ERROR);
    raw_destroy(&r);
}

static void endless_headers_cut_the_peer(void **state)
{
    int sent = 0;

    (void)state;
    struct raw r;
    raw_create(&r, false);
    block_request(&r);
    raw_frame(&r, HEADERS, END_STREAM, 1, r.block, r.block_len);
    r.block_len = 0;
    block_field(&r, "x", "y");
    while (r.side.failed == HX_OK && sent++ < 5000)
        raw_frame(&r, CONTINUATION, 0, 1, r.block, r.block_len);
    raw_hear(&r);
    assert_int_equal(r.side.failed, HX_EPROTO);
    assert_in_range(sent, 1, 3000);
    assert_int_equal(r.side.count, 0);
    raw_destroy(&r);
}

/* Frames as many as the peer likes, with nothing heard between, or all. Returns how many it got through. */
static int flood(void (*one)(struct raw *r, uint32_t n), bool hear)
{
    struct raw r;
    uint32_t n = 0;

    raw_create(&r, false);
    raw_request(&r, 1, false);
    while (r.side.failed == HX_OK && n < 20000) {
        one(&r, n++);
        if (hear)
            raw_hear(&r);
        if (r.side.count > 1)
            r.side.count = 1;
    }
    if (hear)
        check_flood(&r);
    raw_hear(&r);
    assert_true(r.side.failed == HX_EFLOOD ||
                r.side.failed == HX_EPROTO); /* too many streams, without an answer */
    assert_in_range(r.heard[GOAWAY], 1, 2);
    raw_destroy(&r);
    return (int)n;
}

static void rapid_reset(struct raw *r, uint32_t n)
{
    raw_request(r, 2 * n + 3, false);
    raw_number(r, RST_STREAM, 2 * n + 3, CANCEL);
}

static void settings(struct raw *r, uint32_t n)
{
    (void)n;
    raw_setting(r, 4, 65535);
}

static void pings(struct raw *r, uint32_t n)
{
    uint8_t both[34] = {0, 0, 8, PING}; /* two in one piece */

    (void)n;
    memcpy(both + 17, both, 17);
    side_receive(&r->side, both, sizeof both);
}

static void empty_data(struct raw *r, uint32_t n)
{
    (void)n;
    raw_frame(r, DATA, 0, 1, NULL, 0);
}

static void priorities(struct raw *r, uint32_t n)
{
    const uint8_t p[5] = {0, 0, 0, 0, 7};

    raw_frame(r, PRIORITY, 0, 2 * n + 3, p, sizeof p);
}

static void window_updates(struct raw *r, uint32_t n)
{
    (void)n;
    raw_number(r, WINDOW_UPDATE, 0, 1);
}

static void answers_to_pings_never_sent(struct raw *r, uint32_t n)
{
    uint8_t both[34] = {0, 0, 8, PING, ACK};

    (void)n;
    memcpy(both + 17, both, 17);
    side_receive(&r->side, both, sizeof both);
}

static void bad_requests(struct raw *r, uint32_t n)
{
    block_request(r);
    block_field(r, "Upper", "case");
    raw_block(r, 0, 2 * n + 3);
}

static void floods_of_each_kind_cut_the_peer(void **state)
{
    static void (*const kinds[])(struct raw * r, uint32_t n) = {
        rapid_reset, settings, pings, empty_data, priorities, window_updates, answers_to_pings_never_sent,
        bad_requests};

    (void)state;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        assert_in_range(flood(kinds[i], true), 4000, 17000);
        assert_in_range(flood(kinds[i], false), 100, 20000); /* nghttp2 may be deaf before it can say so */
    }
}

static void answers_that_the_peer_does_not_take_are_bounded(void **state)
{
    const uint8_t p[8] = {0};
    int sent = 0;

    (void)state;
    struct raw r;
    raw_create(&r, false);
    while (r.side.failed == HX_OK && sent < 100000) {
        mux_set_time(r.side.m, sent); /* so slowly that their number is no flood */
        raw_frame(&r, PING, 0, 0, p, sizeof p);
        sent++;
    }
    check_flood(&r);
    assert_in_range(sent, 100, 10000); /* what m->out holds, and then some */
    raw_destroy(&r);
}

static void data_pays_for_the_frames_that_serve_it(void **state)
{
    (void)state;
    struct raw r;
    raw_create(&r, false);
    raw_request(&r, 1, false);
    for (int i = 0; i < 20000; i++) {
        raw_data(&r, 1, 2048, false);
        raw_number(&r, WINDOW_UPDATE, 0, 1);
        raw_number(&r, WINDOW_UPDATE, 1, 1);
        raw_hear(&r);
    }
    assert_int_equal(r.side.failed, HX_OK);
    assert_int_equal(r.side.ends[0].got, 20000 * 2048);
    raw_destroy(&r);
}

static void frames_out_of_place_cut_the_peer(void **state)
{
    (void)state;
    for (int which = 0; which < 6; which++) {
        struct raw r;
        uint8_t big[16385] = {0};
        raw_create(&r, false);
        if (which == 0)
            raw_data(&r, 1, 1, false); /* of a stream that is idle */
        if (which == 1)
            raw_request(&r, 2, true); /* a server's number */
        if (which == 2)
            raw_frame(&r, CONTINUATION, END_HEADERS, 1, NULL, 0);
        if (which == 3)
            raw_frame(&r, PING, 0, 0, "short", 5);
        if (which == 4)
            raw_frame(&r, PUSH_PROMISE, END_HEADERS, 1, "\0\0\0\2", 4);
        if (which == 5)
            raw_frame(&r, 0xbe, 0, 0, big, sizeof big); /* above SETTINGS_MAX_FRAME_SIZE */
        raw_hear(&r);
        assert_int_equal(r.side.failed, HX_EPROTO);
        assert_int_equal(r.heard[GOAWAY], 1);
        assert_int_equal(r.side.count, 0);
        raw_destroy(&r);
    }
}

static void who_speaks_no_http2_is_cut(void **state)
{
    static const char text[] = "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n";

    (void)state;
    struct side side;
    side_create(&side, false);
    side_receive(&side, (const uint8_t *)text, sizeof text - 1);
    assert_int_equal(side.failed, HX_EPROTO);
    const uint8_t *data;
    while (mux_send(side.m, &data) > 0)
        continue;
    assert_false(mux_wants_send(side.m));
    assert_int_equal(mux_receive(side.m, (const uint8_t *)text, 5), HX_EPROTO);
    side_destroy(&side);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_beyond_a_streams_window_resets_it),
        cmocka_unit_test(a_peer_that_fills_every_window_is_held_to_the_total),
        cmocka_unit_test(streams_that_are_over_but_unread_are_bounded_too),
        cmocka_unit_test(a_header_beyond_the_bounds_resets_its_stream_alone),
        cmocka_unit_test(trailers_are_read_over_however_many),
        cmocka_unit_test(malformed_requests_reset_their_streams_alone),
        cmocka_unit_test(a_request_without_a_path_resets_its_stream_alone),
        cmocka_unit_test(endless_headers_cut_the_peer),
        cmocka_unit_test(floods_of_each_kind_cut_the_peer),
        cmocka_unit_test(answers_that_the_peer_does_not_take_are_bounded),
        cmocka_unit_test(data_pays_for_the_frames_that_serve_it),
        cmocka_unit_test(frames_out_of_place_cut_the_peer),
        cmocka_unit_test(who_speaks_no_http2_is_cut),
    };

    return cmocka_run_group_tests_name("mux_hostile", tests, NULL, NULL);
}
