/* How long a NAT keeps a mapping, as hx_nat_lifetime() measures it, against a server that plays the NAT, too. */
#include "test/unit/stun_fixture.h"

#include "client/api.h"
#include "client/nat_lifetime.h"

static void a_lifetime_below_the_first_age_tells_nothing(void **state)
{
    struct hx_nat_lifetime l;
    struct hx_config config = {.nameserver = server.text, .family = 4};
    (void)state;
    stun_server_start(&server);
    assert_int_equal(hx_nat_lifetime(&l, &config, 0, NULL, NULL), HX_EINVAL);
    assert_int_equal(hx_nat_lifetime(&l, &config, 1, NULL, NULL), HX_ETIMEDOUT); /* below the first age */
    assert_int_equal(l.alive_s, 0);
    assert_int_equal(l.dead_s, 0);
}

static int measure(struct hx_nat_lifetime *l)
{
    struct settings settings;
    struct hx_config config = {.nameserver = server.text, .family = 4};
    stun_server_start(&server);
    assert_int_equal(settings_init_unnamed(&settings, &config, sizeof config), HX_OK);
    int err = nat_lifetime_measure(
        l, &(struct nat_lifetime_request){.settings = &settings, .most_s = 120, .second_ms = 5});
    settings_free(&settings);
    return err;
}

static void a_mapping_that_is_another_one_was_gone(void **state)
{
    struct hx_nat_lifetime l;
    (void)state;
    server.nat = (struct stun_nat){.mapping = NAT_MAPPING_ENDPOINT_INDEPENDENT, .ports = NAT_PORTS_RANDOM};
    server.looks_alive = 1 + 3; /* the first one finds out that there is no better way */
    assert_int_equal(measure(&l), HX_OK);
    assert_int_equal(l.alive_s, 28); /* after 10 and 20 */
    assert_int_equal(l.dead_s, 40);
    assert_int_equal(l.asking_s, 0);
}

static void the_same_mapping_again_proves_nothing(void **state)
{
    struct hx_nat_lifetime l;
    (void)state;
    server.nat = (struct stun_nat){.mapping = NAT_MAPPING_ENDPOINT_INDEPENDENT, .ports = NAT_PORTS_RANDOM};
    assert_int_equal(measure(&l), HX_EPROTO);
    assert_int_equal(l.alive_s, 0);
    assert_int_equal(l.dead_s, 0);
}

/* What is sent to 127.0.0.3 comes to whoever has the port on this host. */
static void a_packet_through_the_hairpin_tells_that_a_mapping_lives(void **state)
{
    struct hx_nat_lifetime l;
    (void)state;
    server.nat =
        (struct stun_nat){.mapping = NAT_MAPPING_ENDPOINT_INDEPENDENT, .ports = NAT_PORTS_PRESERVING};
    assert_int_equal(measure(&l), HX_OK);
    assert_int_equal(l.alive_s, 115); /* the oldest below 120 */
    assert_int_equal(l.dead_s, 0);
}

static void a_server_that_answers_elsewhere_tells_which_mappings_live(void **state)
{
    struct hx_nat_lifetime l;
    (void)state;
    server.nat = (struct stun_nat){
        .mapping = NAT_MAPPING_ENDPOINT_INDEPENDENT, .ports = NAT_PORTS_SEQUENTIAL, .step = 1};
    server.response_port = true;
    server.looks_alive = 1 + 2; /* the first one tells that it does so */
    assert_int_equal(measure(&l), HX_OK);
    assert_int_equal(l.alive_s, 20);
    assert_int_equal(l.dead_s, 28);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_lifetime_below_the_first_age_tells_nothing),
        TEST(a_mapping_that_is_another_one_was_gone),
        TEST(the_same_mapping_again_proves_nothing),
        TEST(a_packet_through_the_hairpin_tells_that_a_mapping_lives),
        TEST(a_server_that_answers_elsewhere_tells_which_mappings_live),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    hx_cleanup();
    return failed;
}
