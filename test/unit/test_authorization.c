/* proto/authorization: challenges, credentials, and the bytes that are signed. */
#include "base/error.h"
#include "proto/authorization.h"
#include "test/unit/cuts.h"
#include <ctype.h>

#define ZEROS  "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" /* 43 */
#define PUBLIC "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define PSK_ID "AgAAAAAAAAAAAAAAAAAAAA"
#define SIG \
    "Aw"    \
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define CODE    "BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define NONCE   "abcdefghijklmnopqrst-_"
#define KEY     "key=\"ed25519:" PUBLIC "\""
#define WHOLE   "HX " KEY ", sig=\"" SIG "\""
#define WHOLE_2 "HX key=\"psk:" PSK_ID "\", sig=\"" CODE "\""

/* In memory of its own: reading past the end is seen. */
static int parse(struct authorization *out, const char *value, size_t len)
{
    char *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, value, len);
    int err = authorization_parse(out, copy, len);
    free(copy);
    return err;
}

static void check(const char *value, int expected)
{
    struct authorization a;
    int err = parse(&a, value, strlen(value));
    if (err != expected)
        fail_msg("%s: %d instead of %d", value, err, expected);
}

static void credentials_are_read_and_written(void **state)
{
    struct authorization a;
    char text[AUTHORIZATION_TEXT_MAX];
    (void)state;
    assert_int_equal(parse(&a, WHOLE, strlen(WHOLE)), HX_OK);
    assert_int_equal(a.key.kind, AUTHORIZATION_ED25519);
    assert_int_equal(a.key.bytes[0], 1);
    assert_int_equal(a.proof[0], 3);
    authorization_format(text, &a);
    assert_string_equal(text, WHOLE);
    assert_int_equal(parse(&a, WHOLE_2, strlen(WHOLE_2)), HX_OK);
    assert_int_equal(a.key.kind, AUTHORIZATION_PSK);
    assert_int_equal(a.key.bytes[0], 2);
    assert_int_equal(a.proof[0], 4);
    authorization_format(text, &a);
    assert_string_equal(text, WHOLE_2);
}

static void parameters_come_in_any_order_and_form(void **state)
{
    (void)state;
    check("hx sig=" SIG ",key=\"ed25519:" PUBLIC "\"", HX_OK);
    check("Hx\tsig = " SIG " , , KEY =\t\"ed25519:" PUBLIC "\",", HX_OK);
    check("HX realm=\"a, \\\"b\\\\\", " KEY ", sig=" SIG ", algorithm=none", HX_OK);
    check("HX key=\"ed\\25519\\:" PUBLIC "\", sig=\"" SIG "\"", HX_OK);
}

static void other_schemes_are_told_apart_from_what_is_malformed(void **state)
{
    static const char *const other[] = {"",          " ", "Basic Zm9vOmJhcg==", "HXX " KEY,
                                        "Bearer HX", "H", "Digest " KEY};
    static const char *const malformed[] = {"HX",
                                            "HX ",
                                            "HX " KEY,
                                            "HX sig=" SIG,
                                            "HX key=ed25519:" PUBLIC ", sig=" SIG,
                                            WHOLE ", " KEY,
                                            WHOLE ", sig=" SIG,
                                            WHOLE " x",
                                            WHOLE ", x",
                                            WHOLE ", x=",
                                            WHOLE ", =x",
                                            WHOLE ", x=\"",
                                            WHOLE ", x=\"\\\"",
                                            WHOLE ", x=a b",
                                            WHOLE ", x=\"a\"b\"",
                                            "HX key=\"ed25519:" PUBLIC "A\", sig=" SIG,
                                            "HX key=\"ED25519:" PUBLIC "\", sig=" SIG,
                                            "HX " KEY ", sig=" CODE,
                                            "HX " KEY ", sig=" SIG "A",
                                            "HX key=\"psk:" PSK_ID "\", sig=" SIG,
                                            "HX key=\"psk:" ZEROS "\", sig=" CODE,
                                            "HX key=\"\", sig=" SIG,
                                            "HX " KEY ", sig=\"\"",
                                            "HX Zm9vOmJhcg==",
                                            "HX " KEY "; sig=" SIG};
    (void)state;
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        check(other[i], HX_ENOTFOUND);
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++)
        check(malformed[i], HX_EPROTO);
}

static void credentials_that_are_cut_prove_nothing(void **state)
{
    static const char *const whole[] = {WHOLE, WHOLE_2};
    struct authorization a;
    (void)state;
    for (size_t w = 0; w < 2; w++)
        for (size_t len = 0; len < strlen(whole[w]); len++)
            assert_int_equal(parse(&a, whole[w], len), len < 2 ? HX_ENOTFOUND : HX_EPROTO);
}

/* Whatever byte stands in the place of another: it is refused, or other credentials, or the same ones by the
 * rules of HTTP: another case, another blank. */
static void each_byte_of_credentials_counts(void **state)
{
    struct authorization right, a;
    char text[] = WHOLE;
    (void)state;
    assert_int_equal(parse(&right, WHOLE, strlen(WHOLE)), HX_OK);
    for (size_t i = 0; i < strlen(WHOLE); i++) {
        for (int c = 1; c < 256; c++) {
            text[i] = (char)c;
            bool equivalent = tolower(c) == tolower(WHOLE[i]) || (isblank(c) && isblank(WHOLE[i])) ||
                              (WHOLE[i] == ' ' && c == ',');
            if (parse(&a, text, strlen(text)) == HX_OK && memcmp(&a, &right, sizeof a) == 0 && !equivalent)
                fail_msg("byte %zu as %d", i, c);
        }
        text[i] = WHOLE[i];
    }
}

static void values_of_any_length_are_bounded(void **state)
{
    struct authorization a;
    char *long_value = repeated('x', 100000), *text = malloc(200000);
    (void)state;
    assert_non_null(text);
    sprintf(text, WHOLE ", other=%s", long_value);
    assert_int_equal(parse(&a, text, strlen(text)), HX_OK);
    sprintf(text, WHOLE ", other=\"%s\"", long_value);
    assert_int_equal(parse(&a, text, strlen(text)), HX_OK);
    sprintf(text, "HX " KEY ", sig=%s", long_value);
    assert_int_equal(parse(&a, text, strlen(text)), HX_EPROTO);
    sprintf(text, "HX key=\"%s\", sig=" SIG, long_value);
    assert_int_equal(parse(&a, text, strlen(text)), HX_EPROTO);
    free(text);
    free(long_value);
}

static void check_challenge(const char *value, int expected)
{
    char nonce[AUTHORIZATION_NONCE_MAX + 1] = "";
    int err = challenge_parse(nonce, value, strlen(value));
    if (err != expected)
        fail_msg("%s: %d instead of %d", value, err, expected);
    assert_string_equal(nonce, expected == HX_OK ? NONCE : "");
}

static void a_challenge_is_found_among_others(void **state)
{
    (void)state;
    check_challenge("HX nonce=\"" NONCE "\"", HX_OK);
    check_challenge("hx nonce=" NONCE, HX_OK);
    check_challenge("Basic realm=\"HX nonce=1, HX nonce=2\", HX realm=a,, nonce = \"" NONCE "\", Bearer",
                    HX_OK);
    check_challenge("Negotiate YWJj==, HX nonce=" NONCE ", Digest nonce=other", HX_OK);
    check_challenge("Digest nonce=other, HX nonce=" NONCE, HX_OK);
    check_challenge("Digest nonce=" NONCE, HX_ENOTFOUND);
    check_challenge("Basic realm=x, nonce=" NONCE, HX_ENOTFOUND);
    check_challenge("", HX_ENOTFOUND);
    check_challenge("HX", HX_EPROTO);
    check_challenge("HX, Basic nonce=" NONCE, HX_EPROTO);
    check_challenge("HX nonce=\"\"", HX_EPROTO);
    check_challenge("HX nonce=\"a b\"", HX_EPROTO);
    check_challenge("HX nonce=\"a\\nb", HX_EPROTO);
    check_challenge("HX nonce=" PUBLIC PUBLIC, HX_EPROTO);
}

static void the_next_nonce_is_read(void **state)
{
    char nonce[AUTHORIZATION_NONCE_MAX + 1] = "";
    const char *value = "qop=auth, nextnonce=\"" NONCE "\"";
    (void)state;
    assert_int_equal(next_nonce_parse(nonce, value, strlen(value)), HX_OK);
    assert_string_equal(nonce, NONCE);
    assert_int_equal(next_nonce_parse(nonce, "nonce=a", 7), HX_ENOTFOUND);
    assert_int_equal(next_nonce_parse(nonce, "nextnonce=", 10), HX_ENOTFOUND);
    assert_int_equal(next_nonce_parse(nonce, "nextnonce=\"!\"", 13), HX_EPROTO);
}

static void the_message_has_all_that_the_proof_is_for(void **state)
{
    static char out[AUTHORIZATION_MESSAGE_MAX];
    const char *expected =
        "hx nameserver authorization 1\n" NONCE "\nGET\n/bind?host_id=a%20b\nns.example:7000\n";
    char *target = repeated('t', 2048), *host = repeated('h', 2048);
    (void)state;
    ssize_t len = authorization_message(out, NONCE, "GET", "/bind?host_id=a%20b", "ns.example:7000");
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(out, expected, strlen(expected));
    len = authorization_message(out, NONCE, "HEAD", "/bind", "");
    assert_memory_equal(out + len - 13, "\nHEAD\n/bind\n\n", 13);
    assert_true(authorization_message(out, NONCE, "HEAD", target, host) > 4096);
    free(host);
    host = repeated('h', AUTHORIZATION_MESSAGE_MAX);
    assert_int_equal(authorization_message(out, NONCE, "GET", target, host), HX_ETOOBIG);
    free(host);
    free(target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(credentials_are_read_and_written),
        cmocka_unit_test(parameters_come_in_any_order_and_form),
        cmocka_unit_test(other_schemes_are_told_apart_from_what_is_malformed),
        cmocka_unit_test(credentials_that_are_cut_prove_nothing),
        cmocka_unit_test(each_byte_of_credentials_counts),
        cmocka_unit_test(values_of_any_length_are_bounded),
        cmocka_unit_test(a_challenge_is_found_among_others),
        cmocka_unit_test(the_next_nonce_is_read),
        cmocka_unit_test(the_message_has_all_that_the_proof_is_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
