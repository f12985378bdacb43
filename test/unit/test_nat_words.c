/* What hx nat says of what was found out. */
#include "client/tool/nat_words.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct nat_result n;

static struct hx_nat_report report(enum hx_nat_kind mapping, enum hx_nat_verdict verdict)
{
    return (struct hx_nat_report){.external = "198.51.100.10:4000",
                                  .local = "10.0.1.10:5000",
                                  .server = "192.0.2.10:7000",
                                  .translated = HX_NAT_YES,
                                  .second_address = HX_NAT_YES,
                                  .mapping = mapping,
                                  .verdict = verdict,
                                  .rtt_us = 1500};
}

static int begin(void **state)
{
    (void)state;
    memset(&n, 0, sizeof n);
    n.nameserver = "ns.example";
    n.asked_ipv4 = true;
    n.ipv4 = report(HX_NAT_ENDPOINT_INDEPENDENT, HX_NAT_EASY);
    n.ipv6.error = HX_EFAMILY;
    return 0;
}

static char *written(void (*write)(FILE *out, const struct nat_result *n))
{
    static char text[4096];
    FILE *out = fmemopen(text, sizeof text, "w");
    assert_non_null(out);
    write(out, &n);
    fclose(out);
    return text;
}

static void says(void (*write)(FILE *out, const struct nat_result *n), const char *piece)
{
    char *text = written(write);
    if (!strstr(text, piece))
        fail_msg("no '%s' in:\n%s", piece, text);
}

static const char *verdict(void)
{
    static char text[NAT_WORDS_MAX];
    nat_words_verdict(&n, text);
    return text;
}

static const char *lifetime(void)
{
    static char text[NAT_WORDS_MAX];
    n.measured = true;
    nat_words_lifetime(&n, text);
    return text;
}

static void a_verdict_is_one_sentence(void **state)
{
    (void)state;
    assert_string_equal(verdict(), "easy: any peer can be reached directly");
    n.ipv4.translated = HX_NAT_YES;
    n.ipv4.second_address = HX_NAT_NO;
    assert_string_equal(verdict(),
                        "easy: any peer can be reached directly, as far as one address of the server tells");
    n.ipv4.verdict = HX_NAT_HARD;
    assert_memory_equal(verdict(), "hard: ", 6);
    n.ipv4.verdict = HX_NAT_PREDICTABLE;
    assert_memory_equal(verdict(), "predictable: ", 13);
    n.ipv4.verdict = HX_NAT_UNCLEAR;
    assert_non_null(strstr(verdict(), "--stun"));
}

static void families_that_differ_are_told_apart(void **state)
{
    (void)state;
    n.asked_ipv6 = true;
    n.ipv4.verdict = HX_NAT_HARD;
    n.ipv6 = report(HX_NAT_ENDPOINT_INDEPENDENT, HX_NAT_EASY);
    assert_memory_equal(verdict(), "hard over IPv4: ", 16);
    assert_non_null(strstr(verdict(), "easy over IPv6: any peer"));
    says(nat_words_json, "{\"verdict\":\"easy\",");
    n.ipv4.verdict = HX_NAT_EASY;
    assert_string_equal(verdict(), "easy: any peer can be reached directly");
}

static void why_nothing_is_known_is_said(void **state)
{
    static const struct {
        int error;
        const char *piece, *status;
    } cases[] = {{HX_ETIMEDOUT, "UDP is blocked: nothing came back from ns.example", "silent"},
                 {HX_EREFUSED, "nothing listens at ns.example", "refused"},
                 {HX_EPROTO, "answers no STUN", "no-stun"},
                 {HX_EFAMILY, "no way to ns.example", "no-way"},
                 {HX_ERESOLVE, "could not be looked up", "no-address"}};
    char status[64];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        n.ipv4 = (struct hx_nat_report){.error = cases[i].error, .nameserver = cases[i].error};
        assert_false(nat_words_known(&n));
        assert_non_null(strstr(verdict(), cases[i].piece));
        snprintf(status, sizeof status, "\"ipv4\":{\"status\":\"%s\",\"nameserver\":\"%s\"}", cases[i].status,
                 cases[i].status);
        says(nat_words_json, status);
        says(nat_words_json, i == 0 ? "{\"verdict\":\"blocked\"" : "{\"verdict\":\"unclear\"");
    }
}

static void what_cannot_be_known_is_said(void **state)
{
    (void)state;
    n.ipv4.second_address = HX_NAT_NO;
    says(nat_words_print, "filtering:     unknown (the server has one address)\n");
    says(nat_words_print,
         "mapping:       endpoint-independent (or address-dependent: the server has one address)\n");
    n.ipv4.filtering = HX_NAT_ADDRESS_AND_PORT_DEPENDENT;
    says(nat_words_print, "filtering:     address-and-port-dependent\n");
}

static void people_read_lines(void **state)
{
    (void)state;
    n.ipv4.ports = HX_NAT_PORTS_SEQUENTIAL;
    n.ipv4.port_step = -2;
    n.ipv4.hairpin = HX_NAT_NO;
    n.ipv4.portmap = HX_NAT_YES;
    n.ipv4.portmap_protocols = HX_NAT_PCP | HX_NAT_UPNP_IGD;
    says(nat_words_print, "outside:       198.51.100.10:4000, here 10.0.1.10:5000\n");
    says(nat_words_print, "round trip:    1.500 ms to 192.0.2.10:7000\n");
    says(nat_words_print, "ports:         sequential (step -2)\n");
    says(nat_words_print, "hairpin:       no\n");
    says(nat_words_print, "port mapping:  PCP, UPnP-IGD\n");
    assert_null(strstr(written(nat_words_print), "MTU"));
    n.ipv4.mtu = 1492;
    says(nat_words_print, "MTU:           1492 bytes or more, up to the server\n");
    n.ipv4.translated = HX_NAT_NO;
    says(nat_words_print, "here 10.0.1.10:5000: no NAT\n");
    assert_null(strstr(written(nat_words_print), "hairpin"));
    n.asked_ipv6 = true;
    says(nat_words_print, "IPv6: this host has no way there\n");
}

static void programs_read_json(void **state)
{
    (void)state;
    n.ipv4.portmap = HX_NAT_YES;
    n.ipv4.portmap_protocols = HX_NAT_NAT_PMP | HX_NAT_UPNP_IGD;
    assert_string_equal(
        written(nat_words_json),
        "{\"verdict\":\"easy\",\"text\":\"easy: any peer can be reached "
        "directly\",\"ipv4\":{\"status\":\"answered\","
        "\"nameserver\":\"answered\",\"verdict\":\"easy\",\"external\":\"198.51.100.10:4000\",\"local\":"
        "\"10.0.1.10:5000\",\"nat\":true,\"server\":\"192.0.2.10:7000\",\"rtt_ms\":1.500,\"mapping\":"
        "\"endpoint-independent\",\"filtering\":\"unknown\",\"second_address\":true,\"ports\":\"unknown\","
        "\"port_step\":0,"
        "\"hairpin\":null,\"port_mapping\":[\"NAT-PMP\",\"UPnP-IGD\"],\"mtu\":null},\"ipv6\":null,"
        "\"lifetime\":null}\n");
    n.ipv4.mtu = 1420;
    says(nat_words_json, "\"UPnP-IGD\"],\"mtu\":1420}");
    n.ipv4.portmap = HX_NAT_NO;
    n.ipv4.portmap_protocols = 0;
    says(nat_words_json, "\"port_mapping\":[]");
    n.ipv4.portmap = HX_NAT_NOT_KNOWN;
    says(nat_words_json, "\"port_mapping\":null");
}

static void a_nameserver_s_name_cannot_break_the_json(void **state)
{
    (void)state;
    n.nameserver = "a\"b\\c\x01";
    n.ipv4.error = HX_ETIMEDOUT;
    says(nat_words_json, "from a\\\"b\\\\c\\u0001 (or");
}

static void a_lifetime_has_two_ends_or_fewer(void **state)
{
    (void)state;
    n.lifetime = (struct hx_nat_lifetime){.alive_s = 28, .dead_s = 40};
    assert_string_equal(lifetime(), "28 to 40 s");
    says(nat_words_json, "\"lifetime\":{\"alive_s\":28,\"dead_s\":40}");
    says(nat_words_print, "a mapping lives 28 to 40 s\n");
    n.lifetime = (struct hx_nat_lifetime){.alive_s = 590};
    assert_string_equal(lifetime(), "590 s or more");
    says(nat_words_json, "\"lifetime\":{\"alive_s\":590,\"dead_s\":null}");
    n.lifetime = (struct hx_nat_lifetime){.dead_s = 10};
    assert_string_equal(lifetime(), "less than 10 s");
    n.lifetime = (struct hx_nat_lifetime){.dead_s = 0};
    n.lifetime_error = HX_ECANCELED;
    assert_memory_equal(lifetime(), "for a time that is not known: interrupted", 41);
    n.lifetime_error = HX_EPROTO;
    assert_non_null(strstr(lifetime(), "the same port again"));
}

#define TEST(f) cmocka_unit_test_setup(f, begin)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_verdict_is_one_sentence),
        TEST(families_that_differ_are_told_apart),
        TEST(why_nothing_is_known_is_said),
        TEST(what_cannot_be_known_is_said),
        TEST(people_read_lines),
        TEST(programs_read_json),
        TEST(a_nameserver_s_name_cannot_break_the_json),
        TEST(a_lifetime_has_two_ends_or_fewer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
