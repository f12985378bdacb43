#include "client/forward/forward.h"
#include "base/descriptors.h"
#include "client/forward/forward_conn.h"
#include "client/forward/say.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ACCEPT_BURST 16  /* connections per turn of the loop */
#define AGAIN_S      0.1 /* while descriptors or the link's streams are short */

static void pause_accepting(struct forward *f)
{
    for (int i = 0; i < f->listener_count; i++)
        ev_io_stop(f->loop, &f->listeners[i].acceptable);
    f->paused = true;
}

static void resume_accepting(struct forward *f)
{
    for (int i = 0; i < f->listener_count; i++)
        ev_io_start(f->loop, &f->listeners[i].acceptable);
    f->paused = false;
}

void forward_try_again(struct forward *f)
{
    if (conn_may_ask(f))
        ev_timer_start(f->loop, &f->again);
}

void forward_has_room(struct forward *f)
{
    if (f->paused)
        resume_accepting(f);
}

static void on_again(struct ev_loop *loop, ev_timer *w, int events)
{
    struct forward *f = w->data;
    (void)events;
    if (f->paused && f->count < FORWARD_CONNECTIONS_MAX)
        resume_accepting(f);
    conn_ask_all(f);
    if (!f->paused && (f->waiting == 0 || !conn_may_ask(f)))
        ev_timer_stop(loop, w);
}

/* Where only the last descriptors are left, who connects waits in the kernel. */
static int accept_one(int listener)
{
    int spare = descriptors_spare(fcntl(listener, F_DUPFD_CLOEXEC, 0));
    if (spare < 0)
        return -1;
    close(spare);
    return accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static void on_acceptable(struct ev_loop *loop, ev_io *w, int events)
{
    struct forward *f = w->data;
    (void)events;
    for (int i = 0; i < ACCEPT_BURST && f->count < FORWARD_CONNECTIONS_MAX; i++) {
        int fd = accept_one(w->fd);
        if (fd >= 0) {
            conn_start(f, fd);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            pause_accepting(f);
            ev_timer_start(loop, &f->again);
            return;
        } else if (errno != ECONNABORTED) {
            return;
        }
    }
    if (f->count >= FORWARD_CONNECTIONS_MAX)
        pause_accepting(f);
}

/* Always, if only the kernel knew which port. */
static void say_where(const struct forward *f, const struct listen_socket *s)
{
    char here[LISTEN_TEXT_MAX], target[AUTHORITY_TEXT_MAX] = "any target (SOCKS5)";
    void (*tell)(const char *format, ...) = f->spec.port == 0 && !*f->spec.path ? say_always : say_note_each;
    listen_format(s, here);
    if (f->spec.kind == FORWARD_LOCAL)
        authority_format(&f->spec.target, target);
    tell("listening on %s for %s", here, target);
}

static int add_listeners(struct forward *f, char error[FORWARD_ERROR_MAX])
{
    struct listen_socket sockets[LISTEN_MAX];
    f->listeners = calloc(LISTEN_MAX, sizeof *f->listeners);
    if (!f->listeners) {
        snprintf(error, FORWARD_ERROR_MAX, "out of memory");
        return HX_ENOMEM;
    }
    int count = listen_open(sockets, &f->spec, error);
    for (int i = 0; i < count; i++) {
        f->listeners[i].socket = sockets[i];
        ev_io_init(&f->listeners[i].acceptable, on_acceptable, sockets[i].fd, EV_READ);
        f->listeners[i].acceptable.data = f;
    }
    f->listener_count = count > 0 ? count : 0;
    return count > 0 ? HX_OK : count;
}

int forward_listen(struct forward **out, struct ev_loop *loop, const struct forward_spec *spec,
                   char error[FORWARD_ERROR_MAX])
{
    struct forward *f = calloc(1, sizeof *f);
    if (!f) {
        snprintf(error, FORWARD_ERROR_MAX, "out of memory");
        return HX_ENOMEM;
    }
    f->loop = loop;
    f->spec = *spec;
    TAILQ_INIT(&f->conns);
    ev_timer_init(&f->again, on_again, AGAIN_S, AGAIN_S);
    f->again.data = f;
    int err = add_listeners(f, error);
    if (err != HX_OK) {
        forward_destroy(f);
        return err;
    }
    resume_accepting(f);
    *out = f;
    return HX_OK;
}

void forward_places(const struct forward *f, char text[FORWARD_PLACES_MAX])
{
    *text = '\0';
    for (int i = 0; i < f->listener_count; i++)
        listen_append(&f->listeners[i].socket, false, text);
}

int forward_create(struct forward **out, struct ev_loop *loop, enum forward_kind kind, const char *text,
                   char error[FORWARD_ERROR_MAX])
{
    struct forward_spec spec;
    int err = forward_spec_parse(&spec, kind, text, error);
    if (err == HX_OK)
        err = forward_listen(out, loop, &spec, error);
    for (int i = 0; err == HX_OK && i < (*out)->listener_count; i++)
        say_where(*out, &(*out)->listeners[i].socket);
    return err;
}

void forward_set_announce(struct forward *f, forward_announce *announce, void *user)
{
    f->announce = announce;
    f->announcer = user;
}

void forward_set_flows(struct forward *f, struct flows *flows)
{
    f->way = (struct flow_owner){.flows = flows, .link = &f->link};
}

void forward_announce_flows(struct forward *f, struct flows *flows, flow_announce *announce,
                            struct hx_stream *stream)
{
    f->way = (struct flow_owner){
        .flows = flows, .announce = announce, .announcer = f->announcer, .stream = stream};
}

void forward_set_link(struct forward *f, struct link *l)
{
    f->link = l;
    if (!l)
        return;
    conn_ask_all(f);
    if (f->waiting > 0)
        forward_try_again(f);
}

void forward_destroy(struct forward *f)
{
    struct conn *c;
    if (!f)
        return;
    while ((c = TAILQ_FIRST(&f->conns)))
        conn_abort(c);
    pause_accepting(f);
    ev_timer_stop(f->loop, &f->again);
    for (int i = 0; i < f->listener_count; i++)
        listen_close(&f->listeners[i].socket);
    free(f->listeners);
    free(f);
}
