/* Sessions while memory fails: each allocation in turn of a life with joins, moves, challenges and ends. The
 * linker sends all calls of malloc() and calloc() here (Makefile). */
#include "test/unit/group_fixture.h"

static long left = -1; /* that succeed before the one that fails; -1: all succeed */
static long failed;

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);

static bool fails(void)
{
    if (left < 0 || left-- > 0)
        return false;
    failed++;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

/* The server's turn alone: what the fixture needs it gets. */
static void ready(struct fixture *f, struct fake_stream *p, long *budget)
{
    left = *budget;
    if (!p->closed)
        server_stream_ready(f->server, &p->stream, f->now_ms);
    server_turn(f->server, f->now_ms);
    server_turn(f->server, f->now_ms);
    *budget = left;
    left = -1;
    fixture_turns(f);
}

static struct fake_stream *come(struct fixture *f, const char *address, const char *name, const char *headers,
                                long *budget)
{
    struct fake_stream *p = fixture_peer(f, address);
    char text[512];

    snprintf(text, sizeof text, "GET /join?session=room&expect=3&name=%s HTTP/1.1\r\n%s\r\n", name, headers);
    fake_stream_say(p, text);
    p->heard_ms = f->now_ms;
    ready(f, p, budget);
    return p;
}

static void a_life(struct fixture *f, long budget)
{
    struct fake_stream *a = come(f, ANN, "ann", TELLS, &budget);
    struct fake_stream *b = come(f, BOB, "bob", TELLS TOKEN, &budget);
    struct fake_stream *c = come(f, CEC, "bob", TELLS TOKEN, &budget);

    a->silent = true;
    come(f, DAN, "ann", TELLS, &budget);
    come(f, "192.0.2.9:9", "ann", TELLS, &budget);
    fixture_pass(f, 1000);
    come(f, "192.0.2.10:10", "eve", "", &budget);
    fixture_close(f, c);
    ready(f, b, &budget);
}

static void close_all(struct fixture *f)
{
    for (size_t i = 0; i < f->peer_count; i++)
        fixture_close(f, f->peers[i]);
    for (size_t i = 0; i < f->peer_count; i++) {
        fake_stream_free(f->peers[i]);
        free(f->peers[i]);
    }
    f->peer_count = 0;
}

static void whichever_allocation_fails_nothing_is_left_and_the_next_ones_meet(void **state)
{
    struct fixture *f = *state;
    long n = 0, before;

    f->config.rate_per_address = f->config.introductions_per_source = f->config.introductions_per_name = 0;
    fixture_server(f);
    do {
        before = failed;
        a_life(f, n++);
        close_all(f);
        check_totals(f, 0, 0);
        struct fake_stream *a = join(f, ANN, "ann", TELLS), *b = join(f, BOB, "bob", TELLS);
        assert_string_equal(session_with(a, "bob"), session_with(b, "ann"));
        close_all(f);
    } while (failed > before);
    assert_true(n > 30); /* as many were tried, one after the other */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(whichever_allocation_fails_nothing_is_left_and_the_next_ones_meet),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
