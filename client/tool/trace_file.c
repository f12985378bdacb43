#include "client/tool/trace_file.h"
#include "base/buf.h"
#include "base/clock.h"
#include "client/forward/say.h"
#include "proto/transcript.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *path; /* NULL: there is none, or it cannot be written any more */
static int fd = -1;
static bool with_secrets;

static bool put(const char *text, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            say_error("cannot write '%s': %s", path, strerror(errno));
            return false;
        }
        text += n;
        len -= (size_t)n;
    }
    return true;
}

/* A file that was there before may be one that others can read; a pipe's rights say nothing of that. */
static bool is_private(void)
{
    struct stat st;
    return fstat(fd, &st) == 0 && (!S_ISREG(st.st_mode) || fchmod(fd, S_IRUSR | S_IWUSR) == 0);
}

bool trace_file_open(const struct args *args)
{
    if (!args->trace)
        return true;
    path = args->trace;
    with_secrets = args->trace_secrets;
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, S_IRUSR | S_IWUSR);
    if (fd < 0 || !is_private()) {
        say_error("cannot write '%s': %s", path, strerror(errno));
        return false;
    }
    return true;
}

/* When the times of what is told began: a title stands in the first line. */
static bool write_begin(const char *text)
{
    static struct transcript_line line;
    const char *second = strchr(text, '\n');
    struct buf first;
    buf_init(&first, 0);
    if (!second || transcript_read(&line, second + 1, strcspn(second + 1, "\n")) < 0)
        line.at_us = 0;
    bool good = transcript_write_begin(&first, clock_wall_ms() - line.at_us / 1000) == HX_OK &&
                put(buf_data(&first), first.len);
    buf_free(&first);
    return good;
}

/* One call at a time. */
static void on_trace(void *user, const char *text, const char *secrets)
{
    static bool begun;
    (void)user;
    const char *told = with_secrets ? secrets : text;
    if (path && ((!begun && !write_begin(text)) || !put(told, strlen(told))))
        path = NULL;
    begun = true;
}

void (*trace_file_told(void))(void *user, const char *text, const char *secrets)
{
    return path ? on_trace : NULL;
}
