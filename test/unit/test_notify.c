/* The test plays systemd: hx-nameserver itself, as built beside this program, says how it is to a datagram
 * socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "server/notify.h"
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 15000

static char folder[] = "/tmp/hx-notify.XXXXXX";
static char path[64];
static int supervisor; /* the socket that systemd would have */
static char message[512];

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int begin(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    (void)state;
    strcpy(folder + sizeof folder - sizeof "XXXXXX", "XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/socket", folder);
    strcpy(address.sun_path, path);
    supervisor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return supervisor < 0 ? -1 : bind(supervisor, (struct sockaddr *)&address, sizeof address);
}

static int end(void **state)
{
    (void)state;
    close(supervisor);
    unlink(path);
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    return rmdir(folder);
}

/* The next message, or "" if none comes in time. */
static const char *heard(int ms)
{
    struct pollfd fd = {.fd = supervisor, .events = POLLIN};
    ssize_t n = poll(&fd, 1, ms) == 1 ? recv(supervisor, message, sizeof message - 1, 0) : 0;

    message[n > 0 ? n : 0] = '\0';
    return message;
}

static void program_path(char *out, size_t size)
{
    char self[512];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);

    assert_true(n > 0);
    self[n] = '\0';
    snprintf(out, size, "%s/hx-nameserver", dirname(dirname(dirname(self))));
    if (access(out, X_OK) < 0)
        fail_msg("%s is not built; make all", out);
}

static pid_t start_program(void)
{
    char program[600];
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    program_path(program, sizeof program);
    setenv("NOTIFY_SOCKET", path, 1);
    setenv("WATCHDOG_USEC", "600000", 1);
    unsetenv("WATCHDOG_PID");
    pid_t pid = fork();
    if (pid == 0) {
        dup2(null, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        execl(program, program, "--listen", "127.0.0.1:0", (char *)NULL);
        _exit(127);
    }
    close(null);
    return pid;
}

static void the_nameserver_tells_systemd_that_it_is_ready_alive_and_stopping(void **state)
{
    pid_t pid = start_program();

    (void)state;
    assert_string_equal(heard(PATIENCE_MS), "READY=1\nSTATUS=0 connections, 0 names");
    int64_t ready_ms = now_ms();
    for (int i = 0; i < 4; i++)
        assert_string_equal(heard(PATIENCE_MS), "WATCHDOG=1\nSTATUS=0 connections, 0 names");
    assert_in_range(now_ms() - ready_ms, 4 * 300 - 50, 4 * 600); /* half of the time; never later than all */
    kill(pid, SIGTERM);
    do
        heard(PATIENCE_MS);
    while (strncmp(message, "WATCHDOG=1", 10) == 0);
    assert_string_equal(message, "STOPPING=1\nSTATUS=0 connections, 0 names");
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void a_stop_that_takes_long_asks_for_patience_again_and_again(void **state)
{
    struct notify n;

    (void)state;
    setenv("NOTIFY_SOCKET", path, 1);
    assert_int_equal(notify_open(&n), HX_OK);
    notify_stop_takes(&n, 61000);
    notify_send(&n, NOTIFY_STOPPING, "draining", 1000);
    assert_string_equal(heard(PATIENCE_MS), "STOPPING=1\nEXTEND_TIMEOUT_USEC=75000000\nSTATUS=draining");
    notify_send(&n, NOTIFY_ALIVE, "draining", 51000);
    assert_string_equal(heard(PATIENCE_MS), "EXTEND_TIMEOUT_USEC=25000000\nSTATUS=draining");
    notify_send(&n, NOTIFY_ALIVE, "stopping", 61000);
    assert_string_equal(heard(PATIENCE_MS), "STATUS=stopping");
    assert_true(NOTIFY_STATUS_MS < NOTIFY_EXTEND_MS);
    notify_close(&n);
}

/* The next one that is no sign of life. */
static const char *heard_news(void)
{
    do
        heard(PATIENCE_MS);
    while (strncmp(message, "WATCHDOG=1", 10) == 0);
    return message;
}

static void a_reload_is_told_with_its_time_and_then_its_end(void **state)
{
    pid_t pid = start_program();
    struct timespec now;
    long long us = 0;

    (void)state;
    assert_memory_equal(heard(PATIENCE_MS), "READY=1", 7);
    for (int i = 0; i < 3; i++) {
        clock_gettime(CLOCK_MONOTONIC, &now);
        long long before_us = now.tv_sec * 1000000LL + now.tv_nsec / 1000;
        kill(pid, SIGHUP);
        assert_int_equal(sscanf(heard_news(), "RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=0", &us), 1);
        clock_gettime(CLOCK_MONOTONIC, &now);
        assert_in_range(us, before_us, now.tv_sec * 1000000LL + now.tv_nsec / 1000);
        assert_string_equal(heard_news(), "READY=1\nSTATUS=0 connections, 0 names");
    }
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void a_hung_nameserver_falls_silent(void **state)
{
    pid_t pid = start_program();

    (void)state;
    assert_memory_equal(heard(PATIENCE_MS), "READY=1", 7);
    kill(pid, SIGSTOP);
    while (heard(100)[0]) /* what had left before */
        ;
    assert_string_equal(heard(1000), "");
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void without_a_supervisor_nothing_is_said(void **state)
{
    (void)state;
    struct notify n;
    assert_int_equal(notify_open(&n), HX_OK);
    notify_send(&n, NOTIFY_READY, "x", 1000);
    assert_int_equal(notify_next_ms(&n), -1);
    notify_close(&n);
}

static void without_a_watchdog_the_status_alone_is_told(void **state)
{
    (void)state;
    setenv("NOTIFY_SOCKET", path, 1);
    setenv("WATCHDOG_USEC", "600000", 1);
    setenv("WATCHDOG_PID", "1", 1); /* it is somebody else's */
    struct notify n;
    assert_int_equal(notify_open(&n), HX_OK);
    notify_send(&n, NOTIFY_READY, "a", 1000);
    assert_string_equal(heard(0), "READY=1\nSTATUS=a");
    assert_int_equal(notify_next_ms(&n), 1000 + NOTIFY_STATUS_MS);
    notify_send(&n, NOTIFY_ALIVE, "b", 2000);
    assert_string_equal(heard(0), "STATUS=b");
    notify_close(&n);
}

static void a_supervisor_that_does_not_read_blocks_nobody(void **state)
{
    (void)state;
    setenv("NOTIFY_SOCKET", path, 1);
    struct notify n;
    assert_int_equal(notify_open(&n), HX_OK);
    for (int i = 0; i < 10000; i++) /* the queue holds some hundred */
        notify_send(&n, NOTIFY_ALIVE, "x", i);
    assert_int_equal(notify_next_ms(&n), 9999 + NOTIFY_STATUS_MS);
    notify_close(&n);
}

static void an_abstract_socket_is_taken_and_a_bad_name_is_not(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char name[64], byte[64];
    int len = snprintf(name, sizeof name, "@hx-notify-%d", (int)getpid());
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    (void)state;
    memcpy(address.sun_path + 1, name + 1, (size_t)len - 1);
    assert_int_equal(bind(fd, (struct sockaddr *)&address,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len)),
                     0);
    setenv("NOTIFY_SOCKET", name, 1);
    struct notify n;
    assert_int_equal(notify_open(&n), HX_OK);
    notify_send(&n, NOTIFY_READY, "x", 0);
    assert_int_equal(recv(fd, byte, sizeof byte, MSG_DONTWAIT), strlen("READY=1\nSTATUS=x"));
    notify_close(&n);
    close(fd);
    setenv("NOTIFY_SOCKET", "relative", 1);
    assert_int_equal(notify_open(&n), HX_EINVAL);
    notify_send(&n, NOTIFY_READY, "x", 0); /* fine: it says nothing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_nameserver_tells_systemd_that_it_is_ready_alive_and_stopping,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_stop_that_takes_long_asks_for_patience_again_and_again, begin, end),
        cmocka_unit_test_setup_teardown(a_reload_is_told_with_its_time_and_then_its_end, begin, end),
        cmocka_unit_test_setup_teardown(a_hung_nameserver_falls_silent, begin, end),
        cmocka_unit_test_setup_teardown(without_a_supervisor_nothing_is_said, begin, end),
        cmocka_unit_test_setup_teardown(without_a_watchdog_the_status_alone_is_told, begin, end),
        cmocka_unit_test_setup_teardown(a_supervisor_that_does_not_read_blocks_nobody, begin, end),
        cmocka_unit_test_setup_teardown(an_abstract_socket_is_taken_and_a_bad_name_is_not, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
