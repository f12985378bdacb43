/* client/files/part.h: what is received, until it has its name. */
#include "client/files/beneath.h"
#include "client/files/part.h"
#include "share_fixture.h"
#include <fcntl.h>
#include <sys/resource.h>

#define LEN  3000000
#define HELD 2500000 /* more than one turn of hashing */

static const struct file_entry entry = {
    .type = 'f', .mode = 0644, .size = LEN, .mtime_ns = 1234567890123456789, .path = "f"};

/* What an earlier one left. */
static void leave_part(struct fixture *x, const uint8_t *data, size_t len)
{
    char name[PATH_NAME_MAX + 1];
    char path[FIXTURE_PATH];
    assert_int_equal(path_part_name(name, "f", LEN, entry.mtime_ns), HX_OK);
    snprintf(path, sizeof path, "share/%s", name);
    put_file(x, path, data, len);
}

static int open_root(const struct fixture *x)
{
    int root = open(x->dir, O_PATH | O_DIRECTORY);
    assert_true(root >= 0);
    return root;
}

static void what_is_held_is_hashed_while_new_bytes_come(void **state)
{
    struct fixture *x = *state;
    static uint8_t buffer[PART_BUFFER];
    uint8_t sum[DIGEST_BYTES];
    uint8_t *data = pattern(LEN, 1);
    struct part p;
    int turns = 1;
    int root = open_root(x);
    sum_of(data, LEN, sum);
    leave_part(x, data, HELD);
    assert_int_equal(part_open(&p, root, &entry), HX_OK);
    assert_int_equal(p.size, HELD);
    assert_int_equal(part_begin(&p, HELD), HX_OK);
    assert_int_equal(part_write(&p, data + HELD, 1000), HX_OK); /* nothing is hashed yet */
    assert_int_equal(p.hashed, 0);
    assert_int_equal(part_verify(&p, sum), HX_ESYS); /* it is not whole */
    while (part_hash(&p, buffer) == HX_EAGAIN)
        assert_true(++turns < 100);
    assert_true(turns > 2);
    assert_int_equal(p.hashed, HELD + 1000);
    assert_int_equal(part_write(&p, data + HELD + 1000, LEN - HELD - 1000), HX_OK);
    assert_int_equal(p.hashed, LEN); /* as it came */
    assert_int_equal(part_commit(&p, sum), HX_OK);
    part_close(&p);
    close(root);
    assert_true(has_file(x, "share/f", data, LEN));
    assert_int_equal(count_names(x, "share", "hx-part"), 0);
    free(data);
}

static void what_is_whole_but_not_hashed_gets_no_name(void **state)
{
    struct fixture *x = *state;
    uint8_t sum[DIGEST_BYTES];
    uint8_t *data = pattern(LEN, 2);
    struct part p;
    int root = open_root(x);
    sum_of(data, LEN, sum);
    leave_part(x, data, HELD);
    assert_int_equal(part_open(&p, root, &entry), HX_OK);
    assert_int_equal(part_write(&p, data + HELD, LEN - HELD), HX_OK);
    assert_int_equal(part_commit(&p, sum), HX_ESYS);
    assert_int_equal(errno, ERANGE);
    part_close(&p);
    close(root);
    assert_int_equal(count_names(x, "share", "hx-part"), 1);
    free(data);
}

static int set_aside(int root, const uint8_t *data, struct part_aside *aside)
{
    struct part p;
    uint8_t sum[DIGEST_BYTES];
    sum_of(data, LEN, sum);
    assert_int_equal(part_open(&p, root, &entry), HX_OK);
    assert_int_equal(part_begin(&p, 0), HX_OK);
    assert_int_equal(part_write(&p, data, LEN), HX_OK);
    assert_int_equal(part_verify(&p, sum), HX_OK);
    int err = part_set_aside(&p, aside);
    part_close(&p);
    return err;
}

static void what_was_set_aside_gets_its_name_later(void **state)
{
    struct fixture *x = *state;
    uint8_t *data = pattern(LEN, 3);
    struct part_aside aside;
    for (int sync = 0; sync < 2; sync++) {
        int root = open_root(x);
        assert_int_equal(set_aside(root, data, &aside), HX_OK);
        assert_int_equal(count_names(x, "share", "hx-part"), 1);
        assert_int_equal(part_take_up(root, &entry, &aside, sync), HX_OK);
        assert_int_equal(count_names(x, "share", "hx-part"), 0);
        assert_true(has_file(x, "share/f", data, LEN));
        close(root);
    }
    free(data);
}

/* Whoever wrote to it meanwhile, or still may: what was verified is not what is there. */
static void what_was_touched_since_gets_no_name(void **state)
{
    struct fixture *x = *state;
    uint8_t *data = pattern(LEN, 4);
    struct part_aside aside;
    struct part other;
    char name[PATH_NAME_MAX + 1];
    char path[FIXTURE_PATH];
    int root = open_root(x);
    assert_int_equal(set_aside(root, data, &aside), HX_OK);
    assert_int_equal(part_open(&other, root, &entry), HX_OK); /* another one that receives it, has the lock */
    assert_int_equal(part_take_up(root, &entry, &aside, false), HX_ESYS);
    assert_int_equal(errno, EWOULDBLOCK);
    assert_int_equal(part_begin(&other, 0), HX_OK);
    part_close(&other); /* and has emptied it */
    assert_int_equal(part_take_up(root, &entry, &aside, false), HX_ESYS);
    assert_int_equal(count_names(x, "share", "f"), 0);
    assert_int_equal(set_aside(root, data, &aside), HX_OK);
    assert_int_equal(path_part_name(name, "f", LEN, entry.mtime_ns), HX_OK);
    snprintf(path, sizeof path, "share/%s", name);
    put_file(x, path, data, LEN - 1);
    assert_int_equal(part_take_up(root, &entry, &aside, false), HX_ESYS);
    assert_int_equal(errno, EWOULDBLOCK);
    close(root);
    free(data);
}

/* Neither one that is there before, nor one that comes while the part is received. */
static void a_file_that_is_to_be_kept_is_not_replaced(void **state)
{
    struct fixture *x = *state;
    uint8_t *data = pattern(LEN, 5);
    struct file_entry kept = entry;
    struct part_aside aside;
    struct part p;
    int root = open_root(x);
    kept.keep = true;
    assert_int_equal(set_aside(root, data, &aside), HX_OK);
    put_file(x, "share/f", data, 1);
    assert_int_equal(part_open(&p, root, &kept), HX_ESYS);
    assert_int_equal(errno, ENOTUNIQ);
    assert_int_equal(part_take_up(root, &kept, &aside, true), HX_ESYS);
    assert_int_equal(errno, ENOTUNIQ);
    assert_true(has_file(x, "share/f", data, 1));
    assert_int_equal(unlinkat(root, "f", 0), 0);
    assert_int_equal(part_take_up(root, &kept, &aside, true), HX_OK);
    assert_true(has_file(x, "share/f", data, LEN));
    close(root);
    free(data);
}

/* The directory cannot be opened, to be synced, when the name has been given. */
static void what_has_its_name_is_not_taken_away_by_what_fails_then(void **state)
{
    struct fixture *x = *state;
    struct rlimit limit;
    uint8_t sum[DIGEST_BYTES];
    uint8_t *data = pattern(LEN, 1);
    struct part p;
    int root = open_root(x);
    sum_of(data, LEN, sum);
    assert_int_equal(part_open(&p, root, &entry), HX_OK);
    assert_int_equal(part_write(&p, data, LEN), HX_OK);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &(struct rlimit){3, limit.rlim_max}), 0);
    int err = part_commit(&p, sum);
    int system = errno;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(err, HX_ESYS);
    assert_int_equal(system, EMFILE);
    part_discard(&p);
    assert_true(has_file(x, "share/f", data, LEN));
    close(root);
    free(data);
}

static void what_is_discarded_is_gone(void **state)
{
    struct fixture *x = *state;
    struct part p;
    int root = open_root(x);
    assert_int_equal(part_open(&p, root, &entry), HX_OK);
    assert_int_equal(part_write(&p, "some", 4), HX_OK);
    part_discard(&p);
    assert_int_equal(count_names(x, "share", "hx-part"), 0);
    close(root);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_held_is_hashed_while_new_bytes_come),
        TEST(what_is_whole_but_not_hashed_gets_no_name),
        TEST(what_was_set_aside_gets_its_name_later),
        TEST(what_was_touched_since_gets_no_name),
        TEST(a_file_that_is_to_be_kept_is_not_replaced),
        TEST(what_has_its_name_is_not_taken_away_by_what_fails_then),
        TEST(what_is_discarded_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
