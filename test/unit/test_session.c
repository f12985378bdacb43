/* proto/session: the ID and the key of two who meet, as text. */
#include "base/error.h"
#include "proto/session.h"
#include "test/unit/cuts.h"

#define ID  "00112233445566778899aabbccddeeff"
#define KEY "fedcba98765432100123456789abcdef"

static void a_session_is_read_and_written(void **state)
{
    struct session s;
    char text[SESSION_TEXT_MAX], id[SESSION_ID_TEXT_MAX];

    (void)state;
    assert_int_equal(session_parse(&s, ID " " KEY, 65), HX_OK);
    assert_true(s.given);
    assert_int_equal(s.id[0], 0);
    assert_int_equal(s.id[15], 0xff);
    assert_int_equal(s.key[0], 0xfe);
    session_format(&s, text);
    assert_string_equal(text, ID " " KEY);
    session_id_format(s.id, id);
    assert_string_equal(id, ID);
    assert_int_equal(session_id_parse(s.key, "00112233445566778899AABBCCDDEEFF", 32), HX_OK);
    assert_memory_equal(s.key, s.id, sizeof s.id);
}

static void what_is_no_session_is_refused(void **state)
{
    static const char *const rows[] = {ID ID " ",  ID "  " KEY,    ID "\t" KEY,        " " ID KEY,
                                       ID "-" KEY, ID " " KEY " ", ID " " KEY "; a=b", ID " " ID "0"};
    char text[] = ID " " KEY;
    struct session s = {.given = false};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(session_parse(&s, rows[i], strlen(rows[i])), HX_EPROTO);
    for (size_t len = 0; len < strlen(text); len++)
        assert_int_equal(session_parse(&s, text, len), HX_EPROTO);
    for (size_t i = 0; i < strlen(text); i++) {
        char was = text[i];
        text[i] = 'g';
        assert_int_equal(session_parse(&s, text, strlen(text)), HX_EPROTO);
        text[i] = was;
    }
    assert_false(s.given);
    for (size_t len = 0; len < strlen(text); len++)
        assert_int_equal(session_id_parse(s.id, text, len), len == 32 ? HX_OK : HX_EPROTO);
}

static void check_offer(const char *text, uint64_t rate, uint64_t time_s)
{
    struct relay_offer o = {.offered = false};

    assert_int_equal(relay_offer_parse(&o, text, strlen(text)), HX_OK);
    assert_true(o.offered && o.rate == rate && o.time_s == time_s);
}

static void the_offer_of_a_relay_is_read_and_written(void **state)
{
    const struct relay_offer o = {.offered = true, .rate = 123456789012, .time_s = 3600};
    const struct relay_offer most = {.offered = true, .rate = UINT64_MAX, .time_s = UINT64_MAX};
    char text[RELAY_OFFER_TEXT_MAX];

    (void)state;
    relay_offer_format(&o, text);
    assert_string_equal(text, "rate=123456789012; time=3600");
    check_offer(text, o.rate, o.time_s);
    relay_offer_format(&most, text);
    assert_string_equal(text, "rate=18446744073709551615; time=18446744073709551615");
    check_offer("", 0, 0);
    check_offer("time=7", 0, 7);
    check_offer("Rate=1;TIME=2 ; later=\"a; b\"", 1, 2);
    check_offer("; rate=5;", 5, 0);
}

static void an_offer_with_a_bad_number_is_refused(void **state)
{
    static const char *const rows[] = {"rate",    "rate=", "rate=-1",
                                       "rate=1x", "=1",    "time=0123456789012345678",
                                       "rate= ;", "a b=1", "rate=\"1\""};
    const char text[] = "rate=1; time=22";
    struct relay_offer o = {.offered = false};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(relay_offer_parse(&o, rows[i], strlen(rows[i])), HX_EPROTO);
    assert_false(o.offered);
    for (size_t len = 0; len <= strlen(text); len++) { /* cut at each byte it is read, or refused */
        bool whole = len == 0 || (len >= 6 && len <= 8) || len >= 14;
        assert_int_equal(relay_offer_parse(&o, text, len), whole ? HX_OK : HX_EPROTO);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_is_read_and_written),
        cmocka_unit_test(what_is_no_session_is_refused),
        cmocka_unit_test(the_offer_of_a_relay_is_read_and_written),
        cmocka_unit_test(an_offer_with_a_bad_number_is_refused),
    };

    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
