/* proto/candidates: a peer as a set of addresses, and their text. */
#include "base/error.h"
#include "proto/candidates.h"
#include "test/unit/cuts.h"

static struct endpoint at(const char *text)
{
    struct endpoint e;

    assert_int_equal(endpoint_parse(&e, text, strlen(text)), HX_OK);
    return e;
}

static int add(struct candidates *c, const char *text)
{
    struct endpoint e = at(text);

    return candidates_add(c, &e, CANDIDATE_SRFLX);
}

static void an_address_is_in_it_once_and_the_first_stays_first(void **state)
{
    struct candidates c = {.count = 0};
    struct endpoint first = at("192.0.2.1:7000");

    (void)state;
    assert_int_equal(add(&c, "192.0.2.1:7000"), HX_OK);
    assert_int_equal(add(&c, "192.0.2.1:7001"), HX_OK);
    assert_int_equal(add(&c, "192.0.2.1:7000"), HX_OK);
    assert_int_equal(add(&c, "[::ffff:192.0.2.1]:7001"), HX_OK);
    assert_int_equal(c.count, 2);
    assert_true(endpoint_equal(&c.list[0].at, &first));
}

static void what_a_server_saw_may_be_a_host_candidate_too(void **state)
{
    struct candidates c = {.count = 0};
    struct endpoint first = at("192.0.2.1:7000"), other = at("192.0.2.2:7000");

    (void)state;
    add(&c, "192.0.2.1:7000");
    assert_int_equal(candidates_add(&c, &other, CANDIDATE_HOST), HX_OK);
    assert_int_equal(candidates_add(&c, &other, CANDIDATE_HOST), HX_OK);
    assert_int_equal(candidates_add(&c, &first, CANDIDATE_MAPPED), HX_OK);
    assert_false(c.list[0].host_too);
    assert_false(c.list[1].host_too); /* it is one, and nothing else */
    assert_int_equal(candidates_add(&c, &first, CANDIDATE_HOST), HX_OK);
    assert_true(c.list[0].host_too);
    assert_int_equal(c.list[0].kind, CANDIDATE_SRFLX);
}

static void it_is_bounded(void **state)
{
    struct candidates c = {.count = 0};
    struct endpoint e = at("192.0.2.1:7000");

    (void)state;
    for (int i = 0; i < CANDIDATES_MAX; i++, e.port++)
        assert_int_equal(candidates_add(&c, &e, CANDIDATE_HOST), HX_OK);
    assert_int_equal(candidates_add(&c, &e, CANDIDATE_HOST), HX_ELIMIT);
    assert_int_equal(c.count, CANDIDATES_MAX);
    assert_int_equal(candidates_add(&c, &c.list[CANDIDATES_MAX - 1].at, CANDIDATE_HOST), HX_OK);
}

static void two_meet_if_they_have_an_address_in_common(void **state)
{
    struct candidates a = {.count = 0}, b = {.count = 0};

    (void)state;
    assert_false(candidates_meet(&a, &b));
    add(&a, "192.0.2.1:7000");
    add(&a, "[2001:db8::1]:7000");
    assert_false(candidates_meet(&a, &b));
    assert_false(candidates_meet(&b, &a));
    add(&b, "192.0.2.1:7001");
    assert_false(candidates_meet(&a, &b));
    add(&b, "[2001:db8::1]:7000");
    assert_true(candidates_meet(&a, &b));
    assert_true(candidates_meet(&b, &a));
}

static void two_who_have_only_a_private_address_in_common_do_not_meet(void **state)
{
    struct candidates a = {.count = 0}, b = {.count = 0};
    struct endpoint lan = at("192.168.1.2:7000");

    (void)state;
    add(&a, "192.0.2.1:7000");
    add(&b, "192.0.2.2:7000");
    candidates_add(&a, &lan, CANDIDATE_HOST);
    candidates_add(&b, &lan, CANDIDATE_SRFLX);
    assert_false(candidates_meet(&a, &b));
    assert_false(candidates_meet(&b, &a));
    add(&b, "192.0.2.1:7000");
    assert_true(candidates_meet(&a, &b));
}

/* From memory that ends where the text does. */
static int parse(struct candidate *out, const char *text, size_t len)
{
    char *copy = malloc(len ? len : 1);

    assert_non_null(copy);
    memcpy(copy, text, len);
    int err = candidate_parse(out, copy, len);
    free(copy);
    return err;
}

static void the_text_has_address_and_kind_and_unknown_parameters_are_ignored(void **state)
{
    static const struct {
        const char *text, *canonical;
        enum candidate_kind kind;
    } rows[] = {
        {"192.0.2.1:7000 srflx", "192.0.2.1:7000 srflx", CANDIDATE_SRFLX},
        {"10.0.0.1:1   host", "10.0.0.1:1 host", CANDIDATE_HOST},
        {"[::ffff:10.0.0.1]:1 host", "10.0.0.1:1 host", CANDIDATE_HOST},
        {"[2001:DB8:1111:2222:3333:4444:5555:6666]:65535 Mapped",
         "[2001:db8:1111:2222:3333:4444:5555:6666]:65535 mapped", CANDIDATE_MAPPED},
        {"10.0.0.1:1 host; priority=7;x", "10.0.0.1:1 host", CANDIDATE_HOST},
        {"10.0.0.1:1 host ;", "10.0.0.1:1 host", CANDIDATE_HOST},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct candidate c;
        char text[CANDIDATE_TEXT_MAX];
        assert_int_equal(parse(&c, rows[i].text, strlen(rows[i].text)), HX_OK);
        assert_int_equal(c.kind, rows[i].kind);
        assert_int_equal(candidate_format(&c, text), strlen(rows[i].canonical));
        assert_string_equal(text, rows[i].canonical);
    }
}

static void what_is_no_candidate_is_refused(void **state)
{
    static const char *const rows[] = {"",
                                       "10.0.0.1:1",
                                       "10.0.0.1:1 ",
                                       "10.0.0.1:1 prflx",
                                       "10.0.0.1:1 relay",
                                       "10.0.0.1:1 host host",
                                       "10.0.0.1:1 hosts",
                                       "10.0.0.1:1host",
                                       "10.0.0.1:1;host",
                                       "10.0.0.1 host",
                                       "10.0.0.1:0 host",
                                       "fe80::1 host",
                                       "[fe80::1%eth0]:1 host",
                                       "host 10.0.0.1:1",
                                       "\"10.0.0.1:1\" host",
                                       "- host"};
    static const char whole[] = "192.0.2.1:7000 mapped";
    struct candidate c = {.kind = CANDIDATE_PRFLX};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(parse(&c, rows[i], strlen(rows[i])), HX_EPROTO);
    for (size_t len = 0; len < strlen(whole); len++)
        assert_int_equal(parse(&c, whole, len), HX_EPROTO);
    assert_int_equal(parse(&c, "10.0.0.1:1 host\0", 16), HX_EPROTO);
    assert_int_equal(c.kind, CANDIDATE_PRFLX);
}

static void what_nobody_may_read_has_no_text(void **state)
{
    struct candidate c = {.at = at("192.0.2.1:7000"), .kind = CANDIDATE_PRFLX};
    char text[CANDIDATE_TEXT_MAX] = "x";

    (void)state;
    assert_int_equal(candidate_format(&c, text), 0);
    assert_string_equal(text, "");
    c = (struct candidate){.at = {.family = AF_UNSPEC}, .kind = CANDIDATE_HOST};
    assert_int_equal(candidate_format(&c, text), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_is_in_it_once_and_the_first_stays_first),
        cmocka_unit_test(what_a_server_saw_may_be_a_host_candidate_too),
        cmocka_unit_test(it_is_bounded),
        cmocka_unit_test(two_meet_if_they_have_an_address_in_common),
        cmocka_unit_test(two_who_have_only_a_private_address_in_common_do_not_meet),
        cmocka_unit_test(the_text_has_address_and_kind_and_unknown_parameters_are_ignored),
        cmocka_unit_test(what_is_no_candidate_is_refused),
        cmocka_unit_test(what_nobody_may_read_has_no_text),
    };

    return cmocka_run_group_tests_name("candidates", tests, NULL, NULL);
}
