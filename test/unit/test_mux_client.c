/* A client's mux, and a server that means ill, or only has its own ideas. */
#include "test/unit/mux_raw.h"

static struct end *ask(struct raw *r)
{
    const struct mux_field fields[] = {
        {":method", "POST"}, {":scheme", "hx"}, {":authority", "peer"}, {":path", "/"}};
    const struct mux_message m = {fields, 4, false};
    struct end *e = side_end(&r->side);

    assert_int_equal(mux_request(r->side.m, &e->s, &m, &end_events, e), HX_OK);
    raw_hear(r);
    return e;
}

static void answer(struct raw *r, const char *status, uint8_t flags, uint32_t id)
{
    r->block_len = 0;
    block_field(r, ":status", status);
    raw_block(r, flags, id);
}

static void informational_responses_are_read_over(void **state)
{
    (void)state;
    struct raw r;
    raw_create(&r, true);
    struct end *e = ask(&r);
    answer(&r, "103", 0, 1);
    assert_int_equal(e->headers, 0);
    answer(&r, "200", 0, 1);
    assert_int_equal(e->headers, 1);
    assert_string_equal(e->status, "200");
    raw_data(&r, 1, 3, false);
    r.block_len = 0;
    block_field(&r, "trailer", "yes");
    raw_block(&r, END_STREAM, 1);
    assert_int_equal(e->headers, 1);
    assert_int_equal(e->got, 3);
    assert_true(e->eof);
    raw_destroy(&r);
}

static void a_response_beyond_the_bounds_ends_its_stream_alone(void **state)
{
    (void)state;
    struct raw r;
    raw_create(&r, true);
    struct end *e = ask(&r), *other = ask(&r);
    r.block_len = 0;
    block_field(&r, ":status", "200");
    for (int i = 0; i < MUX_FIELDS_MAX; i++)
        block_field(&r, "x", "y");
    raw_block(&r, 0, 1);
    raw_hear(&r);
    assert_int_equal(e->headers, 0);
    assert_int_equal(e->error, HX_ECLOSED);
    assert_int_equal(e->code, ENHANCE_YOUR_CALM);
    answer(&r, "200", 0, 3);
    assert_int_equal(other->headers, 1);
    assert_int_equal(r.side.failed, HX_OK);
    raw_destroy(&r);
}

static void a_server_may_answer_whole_and_want_no_more_of_the_body(void **state)
{
    (void)state;
    struct raw r;
    raw_create(&r, true);
    struct end *e = ask(&r);
    e->stalled = true;
    answer(&r, "413", 0, 1);
    raw_data(&r, 1, 10, true);
    raw_number(&r, RST_STREAM, 1, 0); /* NO_ERROR (RFC 9113, section 8.1) */
    raw_hear(&r);
    assert_int_equal(e->closed, 0);
    assert_int_equal(mux_stream_write(e->s, "x", 1), HX_ECLOSED);
    end_read(e);
    raw_hear(&r);
    assert_int_equal(e->got, 10);
    assert_int_equal(e->closed, 1);
    assert_int_equal(e->error, HX_ECLOSED); /* ours has not ended */
    raw_destroy(&r);
}

static void a_server_that_pushes_or_opens_streams_is_cut(void **state)
{
    (void)state;
    for (int which = 0; which < 3; which++) {
        struct raw r;
        raw_create(&r, true);
        ask(&r);
        if (which == 0)
            raw_frame(&r, PUSH_PROMISE, END_HEADERS, 1, "\0\0\0\2", 4);
        if (which == 1)
            answer(&r, "200", 0, 2);
        if (which == 2)
            answer(&r, "200", 0, 99);
        check_cut(&r, PROTOCOL_ERROR);
        raw_destroy(&r);
    }
}

static void the_servers_number_of_streams_is_kept(void **state)
{
    const struct mux_field fields[] = {{":method", "CONNECT"}, {":authority", "a:1"}};
    const struct mux_message m = {fields, 2, false};

    (void)state;
    struct raw r;
    raw_create(&r, true);
    raw_setting(&r, 3, 2); /* MAX_CONCURRENT_STREAMS */
    ask(&r);
    ask(&r);
    struct end *e = side_end(&r.side);
    assert_int_equal(mux_request(r.side.m, &e->s, &m, &end_events, e), HX_ELIMIT);
    raw_number(&r, RST_STREAM, 1, CANCEL);
    assert_int_equal(r.side.ends[0].code, CANCEL);
    ask(&r);
    raw_destroy(&r);
}

static void nothing_is_sent_beyond_the_servers_windows(void **state)
{
    (void)state;
    struct raw r;
    raw_create(&r, true);
    raw_setting(&r, 4, 0); /* INITIAL_WINDOW_SIZE */
    struct end *e = ask(&r);
    assert_int_equal(write_body(e, 0, 1000000, 0), MUX_UNSENT_MAX);
    raw_hear(&r);
    assert_int_equal(r.heard_data, 0);
    raw_number(&r, WINDOW_UPDATE, 1, 1000);
    raw_hear(&r);
    assert_int_equal(r.heard_data, 1000);
    raw_number(&r, WINDOW_UPDATE, 1, 1000000);
    raw_hear(&r);
    assert_int_equal(r.heard_data, 65535); /* the connection's */
    raw_number(&r, WINDOW_UPDATE, 0, 1000000);
    raw_hear(&r);
    assert_int_equal(r.heard_data, MUX_UNSENT_MAX);
    assert_int_equal(e->writable, 1);
    raw_destroy(&r);
}

static void a_goaway_refuses_the_requests_it_does_not_cover(void **state)
{
    const uint8_t goaway[8] = {0, 0, 0, 1};

    (void)state;
    struct raw r;
    raw_create(&r, true);
    struct end *first = ask(&r), *second = ask(&r);
    raw_frame(&r, GOAWAY, 0, 0, goaway, sizeof goaway);
    raw_hear(&r);
    assert_int_equal(r.side.goaways, 1);
    assert_int_equal(first->closed, 0);
    assert_int_equal(second->closed, 1);
    assert_int_equal(second->code, REFUSED_STREAM);
    answer(&r, "200", END_STREAM, 1);
    mux_stream_end(first->s);
    raw_hear(&r);
    assert_int_equal(first->error, HX_OK);
    assert_true(mux_finished(r.side.m));
    raw_destroy(&r);
}

/* `settings`: where they begin in what that side says first. */
static void check_opening(bool client, size_t settings)
{
    const struct mux_events none = {.request = NULL};
    const uint8_t *first;
    uint8_t said[200];
    struct mux *m;

    assert_int_equal(mux_create(&m, client, &none, NULL), HX_OK);
    ssize_t len = mux_send(m, &first);
    size_t whole = settings + 9 + first[settings + 2];
    assert_in_range(len, whole, sizeof said);
    memcpy(said, first, (size_t)len);
    mux_destroy(m);
    assert_true(mux_opens(client, said, (size_t)len));
    assert_false(mux_opens(!client, said, (size_t)len));
    for (size_t i = 0; i < (size_t)len; i++) {
        assert_int_equal(mux_opens(client, said, i), i >= whole);
        said[i] ^= 1;
        assert_int_equal(mux_opens(client, said, (size_t)len), i >= whole);
        said[i] ^= 1;
    }
}

static void what_a_mux_says_first_is_told_from_what_any_other_program_does(void **state)
{
    (void)state;
    check_opening(true, sizeof "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" - 1);
    check_opening(false, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(informational_responses_are_read_over),
        cmocka_unit_test(a_response_beyond_the_bounds_ends_its_stream_alone),
        cmocka_unit_test(a_server_may_answer_whole_and_want_no_more_of_the_body),
        cmocka_unit_test(a_server_that_pushes_or_opens_streams_is_cut),
        cmocka_unit_test(the_servers_number_of_streams_is_kept),
        cmocka_unit_test(nothing_is_sent_beyond_the_servers_windows),
        cmocka_unit_test(a_goaway_refuses_the_requests_it_does_not_cover),
        cmocka_unit_test(what_a_mux_says_first_is_told_from_what_any_other_program_does),
    };

    return cmocka_run_group_tests_name("mux_client", tests, NULL, NULL);
}
