/* Of two copies with the same key the later one gets the part: in requests, and how a copy is named. */
#include "client/files/copy_name.h"
#include "share_fixture.h"

#define ID_ONE "0123456789abcdef0123456789abcdef"
#define ID_TWO "fedcba9876543210fedcba9876543210"
#define LEN    100000

/* The key of each request's peer, in their order. */
static const char *keys[4];
static size_t asked;

static void from_keys(struct fixture *x, struct mux_stream *s, const struct mux_message *m)
{
    x->peer.key = keys[asked++];
    share_request(&x->peer, s, m);
}

static int setup(void **state)
{
    int err = fixture_setup(state);
    ((struct fixture *)*state)->on_request = from_keys;
    asked = 0;
    return err;
}

/* A PUT of LEN bytes; `copy`: "hx-copy: ...", or NULL. */
static struct answer *begin_put(struct fixture *x, const uint8_t *data, const char *copy)
{
    const char *const fields[] = {"hx-size: 100000", "hx-mtime: 1234567890", "hx-mode: 640", copy, NULL};
    uint8_t *body = malloc(LEN + DIGEST_BYTES);
    assert_non_null(body);
    memcpy(body, data, LEN);
    sum_of(data, LEN, body + LEN);
    return begin(x, "PUT", "/files/f", fields, body, LEN + DIGEST_BYTES);
}

/* Two PUTs of one file at once, the second one while the first one is under way. */
static void two(struct fixture *x, const char *first_key, const char *first_copy, const char *second_key,
                const char *second_copy, const char *first_status, const char *second_status)
{
    uint8_t *data = pattern(LEN, 8);
    keys[0] = first_key;
    keys[1] = second_key;
    struct answer *a = begin_put(x, data, first_copy);
    struct answer *b = begin_put(x, data, second_copy);
    fixture_run(x, &b->done);
    fixture_run(x, &a->done);
    assert_string_equal(a->status, first_status);
    assert_string_equal(b->status, second_status);
    assert_true(has_file(x, "share/f", data, LEN));
    assert_int_equal(count_names(x, "share", "hx-part"), 0);
    free((void *)(uintptr_t)a->sent);
    free((void *)(uintptr_t)b->sent);
    answer_free(a);
    answer_free(b);
    free(data);
}

static void a_later_copy_with_the_same_key_gets_the_part(void **state)
{
    two(*state, "one", NULL, "one", NULL, "410", "201");
    assert_string_equal(((struct fixture *)*state)->failed,
                        "receiving f: another copy with the same key, begun later, writes to it");
}

static void an_earlier_copy_that_comes_later_is_told_so(void **state)
{
    two(*state, "one", "hx-copy: " ID_ONE " 1000", "one", "hx-copy: " ID_TWO " 60000", "201", "410");
}

static void a_copy_with_another_connection_gets_its_own_part(void **state)
{
    two(*state, "one", "hx-copy: " ID_ONE " 1000", "one", "hx-copy: " ID_ONE " 60000", "410", "201");
}

static void another_key_gets_nothing_whatever_it_says(void **state)
{
    two(*state, "one", "hx-copy: " ID_ONE " 60000", "other", "hx-copy: " ID_ONE " 0", "201", "423");
}

static void who_has_no_key_gets_nothing(void **state)
{
    two(*state, "", NULL, "", NULL, "201", "423");
}

static void nor_one_without_a_key_from_one_with_it(void **state)
{
    two(*state, "one", NULL, NULL, NULL, "201", "423");
}

/* The status of a HEAD about the file while a PUT of it goes on with the 4 bytes that are there. */
static void asked_meanwhile(struct fixture *x, const char *key, const char *status)
{
    static const char *const fields[] = {"hx-size: 100000", "hx-mtime: 1234567890", NULL};
    static const char *const put[] = {"hx-size: 100000", "hx-mtime: 1234567890", "hx-mode: 640",
                                      "hx-offset: 4", NULL};
    uint8_t *data = pattern(1000, 8);
    char name[PATH_NAME_MAX + 1], path[sizeof name + 6];
    assert_int_equal(path_part_name(name, "f", LEN, 1234567890), HX_OK);
    snprintf(path, sizeof path, "share/%s", name);
    put_file(x, path, "held", 4);
    keys[0] = "one";
    keys[1] = key;
    struct answer *a = begin(x, "PUT", "/files/f", put, data, 1000);
    struct answer *b = ask(x, "HEAD", "/files/f", fields);
    assert_string_equal(b->status, status);
    assert_string_equal(b->part, strcmp(status, "404") == 0 ? "4" : "");
    answer_free(b);
    fixture_run(x, &a->done);
    answer_free(a);
    free(data);
}

static void who_may_have_a_part_is_told_how_long_it_is(void **state)
{
    asked_meanwhile(*state, "one", "404");
}

static void who_may_not_is_told_that_it_is_taken(void **state)
{
    asked_meanwhile(*state, "other", "423");
}

static void a_name_comes_back_as_it_was_said(void **state)
{
    struct copy_name made, read;
    char text[COPY_NAME_TEXT];
    (void)state;
    copy_name_make(&made, 5000);
    copy_name_format(text, &made, 7500);
    copy_name_parse(&read, text, 100000);
    assert_string_equal(read.id, made.id);
    assert_int_equal(read.begun_ms, 97500);
}

static void what_is_no_name_has_begun_now(void **state)
{
    static const char *const bad[] = {"",
                                      "x",
                                      ID_ONE,
                                      ID_ONE " ",
                                      ID_ONE " -1",
                                      ID_ONE " 1x",
                                      ID_ONE " 9999999999999999",
                                      ID_ONE "0 1",
                                      "0123 1",
                                      "0123456789ABCDEF0123456789abcdef 1"};
    struct copy_name read;
    (void)state;
    copy_name_parse(&read, NULL, 7);
    assert_int_equal(read.begun_ms, 7);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        copy_name_parse(&read, bad[i], 100);
        assert_string_equal(read.id, "");
        assert_int_equal(read.begun_ms, 100);
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_later_copy_with_the_same_key_gets_the_part),
        TEST(an_earlier_copy_that_comes_later_is_told_so),
        TEST(a_copy_with_another_connection_gets_its_own_part),
        TEST(another_key_gets_nothing_whatever_it_says),
        TEST(who_has_no_key_gets_nothing),
        TEST(nor_one_without_a_key_from_one_with_it),
        TEST(who_may_have_a_part_is_told_how_long_it_is),
        TEST(who_may_not_is_told_that_it_is_taken),
        cmocka_unit_test(a_name_comes_back_as_it_was_said),
        cmocka_unit_test(what_is_no_name_has_begun_now),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
