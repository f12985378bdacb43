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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_is_read_and_written),
        cmocka_unit_test(what_is_no_session_is_refused),
    };

    return cmocka_run_group_tests_name("session", tests, NULL, NULL);
}
