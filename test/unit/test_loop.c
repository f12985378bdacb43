/* Descriptors that come and go in the loop: each change is told once, and none of one that was removed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/container_of.h"
#include "base/error.h"
#include "server/loop.h"
#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

#define ENDS 300 /* more than LOOP_EDGES_MAX */

struct world {
    struct loop *loop;
    int64_t end_ms;
    int waits_left; /* at least so many */
};

struct end {
    struct loop_edge edge;
    struct loop *loop;
    int other;
    int told;
    unsigned changes;  /* all that were told of */
    struct end *kills; /* its neighbour, which is removed when this one is told of anything */
    bool gone;
};

static int turn(void *user, int64_t now_ms)
{
    struct world *w = user;

    if (w->waits_left-- <= 0 && now_ms >= w->end_ms)
        return LOOP_END;
    return now_ms >= w->end_ms ? 0 : (int)(w->end_ms - now_ms);
}

/* Looks so often at what is there already, and for so many milliseconds at what comes. */
static void run(struct world *w, int waits, int64_t ms)
{
    w->waits_left = waits;
    w->end_ms = clock_now_ms() + ms;
    loop_run(w->loop, turn, w);
}

static void told(struct loop_edge *edge, unsigned changes, int64_t now_ms)
{
    struct end *e = container_of(edge, struct end, edge);

    assert_false(e->gone);
    assert_true(now_ms > 0);
    e->told++;
    e->changes |= changes;
    if (e->kills && !e->kills->gone) {
        loop_remove_edge(e->loop, &e->kills->edge);
        close(e->kills->edge.fd);
        e->kills->gone = true;
    }
}

static void begin(struct end *e, struct loop *loop)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    *e = (struct end){.edge = {.fd = fds[0], .handler = told}, .loop = loop, .other = fds[1]};
    assert_int_equal(loop_add_edge(loop, &e->edge), HX_OK);
}

static void end(struct end *e)
{
    if (!e->gone) {
        loop_remove_edge(e->loop, &e->edge);
        close(e->edge.fd);
    }
    close(e->other);
}

static void a_change_is_told_once(void **state)
{
    struct world w = {.waits_left = 0};
    struct end e;

    (void)state;
    assert_int_equal(loop_create(&w.loop), HX_OK);
    begin(&e, w.loop);
    run(&w, 2, 20);
    assert_int_equal(e.told, 1); /* it could be written from the beginning */
    assert_int_equal(e.changes, LOOP_WRITABLE);
    e.changes = 0;
    assert_int_equal(write(e.other, "x", 1), 1);
    run(&w, 2, 20);
    assert_int_equal(e.told, 2);
    assert_true(e.changes & LOOP_READABLE);
    assert_int_equal(write(e.other, "y", 1), 1); /* the first one was not read: it is told all the same */
    run(&w, 2, 20);
    assert_int_equal(e.told, 3);
    close(e.other);
    e.other = -1;
    run(&w, 2, 20);
    assert_int_equal(e.told, 4);
    assert_true(e.changes & LOOP_HUNG_UP);
    end(&e);
    loop_destroy(w.loop);
}

static void one_that_is_removed_in_this_turn_is_told_of_nothing_more(void **state)
{
    struct world w = {.waits_left = 0};
    struct end a, b;

    (void)state;
    assert_int_equal(loop_create(&w.loop), HX_OK);
    begin(&a, w.loop);
    begin(&b, w.loop);
    a.kills = &b;
    b.kills = &a;
    run(&w, 2, 20);
    assert_int_equal(a.told + b.told, 1);
    assert_true(a.gone != b.gone);
    end(&a);
    end(&b);
    loop_destroy(w.loop);
}

static void more_than_one_turn_tells_of_are_told_in_the_next_ones(void **state)
{
    static struct end ends[ENDS];
    struct world w = {.waits_left = 0};
    int first = 0;

    (void)state;
    assert_int_equal(loop_create(&w.loop), HX_OK);
    for (int i = 0; i < ENDS; i++)
        begin(&ends[i], w.loop);
    run(&w, 1, 0);
    for (int i = 0; i < ENDS; i++)
        first += ends[i].told;
    assert_true(first <= LOOP_EDGES_MAX);
    run(&w, 3, 20);
    for (int i = 0; i < ENDS; i++)
        assert_int_equal(ends[i].told, 1);
    for (int i = 0; i < ENDS; i++)
        end(&ends[i]);
    loop_destroy(w.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_is_told_once),
        cmocka_unit_test(one_that_is_removed_in_this_turn_is_told_of_nothing_more),
        cmocka_unit_test(more_than_one_turn_tells_of_are_told_in_the_next_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
