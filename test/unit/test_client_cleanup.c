/* hx_close(), hx_listener_close() and hx_cleanup() in every state of a connection and of a listener: each
 * returns soon, all who wait return, and nothing is left: no thread, no descriptor, no memory. After a close
 * the library serves on.
 *
 * Each state is reached in a process of its own, since hx_cleanup() is for good. */
#include "base/clock.h"
#include "test/unit/scenes_fixture.h"
#include <dirent.h>
#include <stdlib.h>

/* What ends at once takes half a second here; what waited for something would take 10 s and more. */
#define SOON_MS 5000
/* It keeps the ones that its threads are woken by: somebody may just be about to. */
#define FDS_OF_LIBRARY 4

/* Of a sanitizer, if there is one. */
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

/* ---- what is left ---- */

static int entries_of(const char *directory)
{
    DIR *d = opendir(directory);
    int count = 0;
    while (d && readdir(d))
        count++;
    if (d)
        closedir(d);
    return count;
}

static bool comes_down_to(const char *directory, int count)
{
    int64_t until_ms = clock_now_ms() + SOON_MS;
    while (entries_of(directory) > count && clock_now_ms() < until_ms)
        poll(NULL, 0, 10); /* a thread's end is told by nobody */
    return entries_of(directory) <= count;
}

static bool nothing_is_left(int threads, int fds)
{
    bool whole =
        comes_down_to("/proc/self/task", threads) && comes_down_to("/proc/self/fd", fds + FDS_OF_LIBRARY);
    return whole && (!__lsan_do_recoverable_leak_check || __lsan_do_recoverable_leak_check() == 0);
}

/* ---- the ends ---- */

enum way { BY_CLEANUP, BY_CLOSE };

static bool (*reach)(struct scene *x);
static enum way way;

static bool all_return(struct scene *x)
{
    bool right = true;
    for (int i = 0; i < x->count; i++) {
        struct caller *c = &x->callers[i];
        pthread_join(c->thread, NULL);
        right &= c->result == HX_ECANCELED || (c->result == HX_ETIMEDOUT && way == BY_CLOSE);
        if (!right)
            fprintf(stderr, "# it returned %zd\n", c->result);
    }
    return right;
}

static bool serves_on(void)
{
    struct hx_config config = with_key();
    struct hx_listener *l;
    struct hx_stream *s;
    if (hx_bind(&l, &config, "afterwards") < 0)
        return false;
    hx_listener_close(l);
    if (peer.pid == 0 || mood != TAKES)
        return true;
    if (hx_connect(&s, &config, peer_name, PATIENCE_MS) < 0 || hx_handshake(s, PATIENCE_MS) < 0)
        return false;
    hx_close(s);
    return true;
}

static void *no_run(void *unused)
{
    return unused;
}

static enum outcome run_scene(int hear_fd, int say_fd)
{
    pthread_t first;
    struct scene x = {.count = 0};
    if (pthread_create(&first, NULL, no_run, NULL) == 0) /* with it begins what a sanitizer has of its own */
        pthread_join(first, NULL);
    int threads = entries_of("/proc/self/task");
    (void)hear_fd, (void)say_fd;
    if (pipe(told_fd) < 0 || pipe(resolve_fd) < 0)
        return FAILED_SERVE;
    int fds = entries_of("/proc/self/fd");
    if (!reach(&x))
        return FAILED_CONNECT;
    int64_t begun_ms = clock_now_ms();
    if (way == BY_CLEANUP)
        hx_cleanup();
    else if (x.stream)
        hx_abort(x.stream);
    int64_t took_ms = clock_now_ms() - begun_ms;
    bool returned = all_return(&x);
    begun_ms = clock_now_ms();
    (void)hx_close(x.stream);
    hx_listener_close(x.listener);
    int64_t closed_ms = clock_now_ms() - begun_ms;
    if (getenv("HX_TEST_TIMES"))
        fprintf(stderr, "# ended in %lld ms, closed in %lld\n", (long long)took_ms, (long long)closed_ms);
    if (!returned)
        return FAILED_ACCEPT;
    if (took_ms > SOON_MS || closed_ms > SOON_MS)
        return FAILED_END;
    if (way == BY_CLOSE && !serves_on())
        return FAILED_PROOF;
    hx_cleanup();
    return nothing_is_left(threads, fds) ? DONE : FAILED_BYTES;
}

static int scenes;

static void ends(bool (*state)(struct scene *x), enum way how, enum outcome (*other)(int hear, int say),
                 int temper)
{
    char old[100];
    reach = state;
    way = how;
    mood = temper;
    peer = (struct process){.pid = 0};
    while (recv(silent_fd, old, sizeof old, MSG_DONTWAIT) > 0)
        ;
    snprintf(peer_name, sizeof peer_name, "peer%d", ++scenes);
    if (other)
        peer = start(other);
    struct process p = start(run_scene);
    int outcome = finish(&p);
    if (other) {
        kill(peer.pid, SIGKILL);
        (void)finish(&peer);
    }
    assert_int_equal(outcome, DONE);
}

static void the_library_ends_while_it_looks_for_a_peer(void **state)
{
    (void)state;
    ends(resolving, BY_CLEANUP, NULL, TAKES);
    ends(asking, BY_CLEANUP, NULL, TAKES);
    ends(waiting, BY_CLEANUP, NULL, TAKES);
    ends(waiting_for_its_turn, BY_CLEANUP, NULL, TAKES);
    ends(waiting_for_the_name, BY_CLEANUP, NULL, TAKES);
}

static void the_library_ends_while_it_looks_at_the_nat(void **state)
{
    (void)state;
    ends(looking_at_the_nat, BY_CLEANUP, NULL, TAKES);
    ends(measuring_lifetimes, BY_CLEANUP, NULL, TAKES);
}

static void the_library_ends_while_it_is_connected(void **state)
{
    (void)state;
    ends(proving, BY_CLEANUP, be_peer, HAS_NO_KEY);
    ends(idle, BY_CLEANUP, be_peer, TAKES);
    ends(bulk, BY_CLEANUP, be_peer, TAKES);
    ends(lost, BY_CLEANUP, be_peer, TAKES);
    ends(closing, BY_CLEANUP, be_peer, TAKES);
}

static void the_library_ends_while_a_name_is_bound(void **state)
{
    (void)state;
    ends(binding, BY_CLEANUP, NULL, TAKES);
    ends(waiting_to_bind, BY_CLEANUP, NULL, TAKES);
    ends(bound, BY_CLEANUP, NULL, TAKES);
    ends(accepting, BY_CLEANUP, NULL, TAKES);
    ends(with_a_peer_that_waits, BY_CLEANUP, call_mine, TAKES);
}

static void a_stream_ends_in_any_state_and_the_library_serves_on(void **state)
{
    (void)state;
    ends(connected, BY_CLOSE, be_peer, TAKES);
    ends(proving, BY_CLOSE, be_peer, HAS_NO_KEY);
    ends(idle, BY_CLOSE, be_peer, TAKES);
    ends(bulk, BY_CLOSE, be_peer, TAKES);
    ends(lost, BY_CLOSE, be_peer, IS_STOPPED);
}

static void a_listener_ends_in_any_state_and_the_library_serves_on(void **state)
{
    (void)state;
    ends(bound, BY_CLOSE, NULL, TAKES);
    ends(with_a_peer_that_waits, BY_CLOSE, call_mine, TAKES_NONE);
}

static int begin_all(void **state)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    silent_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (bind(silent_fd, (struct sockaddr *)&a, len) < 0 ||
        getsockname(silent_fd, (struct sockaddr *)&a, &len) < 0)
        return -1;
    snprintf(silent_text, sizeof silent_text, "127.0.0.1:%u", ntohs(a.sin_port));
    return hx_key_generate(key) == HX_OK ? start_nameserver(state) : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_library_ends_while_it_looks_for_a_peer),
        cmocka_unit_test(the_library_ends_while_it_looks_at_the_nat),
        cmocka_unit_test(the_library_ends_while_it_is_connected),
        cmocka_unit_test(the_library_ends_while_a_name_is_bound),
        cmocka_unit_test(a_stream_ends_in_any_state_and_the_library_serves_on),
        cmocka_unit_test(a_listener_ends_in_any_state_and_the_library_serves_on),
    };

    return cmocka_run_group_tests_name("client cleanup", tests, begin_all, stop_nameserver);
}
