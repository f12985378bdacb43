#include "base/error.h"
#include "proto/host_id.h"
#include "test/unit/cuts.h"

static void each_byte_is_judged_as_rfc_9110_lists_it(void **state)
{
    static const char allowed[] = "!#$%&'*+-.^_`|~@"
                                  "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

    (void)state;
    for (int c = 0; c < 256; c++) {
        char name = (char)c;
        assert_int_equal(host_id_valid(&name, 1), memchr(allowed, c, strlen(allowed)) != NULL);
    }
}

static void one_bad_byte_anywhere_makes_a_name_invalid(void **state)
{
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        char name[] = "alice";
        assert_true(host_id_valid(name, 5));
        name[i] = ':';
        assert_false(host_id_valid(name, 5));
        name[i] = '\0';
        assert_false(host_id_valid(name, 5));
    }
}

static void names_have_1_to_255_bytes(void **state)
{
    char *name = repeated('n', HOST_ID_MAX + 1);
    char out[3 * HOST_ID_MAX + 1];

    (void)state;
    assert_false(host_id_valid("", 0));
    assert_true(host_id_valid(name, 1));
    assert_true(host_id_valid(name, HOST_ID_MAX));
    assert_false(host_id_valid(name, HOST_ID_MAX + 1));
    assert_int_equal(host_id_encode(name, out, sizeof out), HX_EINVAL);
    assert_int_equal(host_id_encode("", out, sizeof out), HX_EINVAL);
    free(name);
}

static void names_are_encoded_for_a_query(void **state)
{
    char out[3 * HOST_ID_MAX + 1];

    (void)state;
    assert_int_equal(host_id_encode("Aa0-._~", out, sizeof out), 7);
    assert_string_equal(out, "Aa0-._~");
    assert_int_equal(host_id_encode("a@b&c%d+|", out, sizeof out), 19);
    assert_string_equal(out, "a%40b%26c%25d%2B%7C");
    assert_int_equal(host_id_encode("a:b", out, sizeof out), HX_EINVAL);
    assert_int_equal(host_id_encode("a b", out, sizeof out), HX_EINVAL);
}

static void encoding_needs_room_for_the_nul(void **state)
{
    char *worst = repeated('@', HOST_ID_MAX);
    char out[3 * HOST_ID_MAX + 1];

    (void)state;
    assert_int_equal(host_id_encode("a@", out, 5), 4);
    assert_int_equal(host_id_encode("a@", out, 4), HX_ETOOBIG);
    assert_int_equal(host_id_encode("a", out, 0), HX_ETOOBIG);
    assert_int_equal(host_id_encode(worst, out, sizeof out), 3 * HOST_ID_MAX);
    assert_int_equal(host_id_encode(worst, out, sizeof out - 1), HX_ETOOBIG);
    free(worst);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_byte_is_judged_as_rfc_9110_lists_it),
        cmocka_unit_test(one_bad_byte_anywhere_makes_a_name_invalid),
        cmocka_unit_test(names_have_1_to_255_bytes),
        cmocka_unit_test(names_are_encoded_for_a_query),
        cmocka_unit_test(encoding_needs_room_for_the_nul),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
