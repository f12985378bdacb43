/* server/auth: rules and owners together, nonces, and proofs. */
#include "base/error.h"
#include "secure/identity.h"
#include "server/auth.h"
#include "server/config.h"
#include "server/config_auth.h"
#include "test/unit/cuts.h"

#include "test/unit/rules_of.h"

#define KEY_A "ed25519:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define KEY_B "ed25519:PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw"
#define PSK   "psk:AgAAAAAAAAAAAAAAAAAAAA"

static struct auth *auth_of(const char *text, bool tofu)
{
    struct server_config config;
    struct auth *a;
    server_config_defaults(&config);
    config.auth_tofu = tofu;
    assert_int_equal(auth_create(&a, &config), HX_OK);
    if (text)
        auth_use_rules(a, rules_of(text));
    return a;
}

static enum auth_verdict judge(const struct auth *a, enum auth_action action, const char *name,
                               const char *key_text)
{
    struct authorization_key key;
    const uint8_t *psk_hash;
    if (key_text)
        assert_int_equal(authorization_key_parse(&key, key_text, strlen(key_text)), HX_OK);
    const struct auth_question q = {action, name, key_text ? &key : NULL};
    return auth_judge(a, &q, &psk_hash);
}

static void rules_alone_allow_what_they_name(void **state)
{
    struct auth *a = auth_of("a bind " KEY_A "\nopen bind,connect any\n", false);
    (void)state;
    assert_int_equal(judge(a, AUTH_BIND, "a", NULL), AUTH_UNPROVEN);
    assert_int_equal(judge(a, AUTH_BIND, "a", KEY_A), AUTH_KEY);
    assert_int_equal(judge(a, AUTH_BIND, "a", KEY_B), AUTH_FORBIDDEN);
    assert_int_equal(judge(a, AUTH_BIND, "a", PSK), AUTH_FORBIDDEN);
    assert_int_equal(judge(a, AUTH_CONNECT, "a", KEY_A), AUTH_FORBIDDEN);
    assert_int_equal(judge(a, AUTH_BIND, "b", NULL), AUTH_FORBIDDEN);
    assert_int_equal(judge(a, AUTH_BIND, "open", NULL), AUTH_OPEN);
    assert_int_equal(judge(a, AUTH_CONNECT, "open", KEY_B), AUTH_OPEN);
    assert_int_equal(judge(a, AUTH_JOIN, "open", KEY_B), AUTH_FORBIDDEN);
    auth_use_rules(a, NULL);
    assert_int_equal(judge(a, AUTH_BIND, "open", NULL), AUTH_FORBIDDEN);
    auth_destroy(a);
}

static void owners_have_the_names_that_no_rule_is_about(void **state)
{
    struct auth *a = auth_of("ruled* bind " KEY_A "\n", true);
    struct authorization_key key, other;
    (void)state;
    assert_int_equal(authorization_key_parse(&key, KEY_B, strlen(KEY_B)), HX_OK);
    assert_int_equal(authorization_key_parse(&other, KEY_A, strlen(KEY_A)), HX_OK);
    assert_int_equal(judge(a, AUTH_BIND, "b", NULL), AUTH_UNPROVEN);
    assert_int_equal(judge(a, AUTH_BIND, "b", PSK), AUTH_DEVICE_KEY);
    assert_int_equal(judge(a, AUTH_BIND, "b", KEY_B), AUTH_CLAIM);
    assert_false(auth_owns(a, "b", &key));
    assert_int_equal(owners_load(auth_owners(a), "b", key.bytes), HX_OK);
    assert_int_equal(judge(a, AUTH_BIND, "b", KEY_B), AUTH_KEY);
    assert_int_equal(judge(a, AUTH_BIND, "b", KEY_A), AUTH_OWNED);
    assert_int_equal(judge(a, AUTH_BIND, "b", PSK), AUTH_OWNED);
    assert_int_equal(judge(a, AUTH_BIND, "b", NULL), AUTH_UNPROVEN);
    assert_true(auth_owns(a, "b", &key));
    assert_false(auth_owns(a, "b", &other));
    assert_false(auth_owns(a, "b", NULL));
    assert_int_equal(judge(a, AUTH_CONNECT, "b", NULL), AUTH_OPEN);
    assert_int_equal(judge(a, AUTH_JOIN, "b", NULL), AUTH_OPEN);
    assert_int_equal(owners_load(auth_owners(a), "ruled-1", key.bytes), HX_OK);
    assert_int_equal(judge(a, AUTH_BIND, "ruled-1", KEY_B), AUTH_FORBIDDEN);
    assert_int_equal(judge(a, AUTH_BIND, "ruled-1", KEY_A), AUTH_KEY);
    assert_false(auth_owns(a, "ruled-1", &key));
    assert_int_equal(judge(a, AUTH_CONNECT, "ruled-1", NULL), AUTH_OPEN);
    auth_destroy(a);
}

static int never_durable(void *user, const char *name, const uint8_t key[OWNERS_KEY_BYTES])
{
    (void)user;
    (void)name;
    (void)key;
    return HX_OK;
}

static void nobody_is_told(struct owners_claim *c, int result)
{
    (void)c;
    (void)result;
    fail();
}

static void whoever_wants_a_name_that_is_being_claimed_waits_for_the_end(void **state)
{
    struct auth *a = auth_of(NULL, true);
    const struct owners_store store = {.claim = never_durable};
    struct owners_claim c = {.done = nobody_is_told};
    struct authorization_key key;
    (void)state;
    assert_int_equal(authorization_key_parse(&key, KEY_B, strlen(KEY_B)), HX_OK);
    owners_use_store(auth_owners(a), &store);
    assert_int_equal(owners_claim(auth_owners(a), &c, "b", key.bytes), HX_EAGAIN);
    assert_int_equal(judge(a, AUTH_BIND, "b", KEY_A), AUTH_CLAIM);
    assert_int_equal(judge(a, AUTH_BIND, "b", KEY_B), AUTH_CLAIM);
    assert_false(auth_owns(a, "b", &key));
    auth_destroy(a);
}

static void each_connection_and_each_proof_has_its_own_nonce(void **state)
{
    struct auth *a = auth_of(NULL, true), *b = auth_of(NULL, true);
    char first[AUTH_NONCE_SIZE], other[AUTH_NONCE_SIZE];
    (void)state;
    assert_int_equal(auth_nonce(a, 1, 0, first), HX_OK);
    assert_int_equal(strlen(first), 22);
    assert_int_equal(auth_nonce(a, 1, 0, other), HX_OK);
    assert_string_equal(first, other);
    assert_int_equal(auth_nonce(a, 1, 1, other), HX_OK);
    assert_string_not_equal(first, other);
    assert_int_equal(auth_nonce(a, 2, 0, other), HX_OK);
    assert_string_not_equal(first, other);
    assert_int_equal(auth_nonce(b, 1, 0, other), HX_OK);
    assert_string_not_equal(first, other);
    auth_destroy(a);
    auth_destroy(b);
}

static void a_proof_is_verified_with_the_kind_of_its_key(void **state)
{
    struct authorization given = {.key.kind = AUTHORIZATION_ED25519};
    uint8_t hash[AUTH_HASH_BYTES] = {7};
    struct identity i;
    (void)state;
    assert_int_equal(identity_generate(&i), HX_OK);
    memcpy(given.key.bytes, i.public_key, sizeof i.public_key);
    assert_int_equal(identity_sign(&i, "message", 7, given.proof), HX_OK);
    assert_int_equal(auth_prove(&given, NULL, "message", 7), HX_OK);
    assert_int_equal(auth_prove(&given, hash, "message", 6), HX_EAUTH);
    given = (struct authorization){.key.kind = AUTHORIZATION_PSK};
    assert_int_equal(identity_psk_id(hash, given.key.bytes), HX_OK);
    assert_int_equal(identity_psk_sign(hash, "message", 7, given.proof), HX_OK);
    assert_int_equal(auth_prove(&given, hash, "message", 7), HX_OK);
    assert_int_equal(auth_prove(&given, NULL, "message", 7), HX_EAUTH);
    hash[0]++;
    assert_int_equal(auth_prove(&given, hash, "message", 7), HX_EAUTH);
}

static void proofs_count_over_the_hosts_that_are_ours(void **state)
{
    static const struct {
        const char *host;
        bool allowed;
    } rows[] = {{"ns.example", true},     {"NS.example:7000", true}, {"ns.example:1", true},
                {"ns.example.", false},   {"ns.exampl", false},      {"ns.example2", false},
                {"other:7000", true},     {"other", false},          {"other:70000", false},
                {"[2001:db8::1]", true},  {"[2001:db8::1]:7", true}, {"[2001:db8::2]:7000", true},
                {"[2001:db8::2]", false}, {"2001:db8::1", false},    {"", false},
                {"ns.example:a:b", false}};
    struct server_config config;
    struct auth *a;
    (void)state;
    server_config_defaults(&config);
    assert_int_equal(config_auth_parse_host(&config, "ns.example"), HX_OK);
    assert_int_equal(config_auth_parse_host(&config, "other:7000"), HX_OK);
    assert_int_equal(config_auth_parse_host(&config, "[2001:db8::1]"), HX_OK);
    assert_int_equal(config_auth_parse_host(&config, "[2001:db8::2]:7000"), HX_OK);
    assert_int_equal(auth_create(&a, &config), HX_OK);
    assert_null(auth_owners(a));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (auth_host_allowed(a, rows[i].host) != rows[i].allowed)
            fail_msg("%s", rows[i].host);
    auth_destroy(a);
    server_config_defaults(&config);
    assert_int_equal(auth_create(&a, &config), HX_OK);
    assert_true(auth_host_allowed(a, "whichever") && auth_host_allowed(a, ""));
    auth_destroy(a);
}

static void the_options_are_taken_once_each(void **state)
{
    struct server_config config;
    char *path = repeated('p', CONFIG_PATH_MAX), *host = repeated('h', CONFIG_AUTH_HOST_MAX);
    (void)state;
    server_config_defaults(&config);
    assert_false(server_config_authorizes(&config));
    assert_int_equal(config_auth_parse(&config, ""), HX_EINVAL);
    assert_int_equal(config_auth_parse(&config, path), HX_EINVAL);
    assert_int_equal(config_auth_parse(&config, "tofu"), HX_OK);
    assert_int_equal(config_auth_parse(&config, "tofu"), HX_EINVAL);
    assert_int_equal(config_auth_parse(&config, "./tofu"), HX_OK);
    assert_int_equal(config_auth_parse(&config, "rules"), HX_EINVAL);
    assert_string_equal(config.auth_file, "./tofu");
    assert_true(config.auth_tofu && server_config_authorizes(&config));
    assert_int_equal(config_auth_parse_host(&config, ""), HX_EINVAL);
    assert_int_equal(config_auth_parse_host(&config, "a b"), HX_EINVAL);
    assert_int_equal(config_auth_parse_host(&config, host), HX_EINVAL);
    for (int i = 0; i < CONFIG_AUTH_HOSTS_MAX; i++)
        assert_int_equal(config_auth_parse_host(&config, host + 1), HX_OK);
    assert_int_equal(config_auth_parse_host(&config, "a"), HX_EINVAL);
    free(path);
    free(host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_alone_allow_what_they_name),
        cmocka_unit_test(owners_have_the_names_that_no_rule_is_about),
        cmocka_unit_test(whoever_wants_a_name_that_is_being_claimed_waits_for_the_end),
        cmocka_unit_test(each_connection_and_each_proof_has_its_own_nonce),
        cmocka_unit_test(a_proof_is_verified_with_the_kind_of_its_key),
        cmocka_unit_test(proofs_count_over_the_hosts_that_are_ours),
        cmocka_unit_test(the_options_are_taken_once_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
