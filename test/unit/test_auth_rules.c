/* server/auth_rules: the operator's lines, and what they say about a name and a key. */
#include "base/clock.h"
#include "base/error.h"
#include "secure/identity.h"
#include "server/auth_rules.h"
#include "test/unit/cuts.h"

#include "test/unit/rules_of.h"

#define KEY_A "ed25519:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define KEY_B "ed25519:PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw"
#define PSK   "psk:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA"
#define MANY  100000

static struct authorization_key key_of(const char *text)
{
    struct authorization_key key;
    assert_int_equal(authorization_key_parse(&key, text, strlen(text)), HX_OK);
    return key;
}

static const struct authorization_key *maybe(const char *text, struct authorization_key *key)
{
    if (text)
        *key = key_of(text);
    return text ? key : NULL;
}

static struct auth_match match(const struct auth_rules *r, enum auth_action action, const char *name,
                               const char *key_text)
{
    struct authorization_key key;
    return auth_rules_match(r, action, name, maybe(key_text, &key));
}

static void check(const struct auth_rules *r, enum auth_action action, const char *name, const char *key,
                  const char *expected)
{
    struct auth_match m = match(r, action, name, key);
    char got[4] = {m.some ? 's' : '-', m.any ? 'a' : '-', m.key ? 'k' : '-', '\0'};
    if (strcmp(got, expected) != 0)
        fail_msg("%d %s %s: %s instead of %s", (int)action, name, key ? key : "", got, expected);
}

static void a_line_is_for_its_name_its_actions_and_its_key(void **state)
{
    struct auth_rules *r = rules_of("# a comment\n\n  \t\nnas bind " KEY_A " the one in the cellar\r\n"
                                    "nas\tconnect,join  " KEY_B "\n  open bind any");
    (void)state;
    assert_int_equal(auth_rules_count(r), 3);
    check(r, AUTH_BIND, "nas", KEY_A, "s-k");
    check(r, AUTH_BIND, "nas", KEY_B, "s--");
    check(r, AUTH_BIND, "nas", NULL, "s--");
    check(r, AUTH_CONNECT, "nas", KEY_A, "s--");
    check(r, AUTH_CONNECT, "nas", KEY_B, "s-k");
    check(r, AUTH_JOIN, "nas", KEY_B, "s-k");
    check(r, AUTH_BIND, "open", NULL, "sa-");
    check(r, AUTH_BIND, "open", KEY_A, "sa-");
    check(r, AUTH_CONNECT, "open", KEY_A, "---");
    check(r, AUTH_BIND, "na", KEY_A, "---");
    check(r, AUTH_BIND, "nas2", KEY_A, "---");
    check(r, AUTH_BIND, "NAS", KEY_A, "---");
    auth_rules_destroy(r);
}

static void lines_of_the_same_name_and_key_add_up(void **state)
{
    struct auth_rules *r = rules_of("a bind " KEY_A "\na connect " KEY_A "\na bind " KEY_B "\na join any\n");
    (void)state;
    check(r, AUTH_BIND, "a", KEY_A, "s-k");
    check(r, AUTH_CONNECT, "a", KEY_A, "s-k");
    check(r, AUTH_CONNECT, "a", KEY_B, "s--");
    check(r, AUTH_BIND, "a", KEY_B, "s-k");
    check(r, AUTH_JOIN, "a", NULL, "sa-");
    auth_rules_destroy(r);
}

static void an_asterisk_stands_for_any_characters(void **state)
{
    static const struct {
        const char *pattern, *name;
        bool matches;
    } rows[] = {{"*", "a", true},
                {"a*", "a", true},
                {"a*", "abc", true},
                {"a*", "ba", false},
                {"*a", "ba", true},
                {"*a", "ab", false},
                {"a*c", "abbbc", true},
                {"a*c", "abbbcd", false},
                {"a**c", "ac", true},
                {"*a*b*", "xxaxxbxx", true},
                {"*a*b*", "xxbxxaxx", false},
                {"*aab", "aaaab", true},
                {"a*b*c", "abcbc", true},
                {"*.example", "a.example", true},
                {"*.example", "aexample", false},
                {"a*", "A", false},
                {"a*a", "a", false},
                {"*", "*", true},
                {"a*", "a*", true},
                {"a*b", "a*b", true}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[256];
        snprintf(text, sizeof text, "%s bind " KEY_A "\n", rows[i].pattern);
        struct auth_rules *r = rules_of(text);
        check(r, AUTH_BIND, rows[i].name, KEY_A, rows[i].matches ? "s-k" : "---");
        auth_rules_destroy(r);
    }
}

static void a_name_is_looked_for_among_names_and_patterns(void **state)
{
    struct auth_rules *r = rules_of("a bind " KEY_A "\n* bind " KEY_B "\na* connect any\n");
    (void)state;
    check(r, AUTH_BIND, "a", KEY_A, "s-k");
    check(r, AUTH_BIND, "a", KEY_B, "s-k");
    check(r, AUTH_BIND, "b", KEY_A, "s--");
    check(r, AUTH_BIND, "b", KEY_B, "s-k");
    check(r, AUTH_CONNECT, "ab", NULL, "sa-");
    check(r, AUTH_CONNECT, "b", NULL, "---");
    auth_rules_destroy(r);
}

static void a_shared_key_is_found_by_its_id(void **state)
{
    struct auth_rules *r = rules_of("a bind " PSK "\n");
    struct authorization_key key = {.kind = AUTHORIZATION_PSK};
    uint8_t hash[AUTH_HASH_BYTES];
    (void)state;
    assert_int_equal(base64url_decode(hash, sizeof hash, &PSK[4]), HX_OK);
    assert_int_equal(identity_psk_id(hash, key.bytes), HX_OK);
    struct auth_match m = auth_rules_match(r, AUTH_BIND, "a", &key);
    assert_true(m.some && m.key && !m.any);
    assert_memory_equal(m.psk_hash, hash, sizeof hash);
    key.bytes[0] ^= 1;
    m = auth_rules_match(r, AUTH_BIND, "a", &key);
    assert_true(m.some && !m.key && !m.psk_hash);
    key.bytes[0] ^= 1;
    key.kind = AUTHORIZATION_ED25519; /* the same bytes are another key */
    m = auth_rules_match(r, AUTH_BIND, "a", &key);
    assert_true(m.some && !m.key);
    auth_rules_destroy(r);
}

static void refuses(const char *text, const char *where)
{
    struct auth_parser *p;
    struct auth_rules *r = NULL;
    assert_int_equal(auth_parser_create(&p, "rules"), HX_OK);
    int err = auth_parser_feed(p, text, strlen(text));
    if (err == HX_OK)
        err = auth_parser_finish(p, &r);
    assert_int_equal(err, HX_EINVAL);
    assert_null(r);
    if (strncmp(auth_parser_error(p), where, strlen(where)) != 0 || strchr(auth_parser_error(p), '\n'))
        fail_msg("%s", auth_parser_error(p));
    assert_int_equal(auth_parser_feed(p, "a bind any\n", 11), HX_EINVAL);
    assert_int_equal(auth_parser_finish(p, &r), HX_EINVAL);
    auth_parser_destroy(p);
}

static void what_is_wrong_is_told_with_its_line(void **state)
{
    char *long_line = repeated('a', AUTH_LINE_MAX + 1), *long_name = repeated('a', 256), text[512];
    (void)state;
    refuses("a bind any\nb bind\n", "rules:2: not of the form");
    refuses("a", "rules:1: not of the form");
    refuses("a bind any\n\n# x\na/b bind any", "rules:4: 'a/b' is no name");
    refuses("a binds any\n", "rules:1: 'binds' are no actions");
    refuses("a bind,,join any\n", "rules:1: 'bind' are no actions");
    refuses("a , any\n", "rules:1: are no actions");
    refuses("a bind ed25519:AAAA\n", "rules:1: 'ed25519:AAAA' is no public key");
    refuses("a bind ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
            "rules:1: 'ed25519:AAAAAAAA...' is a key that");
    refuses("a bind psk:AAAA\n", "rules:1: 'psk:AAAA' is no hash");
    refuses("a bind psk:7dx8HS3GTvcbPSKsIn\n", "rules:1: 'psk:7dx8HS3GTvcb...' is no hash");
    refuses("a psk:7dx8HS3GTvcbPSKsIn bind\n", "rules:1: 'psk:7dx8HS3GTvcb...' are no actions");
    refuses("a bind everybody\n", "rules:1: 'everybody' is no credential");
    refuses(long_line, "rules:1: line above 1024 bytes");
    snprintf(text, sizeof text, "%s bind any\n", long_name);
    refuses(text, "rules:1: 'aaa");
    free(long_line);
    free(long_name);
}

static void bytes_of_no_text_are_refused(void **state)
{
    struct auth_parser *p;
    (void)state;
    assert_int_equal(auth_parser_create(&p, "rules"), HX_OK);
    assert_int_equal(auth_parser_feed(p, "a bind\0any\n", 11), HX_EINVAL);
    assert_int_equal(strncmp(auth_parser_error(p), "rules:1: ", 9), 0);
    auth_parser_destroy(p);
    refuses("a bind any\rb bind any\n", "rules:1: the line has a control character");
    refuses("a bind any\n\x1b[2J bind any\n", "rules:2: the line has a control character");
    refuses("a bind any\n\xef\xbb\xbf"
            "b bind any\n",
            "rules:2: '\xef\xbb\xbf"
            "b' is no name");
}

static void lines_may_end_and_begin_as_editors_have_it(void **state)
{
    struct auth_rules *r = rules_of("\xef\xbb\xbf"
                                    "a bind any\r\nb bind any\r\n\r\n# c\r\nd bind any\r");
    (void)state;
    assert_int_equal(auth_rules_count(r), 3);
    assert_true(auth_rules_match(r, AUTH_BIND, "a", NULL).any);
    assert_true(auth_rules_match(r, AUTH_BIND, "d", NULL).any);
    auth_rules_destroy(r);
}

static void feed(void *user, const char *data, size_t len)
{
    assert_int_equal(auth_parser_feed(user, data, len), HX_OK);
}

static void run(const struct cuts *c, struct account *a)
{
    struct auth_parser *p;
    struct auth_rules *r;
    assert_int_equal(auth_parser_create(&p, "rules"), HX_OK);
    feed_cuts(c, feed, p);
    assert_int_equal(auth_parser_finish(p, &r), HX_OK);
    account_add(a, "%zu %d %d", auth_rules_count(r), match(r, AUTH_BIND, "nas", KEY_A).key,
                match(r, AUTH_JOIN, "nas-2", KEY_B).key);
    auth_rules_destroy(r);
    auth_parser_destroy(p);
}

static void a_text_may_come_in_any_pieces(void **state)
{
    const char *text = "# c\nnas bind " KEY_A " x\r\n\nna*\tconnect,join " KEY_B;
    (void)state;
    check_every_cut_of(text, strlen(text), "2 1 1", run);
}

static void a_file_that_is_not_there_is_told_of(void **state)
{
    char error[AUTH_ERROR_MAX];
    struct auth_rules *r;
    (void)state;
    assert_int_equal(auth_rules_read_file(&r, "/nonexistent/rules", error), HX_EINVAL);
    assert_string_equal(error, "/nonexistent/rules: cannot be opened: No such file or directory");
}

/* Within the run: looking a name up among 100,000 takes no longer than ten times as long as among ten. */
static int64_t ns_of_lookups(const struct auth_rules *r)
{
    struct authorization_key key = key_of(KEY_A);
    int64_t best_ns = INT64_MAX;
    for (int round = 0; round < 5; round++) {
        struct timespec a, b;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
        for (int i = 0; i < 20000; i++)
            assert_true(auth_rules_match(r, AUTH_BIND, "host-7", &key).key);
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
        int64_t ns = (b.tv_sec - a.tv_sec) * INT64_C(1000000000) + (b.tv_nsec - a.tv_nsec);
        best_ns = ns < best_ns ? ns : best_ns;
    }
    return best_ns;
}

static struct auth_rules *numbered(int count)
{
    char *text = malloc((size_t)count * 80), *at = text;
    assert_non_null(text);
    for (int i = 0; i < count; i++)
        at += sprintf(at, "host-%d bind " KEY_A "\n", i);
    struct auth_rules *r = rules_of(text);
    free(text);
    return r;
}

static void a_hundred_thousand_names_cost_a_lookup_no_more(void **state)
{
    struct auth_rules *few = numbered(10), *many = numbered(MANY);
    (void)state;
    assert_int_equal(auth_rules_count(many), MANY);
    int64_t few_ns = ns_of_lookups(few), many_ns = ns_of_lookups(many);
    if (many_ns > 10 * few_ns)
        fail_msg("%lld ns instead of %lld", (long long)many_ns, (long long)few_ns);
    auth_rules_destroy(few);
    auth_rules_destroy(many);
}

static void rules_are_given_back_piece_by_piece(void **state)
{
    struct auth_rules *many = numbered(1000);
    int pieces = 1;
    (void)state;
    while (!auth_rules_destroy_some(many, 100))
        pieces++;
    assert_in_range(pieces, 20, 21); /* a thousand lines, and as many names */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_for_its_name_its_actions_and_its_key),
        cmocka_unit_test(lines_of_the_same_name_and_key_add_up),
        cmocka_unit_test(an_asterisk_stands_for_any_characters),
        cmocka_unit_test(a_name_is_looked_for_among_names_and_patterns),
        cmocka_unit_test(a_shared_key_is_found_by_its_id),
        cmocka_unit_test(what_is_wrong_is_told_with_its_line),
        cmocka_unit_test(bytes_of_no_text_are_refused),
        cmocka_unit_test(lines_may_end_and_begin_as_editors_have_it),
        cmocka_unit_test(a_text_may_come_in_any_pieces),
        cmocka_unit_test(a_file_that_is_not_there_is_told_of),
        cmocka_unit_test(rules_are_given_back_piece_by_piece),
        cmocka_unit_test(a_hundred_thousand_names_cost_a_lookup_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
