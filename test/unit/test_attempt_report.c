/* proto/attempt_report: what came of an attempt, as the nameserver is told. */
#include "base/error.h"
#include "proto/attempt_report.h"
#include "test/unit/cuts.h"

/* From memory that ends where the text does. */
static int parse(struct attempt_report *out, const char *text, size_t len)
{
    char *copy = malloc(len ? len : 1);

    assert_non_null(copy);
    memcpy(copy, text, len);
    int err = attempt_report_parse(out, copy, len);
    free(copy);
    return err;
}

static const struct attempt_report whole = {
    .outcome = ATTEMPT_BIRTHDAY,
    .session = "00c0ffee",
    .ms = 812,
    .tries = 2,
    .probes = 1033,
    .own = {.kind = NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT, .ports = NAT_PORTS_RANDOM},
    .peer = {.kind = NAT_MAPPING_ENDPOINT_INDEPENDENT, .ports = NAT_PORTS_PRESERVING}};
static const char whole_text[] =
    "GET /report?outcome=birthday&session=00c0ffee&ms=812&tries=2&probes=1033"
    "&mapping=address-and-port-dependent&ports=random&peer_mapping=endpoint-independent&peer_ports=preserving"
    " HTTP/1.1\r\n\r\n";

static void assert_same(const struct attempt_report *a, const struct attempt_report *b)
{
    assert_int_equal(a->outcome, b->outcome);
    assert_int_equal(a->reason, b->reason);
    assert_string_equal(a->session, b->session);
    assert_int_equal(a->ms, b->ms);
    assert_int_equal(a->tries, b->tries);
    assert_int_equal(a->probes, b->probes);
    assert_int_equal(a->own.kind, b->own.kind);
    assert_int_equal(a->own.ports, b->own.ports);
    assert_int_equal(a->peer.kind, b->peer.kind);
    assert_int_equal(a->peer.ports, b->peer.ports);
}

static void reports_are_written_and_read(void **state)
{
    char text[ATTEMPT_REPORT_MAX];
    struct attempt_report r;

    (void)state;
    assert_int_equal(attempt_report_write(&whole, text), strlen(whole_text));
    assert_string_equal(text, whole_text);
    assert_int_equal(parse(&r, whole_text, strlen(whole_text)), HX_OK);
    assert_same(&r, &whole);
    for (int i = 0; i < ATTEMPT_OUTCOMES * ATTEMPT_REASONS; i++) {
        struct attempt_report one = {.outcome = (enum attempt_outcome)(i / ATTEMPT_REASONS),
                                     .reason = (enum attempt_reason)(i % ATTEMPT_REASONS)};
        size_t len = attempt_report_write(&one, text);
        assert_int_equal(parse(&r, text, len), HX_OK);
        assert_same(&r, &one);
        assert_int_equal(attempt_outcome_of(attempt_outcome_text(one.outcome)), one.outcome);
    }
    assert_int_equal(attempt_outcome_of("carried"), ATTEMPT_OTHER);
}

static void the_longest_report_fits_and_its_numbers_are_cut_to_what_is_read(void **state)
{
    struct attempt_report longest = whole, r;
    char text[ATTEMPT_REPORT_MAX];

    (void)state;
    longest.outcome = ATTEMPT_PREDICTED;
    longest.reason = ATTEMPT_HANDSHAKE;
    longest.ms = longest.tries = longest.probes = INT64_MAX;
    longest.peer = longest.own;
    size_t len = attempt_report_write(&longest, text);
    assert_true(len < ATTEMPT_REPORT_MAX / 2 + 128);
    assert_int_equal(parse(&r, text, len), HX_OK);
    assert_int_equal(r.probes, ATTEMPT_NUMBER_MAX);
    longest.ms = -1;
    len = attempt_report_write(&longest, text);
    assert_int_equal(parse(&r, text, len), HX_OK);
    assert_int_equal(r.ms, 0);
}

static void a_report_that_is_cut_is_none(void **state)
{
    struct attempt_report r = {.tries = 77};

    (void)state;
    for (size_t len = 0; len < strlen(whole_text); len++)
        assert_int_equal(parse(&r, whole_text, len), HX_EPROTO);
    assert_int_equal(r.tries, 77);
}

static void what_is_no_report_is_refused(void **state)
{
    static const char *const texts[] = {
        "GET /report? HTTP/1.1\r\n\r\n",
        "GET /report?ms=1 HTTP/1.1\r\n\r\n",
        "GET /report?outcome= HTTP/1.1\r\n\r\n",
        "GET /report?outcome HTTP/1.1\r\n\r\n",
        "GET /report?outcome=lan&outcome=lan HTTP/1.1\r\n\r\n",
        "GET /report?outcome=lan&ms=-1 HTTP/1.1\r\n\r\n",
        "GET /report?outcome=lan&ms=1e3 HTTP/1.1\r\n\r\n",
        "GET /report?outcome=lan&ms=12345678 HTTP/1.1\r\n\r\n",
        "GET /report?outcome=lan&session=00C0FFEE HTTP/1.1\r\n\r\n",
        "GET /report?outcome=lan&session=00c0ffe HTTP/1.1\r\n\r\n",
        "GET /report?outcome=lan&note=a b HTTP/1.1\r\n\r\n",
        "GET /report?outcome=lan&note=\x1b[2J HTTP/1.1\r\n\r\n",
        "GET /report?outcome=lan&note=\xff HTTP/1.1\r\n\r\n",
        "GET /report?outcome=lan&note=\"a&b\" HTTP/1.1\r\n\r\n",
        "GET /report?outcome=lan HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /report?outcome=lan HTTP/1.0\r\n\r\n",
        "POST /report?outcome=lan HTTP/1.1\r\n\r\n",
        "GET /connect?host_id=a HTTP/1.1\r\n\r\n",
    };
    struct attempt_report r;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (parse(&r, texts[i], strlen(texts[i])) != HX_EPROTO)
            fail_msg("taken: %s", texts[i]);
    }
}

static void words_and_parameters_of_later_versions_do_no_harm(void **state)
{
    static const char text[] =
        "GET /report?outcome=carried&&relay=10.0.0.1%3A7&x&mapping=carrier-grade&ports=blocks"
        "&reason=boredom HTTP/1.1\r\n\r\n";
    struct attempt_report r;

    (void)state;
    assert_int_equal(parse(&r, text, strlen(text)), HX_OK);
    assert_same(&r, &(struct attempt_report){.outcome = ATTEMPT_OTHER});
}

static void a_report_that_is_too_long_is_refused(void **state)
{
    char text[ATTEMPT_REPORT_MAX + 64];
    struct attempt_report r;

    (void)state;
    for (size_t pad = ATTEMPT_REPORT_MAX - 60; pad < ATTEMPT_REPORT_MAX; pad++) {
        char *a = repeated('a', pad);
        int len = snprintf(text, sizeof text, "GET /report?outcome=lan&a=%s HTTP/1.1\r\n\r\n", a);
        free(a);
        assert_int_equal(parse(&r, text, (size_t)len), len > ATTEMPT_REPORT_MAX ? HX_EPROTO : HX_OK);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_are_written_and_read),
        cmocka_unit_test(the_longest_report_fits_and_its_numbers_are_cut_to_what_is_read),
        cmocka_unit_test(a_report_that_is_cut_is_none),
        cmocka_unit_test(what_is_no_report_is_refused),
        cmocka_unit_test(words_and_parameters_of_later_versions_do_no_harm),
        cmocka_unit_test(a_report_that_is_too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
