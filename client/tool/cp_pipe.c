#include "client/tool/cp_pipe.h"
#include "base/thread.h"
#include "client/forward/say.h"
#include "client/tool/program.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define STACK_BYTES (64 * 1024)

/* open(2) of a FIFO returns once somebody has its other end, and no signal is taken by the thread that waits
 * in it: so that is not the one that has to end. */
static struct {
    const char *path;
    int flags;
    int fd, error; /* of open(2) */
    int over;      /* an eventfd: it has returned */
} opening;

static void *open_run(void *unused)
{
    uint64_t one = 1;
    (void)unused;
    opening.fd = open(opening.path, opening.flags | O_CLOEXEC | O_NOCTTY);
    opening.error = errno;
    (void)!write(opening.over, &one, sizeof one);
    return NULL;
}

/* False: a signal has come first. */
static bool await_open(void)
{
    struct pollfd fds[] = {{opening.over, POLLIN, 0}, {interrupt_fd(), POLLIN, 0}};
    while (poll(fds, 2, -1) < 0 && errno == EINTR)
        continue;
    return (fds[0].revents & POLLIN) != 0 && !interrupted();
}

static bool fail(const char *path, int error)
{
    say_error("%s: %s", path, strerror(error));
    return false;
}

bool cp_pipe_open(const struct args *args)
{
    bool input = args->stream == 'i';
    if (!args->pipe)
        return true;
    opening.path = args->pipe;
    opening.flags = input ? O_RDONLY : O_WRONLY;
    opening.over = eventfd(0, EFD_CLOEXEC);
    if (opening.over < 0 || thread_detached(STACK_BYTES, open_run, NULL) < 0)
        return fail(args->pipe, errno);
    if (!await_open())
        return false;
    if (opening.fd < 0)
        return fail(args->pipe, opening.error);
    bool taken = dup2(opening.fd, input ? STDIN_FILENO : STDOUT_FILENO) >= 0;
    int error = errno;
    close(opening.fd);
    return taken || fail(args->pipe, error);
}
