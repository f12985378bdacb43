/* client/forward/flow_drops: every reason has its words, and its number. */
#include "client/forward/flow_drops.h"
#include "test/unit/cuts.h"

static void nothing_dropped_is_said_so(void **state)
{
    char text[FLOW_DROPS_MAX];
    (void)state;
    assert_int_equal(
        flow_drops_format(&(struct flow_drops){{0}}, &(struct hx_datagram_counts){.sent = 9}, text), 0);
    assert_string_equal(text, "none");
}

static void each_reason_is_told_by_itself(void **state)
{
    char text[FLOW_DROPS_MAX], before[FLOW_DROPS_MAX] = "";
    (void)state;
    for (int i = 0; i < DROPS; i++) {
        struct flow_drops d = {{0}};
        d.of[i] = 7;
        assert_int_equal(flow_drops_format(&d, &(struct hx_datagram_counts){.sent = 1}, text), 7);
        assert_int_equal(strncmp(text, "7 ", 2), 0);
        assert_string_not_equal(text, before);
        memcpy(before, text, sizeof before);
    }
}

static void all_at_once_fit(void **state)
{
    struct hx_datagram_counts n;
    struct flow_drops d;
    char text[FLOW_DROPS_MAX];
    (void)state;
    memset(&n, 0x11, sizeof n); /* 19 digits each */
    memset(&d, 0x11, sizeof d);
    (void)flow_drops_format(&d, &n, text);
    assert_in_range(strlen(text), 200, FLOW_DROPS_MAX - 2);
    assert_non_null(strstr(text, "served")); /* the last of them */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_dropped_is_said_so),
        cmocka_unit_test(each_reason_is_told_by_itself),
        cmocka_unit_test(all_at_once_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
