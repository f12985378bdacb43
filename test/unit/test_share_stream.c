#include "client/files/extent.h"
#include "share_fixture.h"

#define PIECES_MAX 4096

/* A body of pieces of these lengths, and its sum. */
struct body {
    uint8_t bytes[PIECES_MAX];
    size_t len;
    struct digest digest;
};

static void add_piece(struct body *b, uint64_t head, const char *data)
{
    put64(b->bytes + b->len, head);
    memcpy(b->bytes + b->len + EXTENT_HEAD, data, strlen(data));
    b->len += EXTENT_HEAD + strlen(data);
    digest_update(&b->digest, data, strlen(data));
}

static void add_sum(struct body *b)
{
    assert_int_equal(digest_final(&b->digest, b->bytes + b->len), HX_OK);
    digest_free(&b->digest);
    b->len += DIGEST_BYTES;
}

static void begin_body(struct body *b)
{
    b->len = 0;
    assert_int_equal(digest_init(&b->digest), HX_OK);
}

static const char *const fields[] = {"hx-stream: 1", "hx-mode: 666", NULL};

static void put_is(struct fixture *x, const struct body *b, const char *status)
{
    struct answer *a = begin(x, "PUT", "/files/new", fields, b->bytes, b->len);
    fixture_run(x, &a->done);
    assert_string_equal(a->status, status);
    answer_free(a);
}

static void a_file_of_unknown_length_is_put_in_pieces(void **state)
{
    struct fixture *x = *state;
    struct stat st;
    char path[FIXTURE_PATH];
    struct body b;
    begin_body(&b);
    add_piece(&b, 6, "hello ");
    add_piece(&b, EXTENT_HOLE, ""); /* nothing yet */
    add_piece(&b, 5, "world");
    add_piece(&b, 0, "");
    add_sum(&b);
    put_is(x, &b, "201");
    assert_true(has_file(x, "share/new", "hello world", 11));
    in_share(x, path, "new");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0644);
    assert_true(st.st_mtime > 1000000000);
    assert_int_equal(count_names(x, "share", "hx-part"), 0);
}

static void nothing_is_a_file_of_nothing(void **state)
{
    struct fixture *x = *state;
    struct body b;
    begin_body(&b);
    add_piece(&b, 0, "");
    add_sum(&b);
    put_is(x, &b, "201");
    assert_true(has_file(x, "share/new", "", 0));
}

static void a_wrong_sum_leaves_what_was_there(void **state)
{
    struct fixture *x = *state;
    struct body b;
    put_file(x, "share/new", "old", 3);
    begin_body(&b);
    add_piece(&b, 5, "hello");
    add_piece(&b, 0, "");
    add_sum(&b);
    b.bytes[b.len - 1] ^= 1;
    put_is(x, &b, "422");
    assert_true(has_file(x, "share/new", "old", 3));
    assert_int_equal(count_names(x, "share", "hx-part"), 0);
}

static void what_breaks_off_leaves_nothing(void **state)
{
    struct fixture *x = *state;
    struct body b;
    begin_body(&b);
    add_piece(&b, 5, "hello");
    struct answer *a = begin(x, "PUT", "/files/new", fields, b.bytes, b.len - 2);
    fixture_run(x, &a->done); /* the body ends early */
    assert_string_equal(a->status, "400");
    answer_free(a);
    a = begin(x, "PUT", "/files/new", fields, b.bytes, b.len);
    for (int i = 0; i < 10; i++) {
        (void)pass(x, x->client, x->server);
        (void)pass(x, x->server, x->client);
    }
    fixture_break(x);
    answer_free(a);
    digest_free(&b.digest);
    assert_int_equal(count_names(x, "share", "new"), 0);
}

static void what_is_no_piece_is_refused(void **state)
{
    struct fixture *x = *state;
    static const uint64_t heads[] = {SHARE_PIECE_MAX + 1, EXTENT_HOLE | 1, UINT64_MAX};
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
        struct body b;
        begin_body(&b);
        add_piece(&b, heads[i], "hello");
        digest_free(&b.digest);
        put_is(x, &b, "400");
    }
    struct body b;
    begin_body(&b);
    add_piece(&b, 0, "");
    add_sum(&b);
    b.bytes[b.len++] = 'x'; /* and more */
    put_is(x, &b, "400");
    assert_int_equal(count_names(x, "share", ""), 0);
}

static void it_is_a_put_as_others(void **state)
{
    struct fixture *x = *state;
    char path[FIXTURE_PATH];
    struct body b;
    begin_body(&b);
    add_piece(&b, 0, "");
    add_sum(&b);
    in_share(x, path, "new");
    assert_int_equal(mkdir(path, 0755), 0);
    put_is(x, &b, "409");
    assert_int_equal(rmdir(path), 0);
    fixture_share(x, ":ro");
    put_is(x, &b, "403");
    assert_int_equal(count_names(x, "share", ""), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_of_unknown_length_is_put_in_pieces),
        TEST(nothing_is_a_file_of_nothing),
        TEST(a_wrong_sum_leaves_what_was_there),
        TEST(what_breaks_off_leaves_nothing),
        TEST(what_is_no_piece_is_refused),
        TEST(it_is_a_put_as_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
