/* server/owners: whose each name is, with a store that answers later, or not at all. */
#include "base/error.h"
#include "server/owners.h"
#include "test/unit/cuts.h"

static const uint8_t alice[OWNERS_KEY_BYTES] = {1}, bob[OWNERS_KEY_BYTES] = {2};

static struct {
    int claims, forgets, error;
    char name[256];
} store;

static int store_claim(void *user, const char *name, const uint8_t key[OWNERS_KEY_BYTES])
{
    (void)user;
    (void)key;
    store.claims++;
    snprintf(store.name, sizeof store.name, "%s", name);
    return store.error;
}

static int store_forget(void *user, const char *name)
{
    (void)user;
    (void)name;
    store.forgets++;
    return store.error;
}

static struct owners *with_store(int64_t max)
{
    const struct owners_store s = {.claim = store_claim, .forget = store_forget};
    struct owners *o;
    assert_int_equal(owners_create(&o, max), HX_OK);
    owners_use_store(o, &s);
    memset(&store, 0, sizeof store);
    return o;
}

struct waiter {
    struct owners_claim claim;
    struct owners *owners;
    int told, result;
    bool again; /* claims the name anew once it is told */
};

static void done(struct owners_claim *c, int result)
{
    struct waiter *w = (struct waiter *)c;
    w->told++;
    w->result = result;
    assert_null(c->of);
    if (w->again)
        assert_int_equal(owners_claim(w->owners, c, "a", bob), store.error ? store.error : HX_EAGAIN);
}

static struct waiter waiter(struct owners *o)
{
    return (struct waiter){.claim.done = done, .owners = o};
}

static enum owners_state look(const struct owners *o, const char *name, const uint8_t *expected)
{
    const uint8_t *key = NULL;
    enum owners_state state = owners_look(o, name, &key);
    if (expected)
        assert_memory_equal(key, expected, OWNERS_KEY_BYTES);
    else
        assert_int_equal(state, OWNERS_FREE);
    return state;
}

static void a_name_is_its_first_ones_once_that_is_durable(void **state)
{
    struct owners *o = with_store(10);
    struct waiter w = waiter(o), other = waiter(o);
    (void)state;
    look(o, "a", NULL);
    assert_int_equal(owners_claim(o, &w.claim, "a", alice), HX_EAGAIN);
    assert_string_equal(store.name, "a");
    assert_int_equal(look(o, "a", alice), OWNERS_CLAIMED);
    assert_int_equal(owners_claim(o, &other.claim, "a", bob), HX_ECONFLICT);
    assert_int_equal(w.told, 0);
    owners_claimed(o, "a", HX_OK);
    assert_true(w.told == 1 && w.result == HX_OK);
    assert_int_equal(look(o, "a", alice), OWNERS_OWNED);
    assert_int_equal(owners_claim(o, &w.claim, "a", alice), HX_OK);
    assert_int_equal(owners_claim(o, &w.claim, "a", bob), HX_ECONFLICT);
    owners_claimed(o, "a", HX_ECLOSED); /* nothing was asked */
    assert_int_equal(look(o, "a", alice), OWNERS_OWNED);
    assert_true(w.told == 1 && store.claims == 1 && owners_count(o) == 1);
    owners_destroy(o);
}

static void all_who_wait_for_one_claim_are_told(void **state)
{
    struct owners *o = with_store(10);
    struct waiter w[3] = {waiter(o), waiter(o), waiter(o)}, other = waiter(o);
    (void)state;
    for (int i = 0; i < 3; i++)
        assert_int_equal(owners_claim(o, &w[i].claim, "a", alice), HX_EAGAIN);
    assert_int_equal(owners_wait(o, &other.claim, "a"), HX_EAGAIN);
    assert_int_equal(owners_wait(o, &other.claim, "b"), HX_OK);
    owners_leave(&w[1].claim);
    owners_leave(&w[1].claim);
    assert_int_equal(store.claims, 1);
    owners_claimed(o, "a", HX_OK);
    assert_true(w[0].told == 1 && w[1].told == 0 && w[2].told == 1 && other.told == 1);
    owners_destroy(o);
}

static void after_a_claim_that_failed_the_name_is_free_again(void **state)
{
    struct owners *o = with_store(10);
    struct waiter w = waiter(o), other = waiter(o);
    (void)state;
    other.again = true;
    assert_int_equal(owners_claim(o, &w.claim, "a", alice), HX_EAGAIN);
    assert_int_equal(owners_wait(o, &other.claim, "a"), HX_EAGAIN);
    owners_claimed(o, "a", HX_ESYS);
    assert_true(w.result == HX_ESYS && other.result == HX_ESYS);
    assert_int_equal(look(o, "a", bob), OWNERS_CLAIMED);
    other.again = false;
    owners_claimed(o, "a", HX_OK);
    assert_true(other.told == 2 && other.result == HX_OK);
    store.error = HX_ECLOSED;
    assert_int_equal(owners_claim(o, &w.claim, "b", alice), HX_ECLOSED);
    look(o, "b", NULL);
    owners_destroy(o);
}

static void a_store_that_is_gone_fails_what_is_not_durable(void **state)
{
    struct owners *o = with_store(100);
    struct waiter w[50];
    char name[8];
    (void)state;
    assert_int_equal(owners_load(o, "kept", alice), HX_OK);
    for (int i = 0; i < 50; i++) {
        w[i] = waiter(o);
        snprintf(name, sizeof name, "n%d", i);
        assert_int_equal(owners_claim(o, &w[i].claim, name, bob), HX_EAGAIN);
    }
    w[7].again = true; /* tries again, and that fails, too */
    store.error = HX_ECLOSED;
    for (int i = 0; i < 50; i++) {
        snprintf(name, sizeof name, "n%d", i);
        owners_claimed(o, name, HX_ECLOSED); /* of each, as server/store.h has it */
    }
    for (int i = 0; i < 50; i++)
        assert_true(w[i].told == 1 && w[i].result == HX_ECLOSED);
    assert_int_equal(owners_count(o), 1);
    assert_int_equal(look(o, "kept", alice), OWNERS_OWNED);
    owners_destroy(o);
}

static void names_are_bounded_in_number(void **state)
{
    struct owners *o = with_store(2);
    struct waiter w = waiter(o);
    (void)state;
    assert_int_equal(owners_load(o, "a", alice), HX_OK);
    assert_int_equal(owners_load(o, "a", alice), HX_OK);
    assert_int_equal(owners_load(o, "a", bob), HX_ECONFLICT);
    assert_int_equal(owners_load(o, "no/name", bob), HX_EINVAL);
    assert_int_equal(owners_load(o, "b", bob), HX_OK);
    assert_int_equal(owners_claim(o, &w.claim, "c", alice), HX_ELIMIT);
    assert_int_equal(owners_load(o, "c", alice), HX_ELIMIT); /* what is durable stays somebody's */
    assert_int_equal(look(o, "c", alice), OWNERS_OWNED);
    assert_int_equal(owners_forget(o, "a"), HX_OK);
    assert_int_equal(owners_forget(o, "b"), HX_OK);
    assert_int_equal(owners_claim(o, &w.claim, "d", alice), HX_EAGAIN);
    owners_destroy(o);
    assert_true(w.told == 0 && w.claim.of == NULL);
}

static void the_operator_forgets_a_name(void **state)
{
    struct owners *o = with_store(0);
    struct waiter w = waiter(o);
    (void)state;
    assert_int_equal(owners_forget(o, "a"), HX_ENOTFOUND);
    assert_int_equal(owners_claim(o, &w.claim, "a", alice), HX_EAGAIN);
    assert_int_equal(owners_forget(o, "a"), HX_EAGAIN);
    owners_claimed(o, "a", HX_OK);
    store.error = HX_ECLOSED;
    assert_int_equal(owners_forget(o, "a"), HX_ECLOSED);
    assert_int_equal(look(o, "a", alice), OWNERS_OWNED);
    store.error = HX_OK;
    assert_int_equal(owners_forget(o, "a"), HX_OK);
    assert_int_equal(store.forgets, 2);
    look(o, "a", NULL);
    assert_int_equal(owners_load(o, "a", bob), HX_OK);
    owners_forgotten(o, "a");
    owners_forgotten(o, "a");
    assert_int_equal(owners_count(o), 0);
    owners_destroy(o);
    owners_destroy(NULL);
}

static void many_names_are_all_found(void **state)
{
    struct owners *o;
    struct waiter w;
    char name[16];
    (void)state;
    assert_int_equal(owners_create(&o, 100), HX_OK);
    w = waiter(o);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "host-%d", i);
        assert_int_equal(owners_claim(o, &w.claim, name, i % 2 ? alice : bob), HX_OK); /* without a store */
    }
    for (int i = 0; i < 100; i += 3) {
        snprintf(name, sizeof name, "host-%d", i);
        assert_int_equal(owners_forget(o, name), HX_OK);
    }
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "host-%d", i);
        look(o, name, i % 3 == 0 ? NULL : i % 2 ? alice : bob);
    }
    assert_int_equal(owners_count(o), 66);
    owners_destroy(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_its_first_ones_once_that_is_durable),
        cmocka_unit_test(all_who_wait_for_one_claim_are_told),
        cmocka_unit_test(after_a_claim_that_failed_the_name_is_free_again),
        cmocka_unit_test(a_store_that_is_gone_fails_what_is_not_durable),
        cmocka_unit_test(names_are_bounded_in_number),
        cmocka_unit_test(the_operator_forgets_a_name),
        cmocka_unit_test(many_names_are_all_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
