/* test/unit/pair_fixture.h: hx cp from one peer to another one, over two connections in memory: x is the
 * source, y the destination. */
#ifndef HX_TEST_PAIR_FIXTURE_H
#define HX_TEST_PAIR_FIXTURE_H

#include "base/container_of.h"
#include "client/files/between.h"
#include "files_fixture.h"

struct pair {
    struct fixture *x, *y;
    struct copy copy; /* what is reported */
    struct between *between;
    enum links links;
    bool no_clobber, into;
    struct choice choice;
    char skipped[256]; /* the names of what is told as skipped */
};

static inline int setup(void **state)
{
    struct pair *p = calloc(1, sizeof *p);
    assert_non_null(p);
    assert_int_equal(fixture_setup((void **)&p->x), 0);
    assert_int_equal(fixture_setup((void **)&p->y), 0);
    ev_loop_destroy(p->y->loop);
    p->y->loop = p->y->peer.loop = p->x->loop;
    *state = p;
    return 0;
}

static inline int teardown(void **state)
{
    struct pair *p = *state;
    fixture_break(p->x); /* while there is the loop that they share */
    fixture_break(p->y);
    p->y->loop = ev_loop_new(0);
    fixture_teardown((void **)&p->x);
    fixture_teardown((void **)&p->y);
    free(p);
    return 0;
}

static inline void on_told(void *user, enum files_event event, const char *path, int64_t size,
                           const char *reason)
{
    struct pair *p = container_of(user, struct pair, copy);
    (void)size;
    (void)reason;
    if (event == FILES_SKIPPED)
        strcat(strcat(p->skipped, " "), path);
}

static inline void begin_between(struct pair *p, const char *const *sources, size_t count, const char *target)
{
    memset(&p->copy, 0, sizeof p->copy);
    p->skipped[0] = '\0';
    struct between_config config = {.copies = {.each = {.loop = p->x->loop,
                                                        .upload = true,
                                                        .remote = target,
                                                        .links = p->links,
                                                        .no_clobber = p->no_clobber,
                                                        .into = p->into,
                                                        .choice = p->choice,
                                                        .told = on_told,
                                                        .report = on_report,
                                                        .done = on_done,
                                                        .user = &p->copy},
                                               .sources = sources,
                                               .count = count},
                                    .names = {"x", "y"}};
    assert_int_equal(between_create(&p->between, &config), HX_OK);
    between_attach(p->between, BETWEEN_FROM, p->x->client);
    between_attach(p->between, BETWEEN_TO, p->y->client);
}

/* What each of the four ends has for the other one. */
static inline bool pass_all(struct pair *p)
{
    bool moved = pass(p->x, p->x->client, p->x->server);
    moved |= pass(p->y, p->y->client, p->y->server);
    moved |= p->x->client && pass(p->x, p->x->server, p->x->client);
    moved |= p->y->client && pass(p->y, p->y->server, p->y->client);
    return moved;
}

/* Until it is over, or one of the connections breaks. */
static inline void run_between(struct pair *p)
{
    ev_now_update(p->x->loop);
    ev_tstamp end = ev_now(p->x->loop) + DEADLINE_S;
    while (!p->copy.done && p->x->client && p->y->client) {
        ev_run(p->x->loop, pass_all(p) ? EVRUN_NOWAIT : EVRUN_ONCE);
        assert_true(ev_now(p->x->loop) < end);
    }
    between_state(p->between, &p->copy.state);
}

static inline size_t between(struct pair *p, const char *source, const char *target)
{
    begin_between(p, &source, 1, target);
    run_between(p);
    assert_true(p->copy.done);
    between_destroy(p->between);
    return p->copy.state.failed;
}

/* Until so much has moved. */
static inline void move(struct pair *p, int64_t moved)
{
    struct files_state s = {0};
    while (s.moved < moved) {
        ev_run(p->x->loop, pass_all(p) ? EVRUN_NOWAIT : EVRUN_ONCE);
        between_state(p->between, &s);
        assert_false(p->copy.done);
    }
}

#endif
