/* What a receiver says to hx send, right and wrong. */
#include "client/tool/visit.h"
#include "share_fixture.h"

static struct visit visit;
static struct {
    const char *why; /* nobody may begin; NULL: they may */
    int begun, whole, left, left_whole;
    char receipt[VISIT_RECEIPT_MAX];
} host;

static const char *on_begin(void *user)
{
    (void)user;
    host.begun += !host.why;
    return host.why;
}

static void on_whole(void *user, const char *who, const char *receipt)
{
    (void)user;
    assert_string_equal(who, "somebody");
    host.whole++;
    snprintf(host.receipt, sizeof host.receipt, "%s", receipt);
}

static void on_left(void *user, bool whole, int error, int system)
{
    (void)user;
    (void)error;
    (void)system;
    host.left++;
    host.left_whole += whole;
}

static void on_visit(struct fixture *x, struct mux_stream *s, const struct mux_message *m)
{
    (void)x;
    if (!visit_request(&visit, s, m))
        mux_stream_reset(s, 7);
}

static int set_up(void **state)
{
    static const struct visit_host files = {.begin = on_begin, .whole = on_whole, .left = on_left};
    int err = fixture_setup(state);
    struct fixture *x = *state;
    x->on_request = on_visit;
    memset(&host, 0, sizeof host);
    visit = (struct visit){.host = &files, .loop = x->loop, .who = "somebody"};
    return err;
}

static const char *const receipt[] = {"hx-receipt: r1", NULL};

/* All that a receiver says, and what it is answered. */
static struct answer *says(struct fixture *x, const char *words)
{
    struct answer *a = begin(x, "POST", "/receive", receipt, words, strlen(words));
    fixture_run(x, &a->done);
    return a;
}

static void hears(struct fixture *x, const char *words, const char *expected)
{
    struct answer *a = says(x, words);
    assert_string_equal(a->status, "200");
    assert_int_equal(a->error, HX_OK);
    assert_int_equal(a->len, strlen(expected));
    assert_memory_equal(a->body, expected, a->len);
    answer_free(a);
}

static void who_has_all_is_counted_with_its_receipt(void **state)
{
    hears(*state, "begun\nwhole\n", "counted\n");
    assert_int_equal(host.begun, 1);
    assert_int_equal(host.whole, 1);
    assert_string_equal(host.receipt, "r1");
    assert_int_equal(host.left, 1);
    assert_int_equal(host.left_whole, 1);
    assert_null(visit.stream);
}

static void who_leaves_before_is_not(void **state)
{
    struct fixture *x = *state;
    hears(x, "", "");
    assert_int_equal(host.left, 0); /* it had not begun */
    hears(x, "begun\n", "");
    assert_int_equal(host.left, 1);
    assert_int_equal(host.left_whole, 0);
    assert_int_equal(host.whole, 0);
}

static void who_may_not_begin_is_told_why(void **state)
{
    host.why = "because";
    hears(*state, "begun\n", "over because\n");
    hears(*state, "begun\nwhole\n", "over because\n"); /* said before it was heard */
    assert_int_equal(host.whole, 0);
    assert_int_equal(host.left, 0);
}

static void what_makes_no_sense_ends_it(void **state)
{
    struct fixture *x = *state;
    char longer[VISIT_LINE_MAX + 8];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    const char *const words[] = {
        "whole\n", "begun\nbegun\n", "begun\nwhole\nwhole\nagain\n", "hello\n", "\n", "BEGUN\n", "begun \n",
        longer};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        struct answer *a = says(x, words[i]);
        if (i != 2) /* what comes after the last word is not listened to */
            assert_int_equal(a->error, HX_ECLOSED);
        answer_free(a);
        assert_null(visit.stream);
    }
    assert_int_equal(host.begun, host.left);
    assert_int_equal(host.whole, 1);
}

static void a_visit_needs_a_receipt_of_some_length(void **state)
{
    struct fixture *x = *state;
    static const char *const bad[][2] = {{"hx-other: x", NULL},
                                         {"hx-receipt: ", NULL},
                                         {"hx-receipt: 0123456789012345678901234567890123456789", NULL}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct answer *a = begin(x, "POST", "/receive", bad[i], "", 0);
        fixture_run(x, &a->done);
        assert_string_equal(a->status, "400");
        answer_free(a);
    }
    struct answer *a = ask(x, "POST", "/receive", receipt); /* has nothing to say */
    assert_string_equal(a->status, "400");
    answer_free(a);
    assert_int_equal(status_of(x, "POST", "/stream"), 404); /* files are sent */
}

/* Stays. */
static void open_visit(struct fixture *x, struct answer *a)
{
    static const struct mux_field fields[] = {{":method", "POST"},
                                              {":scheme", "hx"},
                                              {":authority", "hx"},
                                              {":path", "/receive"},
                                              {"hx-receipt", "r2"}};
    static uint8_t body[256];
    const struct mux_message m = {.fields = fields, .count = 5};
    *a = (struct answer){.x = x, .body = body};
    assert_int_equal(mux_request(x->client, &a->s, &m, &answer_events, a), HX_OK);
    while (!a->status[0]) {
        pass(x, x->client, x->server);
        pass(x, x->server, x->client);
    }
    assert_string_equal(a->status, "200");
}

static void one_receiver_is_one_visit_and_hears_that_it_is_over(void **state)
{
    struct fixture *x = *state;
    struct answer first;
    open_visit(x, &first);
    struct answer *second = says(x, "begun\n");
    assert_string_equal(second->status, "409");
    answer_free(second);
    assert_int_equal(host.begun, 0);
    visit_over(&visit, "used");
    visit_over(&visit, "said once");
    while (first.len < 10 && (pass(x, x->server, x->client) || pass(x, x->client, x->server)))
        ;
    assert_int_equal(first.len, 10);
    assert_memory_equal(first.body, "over used\n", 10);
    mux_stream_end(first.s);
    fixture_run(x, &first.done);
    assert_null(visit.stream);
}

static void a_connection_that_breaks_ends_the_visit(void **state)
{
    struct fixture *x = *state;
    struct answer a;
    open_visit(x, &a);
    assert_int_equal(mux_stream_write(a.s, "begun\n", 6), 6);
    while (host.begun == 0)
        pass(x, x->client, x->server);
    fixture_break(x);
    assert_int_equal(host.left, 1);
    assert_null(visit.stream);
}

static void who_is_no_sender_has_no_visits(void **state)
{
    struct fixture *x = *state;
    visit.host = NULL;
    struct answer *a = says(x, "begun\n");
    assert_int_equal(a->error, HX_ECLOSED);
    answer_free(a);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_has_all_is_counted_with_its_receipt),
        TEST(who_leaves_before_is_not),
        TEST(who_may_not_begin_is_told_why),
        TEST(what_makes_no_sense_ends_it),
        TEST(a_visit_needs_a_receipt_of_some_length),
        TEST(one_receiver_is_one_visit_and_hears_that_it_is_over),
        TEST(a_connection_that_breaks_ends_the_visit),
        TEST(who_is_no_sender_has_no_visits),
    };
    return cmocka_run_group_tests_name("visit", tests, NULL, NULL);
}
