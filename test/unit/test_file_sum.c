/* client/files/file_sum.h: the sum behind a file's bytes, as both sides agree on it. */
#include "client/files/file_sum.h"
#include "files_fixture.h"

#define SIZE 700000
#define KEY  "000102030405060708090a0b0c0d0e0F"

static void gmac_of(const void *data, size_t len, uint8_t out[DIGEST_BYTES])
{
    struct digest d;
    uint8_t key[DIGEST_KEY_BYTES];
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)i;
    assert_int_equal(digest_init(&d), HX_OK);
    assert_int_equal(digest_use_key(&d, key), HX_OK);
    digest_update(&d, data, len);
    assert_int_equal(digest_final(&d, out), HX_OK);
    digest_free(&d);
}

static void who_asks_for_a_keyed_sum_gets_it_behind_the_bytes(void **state)
{
    struct fixture *x = *state;
    const char *const fields[] = {"hx-sum: gmac " KEY, "range: bytes=1000-", NULL};
    uint8_t sum[DIGEST_BYTES];
    uint8_t *data = pattern(SIZE, 4);
    put_file(x, "share/f", data, SIZE);
    struct answer *a = ask(x, "GET", "/files/f", fields);
    gmac_of(data, SIZE, sum);
    assert_string_equal(a->status, "206");
    assert_int_equal(a->len, SIZE - 1000 + DIGEST_BYTES);
    assert_memory_equal(a->body, data + 1000, SIZE - 1000);
    assert_memory_equal(a->body + SIZE - 1000, sum, DIGEST_BYTES);
    answer_free(a);
    free(data);
}

/* The answer's status. */
static int put_keyed(struct fixture *x, const uint8_t *data, bool right)
{
    const char *const fields[] = {("hx-sum: gmac " KEY), "hx-size: 700000", "hx-mtime: 5", "hx-mode: 644",
                                  NULL};
    uint8_t *body = malloc(SIZE + DIGEST_BYTES);
    assert_non_null(body);
    memcpy(body, data, SIZE);
    gmac_of(data, SIZE, body + SIZE);
    if (!right)
        body[SIZE / 2] ^= 1;
    struct answer *a = begin(x, "PUT", "/files/new", fields, body, SIZE + DIGEST_BYTES);
    fixture_run(x, &a->done);
    int status = atoi(a->status);
    answer_free(a);
    free(body);
    return status;
}

static void a_keyed_sum_decides_whether_a_file_gets_its_name(void **state)
{
    struct fixture *x = *state;
    uint8_t *data = pattern(SIZE, 4);
    assert_int_equal(put_keyed(x, data, false), 422);
    assert_int_equal(count_names(x, "share", ""), 0);
    assert_int_equal(put_keyed(x, data, true), 201);
    assert_true(has_file(x, "share/new", data, SIZE));
    free(data);
}

static void other_kinds_of_sums_are_refused(void **state)
{
    struct fixture *x = *state;
    static const char *const bad[] = {"hx-sum: ",           "hx-sum: gmac",          "hx-sum: gmac 00",
                                      "hx-sum: md5 " KEY,   "hx-sum: gmac " KEY "0", "hx-sum: gmac x" KEY,
                                      "hx-sum: gmac  " KEY, "hx-sum: GMAC " KEY};
    put_file(x, "share/f", "x", 1);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *const fields[] = {bad[i], "hx-size: 1", "hx-mtime: 5", "hx-mode: 644", NULL};
        struct answer *a = ask(x, "GET", "/files/f", fields);
        assert_string_equal(a->status, "400");
        answer_free(a);
        a = ask(x, "PUT", "/files/new", fields);
        assert_string_equal(a->status, "400");
        answer_free(a);
    }
    assert_int_equal(count_names(x, "share", "new"), 0);
}

static struct {
    bool offers; /* the peer */
    char sums[8][64];
    size_t count;
} seen;

/* Notes with which sums bytes are asked for; a peer that offers none says so when it is asked what there is. */
static void watch(struct fixture *x, struct mux_stream *s, const struct mux_message *m)
{
    static const struct mux_stream_events nothing = {.closed = NULL};
    const char *method = mux_field(m, ":method");
    const char *sum = mux_field(m, "hx-sum");
    bool plain = strcmp(method, "HEAD") == 0 && !mux_field(m, "hx-size") && !seen.offers;
    if (strcmp(method, "HEAD") != 0)
        snprintf(seen.sums[seen.count++ % 8], sizeof *seen.sums, "%s", sum ? sum : "none");
    if (!plain) {
        share_request(&x->peer, s, m);
        return;
    }
    const struct mux_field fields[] = {{":status", "200"},
                                       {"hx-type", "file"},
                                       {"hx-size", "2000000"},
                                       {"hx-mtime", "5"},
                                       {"hx-mode", "644"}};
    struct mux_message answer = {.fields = fields, .count = 5, .ended = true};
    mux_stream_own(s, &nothing, NULL);
    assert_int_equal(mux_respond(s, &answer), HX_OK);
    mux_stream_leave(s);
}

/* A download, one that finds the file as it is, an upload. */
static void copies(struct fixture *x, const uint8_t *data)
{
    seen.count = 0;
    x->on_request = watch;
    put_file(x, "share/f", data, 2000000);
    shell(x, "mkdir out && touch -d @0.000000005 share/f");
    assert_int_equal(get(x, "f", "out/f"), 0);
    assert_int_equal(get(x, "f", "out/f"), 0);
    shell(x, "echo changed >share/f");
    assert_int_equal(put(x, "out/f", "f"), 0);
    assert_true(has_file(x, "share/f", data, 2000000));
    assert_int_equal(seen.count, 3);
}

static void each_file_has_a_key_of_its_own_if_the_peer_knows_keyed_sums(void **state)
{
    uint8_t *data = pattern(2000000, 6);
    seen.offers = true;
    copies(*state, data);
    for (size_t i = 0; i < seen.count; i++) {
        assert_int_equal(strlen(seen.sums[i]), 5 + 32);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(seen.sums[i], seen.sums[j]);
    }
    free(data);
}

static void a_peer_that_offers_none_is_asked_for_sha_256(void **state)
{
    uint8_t *data = pattern(2000000, 6);
    seen.offers = false;
    copies(*state, data);
    for (size_t i = 0; i < seen.count; i++)
        assert_string_equal(seen.sums[i], "none");
    free(data);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_asks_for_a_keyed_sum_gets_it_behind_the_bytes),
        TEST(a_keyed_sum_decides_whether_a_file_gets_its_name),
        TEST(other_kinds_of_sums_are_refused),
        TEST(each_file_has_a_key_of_its_own_if_the_peer_knows_keyed_sums),
        TEST(a_peer_that_offers_none_is_asked_for_sha_256),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
