/* test/unit/path_choice_net.h: a network that is made up, for the choice of a path: each path has a round trip, loses
 * some, or is cut. */
#ifndef HX_TEST_PATH_CHOICE_NET_H
#define HX_TEST_PATH_CHOICE_NET_H

#include "client/path_choice.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ANSWERS_MAX 64

struct way {
    int rtt_ms;
    bool up;      /* requests are answered */
    bool one_way; /* the peer's datagrams come, and none of ours arrives */
    int loss;     /* percent, of the round trip */
    int queue_ms; /* more, while data flows */
    int asked;
};

static struct {
    struct path_choice c;
    struct path_traffic traffic;
    int64_t now_ms;
    bool data, speaks; /* data flows both ways, over whatever is used; only we send */
    struct way ways[PATH_CHOICE_MAX];
    struct {
        int at;
        uint64_t number;
        int64_t due_ms;
    } answers[ANSWERS_MAX];
    uint64_t number;
    int switches, last_used;
    bool was_lost, was_checked;
    uint64_t random;
} net;

static int begin(void **state)
{
    (void)state;
    memset(&net, 0, sizeof net);
    net.now_ms = 1000000;
    net.last_used = -1;
    net.random = 1;
    path_choice_init(&net.c, net.now_ms);
    return 0;
}

static int way(enum path_rank rank, int rtt_ms, bool up)
{
    int at = path_choice_add(&net.c, rank, net.now_ms);
    assert_true(at >= 0);
    net.ways[at] = (struct way){.rtt_ms = rtt_ms, .up = up};
    return at;
}

/* 0 to 99, the same ones in each run, whoever else asks for random numbers (Knuth's MMIX). */
static int percent(void)
{
    net.random = net.random * 6364136223846793005U + 1442695040888963407U;
    return (int)((net.random >> 33) % 100);
}

static void put_answer(int at)
{
    struct way *w = &net.ways[at];
    int queue_ms = net.data ? w->queue_ms : 0;
    for (int i = 0; i < ANSWERS_MAX; i++) {
        if (net.answers[i].due_ms != 0)
            continue;
        net.answers[i].at = at;
        net.answers[i].number = net.number;
        net.answers[i].due_ms = net.now_ms + w->rtt_ms + queue_ms;
        return;
    }
    fail_msg("too many requests are under way");
}

static void ask_what_is_due(void)
{
    int at;
    for (int i = 0; (at = path_choice_next(&net.c, net.now_ms)) >= 0; i++) {
        assert_true(i < 64);
        path_choice_asked(&net.c, at, ++net.number, net.now_ms * 1000);
        net.ways[at].asked++;
        if (net.ways[at].up && !net.ways[at].one_way && percent() >= net.ways[at].loss)
            put_answer(at);
    }
}

static void take_answers(void)
{
    for (int i = 0; i < ANSWERS_MAX; i++) {
        if (net.answers[i].due_ms == 0 || net.answers[i].due_ms > net.now_ms)
            continue;
        net.answers[i].due_ms = 0;
        if (net.ways[net.answers[i].at].up)
            (void)path_choice_answered(&net.c, net.answers[i].at, net.answers[i].number, net.now_ms * 1000);
    }
}

static void pass_data(void)
{
    const struct way *w = net.c.used < 0 ? NULL : &net.ways[net.c.used];
    if (!net.data && !net.speaks)
        return;
    net.traffic.count++;
    if (net.traffic.unanswered_ms == 0)
        net.traffic.unanswered_ms = net.now_ms;
    if (net.data && w && w->up) {
        net.traffic.heard_ms = net.now_ms;
        net.traffic.unanswered_ms = 0;
    }
}

static void run(int64_t ms)
{
    for (int64_t until_ms = net.now_ms + ms; net.now_ms < until_ms; net.now_ms++) {
        take_answers();
        pass_data();
        if (path_choice_due_ms(&net.c, net.now_ms - 1) <= net.now_ms || net.now_ms % 250 == 0)
            path_choice_look(&net.c, &net.traffic, net.now_ms);
        ask_what_is_due();
        net.switches += net.last_used >= 0 && net.c.used != net.last_used;
        net.last_used = net.c.used;
        net.was_lost |= net.c.state == PATHS_LOST;
        net.was_checked |= net.c.state == PATHS_CHECKING;
    }
}

/* Connected over `at`, answered, and quiet. */
static void settle(int at)
{
    path_choice_connected(&net.c, at, net.now_ms);
    run(12000);
    assert_int_equal(net.c.state, PATHS_GOOD);
    net.switches = 0;
    net.was_lost = net.was_checked = false;
    for (int i = 0; i < PATH_CHOICE_MAX; i++)
        net.ways[i].asked = 0;
}

#define TEST(name) cmocka_unit_test_setup(name, begin)

#endif
