/* The store and its database: what it takes, what it keeps, and what it says of a bad one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/store_owners.h"
#include "test/unit/store_fixture.h"
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>

static int count_row(void *user, struct store_bytes name, const uint8_t key[STORE_KEY_BYTES],
                     const char *claimed)
{
    (void)name;
    (void)key;
    (void)claimed;
    ++*(int *)user;
    return HX_OK;
}

static int rows(void)
{
    char error[STORE_OWNERS_ERROR_MAX];
    struct store_owners *o;
    int count = 0;

    assert_int_equal(store_owners_open(&o, db_path, false, error), HX_OK);
    assert_int_equal(store_owners_each(o, false, count_row, &count), HX_OK);
    store_owners_close(o);
    return count;
}

static void a_claim_is_in_the_database_when_it_is_told_of(void **state)
{
    (void)state;
    start();
    claim("alice", 1, HX_OK);
    assert_int_equal(rows(), 1);
    claim("alice", 1, HX_OK);
    assert_int_equal(rows(), 1);
    assert_int_equal(seen.owned, 0);
}

static void the_first_key_keeps_the_name(void **state)
{
    (void)state;
    start();
    claim("alice", 1, HX_OK);
    claim("alice", 2, HX_ECONFLICT);
    assert_int_equal(seen.owned, 1);
    assert_string_equal(seen.name, "alice");
    assert_int_equal(seen.key[0], 1);
}

static void all_owners_are_told_of_at_the_next_start(void **state)
{
    uint8_t key[STORE_KEY_BYTES] = {7};
    char name[32];

    (void)state;
    start();
    for (int i = 0; i < 2000; i++) {
        snprintf(name, sizeof name, "device-%d", i);
        assert_int_equal(store_claim(store, name, key), HX_OK);
    }
    await_number(&seen.claimed, 2000);
    store_end(store);
    seen.owned = 0;
    start();
    assert_int_equal(seen.owned, 2000);
}

static void who_is_forgotten_may_be_claimed_anew(void **state)
{
    (void)state;
    start();
    claim("alice", 1, HX_OK);
    assert_int_equal(store_forget(store, "alice"), HX_OK);
    claim("alice", 2, HX_OK);
    assert_int_equal(seen.forgotten, 0);
}

static void what_another_process_forgets_is_told_of(void **state)
{
    char error[STORE_OWNERS_ERROR_MAX];
    struct store_owners *o;

    (void)state;
    start();
    claim("alice", 1, HX_OK);
    assert_int_equal(store_owners_open(&o, db_path, false, error), HX_OK);
    assert_int_equal(store_owners_begin(o), HX_OK);
    assert_int_equal(store_owners_forget(o, (struct store_bytes){"alice", 5}, true), HX_OK);
    assert_int_equal(store_owners_commit(o), HX_OK);
    store_owners_close(o);
    await_number(&seen.forgotten, 1);
    assert_string_equal(seen.name, "alice");
}

static void more_claims_at_once_than_there_may_be_are_refused(void **state)
{
    uint8_t key[STORE_KEY_BYTES] = {1};
    char name[32];
    int err = HX_OK, sent = 0;

    (void)state;
    start();
    kill(store->pid, SIGSTOP); /* a disk that does not answer */
    while (err == HX_OK && sent <= STORE_PENDING_MAX) {
        snprintf(name, sizeof name, "device-%d", sent);
        err = store_claim(store, name, key);
        sent += err == HX_OK;
    }
    assert_int_equal(err, HX_ELIMIT);
    assert_int_equal(sent, STORE_PENDING_MAX);
    store_turn(store, clock_now_ms() + STORE_ANSWER_MS + 1);
    assert_int_equal(seen.claimed, sent);
    assert_int_equal(seen.result, HX_ETIMEDOUT);
    kill(store->pid, SIGCONT);
    await_number(&seen.owned, sent); /* late, but durable: their owners are told of */
    assert_int_equal(seen.claimed, sent);
}

static void a_foreign_database_is_told_of_and_takes_no_claim(void **state)
{
    (void)state;
    write_text(db_path, "this is a text, and one that is long enough to be looked at as a whole page\n");
    start();
    assert_non_null(strstr(seen.log, "event=store_trouble what=owners reason="));
    assert_non_null(strstr(seen.log, "file is not a database"));
    claim("alice", 1, HX_ESYS);
    assert_false(store_owners_usable(store));
    write_text(config_path, "");
    assert_int_equal(store_read(store, STORE_TEXT_CONFIG), HX_OK); /* all else goes on */
    await_number(&seen.ends, 1);
}

/* Files may not grow: as on a full disk, but for the text of the error. */
static void
a_full_disk_takes_no_claim_and_forgets_nothing_and_the_next_one_succeeds_when_there_is_room(void **state)
{
    struct rlimit all, few;
    const struct rlimit none = {0, RLIM_INFINITY};

    (void)state;
    signal(SIGXFSZ, SIG_IGN); /* as base/process.h has it */
    start();
    claim("alice", 1, HX_OK);
    assert_int_equal(prlimit(store->pid, RLIMIT_FSIZE, NULL, &all), 0);
    few = (struct rlimit){none.rlim_cur, all.rlim_max};
    assert_int_equal(prlimit(store->pid, RLIMIT_FSIZE, &few, NULL), 0);
    assert_int_equal(store_forget(store, "alice"), HX_OK);
    claim("bob", 1, HX_ESYS);
    claim("bob", 1, HX_ESYS);
    assert_non_null(strstr(seen.log, "no name can be claimed"));
    assert_non_null(strstr(seen.log, "event=owner_not_forgotten name=alice"));
    assert_int_equal(prlimit(store->pid, RLIMIT_FSIZE, &all, NULL), 0);
    claim("bob", 1, HX_OK);
    assert_int_equal(rows(), 2);
    signal(SIGXFSZ, SIG_DFL);
}

static void move(const char *from, const char *to)
{
    char a[96], b[96];

    for (int i = 0; i < 3; i++) { /* with what SQLite has beside it */
        static const char *const ends[] = {"", "-wal", "-shm"};
        snprintf(a, sizeof a, "%s%s", from, ends[i]);
        snprintf(b, sizeof b, "%s%s", to, ends[i]);
        if (rename(a, b) < 0)
            assert_int_equal(errno, ENOENT);
    }
}

/* What is claimed meanwhile would go into a file that nobody will read again. */
static void a_database_that_is_taken_away_takes_no_claim_until_there_is_one_again(void **state)
{
    char away[96];

    (void)state;
    start();
    claim("alice", 1, HX_OK);
    snprintf(away, sizeof away, "%s.away", db_path);
    move(db_path, away);
    claim("bob", 1, HX_ESYS);
    assert_non_null(strstr(seen.log, "the file is no more the one that was opened"));
    assert_false(store_owners_usable(store));
    assert_int_equal(access(db_path, F_OK), -1); /* an empty one in its place would be in a copy's way */
    move(away, db_path);
    store_end(store);
    start();
    claim("bob", 1, HX_OK);
    assert_int_equal(rows(), 2);
}

static void a_database_that_takes_the_place_of_another_is_the_one_that_counts(void **state)
{
    char error[STORE_OWNERS_ERROR_MAX], other[96], away[96];
    uint8_t key[STORE_KEY_BYTES] = {9}, owner[STORE_KEY_BYTES];
    struct store_owners *o;

    (void)state;
    snprintf(other, sizeof other, "%s.other", db_path);
    assert_int_equal(store_owners_open(&o, other, true, error), HX_OK);
    assert_int_equal(store_owners_begin(o), HX_OK);
    assert_int_equal(store_owners_claim(o, (struct store_bytes){"carol", 5}, key, owner), HX_OK);
    assert_int_equal(store_owners_commit(o), HX_OK);
    store_owners_close(o);
    start();
    claim("alice", 1, HX_OK);
    snprintf(away, sizeof away, "%s.away", db_path);
    move(db_path, away);
    move(other, db_path);
    claim("bob", 1, HX_OK);
    assert_int_equal(seen.owned, 1); /* carol's */
    assert_int_equal(rows(), 2);
    assert_true(store_owners_usable(store));
}

static void a_database_may_be_a_link_to_another_place(void **state)
{
    char place[] = "/tmp/hx-place.XXXXXX", target[64];

    (void)state;
    assert_non_null(mkdtemp(place));
    snprintf(target, sizeof target, "%s/owners.db", place);
    write_text(target, "");
    assert_int_equal(symlink(target, db_path), 0);
    start();
    claim("alice", 1, HX_OK);
    store_end(store);
    store = NULL;
    assert_int_equal(rows(), 1);
    assert_int_equal(unlink(target), 0);
    assert_int_equal(rmdir(place), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_claim_is_in_the_database_when_it_is_told_of),
        TEST(the_first_key_keeps_the_name),
        TEST(all_owners_are_told_of_at_the_next_start),
        TEST(who_is_forgotten_may_be_claimed_anew),
        TEST(what_another_process_forgets_is_told_of),
        TEST(more_claims_at_once_than_there_may_be_are_refused),
        TEST(a_foreign_database_is_told_of_and_takes_no_claim),
        TEST(a_database_may_be_a_link_to_another_place),
        TEST(a_full_disk_takes_no_claim_and_forgets_nothing_and_the_next_one_succeeds_when_there_is_room),
        TEST(a_database_that_is_taken_away_takes_no_claim_until_there_is_one_again),
        TEST(a_database_that_takes_the_place_of_another_is_the_one_that_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
