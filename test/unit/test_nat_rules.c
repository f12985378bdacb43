/* What answers of STUN servers say about a NAT. */
#include "base/error.h"
#include "client/nat_rules.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* S's two addresses and two ports, as RFC 5780 has them. */
#define S     "192.0.2.10:7000"
#define S_P   "192.0.2.10:7001"
#define S2    "192.0.2.11:7000"
#define S2_P  "192.0.2.11:7001"
#define LOCAL 50000

static struct nat_samples samples;

static int begin(void **state)
{
    (void)state;
    memset(&samples, 0, sizeof samples);
    return 0;
}

static struct endpoint at(const char *text)
{
    struct endpoint e = {.family = AF_UNSPEC};
    if (text)
        assert_int_equal(endpoint_parse(&e, text, strlen(text)), HX_OK);
    return e;
}

static void answer(uint16_t local_port, const char *server, const char *mapped)
{
    samples.list[samples.count++] = (struct nat_sample){local_port, true, at(server), at(mapped)};
}

static struct nat_mapping judge(void)
{
    struct nat_mapping m;
    bool one;
    nat_rules_mapping(&samples, &m, &one);
    return m;
}

static bool one_address(void)
{
    struct nat_mapping m;
    bool one;
    nat_rules_mapping(&samples, &m, &one);
    return one;
}

/* From one port, further mappings in a row. */
static void ports(size_t count, const uint16_t *list)
{
    for (size_t i = 0; i < count; i++) {
        char mapped[ENDPOINT_TEXT_MAX];
        struct endpoint e = at("198.51.100.10:1");
        e.port = list[i];
        endpoint_format(&e, mapped);
        answer((uint16_t)(LOCAL + i), S, mapped);
    }
}
#define PORTS(...) ports(sizeof(uint16_t[]){__VA_ARGS__} / sizeof(uint16_t), (const uint16_t[]){__VA_ARGS__})

/* ---- mapping ---- */

static void nothing_follows_from_no_answer(void **state)
{
    (void)state;
    answer(LOCAL, S, NULL);
    answer(LOCAL, S2, NULL);
    assert_int_equal(judge().kind, NAT_MAPPING_UNKNOWN);
    assert_int_equal(judge().ports, NAT_PORTS_UNKNOWN);
    assert_int_equal(judge().last_port, 0);
}

static void one_answer_does_not_tell_the_mapping(void **state)
{
    (void)state;
    answer(LOCAL, S, "198.51.100.10:4000");
    assert_int_equal(judge().kind, NAT_MAPPING_UNKNOWN);
    assert_int_equal(judge().last_port, 0);
    assert_true(one_address());
}

static void one_mapping_for_two_addresses_is_endpoint_independent(void **state)
{
    (void)state;
    answer(LOCAL, S, "198.51.100.10:4000");
    answer(LOCAL, S2, "198.51.100.10:4000");
    assert_int_equal(judge().kind, NAT_MAPPING_ENDPOINT_INDEPENDENT);
    assert_false(one_address());
    assert_false(judge().one_address);
}

static void one_mapping_for_two_ports_of_one_address_may_depend_on_the_address(void **state)
{
    (void)state;
    answer(LOCAL, S, "198.51.100.10:4000");
    answer(LOCAL, S_P, "198.51.100.10:4000");
    assert_int_equal(judge().kind, NAT_MAPPING_ENDPOINT_INDEPENDENT);
    assert_true(one_address());
    assert_true(judge().one_address);
}

static void two_mappings_for_two_ports_are_address_and_port_dependent(void **state)
{
    (void)state;
    answer(LOCAL, S, "198.51.100.10:4000");
    answer(LOCAL, S_P, "198.51.100.10:5000");
    assert_int_equal(judge().kind, NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT);
    answer(LOCAL, S2, "198.51.100.10:6000");
    assert_int_equal(judge().kind, NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT);
}

static void a_mapping_for_each_address_is_address_dependent(void **state)
{
    (void)state;
    answer(LOCAL, S, "198.51.100.10:4000");
    answer(LOCAL, S_P, "198.51.100.10:4000");
    answer(LOCAL, S2, "198.51.100.10:5000");
    answer(LOCAL, S2_P, "198.51.100.10:5000");
    assert_int_equal(judge().kind, NAT_MAPPING_ADDRESS_DEPENDENT);
}

static void without_a_second_port_the_worse_is_assumed(void **state)
{
    (void)state;
    answer(LOCAL, S, "198.51.100.10:4000");
    answer(LOCAL, S2, "198.51.100.10:5000");
    assert_int_equal(judge().kind, NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT);
}

static void another_external_address_is_another_mapping(void **state)
{
    (void)state;
    answer(LOCAL, S, "198.51.100.10:4000");
    answer(LOCAL, S_P, "198.51.100.11:4000");
    assert_int_equal(judge().kind, NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT);
}

static void answers_to_different_ports_of_ours_are_not_compared(void **state)
{
    (void)state;
    answer(LOCAL, S, "198.51.100.10:4000");
    answer(LOCAL + 1, S2, "198.51.100.10:5000");
    assert_int_equal(judge().kind, NAT_MAPPING_UNKNOWN);
}

static void an_answer_that_was_lost_changes_nothing(void **state)
{
    (void)state;
    answer(LOCAL, S, "198.51.100.10:4000");
    answer(LOCAL, S_P, NULL);
    answer(LOCAL, S2, "198.51.100.10:4000");
    assert_int_equal(judge().kind, NAT_MAPPING_ENDPOINT_INDEPENDENT);
}

/* ---- ports ---- */

static void our_own_numbers_are_preserved(void **state)
{
    (void)state;
    PORTS(LOCAL, LOCAL + 1, LOCAL + 2);
    assert_int_equal(judge().ports, NAT_PORTS_PRESERVING);
    assert_int_equal(judge().last_port, 0);
}

static void one_that_was_taken_does_not_hide_that_ports_are_preserved(void **state)
{
    (void)state;
    PORTS(LOCAL, 1024, LOCAL + 2);
    assert_int_equal(judge().ports, NAT_PORTS_PRESERVING);
}

static void one_port_tells_nothing_of_the_next(void **state)
{
    (void)state;
    PORTS(4000);
    assert_int_equal(judge().ports, NAT_PORTS_UNKNOWN);
}

static void ports_one_after_the_other_are_sequential(void **state)
{
    (void)state;
    PORTS(40010, 40011, 40012);
    assert_int_equal(judge().ports, NAT_PORTS_SEQUENTIAL);
    assert_int_equal(judge().step, 1);
    assert_int_equal(judge().last_port, 40012);
}

static void a_sequence_may_go_down(void **state)
{
    (void)state;
    PORTS(40010, 40008, 40006);
    assert_int_equal(judge().ports, NAT_PORTS_SEQUENTIAL);
    assert_int_equal(judge().step, -2);
}

static void ports_that_others_took_between_do_not_hide_the_step(void **state)
{
    (void)state;
    PORTS(40010, 40014, 40016, 40026);
    assert_int_equal(judge().ports, NAT_PORTS_SEQUENTIAL);
    assert_int_equal(judge().step, 2);
}

static void ports_far_apart_are_random(void **state)
{
    (void)state;
    PORTS(40010, 40010 + NAT_SEQUENCE_SPAN + 1, 40010 + NAT_SEQUENCE_SPAN + 2);
    assert_int_equal(judge().ports, NAT_PORTS_RANDOM);
    assert_int_equal(judge().step, 0);
}

static void random_ports_near_each_other_are_of_one_block(void **state)
{
    (void)state;
    PORTS(40010, 40010 + NAT_BLOCK_SPAN - 1, 40100);
    assert_int_equal(judge().ports, NAT_PORTS_RANDOM);
    assert_true(judge().block);
    PORTS(40010, 40010 + NAT_BLOCK_SPAN, 40100);
    assert_false(judge().block);
    PORTS(40010, 40012, 40014);
    assert_false(judge().block);
}

static void ports_back_and_forth_are_random(void **state)
{
    (void)state;
    PORTS(40010, 40012, 40011);
    assert_int_equal(judge().ports, NAT_PORTS_RANDOM);
}

static void two_ports_alone_must_be_nearer_to_be_a_sequence(void **state)
{
    (void)state;
    PORTS(40010, 40010 + NAT_SEQUENCE_SPAN_OF_TWO);
    assert_int_equal(judge().ports, NAT_PORTS_SEQUENTIAL);
    begin(NULL);
    PORTS(40010, 40010 + NAT_SEQUENCE_SPAN_OF_TWO + 1);
    assert_int_equal(judge().ports, NAT_PORTS_RANDOM);
}

static void a_mapping_that_is_seen_again_counts_once(void **state)
{
    (void)state;
    answer(LOCAL, S, "198.51.100.10:40010");
    answer(LOCAL, S_P, "198.51.100.10:40011");
    answer(LOCAL, S, "198.51.100.10:40010");
    answer(LOCAL, S2, "198.51.100.10:40012");
    assert_int_equal(judge().ports, NAT_PORTS_SEQUENTIAL);
    assert_int_equal(judge().step, 1);
}

static void mappings_of_earlier_are_no_part_of_the_sequence(void **state)
{
    (void)state;
    answer(LOCAL, S, "198.51.100.10:30000");
    samples.list[0].fresh = false;
    PORTS(40010, 40011);
    answer(LOCAL, S2, "198.51.100.10:50000");
    samples.list[3].fresh = false;
    assert_int_equal(judge().ports, NAT_PORTS_SEQUENTIAL);
    assert_int_equal(judge().last_port, 40011);
}

static void a_full_list_is_judged(void **state)
{
    (void)state;
    for (int i = 0; i < NAT_SAMPLES_MAX; i++) {
        struct endpoint e = at("198.51.100.10:40000");
        e.port = (uint16_t)(e.port + i);
        samples.list[samples.count++] = (struct nat_sample){(uint16_t)(LOCAL + i), true, at(S), e};
    }
    assert_int_equal(judge().step, 1);
}

/* ---- filtering, verdict ---- */

static void filtering_is_what_came_and_what_stayed_away(void **state)
{
    (void)state;
    assert_int_equal(nat_rules_filtering(NAT_CAME, NAT_CAME), NAT_MAPPING_ENDPOINT_INDEPENDENT);
    assert_int_equal(nat_rules_filtering(NAT_CAME, NAT_UNTESTED), NAT_MAPPING_ENDPOINT_INDEPENDENT);
    assert_int_equal(nat_rules_filtering(NAT_STAYED_AWAY, NAT_CAME), NAT_MAPPING_ADDRESS_DEPENDENT);
    assert_int_equal(nat_rules_filtering(NAT_STAYED_AWAY, NAT_STAYED_AWAY),
                     NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT);
}

static void with_one_address_only_the_worst_filtering_is_known(void **state)
{
    (void)state;
    assert_int_equal(nat_rules_filtering(NAT_UNTESTED, NAT_STAYED_AWAY),
                     NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT);
    assert_int_equal(nat_rules_filtering(NAT_UNTESTED, NAT_CAME), NAT_MAPPING_UNKNOWN);
    assert_int_equal(nat_rules_filtering(NAT_STAYED_AWAY, NAT_UNTESTED), NAT_MAPPING_UNKNOWN);
    assert_int_equal(nat_rules_filtering(NAT_UNTESTED, NAT_UNTESTED), NAT_MAPPING_UNKNOWN);
}

static enum nat_verdict verdict(enum nat_mapping_kind kind, enum nat_ports how)
{
    return nat_rules_verdict(&(struct nat_mapping){.kind = kind, .ports = how});
}

static void the_verdict_is_of_the_mapping_and_its_ports(void **state)
{
    (void)state;
    assert_int_equal(verdict(NAT_MAPPING_UNKNOWN, NAT_PORTS_RANDOM), NAT_UNCLEAR);
    assert_int_equal(verdict(NAT_MAPPING_ENDPOINT_INDEPENDENT, NAT_PORTS_RANDOM), NAT_EASY);
    assert_int_equal(verdict(NAT_MAPPING_ADDRESS_DEPENDENT, NAT_PORTS_RANDOM), NAT_HARD);
    assert_int_equal(verdict(NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT, NAT_PORTS_RANDOM), NAT_HARD);
    assert_int_equal(verdict(NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT, NAT_PORTS_UNKNOWN), NAT_HARD);
    assert_int_equal(verdict(NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT, NAT_PORTS_SEQUENTIAL), NAT_PREDICTABLE);
}

#define TEST(f) cmocka_unit_test_setup(f, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_follows_from_no_answer),
        TEST(one_answer_does_not_tell_the_mapping),
        TEST(one_mapping_for_two_addresses_is_endpoint_independent),
        TEST(one_mapping_for_two_ports_of_one_address_may_depend_on_the_address),
        TEST(two_mappings_for_two_ports_are_address_and_port_dependent),
        TEST(a_mapping_for_each_address_is_address_dependent),
        TEST(without_a_second_port_the_worse_is_assumed),
        TEST(another_external_address_is_another_mapping),
        TEST(answers_to_different_ports_of_ours_are_not_compared),
        TEST(an_answer_that_was_lost_changes_nothing),
        TEST(our_own_numbers_are_preserved),
        TEST(one_that_was_taken_does_not_hide_that_ports_are_preserved),
        TEST(one_port_tells_nothing_of_the_next),
        TEST(ports_one_after_the_other_are_sequential),
        TEST(a_sequence_may_go_down),
        TEST(ports_that_others_took_between_do_not_hide_the_step),
        TEST(ports_far_apart_are_random),
        TEST(random_ports_near_each_other_are_of_one_block),
        TEST(ports_back_and_forth_are_random),
        TEST(two_ports_alone_must_be_nearer_to_be_a_sequence),
        TEST(a_mapping_that_is_seen_again_counts_once),
        TEST(mappings_of_earlier_are_no_part_of_the_sequence),
        TEST(a_full_list_is_judged),
        TEST(filtering_is_what_came_and_what_stayed_away),
        TEST(with_one_address_only_the_worst_filtering_is_known),
        TEST(the_verdict_is_of_the_mapping_and_its_ports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
