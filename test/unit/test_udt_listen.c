/* A port on which UDT cannot listen. The linker sends udt_port.cc's call of UDT::listen() here (Makefile),
 * and the calls of operator new and delete. */
#include "test/unit/udt_fixture.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#define COLLECTED_MS 20000 /* UDT takes two or three seconds */

#define OTHERS 64 /* descriptors of others */

static bool refuses;
static bool no_memory;                          /* for the second of what UDT makes to listen */
static _Thread_local int allocations_left = -1; /* while UDT begins to listen; -1: all succeed */
static void *_Atomic queue;                     /* the last that has succeeded */
static atomic_int queue_freed;
static bool no_timeouts; /* a socket's time to receive cannot be set */
static int others[OTHERS];

int __real__ZN3UDT6listenEii(int id, int backlog);
int __wrap__ZN3UDT6listenEii(int id, int backlog);

int __wrap__ZN3UDT6listenEii(int id, int backlog)
{
    if (refuses)
        return -1;
    if (no_memory)
        allocations_left = 1;
    int result = __real__ZN3UDT6listenEii(id, backlog);
    allocations_left = -1;
    return result;
}

/* operator new and delete, as libudt.a calls them */
void *__real__Znwm(size_t size);
void *__wrap__Znwm(size_t size);
void __real__ZdlPv(void *p);
void __wrap__ZdlPv(void *p);
void __real__ZdlPvm(void *p, size_t size);
void __wrap__ZdlPvm(void *p, size_t size);
_Noreturn void _ZSt17__throw_bad_allocv(void);

void *__wrap__Znwm(size_t size)
{
    bool fails = allocations_left == 0, is_queue = allocations_left > 0;

    if (allocations_left >= 0)
        allocations_left--; /* one fails: UDT tells of it with memory of its own */
    if (fails)
        _ZSt17__throw_bad_allocv();
    void *p = __real__Znwm(size);
    if (is_queue)
        queue = p;
    return p;
}

/* The queue is counted and kept: so nothing else gets its address. */
static bool counted(void *p)
{
    bool is_queue = p && p == atomic_load(&queue);
    if (is_queue)
        queue_freed++;
    return is_queue;
}

void __wrap__ZdlPv(void *p)
{
    if (!counted(p))
        __real__ZdlPv(p);
}

void __wrap__ZdlPvm(void *p, size_t size)
{
    if (!counted(p))
        __real__ZdlPvm(p, size);
}

/* The C library's, for libudt.a. */
int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
    if (no_timeouts && level == SOL_SOCKET && name == SO_RCVTIMEO) {
        errno = ENOPROTOOPT;
        return -1;
    }
    return (int)syscall(SYS_setsockopt, fd, level, name, value, len);
}

static int count_in(const char *directory)
{
    DIR *d = opendir(directory);
    int n = 0;

    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static bool bindable(const struct sockaddr_in *address)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    bool bound = bind(fd, (const struct sockaddr *)address, sizeof *address) == 0;

    close(fd);
    return bound;
}

/* A port number that nobody has at the moment. */
static struct sockaddr_in free_address(void)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof sin;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&sin, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
    close(fd);
    return sin;
}

static void await_gone(const struct sockaddr_in *address, int threads)
{
    int64_t deadline_ms = clock_now_ms() + COLLECTED_MS;

    while ((!bindable(address) || count_in("/proc/self/task") > threads) && clock_now_ms() < deadline_ms)
        poll(NULL, 0, 10);
    assert_true(bindable(address));
    assert_int_equal(count_in("/proc/self/task"), threads);
}

static void it_is_told_and_its_descriptor_and_threads_go(void **state)
{
    struct sockaddr_in address = free_address();
    struct sockaddr_in full = free_address();
    struct udt_port_config config = {
        .local = (struct sockaddr *)&address, .local_len = sizeof address, .backlog = 10};
    struct udt_port_config full_config = config;
    struct udt_port *other = open_port(0), *p = NULL;
    int threads = count_in("/proc/self/task");

    (void)state;
    full_config.local = (struct sockaddr *)&full;
    refuses = true;
    assert_int_equal(udt_port_open(&p, &config), HX_ESYS);
    refuses = false;
    no_memory = true;
    assert_int_equal(udt_port_open(&p, &full_config), HX_ESYS);
    no_memory = false;
    await_gone(&address, threads);
    await_gone(&full, threads);
    assert_int_equal(queue_freed, 1);
    assert_int_equal(udt_port_open(&p, &config), HX_OK);
    struct stream *theirs, *mine = connect_to(other, p, &theirs);
    stream_close(mine);
    stream_close(theirs);
}

static void what_udt_has_closed_is_not_closed_again(void **state)
{
    struct sockaddr_in address = free_address();
    struct udt_port_config config = {.local = (struct sockaddr *)&address, .local_len = sizeof address};
    struct udt_port *p = NULL;

    (void)state;
    no_timeouts = true;
    assert_int_equal(udt_port_open(&p, &config), HX_ESYS);
    no_timeouts = false;
    assert_true(bindable(&address));
    for (int i = 0; i < OTHERS; i++) /* one of them gets its number */
        others[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    udt_shutdown(1000);
    __real__ZdlPv(queue);
    for (int i = 0; i < OTHERS; i++)
        assert_int_equal(close(others[i]), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(it_is_told_and_its_descriptor_and_threads_go),
                                       cmocka_unit_test(what_udt_has_closed_is_not_closed_again)};

    return cmocka_run_group_tests_name("udt listen", tests, NULL, NULL);
}
