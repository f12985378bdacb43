/* A server where the first key that binds a name owns it; and what new rules, and new owners, end. */
#include "test/unit/auth_fixture.h"

#define H3 "192.0.2.30:40003"

static int asked;

static int later(void *user, const char *name, const uint8_t key[OWNERS_KEY_BYTES])
{
    (void)name;
    (void)key;
    asked++;
    return *(int *)user;
}

static void use_store(int *error)
{
    const struct owners_store store = {.claim = later, .user = error};
    asked = 0;
    owners_use_store(auth_owners(fixture_auth), &store);
}

static void the_first_key_that_binds_a_name_owns_it(void **state)
{
    struct prover owner = new_prover(), other = new_prover();
    fixture_authorize(*state, NULL, true);
    struct fake_stream *h1 = ask_proven(*state, H1, &owner, "/bind?host_id=nas");
    assert_int_equal(fixture_status(h1), 200);
    assert_true(fixture_logged(*state, "event=claimed conn=1 peer=" H1 " name=nas key=ed25519:"));
    assert_int_equal(fixture_status(ask_proven(*state, H2, &other, "/bind?host_id=nas")), 403);
    fixture_close(*state, h1);
    assert_int_equal(fixture_status(ask_proven(*state, H2, &other, "/bind?host_id=nas")), 403);
    assert_int_equal(fixture_status(ask_proven(*state, H3, &owner, "/bind?host_id=nas")), 200);
    assert_int_equal(counted(*state, COUNTER_CLAIMED), 1);
    assert_int_equal(fixture_status(fixture_ask(*state, H2, "/connect?host_id=nas")), 200); /* who may not? */
    struct prover shared = {.shared = true};
    struct fake_stream *s = ask_proven(*state, H2, &shared, "/bind?host_id=new");
    assert_int_equal(fixture_status(s), 403);
    assert_non_null(strstr(s->output, "hx key --device"));
}

static void nobody_has_a_name_before_it_is_durably_its_own(void **state)
{
    struct prover owner = new_prover(), other = new_prover();
    int error = HX_OK;
    fixture_authorize(*state, NULL, true);
    use_store(&error);
    struct fake_stream *a = ask_proven(*state, H1, &owner, "/bind?host_id=nas");
    struct fake_stream *b = ask_proven(*state, H2, &other, "/bind?host_id=nas");
    assert_string_equal(a->output, "");
    assert_string_equal(b->output, "");
    assert_int_equal(server_names(((struct fixture *)*state)->server), 0);
    owners_claimed(auth_owners(fixture_auth), "nas", HX_OK);
    fixture_turns(*state);
    assert_int_equal(fixture_status(a), 200);
    assert_int_equal(fixture_status(b), 403);
    assert_int_equal(asked, 1);
}

/* Of the same session, one of each address family. */
static void connections_of_one_key_wait_for_one_claim(void **state)
{
    struct prover owner = new_prover();
    int error = HX_OK;
    owner.more = "Bind-Session: 00112233445566778899aabbccddeeff\r\n";
    fixture_authorize(*state, NULL, true);
    use_store(&error);
    struct fake_stream *a = ask_proven(*state, H1, &owner, "/bind?host_id=nas");
    struct fake_stream *b = ask_proven(*state, "[2001:db8::1]:4000", &owner, "/bind?host_id=nas");
    owners_claimed(auth_owners(fixture_auth), "nas", HX_OK);
    fixture_turns(*state);
    assert_int_equal(fixture_status(a), 200);
    assert_int_equal(fixture_status(b), 200);
    assert_int_equal(asked, 1);
}

static void a_claim_that_fails_is_told_of_and_the_next_one_has_its_chance(void **state)
{
    struct prover owner = new_prover(), other = new_prover();
    int error = HX_OK;
    fixture_authorize(*state, NULL, true);
    use_store(&error);
    struct fake_stream *a = ask_proven(*state, H1, &owner, "/bind?host_id=nas");
    struct fake_stream *b = ask_proven(*state, H2, &other, "/bind?host_id=nas");
    owners_claimed(auth_owners(fixture_auth), "nas", HX_ESYS);
    fixture_turns(*state);
    assert_int_equal(fixture_status(a), 503);
    assert_non_null(strstr(a->output, "\r\nRetry-After: "));
    assert_non_null(strstr(a->output, "nextnonce"));
    assert_string_equal(b->output, "");
    owners_claimed(auth_owners(fixture_auth), "nas", HX_OK);
    fixture_turns(*state);
    assert_int_equal(fixture_status(b), 200);
    error = HX_ECLOSED; /* the store is gone: what is owned goes on */
    assert_int_equal(fixture_status(ask_proven(*state, H1, &owner, "/bind?host_id=new")), 503);
    fixture_close(*state, b);
    assert_int_equal(fixture_status(ask_proven(*state, H2, &other, "/bind?host_id=nas")), 200);
}

/* By another process's hand: the store tells of the conflict, and then of the owner. */
static void a_name_that_the_database_has_as_anothers_is_forbidden(void **state)
{
    struct prover owner = new_prover(), other = new_prover();
    int error = HX_OK;
    fixture_authorize(*state, NULL, true);
    use_store(&error);
    struct fake_stream *a = ask_proven(*state, H1, &other, "/bind?host_id=nas");
    owners_claimed(auth_owners(fixture_auth), "nas", HX_ECONFLICT);
    owners_load(auth_owners(fixture_auth), "nas", owner.identity.public_key);
    fixture_turns(*state);
    assert_int_equal(fixture_status(a), 403);
    assert_int_equal(fixture_status(ask_proven(*state, H2, &owner, "/bind?host_id=nas")), 200);
}

static void a_store_that_does_not_answer_holds_nobody_up_for_ever(void **state)
{
    struct prover owner = new_prover();
    struct fixture *f = *state;
    int error = HX_OK;
    fixture_authorize(f, NULL, true);
    use_store(&error);
    struct fake_stream *a = ask_proven(f, H1, &owner, "/bind?host_id=nas");
    struct fake_stream *gone = ask_proven(f, H2, &owner, "/bind?host_id=nas");
    fixture_close(f, gone);
    fixture_pass(f, 15000);
    assert_int_equal(fixture_status(a), 503);
    owners_claimed(auth_owners(fixture_auth), "nas", HX_OK); /* late, and still its own */
    fixture_turns(f);
    assert_int_equal(fixture_status(ask_proven(f, H1, &owner, "/bind?host_id=nas")), 200);
    struct fake_stream *b = ask_proven(f, H2, &owner, "/bind?host_id=b");
    server_stop(f->server, f->now_ms);
    fixture_turns(f);
    assert_int_equal(fixture_status(b), 503);
}

static void new_names_are_bounded_for_each_source_and_for_all(void **state)
{
    struct prover owner = new_prover();
    struct fixture *f = *state;
    char target[64];
    struct fake_stream *s = NULL;
    f->config.max_owned = 62;
    fixture_authorize(f, NULL, true);
    for (int i = 0; i <= 60; i++) {
        snprintf(target, sizeof target, "/bind?host_id=n%d", i);
        s = ask_proven(f, H1, &owner, target);
        assert_int_equal(fixture_status(s), i < 60 ? 200 : 429);
    }
    assert_non_null(strstr(s->output, "--claims-per-source"));
    assert_int_equal(fixture_status(ask_proven(f, H2, &owner, "/bind?host_id=x1")), 200);
    f->now_ms += 6000; /* ten a minute */
    assert_int_equal(fixture_status(ask_proven(f, H1, &owner, "/bind?host_id=x2")), 200);
    s = ask_proven(f, H2, &owner, "/bind?host_id=x3");
    assert_int_equal(fixture_status(s), 503);
    assert_non_null(strstr(s->output, "--max-owned"));
}

/* Somebody holds the name when the operator forgets its owner. */
static void an_owner_takes_its_name_from_a_holder_with_another_key(void **state)
{
    struct prover owner = new_prover(), before = new_prover();
    fixture_authorize(*state, NULL, true);
    struct owners *owners = auth_owners(fixture_auth);
    struct fake_stream *old = ask_proven(*state, H1, &before, "/bind?host_id=nas");
    assert_int_equal(fixture_status(old), 200);
    assert_int_equal(owners_forget(owners, "nas"), HX_OK);
    struct fake_stream *s = ask_proven(*state, H2, &owner, "/bind?host_id=nas");
    assert_int_equal(fixture_status(s), 200);
    assert_true(old->closed);
    assert_true(fixture_logged(*state, "reason=\"owner of the name\""));
    assert_int_equal(counted(*state, COUNTER_REPLACED_OWNER), 1);
    struct fake_stream *again =
        ask_proven(*state, H3, &owner, "/bind?host_id=nas"); /* the same key: as ever */
    assert_string_equal(again->output, "");
    fixture_hear(*state, s);
    ((struct fixture *)*state)->now_ms++;
    fixture_hear(*state, s);
    assert_int_equal(fixture_status(again), 409);
    assert_non_null(strstr(again->output, "nextnonce"));
}

static void a_server_that_is_drained_asks_for_no_proof(void **state)
{
    struct prover owner = new_prover();
    struct fixture *f = *state;
    fixture_authorize(f, NULL, true);
    struct fake_stream *s = fixture_ask(f, H1, "/bind?host_id=nas");
    assert_int_equal(fixture_status(s), 401);
    server_drain(f->server, 60000, f->now_ms);
    say_proven(f, s, &owner, "GET", "/bind?host_id=nas");
    assert_int_equal(fixture_status(s), 503);
    assert_int_equal(fixture_status(fixture_ask(f, H1, "/bind?host_id=nas")), 503);
    assert_int_equal(counted(f, COUNTER_AUTHORIZED) + owners_count(auth_owners(fixture_auth)), 0);
}

/* ---- new rules ---- */

static char rules[4096];

static void new_rules_end_what_may_not_be_any_more(void **state)
{
    struct prover a = new_prover(), b = new_prover();
    struct fixture *f = *state;
    rules[0] = '\0';
    add_rule(add_rule(rules, "*", "bind,connect,join", &a), "*", "bind,connect,join", &b);
    fixture_authorize(f, rules, false);
    struct fake_stream *holder = ask_proven(f, H1, &a, "/bind?host_id=a");
    struct fake_stream *asker = ask_proven(f, H2, &b, "/connect?host_id=a");
    struct fake_stream *member = ask_proven(f, H2, &b, "/join?session=s&expect=2&name=b");
    struct fake_stream *other = ask_proven(f, H1, &a, "/join?session=s&expect=2&name=a");
    struct fake_stream *waiter = fixture_ask(f, H2, "/connect?host_id=later");
    b.more = "Prefer: wait=60\r\n";
    say_proven(f, waiter, &b, "GET", "/connect?host_id=later");
    assert_int_equal(fixture_status(asker), 200);
    assert_int_equal(fixture_status(member), 200);
    server_reauthorize(f->server);
    fixture_turns(f);
    assert_false(holder->closed || asker->closed || member->closed || other->closed || waiter->closed);
    rules[0] = '\0';
    auth_use_rules(fixture_auth, rules_of(add_rule(rules, "*", "bind,connect,join", &a)));
    fixture_forget_log(f);
    server_reauthorize(f->server);
    fixture_turns(f);
    assert_false(holder->closed || other->closed);
    assert_true(asker->closed && member->closed);
    assert_non_null(strstr(asker->output, "\r\n0\r\n\r\n")); /* in order */
    assert_int_equal(fixture_status(waiter), 403);
    assert_true(fixture_logged(f, "event=left conn=2 peer=" H2));
    assert_true(fixture_logged(f, "reason=\"may not any more\""));
    assert_int_equal(counted(f, COUNTER_LEFT_REVOKED), 2);
    auth_use_rules(fixture_auth, rules_of("* bind,connect any\n"));
    server_reauthorize(f->server);
    fixture_turns(f);
    assert_true(!holder->closed && other->closed);
}

static void who_did_not_need_a_key_has_none_when_one_is_needed(void **state)
{
    struct prover a = new_prover();
    struct fixture *f = *state;
    fixture_authorize(f, "* bind any\n", false);
    struct fake_stream *holder = fixture_ask(f, H1, "/bind?host_id=a");
    assert_int_equal(fixture_status(holder), 200);
    rules[0] = '\0';
    auth_use_rules(fixture_auth, rules_of(add_rule(rules, "*", "bind", &a)));
    server_reauthorize(f->server);
    fixture_turns(f);
    assert_true(holder->closed);
    assert_int_equal(fixture_status(ask_proven(f, H1, &a, "/bind?host_id=a")), 200);
}

/* It may have a key that it was not asked for: 403 would tell it that no key will do. */
static void who_waits_without_a_key_is_asked_for_one_that_is_needed_now(void **state)
{
    struct prover a = new_prover();
    struct fixture *f = *state;
    fixture_authorize(f, "* connect any\n", false);
    struct fake_stream *waiter = fixture_peer(f, H2);
    fixture_say(f, waiter, "GET /connect?host_id=a HTTP/1.1\r\nPrefer: wait=60\r\n\r\n");
    assert_string_equal(waiter->output, "");
    rules[0] = '\0';
    auth_use_rules(fixture_auth, rules_of(add_rule(rules, "*", "connect", &a)));
    server_reauthorize(f->server);
    fixture_turns(f);
    assert_int_equal(fixture_status(waiter), 401);
    say_proven(f, waiter, &a, "GET", "/connect?host_id=a");
    assert_int_equal(fixture_status(waiter), 404);
}

static void many_are_judged_again_in_several_turns(void **state)
{
    struct fixture *f = *state;
    char target[64];
    enum { MANY = 1100 };
    f->config.max_per_address = 0;
    fixture_authorize(f, "* bind any\n", false);
    for (int i = 0; i < MANY; i++) {
        snprintf(target, sizeof target, "/bind?host_id=n%d", i);
        assert_int_equal(fixture_status(fixture_ask(f, H1, target)), 200);
    }
    for (int i = 0; i < 2; i++) /* the former ones are given back meanwhile */
        auth_use_rules(fixture_auth, rules_of("n1* bind any\n"));
    server_reauthorize(f->server);
    assert_int_equal(server_timeout_ms(f->server, f->now_ms), 0);
    server_turn(f->server, f->now_ms);
    assert_int_equal(server_timeout_ms(f->server, f->now_ms), 0);
    fixture_turns(f);
    assert_int_equal(server_names(f->server), 1 + 10 + 100 + 100);
}

/* Each name is compared with each of them. */
static void the_more_patterns_there_are_the_fewer_are_judged_in_a_turn(void **state)
{
    struct fixture *f = *state;
    enum { HOLDERS = 20, PATTERNS = 10000 };
    char target[64], *text = calloc(PATTERNS, 32), *at = text;
    fixture_authorize(f, "* bind any\n", false);
    for (int i = 0; i < HOLDERS; i++) {
        snprintf(target, sizeof target, "/bind?host_id=n%d", i);
        assert_int_equal(fixture_status(fixture_ask(f, H1, target)), 200);
    }
    assert_non_null(text);
    for (int i = 0; i < PATTERNS; i++)
        at += sprintf(at, "x%d* bind any\n", i);
    auth_use_rules(fixture_auth, rules_of(text));
    free(text);
    server_reauthorize(f->server);
    server_turn(f->server, f->now_ms);
    assert_in_range(server_names(f->server), HOLDERS / 2, HOLDERS - 1);
    fixture_turns(f);
    assert_int_equal(server_names(f->server), 0);
}

static void rules_that_change_while_a_proof_waits_are_asked_again(void **state)
{
    struct prover p = new_prover();
    struct fixture *f = *state;
    char text[PROVEN_MAX];
    rules[0] = '\0';
    p.shared = true;
    fixture_authorize(f, add_rule(rules, "nas", "bind", &p), false);
    struct fake_stream *s = fixture_ask(f, H1, "/bind?host_id=nas");
    proven_request(text, s, &p, "GET", "/bind?host_id=nas");
    fake_stream_forget(s);
    fake_stream_say(s, text);
    server_stream_ready(f->server, &s->stream, f->now_ms);
    auth_use_rules(fixture_auth, rules_of("other bind any\n"));
    fixture_turns(f);
    assert_int_equal(fixture_status(s), 403);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        AUTH_TEST(the_first_key_that_binds_a_name_owns_it),
        AUTH_TEST(nobody_has_a_name_before_it_is_durably_its_own),
        AUTH_TEST(connections_of_one_key_wait_for_one_claim),
        AUTH_TEST(a_claim_that_fails_is_told_of_and_the_next_one_has_its_chance),
        AUTH_TEST(a_name_that_the_database_has_as_anothers_is_forbidden),
        AUTH_TEST(a_store_that_does_not_answer_holds_nobody_up_for_ever),
        AUTH_TEST(new_names_are_bounded_for_each_source_and_for_all),
        AUTH_TEST(an_owner_takes_its_name_from_a_holder_with_another_key),
        AUTH_TEST(a_server_that_is_drained_asks_for_no_proof),
        AUTH_TEST(new_rules_end_what_may_not_be_any_more),
        AUTH_TEST(who_did_not_need_a_key_has_none_when_one_is_needed),
        AUTH_TEST(who_waits_without_a_key_is_asked_for_one_that_is_needed_now),
        AUTH_TEST(many_are_judged_again_in_several_turns),
        AUTH_TEST(the_more_patterns_there_are_the_fewer_are_judged_in_a_turn),
        AUTH_TEST(rules_that_change_while_a_proof_waits_are_asked_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
