/* proto/nat_mapping: what a host says of its NAT. */
#include "base/error.h"
#include "proto/nat_mapping.h"
#include "test/unit/cuts.h"

/* From memory that ends where the text does. */
static int parse(struct nat_mapping *out, const char *text, size_t len)
{
    char *copy = malloc(len ? len : 1);

    assert_non_null(copy);
    memcpy(copy, text, len);
    int err = nat_mapping_parse(out, copy, len);
    free(copy);
    return err;
}

static void check(const char *text, const char *canonical)
{
    char out[NAT_MAPPING_TEXT_MAX];
    struct nat_mapping m;

    if (parse(&m, text, strlen(text)) != HX_OK)
        fail_msg("refused: %s", text);
    assert_int_equal(nat_mapping_format(&m, out), strlen(canonical));
    assert_string_equal(out, canonical);
}

static void mappings_are_read_and_written(void **state)
{
    struct nat_mapping m;

    (void)state;
    check("endpoint-independent", "endpoint-independent");
    check("address-dependent", "address-dependent");
    check("Address-And-Port-Dependent;PORTS=Random", "address-and-port-dependent; ports=random");
    check("address-and-port-dependent; last=65535 ;step=-65535 ; ports=sequential",
          "address-and-port-dependent; ports=sequential; step=-65535; last=65535");
    check("unknown; ports=preserving", "unknown; ports=preserving");
    check("endpoint-independent; servers=1; ports=random", "endpoint-independent; ports=random; servers=1");
    assert_int_equal(parse(&m, "address-dependent; ports=sequential; step=2; last=40012", 55), HX_OK);
    assert_int_equal(m.kind, NAT_MAPPING_ADDRESS_DEPENDENT);
    assert_int_equal(m.ports, NAT_PORTS_SEQUENTIAL);
    assert_int_equal(m.step, 2);
    assert_int_equal(m.last_port, 40012);
}

static void words_and_parameters_of_later_versions_do_no_harm(void **state)
{
    (void)state;
    check("carrier-grade", "unknown");
    check("carrier-grade; ports=sequential", "unknown; ports=sequential");
    check("endpoint-independent; ports=blocks", "endpoint-independent");
    check("endpoint-independent; lifetime=30; ports=random", "endpoint-independent; ports=random");
    check("endpoint-independent; note=\"a; step=x\"; last=7", "endpoint-independent; last=7");
    check("endpoint-independent; servers=2", "endpoint-independent");
    check("endpoint-independent;", "endpoint-independent");
    check("endpoint-independent; ; last=7", "endpoint-independent; last=7");
}

static void what_is_no_mapping_is_refused(void **state)
{
    static const char *const rows[] = {"",
                                       ";",
                                       "; ports=random",
                                       "endpoint independent",
                                       "endpoint-independent ports=random",
                                       "a; ports",
                                       "a; =random",
                                       "a; po rts=random",
                                       "a; ports=random; ports=random",
                                       "a; step=0",
                                       "a; step=",
                                       "a; step=+1",
                                       "a; step=--1",
                                       "a; step=-",
                                       "a; step=01",
                                       "a; step=1.5",
                                       "a; step=65536",
                                       "a; step=-65536",
                                       "a; step=100000",
                                       "a; servers=1; servers=1",
                                       "a; step=1; step=1",
                                       "a; last=0",
                                       "a; last=-1",
                                       "a; last=65536",
                                       "a; last=4294967297",
                                       "a; last=1; last=1"};
    struct nat_mapping m = {.step = 77};

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (parse(&m, rows[i], strlen(rows[i])) != HX_EPROTO)
            fail_msg("taken: %s", rows[i]);
    assert_int_equal(m.step, 77);
    assert_int_equal(parse(&m, "a\0", 2), HX_EPROTO);
}

static void of_nothing_there_is_nothing_to_tell(void **state)
{
    struct nat_mapping m = {.kind = NAT_MAPPING_UNKNOWN};

    (void)state;
    assert_false(nat_mapping_known(&m));
    m.kind = NAT_MAPPING_ENDPOINT_INDEPENDENT;
    assert_true(nat_mapping_known(&m));
    m = (struct nat_mapping){.ports = NAT_PORTS_RANDOM};
    assert_true(nat_mapping_known(&m));
    m = (struct nat_mapping){.last_port = 1};
    assert_true(nat_mapping_known(&m));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mappings_are_read_and_written),
        cmocka_unit_test(words_and_parameters_of_later_versions_do_no_harm),
        cmocka_unit_test(what_is_no_mapping_is_refused),
        cmocka_unit_test(of_nothing_there_is_nothing_to_tell),
    };

    return cmocka_run_group_tests_name("nat_mapping", tests, NULL, NULL);
}
