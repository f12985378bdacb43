#include "client/run/terminal.h"
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static struct termios before, raw;
static int terminal = -1;
static atomic_bool is_raw; /* read by signal handlers */

static const int ending[] = {SIGINT, SIGTERM, SIGHUP,  SIGQUIT, SIGABRT, SIGSEGV, SIGBUS,
                             SIGFPE, SIGILL,  SIGALRM, SIGUSR1, SIGUSR2, SIGXCPU};

bool terminal_is_ours(int fd)
{
    return isatty(fd) && tcgetpgrp(fd) == getpgrp();
}

void terminal_restore(void)
{
    if (atomic_exchange(&is_raw, false))
        (void)tcsetattr(terminal, TCSANOW, &before);
}

/* SA_RESETHAND has put back the default, which ends the process when the handler returns. */
static void on_ending(int number)
{
    int saved = errno;
    terminal_restore();
    (void)raise(number);
    errno = saved;
}

/* The shell that gets the terminal now finds it as it was; when this process goes on, it is raw again. */
static void on_stop(int number)
{
    int saved = errno;
    bool was_raw = atomic_load(&is_raw);
    (void)number;
    terminal_restore();
    (void)raise(SIGSTOP);
    if (was_raw && tcgetpgrp(terminal) == getpgrp() && tcsetattr(terminal, TCSANOW, &raw) == 0)
        atomic_store(&is_raw, true);
    errno = saved;
}

static void handle(int number, void (*handler)(int), int flags)
{
    struct sigaction old;
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
    sigemptyset(&action.sa_mask);
    if (sigaction(number, NULL, &old) == 0 && !(old.sa_flags & SA_SIGINFO) && old.sa_handler == SIG_DFL)
        (void)sigaction(number, &action, NULL);
}

int terminal_raw(int fd)
{
    if (tcgetattr(fd, &before) < 0)
        return HX_ESYS;
    if (terminal < 0)
        atexit(terminal_restore);
    terminal = fd;
    raw = before;
    cfmakeraw(&raw);
    for (size_t i = 0; i < sizeof ending / sizeof *ending; i++)
        handle(ending[i], on_ending, (int)SA_RESETHAND);
    handle(SIGTSTP, on_stop, SA_RESTART);
    atomic_store(&is_raw, true); /* before it is: a signal between the two restores what has not changed */
    if (tcsetattr(fd, TCSADRAIN, &raw) < 0) {
        atomic_store(&is_raw, false);
        return HX_ESYS;
    }
    return HX_OK;
}

struct window terminal_window(int fd)
{
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) < 0)
        return (struct window){0, 0};
    return (struct window){.columns = size.ws_col, .rows = size.ws_row};
}
