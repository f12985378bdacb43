/* The Unix socket of a forward, and whose the file is that may be there already. */
#include "base/descriptors.h"
#include "client/forward/listen.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define MODE 0600 /* who may use it; no other program's sockets have this unless it is told to */

static void address_of(struct sockaddr_un *sa, const char *path)
{
    *sa = (struct sockaddr_un){.sun_family = AF_UNIX};
    snprintf(sa->sun_path, sizeof sa->sun_path, "%s", path);
}

static bool nobody_listens(const char *path)
{
    struct sockaddr_un sa;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    address_of(&sa, path);
    bool refused =
        fd >= 0 && connect(fd, (const struct sockaddr *)&sa, sizeof sa) != 0 && errno == ECONNREFUSED;
    if (fd >= 0)
        close(fd);
    return refused;
}

/* NULL: what is there was left behind by an hx of this user. Else what it is. */
static const char *why_not_ours(const char *path)
{
    struct stat st;
    if (lstat(path, &st) != 0)
        return strerror(errno);
    if (!S_ISSOCK(st.st_mode))
        return "there is something that is no socket: choose another path";
    if (!nobody_listens(path))
        return "somebody listens there: choose another path, or stop who uses it";
    if (st.st_uid != geteuid() || (st.st_mode & ALLPERMS) != MODE)
        return "there is a socket that another user or program has left: remove it if nobody needs it";
    return NULL;
}

/* The file has its mode before it has a name: Linux gives it that of the socket. */
static int bind_at(const char *path)
{
    struct sockaddr_un sa;
    int fd = descriptors_spare(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (fd < 0)
        return -1;
    address_of(&sa, path);
    if (fchmod(fd, MODE) == 0 && bind(fd, (const struct sockaddr *)&sa, sizeof sa) == 0)
        return fd;
    int cause = errno;
    close(fd);
    errno = cause;
    return -1;
}

int listen_open_unix(struct listen_socket *out, const char *path, char error[FORWARD_ERROR_MAX])
{
    struct stat st;
    const char *why = NULL;
    int fd = bind_at(path);
    if (fd < 0 && errno == EADDRINUSE) {
        why = why_not_ours(path);
        if (!why && unlink(path) == 0)
            fd = bind_at(path);
    }
    if (fd < 0 || listen(fd, LISTEN_BACKLOG) != 0 || lstat(path, &st) != 0) {
        snprintf(error, FORWARD_ERROR_MAX, "cannot listen on %s: %.100s", path, why ? why : strerror(errno));
        if (fd >= 0)
            close(fd);
        return HX_EADDR;
    }
    *out = (struct listen_socket){.fd = fd, .device = st.st_dev, .inode = st.st_ino};
    snprintf(out->path, sizeof out->path, "%s", path);
    return 1;
}

void listen_close(struct listen_socket *s)
{
    struct stat st;
    if (*s->path && lstat(s->path, &st) == 0 && st.st_dev == s->device && st.st_ino == s->inode)
        (void)unlink(s->path);
    close(s->fd);
}

void listen_format(const struct listen_socket *s, char text[LISTEN_TEXT_MAX])
{
    if (*s->path)
        snprintf(text, LISTEN_TEXT_MAX, "%s", s->path);
    else
        endpoint_format(&s->endpoint, text);
}
