/* A port on which UDT cannot listen. The linker sends udt_port.cc's call of UDT::listen() here (Makefile). */
#include "test/unit/udt_fixture.h"
#include <dirent.h>
#include <unistd.h>

#define COLLECTED_MS 20000 /* UDT takes two or three seconds */

static bool refuses;

int __real__ZN3UDT6listenEii(int id, int backlog);
int __wrap__ZN3UDT6listenEii(int id, int backlog);

int __wrap__ZN3UDT6listenEii(int id, int backlog)
{
    return refuses ? -1 : __real__ZN3UDT6listenEii(id, backlog);
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
    bool bound = bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;

    close(fd);
    return bound;
}

/* A port number that nobody has at the moment. */
static struct sockaddr_in free_address(void)
{
    struct sockaddr_in sin = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(sin);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&sin, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
    close(fd);
    return sin;
}

static void it_is_told_and_its_descriptor_and_threads_go(void **state)
{
    struct sockaddr_in address = free_address();
    struct udt_port_config config = {
        .local = (struct sockaddr *)&address, .local_len = sizeof(address), .backlog = 10};
    struct udt_port *other = open_port(0), *p = NULL;
    int threads = count_in("/proc/self/task");
    int64_t deadline_ms;

    (void)state;
    refuses = true;
    assert_int_equal(udt_port_open(&p, &config), HX_ESYS);
    refuses = false;
    deadline_ms = clock_now_ms() + COLLECTED_MS;
    while ((!bindable(&address) || count_in("/proc/self/task") > threads) && clock_now_ms() < deadline_ms)
        poll(NULL, 0, 10);
    assert_true(bindable(&address));
    assert_int_equal(count_in("/proc/self/task"), threads);
    assert_int_equal(udt_port_open(&p, &config), HX_OK);
    struct stream *theirs, *mine = connect_to(other, p, &theirs);
    stream_close(mine);
    stream_close(theirs);
    udt_shutdown(1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(it_is_told_and_its_descriptor_and_threads_go)};

    return cmocka_run_group_tests_name("udt listen", tests, NULL, NULL);
}
