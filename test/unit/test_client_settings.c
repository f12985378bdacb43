/* client/settings: hx_config as a program gives it that was built with this hx.h, an older one or
 * a newer one. */
#include "client/race.h"
#include "client/settings.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
/* cmocka wants the above */
#include <cmocka.h>

struct newer_config {
    struct hx_config known;
    long unknown;
};

static int init(const struct hx_config *config, size_t size, int *families)
{
    struct settings s;
    int err = settings_init(&s, config, size, "lab");
    *families = s.families;
    settings_free(&s);
    return err;
}

static void an_older_program_gets_defaults_for_what_it_has_not(void **state)
{
    (void)state;
    struct hx_config config = {.nameserver = "127.0.0.1", .family = 99, .no_port_mapping = 99};
    int families;
    assert_int_equal(init(&config, offsetof(struct hx_config, family), &families), HX_OK);
    assert_int_equal(families, FAMILY_ANY);
    assert_int_equal(init(&config, sizeof config, &families), HX_EINVAL);
    config = (struct hx_config){.nameserver = "127.0.0.1", .family = 6};
    assert_int_equal(init(&config, sizeof config, &families), HX_OK);
    assert_int_equal(families, FAMILY_IPV6);
}

static void nothing_behind_an_older_programs_config_is_read(void **state)
{
    (void)state;
    struct hx_config whole = {.nameserver = "127.0.0.1", .state_dir = "/nowhere"};
    for (size_t size = 1; size <= sizeof whole; size++) {
        struct hx_config *config = malloc(size); /* a sanitizer watches its end */
        int families;
        assert_non_null(config);
        memcpy(config, &whole, size);
        int err = init(config, size, &families);
        if (err == HX_OK)
            assert_ptr_equal(settings_state_dir(config, size),
                             size >= offsetof(struct hx_config, transport) ? whole.state_dir : NULL);
        assert_int_equal(err, size < offsetof(struct hx_config, family) ? HX_EINVAL : HX_OK);
        free(config);
    }
}

static void a_newer_program_may_ask_for_nothing_that_is_unknown_here(void **state)
{
    (void)state;
    struct newer_config config = {.known.nameserver = "127.0.0.1"};
    int families;
    assert_int_equal(init(&config.known, sizeof config, &families), HX_OK);
    config.unknown = 1L << 40;
    assert_int_equal(init(&config.known, sizeof config, &families), HX_EINVAL);
}

static void a_port_mapping_is_asked_for_unless_it_is_refused(void **state)
{
    (void)state;
    struct hx_config config = {.nameserver = "127.0.0.1"};
    struct settings s;
    for (config.no_port_mapping = 0; config.no_port_mapping <= 1; config.no_port_mapping++) {
        assert_int_equal(settings_init(&s, &config, sizeof config, "lab"), HX_OK);
        assert_int_equal(s.port_mapping, !config.no_port_mapping);
        settings_free(&s);
    }
    assert_int_equal(settings_init(&s, &config, sizeof config, "lab"),
                     HX_EINVAL); /* 2 may mean something later */
}

static void this_hosts_addresses_are_told_unless_that_is_refused(void **state)
{
    (void)state;
    struct hx_config config = {.nameserver = "127.0.0.1"};
    struct settings s;
    for (config.no_host_candidates = 0; config.no_host_candidates <= 1; config.no_host_candidates++) {
        assert_int_equal(settings_init(&s, &config, sizeof config, "lab"), HX_OK);
        assert_int_equal(s.host_candidates, !config.no_host_candidates);
        settings_free(&s);
    }
    assert_int_equal(settings_init(&s, &config, sizeof config, "lab"), HX_EINVAL);
}

static void without_a_config_there_is_no_nameserver(void **state)
{
    (void)state;
    int families;
    assert_int_equal(init(NULL, sizeof(struct hx_config), &families), HX_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_older_program_gets_defaults_for_what_it_has_not),
        cmocka_unit_test(nothing_behind_an_older_programs_config_is_read),
        cmocka_unit_test(a_newer_program_may_ask_for_nothing_that_is_unknown_here),
        cmocka_unit_test(a_port_mapping_is_asked_for_unless_it_is_refused),
        cmocka_unit_test(this_hosts_addresses_are_told_unless_that_is_refused),
        cmocka_unit_test(without_a_config_there_is_no_nameserver),
    };
    return cmocka_run_group_tests_name("client_settings", tests, NULL, NULL);
}
