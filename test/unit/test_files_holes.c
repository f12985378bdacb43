#include "client/files/file_sum.h"
#include "client/files/outgoing.h"
#include "files_fixture.h"

#define LEN 20000000

static void digest_of(const uint8_t *data, size_t len, size_t piece, bool skip, uint8_t out[DIGEST_BYTES])
{
    struct file_sum c;
    assert_int_equal(file_sum_init(&c), HX_OK);
    c.by_blocks = true;
    for (size_t at = 0; at < len; at += piece) {
        size_t n = len - at < piece ? len - at : piece;
        bool zeros = skip;
        for (size_t i = at; i < at + n && zeros; i++)
            zeros = data[i] == 0;
        if (zeros)
            file_sum_skip(&c, (int64_t)n);
        else
            file_sum_update(&c, data + at, n);
    }
    assert_int_equal(file_sum_final(&c, out), HX_OK);
    file_sum_free(&c);
}

static void holes_and_zeros_have_the_same_digest_in_whatever_pieces(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 7, 4095, 4096, 4097, 65536, 200000};
    size_t len = 100000;
    uint8_t first[DIGEST_BYTES];
    uint8_t sum[DIGEST_BYTES];
    uint8_t *data = calloc(1, len);
    assert_non_null(data);
    data[20000] = 1;
    data[99999] = 2;
    digest_of(data, len, len, false, first);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        for (int skip = 0; skip < 2; skip++) {
            digest_of(data, len, pieces[i], skip, sum);
            assert_memory_equal(sum, first, sizeof sum);
        }
    }
    digest_of(data, len - 1, len, false, sum); /* shorter */
    assert_memory_not_equal(sum, first, sizeof sum);
    data[20000] = 0;
    data[20000 + FILE_SUM_BLOCK] = 1; /* elsewhere */
    digest_of(data, len, len, false, sum);
    assert_memory_not_equal(sum, first, sizeof sum);
    uint8_t *zeros = calloc(1, len);
    assert_non_null(zeros);
    digest_of(zeros, len, len, false, first);
    digest_of(zeros, len - FILE_SUM_BLOCK, len, false, sum); /* only zeros are missing */
    assert_memory_not_equal(sum, first, sizeof sum);
    free(zeros);
    free(data);
}

/* 20 MB with 300 kB of data, which begin and end at no block's. */
static void make_sparse(struct fixture *x, const char *name)
{
    char command[256];
    uint8_t *data = pattern(100000, 5);
    put_file(x, "data", data, 100000);
    snprintf(command, sizeof command,
             "truncate -s %d %s && for i in 1 77 181; do dd if=data of=%s bs=100000 seek=$i conv=notrunc "
             "status=none; done",
             LEN, name, name);
    shell(x, command);
    free(data);
}

static void assert_sparse_copy(struct fixture *x, const char *a, const char *b)
{
    char command[256];
    snprintf(command, sizeof command, "cmp %s %s && test $(du -k %s | cut -f1) -lt 1000", a, b, b);
    shell(x, command);
}

static bool has_holes(struct fixture *x, const char *name)
{
    char path[FIXTURE_PATH];
    struct stat st;
    below(x, path, name);
    assert_int_equal(stat(path, &st), 0);
    return outgoing_is_sparse(&st);
}

static void holes_stay_holes_both_ways(void **state)
{
    struct fixture *x = *state;
    struct copy c;
    make_sparse(x, "share/f");
    if (!has_holes(x, "share/f"))
        skip(); /* a file system without them */
    for (int upload = 0; upload < 2; upload++) {
        assert_int_equal(copy_begin(&c, x, upload, "got", upload ? "back" : "f"), HX_OK);
        copy_run(&c);
        assert_true(c.done);
        assert_int_equal(c.state.failed, 0);
        assert_int_equal(c.state.done, LEN);
        assert_true(c.state.moved < 400000);
        copy_end(&c);
        assert_sparse_copy(x, "share/f", upload ? "share/back" : "got");
    }
    assert_int_equal(copy_begin(&c, x, false, "got", "f"), HX_OK); /* compared */
    copy_run(&c);
    assert_int_equal(c.state.moved, 0);
    copy_end(&c);
    shell(x, "rm got && cp --sparse=never -p share/f got"); /* with zeros here, ... */
    assert_int_equal(copy_begin(&c, x, false, "got", "f"), HX_OK);
    copy_run(&c);
    assert_int_equal(c.state.moved, 0);
    copy_end(&c);
    shell(x, "cp -p share/f sparse && cp --sparse=never -p share/f share/zeros"); /* ... and there */
    assert_int_equal(copy_begin(&c, x, true, "sparse", "zeros"), HX_OK);
    copy_run(&c);
    assert_int_equal(c.state.moved, 0);
    copy_end(&c);
    shell(x, "truncate -s 4000000 share/none");
    assert_int_equal(get(x, "none", "none"), 0);
    assert_sparse_copy(x, "share/none", "none");
}

/* Breaks behind data and holes; what was there before is hashed with its holes. */
static void a_file_of_holes_goes_on_where_it_was(void **state)
{
    struct fixture *x = *state;
    struct copy c;
    int breaks = 0;
    make_sparse(x, "share/f");
    if (!has_holes(x, "share/f"))
        skip();
    assert_int_equal(copy_begin(&c, x, false, "got", "f"), HX_OK);
    while (!c.done) {
        x->cut = 120000;
        copy_run(&c);
        if (x->client)
            break;
        fixture_connect(x);
        files_attach(c.files, x->client);
        assert_true(++breaks < 10);
    }
    copy_end(&c);
    assert_true(breaks >= 2);
    assert_int_equal(c.state.failed, 0);
    assert_int_equal(c.reports, 0);
    assert_sparse_copy(x, "share/f", "got");
}

static void who_does_not_ask_for_holes_gets_zeros(void **state)
{
    struct fixture *x = *state;
    uint8_t sum[DIGEST_BYTES];
    uint8_t *zeros = calloc(1, 500000);
    shell(x, "truncate -s 500000 share/f");
    struct answer *a = ask(x, "GET", "/files/f", NULL);
    assert_int_equal(a->len, 500000 + DIGEST_BYTES);
    assert_memory_equal(a->body, zeros, 500000);
    sum_of(zeros, 500000, sum);
    assert_memory_equal(a->body + 500000, sum, DIGEST_BYTES);
    answer_free(a);
    free(zeros);
}

/* What a peer knows of: it grew in this order. */
static struct {
    bool sums, holes;
} age;

/* HEAD, as that peer answers it. */
static void say_what_is_there(struct fixture *x, struct mux_stream *s, const char *path)
{
    static const struct mux_stream_events nothing = {.closed = NULL};
    char name[FIXTURE_PATH];
    char size[32];
    char mtime[32];
    struct stat st;
    below(x, name, path);
    bool there = stat(name, &st) == 0;
    struct mux_field fields[7] = {{":status", there ? "200" : "404"}};
    size_t count = 1;
    if (there) {
        snprintf(size, sizeof size, "%lld", (long long)st.st_size);
        snprintf(mtime, sizeof mtime, "%lld", st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec);
        fields[count++] = (struct mux_field){"hx-type", "file"};
        fields[count++] = (struct mux_field){"hx-size", size};
        fields[count++] = (struct mux_field){"hx-mtime", mtime};
        fields[count++] = (struct mux_field){"hx-mode", "644"};
    }
    if (age.sums)
        fields[count++] = (struct mux_field){"hx-sum", "gmac"};
    if (age.holes)
        fields[count++] = (struct mux_field){"hx-holes", "1"};
    struct mux_message answer = {.fields = fields, .count = count, .ended = true};
    mux_stream_own(s, &nothing, NULL);
    assert_int_equal(mux_respond(s, &answer), HX_OK);
    mux_stream_leave(s);
}

static void be_of_that_age(struct fixture *x, struct mux_stream *s, const struct mux_message *m)
{
    char path[FIXTURE_PATH];
    struct mux_field known[16];
    struct mux_message request = {.fields = known, .ended = m->ended};
    const char *method = mux_field(m, ":method");
    if (strcmp(method, "HEAD") == 0) {
        snprintf(path, sizeof path, "share/%s", mux_field(m, ":path") + strlen(SHARE_PREFIX));
        say_what_is_there(x, s, path);
        return;
    }
    assert_true(!mux_field(m, "hx-sum") == !age.sums);
    assert_true(age.holes || strcmp(method, "PUT") != 0 || !mux_field(m, "hx-holes"));
    for (size_t i = 0; i < m->count; i++) {
        assert_true(request.count < sizeof known / sizeof *known);
        if (age.holes || strcmp(m->fields[i].name, "hx-holes") != 0)
            known[request.count++] = m->fields[i];
    }
    share_request(&x->peer, s, &request);
}

static int64_t moved_by(struct fixture *x, bool upload, const char *local, const char *remote)
{
    struct copy c;
    assert_int_equal(copy_begin(&c, x, upload, local, remote), HX_OK);
    copy_run(&c);
    assert_true(c.done);
    assert_int_equal(c.state.failed, 0);
    int64_t moved = c.state.moved;
    copy_end(&c);
    return moved;
}

static void a_peer_of_any_age_sends_and_takes_files_with_holes(void **state)
{
    struct fixture *x = *state;
    make_sparse(x, "share/f");
    if (!has_holes(x, "share/f"))
        skip();
    x->on_request = be_of_that_age;
    for (int i = 0; i < 3; i++) {
        age.sums = i > 0;
        age.holes = i > 1;
        int64_t moved = age.holes ? 400000 : LEN;
        assert_in_range(moved_by(x, false, "got", "f"), 300000, moved);
        assert_int_equal(moved_by(x, false, "got", "f"), 0);
        shell(x, "cp --sparse=always -p share/f sparse");
        assert_in_range(moved_by(x, true, "sparse", "back"), 300000, moved);
        assert_int_equal(moved_by(x, true, "sparse", "back"), 0);
        shell(x, "cmp share/f got && cmp share/f share/back && rm got share/back");
    }
}

static int put_extents(struct fixture *x, const uint64_t *heads, size_t count)
{
    static const char *const fields[] = {"hx-size: 1000000", "hx-mtime: 1", "hx-mode: 644", "hx-holes: 1",
                                         NULL};
    uint8_t body[256] = {0};
    for (size_t i = 0; i < count; i++)
        put64(body + 8 * i, heads[i]);
    struct answer *a = begin(x, "PUT", "/files/evil", fields, body, 8 * count + DIGEST_BYTES);
    fixture_run(x, &a->done);
    int status = atoi(a->status);
    answer_free(a);
    return status;
}

static void extents_that_make_no_sense_are_refused(void **state)
{
    struct fixture *x = *state;
    const uint64_t nothing[] = {0};
    const uint64_t no_hole[] = {EXTENT_HOLE};
    const uint64_t too_long[] = {EXTENT_HOLE | 1000001};
    const uint64_t much_too_long[] = {~UINT64_C(0)};
    const uint64_t in_sum[] = {EXTENT_HOLE | 999999, EXTENT_HOLE | 2};
    const uint64_t wrong_sum[] = {EXTENT_HOLE | 1000000};
    assert_int_equal(put_extents(x, nothing, 1), 400);
    assert_int_equal(put_extents(x, no_hole, 1), 400);
    assert_int_equal(put_extents(x, too_long, 1), 400);
    assert_int_equal(put_extents(x, much_too_long, 1), 400);
    assert_int_equal(put_extents(x, in_sum, 2), 400);
    assert_int_equal(put_extents(x, wrong_sum, 1), 422);
    assert_int_equal(count_names(x, "share", "evil"), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holes_and_zeros_have_the_same_digest_in_whatever_pieces),
        TEST(holes_stay_holes_both_ways),
        TEST(a_file_of_holes_goes_on_where_it_was),
        TEST(who_does_not_ask_for_holes_gets_zeros),
        TEST(a_peer_of_any_age_sends_and_takes_files_with_holes),
        TEST(extents_that_make_no_sense_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
