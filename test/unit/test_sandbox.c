/* The sandbox from inside: each test is a child that enters it and tries something. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "server/privileges.h"
#include "server/sandbox.h"
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static pthread_barrier_t entered;

/* The wait status of a child that is in the sandbox and does `what`; its exit status is what that returns. */
static int in_sandbox(int (*what)(void))
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        if (privileges_renounce() < 0 || sandbox_enter() < 0)
            _exit(100);
        _exit(what());
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void assert_exits_0(int (*what)(void))
{
    int status = in_sandbox(what);

    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int denied(long result)
{
    return result < 0 && errno == EPERM ? 0 : 1;
}

static int new_descriptors(void)
{
    return denied(open("/etc/passwd", O_RDONLY | O_CLOEXEC)) + denied(socket(AF_INET, SOCK_DGRAM, 0)) +
           denied(open("/tmp/hx-sandbox", O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) + denied(dup(0));
}

static int new_processes(void)
{
    return denied(fork()) + denied(kill(getppid(), 0)) + denied(setuid(0)) + denied(chdir("/"));
}

static int executable_memory(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (page == MAP_FAILED || denied(mprotect(page, 4096, PROT_READ | PROT_EXEC)) != 0)
        return 1;
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? 0 : 2;
}

/* What the program does all day. */
static int memory_and_clocks(void)
{
    struct timespec moment = {.tv_nsec = 1000}, now;
    char *volatile big;
    struct tm utc;

    for (size_t size = 1000; size < 100000000; size *= 10) {
        big = malloc(size);
        if (!big)
            return 1;
        memset(big, 1, size < 100000 ? size : 100000);
        free(big);
    }
    return clock_gettime(CLOCK_REALTIME, &now) < 0 || nanosleep(&moment, NULL) < 0 ||
           !gmtime_r(&now.tv_sec, &utc);
}

static int connection; /* of TCP, opened before */

static int set(int level, int option)
{
    int value[2] = {0, 0};

    return setsockopt(connection, level, option, value, option == SO_LINGER ? sizeof value : sizeof *value);
}

static int few_options(void)
{
    return set(SOL_SOCKET, SO_LINGER) < 0 || set(IPPROTO_TCP, TCP_NODELAY) < 0 ||
           set(IPPROTO_TCP, TCP_CORK) < 0 || denied(set(SOL_SOCKET, SO_KEEPALIVE)) ||
           denied(set(IPPROTO_TCP, TCP_QUICKACK)) || denied(set(SOL_SOCKET, TCP_CORK)) ||
           denied(set(IPPROTO_IP, IP_TTL));
}

static int execute(void)
{
    char *const argv[] = {(char *)"true", NULL};

    return execv("/bin/true", argv);
}

static int aborts(void)
{
    abort();
}

static void *try_socket(void *arg)
{
    (void)arg;
    pthread_barrier_wait(&entered);
    return (void *)(intptr_t)denied(socket(AF_INET, SOCK_DGRAM, 0));
}

static void nothing_new_can_be_opened(void **state)
{
    (void)state;
    assert_exits_0(new_descriptors);
}

static void no_process_can_be_made_or_reached(void **state)
{
    (void)state;
    assert_exits_0(new_processes);
}

static void few_options_of_sockets_can_be_set(void **state)
{
    (void)state;
    connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(connection >= 0);
    assert_exits_0(few_options);
    close(connection);
}

static void no_memory_becomes_executable(void **state)
{
    (void)state;
    assert_exits_0(executable_memory);
}

static void memory_and_clocks_are_as_ever(void **state)
{
    (void)state;
    assert_exits_0(memory_and_clocks);
}

static void executing_a_program_ends_the_process(void **state)
{
    int status = in_sandbox(execute);

    (void)state;
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGSYS);
}

static void a_failed_assertion_ends_as_ever(void **state)
{
    int status = in_sandbox(aborts);

    (void)state;
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void threads_that_run_already_are_under_it(void **state)
{
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        pthread_t thread;
        void *result = NULL;

        pthread_barrier_init(&entered, NULL, 2);
        if (pthread_create(&thread, NULL, try_socket, NULL) != 0 || privileges_renounce() < 0 ||
            sandbox_enter() < 0)
            _exit(100);
        pthread_barrier_wait(&entered);
        pthread_join(thread, &result);
        _exit((int)(intptr_t)result);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void a_build_with_a_sanitizer_has_none(void **state)
{
    (void)state;
    assert_int_equal(sandbox_enter(), HX_ESYS);
    assert_int_equal(errno, ENOSYS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_new_can_be_opened),
        cmocka_unit_test(no_process_can_be_made_or_reached),
        cmocka_unit_test(few_options_of_sockets_can_be_set),
        cmocka_unit_test(no_memory_becomes_executable),
        cmocka_unit_test(memory_and_clocks_are_as_ever),
        cmocka_unit_test(executing_a_program_ends_the_process),
        cmocka_unit_test(a_failed_assertion_ends_as_ever),
        cmocka_unit_test(threads_that_run_already_are_under_it),
    };
    const struct CMUnitTest without[] = {cmocka_unit_test(a_build_with_a_sanitizer_has_none)};

    return sandbox_built() ? cmocka_run_group_tests(tests, NULL, NULL)
                           : cmocka_run_group_tests(without, NULL, NULL);
}
