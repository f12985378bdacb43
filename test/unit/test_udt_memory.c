/* shim/udt/give_back.h: what the buffers of a connection have grown to is given back once little is used. */
#include "test/unit/sanitized.h"
#include "test/unit/udt_fixture.h"
#include <limits.h>
#include <malloc.h>
#include <stdio.h>

#define BYTES         (24 * 1024 * 1024)
#define IDLE_MS       30000 /* it takes 2 s on a machine that does nothing else */
#define GIVEN_BACK_MS 5000
#define BUSY_MS       5000 /* for more than one look of an idle connection's */
#define ROUND_MS      1500 /* for all of it: below 2 s */
#define PAUSE_MS      200  /* between two pieces */
#define PIECE         1000

static char *sent, *got;
static long before; /* resident, before the first connection */

/* Bytes of memory that this process has. */
static long resident(void)
{
    char line[128];
    long kb = -1;
    FILE *f = fopen("/proc/self/status", "r");

    assert_non_null(f);
    while (kb < 0 && fgets(line, sizeof line, f))
        if (strncmp(line, "RssAnon:", 8) == 0)
            kb = strtol(line + 8, NULL, 10);
    assert_int_equal(fclose(f), 0);
    assert_true(kb >= 0);
    return kb * 1024;
}

static void pass_over(struct udt_port *p)
{
    struct pollfd fd = {.fd = udt_port_fd(p), .events = POLLIN};
    struct udt_event ev;

    poll(&fd, 1, 10);
    while (udt_port_next(p, &ev))
        continue;
}

/* All of it, into the peer's buffer: nobody reads. */
static void write_all(struct stream *s, unsigned round)
{
    for (size_t i = 0; i < BYTES; i++)
        sent[i] = (char)(i * 2654435761U >> 13 ^ round);
    int64_t deadline_ms = clock_now_ms() + IDLE_MS;

    for (size_t done = 0; done < BYTES;) {
        ssize_t n = stream_write(s, sent + done, BYTES - done);
        if (n > 0)
            done += (size_t)n;
        else
            pass_over(left);
        assert_true(n > 0 || n == HX_EAGAIN);
        assert_true(clock_now_ms() < deadline_ms);
    }
}

static void expect_all(struct stream *s)
{
    assert_int_equal(read_all(right, s, got, BYTES), BYTES);
    assert_memory_equal(got, sent, BYTES);
}

/* What was freed goes back to the system as well. The thread sanitizer's shadow of memory stays: there it
 * shall find races alone, while what is given back is. */
static void await_resident(long least, long most)
{
    int64_t begun_ms = clock_now_ms(), deadline_ms = begun_ms + IDLE_MS;

    for (long now = resident(); now < least || now > most; now = resident()) {
        pass_over(left);
        pass_over(right);
        malloc_trim(0);
        if (THREADS_SANITIZED && clock_now_ms() - begun_ms > GIVEN_BACK_MS)
            return;
        assert_true(clock_now_ms() < deadline_ms);
    }
}

static void buffers_give_their_memory_back_while_a_connection_is_idle_but_not_what_is_unread(void **state)
{
    struct stream *a, *b;

    (void)state;
    if (SANITIZED)
        skip(); /* its allocator has memory of its own */
    rendezvous(&a, &b);
    for (int round = 0; round < 2; round++) {
        write_all(a, (unsigned)round);
        await_resident(before + BYTES + BYTES / 2, LONG_MAX); /* both have it */
        await_resident(0, before + BYTES + BYTES / 2);        /* the sender's are free */
        expect_all(b);
        await_resident(0, before + BYTES / 2); /* and the receiver's */
    }
    stream_close(a);
    stream_close(b);
}

static void a_port_gives_its_memory_back_whose_only_connection_was_closed_at_once(void **state)
{
    struct stream *a, *b;

    (void)state;
    if (SANITIZED)
        skip();
    rendezvous(&a, &b);
    write_all(a, 2);
    expect_all(b);
    stream_close(a);
    stream_close(b);
    await_resident(0, before + BYTES / 2);
}

/* On a machine that has no time for it this says nothing. */
static void a_port_keeps_its_memory_while_much_comes_though_another_connection_is_idle(void **state)
{
    struct stream *a, *b, *accepted, *idle;

    (void)state;
    if (SANITIZED)
        skip();
    rendezvous(&a, &b);
    idle = connect_to(right, server, &accepted);
    int64_t begun_ms = clock_now_ms(), last_ms = begun_ms;
    /* The receiver's is as large as all of it, the sender's as what had not left at any time. */
    long grown = 0;
    for (unsigned round = 3; last_ms - begun_ms < BUSY_MS; round++) {
        write_all(a, round);
        expect_all(b);
        long now = resident();
        int64_t now_ms = clock_now_ms();
        if (now_ms - last_ms >= ROUND_MS)
            break;
        assert_true(now > before + BYTES / 2);
        assert_true(now > grown - BYTES / 4);
        grown = now;
        last_ms = now_ms;
    }
    stream_close(a);
    stream_close(b);
    stream_close(idle);
    stream_close(accepted);
    await_resident(0, before + BYTES / 2);
}

static void both_ends_give_their_memory_back_though_a_little_comes_again_and_again(void **state)
{
    struct stream *a, *b;

    (void)state;
    if (SANITIZED)
        skip();
    rendezvous(&a, &b);
    write_all(a, 99);
    expect_all(b);
    int64_t begun_ms = clock_now_ms(), deadline_ms = begun_ms + IDLE_MS;
    while (resident() > before + BYTES / 2) {
        if (THREADS_SANITIZED && clock_now_ms() - begun_ms > GIVEN_BACK_MS)
            break; /* as in await_resident() */
        assert_true(clock_now_ms() < deadline_ms);
        assert_int_equal(stream_write(a, sent, PIECE), PIECE);
        assert_int_equal(read_all(right, b, got, PIECE), PIECE);
        for (int64_t until_ms = clock_now_ms() + PAUSE_MS; clock_now_ms() < until_ms;)
            pass_over(left);
        malloc_trim(0);
    }
    stream_close(a);
    stream_close(b);
}

static int set_up(void **state)
{
    sent = malloc(BYTES);
    got = malloc(BYTES);
    assert_non_null(sent);
    assert_non_null(got);
    memset(sent, 1, BYTES);
    memset(got, 1, BYTES);
    (void)open_all(state);
    before = resident();
    return 0;
}

static int tear_down(void **state)
{
    free(sent);
    free(got);
    return close_all(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_port_gives_its_memory_back_whose_only_connection_was_closed_at_once),
        cmocka_unit_test(a_port_keeps_its_memory_while_much_comes_though_another_connection_is_idle),
        cmocka_unit_test(both_ends_give_their_memory_back_though_a_little_comes_again_and_again),
        cmocka_unit_test(buffers_give_their_memory_back_while_a_connection_is_idle_but_not_what_is_unread),
    };
    return cmocka_run_group_tests_name("udt memory", tests, set_up, tear_down);
}
