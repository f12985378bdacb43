/* To whom a nameserver may send those who ask it, and to whom it may not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/error.h"
#include "client/detour.h"
#include <string.h>

static struct settings settings;

static int begin(void **state)
{
    struct nameserver_name names[NAMESERVERS_MAX];

    (void)state;
    memset(&settings, 0, sizeof settings);
    settings.nameserver_count = nameserver_names_parse(names, "one.example,https://web.example", 7000);
    settings.transports = TRANSPORT_ANY;
    for (int i = 0; i < settings.nameserver_count; i++) {
        settings.nameservers[i] = names[i].udp;
        settings.places[i] = (struct tunnel_place){.tcp = names[i].tcp, .tls = names[i].tls};
    }
    return settings.nameserver_count == 2 ? 0 : -1;
}

static bool takes(struct detour *d, const char *location, bool tunnelled, int where)
{
    struct nameserver_end end = {
        .error = HX_ELIMIT, .answered = true, .location = location, .tunnelled = tunnelled, .text = ""};

    *d = (struct detour){.taken = false};
    return detour_take(d, &end, &settings, where);
}

static void one_nameserver_is_taken_in_each_form_that_a_name_has(void **state)
{
    struct detour d;
    struct nameserver_request request = {.wait_s = 0};

    (void)state;
    assert_true(takes(&d, "udt://two.example:7001/", false, 0));
    detour_request(&d, &settings, 0, &request);
    assert_string_equal(request.name->host, "two.example");
    assert_int_equal(request.name->port, 7001);
    assert_int_equal(request.place->tcp.port, 7001);
    assert_true(takes(&d, "two.example", false, 0));
    assert_int_equal(d.name.port, 7000);
    assert_true(takes(&d, "[2001:db8::2]:7", false, 0));
    assert_true(takes(&d, "https://two.example/?udp=9", true, 1));
    assert_int_equal(d.name.port, 9);
    assert_true(d.place.tls);
}

static void what_is_no_nameserver_is_not_taken(void **state)
{
    static const char *const locations[] = {"",
                                            "two.example,three.example",
                                            "ftp://two.example",
                                            "two.example/bind",
                                            "udt://two.example/bind?host_id=x",
                                            "two example",
                                            "udt://",
                                            "/elsewhere",
                                            "https://user@two.example",
                                            "two.example:0",
                                            "two.example:70000"};
    static char longer[2000];
    struct detour d;

    (void)state;
    for (size_t i = 0; i < sizeof locations / sizeof *locations; i++)
        assert_false(takes(&d, locations[i], true, 0));
    memset(longer, 'a', sizeof longer - 1);
    assert_false(takes(&d, longer, true, 0));
}

static void the_same_one_or_a_second_hop_is_not_taken(void **state)
{
    struct nameserver_end end = {.error = HX_ELIMIT, .location = "three.example", .text = ""};
    struct detour d;

    (void)state;
    assert_false(takes(&d, "one.example", false, 0));
    assert_false(takes(&d, "udt://ONE.example:7000/", false, 0));
    assert_true(takes(&d, "two.example", false, 0));
    assert_false(detour_take(&d, &end, &settings, 0)); /* of the one that was named */
    assert_string_equal(detour_name(&d, &settings, 0)->host, "two.example");
    detour_end(&d);
    assert_string_equal(detour_name(&d, &settings, 0)->host, "one.example");
    assert_true(detour_take(&d, &end, &settings, 0)); /* in another try */
    end.error = HX_ENOTFOUND;
    detour_end(&d);
    assert_false(detour_take(&d, &end, &settings, 0)); /* only one that takes nothing */
}

static void nobody_is_sent_from_tls_to_where_there_is_none(void **state)
{
    struct detour d;

    (void)state;
    assert_false(takes(&d, "udt://two.example", true, 1));
    assert_false(takes(&d, "http://two.example", true, 1));
    assert_true(takes(&d, "https://two.example", true, 1));
}

static void tcp_is_used_where_it_was_used_before_and_nowhere_else(void **state)
{
    struct detour d;

    (void)state;
    assert_true(takes(&d, "two.example", false, 0));
    assert_int_equal(d.transports, TRANSPORT_UDP);
    assert_true(takes(&d, "two.example", true, 0));
    assert_int_equal(d.transports, TRANSPORT_ANY);
    settings.transports = TRANSPORT_TCP;
    assert_true(takes(&d, "two.example", true, 0));
    assert_int_equal(d.transports, TRANSPORT_TCP);
    assert_false(takes(&d, "two.example", false, 0));
}

static void a_name_is_awaited_a_bounded_number_of_times(void **state)
{
    struct detour d = {.taken = false};
    int times = 0;

    (void)state;
    assert_false(detour_awaits(&d));
    assert_true(takes(&d, "two.example", false, 0));
    for (int i = 0; i < 100; i++) {
        struct nameserver_end end = {.error = HX_ELIMIT, .location = "two.example", .text = ""};

        times += detour_awaits(&d);
        detour_end(&d);
        assert_true(detour_take(&d, &end, &settings, 0));
    }
    assert_int_equal(times, DETOUR_AWAITED_MAX);
}

#define DETOUR_TEST(name) cmocka_unit_test_setup(name, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DETOUR_TEST(one_nameserver_is_taken_in_each_form_that_a_name_has),
        DETOUR_TEST(what_is_no_nameserver_is_not_taken),
        DETOUR_TEST(the_same_one_or_a_second_hop_is_not_taken),
        DETOUR_TEST(nobody_is_sent_from_tls_to_where_there_is_none),
        DETOUR_TEST(tcp_is_used_where_it_was_used_before_and_nowhere_else),
        DETOUR_TEST(a_name_is_awaited_a_bounded_number_of_times),
    };

    return cmocka_run_group_tests_name("detour", tests, NULL, NULL);
}
