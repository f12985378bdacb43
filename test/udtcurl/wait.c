#include "test/udtcurl/wait.h"
#include "base/clock.h"
#include "base/process.h"
#include "shim/udt/udt.h"
#include "test/udtcurl/codes.h"
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t caught;
static sigset_t while_waiting; /* the mask that lets signals in */

static void on_signal(int number)
{
    caught = number;
}

void wait_init(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal};
    sigset_t ours;
    sigemptyset(&ours);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        if (process_ignores(numbers[i])) /* nohup, or a shell's background job: stays ignored */
            continue;
        sigaction(numbers[i], &action, NULL);
        sigaddset(&ours, numbers[i]);
    }
    sigprocmask(SIG_BLOCK, &ours, &while_waiting);
}

int wait_signal(void)
{
    return caught;
}

void wait_die(void)
{
    int number = caught;
    sigset_t set;
    signal(number, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, number);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    kill(getpid(), number);
    _exit(UC_SIGNAL + number);
}

int wait_fds(struct pollfd *fds, nfds_t n, int64_t until_ms)
{
    int64_t left = until_ms < 0 ? -1 : until_ms - clock_now_ms();
    struct timespec timeout;
    int ready;
    if (left < 0 && until_ms >= 0)
        left = 0;
    timeout.tv_sec = left / 1000;
    timeout.tv_nsec = left % 1000 * 1000000;
    ready = ppoll(fds, n, left < 0 ? NULL : &timeout, &while_waiting);
    if (caught)
        return UC_SIGNAL + caught;
    if (ready == 0 || (ready < 0 && errno == EINTR))
        return ready == 0 ? UC_TIMEOUT : UC_OK;
    return UC_OK;
}
