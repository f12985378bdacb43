#include "test/udtcurl/output.h"
#include "test/udtcurl/codes.h"
#include "test/udtcurl/wait.h"
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool is_file(const char *path)
{
    return path && strcmp(path, "-") != 0;
}

void output_open(struct output *o, const char *path)
{
    o->path = path;
    o->error = 0;
    o->fd = is_file(path) ? -1 : STDOUT_FILENO;
}

const char *output_name(const struct output *o)
{
    return is_file(o->path) ? o->path : "standard output";
}

static int failed(struct output *o)
{
    o->error = errno;
    return UC_WRITE;
}

int output_write(struct output *o, const void *data, size_t len, int64_t until_ms)
{
    const char *bytes = data;
    if (o->fd < 0) {
        o->fd = open(o->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
        if (o->fd < 0)
            return failed(o);
    }
    while (len > 0) {
        /* A pipe that polls as writable takes PIPE_BUF bytes without blocking, so deadlines and
         * signals hold. */
        struct pollfd poll = {.fd = o->fd, .events = POLLOUT};
        int err = wait_fds(&poll, 1, until_ms);
        if (err != UC_OK)
            return err;
        ssize_t n = write(o->fd, bytes, len < PIPE_BUF ? len : PIPE_BUF);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return failed(o);
        if (n > 0) {
            bytes += n;
            len -= (size_t)n;
        }
    }
    return UC_OK;
}

int output_fd(const struct output *o)
{
    return o->fd;
}

int output_close(struct output *o)
{
    int fd = o->fd;
    o->fd = -1;
    if (fd < 0 || fd == STDOUT_FILENO)
        return UC_OK;
    return close(fd) == 0 ? UC_OK : failed(o);
}

void output_note(const char *mark, const char *text, size_t len)
{
    const char *end = text + len;
    while (text < end) {
        const char *line_end = memchr(text, '\n', (size_t)(end - text));
        const char *next = line_end ? line_end + 1 : end;
        if (!line_end)
            line_end = end;
        if (line_end > text && line_end[-1] == '\r')
            line_end--;
        fputs(mark, stderr);
        for (; text < line_end; text++)
            fputc(iscntrl((unsigned char)*text) && *text != '\t' ? '?' : *text, stderr);
        fputc('\n', stderr);
        text = next;
    }
}
