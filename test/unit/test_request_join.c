/* proto/request.h: /join, as it is read and as it is written. */
#include "test/unit/request_fixture.h"

#define JOIN "GET /join?session=room&expect=3&name=ann HTTP/1.1\r\n"

static void a_session_a_number_and_a_name_are_read_in_any_order(void **state)
{
    static const struct row rows[] = {
        {"/join?session=room&expect=3&name=ann", "/join id=room name=ann expect=3\n"},
        {"/join?name=ann&x=1&expect=64&session=r%40m", "/join id=r@m name=ann expect=64\n"},
        {"/join?expect=002&host_id=:&session=room&name=ann", "/join id=room name=ann expect=2\n"},
        {"http://s/join?session=a&expect=8&name=b", "/join id=a name=b expect=8\n"},
    };

    (void)state;
    CHECK_ROWS(check_target, rows);
}

static void what_is_missing_malformed_or_given_twice_is_refused_and_the_next_request_works(void **state)
{
    static const char *const targets[] = {
        "/join",
        "/join?",
        "/join?session=a&expect=2",
        "/join?session=a&name=b",
        "/join?expect=2&name=b",
        "/join?session=&expect=2&name=b",
        "/join?session=a&expect=2&name=",
        "/join?session=a&expect=2&name",
        "/join?session=a&expect=&name=b",
        "/join?session=a&expect=0&name=b",
        "/join?session=a&expect=1&name=b",
        "/join?session=a&expect=65&name=b",
        "/join?session=a&expect=258&name=b",
        "/join?session=a&expect=4294967298&name=b",
        "/join?session=a&expect=99999999999999999998&name=b",
        "/join?session=a&expect=abc&name=b",
        "/join?session=a&expect=2x&name=b",
        "/join?session=a&expect=+2&name=b",
        "/join?session=a&expect=-2&name=b",
        "/join?session=a&expect=2.0&name=b",
        "/join?session=a&expect=2&expect=2&name=b",
        "/join?session=a&session=a&expect=2&name=b",
        "/join?session=a&expect=2&name=b&name=b",
        "/join?session=a:b&expect=2&name=b",
        "/join?session=a&expect=2&name=b%20c",
        "/join?session=a&expect=2&name=%00",
    };

    (void)state;
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++)
        check_refused(targets[i]);
}

static void a_session_and_a_name_of_255_bytes_are_taken_and_256_are_refused(void **state)
{
    char *name = repeated('n', HOST_ID_MAX), target[3 * HOST_ID_MAX], expected[3 * HOST_ID_MAX];

    (void)state;
    snprintf(target, sizeof target, "/join?session=%s&expect=2&name=%s", name, name);
    snprintf(expected, sizeof expected, "/join id=%s name=%s expect=2\n", name, name);
    check_target(target, expected);
    snprintf(target, sizeof target, "/join?session=%sn&expect=2&name=a", name);
    check_target(target, "400\n");
    snprintf(target, sizeof target, "/join?session=a&expect=2&name=%sn", name);
    check_target(target, "400\n");
    free(name);
}

static void its_fields_are_those_of_a_bind_and_how_long_it_waits(void **state)
{
    static const struct row rows[] = {
        {JOIN "Prefer: wait=9\r\n\r\n", "/join id=room name=ann wait=9 expect=3\n"},
        {JOIN "Join-Session: 00112233445566778899AABBCCDDEEFF\r\n\r\n",
         "/join id=room name=ann expect=3 mine=00112233445566778899aabbccddeeff\n"},
        {JOIN
         "Candidate: 192.0.2.1:5 host\r\nSession: 00112233445566778899aabbccddeeff\r\nRelay: only\r\n\r\n",
         "/join id=room name=ann expect=3\nCandidate: 192.0.2.1:5 host\r\n"},
        {JOIN "Bind-Session: x\r\n\r\n", "/join id=room name=ann expect=3\n"},
        {JOIN "Join-Session: 0011\r\n\r\n", "400 fatal\n"},
        {JOIN "Join-Session: \r\n\r\n", "400 fatal\n"},
        {JOIN "Join-Session: 00112233445566778899aabbccddeeff\r\n"
              "Join-Session: 00112233445566778899aabbccddeeff\r\n\r\n",
         "400 fatal\n"},
        {"GET /bind?host_id=a HTTP/1.1\r\nJoin-Session: x\r\n\r\n", "/bind id=a\n"},
        {"HEAD /join?session=room&expect=3&name=ann HTTP/1.1\r\n\r\n",
         "/join id=room name=ann expect=3 head\n"},
    };

    (void)state;
    CHECK_ROWS(check, rows);
}

static void what_is_written_is_read(void **state)
{
    struct peer_fields own = {.candidates.count = 0};
    struct endpoint e;
    struct buf out;

    (void)state;
    buf_init(&out, 0);
    assert_int_equal(endpoint_parse(&e, "192.0.2.1:5", 11), HX_OK);
    assert_int_equal(candidates_add(&own.candidates, &e, CANDIDATE_HOST), HX_OK);
    assert_int_equal(request_write_join(&out, "r&m", 64, "a%b", "Prefer: wait=7\r\n", &own), HX_OK);
    check_bytes(buf_data(&out), out.len,
                "/join id=r&m name=a%b wait=7 expect=64\nCandidate: 192.0.2.1:5 host\r\n");
    buf_consume(&out, out.len);
    assert_int_equal(request_write_join(&out, "room", 2, "ann", NULL, NULL), HX_OK);
    check_bytes(buf_data(&out), out.len, "/join id=room name=ann expect=2\n");
    buf_consume(&out, out.len);
    assert_int_equal(request_write_join(&out, "", 2, "ann", NULL, NULL), HX_EINVAL);
    assert_int_equal(request_write_join(&out, "room", 2, "", NULL, NULL), HX_EINVAL);
    assert_int_equal(request_write_join(&out, "room", 1, "ann", NULL, NULL), HX_EINVAL);
    assert_int_equal(request_write_join(&out, "room", 65, "ann", NULL, NULL), HX_EINVAL);
    assert_int_equal(out.len, 0);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_a_number_and_a_name_are_read_in_any_order),
        cmocka_unit_test(what_is_missing_malformed_or_given_twice_is_refused_and_the_next_request_works),
        cmocka_unit_test(a_session_and_a_name_of_255_bytes_are_taken_and_256_are_refused),
        cmocka_unit_test(its_fields_are_those_of_a_bind_and_how_long_it_waits),
        cmocka_unit_test(what_is_written_is_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
