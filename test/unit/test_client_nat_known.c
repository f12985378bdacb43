/* What a process knows of its NAT, against a server that plays the NAT, too. */
#include "test/unit/stun_fixture.h"

#include "base/clock.h"
#include "client/api.h"
#include "client/nat.h"

#define PATIENCE_MS 20000

struct news {
    pthread_cond_t cond;
    int count;
};

static void on_news(void *user)
{
    struct news *n = user;
    n->count++;
    pthread_cond_broadcast(&n->cond);
}

static void await(struct news *n)
{
    int64_t deadline_ms = clock_now_ms() + PATIENCE_MS;
    while (n->count == 0)
        assert_true(engine_wait(&n->cond, deadline_ms));
}

static void a_user_knows_the_mapping_without_waiting(void **state)
{
    struct settings settings;
    struct hx_config config = {.nameserver = server.text, .family = 4};
    struct news news = {.count = 0};
    struct nat_user *first, *second;
    struct nat_mapping m;
    (void)state;
    server.nat = (struct stun_nat){
        .mapping = NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT, .ports = NAT_PORTS_SEQUENTIAL, .step = 2};
    stun_server_start(&server);
    assert_int_equal(settings_init_unnamed(&settings, &config, sizeof config), HX_OK);
    assert_int_equal(engine_cond_init(&news.cond), HX_OK);
    assert_int_equal(engine_enter(0), HX_OK);
    assert_int_equal(nat_use(&first, &settings, on_news, &news), HX_OK);
    assert_false(nat_known(AF_INET, &m));
    await(&news);
    assert_true(nat_known(AF_INET, &m));
    assert_int_equal(m.kind, NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT);
    assert_int_equal(m.ports, NAT_PORTS_SEQUENTIAL);
    assert_int_equal(m.step, 2);
    assert_int_equal(m.last_port, server.next_port);
    assert_false(nat_known(AF_INET6, &m));
    int heard = atomic_load(&server.heard);
    assert_int_equal(nat_use(&second, &settings, NULL, NULL), HX_OK); /* it is fresh: nobody is asked */
    assert_true(nat_known(AF_INET, &m));
    nat_use_end(first);
    assert_true(nat_known(AF_INET, &m));
    nat_use_end(second);
    assert_false(nat_known(AF_INET, &m));
    assert_int_equal(atomic_load(&server.heard), heard);
    engine_unlock();
    pthread_cond_destroy(&news.cond);
    settings_free(&settings);
}

struct early_news {
    struct nat_watch watch;
    struct news news;
    bool asking; /* when the first came */
    struct nat_mapping mapping;
};

static void on_early_news(struct nat_watch *w)
{
    struct early_news *e = (struct early_news *)w;
    if (e->news.count == 0) {
        e->asking = nat_asking(AF_INET);
        (void)nat_known(AF_INET, &e->mapping);
    }
    on_news(&e->news);
}

/* The first news of such a NAT. A client that asks the second port only once it is told of it gets no answer. */
static struct early_news first_news(enum nat_mapping_kind kind)
{
    struct settings settings;
    struct hx_config config = {.nameserver = server.text, .family = 4};
    struct early_news e = {.watch = {.on_news = on_early_news}};
    struct nat_user *user;
    server.nat = (struct stun_nat){.mapping = kind, .ports = NAT_PORTS_RANDOM};
    server.adjacent = server.after_other = true;
    stun_server_start(&server);
    assert_int_equal(settings_init_unnamed(&settings, &config, sizeof config), HX_OK);
    assert_int_equal(engine_cond_init(&e.news.cond), HX_OK);
    assert_int_equal(engine_enter(0), HX_OK);
    nat_watch_begin(&e.watch);
    assert_int_equal(nat_use(&user, &settings, NULL, NULL), HX_OK);
    await(&e.news);
    nat_watch_end(&e.watch);
    nat_use_end(user);
    engine_unlock();
    pthread_cond_destroy(&e.news.cond);
    settings_free(&settings);
    return e;
}

static void that_a_nat_gives_one_port_to_all_is_known_with_the_first_answers(void **state)
{
    (void)state;
    struct early_news e = first_news(NAT_MAPPING_ENDPOINT_INDEPENDENT);
    assert_true(e.asking);
    assert_int_equal(e.mapping.kind, NAT_MAPPING_ENDPOINT_INDEPENDENT);
}

static void that_a_nat_is_hard_is_told_with_how_it_gives_ports(void **state)
{
    (void)state;
    struct early_news e = first_news(NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT);
    assert_false(e.asking);
    assert_int_equal(e.mapping.ports, NAT_PORTS_RANDOM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_user_knows_the_mapping_without_waiting),
        TEST(that_a_nat_gives_one_port_to_all_is_known_with_the_first_answers),
        TEST(that_a_nat_is_hard_is_told_with_how_it_gives_ports),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    hx_cleanup();
    return failed;
}
