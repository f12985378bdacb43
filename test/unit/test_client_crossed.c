/* Two hosts that have bound a name each, and connect to each other's at the same moment: through
 * client/api.h. */
#include "test/unit/client_fixture.h"

#define ROUNDS 5

static const char *own_name, *other_name; /* of the next process; set before it is forked */
static char key[HX_KEY_TEXT_MAX];

#define TURN_MS 10

/* Each side's proof waits for the other's: of both connections in turn. */
static enum outcome prove(struct hx_stream *connected, struct hx_stream *accepted)
{
    int one = HX_ETIMEDOUT, other = HX_ETIMEDOUT;
    for (int i = 0; i < PATIENCE_MS / TURN_MS && (one == HX_ETIMEDOUT || other == HX_ETIMEDOUT); i++) {
        one = hx_handshake(connected, TURN_MS);
        other = hx_handshake(accepted, TURN_MS);
    }
    return one == HX_OK && other == HX_OK ? DONE : FAILED_PROOF;
}

static enum outcome end_in_order(struct hx_stream *connected, struct hx_stream *accepted)
{
    char c;
    if (hx_shutdown(connected) < 0 || hx_shutdown(accepted) < 0 ||
        hx_read(connected, &c, 1, PATIENCE_MS) != 0 || hx_read(accepted, &c, 1, PATIENCE_MS) != 0)
        return FAILED_END;
    int one = hx_close(connected), other = hx_close(accepted);
    return one == HX_OK && other == HX_OK ? DONE : FAILED_END;
}

/* Says its name over the one, and hears the other's over the other. */
static enum outcome talk(struct hx_stream *connected, struct hx_stream *accepted)
{
    char heard[8] = "";
    size_t len = strlen(own_name);
    if (hx_write(connected, own_name, len, PATIENCE_MS) != (ssize_t)len ||
        hx_read(accepted, heard, sizeof heard - 1, PATIENCE_MS) <= 0 || strcmp(heard, other_name) != 0)
        return FAILED_BYTES;
    bool named =
        strcmp(hx_peer_name(connected), other_name) == 0 && strcmp(hx_peer_name(accepted), other_name) == 0;
    return named ? DONE : FAILED_BYTES;
}

static enum outcome bind_and_connect(int hear_fd, int say_fd)
{
    struct hx_config config = defaults();
    struct hx_listener *l;
    config.keys = key;
    config.name = own_name;
    if (hx_bind(&l, &config, own_name) < 0)
        return FAILED_BIND;
    say(say_fd);
    for (int i = 0; i < ROUNDS; i++) {
        struct hx_stream *connected, *accepted;
        if (!hear(hear_fd))
            return FAILED_CONNECT;
        if (hx_connect(&connected, &config, other_name, PATIENCE_MS) < 0)
            return FAILED_CONNECT;
        if (hx_accept(l, &accepted, PATIENCE_MS) < 0)
            return FAILED_ACCEPT;
        enum outcome outcome = prove(connected, accepted);
        if (outcome == DONE)
            outcome = talk(connected, accepted);
        if (outcome == DONE)
            outcome = end_in_order(connected, accepted);
        if (outcome != DONE)
            return outcome;
        say(say_fd);
    }
    hx_listener_close(l);
    hx_cleanup();
    return DONE;
}

static void two_hosts_that_connect_to_each_other_at_the_same_moment_both_succeed(void **state)
{
    (void)state;
    assert_int_equal(hx_key_generate(key), HX_OK);
    own_name = "left";
    other_name = "right";
    struct process left = start(bind_and_connect);
    own_name = "right";
    other_name = "left";
    struct process right = start(bind_and_connect);
    for (int i = 0; i <= ROUNDS; i++) { /* both are bound; then both are through with a round */
        if (!hear(left.hear) || !hear(right.hear))
            break;
        say(left.say);
        say(right.say);
    }
    assert_int_equal(finish(&left), DONE);
    assert_int_equal(finish(&right), DONE);
}

static enum outcome bind_and_connect_to_itself(int hear_fd, int say_fd)
{
    struct hx_config config = defaults();
    struct hx_listener *l;
    struct hx_stream *connected, *accepted;
    (void)hear_fd;
    (void)say_fd;
    config.keys = key;
    if (hx_bind(&l, &config, own_name) < 0)
        return FAILED_BIND;
    if (hx_connect(&connected, &config, own_name, PATIENCE_MS) < 0)
        return FAILED_CONNECT;
    if (hx_accept(l, &accepted, PATIENCE_MS) < 0)
        return FAILED_ACCEPT;
    enum outcome outcome = prove(connected, accepted);
    if (outcome == DONE)
        outcome = end_in_order(connected, accepted);
    hx_listener_close(l);
    hx_cleanup();
    return outcome;
}

static void a_host_that_asks_for_its_own_name_reaches_itself(void **state)
{
    (void)state;
    assert_int_equal(hx_key_generate(key), HX_OK);
    own_name = "self";
    struct process self = start(bind_and_connect_to_itself);
    assert_int_equal(finish(&self), DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_hosts_that_connect_to_each_other_at_the_same_moment_both_succeed),
        cmocka_unit_test(a_host_that_asks_for_its_own_name_reaches_itself),
    };

    return cmocka_run_group_tests_name("client crossed", tests, start_nameserver, stop_nameserver);
}
