/* Two who meet and both tell candidates get a session, and each what the other one tells. */
#include "proto/candidates.h"
#include "proto/host_id.h"
#include "proto/peer_fields.h"
#include "proto/session.h"
#include "server/peer_lines.h"
#include "server/session_source.h"
#include "test/unit/meeting_fixture.h"

#define LINE_H1    "host_sweet_host: 203.0.113.10:40001\r\n"
#define LINE_H2    ": 198.51.100.20:40002\r\n"
#define CANDIDATE1 "Candidate: 192.168.1.2:40001 host\r\n"
#define CANDIDATE2 "Candidate: 10.0.0.5:40002 host\r\nCandidate: [2001:db8::5]:40002 mapped\r\n"
#define MAPPING1   "Mapping: endpoint-independent; ports=preserving\r\n"
#define MAPPING2   "Mapping: address-and-port-dependent; ports=sequential; step=2; last=40002\r\n"
#define ID         "00112233445566778899aabbccddeeff"

/* The first session that was told there. */
static struct session session_of(const char *text)
{
    const char *at = strstr(text, "Session: ");
    struct session s;

    if (!at)
        fail_msg("no session in\n%s", text);
    assert_int_equal(session_parse(&s, at + strlen("Session: "), SESSION_TEXT_MAX - 1), 0);
    return s;
}

/* `text` begins with the part of the first line `line`, the session and the further lines. Returns what
 * follows. */
static const char *check_part(const char *text, const char *line, const struct session *s, const char *lines)
{
    char part[2048], chunk[2100], session[SESSION_TEXT_MAX];

    session_format(s, session);
    int len =
        snprintf(part, sizeof part, "--hx_hole_punching\r\n%sSession: %s\r\n%s\r\n", line, session, lines);
    len = snprintf(chunk, sizeof chunk, "%x\r\n%s\r\n", (unsigned)len, part);
    if (strncmp(text, chunk, (size_t)len) != 0)
        fail_msg("expected\n%s\ngot\n%s", chunk, text);
    return text + len;
}

static void two_who_tell_candidates_get_one_session_and_what_the_other_tells(void **state)
{
    struct fake_stream *h1 = ask(*state, H1, BIND, CANDIDATE1 MAPPING1);

    assert_string_equal(fixture_body(h1), "");
    struct fake_stream *h2 = ask(*state, H2, CONNECT, MAPPING2 CANDIDATE2);
    struct session s = session_of(fixture_body(h1));
    assert_string_equal(check_part(fixture_body(h1), LINE_H2, &s, CANDIDATE2 MAPPING2), "");
    assert_string_equal(check_part(fixture_body(h2), LINE_H1, &s, CANDIDATE1 MAPPING1), PART_H2);
}

static void who_tells_nothing_is_told_nothing_and_makes_nobody_be_told(void **state)
{
    static const struct {
        const char *h1, *h2;
    } rows[] = {{CANDIDATE1 MAPPING1, ""},
                {"", CANDIDATE2 MAPPING2},
                {CANDIDATE1, "Session: " ID "\r\n" MAPPING2},
                {CANDIDATE1, "Candidate: 10.0.0.5:0 host\r\nCandidate: 10.0.0.5:1 relay\r\nCandidate:\r\n"},
                {CANDIDATE1, "X-Candidate: 10.0.0.5:40002 host\r\n"},
                {MAPPING1, CANDIDATE2}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fake_stream *h1 = ask(*state, H1, BIND, rows[i].h1);
        struct fake_stream *h2 = ask(*state, H2, CONNECT, rows[i].h2);

        assert_string_equal(fixture_body(h1), PART_H2);
        assert_string_equal(fixture_body(h2), PART_H1 PART_H2);
        fixture_close(*state, h2);
        fixture_close(*state, h1);
        fixture_pass(*state, 1000);
    }
}

static void what_no_other_host_can_use_is_not_passed_on(void **state)
{
    struct fake_stream *h1 = ask(*state, H1, BIND,
                                 "Candidate: 127.0.0.1:1 host\r\nCandidate: [::1]:1 host\r\n"
                                 "Candidate: [fe80::1]:1 host\r\nCandidate: 0.0.0.0:1 host\r\n"
                                 "Candidate: 224.0.0.1:1 host\r\nCandidate: 240.0.0.1:1 host\r\n" CANDIDATE1);
    struct fake_stream *h2 = ask(*state, H2, CONNECT, "Candidate: 127.0.0.1:1 host\r\n");
    struct session s = session_of(fixture_body(h1));

    assert_string_equal(check_part(fixture_body(h1), LINE_H2, &s, ""), "");
    assert_string_equal(check_part(fixture_body(h2), LINE_H1, &s, CANDIDATE1), PART_H2);
}

static void eight_candidates_are_passed_on_and_more_are_not(void **state)
{
    char headers[1024] = "", passed[1024] = "";

    for (int i = 1; i <= CANDIDATES_TOLD_MAX + 1; i++) {
        if (i == CANDIDATES_TOLD_MAX + 1)
            strcpy(passed, headers);
        snprintf(headers + strlen(headers), sizeof headers - strlen(headers),
                 "Candidate: 10.0.0.1:%d host\r\n", i);
    }
    struct fake_stream *h1 = ask(*state, H1, BIND, headers), *h2 = ask(*state, H2, CONNECT, headers);
    struct session s = session_of(fixture_body(h1));
    check_part(fixture_body(h1), LINE_H2, &s, passed);
    check_part(fixture_body(h2), LINE_H1, &s, passed);
}

static void each_introduction_has_a_session_of_its_own(void **state)
{
    struct fake_stream *h1 = ask(*state, H1, BIND, CANDIDATE1);
    struct fake_stream *a = ask(*state, H2, CONNECT, CANDIDATE2);
    struct fake_stream *b = ask(*state, "198.51.100.20:40003", CONNECT, CANDIDATE2);
    struct session of_a = session_of(fixture_body(a)), of_b = session_of(fixture_body(b));

    assert_memory_not_equal(of_a.id, of_b.id, SESSION_BYTES);
    assert_memory_not_equal(of_a.key, of_b.key, SESSION_BYTES);
    assert_memory_not_equal(of_a.id, of_a.key, SESSION_BYTES);
    const char *rest = check_part(fixture_body(h1), LINE_H2, &of_a, CANDIDATE2);
    assert_string_equal(check_part(rest, ": 198.51.100.20:40003\r\n", &of_b, CANDIDATE2), "");
}

static void a_session_is_continued_under_its_id_and_a_new_key(void **state)
{
    struct fake_stream *h1 = ask(*state, H1, BIND, CANDIDATE1);
    struct fake_stream *h2 = ask(*state, H2, CONNECT, CANDIDATE2);
    struct session first = session_of(fixture_body(h1)), second;
    char id[SESSION_ID_TEXT_MAX], headers[256];

    session_id_format(first.id, id);
    fixture_close(*state, h2);
    fake_stream_forget(h1);
    snprintf(headers, sizeof headers, "Session: %s\r\n" CANDIDATE2, id);
    h2 = ask(*state, "198.51.100.20:50002", CONNECT, headers);
    second = session_of(h1->output);
    assert_memory_equal(second.id, first.id, SESSION_BYTES);
    assert_memory_not_equal(second.key, first.key, SESSION_BYTES);
    assert_string_equal(check_part(h1->output, ": 198.51.100.20:50002\r\n", &second, CANDIDATE2), "");
    check_part(fixture_body(h2), LINE_H1, &second, CANDIDATE1);
}

static void a_name_that_moves_brings_a_watching_h2_the_session_of_that_introduction(void **state)
{
    struct fake_stream *h1 = ask(*state, H1, BIND, CANDIDATE1);
    struct fake_stream *h2 = ask(*state, H2, CONNECT, CANDIDATE2 MAPPING2);
    struct session first = session_of(fixture_body(h1)), second;

    fixture_close(*state, h1);
    fake_stream_forget(h2);
    h1 = ask(*state, "203.0.113.10:50009", BIND, MAPPING1 "Candidate: 192.168.7.7:50009 host\r\n");
    second = session_of(fixture_body(h1));
    assert_memory_not_equal(second.id, first.id, SESSION_BYTES);
    assert_string_equal(check_part(fixture_body(h1), LINE_H2, &second, CANDIDATE2 MAPPING2), "");
    assert_string_equal(check_part(h2->output, "host_sweet_host: 203.0.113.10:50009\r\n", &second,
                                   "Candidate: 192.168.7.7:50009 host\r\n" MAPPING1),
                        "");
}

/* A router has mapped the holder's port, or another port of it is free: the address is the same. */
static void who_continues_a_session_is_told_of_a_holders_other_candidates(void **state)
{
    struct fake_stream *h1 = ask(*state, H1, BIND, CANDIDATE1), *again;
    struct fake_stream *h2 = ask(*state, H2, CONNECT, "Session: " ID "\r\n" CANDIDATE2);

    fake_stream_forget(h2);
    again = ask(*state, H1, BIND, CANDIDATE1 MAPPING1);
    assert_true(h1->closed);
    assert_string_equal(fixture_body(again), "");
    assert_string_equal(h2->output, ""); /* they are the same */
    h1 = ask(*state, H1, BIND, CANDIDATE1 "Candidate: 203.0.113.10:50009 mapped\r\n");
    struct session s = session_of(fixture_body(h1));
    check_part(fixture_body(h1), LINE_H2, &s, CANDIDATE2);
    assert_string_equal(
        check_part(h2->output, LINE_H1, &s, CANDIDATE1 "Candidate: 203.0.113.10:50009 mapped\r\n"), "");
    fake_stream_forget(h2);
    ask(*state, H1, BIND, CANDIDATE1 "Candidate: 203.0.113.10:50009 mapped\r\n");
    ask(*state, H1, BIND, "");
    assert_string_equal(h2->output, "");
}

static void who_continues_none_is_not_disturbed_by_other_candidates(void **state)
{
    ask(*state, H1, BIND, CANDIDATE1);
    struct fake_stream *h2 = ask(*state, H2, CONNECT, CANDIDATE2), *stock = ask(*state, H2, CONNECT, "");

    fake_stream_forget(h2);
    fake_stream_forget(stock);
    ask(*state, H1, BIND, CANDIDATE1 "Candidate: 203.0.113.10:50009 mapped\r\n");
    assert_string_equal(h2->output, "");
    assert_string_equal(stock->output, "");
}

static void a_name_that_moves_to_one_who_tells_nothing_brings_the_specifications_parts(void **state)
{
    struct fake_stream *h1 = ask(*state, H1, BIND, CANDIDATE1), *h2 = ask(*state, H2, CONNECT, CANDIDATE2);

    fixture_close(*state, h1);
    fake_stream_forget(h2);
    h1 = ask(*state, "203.0.113.10:50009", BIND, "");
    assert_string_equal(fixture_body(h1), PART_H2);
    assert_string_equal(h2->output,
                        "3b\r\n--hx_hole_punching\r\nhost_sweet_host: 203.0.113.10:50009\r\n\r\n\r\n");
}

static void a_bind_from_the_same_address_replaces_what_was_told(void **state)
{
    struct fake_stream *old = ask(*state, H1, BIND, CANDIDATE1);
    struct fake_stream *h1 = ask(*state, H1, BIND, "Candidate: 192.168.7.7:40001 host\r\n");
    struct fake_stream *h2 = ask(*state, H2, CONNECT, CANDIDATE2);
    struct session s = session_of(fixture_body(h1));

    assert_true(old->closed);
    check_part(fixture_body(h2), LINE_H1, &s, "Candidate: 192.168.7.7:40001 host\r\n");
}

static void who_waits_for_a_name_gets_the_session_when_it_appears(void **state)
{
    struct fake_stream *h2 = ask(*state, H2, CONNECT, "Prefer: wait=30\r\n" CANDIDATE2), *h1;

    h1 = ask(*state, H1, BIND, CANDIDATE1);
    struct session s = session_of(fixture_body(h1));
    check_part(fixture_body(h1), LINE_H2, &s, CANDIDATE2);
    assert_string_equal(check_part(fixture_body(h2), LINE_H1, &s, CANDIDATE1), PART_H2);
}

static void what_a_refused_request_told_is_not_told_with_the_next_one(void **state)
{
    struct fake_stream *h2 = ask(*state, H2, CONNECT, CANDIDATE2), *h1;

    assert_int_equal(fixture_status(h2), 404);
    fake_stream_forget(h2);
    h1 = ask(*state, H1, BIND, CANDIDATE1);
    say(*state, h2, CONNECT, "");
    assert_string_equal(fixture_body(h1), PART_H2);
    assert_string_equal(fixture_body(h2), PART_H1 PART_H2);
}

static void a_head_tells_nobody_anything(void **state)
{
    struct fake_stream *h1 = ask(*state, H1, BIND, CANDIDATE1), *h2 = fixture_peer(*state, H2);

    fixture_say(*state, h2, "HEAD " CONNECT " HTTP/1.1\r\n" CANDIDATE2 "\r\n");
    assert_int_equal(fixture_status(h2), 200);
    assert_string_equal(fixture_body(h1), "");
    assert_string_equal(fixture_body(h2), "");
}

/* --max-queue's least value; the names and all that is told have their greatest lengths. */
static void the_longest_answer_fits_the_smallest_queue(void **state)
{
    struct fixture *f = *state;
    char name[HOST_ID_MAX + 1], bind[512], connect[1024], headers[1024] = "";
    struct fake_stream *h1, *h2;

    f->config.max_queue_bytes = 2048;
    strcpy(headers, "Mapping: address-and-port-dependent; ports=preserving; step=-65535; last=65535\r\n");
    memset(name, 'n', HOST_ID_MAX);
    name[HOST_ID_MAX] = '\0';
    snprintf(bind, sizeof bind, "/bind?host_id=%s", name);
    snprintf(connect, sizeof connect, "/connect?host_id=%s&name=%s", name, name);
    for (int i = 0; i < CANDIDATES_TOLD_MAX; i++)
        snprintf(headers + strlen(headers), sizeof headers - strlen(headers),
                 "Candidate: [2001:1db8:1111:2222:3333:4444:5555:6666]:%d mapped\r\n", 65000 + i);
    h1 = ask(f, "[2001:1db8:1111:2222:3333:4444:5555:7777]:65000", bind, headers);
    h2 = fixture_peer_unread(f, "[2001:1db8:1111:2222:3333:4444:5555:8888]:65000");
    h1->room = h2->room = 0;
    fixture_accept(f, h2);
    say(f, h2, connect, headers);
    assert_false(h1->closed || h2->closed);
    h1->room = h2->room = 10000;
    fixture_ready(f, h1);
    fixture_ready(f, h2);
    assert_int_equal(fixture_count(h1->output, "65007 mapped\r\n"), 1);
    assert_int_equal(fixture_count(h2->output, "65007 mapped\r\n"), 1);
    assert_int_equal(fixture_count(h2->output, "--hx_hole_punching\r\nnnn"), 2);
}

static void a_source_of_sessions_never_repeats_itself(void **state)
{
    enum { MANY = 100 };
    static struct session drawn[MANY];
    struct session_source source = {.left = 0};

    (void)state;
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(session_source_draw(&source, &drawn[i]), 0);
        assert_true(drawn[i].given);
        for (int k = 0; k < i; k++) {
            assert_memory_not_equal(drawn[i].id, drawn[k].id, SESSION_BYTES);
            assert_memory_not_equal(drawn[i].key, drawn[k].key, SESSION_BYTES);
        }
    }
    for (size_t i = source.left; i < sizeof source.bytes; i++)
        assert_int_equal(source.bytes[i], 0); /* what was given away is not kept */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(two_who_tell_candidates_get_one_session_and_what_the_other_tells),
        TEST(who_tells_nothing_is_told_nothing_and_makes_nobody_be_told),
        TEST(what_no_other_host_can_use_is_not_passed_on),
        TEST(eight_candidates_are_passed_on_and_more_are_not),
        TEST(each_introduction_has_a_session_of_its_own),
        TEST(a_session_is_continued_under_its_id_and_a_new_key),
        TEST(a_name_that_moves_brings_a_watching_h2_the_session_of_that_introduction),
        TEST(who_continues_a_session_is_told_of_a_holders_other_candidates),
        TEST(who_continues_none_is_not_disturbed_by_other_candidates),
        TEST(a_name_that_moves_to_one_who_tells_nothing_brings_the_specifications_parts),
        TEST(a_bind_from_the_same_address_replaces_what_was_told),
        TEST(who_waits_for_a_name_gets_the_session_when_it_appears),
        TEST(what_a_refused_request_told_is_not_told_with_the_next_one),
        TEST(a_head_tells_nobody_anything),
        TEST(the_longest_answer_fits_the_smallest_queue),
        cmocka_unit_test(a_source_of_sessions_never_repeats_itself),
    };

    return cmocka_run_group_tests_name("sessions", tests, NULL, NULL);
}
