#include "client/forward/say.h"
#include "client/mux/link_loop.h"
#include "client/tool/meet.h"
#include "client/tool/program.h"
#include "proto/host_id.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define PARTIAL_S 1. /* after which a line's beginning is shown on a terminal */

static size_t unsent(const struct member *p)
{
    size_t len = 0;
    if (p->piped && !p->shut)
        (void)backlog_next(&p->meet->backlog, &p->reader, &len);
    return len;
}

void member_watch(struct member *p)
{
    bool full = meet_out_full(p->meet);
    bool takes = p->meet->args->exec ? member_command_reads(p) : !full;
    bool writes = p->meet->args->exec ? member_command_writes(p) : unsent(p) > 0;
    /* After its end the stream's descriptor speaks once more: when the connection is gone. */
    link_loop_watch(p->meet->loop, &p->readable, p->ended ? !p->shut : takes);
    link_loop_watch(p->meet->loop, &p->writable, writes);
    p->meet->out.held = p->meet->out.held || full;
}

/* Whatever becomes of its stream. */
static void release(struct member *p)
{
    struct meet *m = p->meet;
    ev_io_stop(m->loop, &p->readable);
    ev_io_stop(m->loop, &p->writable);
    ev_timer_stop(m->loop, &p->partial);
    member_lines_flush(&p->lines);
    buf_free(&p->lines.part);
    if (p->piped)
        backlog_leave(&m->backlog, &p->reader);
    member_command_end(p);
    DL_DELETE(m->members, p);
    roster_disconnected(&m->roster, p->name);
    free(p);
}

void member_abandon(struct member *p)
{
    struct hx_stream *s = p->stream;
    release(p);
    hx_abort(s);
    (void)hx_close(s);
}

static void fail(struct member *p, const char *reason)
{
    struct meet *m = p->meet;
    char name[HX_NAME_MAX + 1];
    snprintf(name, sizeof name, "%s", p->name);
    m->failed = m->failed || m->begun || p->heard;
    member_abandon(p);
    if (!interrupted())
        meet_tell_gone(m, name, reason);
}

void member_lose(struct member *p, int error)
{
    fail(p, error == HX_ECLOSED ? "it has left, or broken down, before its end" : hx_strerror(error));
}

void member_drop(struct member *p)
{
    fail(p, "it has taken too little of what was said for too long, and others had to wait");
}

void member_finish(struct member *p)
{
    struct meet *m = p->meet;
    struct hx_stream *s = p->stream;
    char name[HX_NAME_MAX + 1];
    snprintf(name, sizeof name, "%s", p->name);
    release(p);
    meet_close(m, s, name);
}

static void on_line(void *user, const char *text, size_t len)
{
    struct member *p = user;
    (void)member_line_write(&p->meet->out.bytes, p->meet->out.form, p->name, text, len);
}

static void on_partial(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct member *p = w->data;
    (void)loop;
    (void)revents;
    member_lines_flush(&p->lines);
}

static void take_lines(struct member *p, const char *data, size_t len)
{
    struct meet *m = p->meet;
    (void)member_lines_feed(&p->lines, data, len); /* without memory it is lost, as all else is soon */
    ev_timer_stop(m->loop, &p->partial);
    if (p->lines.part.len > 0 && m->out.form == MEMBER_TERMINAL) {
        ev_timer_set(&p->partial, PARTIAL_S, 0.);
        ev_timer_start(m->loop, &p->partial);
    }
}

/* Returns HX_OK, or what is wrong with the stream. */
static int read_lines(struct member *p)
{
    char data[MEET_READ_MAX];
    for (int i = 0; i < MEET_READS && !p->ended && !meet_out_full(p->meet); i++) {
        ssize_t got = hx_read(p->stream, data, sizeof data, 0);
        if (got < 0)
            return got == HX_EAGAIN ? HX_OK : (int)got;
        if (got > 0)
            take_lines(p, data, (size_t)got);
        p->heard = p->heard || got > 0;
        p->ended = got == 0;
    }
    if (p->ended)
        member_lines_flush(&p->lines);
    return HX_OK;
}

static void on_readable(struct ev_loop *loop, ev_io *w, int revents)
{
    struct member *p = w->data;
    struct meet *m = p->meet;
    char byte;
    (void)loop;
    (void)revents;
    if (p->ended) { /* what it has confirmed of ours is hx_close()'s to judge */
        ssize_t got = hx_read(p->stream, &byte, 1, 0);
        if (got < 0 && got != HX_EAGAIN)
            member_lose(p, (int)got);
        return;
    }
    if (m->args->exec) {
        member_command_settle(p);
        return;
    }
    int err = read_lines(p);
    if (err < 0) {
        member_lose(p, err);
        return;
    }
    if (p->ended)
        meet_tell_ended(m, p->name);
    if (p->ended && p->shut)
        member_finish(p);
    else
        member_watch(p);
}

static void on_writable(struct ev_loop *loop, ev_io *w, int revents)
{
    struct member *p = w->data;
    (void)loop;
    (void)revents;
    if (p->meet->args->exec)
        member_command_settle(p);
    else
        member_write(p);
}

/* The end of standard input is its end, once it has all before. */
static int end_direction(struct member *p)
{
    if (!p->meet->input_ended || p->shut || unsent(p) > 0)
        return HX_OK;
    p->shut = true;
    return hx_shutdown(p->stream);
}

void member_write(struct member *p)
{
    struct meet *m = p->meet;
    ssize_t put = 0;
    size_t len;
    while ((len = unsent(p)) > 0) {
        const char *data = backlog_next(&m->backlog, &p->reader, &len);
        put = hx_write(p->stream, data, len, 0);
        if (put < 0)
            break;
        backlog_took(&m->backlog, &p->reader, (size_t)put);
    }
    int err = put < 0 && put != HX_EAGAIN ? (int)put : end_direction(p);
    if (err < 0) {
        member_lose(p, err);
        return;
    }
    if (p->ended && p->shut)
        member_finish(p);
    else
        member_watch(p);
}

void member_begin(struct member *p)
{
    struct meet *m = p->meet;
    if (!m->args->exec) {
        backlog_join(&m->backlog, &p->reader);
        p->piped = true;
        member_write(p);
        return;
    }
    if (member_command_start(p, m->args->exec) == HX_OK) {
        member_command_settle(p);
        return;
    }
    fail(p, strerror(errno));
}

void member_add(struct meet *m, struct hx_stream *s)
{
    const char *name = hx_peer_name(s);
    struct member *p = calloc(1, sizeof *p);
    int readable = hx_stream_fd(s);
    int writable = hx_stream_write_fd(s);
    if (!p || readable < 0 || writable < 0 || !host_id_valid(name, strlen(name))) {
        say_error("cannot serve '%s': out of resources, or that is no name", name);
        free(p);
        m->failed = true;
        (void)hx_close(s);
        return;
    }
    p->meet = m;
    p->stream = s;
    snprintf(p->name, sizeof p->name, "%s", name);
    p->lines = (struct member_lines){.line = on_line, .user = p};
    ev_io_init(&p->readable, on_readable, readable, EV_READ);
    ev_io_init(&p->writable, on_writable, writable, EV_READ);
    ev_timer_init(&p->partial, on_partial, PARTIAL_S, 0.);
    p->readable.data = p->writable.data = p->partial.data = p;
    DL_APPEND(m->members, p);
    roster_connected(&m->roster, p->name);
    meet_tell_connected(m, s);
    if (m->begun)
        member_begin(p);
    else
        member_watch(p);
}
