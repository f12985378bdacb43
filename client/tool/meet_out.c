#include "client/forward/say.h"
#include "client/mux/link_loop.h"
#include "client/tool/meet.h"
#include "client/tool/program.h"
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OUT_MAX 65536 /* bytes that wait; then members do */

static bool can_write(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    return poll(&out, 1, 0) > 0;
}

static void fail(struct meet *m)
{
    if (errno != EPIPE)
        say_error("cannot write standard output: %s", strerror(errno));
    buf_consume(&m->out.bytes, m->out.bytes.len);
    meet_stop(m, STATUS_FAILED);
}

/* A pipe that polls writable takes PIPE_BUF bytes without blocking (pipe(7)). */
static void write_out(struct meet *m)
{
    struct buf *b = &m->out.bytes;
    while (b->len > 0 && (m->out.is_file || can_write())) {
        size_t len = m->out.is_file || b->len < PIPE_BUF ? b->len : PIPE_BUF;
        ssize_t put = write(STDOUT_FILENO, buf_data(b), len);
        if (put < 0 && errno != EINTR && errno != EAGAIN) {
            fail(m);
            return;
        }
        if (put > 0)
            buf_consume(b, (size_t)put);
    }
}

/* It is flushed before the loop sleeps again. */
static void on_writable(struct ev_loop *loop, ev_io *w, int revents)
{
    (void)loop;
    (void)w;
    (void)revents;
}

void meet_out_init(struct meet *m)
{
    struct stat st;
    m->out.is_file = fstat(STDOUT_FILENO, &st) == 0 && S_ISREG(st.st_mode);
    m->out.form = m->args->json ? MEMBER_JSON : isatty(STDOUT_FILENO) ? MEMBER_TERMINAL : MEMBER_EXACT;
    ev_io_init(&m->out.writable, on_writable, STDOUT_FILENO, EV_WRITE);
}

bool meet_out_full(const struct meet *m)
{
    return m->out.bytes.len >= OUT_MAX;
}

void meet_out_flush(struct meet *m)
{
    write_out(m);
    link_loop_watch(m->loop, &m->out.writable, m->out.bytes.len > 0);
}
