/* Batches, as a share answers them: client/files/batch.h. */
#include "client/files/batch.h"
#include "client/files/group.h"
#include "share_fixture.h"

static const char *const batch_fields[] = {"hx-batch: 1", NULL};
#define TIME "1234567890123456789"

/* A body that grows. */
struct body {
    size_t len;
    char text[BODY_MAX];
};

static struct body *body_begin(void)
{
    struct body *b = calloc(1, sizeof *b);
    assert_non_null(b);
    return b;
}

__attribute__((format(printf, 2, 3))) static void say(struct body *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    b->len += (size_t)vsnprintf(b->text + b->len, sizeof b->text - b->len, fmt, args);
    va_end(args);
    assert_true(b->len < sizeof b->text);
}

static void say_bytes(struct body *b, const void *data, size_t len)
{
    assert_true(b->len + len < sizeof b->text);
    memcpy(b->text + b->len, data, len);
    b->len += len;
}

static void say_put(struct body *b, const char *path, const char *content)
{
    uint8_t sum[DIGEST_BYTES];
    sum_of(content, strlen(content), sum);
    say(b, "p 640 %zu " TIME " %s\n", strlen(content), path);
    say_bytes(b, content, strlen(content));
    say_bytes(b, sum, sizeof sum);
}

/* Asks for it, and frees `b`. */
static struct answer *batch(struct fixture *x, struct body *b)
{
    struct answer *a = begin(x, "POST", "/files/", batch_fields, b->text, b->len);
    fixture_run(x, &a->done);
    free(b);
    return a;
}

static void batch_is(struct fixture *x, struct body *b, const char *answers)
{
    struct answer *a = batch(x, b);
    assert_string_equal(a->status, "200");
    assert_int_equal(a->error, HX_OK);
    a->body[a->len] = '\0';
    assert_string_equal((const char *)a->body, answers);
    answer_free(a);
}

/* It is broken off. */
static void batch_fails(struct fixture *x, const char *text, size_t len)
{
    struct body *b = body_begin();
    say_bytes(b, text, len);
    struct answer *a = batch(x, b);
    assert_int_equal(a->error, HX_ECLOSED);
    answer_free(a);
}

static void a_tree_is_put_with_its_times_and_permissions(void **state)
{
    struct fixture *x = *state;
    struct stat st;
    char path[FIXTURE_PATH];
    struct body *b = body_begin();
    say(b, "d 750 0 1 t\nd 755 0 1 t/d\n");
    say_put(b, "t/d/f", "hello");
    say_put(b, "t/empty", "");
    say(b, "d 755 0 1 t\na 550 0 " TIME " t/d\na 750 0 " TIME " t\n");
    batch_is(x, b, "201 0 \n201 0 \n201 0 \n201 0 \n200 0 \n201 0 \n201 0 \n");
    assert_true(has_file(x, "share/t/d/f", "hello", 5));
    assert_true(has_file(x, "share/t/empty", "", 0));
    in_share(x, path, "t/d/f");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(st.st_mtim.tv_nsec, 123456789);
    in_share(x, path, "t/d");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0550);
    assert_int_equal(st.st_mtim.tv_sec, 1234567890);
    assert_int_equal(count_names(x, "share/t/d", "hx-part"), 0);
}

/* More than one group, so that some wait for the disk. */
static void thousands_are_answered_in_their_order(void **state)
{
    struct fixture *x = *state;
    struct body *b = body_begin();
    enum { MANY = 2 * GROUP_MAX + 100 };
    for (int i = 0; i < MANY; i++) {
        char name[32];
        snprintf(name, sizeof name, i % 100 == 99 ? "none/f%d" : "f%d", i);
        say_put(b, name, name);
    }
    struct answer *a = batch(x, b);
    assert_int_equal(a->error, HX_OK);
    const char *at = (const char *)a->body;
    a->body[a->len] = '\0';
    for (int i = 0; i < MANY; i++) {
        const char *expected =
            i % 100 == 99 ? "409 0 its directory does not exist, or is none\n" : "201 0 \n";
        assert_int_equal(strncmp(at, expected, strlen(expected)), 0);
        at += strlen(expected);
    }
    assert_int_equal(*at, '\0');
    answer_free(a);
    assert_int_equal(count_names(x, "share", "f"), MANY - MANY / 100);
    assert_int_equal(count_names(x, "share", "hx-part"), 0);
    assert_true(has_file(x, "share/f1000", "f1000", 5));
}

static void files_are_got_and_summed_if_they_are_what_was_listed(void **state)
{
    struct fixture *x = *state;
    struct body *b = body_begin();
    uint8_t sum[DIGEST_BYTES];
    char path[FIXTURE_PATH];
    const struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};
    put_file(x, "share/f", "hello", 5);
    in_share(x, path, "f");
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    sum_of("hello", 5, sum);
    say(b, "g 000 5 1000000000 f\nh 000 5 1000000000 f\ng 000 6 1000000000 f\nh 000 5 1000000001 f\ng 000 5 "
           "1 none\n");
    say(b, "g 000 0 1 .\nh 000 5 1000000000 f\n");
    struct answer *a = batch(x, b);
    assert_int_equal(a->error, HX_OK);
    struct body *e = body_begin();
    say(e, "200 37 \nhello");
    say_bytes(e, sum, sizeof sum);
    say(e, "200 32 \n");
    say_bytes(e, sum, sizeof sum);
    say(e, "412 0 has another size or time\n412 0 has another size or time\n404 0 does not exist\n400 0 is "
           "no path\n");
    say(e, "200 32 \n");
    say_bytes(e, sum, sizeof sum);
    assert_int_equal(a->len, e->len);
    assert_memory_equal(a->body, e->text, e->len);
    answer_free(a);
    free(e);
}

/* What was put is there for what is asked next. */
static void things_are_done_in_their_order(void **state)
{
    struct fixture *x = *state;
    struct body *b = body_begin();
    uint8_t sum[DIGEST_BYTES];
    say_put(b, "f", "one");
    say(b, "h 000 3 " TIME " f\n");
    say_put(b, "f", "three");
    say(b, "h 000 3 " TIME " f\n");
    struct answer *a = batch(x, b);
    sum_of("one", 3, sum);
    assert_int_equal(a->len, 7 + 8 + 32 + 7 + 31);
    assert_memory_equal(a->body + 15, sum, sizeof sum);
    assert_memory_equal(a->body + 47, "201 0 \n412 0 has another size or time\n", 38);
    answer_free(a);
    assert_true(has_file(x, "share/f", "three", 5));
}

static void a_wrong_sum_gives_no_name_and_harms_nothing_else(void **state)
{
    struct fixture *x = *state;
    struct body *b = body_begin();
    put_file(x, "share/old", "old", 3);
    say_put(b, "a", "good");
    say(b, "p 644 3 1 old\nbad--------------------------------");
    say_put(b, "b", "good, too");
    batch_is(x, b, "201 0 \n422 0 the sum is another one than that of what arrived\n201 0 \n");
    assert_true(has_file(x, "share/old", "old", 3));
    assert_true(has_file(x, "share/b", "good, too", 9));
    assert_int_equal(count_names(x, "share", "hx-part"), 0);
}

static void nothing_leaves_the_share_and_no_link_is_followed(void **state)
{
    struct fixture *x = *state;
    struct body *b = body_begin();
    char path[FIXTURE_PATH];
    put_file(x, "secret", "secret", 6);
    in_share(x, path, "link");
    assert_int_equal(symlink("../secret", path), 0);
    in_share(x, path, "up");
    assert_int_equal(symlink("..", path), 0);
    say_put(b, "../secret", "stolen");
    say_put(b, "/tmp/hx-stolen", "stolen");
    say_put(b, "link", "stolen");
    say_put(b, "up/secret", "stolen");
    say(b, "d 755 0 1 ../d\nd 755 0 1 up/d\na 000 0 1 up\ng 000 6 1 link\nh 000 6 1 up/secret\n");
    say_put(b, "good", "good");
    batch_is(x, b,
             "400 0 is no path\n400 0 is no path\n409 0 exists and is of another kind\n"
             "409 0 its directory does not exist, or is none\n400 0 is no path\n"
             "409 0 its directory does not exist, or is none\n409 0 its directory does not exist, or is "
             "none\n403 0 is a symbolic link, or behind one\n"
             "403 0 is a symbolic link, or behind one\n201 0 \n");
    assert_true(has_file(x, "secret", "secret", 6));
    assert_int_equal(count_names(x, ".", "d"), 0);
    assert_int_equal(access("/tmp/hx-stolen", F_OK), -1);
}

/* The second of two with the same part finds it set aside, and is the one that stays. */
static void the_same_name_twice_leaves_one_whole_file(void **state)
{
    struct fixture *x = *state;
    struct body *b = body_begin();
    for (int i = 0; i < 20; i++)
        say_put(b, "f", i % 2 ? "one" : "two");
    struct answer *a = batch(x, b);
    assert_int_equal(a->error, HX_OK);
    answer_free(a);
    assert_true(has_file(x, "share/f", "one", 3) || has_file(x, "share/f", "two", 3));
    assert_int_equal(count_names(x, "share", "hx-part"), 0);
}

static void a_share_for_reading_is_not_written_to(void **state)
{
    struct fixture *x = *state;
    struct body *b = body_begin();
    fixture_share(x, ":ro");
    say(b, "d 755 0 1 d\n");
    say_put(b, "f", "x");
    say(b, "a 755 0 1 d\n");
    batch_is(
        x, b,
        "403 0 the directory is shared for reading only\n403 0 the directory is shared for reading only\n"
        "403 0 the directory is shared for reading only\n");
    assert_int_equal(count_names(x, "share", "f"), 0);
    assert_int_equal(count_names(x, "share", "d"), 0);
}

static void what_is_no_batch_is_broken_off(void **state)
{
    struct fixture *x = *state;
    static const char *const bad[] = {"garbage\n",
                                      "f 644 1 1 f\n",
                                      "p 644 1048577 1 f\n",
                                      "p 644 -1 1 f\n",
                                      "p 644 5 1 f\nhel",
                                      "d 755 0 1 d",
                                      "\n"};
    char *endless = malloc(2 * LISTING_LINE_MAX);
    assert_non_null(endless);
    memset(endless, 'd', 2 * LISTING_LINE_MAX);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        batch_fails(x, bad[i], strlen(bad[i]));
    batch_fails(x, endless, 2 * LISTING_LINE_MAX);
    free(endless);
    assert_int_equal(count_names(x, "share", "f"), 0);
}

static void only_the_whole_share_takes_a_batch_and_only_this_kind(void **state)
{
    struct fixture *x = *state;
    static const char *const other[] = {"hx-batch: 2", NULL};
    struct answer *a = begin(x, "POST", "/files/d", batch_fields, "", 0);
    fixture_run(x, &a->done);
    assert_string_equal(a->status, "400");
    answer_free(a);
    a = begin(x, "POST", "/files/", other, "", 0);
    fixture_run(x, &a->done);
    assert_string_equal(a->status, "400");
    answer_free(a);
}

static void one_peer_has_only_so_many_batches(void **state)
{
    static const struct mux_stream_events nothing = {.closed = NULL};
    static const struct mux_field fields[] = {{":method", "POST"},
                                              {":scheme", "hx"},
                                              {":authority", "hx"},
                                              {":path", "/files/"},
                                              {"hx-batch", "1"}};
    const struct mux_message m = {.fields = fields, .count = 5};
    struct fixture *x = *state;
    struct mux_stream *open[SHARE_BATCHES];
    for (int i = 0; i < SHARE_BATCHES; i++) /* they never end */
        assert_int_equal(mux_request(x->client, &open[i], &m, &nothing, NULL), HX_OK);
    struct answer *a = begin(x, "POST", "/files/", batch_fields, "", 0);
    fixture_run(x, &a->done);
    assert_string_equal(a->status, "429");
    answer_free(a);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_tree_is_put_with_its_times_and_permissions),
        TEST(thousands_are_answered_in_their_order),
        TEST(files_are_got_and_summed_if_they_are_what_was_listed),
        TEST(things_are_done_in_their_order),
        TEST(a_wrong_sum_gives_no_name_and_harms_nothing_else),
        TEST(nothing_leaves_the_share_and_no_link_is_followed),
        TEST(the_same_name_twice_leaves_one_whole_file),
        TEST(a_share_for_reading_is_not_written_to),
        TEST(what_is_no_batch_is_broken_off),
        TEST(only_the_whole_share_takes_a_batch_and_only_this_kind),
        TEST(one_peer_has_only_so_many_batches),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
