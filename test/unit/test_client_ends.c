/* The end of what one writes and another reads: through client/api.h. hx_close() towards a peer that reads
 * what was agreed on, and no end; and hx_cleanup() of whoever waits for nothing. */
#include "base/clock.h"
#include "test/unit/client_fixture.h"

#define BYTES   100000
#define SOON_MS 5000 /* hx_config.linger_ms is 30 s: who waits for that is found out */

static char key[HX_KEY_TEXT_MAX];
static const char *keys; /* of the next two processes */
static char bytes[BYTES];

static enum outcome read_agreed(int hear_fd, int say_fd)
{
    struct hx_config config = defaults();
    struct hx_listener *l;
    struct hx_stream *s;
    size_t got = 0;
    ssize_t n = 1;
    config.keys = keys;
    if (hx_bind(&l, &config, "agreed") < 0)
        return FAILED_BIND;
    say(say_fd);
    if (hx_accept(l, &s, PATIENCE_MS) < 0)
        return FAILED_ACCEPT;
    for (; got < BYTES && n > 0; got += (size_t)n)
        n = hx_read(s, bytes + got, BYTES - got, PATIENCE_MS);
    say(say_fd);
    if (got != BYTES || !hear(hear_fd)) /* until then it does not read on */
        return FAILED_BYTES;
    enum outcome outcome = hx_read(s, bytes, 1, PATIENCE_MS) == 0 ? DONE : FAILED_END;
    hx_close(s);
    hx_listener_close(l);
    hx_cleanup();
    return outcome;
}

/* Hears twice: when it may connect, and when it may end. */
static enum outcome write_agreed(int hear_fd, int say_fd)
{
    struct hx_config config = defaults();
    struct hx_stream *s;
    config.keys = keys;
    if (!hear(hear_fd) || hx_connect(&s, &config, "agreed", PATIENCE_MS) < 0)
        return FAILED_CONNECT;
    if (hx_write(s, bytes, BYTES, PATIENCE_MS) != BYTES)
        return FAILED_BYTES;
    say(say_fd);
    if (!hear(hear_fd) || hx_shutdown(s) < 0)
        return FAILED_END;
    int64_t begun_ms = clock_now_ms();
    enum outcome outcome = hx_close(s) == HX_OK && clock_now_ms() - begun_ms < SOON_MS ? DONE : FAILED_END;
    say(say_fd);
    hx_cleanup();
    return outcome;
}

/* More than one packet: those leave from UDT's sender, when it gets a processor. */
static enum outcome write_and_be_gone(int hear_fd, int say_fd)
{
    struct hx_config config = defaults();
    struct hx_stream *s;
    (void)say_fd;
    config.keys = keys;
    if (!hear(hear_fd) || hx_connect(&s, &config, "agreed", PATIENCE_MS) < 0)
        return FAILED_CONNECT;
    if (hx_write(s, bytes, BYTES, PATIENCE_MS) != BYTES || hx_shutdown(s) < 0)
        return FAILED_BYTES;
    hx_cleanup();
    return DONE;
}

static void run_story(bool end_waits_until_all_was_read)
{
    struct process reader = start(read_agreed);
    struct process writer = start(write_agreed);
    assert_true(hear(reader.hear)); /* bound */
    say(writer.say);
    assert_true(hear(writer.hear)); /* written */
    if (end_waits_until_all_was_read)
        assert_true(hear(reader.hear));
    say(writer.say);
    assert_true(hear(writer.hear)); /* closed */
    assert_int_equal(finish(&writer), DONE);
    assert_int_equal(finish(&reader), DONE);
}

static void who_has_read_all_bytes_need_not_read_the_end(void **state)
{
    (void)state;
    keys = NULL;
    run_story(false);
    run_story(true);
}

static void who_has_read_all_bytes_under_a_key_need_not_either(void **state)
{
    (void)state;
    assert_int_equal(hx_key_generate(key), HX_OK);
    keys = key;
    run_story(false);
    run_story(true);
}

static void what_was_written_before_the_end_leaves_before_the_library_ends(void **state)
{
    (void)state;
    assert_int_equal(hx_key_generate(key), HX_OK);
    keys = key;
    struct process reader = start(read_agreed);
    struct process writer = start(write_and_be_gone);
    assert_true(hear(reader.hear)); /* bound */
    say(writer.say);
    assert_int_equal(finish(&writer), DONE);
    assert_int_equal(finish(&reader), DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_has_read_all_bytes_need_not_read_the_end),
        cmocka_unit_test(who_has_read_all_bytes_under_a_key_need_not_either),
        cmocka_unit_test(what_was_written_before_the_end_leaves_before_the_library_ends),
    };

    return cmocka_run_group_tests_name("client ends", tests, start_nameserver, stop_nameserver);
}
