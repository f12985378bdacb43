#include "base/buf.h"
#include "base/error.h"
#include "proto/multipart.h"
#include "test/unit/cuts.h"

static const char *test_boundary; /* for run(); NULL is the default */

struct run {
    struct multipart_reader reader;
    struct account *account;
    int err;
};

static void on_part(void *user, const struct multipart_part *part)
{
    struct run *r = user;
    char text[ENDPOINT_TEXT_MAX];

    endpoint_format(&part->peer.list[0].at, text);
    account_add(r->account, "%s=%s\n", part->name, text);
    for (size_t i = 0; i < part->field_count; i++)
        account_add(r->account, "  %s=%s\n", part->fields[i].key, part->fields[i].value);
    if (part->session.given) {
        char session[SESSION_TEXT_MAX], mapping[NAT_MAPPING_TEXT_MAX], candidate[CANDIDATE_TEXT_MAX];
        session_format(&part->session, session);
        nat_mapping_format(&part->mapping, mapping);
        account_add(r->account, "  [%s] %s\n", session, mapping);
        if (part->session.relay.offered) {
            char relay[RELAY_OFFER_TEXT_MAX];
            relay_offer_format(&part->session.relay, relay);
            account_add(r->account, "  relay: %s\n", relay);
        }
        for (size_t i = 0; i < part->peer.count; i++) {
            candidate_format(&part->peer.list[i], candidate);
            account_add(r->account, "  <%s>\n", candidate);
        }
    } else {
        assert_false(part->session.relay.offered);
        assert_int_equal(part->peer.count, 1);
        assert_false(nat_mapping_known(&part->mapping));
    }
}

static void feed(void *user, const char *data, size_t len)
{
    struct run *r = user;
    int err = multipart_reader_feed(&r->reader, data, len);

    if (r->err < 0)
        assert_int_equal(err, r->err); /* stays failed */
    r->err = err;
}

static void run(const struct cuts *c, struct account *a)
{
    struct run r = {.account = a};

    assert_int_equal(multipart_reader_init(&r.reader, test_boundary, on_part, &r), HX_OK);
    feed_cuts(c, feed, &r);
    if (r.err < 0)
        account_add(a, "%s\n", hx_error_text(r.err));
}

static void check(const char *text, const char *expected)
{
    check_every_cut_of(text, strlen(text), expected, run);
}

#define D   "--hx_hole_punching\r\n"
#define A   "a: 192.0.2.1:1\r\n\r\n"
#define A_  "a=192.0.2.1:1\n"
#define BAD "malformed message\n"
#define BIG "message or queue too big\n"

static void parts_are_read(void **state)
{
    (void)state;
    check("", "");
    check(D A, A_);
    check(D A D ": [2001:db8::1]:2\r\n\r\n" D "b: 192.0.2.3:3\r\n\r\n",
          A_ "=[2001:db8::1]:2\nb=192.0.2.3:3\n");
}

static void both_forms_of_the_delimiter_are_read(void **state)
{
    (void)state;
    check("--" D A "--" D A D A, A_ A_ A_);
    check("--hx_hole_punching \t\r\n" A, A_);
}

static void a_part_is_told_when_its_empty_line_has_come(void **state)
{
    (void)state;
    check(D "a: 192.0.2.1:1\r\n", "");
    check(D "a: 192.0.2.1:1\r\n\r", "");
    check(D "a: 192.0.2.1:1\r\n\n", A_);
}

static void bare_lf_ends_lines_too(void **state)
{
    (void)state;
    check("--hx_hole_punching\na: 192.0.2.1:1\n\n----hx_hole_punching\n: 192.0.2.1:2\n\n",
          A_ "=192.0.2.1:2\n");
}

static void empty_lines_between_parts_are_ignored(void **state)
{
    (void)state;
    check("\r\n\r\n" D A "\r\n\n\r\n" D "\r\n" A "\r\n", A_ A_);
}

static void the_preamble_and_the_epilogue_are_ignored(void **state)
{
    (void)state;
    check("This is a\r\nmultipart: message\r\n--hx_hole_punchin\r\n" D A, A_);
    check(D A "--hx_hole_punching--\r\n" D A "rubbish", A_);
    check(D A "----hx_hole_punching--\n" D A, A_);
    check("--hx_hole_punching--\r\n" D A, "");
}

static void blanks_after_the_colon_may_be_more_or_none(void **state)
{
    (void)state;
    check(D "a:192.0.2.1:1\r\n\r\n" D "a: \t 192.0.2.1:1\r\n\r\n" D ":192.0.2.1:1\r\n\r\n",
          A_ A_ "=192.0.2.1:1\n");
}

static void what_is_no_part_is_refused(void **state)
{
    static const char *const lines[] = {
        "a",         "a b: 192.0.2.1:1",  " : 192.0.2.1:1",  "a : 192.0.2.1:1", "a: ",
        "a: -",      "a: 192.0.2.1",      "a: 192.0.2.1:0",  "a: 192.0.2.1:1 ", "a: b: 192.0.2.1:1",
        "192.0.2.1", "\xc3: 192.0.2.1:1", "a: h1_ip:h1_port"};

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, D "%s\r\n\r\n" D A, lines[i]);
        check(text, BAD);
    }
    check(D "a: 192.0.2.1:1\r\n" D A, BAD);
    check(D A "rubbish\r\n" D A, A_ BAD);
    check(D "a: 192.0.2.1:1\r\r\n\r\n", BAD);
}

static void further_fields_are_told_in_their_order(void **state)
{
    (void)state;
    check(D "a: 192.0.2.1:1\r\nCandidate: 10.0.0.1:5 host\r\nX:\r\ncandidate:\t[::1]:6 host \t\n\r\n" D A,
          A_ "  Candidate=10.0.0.1:5 host\n  X=\n  candidate=[::1]:6 host\n" A_);
    check(D "a: 192.0.2.1:1\r\na: 192.0.2.1:1\r\n\r\n", A_ "  a=192.0.2.1:1\n");
}

#define ID      "00112233445566778899aabbccddeeff"
#define KEY     "fedcba98765432100123456789abcdef"
#define SESSION ID " " KEY
#define RELAY   "rate=123456789012; time=8640000"
#define FIRST   "  <192.0.2.1:1 srflx>\n"

static void a_session_comes_with_the_peers_candidates_and_mapping(void **state)
{
    (void)state;
    check(D "a: 192.0.2.1:1\r\nSession: " SESSION "\r\nCandidate: 10.0.0.1:5 host\r\n"
            "Candidate: 192.0.2.1:1 host\r\nMapping: endpoint-independent\r\n\r\n" D A,
          A_ "  Session=" SESSION "\n  Candidate=10.0.0.1:5 host\n  Candidate=192.0.2.1:1 host\n"
             "  Mapping=endpoint-independent\n  [" SESSION "] endpoint-independent\n" FIRST
             "  <10.0.0.1:5 host>\n" A_);
    check(D "a: 192.0.2.1:1\r\ncandidate: 10.0.0.1:5 host\r\nCandidate: 10.0.0.1:5 relay\r\n"
            "mapping: \r\nsession: " SESSION "\r\nX: y\r\n\r\n",
          A_ "  candidate=10.0.0.1:5 host\n  Candidate=10.0.0.1:5 relay\n  mapping=\n  session=" SESSION
             "\n  X=y\n  [" SESSION "] unknown\n" FIRST "  <10.0.0.1:5 host>\n");
}

static void a_session_may_be_relayed(void **state)
{
    (void)state;
    check(D "a: 192.0.2.1:1\r\nSession: " SESSION "\r\nRelay: rate=7; time=60\r\n\r\n" D
            "a: 192.0.2.1:1\r\nrelay: rate=x\r\nRelay:\r\nSession: " SESSION "\r\nRelay: rate=8\r\n\r\n" D
            "a: 192.0.2.1:1\r\nSession: " SESSION "\r\n\r\n" D "a: 192.0.2.1:1\r\nRelay: rate=7\r\n\r\n",
          A_ "  Session=" SESSION "\n  Relay=rate=7; time=60\n  [" SESSION
             "] unknown\n  relay: rate=7; time=60\n" FIRST A_ "  relay=rate=x\n  Relay=\n  Session=" SESSION
             "\n  Relay=rate=8\n  [" SESSION "] unknown\n  relay: rate=0; time=0\n" FIRST A_
             "  Session=" SESSION "\n  [" SESSION "] unknown\n" FIRST A_ "  Relay=rate=7\n");
}

static void without_a_session_only_the_first_line_counts(void **state)
{
    (void)state;
    check(D "a: 192.0.2.1:1\r\nCandidate: 10.0.0.1:5 host\r\nMapping: endpoint-independent\r\n"
            "Session: " ID "\r\n\r\n",
          A_ "  Candidate=10.0.0.1:5 host\n  Mapping=endpoint-independent\n  Session=" ID "\n");
}

static void eight_candidates_are_taken_and_more_ignored(void **state)
{
    struct account text = {.len = 0}, expected = {.len = 0};

    (void)state;
    account_add(&text, D "a: 192.0.2.1:1\r\nSession: " SESSION "\r\n");
    account_add(&expected, A_ "  Session=" SESSION "\n");
    for (int i = 1; i <= CANDIDATES_TOLD_MAX + 1; i++) {
        account_add(&text, "Candidate: 10.0.0.1:%d host\r\n", i);
        account_add(&expected, "  Candidate=10.0.0.1:%d host\n", i);
    }
    account_add(&text, "\r\n");
    account_add(&expected, "  [" SESSION "] unknown\n" FIRST);
    for (int i = 1; i <= CANDIDATES_TOLD_MAX; i++)
        account_add(&expected, "  <10.0.0.1:%d host>\n", i);
    check(text.text, expected.text);
}

static void what_is_no_field_is_refused(void **state)
{
    static const char *const lines[] = {"b",       ": c",      "b : c", " b: c",
                                        "b: \x01", "b: c\x7f", "b@: c", "\xc3: c"};

    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, D "a: 192.0.2.1:1\r\n%s\r\n\r\n" D A, lines[i]);
        check(text, BAD);
    }
}

static void as_many_fields_as_fit_are_read_and_one_more_is_refused(void **state)
{
    char *long_value = repeated('v', 500);
    struct account text = {.len = 0}, expected = {.len = 0};

    (void)state;
    account_add(&text, D "a: 192.0.2.1:1\r\n");
    account_add(&expected, A_);
    for (int i = 0; i < MULTIPART_FIELDS_MAX; i++) {
        account_add(&text, "k%d: v\r\n", i);
        account_add(&expected, "  k%d=v\n", i);
    }
    account_add(&text, "\r\n");
    check(text.text, expected.text);
    text.len -= strlen("\r\n");
    account_add(&text, "more: v\r\n");
    check(text.text, BIG);
    text.len = 0;
    account_add(&text, D "a: 192.0.2.1:1\r\n");
    for (int i = 0; i < MULTIPART_FIELDS_MAX_BYTES / 500 + 1; i++)
        account_add(&text, "k: %s\r\n", long_value);
    check(text.text, BIG);
    free(long_value);
}

static void the_values_of_a_key_are_found_whatever_its_case(void **state)
{
    struct multipart_part part = {.field_count = 3, .fields = {{"A", "1"}, {"b", "2"}, {"a", "3"}}};
    size_t at = 0;

    (void)state;
    assert_string_equal(multipart_next(&part, "a", &at), "1");
    assert_string_equal(multipart_next(&part, "a", &at), "3");
    assert_null(multipart_next(&part, "a", &at));
    at = 0;
    assert_null(multipart_next(&part, "c", &at));
}

static void a_name_of_255_bytes_is_read_and_256_are_refused(void **state)
{
    char *name = repeated('n', HOST_ID_MAX);
    char text[512], expected[512];

    (void)state;
    snprintf(text, sizeof text, D "%s: 192.0.2.1:1\r\n\r\n", name);
    snprintf(expected, sizeof expected, "%s=192.0.2.1:1\n", name);
    check(text, expected);
    snprintf(text, sizeof text, D "%sn: 192.0.2.1:1\r\n\r\n", name);
    check(text, BAD);
    free(name);
}

static void a_line_of_512_bytes_is_read_and_513_are_refused(void **state)
{
    char *fill = repeated('x', MULTIPART_LINE_MAX);
    char text[MULTIPART_LINE_MAX + 128];

    (void)state;
    snprintf(text, sizeof text, "%s\r\n" D A, fill);
    check(text, A_);
    snprintf(text, sizeof text, "%s\n" D A, fill);
    check(text, A_);
    snprintf(text, sizeof text, "%sx", fill);
    check(text, BIG);
    snprintf(text, sizeof text, "%s\rx", fill);
    check(text, BIG);
    free(fill);
}

static void other_boundaries_are_read(void **state)
{
    (void)state;
    test_boundary = "frontier";
    check(D "--frontier\r\n" A "frontier\r\n" A "--frontier--\r\n" A, A_ A_);
    test_boundary = "";
    check(D A, A_);
    test_boundary = NULL;
}

static void a_boundary_of_70_bytes_is_taken_and_71_are_refused(void **state)
{
    char *boundary = repeated('b', 71);
    char text[256];

    (void)state;
    struct multipart_reader r;
    assert_int_equal(multipart_reader_init(&r, boundary, NULL, NULL), HX_EINVAL);
    boundary[70] = '\0';
    test_boundary = boundary;
    snprintf(text, sizeof text, "--%s\r\n" A "--%s--\r\nx", boundary, boundary);
    check(text, A_);
    test_boundary = NULL;
    free(boundary);
}

static void a_part_is_written_as_one_chunk_or_bare(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 0);
    struct endpoint e;
    assert_int_equal(endpoint_parse(&e, "192.0.2.1:1", 11), HX_OK);
    assert_int_equal(multipart_write_part(&out, "a", &e, NULL, NULL, true), HX_OK);
    assert_int_equal(out.len, strlen("26\r\n" D A "\r\n"));
    assert_memory_equal(buf_data(&out), "26\r\n" D A "\r\n", out.len);
    buf_consume(&out, out.len);
    assert_int_equal(multipart_write_part(&out, "", &e, NULL, NULL, true), HX_OK);
    assert_int_equal(out.len, strlen("25\r\n" D ": 192.0.2.1:1\r\n\r\n\r\n"));
    assert_memory_equal(buf_data(&out), "25\r\n" D ": 192.0.2.1:1\r\n\r\n\r\n", out.len);
    buf_consume(&out, out.len);
    assert_int_equal(multipart_write_part(&out, "a", &e, NULL, NULL, false), HX_OK);
    assert_int_equal(out.len, strlen(D A));
    assert_memory_equal(buf_data(&out), D A, out.len);
    assert_int_equal(multipart_write_part(&out, "a:b", &e, NULL, NULL, true), HX_EINVAL);
    assert_int_equal(multipart_write_part(&out, "a\r\nb", &e, NULL, NULL, true), HX_EINVAL);
    buf_free(&out);
}

static void the_longest_part_is_written_and_read_back(void **state)
{
    static const char longest[] = "[2001:db8:1111:2222:3333:4444:5555:6666]:65535";
    char *name = repeated('n', HOST_ID_MAX);
    char expected[512];

    (void)state;
    struct buf out;
    buf_init(&out, 0);
    struct endpoint e;
    assert_int_equal(endpoint_parse(&e, longest, strlen(longest)), HX_OK);
    assert_int_equal(multipart_write_part(&out, name, &e, NULL, NULL, true), HX_OK);
    size_t size_line = strlen("147\r\n");
    snprintf(expected, sizeof expected, "%s=%s\n", name, longest);
    check_every_cut_of(buf_data(&out) + size_line, out.len - size_line - 2, expected, run);
    buf_free(&out);
    buf_init(&out, 100);
    assert_int_equal(multipart_write_part(&out, name, &e, NULL, NULL, true), HX_ETOOBIG);
    assert_int_equal(out.len, 0);
    buf_free(&out);
    free(name);
}

static void a_part_with_all_that_there_can_be_is_written_and_read_back(void **state)
{
    static const char longest[] = "[2001:db8:1111:2222:3333:4444:5555:6666]:55550";
    struct peer_fields fields = {.mapping = {NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT, NAT_PORTS_SEQUENTIAL,
                                             -65535, 65535, true, false}};
    struct account expected = {.len = 0};
    char *name = repeated('n', HOST_ID_MAX), lines[PEER_FIELDS_TEXT_MAX];
    struct buf out;
    struct endpoint e;

    (void)state;
    buf_init(&out, 0);
    assert_int_equal(endpoint_parse(&e, longest, strlen(longest)), HX_OK);
    assert_int_equal(session_parse(&fields.session, SESSION, strlen(SESSION)), HX_OK);
    fields.session.relay = (struct relay_offer){.offered = true, .rate = 123456789012, .time_s = 8640000};
    account_add(&expected, "%s=%s\n  Session=" SESSION "\n  Relay=" RELAY "\n", name, longest);
    for (e.port = 55551; e.port <= 55550 + CANDIDATES_MAX; e.port++) {
        assert_int_equal(candidates_add(&fields.candidates, &e, CANDIDATE_MAPPED), HX_OK);
        if (e.port <= 55550 + CANDIDATES_TOLD_MAX)
            account_add(&expected, "  Candidate=%.*s%u mapped\n", (int)sizeof longest - 6, longest, e.port);
    }
    account_add(&expected,
                "  Mapping=address-and-port-dependent; ports=sequential; step=-65535; last=65535; servers=1\n"
                "  [" SESSION "] address-and-port-dependent; ports=sequential; step=-65535; "
                "last=65535; servers=1\n  relay: " RELAY "\n  <%s srflx>\n",
                longest);
    for (e.port = 55551; e.port <= 55550 + CANDIDATES_TOLD_MAX; e.port++)
        account_add(&expected, "  <%.*s%u mapped>\n", (int)sizeof longest - 6, longest, e.port);
    e.port = 55550;
    peer_fields_format(&fields, lines);
    assert_int_equal(multipart_write_part(&out, name, &e, &fields.session, lines, true), HX_OK);
    size_t size_line = strlen("400\r\n");
    check_every_cut_of(buf_data(&out) + size_line, out.len - size_line - 2, expected.text, run);
    buf_free(&out);
    free(name);
}

static void a_session_may_come_with_nothing_else_and_never_with_too_much(void **state)
{
    char *lines = repeated('x', PEER_FIELDS_TEXT_MAX);
    struct session session;
    struct endpoint e;
    struct buf out;

    (void)state;
    buf_init(&out, 0);
    assert_int_equal(endpoint_parse(&e, "192.0.2.1:1", 11), HX_OK);
    assert_int_equal(session_parse(&session, SESSION, strlen(SESSION)), HX_OK);
    assert_int_equal(multipart_write_part(&out, "a", &e, &session, "", true), HX_OK);
    assert_int_equal(out.len, strlen("72\r\n" D "a: 192.0.2.1:1\r\nSession: " SESSION "\r\n\r\n\r\n"));
    check_every_cut_of(buf_data(&out) + 4, out.len - 6,
                       A_ "  Session=" SESSION "\n  [" SESSION "] unknown\n" FIRST, run);
    assert_int_equal(multipart_write_part(&out, "a", &e, &session, lines, true), HX_EINVAL);
    buf_free(&out);
    free(lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_are_read),
        cmocka_unit_test(both_forms_of_the_delimiter_are_read),
        cmocka_unit_test(a_part_is_told_when_its_empty_line_has_come),
        cmocka_unit_test(bare_lf_ends_lines_too),
        cmocka_unit_test(empty_lines_between_parts_are_ignored),
        cmocka_unit_test(the_preamble_and_the_epilogue_are_ignored),
        cmocka_unit_test(blanks_after_the_colon_may_be_more_or_none),
        cmocka_unit_test(what_is_no_part_is_refused),
        cmocka_unit_test(further_fields_are_told_in_their_order),
        cmocka_unit_test(what_is_no_field_is_refused),
        cmocka_unit_test(as_many_fields_as_fit_are_read_and_one_more_is_refused),
        cmocka_unit_test(the_values_of_a_key_are_found_whatever_its_case),
        cmocka_unit_test(a_name_of_255_bytes_is_read_and_256_are_refused),
        cmocka_unit_test(a_line_of_512_bytes_is_read_and_513_are_refused),
        cmocka_unit_test(other_boundaries_are_read),
        cmocka_unit_test(a_boundary_of_70_bytes_is_taken_and_71_are_refused),
        cmocka_unit_test(a_part_is_written_as_one_chunk_or_bare),
        cmocka_unit_test(the_longest_part_is_written_and_read_back),
        cmocka_unit_test(a_session_comes_with_the_peers_candidates_and_mapping),
        cmocka_unit_test(a_session_may_be_relayed),
        cmocka_unit_test(without_a_session_only_the_first_line_counts),
        cmocka_unit_test(eight_candidates_are_taken_and_more_ignored),
        cmocka_unit_test(a_part_with_all_that_there_can_be_is_written_and_read_back),
        cmocka_unit_test(a_session_may_come_with_nothing_else_and_never_with_too_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
