#include "client/run/child.h"
#include "base/thread.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#define VARIABLES    3   /* that a child has of us */
#define VARIABLE_MAX 288 /* bytes of each with its NUL: a name, and the variable's own */
#define STACK_BYTES  (256 * 1024)

enum end { READ, WRITE };

/* What the child gets, and what it is started with. */
struct start {
    int theirs[3]; /* -1: not open; with a terminal only the first one, */
    char tty[64];  /* and its name; else "" */
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
};

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static void close_ours(struct child *c)
{
    if (c->out == c->in)
        c->out = -1;
    close_fd(&c->in);
    close_fd(&c->out);
    close_fd(&c->errors);
    close_fd(&c->pid_fd);
}

/* The user's end of the terminal is kept open until the child has it: a hung-up one would be read as
 * ended. */
static int open_terminal(struct child *c, struct start *s, const struct window *w)
{
    struct termios modes;
    c->in = c->out = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    if (c->in < 0 || grantpt(c->in) < 0 || unlockpt(c->in) < 0)
        return HX_ESYS;
    errno = ptsname_r(c->in, s->tty, sizeof s->tty);
    if (errno != 0)
        return HX_ESYS;
    s->theirs[0] = open(s->tty, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (s->theirs[0] < 0)
        return HX_ESYS;
    if (tcgetattr(s->theirs[0], &modes) == 0) {
        modes.c_iflag |= IUTF8;
        (void)tcsetattr(s->theirs[0], TCSANOW, &modes);
    }
    child_resize(c, w);
    return HX_OK;
}

static int open_pipe(int *ours, int *theirs, enum end our_end)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return HX_ESYS;
    *ours = fds[our_end];
    *theirs = fds[!our_end];
    return fcntl(*ours, F_SETFL, O_NONBLOCK) < 0 ? HX_ESYS : HX_OK;
}

static int open_pipes(struct child *c, struct start *s, const struct child_config *config)
{
    int err = open_pipe(&c->in, &s->theirs[0], WRITE);
    if (err == HX_OK)
        err = open_pipe(&c->out, &s->theirs[1], READ);
    if (err == HX_OK && !config->own_errors)
        err = open_pipe(&c->errors, &s->theirs[2], READ);
    return err;
}

static bool is_set(const char *variable, const char *with)
{
    return with[0] && strncmp(variable, with, strcspn(with, "=") + 1) == 0;
}

/* This process's, with some variables set; the array is freed by the caller, its strings are not its own. */
static char **environment(const struct child_config *config, char texts[VARIABLES][VARIABLE_MAX])
{
    const char *const set[VARIABLES][2] = {
        {"HX_PEER_LABEL", config->label}, {"HX_PEER_NAME", config->name}, {"TERM", config->term}};
    size_t count = 0;
    size_t used = 0;
    while (environ[count])
        count++;
    char **out = calloc(count + VARIABLES + 1, sizeof *out);
    if (!out)
        return NULL;
    for (int v = 0; v < VARIABLES; v++) {
        texts[v][0] = '\0';
        if (!set[v][1])
            continue;
        snprintf(texts[v], VARIABLE_MAX, "%s=%s", set[v][0], set[v][1]);
        out[used++] = texts[v];
    }
    for (size_t i = 0; i < count; i++) {
        bool replaced = false;
        for (int v = 0; v < VARIABLES; v++)
            replaced = replaced || is_set(environ[i], texts[v]);
        if (!replaced)
            out[used++] = environ[i];
    }
    return out;
}

/* Opened by who leads a session and has no terminal, a terminal becomes that session's. */
static int prepare(struct start *s)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int rc = posix_spawnattr_setflags(&s->attributes,
                                      POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (rc == 0)
        rc = posix_spawnattr_setsigmask(&s->attributes, &none);
    if (rc == 0)
        rc = posix_spawnattr_setsigdefault(&s->attributes, &all);
    if (rc == 0 && s->tty[0])
        rc = posix_spawn_file_actions_addopen(&s->actions, STDIN_FILENO, s->tty, O_RDWR, 0);
    for (int fd = 0; fd < 3 && rc == 0; fd++) {
        if (!s->tty[0] && s->theirs[fd] >= 0)
            rc = posix_spawn_file_actions_adddup2(&s->actions, s->theirs[fd], fd);
        else if (s->tty[0] && fd != STDIN_FILENO)
            rc = posix_spawn_file_actions_adddup2(&s->actions, STDIN_FILENO, fd);
    }
    if (rc == 0) /* that of a library that does not know O_CLOEXEC, too */
        rc = posix_spawn_file_actions_addclosefrom_np(&s->actions, STDERR_FILENO + 1);
    return rc;
}

/* 0 or errno. Not fork(2): this process has threads, and maybe much memory. */
static int spawn(struct child *c, struct start *s, const struct child_config *config)
{
    char sh[] = "sh";
    char option[] = "-c";
    char texts[VARIABLES][VARIABLE_MAX];
    char **variables = environment(config, texts);
    char *command = strdup(config->command);
    char *arguments[] = {sh, option, command, NULL};
    int rc = variables && command ? prepare(s) : ENOMEM;
    if (rc == 0)
        rc = posix_spawn(&c->pid, "/bin/sh", &s->actions, &s->attributes, arguments, variables);
    free(command);
    free(variables);
    return rc;
}

static int begin(struct child *c, struct start *s, const struct child_config *config)
{
    errno = posix_spawn_file_actions_init(&s->actions);
    if (errno != 0)
        return HX_ESYS;
    int rc = posix_spawnattr_init(&s->attributes);
    if (rc == 0) {
        rc = spawn(c, s, config);
        posix_spawnattr_destroy(&s->attributes);
    }
    posix_spawn_file_actions_destroy(&s->actions);
    errno = rc;
    return rc == 0 ? HX_OK : HX_ESYS;
}

int child_start(struct child *out, const struct child_config *config)
{
    struct start s = {.theirs = {-1, -1, -1}};
    *out = (struct child){.pid = -1, .pid_fd = -1, .in = -1, .out = -1, .errors = -1};
    int err = config->terminal ? open_terminal(out, &s, &config->window) : open_pipes(out, &s, config);
    if (err == HX_OK)
        err = begin(out, &s, config);
    if (err == HX_OK) {
        out->pid_fd = pidfd_open(out->pid, 0);
        err = out->pid_fd < 0 ? HX_ESYS : HX_OK;
    }
    int why = errno;
    for (int i = 0; i < 3; i++)
        close_fd(&s.theirs[i]);
    if (err < 0 && out->pid > 0) {
        (void)kill(-out->pid, SIGKILL);
        (void)waitpid(out->pid, NULL, 0);
    }
    if (err < 0)
        close_ours(out);
    errno = why;
    return err;
}

void child_resize(const struct child *c, const struct window *w)
{
    struct winsize size = {.ws_col = w->columns, .ws_row = w->rows};
    (void)ioctl(c->in, TIOCSWINSZ, &size); /* which sends SIGWINCH */
}

int child_status(const struct child *c)
{
    siginfo_t info = {.si_pid = 0};
    if (waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0)
        return HX_EAGAIN;
    return info.si_code == CLD_EXITED ? info.si_status & 255 : 128 + info.si_status;
}

void child_reap(struct child *c)
{
    (void)waitpid(c->pid, NULL, 0);
    close_ours(c);
}

struct hang_up {
    int pid, pid_fd;
    void (*gone)(void *user);
    void *user;
};

static void *hang_up_run(void *arg)
{
    struct hang_up *h = arg;
    struct pollfd ended = {.fd = h->pid_fd, .events = POLLIN};
    if (poll(&ended, 1, CHILD_END_S * 1000) <= 0) /* what it has left behind with nohup(1) may stay */
        (void)kill(-h->pid, SIGKILL);
    (void)waitpid(h->pid, NULL, 0);
    close(h->pid_fd);
    h->gone(h->user);
    free(h);
    return NULL;
}

void child_hang_up(struct child *c, void (*gone)(void *user), void *user)
{
    struct hang_up *h = malloc(sizeof *h);
    (void)kill(-c->pid, SIGHUP);
    (void)kill(-c->pid, SIGCONT); /* what is stopped cannot end */
    if (h) {
        *h = (struct hang_up){.pid = c->pid, .pid_fd = c->pid_fd, .gone = gone, .user = user};
        c->pid_fd = -1;
    }
    close_ours(c);
    if (h && thread_detached(STACK_BYTES, hang_up_run, h) == HX_OK)
        return;
    if (h)
        close(h->pid_fd);
    free(h);
    (void)kill(-c->pid, SIGKILL);
    (void)waitpid(c->pid, NULL, 0);
    gone(user);
}
