#include "client/files/path.h"
#include "share_fixture.h"
#include <sys/file.h>
#include <sys/syscall.h>

/* fsync(2), which notes what it was called for, and fails if it is to. */
static struct {
    int error, count;
    char what[4][FIXTURE_PATH];
} synced;

int fsync(int fd)
{
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    char *out = synced.what[synced.count++ % 4];
    ssize_t len = readlink(link, out, FIXTURE_PATH - 1);
    out[len < 0 ? 0 : len] = '\0';
    if (synced.error == 0)
        return (int)syscall(SYS_fsync, fd);
    errno = synced.error;
    return -1;
}

static const char secret[] = "not for you";

/* A PUT of `data`[offset...] with the fields of a file of `len` bytes; the sum is that of `summed`. */
static struct answer *begin_put(struct fixture *x, const char *path, const uint8_t *data, size_t len,
                                size_t offset, const uint8_t *summed)
{
    char size[48];
    char from[48];
    snprintf(size, sizeof size, "hx-size: %zu", len);
    snprintf(from, sizeof from, "hx-offset: %zu", offset);
    const char *const fields[] = {size, from, "hx-mtime: 1234567890123456789", "hx-mode: 640", NULL};
    uint8_t *body = malloc(len - offset + DIGEST_BYTES);
    assert_non_null(body);
    memcpy(body, data + offset, len - offset);
    sum_of(summed, len, body + len - offset);
    return begin(x, "PUT", path, fields, body, len - offset + DIGEST_BYTES);
}

static void put_is(struct fixture *x, const char *path, const uint8_t *data, size_t len, size_t offset,
                   const uint8_t *summed, const char *status)
{
    struct answer *a = begin_put(x, path, data, len, offset, summed);
    fixture_run(x, &a->done);
    assert_string_equal(a->status, status);
    free((void *)(uintptr_t)a->sent);
    answer_free(a);
}

static void a_file_is_put_with_its_time_and_permissions(void **state)
{
    struct fixture *x = *state;
    struct stat st;
    char path[FIXTURE_PATH];
    uint8_t *data = pattern(700000, 2);
    umask(027);
    put_is(x, "/files/new", data, 700000, 0, data, "201");
    assert_true(has_file(x, "share/new", data, 700000));
    in_share(x, path, "new");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(st.st_mtim.tv_sec, 1234567890);
    assert_int_equal(st.st_mtim.tv_nsec, 123456789);
    assert_int_equal(count_names(x, "share", "hx-part"), 0);
    put_is(x, "/files/new", data, 0, 0, data, "201"); /* replaced, by an empty one */
    assert_true(has_file(x, "share/new", data, 0));
    free(data);
}

static void a_file_is_on_the_disk_before_it_is_called_whole(void **state)
{
    struct fixture *x = *state;
    uint8_t *data = pattern(700000, 2);
    synced.count = 0;
    put_is(x, "/files/new", data, 700000, 0, data, "201");
    assert_int_equal(synced.count, 2);
    assert_non_null(strstr(synced.what[0], "/.new.hx-part-")); /* before it had its name */
    assert_string_equal(synced.what[1], x->dir);
    free(data);
}

static void a_file_that_does_not_reach_the_disk_gets_no_name(void **state)
{
    struct fixture *x = *state;
    uint8_t *data = pattern(5000, 2);
    synced.error = EIO;
    put_is(x, "/files/new", data, 5000, 0, data, "500");
    synced.error = ENOSPC;
    put_is(x, "/files/new2", data, 5000, 0, data, "507");
    synced.error = 0;
    assert_int_equal(count_names(x, "share", "new"), count_names(x, "share", "hx-part"));
    assert_int_equal(x->failures, 2);
    assert_string_equal(x->failed, "receiving new2: no space left");
    free(data);
}

static void a_directory_that_got_its_attributes_is_on_the_disk(void **state)
{
    struct fixture *x = *state;
    const char *const whole[] = {"hx-type: directory", "hx-mode: 755", "hx-mtime: 5000000000", NULL};
    char path[FIXTURE_PATH];
    synced.count = 0;
    struct answer *a = ask(x, "PUT", "/files/d", whole);
    assert_string_equal(a->status, "201");
    answer_free(a);
    assert_int_equal(synced.count, 1);
    in_share(x, path, "d");
    assert_string_equal(synced.what[0], path);
}

static void the_umask_holds_for_what_is_put(void **state)
{
    struct fixture *x = *state;
    struct stat st;
    char path[FIXTURE_PATH];
    uint8_t data[1] = {7};
    umask(077);
    put_is(x, "/files/new", data, 1, 0, data, "201");
    in_share(x, path, "new");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void a_wrong_sum_leaves_nothing_behind(void **state)
{
    struct fixture *x = *state;
    uint8_t *data = pattern(5000, 3);
    uint8_t *other = pattern(5000, 4);
    put_file(x, "share/f", "old", 3);
    put_is(x, "/files/f", data, 5000, 0, other, "422");
    assert_true(has_file(x, "share/f", "old", 3));
    assert_int_equal(count_names(x, "share", "hx-part"), 0);
    free(data);
    free(other);
}

static void what_a_broken_put_left_is_taken_up_again(void **state)
{
    struct fixture *x = *state;
    size_t len = 200000;
    uint8_t *data = pattern(len, 5);
    bool never = false;
    const char *const same[] = {"hx-size: 200000", "hx-mtime: 1234567890123456789", NULL};
    const char *const later[] = {"hx-size: 200000", "hx-mtime: 1234567890123456790", NULL};
    struct answer *a = begin_put(x, "/files/f", data, len, 0, data);
    mux_stream_reset(a->s, 8); /* what was written may or may not have left */
    free((void *)(uintptr_t)a->sent);
    answer_free(a);
    a = begin_put(x, "/files/f", data, len, 0, data);
    for (int i = 0; i < 4; i++) {
        pass(x, x->client, x->server);
        ev_run(x->loop, EVRUN_NOWAIT);
    }
    fixture_break(x);
    fixture_run(x, &never);
    free((void *)(uintptr_t)a->sent);
    answer_free(a);
    fixture_connect(x);
    a = ask(x, "HEAD", "/files/f", same);
    assert_string_equal(a->status, "404");
    size_t held = (size_t)atoi(a->part);
    assert_true(held > 0 && held < len);
    answer_free(a);
    a = ask(x, "HEAD", "/files/f", later); /* another file: nothing is known of it */
    assert_string_equal(a->part, "");
    answer_free(a);
    put_is(x, "/files/f", data, len, held - 1, data, "409");
    put_is(x, "/files/f", data, len, held, data, "201");
    assert_true(has_file(x, "share/f", data, len));
    assert_int_equal(count_names(x, "share", "hx-part"), 0);
    free(data);
}

/* The bytes from before are other ones than the sender's: the sum of the whole tells. */
static void a_part_of_other_bytes_is_noticed(void **state)
{
    struct fixture *x = *state;
    uint8_t *data = pattern(1000, 6);
    char name[PATH_NAME_MAX + 1];
    char path[300];
    assert_int_equal(path_part_name(name, "f", 1000, 1234567890123456789), HX_OK);
    snprintf(path, sizeof path, "share/%s", name);
    put_file(x, path, "planted", 7);
    put_is(x, "/files/f", data, 1000, 7, data, "422");
    assert_int_equal(count_names(x, "share", "f"), 0);
    free(data);
}

static void a_part_that_was_put_there_as_a_link_is_not_written_through(void **state)
{
    struct fixture *x = *state;
    uint8_t *data = pattern(1000, 7);
    char name[PATH_NAME_MAX + 1];
    char path[400];
    char target[128];
    assert_int_equal(path_part_name(name, "f", 1000, 1234567890123456789), HX_OK);
    snprintf(path, sizeof path, "%s/%s", x->dir, name);
    snprintf(target, sizeof target, "%s/secret", x->top);
    put_file(x, "secret", secret, sizeof secret);
    assert_int_equal(symlink("../secret", path), 0);
    put_is(x, "/files/f", data, 1000, 0, data, "403");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(link(target, path), 0);
    put_is(x, "/files/f", data, 1000, 0, data, "409");
    assert_true(has_file(x, "secret", secret, sizeof secret));
    free(data);
}

static void two_who_put_the_same_file_do_not_mix(void **state)
{
    struct fixture *x = *state;
    uint8_t *data = pattern(100000, 8);
    struct answer *a = begin_put(x, "/files/f", data, 100000, 0, data);
    struct answer *b = begin_put(x, "/files/f", data, 100000, 0, data);
    fixture_run(x, &b->done);
    assert_true(strcmp(b->status, "423") == 0 || strcmp(a->status, "423") == 0);
    if (!a->done)
        fixture_run(x, &a->done);
    assert_true(has_file(x, "share/f", data, 100000));
    free((void *)(uintptr_t)a->sent);
    free((void *)(uintptr_t)b->sent);
    answer_free(a);
    answer_free(b);
    free(data);
}

/* Who asks does not send in vain. */
static void a_part_that_somebody_writes_to_is_told_of(void **state)
{
    struct fixture *x = *state;
    static const char *const fields[] = {"hx-size: 1000", "hx-mtime: 1234567890123456789", NULL};
    char name[PATH_NAME_MAX + 1];
    char path[400];
    assert_int_equal(path_part_name(name, "f", 1000, 1234567890123456789), HX_OK);
    snprintf(path, sizeof path, "share/%s", name);
    put_file(x, path, "held", 4);
    snprintf(path, sizeof path, "%s/%s", x->dir, name);
    int fd = open(path, O_RDWR);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    struct answer *a = ask(x, "HEAD", "/files/f", fields);
    assert_string_equal(a->status, "423");
    answer_free(a);
    close(fd);
    a = ask(x, "HEAD", "/files/f", fields);
    assert_string_equal(a->status, "404");
    assert_string_equal(a->part, "4");
    answer_free(a);
}

static void malformed_puts_are_refused(void **state)
{
    struct fixture *x = *state;
    static const char *const bad[][4] = {{"hx-size: 1", "hx-mtime: 1"},
                                         {"hx-size: -1", "hx-mtime: 1", "hx-mode: 644"},
                                         {"hx-size: 1", "hx-mtime: x", "hx-mode: 644"},
                                         {"hx-size: 1", "hx-mtime: 1", "hx-mode: 4755"},
                                         {"hx-size: 1", "hx-mtime: 1", "hx-mode: 888"},
                                         {"hx-mtime: 1", "hx-mode: 644"},
                                         {"hx-size: 1", "hx-mode: 644"},
                                         {"hx-size: 99999999999999999999", "hx-mtime: 1", "hx-mode: 644"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct answer *a = begin(x, "PUT", "/files/f", bad[i], "", 0);
        fixture_run(x, &a->done);
        assert_string_equal(a->status, "400");
        answer_free(a);
    }
    assert_int_equal(count_names(x, "share", "f"), 0);
}

static void a_body_of_another_length_makes_no_file(void **state)
{
    struct fixture *x = *state;
    const char *const fields[] = {"hx-size: 10", "hx-mtime: 1", "hx-mode: 644", NULL};
    uint8_t *data = pattern(100, 9);
    static const size_t lengths[] = {0, 9, 10, 41, 43, 100};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        struct answer *a = begin(x, "PUT", "/files/f", fields, data, lengths[i]);
        fixture_run(x, &a->done);
        assert_int_equal(a->status[0], '4');
        answer_free(a);
        assert_int_equal(status_of(x, "HEAD", "/files/f"), 404);
        char command[160];
        snprintf(command, sizeof command, "rm -f %s/.f.hx-part*", x->dir);
        assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a path that we made */
    }
    free(data);
}

static void nothing_is_put_where_something_else_is(void **state)
{
    struct fixture *x = *state;
    uint8_t data[1] = {1};
    char path[FIXTURE_PATH];
    in_share(x, path, "d");
    assert_int_equal(mkdir(path, 0755), 0);
    in_share(x, path, "fifo");
    assert_int_equal(mkfifo(path, 0600), 0);
    put_file(x, "share/f", "x", 1);
    put_is(x, "/files/d", data, 1, 0, data, "409");
    put_is(x, "/files/fifo", data, 1, 0, data, "409");
    put_is(x, "/files/f/g", data, 1, 0, data, "409");
    put_is(x, "/files/none/g", data, 1, 0, data, "409");
    put_is(x, "/files/.f.hx-part-0123456789abcdef", data, 1, 0, data, "404");
}

static void directories_are_made_and_get_their_attributes_last(void **state)
{
    struct fixture *x = *state;
    struct stat st;
    char path[FIXTURE_PATH];
    const char *const make[] = {"hx-type: directory", "hx-mode: 555", NULL};
    const char *const whole[] = {"hx-type: directory", "hx-mode: 555", "hx-mtime: 5000000000", NULL};
    for (int i = 0; i < 2; i++) { /* the second time it is there */
        struct answer *a = ask(x, "PUT", "/files/d", make);
        assert_string_equal(a->status, "201");
        answer_free(a);
    }
    in_share(x, path, "d");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0755);
    struct answer *a = ask(x, "PUT", "/files/d", whole);
    assert_string_equal(a->status, "201");
    answer_free(a);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0555);
    assert_int_equal(st.st_mtim.tv_sec, 5);
    put_file(x, "share/f", "x", 1);
    a = ask(x, "PUT", "/files/f", make);
    assert_string_equal(a->status, "409");
    answer_free(a);
    a = ask(x, "PUT", "/files/none/d", make);
    assert_string_equal(a->status, "409");
    answer_free(a);
}

static void a_share_for_reading_is_not_written_to(void **state)
{
    struct fixture *x = *state;
    uint8_t data[1] = {1};
    const char *const make[] = {"hx-type: directory", "hx-mode: 755", NULL};
    static const char *const modes[] = {":ro", ""};
    for (int i = 0; i < 2; i++) {
        fixture_share(x, modes[i]);
        put_is(x, "/files/f", data, 1, 0, data, "403");
        struct answer *a = ask(x, "PUT", "/files/d", make);
        assert_string_equal(a->status, "403");
        assert_string_equal(a->reason, "the directory is shared for reading only");
        answer_free(a);
    }
    assert_int_equal(count_names(x, "share", ""), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_is_put_with_its_time_and_permissions),
        TEST(a_file_is_on_the_disk_before_it_is_called_whole),
        TEST(a_file_that_does_not_reach_the_disk_gets_no_name),
        TEST(a_directory_that_got_its_attributes_is_on_the_disk),
        TEST(the_umask_holds_for_what_is_put),
        TEST(a_wrong_sum_leaves_nothing_behind),
        TEST(what_a_broken_put_left_is_taken_up_again),
        TEST(a_part_of_other_bytes_is_noticed),
        TEST(a_part_that_was_put_there_as_a_link_is_not_written_through),
        TEST(two_who_put_the_same_file_do_not_mix),
        TEST(a_part_that_somebody_writes_to_is_told_of),
        TEST(malformed_puts_are_refused),
        TEST(a_body_of_another_length_makes_no_file),
        TEST(nothing_is_put_where_something_else_is),
        TEST(directories_are_made_and_get_their_attributes_last),
        TEST(a_share_for_reading_is_not_written_to),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
