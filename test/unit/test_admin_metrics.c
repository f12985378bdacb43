/* What /metrics says: Prometheus' text, and which metric each counter comes to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "server/admin/metrics.h"
#include "server/admin/metrics_text.h"
#include "server/counters.h"
#include <string.h>

static const struct metrics_label none = {NULL, NULL};

static void labels_are_escaped(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 0);
    struct metrics_text t = metrics_text_begin(&b);
    metrics_text_family(&t, "a_total", "counter", "Help.");
    metrics_text_count(&t, "a_total", none, none, UINT64_MAX);
    metrics_text_count(&t, "a_total", (struct metrics_label){"x", "a\"b\\c\nd"},
                       (struct metrics_label){"y", ""}, 0);
    metrics_text_real(&t, "b", (struct metrics_label){"x", "y"}, 1796024303.527);
    assert_int_equal(t.err, HX_OK);
    assert_int_equal(buf_append(&b, "", 1), HX_OK);
    assert_string_equal(buf_data(&b), "# HELP a_total Help.\n# TYPE a_total counter\n"
                                      "a_total 18446744073709551615\n"
                                      "a_total{x=\"a\\\"b\\\\c\\nd\",y=\"\"} 0\n"
                                      "b{x=\"y\"} 1796024303.527\n");
    buf_free(&b);
}

static void classes_of_a_histogram_are_summed_up(void **state)
{
    static const double le[] = {0.01, 1};
    static const uint64_t counts[] = {3, 0, 2};
    struct buf b;

    (void)state;
    buf_init(&b, 0);
    struct metrics_text t = metrics_text_begin(&b);
    metrics_text_histogram(&t, "h", (struct metrics_label){"by", "h1"},
                           &(struct metrics_histogram){.le = le, .counts = counts, .classes = 3, .sum = 9.5});
    assert_int_equal(buf_append(&b, "", 1), HX_OK);
    assert_string_equal(buf_data(&b), "h_bucket{by=\"h1\",le=\"0.01\"} 3\nh_bucket{by=\"h1\",le=\"1\"} 3\n"
                                      "h_bucket{by=\"h1\",le=\"+Inf\"} 5\nh_sum{by=\"h1\"} 9.5\n"
                                      "h_count{by=\"h1\"} 5\n");
    buf_free(&b);
}

static void an_error_of_the_buffer_stays(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 20);
    struct metrics_text t = metrics_text_begin(&b);
    metrics_text_family(&t, "a_total", "counter", "Help.");
    metrics_text_count(&t, "a", none, none, 0);
    assert_int_equal(t.err, HX_ETOOBIG);
    buf_free(&b);
}

/* What a counter comes to, as "METRIC LABEL". */
static void comes_to(const char *counter, const char *metric, const char *label)
{
    const char *got_label;

    assert_string_equal(metrics_of_counter(counter, &got_label), metric);
    assert_string_equal(got_label, label);
}

static void counters_come_to_metrics_by_their_names(void **state)
{
    (void)state;
    comes_to("bound", "hx_binds_total", "free");
    comes_to("replaced_silent", "hx_binds_total", "silent");
    comes_to("refused_often_name", "hx_refused_total", "often_name");
    comes_to("left_silent", "hx_left_total", "silent");
    comes_to("member_joined", "hx_members_total", "joined");
    comes_to("tunnels", "hx_tunnels_total", "");
    comes_to("tunnel_lost", "hx_tunnel_datagrams_total", "lost");
    comes_to("dropped_bad_cookie", "hx_dropped_total", "bad_cookie");
    comes_to("something_new", "hx_events_total", "something_new");
}

static void find_apart(void *user, const char *name, uint64_t value)
{
    static const char *const by[] = {"h1_", "h2_", "member_"};
    const char *label;
    int *apart = user;
    bool report = false;

    (void)value;
    for (size_t i = 0; i < sizeof by / sizeof *by; i++)
        report |= strncmp(name, by[i], strlen(by[i])) == 0;
    if (metrics_of_counter(name, &label))
        return;
    assert_true(report);
    (*apart)++;
}

/* Outcomes and times, by three: all others are written by their names. */
static void what_is_reported_alone_is_written_apart(void **state)
{
    const struct counters none_yet = {.of = {0}};
    int apart = 0;

    (void)state;
    counters_each(&none_yet, find_apart, &apart);
    assert_int_equal(apart, COUNTER_BYS * (ATTEMPT_OUTCOMES + 7));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_are_escaped),
        cmocka_unit_test(classes_of_a_histogram_are_summed_up),
        cmocka_unit_test(an_error_of_the_buffer_stays),
        cmocka_unit_test(counters_come_to_metrics_by_their_names),
        cmocka_unit_test(what_is_reported_alone_is_written_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
