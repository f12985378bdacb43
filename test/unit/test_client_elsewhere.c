/* A nameserver that takes nothing new names another one: who asks goes there, and no further; and comes back
 * to those that it knows. */
#include "base/clock.h"
#include "client/binding.h"
#include "test/unit/scripted_names.h"
#include "test/unit/scripted_nameserver.h"

#define LONG_MS 30000

static char where[128];    /* hx_config.nameserver of the process that is forked next */
static char elsewhere[64]; /* where a nameserver that is forked next sends those who ask it */
static char text[256];

static const char *agrees(int nth, bool ipv6)
{
    (void)nth;
    (void)ipv6;
    return NULL;
}

static const char *knows_nobody(int nth, bool ipv6)
{
    (void)nth;
    (void)ipv6;
    return "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
}

static const char *names_another_one(int nth, bool ipv6)
{
    (void)nth;
    (void)ipv6;
    snprintf(text, sizeof text,
             "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 60\r\nLocation: udt://%s/\r\n"
             "Content-Length: 0\r\n\r\n",
             elsewhere);
    return text;
}

static const char *names_another_one_at_first(int nth, bool ipv6)
{
    (void)ipv6;
    snprintf(text, sizeof text,
             "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nLocation: udt://%s/\r\n"
             "Content-Length: 0\r\n\r\n",
             elsewhere);
    return nth == 0 ? text : NULL;
}

static const char *is_full(int nth, bool ipv6)
{
    (void)nth;
    (void)ipv6;
    return "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 100\r\nContent-Length: 0\r\n\r\n";
}

static struct scripted chain[3]; /* each but the last names the next one */

static void forge_chain(int links, script *last)
{
    chain[links - 1] = scripted_start(last);
    for (int i = links - 2; i >= 0; i--) {
        snprintf(elsewhere, sizeof elsewhere, "ipv4.test:%u", chain[i + 1].port);
        chain[i] = scripted_start(names_another_one);
    }
    snprintf(where, sizeof where, "ipv4.test:%u", chain[0].port);
}

static enum outcome connect_in_vain(int hear_fd, int say_fd)
{
    struct hx_config config = {.nameserver = where, .family = 4};
    struct hx_stream *s;
    (void)hear_fd;
    (void)say_fd;
    int err = hx_connect(&s, &config, "name", PATIENCE_MS);
    hx_cleanup();
    return (enum outcome) - err;
}

static void who_connects_follows_one_name_and_no_second_one(void **state)
{
    (void)state;
    forge_chain(3, agrees);
    struct process p = start(connect_in_vain);
    assert_int_equal(finish(&p), -HX_ELIMIT); /* not for 60 s */
    assert_string_equal(scripted_stop(&chain[0]), "4");
    assert_string_equal(scripted_stop(&chain[1]), "4");
    assert_string_equal(scripted_stop(&chain[2]), "");
}

/* Its holder may be on its way there; but not for ever. */
static void a_name_that_has_not_come_there_yet_is_asked_for_again_a_few_times(void **state)
{
    (void)state;
    forge_chain(2, knows_nobody);
    struct process p = start(connect_in_vain);
    assert_int_equal(finish(&p), -HX_ENOTFOUND);
    assert_string_equal(scripted_stop(&chain[0]), "44444");
    assert_string_equal(scripted_stop(&chain[1]), "44444");
}

/* ---- binding ---- */

static struct settings settings;
static struct binding binding;

static void on_changed(void *user)
{
    (void)user;
}

static void on_part(void *user, struct nameserver *n, const struct multipart_part *part)
{
    (void)user, (void)n, (void)part;
}

static bool is_bound(const struct leg *leg)
{
    return leg->state == LEG_BOUND;
}

static bool waits_long(const struct leg *leg)
{
    return leg->state == LEG_WAITING && leg->timer.at_ms > clock_now_ms() + LONG_MS;
}

static enum outcome bind_until(bool (*is)(const struct leg *))
{
    struct hx_config config = {.nameserver = where, .family = 4, .no_port_mapping = 1};
    bool now = false;
    if (settings_init(&settings, &config, sizeof config, "name") < 0 || engine_enter(0) < 0)
        return FAILED_BIND;
    int err = binding_begin(&binding, &settings, &(struct binding_callbacks){on_changed, on_part, NULL});
    engine_unlock();
    for (int64_t end_ms = clock_now_ms() + PATIENCE_MS; err == HX_OK && !now && clock_now_ms() < end_ms;
         poll(NULL, 0, 5)) {
        engine_lock();
        now = is(&binding.legs[0]);
        engine_unlock();
    }
    engine_lock();
    binding_end(&binding);
    engine_unlock();
    hx_cleanup();
    return now ? DONE : FAILED_END;
}

static enum outcome bind_there(int hear_fd, int say_fd)
{
    (void)hear_fd, (void)say_fd;
    return bind_until(is_bound);
}

static enum outcome bind_in_vain(int hear_fd, int say_fd)
{
    (void)hear_fd, (void)say_fd;
    return bind_until(waits_long);
}

static void who_binds_goes_where_it_is_sent(void **state)
{
    (void)state;
    forge_chain(2, agrees);
    struct process p = start(bind_there);
    assert_int_equal(finish(&p), DONE);
    assert_string_equal(scripted_stop(&chain[0]), "4");
    assert_string_equal(scripted_stop(&chain[1]), "4");
}

static void who_binds_follows_no_second_name_and_waits_as_the_first_one_has_it(void **state)
{
    (void)state;
    forge_chain(3, agrees);
    struct process p = start(bind_in_vain);
    assert_int_equal(finish(&p), DONE);
    assert_int_equal(strlen(scripted_stop(&chain[0])), 1);
    assert_int_equal(strlen(scripted_stop(&chain[1])), 1);
    assert_string_equal(scripted_stop(&chain[2]), "");
}

/* Of several each has its own Retry-After. */
static void one_nameservers_wish_to_be_left_alone_is_no_other_ones(void **state)
{
    (void)state;
    forge_chain(2, knows_nobody); /* the detour fails */
    struct scripted second = scripted_start(agrees);
    snprintf(where, sizeof where, "ipv4.test:%u,ipv4.test:%u", chain[0].port, second.port);
    struct process p = start(bind_there);
    assert_int_equal(finish(&p), DONE);
    assert_int_equal(strlen(scripted_stop(&second)), 1); /* the last one that began is the first to end */
    assert_int_equal(strlen(scripted_stop(&chain[0])), 1);
    assert_int_equal(strlen(scripted_stop(&chain[1])), 1);
}

/* Who was drained only to be started anew is back long before that. */
static void the_wish_of_the_one_that_was_named_is_not_the_namers(void **state)
{
    (void)state;
    chain[1] = scripted_start(is_full);
    snprintf(elsewhere, sizeof elsewhere, "ipv4.test:%u", chain[1].port);
    chain[0] = scripted_start(names_another_one_at_first);
    snprintf(where, sizeof where, "ipv4.test:%u", chain[0].port);
    struct process p = start(bind_there);
    assert_int_equal(finish(&p), DONE);
    assert_string_equal(scripted_stop(&chain[0]), "4A"); /* again, in the same session */
    assert_string_equal(scripted_stop(&chain[1]), "4");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_connects_follows_one_name_and_no_second_one),
        cmocka_unit_test(a_name_that_has_not_come_there_yet_is_asked_for_again_a_few_times),
        cmocka_unit_test(who_binds_goes_where_it_is_sent),
        cmocka_unit_test(who_binds_follows_no_second_name_and_waits_as_the_first_one_has_it),
        cmocka_unit_test(one_nameservers_wish_to_be_left_alone_is_no_other_ones),
        cmocka_unit_test(the_wish_of_the_one_that_was_named_is_not_the_namers),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("client elsewhere", tests, NULL, NULL);
}
