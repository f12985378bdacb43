/* shim/udt/override_send_list.cc: what UDT keeps of those that have something to send grows with them. A
 * server's port and 4,500 peers made of datagrams alone, all on one socket. */
#include "base/clock.h"
#include "shim/udt/packet.h"
#include "shim/udt/udt.h"
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
/* cmocka wants the above */
#include <cmocka.h>

#define HEAP_ROOM 4096 /* of UDT's heap of senders to begin with (queue.cpp, CSndUList) */
#define PEERS     4500
#define AT_ONCE   50 /* handshakes; a socket's buffer holds more */
#define WAIT_MS   10000
#define PAGE      4096

/* --- a fence behind UDT's heap of senders --------------------------------------------------------------- */

static uint8_t *fenced;
static bool fencing;

void *_Znam(size_t size); /* operator new[] and delete[], for libudt.a: the program's own go first */
void _ZdaPv(void *p);
void _ZdaPvm(void *p, size_t size);

/* Who writes behind the first array of HEAP_ROOM pointers ends the process there and then. */
void *_Znam(size_t size)
{
    if (!fencing || fenced || size != HEAP_ROOM * sizeof(void *))
        return malloc(size ? size : 1);
    void *p = mmap(NULL, size + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED || mprotect((uint8_t *)p + size, PAGE, PROT_NONE) < 0)
        abort();
    fenced = p;
    return p;
}

void _ZdaPv(void *p)
{
    if (!p || p != fenced)
        free(p);
}

void _ZdaPvm(void *p, size_t size)
{
    (void)size;
    _ZdaPv(p);
}

/* --- a gate for data, and the peers behind it ----------------------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
static bool closed;
static bool told[PEERS];
static atomic_int told_count; /* by the thread that sends */

static void let_through(bool open)
{
    pthread_mutex_lock(&lock);
    closed = !open;
    pthread_cond_broadcast(&opened);
    pthread_mutex_unlock(&lock);
}

static void tell(int number)
{
    pthread_mutex_lock(&lock);
    while (closed)
        pthread_cond_wait(&opened, &lock);
    if (number >= 0 && number < PEERS && !told[number]) {
        told[number] = true;
        told_count++;
    }
    pthread_mutex_unlock(&lock);
}

/* The C library's, for shim/net: data goes no further than here, the rest on its way. */
int sendmmsg(int to, struct mmsghdr *messages, unsigned count, int flags)
{
    struct msghdr *mh = &messages->msg_hdr;

    if (mh->msg_iovlen != 2 || packet_type(mh->msg_iov[0].iov_base) != PACKET_DATA)
        return (int)syscall(SYS_sendmmsg, to, messages, count, flags);
    tell(packet_id(mh->msg_iov[0].iov_base) - 1);
    return (int)count;
}

static struct udt_port *server;
static struct stream *accepted[PEERS];
static atomic_int accepted_count;
static int fd; /* all peers' */
static uint32_t cookie;
static atomic_int cookies, answered;

static void say_handshake(int number, int32_t request)
{
    uint8_t packet[PACKET_HEAD + HANDSHAKE_SIZE] = {0};
    uint8_t *body = packet + PACKET_HEAD;

    packet_put_control(packet, PACKET_HANDSHAKE, 0, 0);
    packet_put_word(body + HANDSHAKE_VERSION, 4);
    packet_put_word(body + HANDSHAKE_TYPE, 1);
    packet_put_word(body + HANDSHAKE_ISN, (uint32_t)number); /* the same twice is one connection to UDT */
    packet_put_word(body + HANDSHAKE_MSS, 1400);
    packet_put_word(body + HANDSHAKE_WINDOW, 32);
    packet_put_word(body + HANDSHAKE_REQUEST, (uint32_t)request);
    packet_put_word(body + HANDSHAKE_ID, (uint32_t)number + 1);
    packet_put_word(body + HANDSHAKE_COOKIE, cookie);
    assert_int_equal(send(fd, packet, sizeof packet, 0), sizeof packet);
}

static void take(const uint8_t *packet, size_t len)
{
    int number = packet_id(packet) - 1;

    if (number < 0 || number >= PEERS)
        return;
    if (packet_type(packet) == PACKET_HANDSHAKE && len == PACKET_HEAD + HANDSHAKE_SIZE) {
        if (packet_word(packet + PACKET_HEAD + HANDSHAKE_REQUEST) == HS_REGULAR) {
            cookie = packet_word(packet + PACKET_HEAD + HANDSHAKE_COOKIE);
            cookies++;
        } else {
            answered++;
        }
    }
}

/* Takes what comes, at the peers and at the server, until `*count` has come to `end`. */
static void await(const atomic_int *count, int end)
{
    int64_t deadline_ms = clock_now_ms() + WAIT_MS;

    while (*count < end && clock_now_ms() < deadline_ms) {
        struct pollfd fds[2] = {{.fd = fd, .events = POLLIN}, {.fd = udt_port_fd(server), .events = POLLIN}};
        uint8_t packet[PACKET_HEAD + PACKET_BODY_MAX];
        struct udt_event ev;
        ssize_t n;

        poll(fds, 2, 100);
        while ((n = recv(fd, packet, sizeof packet, MSG_DONTWAIT)) >= PACKET_HEAD)
            take(packet, (size_t)n);
        while (udt_port_next(server, &ev)) {
            if (ev.type == UDT_EV_ACCEPTED)
                accepted[accepted_count++] = ev.stream;
        }
    }
    assert_int_equal(*count, end);
}

static void connect_all(void)
{
    say_handshake(0, HS_REGULAR);
    await(&cookies, 1); /* it is of the address and port, which all share */
    for (int i = 0; i < PEERS; i++) {
        say_handshake(i, HS_CONCLUSION);
        if (i % AT_ONCE == AT_ONCE - 1)
            await(&answered, i + 1);
    }
    await(&accepted_count, PEERS);
}

static int open_all(void **state)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct udt_port_config config = {
        .local = (struct sockaddr *)&to, .local_len = sizeof to, .backlog = PEERS};

    (void)state;
    fencing = true;
    assert_int_equal(udt_port_open(&server, &config), HX_OK);
    fencing = false;
    assert_non_null(fenced);
    socklen_t len;
    to.sin_port = ((const struct sockaddr_in6 *)udt_port_local(server, &len))->sin6_port;
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    connect_all();
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    for (int i = 0; i < accepted_count; i++)
        stream_close(accepted[i]);
    close(fd);
    udt_shutdown(100);
    return 0;
}

static void more_than_4096_may_have_something_to_send_at_a_time(void **state)
{
    (void)state;
    let_through(false);
    for (int i = 0; i < PEERS; i++)
        assert_int_equal(stream_write(accepted[i], "x", 1), 1);
    int told_before = told_count; /* the thread that sends stands at the first: all others are on its heap */
    let_through(true);
    assert_int_equal(told_before, 0);
    await(&told_count, PEERS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(more_than_4096_may_have_something_to_send_at_a_time),
    };

    return cmocka_run_group_tests_name("send_list", tests, open_all, close_all);
}
