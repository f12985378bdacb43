/* The registry of one process: what its operator, and a name's owner, do to holders. */
#include "test/unit/registry_fixture.h"

static void an_owner_takes_its_name_at_once_from_who_is_none(void **state)
{
    struct person h1 = person(*state, "n", 1), c = person(*state, "n", 2), owner = person(*state, "n", 3),
                  again = person(*state, "n", 4), head = person(*state, "n", 5);

    owner.owns = again.owns = head.owns = true;
    bind_it(&h1);
    h1.lives = true;
    head.request.head = true;
    bind_it(&head);
    assert_int_equal(head.member.answer.result, REGISTRY_BOUND);
    assert_int_equal(h1.replaced, 0);
    bind_it(&c);
    assert_int_equal(c.member.answer.result, REGISTRY_ASKS);
    bind_it(&owner);
    assert_int_equal(owner.member.answer.result, REGISTRY_BOUND);
    assert_int_equal(owner.member.answer.how, REGISTRY_OWNER);
    assert_int_equal(h1.replaced, 1);
    assert_int_equal(totals(*state).names, 1);
    bind_it(&again); /* from elsewhere, as ever */
    assert_int_equal(again.member.answer.result, REGISTRY_ASKS);
    leave(&again);
    leave(&c);
    leave(&owner);
    assert_int_equal(totals(*state).names, 0);
}

static void a_kicked_holder_has_its_name_no_more(void **state)
{
    struct world *w = *state;
    struct person h1 = person(w, "a", 1), rival = person(w, "a", 2), waiter = person(w, "a", 3);

    assert_false(registry_kick(w->registry, "a"));
    connect_it(&waiter, 10);
    assert_false(registry_kick(w->registry, "a")); /* somebody waits for it, and nobody holds it */
    bind_it(&h1);
    assert_true(registry_kick(w->registry, "a"));
    assert_int_equal(h1.replaced, 1);
    assert_int_equal(totals(w).names, 0);
    leave(&h1);
    bind_it(&h1);
    bind_it(&rival);
    assert_int_equal(rival.member.answer.result, REGISTRY_ASKS);
    assert_true(registry_kick(w->registry, "a"));
    assert_int_equal(h1.replaced, 2);
    assert_int_equal(rival.member.answer.result, REGISTRY_BOUND);
    assert_int_equal(totals(w).names, 1);
    leave(&waiter);
    leave(&rival);
}

struct seen {
    int names;
    char last[HOST_ID_MAX + 1];
    uint64_t introductions;
    int64_t held_ms;
};

static void see(void *user, const struct registry_shown *shown)
{
    struct seen *s = user;

    assert_non_null(shown->holder);
    s->names++;
    s->introductions = shown->introductions;
    s->held_ms = shown->held_ms;
    snprintf(s->last, sizeof s->last, "%s", shown->name);
}

static void names_that_are_held_are_looked_at_in_pages(void **state)
{
    struct world *w = *state;
    struct person holders[5], waiter = person(w, "nobody", 9), asker = person(w, "n3", 8);
    struct seen seen = {.names = 0};
    uint64_t at = 0;

    for (int i = 0; i < 5; i++) {
        char name[] = "n0";

        name[1] = (char)('0' + i);
        holders[i] = person(w, name, (uint8_t)(i + 1));
        bind_it(&holders[i]);
    }
    connect_it(&waiter, 10);
    connect_it(&asker, 0);
    while (registry_look(w->registry, &at, 2, see, &seen))
        assert_true(seen.names <= 5);
    assert_int_equal(seen.names, 5);
    assert_false(registry_find_held(w->registry, "nobody", see, &seen));
    assert_true(registry_find_held(w->registry, "n3", see, &seen));
    assert_string_equal(seen.last, "n3");
    assert_int_equal(seen.introductions, 1);
    leave(&waiter);
    leave(&asker);
    for (int i = 0; i < 5; i++)
        leave(&holders[i]);
}

static void bind_in_session(struct person *p)
{
    p->request.has_session = true;
    memset(p->request.session, 7, sizeof p->request.session);
    bind_it(p);
}

/* As when a host's candidates have changed: its connection is another one, and it holds the name all the time. */
static void a_holder_that_replaces_its_own_connection_has_held_the_name_before(void **state)
{
    struct world *w = *state;
    struct person h = person(w, "n", 1), again = person(w, "n", 2), other = person(w, "n", 3),
                  asker = person(w, "n", 4);
    struct seen seen = {.names = 0};
    int64_t begun_ms = w->now_ms;

    bind_in_session(&h);
    connect_it(&asker, 0);
    w->now_ms += 5000;
    bind_in_session(&again);
    assert_int_equal(again.member.answer.how, REGISTRY_SAME_SESSION);
    assert_true(registry_find_held(w->registry, "n", see, &seen));
    assert_int_equal(seen.held_ms, begun_ms);
    assert_int_equal(seen.introductions, 1);
    leave(&asker);
    leave(&again);
    w->now_ms += 1000;
    bind_it(&other);
    assert_true(registry_find_held(w->registry, "n", see, &seen));
    assert_int_equal(seen.held_ms, begun_ms + 6000);
    assert_int_equal(seen.introductions, 0);
    leave(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        REGISTRY_TEST(an_owner_takes_its_name_at_once_from_who_is_none),
        REGISTRY_TEST(a_kicked_holder_has_its_name_no_more),
        REGISTRY_TEST(names_that_are_held_are_looked_at_in_pages),
        REGISTRY_TEST(a_holder_that_replaces_its_own_connection_has_held_the_name_before),
    };

    return cmocka_run_group_tests_name("registry, by its operator", tests, NULL, NULL);
}
