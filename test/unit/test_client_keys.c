/* Streams with keys, through client/api.h: the proof, the bytes, the ends. */
#include "test/unit/client_fixture.h"
#include <poll.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>

#ifdef __SANITIZE_THREAD__
#define BULK_BYTES (1 << 20) /* it looks at every packet of the library, slowly */
#else
#define BULK_BYTES (96 << 20) /* the windows are of 64 MB */
#endif
#define ECHO_BYTES (BULK_BYTES / 8)
#define SOON_MS    1000 /* for a refused key */
#define STUCK_MS   300

enum listener_does { ECHO, PROVE, READ_ONE, READ_ALL, READ_LATE };

/* What the next two processes do; set before they are forked. */
static struct story {
    const char *listener_keys, *connector_keys; /* NULL: raw */
    const char *label;                          /* that the listener shall see */
    int listener_result, connector_result;      /* of the proof */
    enum listener_does listener_does;
    enum outcome (*connector)(struct hx_stream *s);
} story;

static char key[HX_KEY_TEXT_MAX], other_key[HX_KEY_TEXT_MAX];
/* Mapped: what is static is looked through for leaks at the end of each program that has this test in it. */
static char *bulk, *inbox; /* random bytes; room for them and one more */

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* ---- the listener ---- */

static enum outcome end_in_order(struct hx_stream *s)
{
    char c;
    if (hx_shutdown(s) != HX_OK || hx_read(s, &c, 1, PATIENCE_MS) != 0)
        return FAILED_END;
    return hx_close(s) == HX_OK ? DONE : FAILED_END;
}

static enum outcome echo(struct hx_stream *s)
{
    static char buf[65536];
    ssize_t got;
    while ((got = hx_read(s, buf, sizeof buf, PATIENCE_MS)) > 0) {
        if (hx_write(s, buf, (size_t)got, PATIENCE_MS) != got)
            return FAILED_BYTES;
    }
    if (got != 0 || strcmp(hx_peer_label(s), story.label) != 0)
        return FAILED_PROOF;
    return hx_shutdown(s) == HX_OK && hx_close(s) == HX_OK ? DONE : FAILED_END;
}

/* The refusal comes soon, stays, and leaves nothing to be read. */
static enum outcome prove(struct hx_stream *s, int expected)
{
    int64_t begun_ms = now_ms();
    char c;
    if (hx_handshake(s, PATIENCE_MS) != expected || now_ms() - begun_ms > SOON_MS)
        return FAILED_PROOF;
    if (expected < 0 && (hx_read(s, &c, 1, PATIENCE_MS) != expected || hx_write(s, "x", 1, 0) != expected ||
                         hx_shutdown(s) != expected || hx_peer_label(s)[0] != '\0'))
        return FAILED_PROOF;
    hx_close(s);
    return DONE;
}

static enum outcome read_one(struct hx_stream *s)
{
    char c;
    ssize_t got = hx_read(s, &c, 1, PATIENCE_MS);
    ssize_t end = hx_read(s, &c, 1, PATIENCE_MS);
    hx_close(s);
    return got == 1 && end == HX_ECLOSED ? DONE : FAILED_END;
}

/* And says nothing of its own end. */
static enum outcome read_all(struct hx_stream *s)
{
    char buf[256];
    ssize_t got;
    while ((got = hx_read(s, buf, sizeof buf, PATIENCE_MS)) > 0)
        ;
    hx_read(s, buf, 1, 300); /* the peer hears that its end was read */
    hx_close(s);
    return got == 0 ? DONE : FAILED_END;
}

/* Reads nothing before it is told to, and answers how much it was. */
static enum outcome read_late(struct hx_stream *s, int hear_fd)
{
    size_t len = 0;
    ssize_t got;
    if (hx_handshake(s, PATIENCE_MS) != HX_OK || !hear(hear_fd))
        return FAILED_PROOF;
    while ((got = hx_read(s, inbox + len, BULK_BYTES + 1 - len, PATIENCE_MS)) > 0)
        len += (size_t)got;
    if (got != 0 || memcmp(inbox, bulk, len) != 0 || hx_write(s, &len, sizeof len, 0) != sizeof len)
        return FAILED_BYTES;
    return hx_shutdown(s) == HX_OK && hx_close(s) == HX_OK ? DONE : FAILED_END;
}

static enum outcome listener(int hear_fd, int say_fd)
{
    struct hx_config config = defaults();
    struct hx_listener *l;
    struct hx_stream *s;
    enum outcome outcome;
    config.keys = story.listener_keys;
    if (hx_bind(&l, &config, "home") < 0)
        return FAILED_BIND;
    say(say_fd);
    if (hx_accept(l, &s, PATIENCE_MS) < 0)
        return FAILED_ACCEPT;
    switch (story.listener_does) {
    case PROVE:
        outcome = prove(s, story.listener_result);
        break;
    case READ_ONE:
        outcome = read_one(s);
        break;
    case READ_ALL:
        outcome = read_all(s);
        break;
    case READ_LATE:
        outcome = read_late(s, hear_fd);
        break;
    default:
        outcome = echo(s);
        break;
    }
    say(say_fd);
    (void)hear(hear_fd);
    hx_listener_close(l);
    hx_cleanup();
    return outcome;
}

/* ---- the connector ---- */

static int say_now = -1;

static enum outcome connector(int hear_fd, int say_fd)
{
    struct hx_config config = defaults();
    struct hx_stream *s;
    say_now = say_fd;
    config.keys = story.connector_keys;
    if (hx_connect(&s, &config, "home", PATIENCE_MS) < 0)
        return FAILED_CONNECT;
    enum outcome outcome = story.connector(s);
    say(say_fd);
    (void)hear(hear_fd);
    hx_cleanup();
    return outcome;
}

static enum outcome say_hello(struct hx_stream *s)
{
    char buf[6] = "";
    if (hx_write(s, "hello", 5, PATIENCE_MS) != 5)
        return FAILED_BYTES;
    for (size_t len = 0; len < 5;) {
        ssize_t got = hx_read(s, buf + len, 5 - len, PATIENCE_MS);
        if (got <= 0)
            return FAILED_BYTES;
        len += (size_t)got;
    }
    return strcmp(buf, "hello") == 0 ? end_in_order(s) : FAILED_BYTES;
}

static enum outcome try_to_prove(struct hx_stream *s)
{
    return prove(s, story.connector_result);
}

static enum outcome leave_without_an_end(struct hx_stream *s)
{
    char c;
    if (hx_write(s, "x", 1, PATIENCE_MS) != 1)
        return FAILED_BYTES;
    ssize_t got = hx_read(s, &c, 1, 300); /* until the byte has been read; nothing comes back */
    hx_close(s);
    return got == HX_ETIMEDOUT ? DONE : FAILED_BYTES;
}

static enum outcome end_one_direction(struct hx_stream *s)
{
    char c;
    if (hx_write(s, "hello", 5, PATIENCE_MS) != 5 || hx_shutdown(s) != HX_OK)
        return FAILED_BYTES;
    if (hx_read(s, &c, 1, PATIENCE_MS) != HX_ECLOSED)
        return FAILED_END;
    return hx_close(s) == HX_OK ? DONE : FAILED_END;
}

static void *write_bulk(void *user)
{
    struct hx_stream *s = user;
    bool sent = hx_write(s, bulk, ECHO_BYTES, PATIENCE_MS) == ECHO_BYTES && hx_shutdown(s) == HX_OK;
    return sent ? user : NULL;
}

/* Whichever thread comes first makes the proof. */
static enum outcome read_and_write_by_two_threads(struct hx_stream *s)
{
    pthread_t writer;
    size_t len = 0;
    ssize_t got;
    void *sent;
    pthread_create(&writer, NULL, write_bulk, s);
    while ((got = hx_read(s, inbox + len, ECHO_BYTES + 1 - len, PATIENCE_MS)) > 0)
        len += (size_t)got;
    pthread_join(writer, &sent);
    if (got != 0 || !sent || len != ECHO_BYTES || memcmp(inbox, bulk, ECHO_BYTES) != 0)
        return FAILED_BYTES;
    return hx_close(s) == HX_OK ? DONE : FAILED_END;
}

/* A raw peer: it may read an alert, and then the end, nothing else. */
static enum outcome speak_plainly(struct hx_stream *s)
{
    char buf[256];
    ssize_t got, all = 0;
    if (hx_write(s, "GET / HTTP/1.1\r\n\r\n", 18, PATIENCE_MS) != 18)
        return FAILED_BYTES;
    while ((got = hx_read(s, buf, sizeof buf, PATIENCE_MS)) > 0)
        all += got;
    hx_close(s);
    return got == HX_ECLOSED && all <= 7 ? DONE : FAILED_BYTES;
}

/* ---- without waiting, by the descriptors alone ---- */

struct polled {
    struct hx_stream *s;
    size_t sent, received;
    bool over;
};

static bool poll_write(struct polled *p)
{
    ssize_t put = hx_write(p->s, bulk + p->sent, ECHO_BYTES - p->sent, 0);
    if (put > 0)
        p->sent += (size_t)put;
    if (p->sent == ECHO_BYTES && hx_shutdown(p->s) < 0)
        return false;
    return put > 0 || put == HX_EAGAIN;
}

static bool poll_read(struct polled *p)
{
    static char buf[70000];
    ssize_t got = hx_read(p->s, buf, sizeof buf, 0);
    if (got > 0) {
        if ((size_t)got > ECHO_BYTES - p->received || memcmp(buf, bulk + p->received, (size_t)got) != 0)
            return false;
        p->received += (size_t)got;
    }
    p->over = got == 0;
    return got >= 0 || got == HX_EAGAIN;
}

static enum outcome exchange_by_poll(struct hx_stream *s)
{
    struct polled p = {.s = s};
    while (!p.over) {
        struct pollfd fds[] = {{.fd = hx_stream_fd(s), .events = POLLIN},
                               {.fd = p.sent < ECHO_BYTES ? hx_stream_write_fd(s) : -1, .events = POLLIN}};
        if (poll(fds, 2, PATIENCE_MS) <= 0)
            return FAILED_BYTES;
        if ((fds[0].revents && !poll_read(&p)) || (fds[1].revents && !poll_write(&p)))
            return FAILED_BYTES;
    }
    if (p.received != ECHO_BYTES)
        return FAILED_BYTES;
    return hx_close(s) == HX_OK ? DONE : FAILED_END;
}

/* Writes until every buffer is full, and ends its direction right then. */
static enum outcome overfill(struct hx_stream *s)
{
    struct pollfd fd = {.fd = hx_stream_write_fd(s), .events = POLLIN};
    size_t sent = 0, arrived = 0;
    ssize_t put;
    if (hx_handshake(s, PATIENCE_MS) != HX_OK)
        return FAILED_PROOF;
    while (sent < BULK_BYTES && poll(&fd, 1, STUCK_MS) == 1) {
        put = hx_write(s, bulk + sent, BULK_BYTES - sent, 0);
        if (put < 0 && put != HX_EAGAIN)
            return FAILED_BYTES;
        sent += put > 0 ? (size_t)put : 0;
    }
#ifndef __SANITIZE_THREAD__
    if (sent == BULK_BYTES) /* never stuck */
        return FAILED_BYTES;
#endif
    if (hx_shutdown(s) != HX_OK)
        return FAILED_END;
    say(say_now);
    put = hx_read(s, &arrived, sizeof arrived, PATIENCE_MS);
    if (put != sizeof arrived || arrived != sent)
        return FAILED_BYTES;
    return end_in_order(s);
}

/* ---- the tests ---- */

static int set_up(void **state)
{
    if (hx_key_generate(key) != HX_OK || hx_key_generate(other_key) != HX_OK)
        return -1;
    bulk = mmap(NULL, 2 * BULK_BYTES + 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bulk == MAP_FAILED)
        return -1;
    inbox = bulk + BULK_BYTES;
    for (size_t at = 0; at < BULK_BYTES;) {
        ssize_t got = getrandom(bulk + at, BULK_BYTES - at, 0);
        if (got < 0)
            return -1;
        at += (size_t)got;
    }
    return start_nameserver(state);
}

static void play(const struct story *s)
{
    struct process l, c;
    story = *s;
    if (!story.label)
        story.label = "";
    l = start(listener);
    assert_true(hear(l.hear));
    c = start(connector);
    assert_true(hear(c.hear));
    assert_true(hear(l.hear));
    assert_int_equal(finish(&c), DONE);
    assert_int_equal(finish(&l), DONE);
}

static void who_has_the_key_is_served_and_both_directions_end_in_order(void **state)
{
    char ring[256];
    (void)state;
    snprintf(ring, sizeof ring, "# two friends\n%s anna\n%s berta\n", other_key, key);
    play(&(struct story){
        .listener_keys = ring, .connector_keys = key, .label = "berta", .connector = say_hello});
}

static void a_direction_that_ends_before_the_proof_ends_after_it(void **state)
{
    (void)state;
    play(&(struct story){.listener_keys = key, .connector_keys = key, .connector = end_in_order});
}

static void a_wrong_key_is_refused_at_once_on_both_sides(void **state)
{
    (void)state;
    play(&(struct story){.listener_keys = key,
                         .connector_keys = other_key,
                         .listener_result = HX_EAUTH,
                         .connector_result = HX_EAUTH,
                         .listener_does = PROVE,
                         .connector = try_to_prove});
}

static void a_raw_peer_gets_nothing(void **state)
{
    (void)state;
    play(&(struct story){.listener_keys = key,
                         .listener_result = HX_EPROTO,
                         .listener_does = PROVE,
                         .connector = speak_plainly});
}

static void without_keys_there_is_nothing_to_prove(void **state)
{
    (void)state;
    play(&(struct story){.listener_does = PROVE, .connector = try_to_prove});
}

static void a_stream_that_is_closed_without_an_end_is_broken(void **state)
{
    (void)state;
    play(&(struct story){.listener_keys = key,
                         .connector_keys = key,
                         .listener_does = READ_ONE,
                         .connector = leave_without_an_end});
}

static void megabytes_pass_both_ways_by_the_descriptors_alone(void **state)
{
    (void)state;
    play(&(struct story){.listener_keys = key, .connector_keys = key, .connector = exchange_by_poll});
}

static void what_is_stuck_in_full_buffers_arrives_before_the_end(void **state)
{
    struct process l, c;
    (void)state;
    story = (struct story){
        .listener_keys = key, .connector_keys = key, .listener_does = READ_LATE, .connector = overfill};
    l = start(listener);
    assert_true(hear(l.hear));
    c = start(connector);
    assert_true(hear(c.hear)); /* stuck */
    say(l.say);
    assert_true(hear(c.hear));
    assert_int_equal(finish(&c), DONE);
    assert_int_equal(finish(&l), DONE);
}

static void two_threads_share_a_stream_from_its_beginning(void **state)
{
    (void)state;
    play(&(struct story){
        .listener_keys = key, .connector_keys = key, .connector = read_and_write_by_two_threads});
}

static void what_was_read_to_its_end_has_arrived_even_if_the_peer_then_breaks_off(void **state)
{
    (void)state;
    play(&(struct story){.listener_keys = key,
                         .connector_keys = key,
                         .listener_does = READ_ALL,
                         .connector = end_one_direction});
}

static void keys_that_are_none_are_refused(void **state)
{
    struct hx_config config = {.nameserver = "127.0.0.1:1", .keys = "hx-mistyped"};
    struct hx_listener *l;
    struct hx_stream *s;
    int line;
    (void)state;
    assert_int_equal(hx_bind(&l, &config, "home"), HX_EINVAL);
    assert_int_equal(hx_connect(&s, &config, "home", 0), HX_EINVAL);
    config.keys = "";
    assert_int_equal(hx_bind(&l, &config, "home"), HX_EINVAL);
    assert_int_equal(hx_keys_check("# one\nhx-mistyped\n", &line), HX_EINVAL);
    assert_int_equal(line, 2);
    assert_int_equal(hx_keys_check("# none\n", &line), HX_ENOTFOUND);
    assert_int_equal(hx_keys_check(key, &line), HX_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_has_the_key_is_served_and_both_directions_end_in_order),
        cmocka_unit_test(a_direction_that_ends_before_the_proof_ends_after_it),
        cmocka_unit_test(a_wrong_key_is_refused_at_once_on_both_sides),
        cmocka_unit_test(a_raw_peer_gets_nothing),
        cmocka_unit_test(without_keys_there_is_nothing_to_prove),
        cmocka_unit_test(a_stream_that_is_closed_without_an_end_is_broken),
        cmocka_unit_test(megabytes_pass_both_ways_by_the_descriptors_alone),
        cmocka_unit_test(what_is_stuck_in_full_buffers_arrives_before_the_end),
        cmocka_unit_test(two_threads_share_a_stream_from_its_beginning),
        cmocka_unit_test(what_was_read_to_its_end_has_arrived_even_if_the_peer_then_breaks_off),
        cmocka_unit_test(keys_that_are_none_are_refused),
    };
    return cmocka_run_group_tests_name("client keys", tests, set_up, stop_nameserver);
}
