#include "client/hard_nat.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct nat_mapping unknown = {.kind = NAT_MAPPING_UNKNOWN};
static const struct nat_mapping easy = {.kind = NAT_MAPPING_ENDPOINT_INDEPENDENT,
                                        .ports = NAT_PORTS_PRESERVING};
static const struct nat_mapping sequential = {.kind = NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT,
                                              .ports = NAT_PORTS_SEQUENTIAL,
                                              .step = 2,
                                              .last_port = 40000};
static const struct nat_mapping one_port = {
    .kind = NAT_MAPPING_ADDRESS_DEPENDENT, .ports = NAT_PORTS_SEQUENTIAL, .step = 1, .last_port = 40000};
static const struct nat_mapping random_ports = {.kind = NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT,
                                                .ports = NAT_PORTS_RANDOM};

static void the_two_halves_of_a_method_meet(void **state)
{
    static const struct {
        const struct nat_mapping *caller, *called;
        enum hard_nat_method callers, calleds;
    } rows[] = {
        {&easy, &easy, HARD_NAT_NONE, HARD_NAT_NONE},
        {&unknown, &easy, HARD_NAT_NONE, HARD_NAT_NONE},
        {&easy, &sequential, HARD_NAT_GUESS, HARD_NAT_NONE},
        {&sequential, &unknown, HARD_NAT_NONE, HARD_NAT_GUESS},
        {&easy, &random_ports, HARD_NAT_SPRAY_PORTS, HARD_NAT_OPEN_SOCKETS},
        {&random_ports, &unknown, HARD_NAT_OPEN_SOCKETS, HARD_NAT_SPRAY_PORTS},
        {&sequential, &sequential, HARD_NAT_MEET_PORTS, HARD_NAT_MEET_SOCKETS},
        {&one_port, &sequential, HARD_NAT_MEET_SOCKETS,
         HARD_NAT_MEET_PORTS}, /* ports of one socket are one */
        {&sequential, &one_port, HARD_NAT_MEET_PORTS, HARD_NAT_MEET_SOCKETS},
        {&one_port, &one_port, HARD_NAT_GUESS, HARD_NAT_GUESS},
        {&one_port, &random_ports, HARD_NAT_SPRAY_PORTS, HARD_NAT_OPEN_SOCKETS},
        {&random_ports, &one_port, HARD_NAT_OPEN_SOCKETS, HARD_NAT_SPRAY_PORTS},
        {&sequential, &random_ports, HARD_NAT_HOPELESS, HARD_NAT_HOPELESS},
        {&random_ports, &random_ports, HARD_NAT_HOPELESS, HARD_NAT_HOPELESS},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(hard_nat_method(rows[i].caller, rows[i].called, true), rows[i].callers);
        assert_int_equal(hard_nat_method(rows[i].called, rows[i].caller, false), rows[i].calleds);
    }
}

static void the_next_ports_are_counted_from_the_last_one_told(void **state)
{
    struct nat_mapping down = sequential;
    (void)state;
    assert_int_equal(hard_nat_next_port(&sequential, 1), 40002);
    assert_int_equal(hard_nat_next_port(&sequential, 20), 40040);
    assert_int_equal(hard_nat_next_port(&random_ports, 1), 0);
    down.step = -1000;
    assert_int_equal(hard_nat_next_port(&down, 1), 39000);
    assert_int_equal(hard_nat_next_port(&down, -1), 41000);
    assert_int_equal(hard_nat_next_port(&down, 39), 1000 + 64512); /* after 1024 comes 65535 */
    down.step = 20000;
    assert_int_equal(hard_nat_next_port(&down, 2), 80000 - 64512);
    down.last_port = 1023;
    assert_int_equal(hard_nat_next_port(&down, 1), 0);
}

static void steps_are_counted_the_way_that_the_nat_goes(void **state)
{
    struct nat_mapping down = sequential, high = sequential;
    (void)state;
    assert_int_equal(hard_nat_steps(&sequential, 40000), 0);
    assert_int_equal(hard_nat_steps(&sequential, 40002), 1);
    assert_int_equal(hard_nat_steps(&sequential, 40003), 2);
    assert_int_equal(hard_nat_steps(&sequential, 39998), 0); /* too far */
    assert_int_equal(hard_nat_steps(&sequential, 40000 + 2 * HARD_NAT_FAR), HARD_NAT_FAR);
    assert_int_equal(hard_nat_steps(&sequential, 40001 + 2 * HARD_NAT_FAR), 0);
    assert_int_equal(hard_nat_steps(&random_ports, 40002), 0);
    down.step = -2;
    assert_int_equal(hard_nat_steps(&down, 39990), 5);
    high.last_port = 65535;
    assert_int_equal(hard_nat_steps(&high, 1027), 2);
    assert_int_equal(hard_nat_next_port(&high, 2), 1027);
}

/* Two NATs that count, as hard_nat.h has it: does a probe of the caller leave by the very port that the called's socket
 * has asked, for that socket's own? */
static bool these_meet(int sockets, int gone_called, int gone_caller, int taken_called, int taken_caller)
{
    static const struct nat_mapping caller = {.kind = NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT,
                                              .ports = NAT_PORTS_SEQUENTIAL,
                                              .step = 3,
                                              .last_port = 65000};
    const struct nat_mapping *called = &sequential;
    for (int n = 1; n <= HARD_NAT_MEET_PORTS_MAX; n++) {
        for (int i = 0; i < sockets; i++) {
            if (hard_nat_next_port(&caller, gone_caller + taken_caller + n) ==
                    hard_nat_meeting_port(&caller, gone_called, i) &&
                hard_nat_next_port(called, gone_called + taken_called + i + 1) ==
                    hard_nat_next_port(called, gone_caller + n))
                return true;
        }
    }
    return false;
}

static bool they_meet(int gone_called, int gone_caller, int taken_called, int taken_caller)
{
    return these_meet(HARD_NAT_MEET, gone_called, gone_caller, taken_called, taken_caller);
}

static void two_sequential_nats_meet_wherever_they_have_gone(void **state)
{
    (void)state;
    assert_true(they_meet(0, 0, 0, 0));
    assert_true(they_meet(200, 0, 0, 0));
    assert_true(they_meet(0, 40, 0, 0));
    assert_true(they_meet(70, 100, 0, 0));
    for (int taken = 0; taken < HARD_NAT_MEET_AT; taken++)
        assert_true(they_meet(5, 5, taken, HARD_NAT_MEET_AT - 1 - taken));
    assert_false(they_meet(5, 5, HARD_NAT_MEET_AT, 0));
    assert_false(they_meet(0, HARD_NAT_RUN, 0, 0)); /* the ports side has opened that run before */
    for (int gone = 0; gone < HARD_NAT_MEET_AT + 2 * HARD_NAT_MEET; gone++)
        assert_true(these_meet(HARD_NAT_MEET_LATE, 0, gone, 0, 0));
}

/* One NAT, which gives the next port to whoever asks; others take some between the two. */
static bool they_meet_behind_one(int step, int others)
{
    struct nat_mapping seen = sequential, counted;
    bool open[65536] = {false};
    int at = 0;
    seen.step = step;
    uint16_t asked = hard_nat_one_asked(&seen, 0);
    for (int i = 0; i < HARD_NAT_MEET; i++)
        open[hard_nat_next_port(&seen, ++at)] = true;
    at += others + 1;
    counted = seen;
    counted.last_port = hard_nat_next_port(&seen, at);
    int gone = hard_nat_steps(&seen, counted.last_port);
    for (int s = 0; s < HARD_NAT_ONE_SOCKETS; s++) {
        for (int n = 0; n <= HARD_NAT_ONE_FAR - HARD_NAT_ONE_NEAR; n++) {
            at++;
            if (hard_nat_next_port(&seen, at) == asked && open[hard_nat_one_port(&seen, gone, n)])
                return true;
        }
    }
    return false;
}

static void two_behind_one_nat_that_counts_meet_though_others_take_ports(void **state)
{
    static const int steps[] = {1, 2, -1, 7};
    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        assert_true(they_meet_behind_one(steps[i], 0));
        assert_true(they_meet_behind_one(steps[i], HARD_NAT_ONE_NEAR - 2));
    }
    assert_false(they_meet_behind_one(1, HARD_NAT_MEET_AT)); /* that port is gone by then */
}

/* The run begins `at` steps from the last port told; of `of` ports in it one is ours. */
static int hits(int at, int of)
{
    int found = 0;
    for (int n = HARD_NAT_SEARCH_FIRST; n <= HARD_NAT_SEARCH_LAST; n++) {
        int from_begin = n * HARD_NAT_SEARCH_STEP - at;
        found += from_begin >= 0 && from_begin < of * HARD_NAT_RUN && from_begin % of == 0;
    }
    return found;
}

static void a_run_of_ports_is_found_wherever_it_begins_though_others_take_some(void **state)
{
    (void)state;
    for (int at = -400; at < 3000; at++) {
        assert_in_range(hits(at, 1), 3, 6);
        assert_in_range(hits(at, 2), 2, 6);
        assert_in_range(hits(at, 4), 2, 6);
    }
    assert_true(HARD_NAT_SEARCH_LAST * HARD_NAT_SEARCH_STEP < HARD_NAT_FAR);
}

static void of_two_one_waits_until_the_other_has_opened(void **state)
{
    static const struct nat_mapping other_ports = {.kind = NAT_MAPPING_ENDPOINT_INDEPENDENT,
                                                   .ports = NAT_PORTS_RANDOM};
    (void)state;
    assert_int_equal(hard_nat_openings(&easy, &easy, false), HARD_NAT_OPENINGS);
    assert_int_equal(hard_nat_openings(&easy, &unknown, false), HARD_NAT_OPENINGS);
    assert_int_equal(hard_nat_openings(&easy, &easy, true), 1); /* a moment for the called */
    assert_int_equal(hard_nat_openings(&easy, &unknown, true), 0);
    assert_int_equal(hard_nat_openings(&random_ports, &easy, true), HARD_NAT_OPENINGS);
    assert_int_equal(hard_nat_openings(&sequential, &easy, false), HARD_NAT_OPENINGS);
    assert_int_equal(hard_nat_openings(&easy, &sequential, false), 0);  /* whose address nobody can know */
    assert_int_equal(hard_nat_openings(&easy, &other_ports, false), 0); /* no NAT that takes what comes */
    assert_int_equal(hard_nat_openings(&random_ports, &random_ports, false), 0);
    assert_true(hard_nat_takes(&easy));
    assert_false(hard_nat_takes(&unknown));
    assert_false(hard_nat_takes(&other_ports));
    assert_false(hard_nat_takes(&sequential));
}

static void what_opens_goes_further_each_time_that_it_has_not_helped(void **state)
{
    (void)state;
    for (int own_hops = 2; own_hops < 6; own_hops++) {
        assert_int_equal(hard_nat_hops(0, HARD_NAT_OPENINGS, own_hops), own_hops);
        assert_int_equal(hard_nat_hops(HARD_NAT_OPENINGS - 1, HARD_NAT_OPENINGS, own_hops), own_hops);
        assert_int_equal(hard_nat_hops(HARD_NAT_OPENINGS, HARD_NAT_OPENINGS, own_hops), own_hops + 1);
        assert_int_equal(hard_nat_hops(HARD_NAT_OPENINGS + 1, HARD_NAT_OPENINGS, own_hops), 0);
        assert_int_equal(hard_nat_hops(1000, HARD_NAT_OPENINGS, own_hops), 0);
        assert_int_equal(hard_nat_hops(0, 1, own_hops), own_hops);
        assert_int_equal(hard_nat_hops(1, 1, own_hops), 0);
        assert_int_equal(hard_nat_hops(0, 0, own_hops), 0);
    }
}

static void every_port_comes_once_whatever_the_seed(void **state)
{
    static bool seen[65536];
    static const uint32_t seeds[] = {0, 1, 2, 3, 6, 20, 64511, 64512, 123456789, UINT32_MAX};
    (void)state;
    for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) {
        memset(seen, 0, sizeof seen);
        for (uint32_t n = 0; n < 64512; n++) {
            uint16_t port = hard_nat_random_port(seeds[i], n);
            assert_true(port >= 1024 && !seen[port]);
            seen[port] = true;
        }
    }
}

/* What the constants promise. */
static void nearly_every_spray_hits_and_half_of_them_within_a_second(void **state)
{
    int hits = 0, soon = 0;
    (void)state;
    srand(1);
    for (int run = 0; run < 2000; run++) {
        static bool mapped[65536];
        memset(mapped, 0, sizeof mapped);
        for (int i = 0; i < HARD_NAT_SOCKETS; i++)
            mapped[1024 + rand() % 64512] = true;
        uint32_t seed = (uint32_t)rand() * 2654435761u;
        for (uint32_t n = 0; n < HARD_NAT_SPRAY; n++) {
            if (!mapped[hard_nat_spray_port(seed, (uint16_t)(1024 + run * 32), n)])
                continue;
            hits++;
            soon += n < HARD_NAT_SPRAY_RATE;
            break;
        }
    }
    assert_true(hits >= 1990);
    assert_true(soon >= 1500);
}

static void a_block_of_ports_is_asked_whole_and_soon(void **state)
{
    static const uint16_t seens[] = {1024, 1100, 40000, 65535};
    static const struct nat_mapping blocks = {.ports = NAT_PORTS_RANDOM, .block = true};
    (void)state;
    for (size_t i = 0; i < sizeof seens / sizeof *seens; i++) {
        bool asked[65536] = {false};
        for (uint32_t n = 0; n < 1024; n++)
            asked[hard_nat_spray_port(7, seens[i], n)] = true;
        assert_false(asked[1023]);
        for (int apart = -256; apart <= 256; apart++) {
            if (apart != 0 && seens[i] + apart >= 1024 && seens[i] + apart < 65536)
                assert_true(asked[seens[i] + apart]);
        }
    }
    assert_int_equal(hard_nat_sockets(&blocks), HARD_NAT_SOCKETS_OF_BLOCK);
    assert_int_equal(hard_nat_sockets(&random_ports), HARD_NAT_SOCKETS);
}

static void a_peer_that_is_seen_below_1024_is_sprayed_by_as_many_ports(void **state)
{
    bool asked[65536] = {false};
    (void)state;
    for (uint32_t n = 0; n < HARD_NAT_SPRAY; n++) {
        uint16_t port = hard_nat_spray_port(7, 1023, n);
        assert_false(asked[port]);
        asked[port] = true;
    }
}

/* As a peer may say that means ill: nothing is divided by its step, and no port below 1024 is asked. */
static void what_cannot_be_counted_by_is_not(void **state)
{
    struct nat_mapping still = sequential, unheard = sequential, low = sequential;
    (void)state;
    still.step = 0;
    unheard.last_port = 0;
    low.last_port = 1000;
    assert_false(hard_nat_counts(&still));
    assert_false(hard_nat_counts(&unheard));
    assert_int_equal(hard_nat_steps(&still, 40002), 0);
    assert_int_equal(hard_nat_steps(&unheard, 40002), 0);
    assert_int_equal(hard_nat_next_port(&still, 1), 0);
    assert_int_equal(hard_nat_next_port(&low, 1), 0);
    assert_int_equal(hard_nat_steps(&low, 40002), 0);
    low.last_port = 65535;
    assert_int_equal(hard_nat_steps(&low, 500), 0); /* by no way round */
    assert_int_equal(hard_nat_method(&easy, &still, true), HARD_NAT_SPRAY_PORTS);
}

/* Seen by a nameserver with one address. */
static const struct nat_mapping may_be_random = {
    .kind = NAT_MAPPING_ENDPOINT_INDEPENDENT, .one_address = true, .ports = NAT_PORTS_RANDOM};
static const struct nat_mapping may_count = {.kind = NAT_MAPPING_ENDPOINT_INDEPENDENT,
                                             .one_address = true,
                                             .ports = NAT_PORTS_SEQUENTIAL,
                                             .step = 1,
                                             .last_port = 40000};

/* What the two sides do by that guess; false: it is none for either. */
static bool guess(int number, const struct nat_mapping *caller, const struct nat_mapping *called,
                  enum hard_nat_method *callers, enum hard_nat_method *calleds)
{
    struct nat_mapping own = *caller, peer = *called;
    bool is = hard_nat_suppose(&own, &peer, true, number);
    *callers = hard_nat_method(&own, &peer, true);
    own = *called;
    peer = *caller;
    assert_int_equal(hard_nat_suppose(&own, &peer, false, number), is);
    *calleds = hard_nat_method(&own, &peer, false);
    return is;
}

static void where_one_address_tells_both_sides_guess_the_same(void **state)
{
    enum hard_nat_method callers, calleds;
    (void)state;
    assert_true(guess(0, &may_be_random, &may_be_random, &callers, &calleds)); /* the called is */
    assert_int_equal(callers, HARD_NAT_SPRAY_PORTS);
    assert_int_equal(calleds, HARD_NAT_OPEN_SOCKETS);
    assert_true(guess(1, &may_be_random, &may_be_random, &callers, &calleds)); /* the caller is */
    assert_int_equal(callers, HARD_NAT_OPEN_SOCKETS);
    assert_int_equal(calleds, HARD_NAT_SPRAY_PORTS);
    assert_true(guess(2, &may_be_random, &may_be_random, &callers, &calleds)); /* the spray may have missed */
    assert_int_equal(callers, HARD_NAT_SPRAY_PORTS);
    assert_false(guess(HARD_NAT_SUPPOSED, &may_be_random, &may_be_random, &callers, &calleds));
    for (int n = 0; n < HARD_NAT_SUPPOSED; n++) {
        assert_true(guess(n, &may_be_random, &easy, &callers, &calleds)); /* it can be the caller alone */
        assert_int_equal(callers, HARD_NAT_OPEN_SOCKETS);
    }
    for (int n = 0; n < HARD_NAT_SUPPOSED;
         n++) { /* the one that counts is soon found: first, whoever calls */
        assert_true(guess(n, &may_count, &may_be_random, &callers, &calleds));
        assert_int_equal(callers, n == 1 ? HARD_NAT_SPRAY_PORTS : HARD_NAT_NONE);
        assert_true(guess(n, &may_be_random, &may_count, &callers, &calleds));
        assert_int_equal(calleds, n == 1 ? HARD_NAT_SPRAY_PORTS : HARD_NAT_NONE);
    }
    assert_true(guess(0, &easy, &may_count, &callers, &calleds));
    assert_int_equal(callers, HARD_NAT_GUESS);
    assert_int_equal(calleds, HARD_NAT_NONE);
    assert_true(guess(0, &may_count, &may_count, &callers, &calleds)); /* both may be */
    assert_int_equal(callers, HARD_NAT_GUESS);
    assert_int_equal(calleds, HARD_NAT_GUESS);
    assert_false(guess(1, &may_count, &may_count, &callers, &calleds));
    assert_true(guess(0, &sequential, &may_count, &callers, &calleds)); /* one may be, the other is */
    assert_int_equal(callers, HARD_NAT_MEET_PORTS);
    assert_int_equal(calleds, HARD_NAT_MEET_SOCKETS);
    assert_false(guess(1, &sequential, &may_count, &callers, &calleds));
    assert_false(guess(0, &sequential, &easy, &callers, &calleds));
    assert_true(
        guess(0, &may_count, &random_ports, &callers, &calleds)); /* likewise, and its ports are not known */
    assert_int_equal(callers, HARD_NAT_SPRAY_PORTS);
    assert_int_equal(calleds, HARD_NAT_OPEN_SOCKETS);
    assert_false(guess(1, &may_count, &random_ports, &callers, &calleds));
}

static void what_may_be_hard_keeps_quiet_only_if_the_other_side_speaks(void **state)
{
    (void)state;
    assert_true(hard_nat_holds(&sequential, true));
    assert_true(hard_nat_holds(&may_count, false));
    /* the called opens no less, as long as it does not know that the caller may be */
    assert_false(hard_nat_holds(&may_count, true));
    assert_false(hard_nat_holds(&easy, false));
}

static void what_matters_to_the_peer_is_news_once(void **state)
{
    static const struct nat_mapping unknown = {.kind = NAT_MAPPING_UNKNOWN};
    (void)state;
    assert_true(hard_nat_news(&sequential, &unknown));
    assert_false(hard_nat_news(&sequential, &sequential));
    assert_true(hard_nat_news(&may_count, &unknown));
    assert_false(hard_nat_news(&may_count, &may_count));
    assert_false(hard_nat_news(&may_be_random, &unknown)); /* it is looked for without */
    assert_false(hard_nat_news(&easy, &unknown));
    assert_false(hard_nat_news(&unknown, &unknown));
}

static void who_sprays_has_the_port_that_the_peer_asks(void **state)
{
    (void)state;
    for (int before = 0; before < HARD_NAT_SPRAY_AT; before++) { /* steps that the NAT had gone */
        int gone = before + HARD_NAT_SPRAY_AT + 1; /* with all sockets, and the one that counts */
        assert_int_equal(before + 1 + hard_nat_sprayer(HARD_NAT_SPRAY_AT, gone), HARD_NAT_SPRAY_AT);
    }
    assert_int_equal(hard_nat_sprayer(HARD_NAT_SPRAY_AT, 0), HARD_NAT_SPRAY_AT - 1); /* nobody has counted */
    assert_int_equal(hard_nat_sprayer(HARD_NAT_SPRAY_AT, 3),
                     HARD_NAT_SPRAY_AT - 1);                                /* some had ports before */
    assert_int_equal(hard_nat_sprayer(HARD_NAT_SPRAY_AT, HARD_NAT_FAR), 0); /* that was told too long ago */
    assert_int_equal(hard_nat_sprayer(1, HARD_NAT_FAR), 0);
}

static void what_two_addresses_have_shown_is_not_guessed_at(void **state)
{
    struct nat_mapping proven = may_be_random, keeps = may_be_random, new_one = may_be_random;
    enum hard_nat_method callers, calleds;
    char text[96];
    (void)state;
    proven.one_address = false;
    keeps.ports = NAT_PORTS_PRESERVING; /* for the peer, too */
    new_one.ports = NAT_PORTS_UNKNOWN;  /* it has not been looked at yet */
    assert_false(guess(0, &proven, &keeps, &callers, &calleds));
    assert_false(guess(0, &random_ports, &may_be_random, &callers, &calleds));
    assert_string_equal(hard_nat_describe(&proven, text), "endpoint-independent mapping");
    assert_string_equal(hard_nat_describe(&keeps, text), "endpoint-independent mapping");
    assert_string_equal(hard_nat_describe(&may_be_random, text),
                        "endpoint-independent mapping (or address-dependent)");
    assert_string_equal(hard_nat_describe(&new_one, text),
                        "endpoint-independent mapping (or address-dependent)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_two_halves_of_a_method_meet),
        cmocka_unit_test(the_next_ports_are_counted_from_the_last_one_told),
        cmocka_unit_test(steps_are_counted_the_way_that_the_nat_goes),
        cmocka_unit_test(two_sequential_nats_meet_wherever_they_have_gone),
        cmocka_unit_test(two_behind_one_nat_that_counts_meet_though_others_take_ports),
        cmocka_unit_test(a_run_of_ports_is_found_wherever_it_begins_though_others_take_some),
        cmocka_unit_test(of_two_one_waits_until_the_other_has_opened),
        cmocka_unit_test(what_opens_goes_further_each_time_that_it_has_not_helped),
        cmocka_unit_test(every_port_comes_once_whatever_the_seed),
        cmocka_unit_test(what_cannot_be_counted_by_is_not),
        cmocka_unit_test(where_one_address_tells_both_sides_guess_the_same),
        cmocka_unit_test(what_may_be_hard_keeps_quiet_only_if_the_other_side_speaks),
        cmocka_unit_test(what_matters_to_the_peer_is_news_once),
        cmocka_unit_test(who_sprays_has_the_port_that_the_peer_asks),
        cmocka_unit_test(what_two_addresses_have_shown_is_not_guessed_at),
        cmocka_unit_test(nearly_every_spray_hits_and_half_of_them_within_a_second),
        cmocka_unit_test(a_block_of_ports_is_asked_whole_and_soon),
        cmocka_unit_test(a_peer_that_is_seen_below_1024_is_sprayed_by_as_many_ports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
