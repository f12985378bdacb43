/* Lookups in the background, with a name service of the test's own: getaddrinfo() is replaced here. */
#include "base/clock.h"
#include "client/engine.h"
#include "client/resolve.h"
#include <netdb.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PATIENCE_MS 10000

/* ---- the name service ---- */

static atomic_int asked, may_answer; /* hangs until `may_answer` */
static atomic_int answer;            /* 0, or an EAI_* */
static atomic_int addresses = 1;     /* 192.0.2.1 and those that follow it */

void freeaddrinfo(struct addrinfo *list)
{
    free(list);
}

static int numeric(const char *host, struct sockaddr_in *out)
{
    out->sin_family = AF_INET;
    return strcmp(host, "192.0.2.1") == 0 ? 0 : EAI_NONAME;
}

int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints, struct addrinfo **out)
{
    struct whole {
        struct addrinfo info;
        struct sockaddr_in sin;
    } *w = calloc((size_t)addresses, sizeof *w);
    for (int i = 0; i < addresses; i++) {
        w[i].info = (struct addrinfo){.ai_family = AF_INET,
                                      .ai_addr = (struct sockaddr *)&w[i].sin,
                                      .ai_addrlen = sizeof w->sin,
                                      .ai_next = i + 1 < addresses ? &w[i + 1].info : NULL};
        w[i].sin.sin_port = htons((uint16_t)atoi(port));
        w[i].sin.sin_addr.s_addr = htonl(0xC0000201u + (uint32_t)i);
    }
    int rc = numeric(host, &w->sin);
    if (!(hints->ai_flags & AI_NUMERICHOST)) {
        atomic_fetch_add(&asked, 1);
        while (!atomic_load(&may_answer))
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        rc = atomic_load(&answer);
    }
    *out = &w->info;
    if (rc != 0)
        free(w);
    return rc;
}

/* ---- who asks ---- */

struct asking {
    bool done;
    int error;
    bool temporary;
    size_t count;
    uint32_t host[RESOLVE_MAX]; /* the last byte of each address */
    in_port_t port;
    pthread_cond_t cond;
};

static void on_done(void *user, const struct resolve_result *r)
{
    struct asking *a = user;
    a->done = true;
    a->error = r->error;
    a->temporary = r->temporary;
    a->count = r->list ? r->list->count : 0;
    for (size_t i = 0; i < a->count; i++)
        a->host[i] = ntohl(((const struct sockaddr_in *)&r->list->address[i].sa)->sin_addr.s_addr) & 0xff;
    a->port = r->list ? ((const struct sockaddr_in *)&r->list->address[0].sa)->sin_port : 0;
    pthread_cond_broadcast(&a->cond);
}

static struct host_port name_of(const char *host)
{
    struct host_port name;
    assert_int_equal(host_port_parse(&name, host, 7000), HX_OK);
    return name;
}

/* The engine's lock is held. */
static struct resolve *begin(struct asking *a, const char *host, int family)
{
    struct host_port name = name_of(host);
    struct resolve *r;
    *a = (struct asking){.done = false};
    assert_int_equal(engine_cond_init(&a->cond), HX_OK);
    assert_int_equal(resolve_begin(&r, &name, family, on_done, a), HX_OK);
    assert_false(a->done);
    return r;
}

static void await(struct asking *a)
{
    int64_t deadline_ms = clock_now_ms() + PATIENCE_MS;
    while (!a->done)
        assert_true(engine_wait(&a->cond, deadline_ms));
    pthread_cond_destroy(&a->cond);
}

static int reset(void **state)
{
    (void)state;
    atomic_store(&asked, 0);
    atomic_store(&may_answer, 1);
    atomic_store(&answer, 0);
    return engine_enter(0);
}

static int leave(void **state)
{
    (void)state;
    engine_unlock();
    return 0;
}

/* ---- the tests ---- */

static void an_address_is_its_own_answer_and_nobody_is_asked(void **state)
{
    (void)state;
    struct asking a;
    begin(&a, "192.0.2.1:7001", AF_INET);
    await(&a);
    assert_int_equal(a.error, HX_OK);
    assert_int_equal(a.count, 1);
    assert_int_equal(a.port, htons(7001));
    assert_int_equal(atomic_load(&asked), 0);
}

static void an_address_of_the_other_family_will_never_be_one_of_this(void **state)
{
    (void)state;
    struct asking a;
    begin(&a, "192.0.2.1:7001", AF_INET6);
    await(&a);
    assert_int_equal(a.error, HX_ERESOLVE);
    assert_false(a.temporary);
}

static void each_lookup_asks_the_name_service_anew(void **state)
{
    (void)state;
    struct asking a;
    for (int i = 1; i <= 3; i++) {
        begin(&a, "moves.example", AF_INET);
        await(&a);
        assert_int_equal(a.error, HX_OK);
        assert_int_equal(atomic_load(&asked), i);
    }
}

static void lookups_of_one_name_at_the_same_time_are_one(void **state)
{
    (void)state;
    struct asking a[20];
    atomic_store(&may_answer, 0);
    for (int i = 0; i < 20; i++)
        begin(&a[i], "same.example", AF_INET);
    atomic_store(&may_answer, 1);
    for (int i = 0; i < 20; i++) {
        await(&a[i]);
        assert_int_equal(a[i].error, HX_OK);
    }
    assert_int_equal(atomic_load(&asked), 1);
}

static void of_many_addresses_the_best_are_first_and_all_are_tried_in_turn(void **state)
{
    (void)state;
    struct asking a;
    bool seen[32] = {false};
    atomic_store(&addresses, 20);
    for (int tries = 0; tries < 4; tries++) { /* of six each */
        begin(&a, "many.example", AF_INET);
        await(&a);
        assert_int_equal(a.count, RESOLVE_MAX);
        for (uint32_t i = 0; i < RESOLVE_MAX; i++) {
            seen[a.host[i]] = true;
            if (tries == 0)
                assert_int_equal(a.host[i], 1 + i);
            else
                assert_int_equal(a.host[i], 1 + (a.host[0] - 1 + i) % 20);
        }
    }
    for (int i = 1; i <= 20; i++)
        assert_true(seen[i]);
    int best = 0; /* of eight other names, of which two may share a place */
    for (char other[] = "a.example"; *other <= 'h'; ++*other) {
        begin(&a, other, AF_INET);
        await(&a);
        best += a.host[0] == 1;
    }
    assert_in_range(best, 4, 8);
    atomic_store(&addresses, 1);
}

static void no_such_name_is_told_from_no_name_service(void **state)
{
    (void)state;
    static const struct {
        int rc;
        bool temporary;
    } cases[] = {{EAI_NONAME, false}, {EAI_NODATA, false}, {EAI_AGAIN, true}, {EAI_SYSTEM, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct asking a;
        atomic_store(&answer, cases[i].rc);
        begin(&a, "which.example", AF_INET);
        await(&a);
        assert_int_equal(a.error, HX_ERESOLVE);
        assert_int_equal(a.temporary, cases[i].temporary);
    }
}

static void lookups_that_hang_are_left_behind_in_time_and_are_few(void **state)
{
    (void)state;
    struct asking a[RESOLVE_JOBS_MAX + 1];
    int64_t begun_ms = clock_now_ms();
    atomic_store(&may_answer, 0);
    for (int i = 0; i <= RESOLVE_JOBS_MAX; i++) {
        char host[] = "a.example";
        host[0] = (char)('a' + i);
        begin(&a[i], host, AF_INET);
    }
    await(&a[RESOLVE_JOBS_MAX]); /* one too many: told at once */
    assert_in_range(clock_now_ms() - begun_ms, 0, RESOLVE_MS - 1000);
    for (int i = 0; i < RESOLVE_JOBS_MAX; i++) {
        await(&a[i]);
        assert_int_equal(a[i].error, HX_ERESOLVE);
        assert_true(a[i].temporary);
    }
    atomic_store(&may_answer, 1);
}

static void one_that_was_canceled_hears_nothing(void **state)
{
    (void)state;
    struct asking a, b;
    atomic_store(&may_answer, 0);
    struct resolve *r = begin(&a, "canceled.example", AF_INET);
    begin(&b, "canceled.example", AF_INET);
    resolve_cancel(r);
    atomic_store(&may_answer, 1);
    await(&b);
    assert_false(a.done);
    pthread_cond_destroy(&a.cond);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_address_is_its_own_answer_and_nobody_is_asked, reset, leave),
        cmocka_unit_test_setup_teardown(an_address_of_the_other_family_will_never_be_one_of_this, reset,
                                        leave),
        cmocka_unit_test_setup_teardown(each_lookup_asks_the_name_service_anew, reset, leave),
        cmocka_unit_test_setup_teardown(lookups_of_one_name_at_the_same_time_are_one, reset, leave),
        cmocka_unit_test_setup_teardown(of_many_addresses_the_best_are_first_and_all_are_tried_in_turn, reset,
                                        leave),
        cmocka_unit_test_setup_teardown(no_such_name_is_told_from_no_name_service, reset, leave),
        cmocka_unit_test_setup_teardown(one_that_was_canceled_hears_nothing, reset, leave),
        cmocka_unit_test_setup_teardown(lookups_that_hang_are_left_behind_in_time_and_are_few, reset, leave),
    };
    int rc = cmocka_run_group_tests_name("client resolve", tests, NULL, NULL);
    engine_end();
    return rc;
}
