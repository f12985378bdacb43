/* A flow for which the other side is asked, and which says nothing, or too late. */
#include "client/forward/flow_client.h"
#include "test/unit/cuts.h"
#include <time.h>

#define PATIENCE_MS 5000

static struct flows flows;
static struct flow_owner owner;
static struct flow_client client;
static int announcements, ends;

static bool announce(void *user, uint32_t number, const struct authority *target)
{
    (void)user;
    (void)target;
    announcements++;
    return number != 0;
}

static void on_come(struct flow *f, const void *bytes, size_t len)
{
    (void)f;
    (void)bytes;
    (void)len;
}

static void on_ended(struct flow_client *c)
{
    (void)c;
    ends++;
}

static int begin(void **state)
{
    (void)state;
    flows = (struct flows){.loop = ev_loop_new(EVFLAG_AUTO), .timeout_s = 1};
    assert_non_null(flows.loop);
    owner = (struct flow_owner){.flows = &flows, .announce = announce};
    announcements = ends = 0;
    return 0;
}

static int end(void **state)
{
    (void)state;
    ev_loop_destroy(flows.loop);
    return 0;
}

static void start(void)
{
    client = (struct flow_client){.flow.come = on_come, .owner = &owner, .ended = on_ended};
    assert_int_equal(authority_parse(&client.target, "127.0.0.1:9"), HX_OK);
    assert_true(flow_client_start(&client));
}

static void who_goes_on_sending_is_not_kept_waiting_for_an_answer_that_never_comes(void **state)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    (void)state;
    start();
    assert_ptr_equal(flows_find(&flows.announced, client.flow.number), &client.flow);
    for (int i = 0; i < PATIENCE_MS && ends == 0; i++) {
        flow_client_send(&client, (const uint8_t *)"x", 1);
        nanosleep(&moment, NULL);
        ev_run(flows.loop, EVRUN_NOWAIT);
    }
    assert_int_equal(ends, 1);
    assert_int_equal(flows.asked, 0);
    assert_int_equal(flows.first_bytes, 0);
    assert_null(flows_find(&flows.announced, client.flow.number));
    start();
    assert_int_equal(announcements, 2);
    flow_client_stop(&client);
}

static void who_is_refused_is_not_asked_for_again_at_once(void **state)
{
    (void)state;
    start();
    flow_client_send(&client, (const uint8_t *)"x", 1);
    assert_true(flow_client_refused(&flows, client.flow.number, "403", NULL));
    assert_false(flow_client_refused(&flows, client.flow.number, "403", NULL));
    flow_client_send(&client, (const uint8_t *)"x", 1);
    assert_int_equal(flows.drops.of[DROP_REFUSED], 2);
    assert_int_equal(flows.first_bytes, 0);
    assert_int_equal(ends, 0);
    flow_client_stop(&client);
    assert_int_equal(flows.asked, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
        TEST(who_goes_on_sending_is_not_kept_waiting_for_an_answer_that_never_comes),
        TEST(who_is_refused_is_not_asked_for_again_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
