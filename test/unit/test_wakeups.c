/* shim/udt: how many threads stand between a datagram and the application. Two hosts' ports that have met, in
 * one process; what leaves is looked at where it leaves. */
#include "shim/udt/packet.h"
#include "test/unit/udt_fixture.h"
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LONG_BYTES 3000 /* three packets */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    pthread_t writer; /* the test's thread */
    int by_writer, by_others;
    int told;      /* times that the watcher ran */
    int told_then; /* ... before the last acknowledgement left */
    bool refuses;
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

/* The C library's, for shim/net. */
int sendmmsg(int to, struct mmsghdr *messages, unsigned count, int flags)
{
    const struct msghdr *mh = &messages->msg_hdr;
    enum packet_type type = packet_type(mh->msg_iov[0].iov_base);

    pthread_mutex_lock(&seen.lock);
    if (type == PACKET_DATA && pthread_equal(pthread_self(), seen.writer))
        seen.by_writer++;
    else if (type == PACKET_DATA)
        seen.by_others++;
    if (type == PACKET_ACK)
        seen.told_then = seen.told;
    pthread_mutex_unlock(&seen.lock);
    return (int)syscall(SYS_sendmmsg, to, messages, count, flags);
}

static bool watch_readable(void *user, const struct udt_event *ev)
{
    pthread_mutex_lock(&seen.lock);
    assert_ptr_equal(user, ev->stream);
    if (ev->type == UDT_EV_READABLE) {
        seen.told++;
        pthread_cond_broadcast(&seen.changed);
    }
    bool refuses = seen.refuses;
    pthread_mutex_unlock(&seen.lock);
    return !refuses;
}

static bool await_told(int count)
{
    int64_t deadline_ms = clock_now_ms() + WAIT_MS;

    pthread_mutex_lock(&seen.lock);
    while (seen.told < count && clock_wait(&seen.changed, &seen.lock, deadline_ms))
        ;
    bool told = seen.told >= count;
    pthread_mutex_unlock(&seen.lock);
    return told;
}

static struct stream *a, *b;

static int meet(void **state)
{
    socklen_t len;
    const struct sockaddr *address = udt_port_local(right, &len);

    (void)state;
    assert_int_equal(udt_rendezvous(&a, left, address, len, NULL, WAIT_MS, UDT_PARTY_UNSAID, NULL), HX_OK);
    address = udt_port_local(left, &len);
    assert_int_equal(udt_rendezvous(&b, right, address, len, NULL, WAIT_MS, UDT_PARTY_UNSAID, NULL), HX_OK);
    await(left, UDT_EV_CONNECTED);
    await(right, UDT_EV_CONNECTED);
    struct udt_event ev;
    while (udt_port_next(right, &ev))
        ;
    seen.writer = pthread_self();
    seen.by_writer = seen.by_others = seen.told = seen.told_then = 0;
    seen.refuses = false;
    return 0;
}

static int part(void **state)
{
    (void)state;
    stream_close(a);
    stream_close(b);
    return 0;
}

static void watch(void)
{
    udt_stream_watch(b, &(struct udt_watcher){watch_readable, b});
}

static void a_packet_that_is_alone_leaves_from_the_thread_that_has_written_it(void **state)
{
    char buf[1];

    (void)state;
    assert_int_equal(stream_write(a, "x", 1), 1);
    assert_int_equal(seen.by_writer, 1);
    assert_int_equal(read_all(right, b, buf, 1), 1);
}

static void what_is_more_than_a_packet_leaves_from_the_sender(void **state)
{
    static char bytes[LONG_BYTES], buf[LONG_BYTES];

    (void)state;
    assert_int_equal(stream_write(a, bytes, sizeof bytes), sizeof bytes);
    assert_int_equal(read_all(right, b, buf, sizeof buf), sizeof buf);
    assert_int_equal(seen.by_writer, 0);
    assert_true(seen.by_others > 0);
}

static void bytes_arrive_whole_whoever_sends_them(void **state)
{
    static char sent[200000], got[sizeof sent];
    size_t done = 0;

    (void)state;
    for (size_t i = 0; i < sizeof sent; i++)
        sent[i] = (char)(i * 7 >> 3);
    for (size_t len = 1; done < sizeof sent; len = len * 3 % 4001) {
        size_t left_bytes = sizeof sent - done;
        ssize_t n = stream_write(a, sent + done, len < left_bytes ? len : left_bytes);
        if (n == HX_EAGAIN) { /* less may wait where somebody writes little pieces */
            await(left, UDT_EV_WRITABLE);
            continue;
        }
        assert_true(n > 0);
        done += (size_t)n;
    }
    assert_int_equal(read_all(right, b, got, sizeof got), sizeof got);
    assert_memory_equal(sent, got, sizeof got);
}

static void a_watcher_is_told_by_the_thread_that_has_received(void **state)
{
    (void)state;
    watch();
    assert_int_equal(stream_write(a, "x", 1), 1);
    assert_true(await_told(1));
    char byte;
    assert_int_equal(stream_read(b, &byte, 1), 1);
    struct udt_event ev;
    while (udt_port_next(right, &ev))
        assert_int_not_equal(ev.type, UDT_EV_READABLE);
}

static void a_watcher_is_told_before_the_acknowledgement_leaves(void **state)
{
    (void)state;
    watch();
    assert_int_equal(stream_write(a, "x", 1), 1);
    await(left, UDT_EV_WRITABLE); /* it has come */
    pthread_mutex_lock(&seen.lock);
    assert_true(seen.told_then >= 1); /* a stalled peer repeats itself */
    pthread_mutex_unlock(&seen.lock);
}

static void what_a_watcher_does_not_take_is_told_by_the_descriptor(void **state)
{
    (void)state;
    seen.refuses = true;
    watch();
    assert_int_equal(stream_write(a, "x", 1), 1);
    assert_ptr_equal(await(right, UDT_EV_READABLE).stream, b);
    assert_true(await_told(1));
    char byte;
    assert_int_equal(stream_read(b, &byte, 1), 1);
}

static void without_its_watcher_a_stream_is_told_by_the_descriptor(void **state)
{
    (void)state;
    watch();
    udt_stream_watch(b, NULL);
    assert_int_equal(stream_write(a, "x", 1), 1);
    assert_ptr_equal(await(right, UDT_EV_READABLE).stream, b);
    assert_int_equal(seen.told, 0);
}

static void the_peers_close_is_told_by_the_descriptor_and_after_all_bytes(void **state)
{
    char buf[2];

    (void)state;
    watch();
    assert_int_equal(stream_write(a, "x", 1), 1);
    await(left, UDT_EV_WRITABLE);
    stream_close(a);
    assert_ptr_equal(await(right, UDT_EV_CLOSED).stream, b);
    assert_int_equal(stream_read(b, buf, 2), 1);
    assert_int_equal(stream_read(b, buf, 2), HX_ECLOSED);
    stream_close(b);
    meet(state);
}

#define MET(test) cmocka_unit_test_setup_teardown(test, meet, part)

int main(void)
{
    const struct CMUnitTest tests[] = {
        MET(a_packet_that_is_alone_leaves_from_the_thread_that_has_written_it),
        MET(what_is_more_than_a_packet_leaves_from_the_sender),
        MET(bytes_arrive_whole_whoever_sends_them),
        MET(a_watcher_is_told_by_the_thread_that_has_received),
        MET(a_watcher_is_told_before_the_acknowledgement_leaves),
        MET(what_a_watcher_does_not_take_is_told_by_the_descriptor),
        MET(without_its_watcher_a_stream_is_told_by_the_descriptor),
        MET(the_peers_close_is_told_by_the_descriptor_and_after_all_bytes),
    };

    return cmocka_run_group_tests_name("wakeups", tests, open_all, close_all);
}
