#include "client/forward/say.h"
#include "client/mux/link_loop.h"
#include "client/run/child.h"
#include "client/tool/meet.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Bytes on their way in one direction: read when empty, then written out. */
struct side {
    char data[MEET_READ_MAX];
    size_t start, len;
};

struct member_command {
    struct member *member;
    struct child child;
    ev_io exited, in_io, out_io;
    struct side up, down; /* to the member; from it */
    bool out_open;        /* more may come of the command */
    int status;           /* as a shell says it; HX_EAGAIN: it runs */
};

bool member_command_reads(const struct member *p)
{
    return p->command && p->command->down.len == 0 && !p->ended;
}

bool member_command_writes(const struct member *p)
{
    return p->command && p->command->up.len > 0;
}

static void close_input(struct member_command *c)
{
    if (c->child.in < 0)
        return;
    ev_io_stop(c->member->meet->loop, &c->in_io);
    close(c->child.in);
    c->child.in = -1;
}

static void take(struct side *s, size_t len)
{
    s->start += len;
    s->len -= len;
}

/* What a command does not read is for nobody; what it says may still be worth having. */
static void write_input(struct member_command *c)
{
    struct side *d = &c->down;
    while (d->len > 0 && c->child.in >= 0) {
        ssize_t put = write(c->child.in, d->data + d->start, d->len);
        if (put >= 0)
            take(d, (size_t)put);
        else if (errno == EAGAIN || errno == EINTR)
            return;
        else
            close_input(c);
    }
    d->len = 0;
}

/* From the stream to the command, until one of them has enough. HX_OK, or what is wrong with the stream. */
static int pull(struct member_command *c)
{
    struct member *p = c->member;
    for (int i = 0; i < MEET_READS && !p->ended; i++) {
        write_input(c);
        if (c->down.len > 0)
            return HX_OK;
        ssize_t got = hx_read(p->stream, c->down.data, sizeof c->down.data, 0);
        if (got < 0)
            return got == HX_EAGAIN ? HX_OK : (int)got;
        c->down.start = 0;
        c->down.len = (size_t)got;
        p->ended = got == 0;
    }
    write_input(c);
    if (p->ended && c->down.len == 0)
        close_input(c);
    return HX_OK;
}

static void read_output(struct member_command *c)
{
    ssize_t got = read(c->child.out, c->up.data, sizeof c->up.data);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    c->up.start = 0;
    c->up.len = got > 0 ? (size_t)got : 0;
    c->out_open = got > 0;
}

/* And the other way. */
static int push(struct member_command *c)
{
    struct member *p = c->member;
    for (int i = 0; i < MEET_READS; i++) {
        if (c->up.len == 0 && c->out_open)
            read_output(c);
        if (c->up.len == 0)
            break;
        ssize_t put = hx_write(p->stream, c->up.data + c->up.start, c->up.len, 0);
        if (put < 0)
            return put == HX_EAGAIN ? HX_OK : (int)put;
        take(&c->up, (size_t)put);
    }
    if (c->out_open || c->up.len > 0 || p->shut)
        return HX_OK;
    p->shut = true;
    return hx_shutdown(p->stream);
}

void member_command_settle(struct member *p)
{
    struct member_command *c = p->command;
    bool had_ended = p->ended;
    int err = pull(c);
    if (err == HX_OK)
        err = push(c);
    if (err < 0) {
        member_lose(p, err);
        return;
    }
    if (p->ended && !had_ended)
        meet_tell_ended(p->meet, p->name);
    if (p->ended && p->shut && c->status >= 0) {
        member_finish(p);
        return;
    }
    link_loop_watch(p->meet->loop, &c->in_io, c->down.len > 0 && c->child.in >= 0);
    link_loop_watch(p->meet->loop, &c->out_io, c->out_open && c->up.len == 0);
    member_watch(p);
}

static void on_descriptor(struct ev_loop *loop, ev_io *w, int revents)
{
    struct member_command *c = w->data;
    (void)loop;
    (void)revents;
    member_command_settle(c->member);
}

static void on_exited(struct ev_loop *loop, ev_io *w, int revents)
{
    struct member_command *c = w->data;
    struct member *p = c->member;
    (void)revents;
    c->status = child_status(&c->child);
    if (c->status < 0)
        return;
    ev_io_stop(loop, w);
    p->meet->failed = p->meet->failed || c->status != 0;
    meet_tell_command(p->meet, p->name, c->status);
    member_command_settle(p);
}

int member_command_start(struct member *p, const char *command)
{
    const struct child_config config = {
        .command = command, .label = hx_peer_label(p->stream), .name = p->name, .own_errors = true};
    struct member_command *c = calloc(1, sizeof *c);
    if (!c)
        return HX_ENOMEM;
    int err = child_start(&c->child, &config);
    if (err < 0) {
        free(c);
        return err;
    }
    c->member = p;
    c->out_open = true;
    c->status = HX_EAGAIN;
    ev_io_init(&c->exited, on_exited, c->child.pid_fd, EV_READ);
    ev_io_init(&c->in_io, on_descriptor, c->child.in, EV_WRITE);
    ev_io_init(&c->out_io, on_descriptor, c->child.out, EV_READ);
    c->exited.data = c->in_io.data = c->out_io.data = c;
    ev_io_start(p->meet->loop, &c->exited);
    p->command = c;
    return HX_OK;
}

void member_command_end(struct member *p)
{
    struct member_command *c = p->command;
    if (!c)
        return;
    ev_io_stop(p->meet->loop, &c->exited);
    ev_io_stop(p->meet->loop, &c->in_io);
    ev_io_stop(p->meet->loop, &c->out_io);
    if (c->status >= 0)
        child_reap(&c->child);
    else
        meet_hang_up(p->meet, &c->child);
    free(c);
    p->command = NULL;
}
