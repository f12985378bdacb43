/* proto/membership.h: what a part of /join says, as it is written into the part and as it is read. */
#include "base/buf.h"
#include "base/error.h"
#include "proto/multipart.h"
#include "test/unit/cuts.h"

#define D       "--hx_hole_punching\r\n"
#define A       "ann: 192.0.2.1:1\r\n"
#define SESSION "00112233445566778899aabbccddeeff 112233445566778899aabbccddeeff00"

static void on_part(void *user, const struct multipart_part *part)
{
    const struct membership *m = &part->member;

    account_add(user, "%s %s %d/%d candidates=%zu%s\n", part->name, member_event_text(m->event), m->here,
                m->expect, part->peer.count, part->session.given ? " session" : "");
}

static void feed(void *user, const char *data, size_t len)
{
    assert_int_equal(multipart_reader_feed(user, data, len), HX_OK);
}

static void run(const struct cuts *c, struct account *a)
{
    struct multipart_reader r;

    assert_int_equal(multipart_reader_init(&r, NULL, on_part, a), HX_OK);
    feed_cuts(c, feed, &r);
}

static void check(const char *text, const char *expected)
{
    check_every_cut_of(text, strlen(text), expected, run);
}

static void every_event_is_written_and_read_back(void **state)
{
    struct endpoint e;
    struct buf out;

    (void)state;
    assert_int_equal(endpoint_parse(&e, "192.0.2.1:1", 11), HX_OK);
    for (int event = MEMBER_SELF; event < MEMBER_EVENTS; event++) {
        struct membership m = {(enum member_event)event, event, MEMBERS_MAX};
        char expected[128];
        buf_init(&out, 0);
        assert_int_equal(multipart_write_member(&out, "ann", &e, &m, NULL, NULL, false), HX_OK);
        snprintf(expected, sizeof expected, "ann %s %d/64 candidates=1\n", member_event_text(m.event), event);
        check_every_cut_of(buf_data(&out), out.len, expected, run);
        buf_free(&out);
    }
}

static void the_lines_stand_behind_the_first_one_and_before_the_session(void **state)
{
    struct membership m = {MEMBER_JOINED, 3, 8};
    struct session s;
    struct endpoint e;
    struct buf out;
    const char *text =
        D A "Members: 3/8\r\nMember: joined\r\nSession: " SESSION "\r\nCandidate: 10.0.0.1:5 host\r\n\r\n";

    (void)state;
    buf_init(&out, 0);
    assert_int_equal(endpoint_parse(&e, "192.0.2.1:1", 11), HX_OK);
    assert_int_equal(session_parse(&s, SESSION, strlen(SESSION)), HX_OK);
    assert_int_equal(multipart_write_member(&out, "ann", &e, &m, &s, "Candidate: 10.0.0.1:5 host\r\n", false),
                     HX_OK);
    assert_int_equal(out.len, strlen(text));
    assert_memory_equal(buf_data(&out), text, out.len);
    check_every_cut_of(text, strlen(text), "ann joined 3/8 candidates=2 session\n", run);
    assert_int_equal(multipart_write_member(&out, "", &e, &m, &s, "", false), HX_EINVAL);
    buf_free(&out);
}

static void the_longest_part_is_written_and_read_back(void **state)
{
    static const char longest[] = "[2001:db8:1111:2222:3333:4444:5555:6666]:65535";
    struct membership m = {MEMBER_WAITED, MEMBERS_MAX, MEMBERS_MAX};
    struct peer_fields fields = {.mapping = {NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT, NAT_PORTS_SEQUENTIAL,
                                             -65535, 65535, true, false}};
    char *name = repeated('n', HOST_ID_MAX), lines[PEER_FIELDS_TEXT_MAX], expected[512];
    struct session s;
    struct endpoint e;
    struct buf out;

    (void)state;
    buf_init(&out, 0);
    assert_int_equal(endpoint_parse(&e, longest, strlen(longest)), HX_OK);
    assert_int_equal(session_parse(&s, SESSION, strlen(SESSION)), HX_OK);
    s.relay = (struct relay_offer){.offered = true, .rate = 123456789012345678, .time_s = 123456789012345678};
    for (; fields.candidates.count < CANDIDATES_TOLD_MAX; e.port--)
        assert_int_equal(candidates_add(&fields.candidates, &e, CANDIDATE_MAPPED), HX_OK);
    peer_fields_format(&fields, lines);
    assert_int_equal(multipart_write_member(&out, name, &e, &m, &s, lines, false), HX_OK);
    snprintf(expected, sizeof expected, "%s waited 64/64 candidates=%d session\n", name,
             CANDIDATES_TOLD_MAX + 1);
    check_every_cut_of(buf_data(&out), out.len, expected, run);
    buf_free(&out);
    free(name);
}

static void what_is_malformed_unknown_or_comes_twice_is_ignored(void **state)
{
    static const char *const members[] = {"",      "1",     "/",     "1/",    "/2",    "0/2",   "65/64",
                                          "1/1",   "1/65",  "1/2/3", "1 /2",  "-1/2",  "a/b",   "1/2x",
                                          "001/2", "1/002", "1/100", "100/2", "+1/+2", "1/2 3", "1//2"};

    (void)state;
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        char text[128];
        snprintf(text, sizeof text, D A "Members: %s\r\nMember: here\r\n\r\n", members[i]);
        check(text, "ann here 0/0 candidates=1\n");
    }
    check(D A "MEMBERS: 1/64\r\nmember: HERE\r\n\r\n", "ann here 1/64 candidates=1\n");
    check(D A "Members: 1/2\r\nMembers: 2/2\r\nMember: left\r\nMember: joined\r\n\r\n",
          "ann left 1/2 candidates=1\n");
    check(D A "Member: dances\r\nMembers: 1/2\r\n\r\n", "ann  1/2 candidates=1\n");
    check(D A "Member: \r\n\r\n", "ann  0/0 candidates=1\n");
}

static void a_part_says_nothing_of_the_one_before(void **state)
{
    (void)state;
    check(D A "Members: 1/2\r\nMember: self\r\n\r\n" D "bob: 192.0.2.2:2\r\n\r\n",
          "ann self 1/2 candidates=1\nbob  0/0 candidates=1\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_event_is_written_and_read_back),
        cmocka_unit_test(the_lines_stand_behind_the_first_one_and_before_the_session),
        cmocka_unit_test(the_longest_part_is_written_and_read_back),
        cmocka_unit_test(what_is_malformed_unknown_or_comes_twice_is_ignored),
        cmocka_unit_test(a_part_says_nothing_of_the_one_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
