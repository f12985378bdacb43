/* A server that asks for proofs: who gets in, who does not, and what either is told. */
#include "test/unit/auth_fixture.h"

#define H3 "192.0.2.30:40003"

static char rules[4096];

static void who_proves_a_key_that_a_line_has_gets_what_it_asks_for(void **state)
{
    struct prover owner = new_prover(), friend = new_prover();
    rules[0] = '\0';
    fixture_authorize(*state, add_rule(add_rule(rules, "nas", "bind", &owner), "n*", "connect", &friend),
                      false);
    struct fake_stream *h1 = ask_proven(*state, H1, &owner, "/bind?host_id=nas");
    assert_int_equal(fixture_status(h1), 200);
    assert_string_equal(fixture_body(h1), "");
    assert_true(fixture_logged(*state, "event=bound conn=1 peer=" H1 " name=nas key=ed25519:"));
    struct fake_stream *h2 = ask_proven(*state, H2, &friend, "/connect?host_id=nas&name=me");
    assert_int_equal(fixture_status(h2), 200);
    assert_non_null(strstr(fixture_body(h2), "nas: " H1 "\r\n"));
    assert_non_null(strstr(fixture_body(h1), "me: " H2 "\r\n"));
    assert_int_equal(counted(*state, COUNTER_AUTHORIZED), 2);
    assert_int_equal(counted(*state, COUNTER_REFUSED_UNAUTHORIZED), 2);
}

static void who_proves_a_shared_key_gets_in_as_well(void **state)
{
    struct prover p = {.shared = true, .hash = {1, 2, 3}}, wrong = p;
    rules[0] = '\0';
    wrong.hash[5]++;
    fixture_authorize(*state, add_rule(rules, "nas", "bind", &p), false);
    assert_int_equal(fixture_status(ask_proven(*state, H1, &p, "/bind?host_id=nas")), 200);
    assert_true(fixture_logged(*state, " key=psk:"));
    assert_false(fixture_logged(*state, "named_key"));
    assert_int_equal(fixture_status(ask_proven(*state, H2, &wrong, "/bind?host_id=nas")), 403);
    assert_true(fixture_logged(*state, " named_key=psk:"));
}

static void a_challenge_says_how_to_answer_it(void **state)
{
    struct prover p = new_prover();
    char nonce[AUTHORIZATION_NONCE_MAX + 1], value[128];
    rules[0] = '\0';
    fixture_authorize(*state, add_rule(rules, "nas", "bind,connect,join", &p), false);
    static const char *const targets[] = {"/bind?host_id=nas", "/connect?host_id=nas",
                                          "/join?session=nas&expect=2&name=a"};
    for (size_t i = 0; i < 3; i++) {
        struct fake_stream *s = fixture_ask(*state, H1, targets[i]);
        assert_int_equal(fixture_status(s), 401);
        const char *at = strstr(s->output, "\r\nWWW-Authenticate: ");
        assert_non_null(at);
        at += strlen("\r\nWWW-Authenticate: ");
        snprintf(value, sizeof value, "%.*s", (int)strcspn(at, "\r"), at);
        assert_int_equal(challenge_parse(nonce, value, strlen(value)), HX_OK);
        assert_int_equal(strlen(nonce), 22);
        assert_null(strstr(s->output, "nextnonce"));
        assert_false(s->closed);
        say_proven(*state, s, &p, "GET", targets[i]);
        assert_int_equal(fixture_status(s), i == 1 ? 404 : 200);
        fixture_close(*state, s);
    }
}

static void what_needs_no_proof_is_as_ever(void **state)
{
    struct prover p = new_prover();
    char text[] = "open bind,connect,join any\n";
    fixture_authorize(*state, text, false);
    assert_int_equal(fixture_status(fixture_ask(*state, H1, "/")), 200);
    assert_int_equal(fixture_status(fixture_ask(*state, H1, "/elsewhere")), 404);
    assert_int_equal(fixture_status(fixture_ask(*state, H1, "/bind?host_id=a/b")), 400);
    assert_int_equal(fixture_status(fixture_ask(*state, H1, "/bind?host_id=open")), 200);
    assert_int_equal(fixture_status(fixture_ask(*state, H2, "/connect?host_id=open")), 200);
    assert_int_equal(fixture_status(fixture_ask(*state, H2, "/join?session=open&expect=2&name=a")), 200);
    struct fake_stream *s = fixture_peer(*state, H3);
    p.nonce = "anything";
    say_proven(*state, s, &p, "GET", "/connect?host_id=open");
    assert_int_equal(fixture_status(s), 200);
    assert_int_equal(counted(*state, COUNTER_AUTHORIZED), 0); /* nobody asked for it */
}

static void what_no_line_is_about_is_for_nobody(void **state)
{
    struct prover p = new_prover();
    rules[0] = '\0';
    fixture_authorize(*state, add_rule(rules, "nas", "bind", &p), false);
    assert_int_equal(fixture_status(fixture_ask(*state, H1, "/bind?host_id=other")), 403);
    assert_int_equal(fixture_status(fixture_ask(*state, H1, "/connect?host_id=nas")), 403);
    assert_int_equal(fixture_status(fixture_ask(*state, H1, "/join?session=nas&expect=2&name=a")), 403);
    struct fake_stream *s = fixture_ask(*state, H2, "/bind?host_id=nas");
    say_proven(*state, s, &p, "GET", "/bind?host_id=other");
    assert_int_equal(fixture_status(s), 403);
    assert_null(strstr(s->output, "nonce"));
}

/* Each of them with a signature that is right but for one thing. */
static void a_proof_counts_for_what_was_signed_alone(void **state)
{
    struct prover p = new_prover(), q;
    struct fake_stream *other, *s;
    char others_nonce[AUTHORIZATION_NONCE_MAX + 1];
    rules[0] = '\0';
    fixture_authorize(*state, add_rule(rules, "na*", "bind,connect", &p), false);
    other = fixture_ask(*state, H1, "/bind?host_id=nas");
    nonce_of(other, others_nonce);
    const struct prover wrong[] = {{.nonce = others_nonce},
                                   {.nonce = "AAAAAAAAAAAAAAAAAAAAAA"},
                                   {.method = "HEAD"},
                                   {.method = "get"},
                                   {.signed_target = "/bind?host_id=nas2"},
                                   {.signed_target = "/connect?host_id=nas"},
                                   {.signed_target = "/bind?host_id=n%61s"},
                                   {.signed_host = "ns.example"},
                                   {.host = "ns.example", .signed_host = ""},
                                   {.host = "ns.example", .signed_host = "NS.example"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        q = wrong[i];
        q.identity = p.identity;
        s = fixture_ask(*state, H2, "/bind?host_id=nas");
        say_proven(*state, s, &q, "GET", "/bind?host_id=nas");
        if (fixture_status(s) != 401)
            fail_msg("row %zu: %s", i, s->output);
        assert_non_null(strstr(s->output, "WWW-Authenticate: HX nonce="));
        say_proven(*state, s, &p, "GET", "/bind?host_id=nas"); /* the same nonce is still good */
        assert_int_equal(fixture_status(s), 200);
        fixture_close(*state, s);
    }
    assert_int_equal(counted(*state, COUNTER_REFUSED_STALE), sizeof wrong / sizeof *wrong);
}

static void a_target_and_a_host_are_signed_as_they_were_sent(void **state)
{
    struct prover p = new_prover();
    rules[0] = '\0';
    p.host = "NS.Example:7000";
    fixture_authorize(*state, add_rule(rules, "nas", "bind", &p), false);
    assert_int_equal(
        fixture_status(ask_proven(*state, H1, &p, "http://ns.example/bind?x=%2f&host_id=n%61s&y")), 200);
    assert_true(fixture_logged(*state, "name=nas key="));
}

static void a_proof_that_was_accepted_is_spent(void **state)
{
    struct prover p = new_prover();
    char nonce[AUTHORIZATION_NONCE_MAX + 1], next[AUTHORIZATION_NONCE_MAX + 1], text[PROVEN_MAX];
    rules[0] = '\0';
    fixture_authorize(*state, add_rule(rules, "nas", "connect,bind", &p), false);
    struct fake_stream *s = fixture_ask(*state, H1, "/connect?host_id=nas");
    nonce_of(s, nonce);
    proven_request(text, s, &p, "GET", "/connect?host_id=nas");
    fake_stream_forget(s);
    fixture_say(*state, s, text);
    assert_int_equal(fixture_status(s), 404);
    assert_non_null(strstr(s->output, "\r\nAuthentication-Info: nextnonce=\""));
    assert_string_not_equal(nonce_of(s, next), nonce);
    fake_stream_forget(s);
    fixture_say(*state, s, text); /* the same bytes again, on the same connection */
    assert_int_equal(fixture_status(s), 401);
    fixture_say(*state, fixture_peer(*state, H2), text);
    struct fake_stream *thief = ((struct fixture *)*state)->peers[1];
    assert_int_equal(fixture_status(thief), 401); /* and on another one */
    p.nonce = next;
    say_proven(*state, s, &p, "GET", "/connect?host_id=nas"); /* the next one costs no round trip */
    assert_int_equal(fixture_status(s), 404);
    p.nonce = NULL;
    say_proven(*state, s, &p, "GET", "/bind?host_id=nas");
    assert_int_equal(fixture_status(s), 200);
    assert_null(strstr(s->output, "nonce"));
}

static void another_process_takes_no_proof_of_this_one(void **state)
{
    struct prover p = new_prover();
    char text[PROVEN_MAX];
    rules[0] = '\0';
    fixture_authorize(*state, add_rule(rules, "nas", "bind", &p), false);
    struct fake_stream *s = fixture_ask(*state, H1, "/bind?host_id=nas");
    proven_request(text, s, &p, "GET", "/bind?host_id=nas");
    auth_teardown(state);
    fixture_setup(state);
    fixture_authorize(*state, rules, false);
    s = fixture_ask(*state, H1, "/bind?host_id=nas"); /* its first connection, too */
    fake_stream_forget(s);
    fixture_say(*state, s, text);
    assert_int_equal(fixture_status(s), 401);
}

/* As with every field that it does not know. */
static void a_server_that_asks_nobody_reads_no_proof(void **state)
{
    struct fixture *f = *state;
    struct fake_stream *with = fixture_peer(f, H1), *without = fixture_peer(f, H1);
    fixture_say(f, with, "HEAD /bind?host_id=a HTTP/1.1\r\nAuthorization: HX\r\nAuthorization: HX\r\n\r\n");
    fixture_say(f, without, "HEAD /bind?host_id=a HTTP/1.1\r\n\r\n");
    assert_int_equal(fixture_status(with), 200);
    assert_string_equal(with->output, without->output);
    fixture_say(f, with, "GET /bind?host_id=a HTTP/1.1\r\nAuthorization: HX\r\n\r\n");
    assert_true(fixture_logged(f, "event=bound"));
    server_reauthorize(f->server); /* nothing to be judged by */
    fixture_turns(f);
    assert_false(with->closed);
}

static const struct row {
    const char *headers;
    int status;
    bool closes;
} rows[] = {
    {"Authorization: Basic Zm9vOmJhcg==\r\n", 401, false},
    {"Authorization: \r\n", 401, false},
    {"Authorization: Bearer x\r\nAuthorization: Basic y\r\n", 400, true},
    {"Authorization: HX\r\n", 400, true},
    {"Authorization: HX key=\"ed25519:AAAA\", sig=\"AAAA\"\r\n", 400, true},
    {"Authorization: HX nonce=\"AAAAAAAAAAAAAAAAAAAAAA\"\r\n", 400, true},
    {"Proxy-Authorization: HX\r\n", 401, false},
    {"Authorizatio: HX\r\n", 401, false},
};

static void what_is_no_proof_is_told_apart(void **state)
{
    struct prover p = new_prover();
    char text[1024];
    rules[0] = '\0';
    fixture_authorize(*state, add_rule(rules, "nas", "bind", &p), false);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fake_stream *s = fixture_peer(*state, H1);
        snprintf(text, sizeof text, "GET /bind?host_id=nas HTTP/1.1\r\n%s\r\n", rows[i].headers);
        fixture_say(*state, s, text);
        if (fixture_status(s) != rows[i].status || s->closed != rows[i].closes)
            fail_msg("%s: %s", rows[i].headers, s->output);
        fixture_close(*state, s);
    }
}

static void fields_that_are_too_long_or_twice_there_prove_nothing(void **state)
{
    struct prover p = new_prover();
    char more[4096], text[8192];
    rules[0] = '\0';
    fixture_authorize(*state, add_rule(rules, "nas", "bind", &p), false);
    struct fake_stream *s = fixture_ask(*state, H1, "/bind?host_id=nas");
    p.more = "Authorization: Basic Zm9vOmJhcg==\r\n";
    say_proven(*state, s, &p, "GET", "/bind?host_id=nas");
    assert_int_equal(fixture_status(s), 400);
    memset(more, 'x', sizeof more);
    static const struct {
        const char *scheme;
        int status;
    } schemes[] = {{"HX sig=", 401}, {"Negotiate ", 401}};
    for (size_t i = 0; i < 2; i++) {
        snprintf(text, sizeof text, "GET /bind?host_id=nas HTTP/1.1\r\nAuthorization: %s%.4000s\r\n\r\n",
                 schemes[i].scheme, more);
        s = fixture_peer(*state, H1);
        fixture_say(*state, s, text);
        assert_int_equal(fixture_status(s), schemes[i].status);
    }
}

static void a_head_is_proven_as_a_head_and_changes_nothing(void **state)
{
    struct prover p = new_prover();
    fixture_authorize(*state, NULL, true);
    struct fake_stream *s = fixture_peer(*state, H1);
    fixture_say(*state, s, "HEAD /bind?host_id=nas HTTP/1.1\r\n\r\n");
    assert_int_equal(fixture_status(s), 401);
    assert_string_equal(fixture_body(s), "");
    say_proven(*state, s, &p, "HEAD", "/bind?host_id=nas");
    assert_int_equal(fixture_status(s), 200);
    assert_string_equal(fixture_body(s), "");
    assert_non_null(strstr(s->output, "\r\nAuthentication-Info: nextnonce=\""));
    assert_int_equal(owners_count(auth_owners(fixture_auth)), 0);
    say_proven(*state, s, &p, "GET", "/bind?host_id=nas");
    assert_int_equal(fixture_status(s), 200);
    assert_int_equal(owners_count(auth_owners(fixture_auth)), 1);
}

static void http_1_0_and_tcp_are_asked_as_well(void **state)
{
    struct prover p = new_prover();
    rules[0] = '\0';
    fixture_authorize(*state, add_rule(rules, "nas", "bind", &p), false);
    struct fake_stream *s = fixture_peer_tcp(*state, H1);
    fixture_say(*state, s, "GET /bind?host_id=nas HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert_int_equal(fixture_status(s), 401);
    say_proven(*state, s, &p, "GET", "/bind?host_id=nas");
    assert_int_equal(fixture_status(s), 200);
}

static void only_proofs_for_our_own_hosts_count(void **state)
{
    struct prover p = new_prover(), other = new_prover();
    struct fixture *f = *state;
    rules[0] = '\0';
    strcpy(f->config.auth_hosts[0], "ns.example");
    f->config.auth_host_count = 1;
    fixture_authorize(f, add_rule(rules, "nas", "bind", &p), false);
    p.host = "elsewhere.example";
    assert_int_equal(fixture_status(ask_proven(f, H1, &p, "/bind?host_id=nas")), 403);
    assert_int_equal(counted(f, COUNTER_REFUSED_HOST), 1);
    other.host = "elsewhere.example"; /* whose key would not do: that is said where the Host is ours */
    assert_int_equal(fixture_status(ask_proven(f, H1, &other, "/bind?host_id=nas")), 403);
    assert_int_equal(counted(f, COUNTER_REFUSED_HOST), 2);
    p.host = NULL;
    assert_int_equal(fixture_status(ask_proven(f, H1, &p, "/bind?host_id=nas")), 403);
    p.host = "ns.example:7000";
    assert_int_equal(fixture_status(ask_proven(f, H1, &p, "/bind?host_id=nas")), 200);
}

static void a_first_question_is_no_refusal_and_further_ones_are(void **state)
{
    struct prover p = new_prover();
    struct fixture *f = *state;
    rules[0] = '\0';
    f->config.rate_per_address = 1; /* four at once */
    fixture_authorize(f, add_rule(rules, "nas", "bind", &p), false);
    for (int i = 0; i < 20; i++) {
        struct fake_stream *s = fixture_ask(f, H1, "/bind?host_id=nas");
        assert_int_equal(fixture_status(s), 401);
        fixture_close(f, s);
    }
    struct fake_stream *s = fixture_ask(f, H1, "/bind?host_id=nas");
    for (int i = 0; i < 4; i++) {
        fake_stream_forget(s);
        fixture_say(f, s, "GET /bind?host_id=nas HTTP/1.1\r\n\r\n");
        assert_int_equal(fixture_status(s), 401);
    }
    fake_stream_forget(s);
    fixture_say(f, s, "GET /bind?host_id=nas HTTP/1.1\r\n\r\n");
    assert_int_equal(fixture_status(s), 429);
}

static void nothing_is_verified_for_a_source_that_is_refused_too_often(void **state)
{
    struct prover p = new_prover();
    struct fixture *f = *state;
    rules[0] = '\0';
    f->config.rate_per_address = 1;
    fixture_authorize(f, add_rule(rules, "nas", "bind", &p), false);
    p.method = "HEAD"; /* wrong */
    for (int i = 0; i < 5; i++)
        assert_int_equal(fixture_status(ask_proven(f, H1, &p, "/bind?host_id=nas")), i < 4 ? 401 : 429);
    p.method = NULL;
    assert_int_equal(fixture_status(ask_proven(f, H1, &p, "/bind?host_id=nas")), 429);
    assert_int_equal(fixture_status(ask_proven(f, H2, &p, "/bind?host_id=nas")), 200); /* others' are */
}

/* Proofs that all wait for their turn; each is to be accepted. */
static void prove_at_once(struct fixture *f, struct fake_stream *s[], int count)
{
    struct prover p = new_prover();
    char text[PROVEN_MAX], target[64];
    rules[0] = '\0';
    fixture_authorize(f, add_rule(rules, "n*", "bind", &p), false);
    for (int i = 0; i < count; i++) {
        snprintf(target, sizeof target, "/bind?host_id=n%d", i);
        s[i] = fixture_ask(f, H1, target);
        proven_request(text, s[i], &p, "GET", target);
        fake_stream_forget(s[i]);
        fake_stream_say(s[i], text);
        s[i]->heard_ms = f->now_ms;
    }
    for (int i = 0; i < count; i++)
        server_stream_ready(f->server, &s[i]->stream, f->now_ms);
}

/* Of many that come at once a bounded number is verified in a turn, and all of them in the end. */
static void a_turn_verifies_a_bounded_number(void **state)
{
    struct fixture *f = *state;
    struct fake_stream *s[50];
    prove_at_once(f, s, 50);
    for (int verified = 0; verified < 50; verified += AUTH_TURN_MAX) {
        assert_int_equal(counted(f, COUNTER_AUTHORIZED), verified);
        assert_int_equal(server_timeout_ms(f->server, f->now_ms), 0);
        server_turn(f->server, f->now_ms);
    }
    fixture_turns(f);
    for (int i = 0; i < 50; i++)
        assert_int_equal(fixture_status(s[i]), 200);
}

/* Which is no matter of a store: there is none. */
static void a_proof_that_waits_for_too_long_is_told_so(void **state)
{
    struct fixture *f = *state;
    struct fake_stream *s[AUTH_TURN_MAX + 1];
    prove_at_once(f, s, AUTH_TURN_MAX + 1);
    f->now_ms += 15000;
    server_turn(f->server, f->now_ms);
    assert_int_equal(fixture_status(s[AUTH_TURN_MAX]), 503);
    assert_non_null(strstr(s[AUTH_TURN_MAX]->output, "\r\nRetry-After: "));
    assert_int_equal(counted(f, COUNTER_REFUSED_NO_ANSWER), 1);
    assert_int_equal(counted(f, COUNTER_AUTHORIZED), AUTH_TURN_MAX);
}

static void who_leaves_while_its_proof_waits_leaves_no_trace(void **state)
{
    struct prover p = new_prover();
    struct fixture *f = *state;
    struct fake_stream *s[20];
    char text[PROVEN_MAX];
    rules[0] = '\0';
    fixture_authorize(f, add_rule(rules, "nas", "connect", &p), false);
    for (int i = 0; i < 20; i++) {
        s[i] = fixture_ask(f, H1, "/connect?host_id=nas");
        fake_stream_say(s[i], proven_request(text, s[i], &p, "GET", "/connect?host_id=nas"));
    }
    for (int i = 0; i < 20; i++)
        server_stream_ready(f->server, &s[i]->stream, f->now_ms);
    for (int i = 0; i < 20; i += 2) {
        s[i]->gone = true;
        server_stream_closed(f->server, &s[i]->stream, f->now_ms);
    }
    fixture_turns(f);
    for (int i = 0; i < 20; i++)
        assert_int_equal(s[i]->closed, i % 2 == 0);
    assert_int_equal(counted(f, COUNTER_AUTHORIZED), 10);
    server_stop(f->server, f->now_ms);
    fixture_turns(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        AUTH_TEST(who_proves_a_key_that_a_line_has_gets_what_it_asks_for),
        AUTH_TEST(who_proves_a_shared_key_gets_in_as_well),
        AUTH_TEST(a_challenge_says_how_to_answer_it),
        AUTH_TEST(what_needs_no_proof_is_as_ever),
        AUTH_TEST(what_no_line_is_about_is_for_nobody),
        AUTH_TEST(a_proof_counts_for_what_was_signed_alone),
        AUTH_TEST(a_target_and_a_host_are_signed_as_they_were_sent),
        AUTH_TEST(a_proof_that_was_accepted_is_spent),
        AUTH_TEST(another_process_takes_no_proof_of_this_one),
        AUTH_TEST(a_server_that_asks_nobody_reads_no_proof),
        AUTH_TEST(what_is_no_proof_is_told_apart),
        AUTH_TEST(fields_that_are_too_long_or_twice_there_prove_nothing),
        AUTH_TEST(a_head_is_proven_as_a_head_and_changes_nothing),
        AUTH_TEST(http_1_0_and_tcp_are_asked_as_well),
        AUTH_TEST(only_proofs_for_our_own_hosts_count),
        AUTH_TEST(a_first_question_is_no_refusal_and_further_ones_are),
        AUTH_TEST(nothing_is_verified_for_a_source_that_is_refused_too_often),
        AUTH_TEST(a_turn_verifies_a_bounded_number),
        AUTH_TEST(a_proof_that_waits_for_too_long_is_told_so),
        AUTH_TEST(who_leaves_while_its_proof_waits_leaves_no_trace),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
