/* Is the nameserver still there? Where most of what is asked is lost, and where the process stood still meanwhile. */
#include "base/clock.h"
#include "client/nameserver.h"
#include "client/race.h"
#include "proto/request.h"
#include "shim/udt/packet.h"
#include "test/unit/scripted_names.h"
#include <pthread.h>
#include <stdatomic.h>

#define LOST    10 /* questions */
#define STOP_MS 700

static char where[64]; /* of the process that is forked next */

static const char *agrees(int nth, bool ipv6)
{
    (void)nth;
    (void)ipv6;
    return NULL;
}

/* Stands before the nameserver, for one client. */
static struct {
    int front, back;
    atomic_int lose; /* so many acknowledgements of the client do not arrive: UDT's questions are such */
    atomic_bool done;
    pthread_t thread;
} way;

static int open_socket(uint16_t to_port, uint16_t *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    *port = ntohs(at.sin_port);
    at.sin_port = htons(to_port);
    assert_true(to_port == 0 || connect(fd, (struct sockaddr *)&at, len) == 0);
    return fd;
}

static bool is_lost(const uint8_t *packet, ssize_t len)
{
    if (len < PACKET_HEAD || packet_type(packet) != PACKET_ACK || atomic_load(&way.lose) == 0)
        return false;
    atomic_fetch_sub(&way.lose, 1);
    return true;
}

static void *way_run(void *arg)
{
    struct pollfd fds[] = {{way.front, POLLIN, 0}, {way.back, POLLIN, 0}};
    struct sockaddr_in client = {.sin_port = 0};
    socklen_t client_len = sizeof client;
    uint8_t bytes[2048];
    while (!atomic_load(&way.done)) {
        if (poll(fds, 2, 10) <= 0)
            continue;
        ssize_t n =
            recvfrom(way.front, bytes, sizeof bytes, MSG_DONTWAIT, (struct sockaddr *)&client, &client_len);
        if (n > 0 && !is_lost(bytes, n))
            (void)!send(way.back, bytes, (size_t)n, 0);
        n = recv(way.back, bytes, sizeof bytes, MSG_DONTWAIT);
        if (n > 0)
            (void)!sendto(way.front, bytes, (size_t)n, 0, (struct sockaddr *)&client, client_len);
    }
    return arg;
}

static void way_stop(void)
{
    atomic_store(&way.done, true);
    pthread_join(way.thread, NULL);
    close(way.front);
    close(way.back);
}

static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool agreed, ended;

static void on_agreed(void *user, const struct endpoint *external)
{
    (void)user, (void)external;
    agreed = true;
    pthread_cond_broadcast(&changed);
}

static void on_part(void *user, const struct multipart_part *part)
{
    (void)user, (void)part;
}

static void on_end(void *user, const struct nameserver_end *end)
{
    (void)user, (void)end;
    ended = true;
    pthread_cond_broadcast(&changed);
}

/* Says when it holds a name, checks when it hears that it shall, and says so; then it must not be told of an end. */
static enum outcome check(int hear_fd, int say_fd)
{
    static const struct nameserver_callbacks callbacks = {on_agreed, on_part, on_end, NULL};
    const struct peer_fields nothing = {.candidates.count = 0};
    struct nameserver *n = NULL;
    struct host_port name;
    struct buf bytes;
    buf_init(&bytes, 0);
    if (engine_enter(0) < 0)
        return FAILED_BIND;
    struct nameserver_request request = {.name = &name, .families = FAMILY_IPV4, .bytes = &bytes};
    if (host_port_parse(&name, where, 0) < 0 || request_write_bind(&bytes, "name", "", &nothing) < 0 ||
        nameserver_open(&n, &request, &callbacks) < 0)
        return FAILED_BIND;
    while (!agreed && !ended && engine_wait(&changed, engine_deadline(PATIENCE_MS)))
        ;
    engine_unlock();
    if (!agreed)
        return FAILED_BIND;
    say(say_fd);
    (void)hear(hear_fd);
    poll(NULL, 0, 20); /* what it has said before is taken meanwhile: no event tells that */
    engine_lock();
    nameserver_check(n);
    engine_unlock();
    say(say_fd);
    (void)hear(hear_fd);
    engine_lock();
    while (!ended && engine_wait(&changed, engine_deadline(2 * NAMESERVER_CHECK_MS)))
        ;
    bool lives = !ended;
    nameserver_close(n);
    engine_unlock();
    buf_free(&bytes);
    hx_cleanup();
    return lives ? DONE : FAILED_END;
}

/* The client is forked before there is a thread: one that is being born may hold a lock of the sanitizer's,
 * which would stay taken in the child for ever. */
static struct process way_start(const struct scripted *s)
{
    uint16_t port, unused;
    way.back = open_socket(s->port, &unused);
    way.front = open_socket(0, &port);
    snprintf(where, sizeof where, "ipv4.test:%u", port);
    atomic_store(&way.lose, 0);
    atomic_store(&way.done, false);
    struct process p = start(check);
    assert_int_equal(pthread_create(&way.thread, NULL, way_run, NULL), 0);
    return p;
}

/* False: it was not kept, or not that long; neither side may have had a processor in time. */
static bool is_kept(void)
{
    struct scripted s = scripted_start(agrees);
    struct process p = way_start(&s);
    assert_true(hear(p.hear));
    atomic_store(&way.lose, LOST);
    say(p.say);
    assert_true(hear(p.hear));
    say(p.say);
    bool kept = finish(&p) == DONE && atomic_load(&way.lose) == 0; /* so many were asked in vain */
    way_stop();
    (void)scripted_stop(&s);
    return kept;
}

/* In one of three tries: others want a processor, too, and half a second is all that there is. */
static void a_nameserver_that_hears_one_question_of_many_is_kept(void **state)
{
    (void)state;
    assert_true(is_kept() || is_kept() || is_kept());
}

/* The nameserver answers while the process is stopped. */
static void a_process_that_stood_still_asks_again(void **state)
{
    struct scripted s = scripted_start(agrees);
    (void)state;
    struct process p = way_start(&s);
    assert_true(hear(p.hear));
    stand_still(s.pid);
    say(p.say);
    assert_true(hear(p.hear));
    stand_still(p.pid);
    assert_int_equal(kill(s.pid, SIGCONT), 0);
    poll(NULL, 0, STOP_MS);
    assert_int_equal(kill(p.pid, SIGCONT), 0);
    say(p.say);
    assert_int_equal(finish(&p), DONE);
    way_stop();
    (void)scripted_stop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_nameserver_that_hears_one_question_of_many_is_kept),
        cmocka_unit_test(a_process_that_stood_still_asks_again),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests_name("client check", tests, NULL, NULL);
}
