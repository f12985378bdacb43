#include "client/forward/flows.h"
#include "client/forward/say.h"
#include <inttypes.h>
#include <sys/socket.h>

#define BUFFER (4 * 1024 * 1024) /* bytes of a socket */

struct flow *flows_find(const struct flow_list *list, uint32_t number)
{
    struct flow *f;
    LIST_FOREACH(f, list, entry)
    {
        if (f->number == number)
            break;
    }
    return f;
}

/* Whoever speaks is likely to go on: it is found first. */
static void to_front(struct flows *all, struct flow *f)
{
    if (LIST_FIRST(&all->list) == f)
        return;
    LIST_REMOVE(f, entry);
    LIST_INSERT_HEAD(&all->list, f, entry);
}

static void on_readable(struct ev_loop *loop, ev_io *w, int revents)
{
    struct flows *all = w->data;
    uint8_t bytes[HX_DATAGRAM_MAX];
    uint32_t number;
    (void)loop;
    (void)revents;
    for (int i = 0; i < FLOWS_TURN && all->count > 0; i++) {
        ssize_t len = hx_datagram_receive(all->stream, &number, bytes, sizeof bytes);
        if (len < 0)
            return; /* of what it is not told here, the link is */
        struct flow *f = flows_find(&all->list, number);
        if (!f) {
            flows_drop(all, DROP_NO_FLOW);
            continue;
        }
        to_front(all, f);
        f->come(f, bytes, (size_t)len);
    }
}

static uint64_t dropped(struct flows *all, char text[FLOW_DROPS_MAX])
{
    if (all->stream)
        (void)hx_datagram_counts(all->stream, &all->counts);
    return flow_drops_format(&all->drops, &all->counts, text);
}

/* What was dropped since the last time, if anything was. */
static void tell_new(struct flows *all)
{
    char text[FLOW_DROPS_MAX];
    uint64_t sum = dropped(all, text);
    if (sum > all->told)
        say_often(SAY_DROPPED, "datagrams dropped so far: %s%s%s%s", text, all->who ? " (" : "",
                  all->who ? all->who : "", all->who ? ")" : "");
    all->told = sum;
}

static void on_tell(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)loop;
    (void)revents;
    tell_new(w->data);
}

void flows_say(struct flows *all)
{
    char text[FLOW_DROPS_MAX];
    (void)dropped(all, text);
    say_always("%s%sUDP: %d flows, %" PRIu64 " datagrams sent, %" PRIu64 " came; dropped: %s",
               all->who ? all->who : "", all->who ? ": " : "", all->count, all->counts.sent, all->counts.came,
               text);
}

void flows_drop(struct flows *all, enum flow_drop why)
{
    all->drops.of[why]++;
}

void flows_say_too_long(const struct flows *all, const char *target, size_t len)
{
    say_often(SAY_REFUSED, "udp:%s: %zu bytes were dropped: up to %d fit%s%s%s", target, len, HX_DATAGRAM_MAX,
              all->who ? " (" : "", all->who ? all->who : "", all->who ? ")" : "");
}

void flows_widen(int fd)
{
    int bytes = BUFFER;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
}

static int begin(struct flows *all, struct hx_stream *stream)
{
    int fd = hx_datagram_fd(stream);
    if (fd < 0)
        return fd;
    all->stream = stream;
    ev_io_init(&all->readable, on_readable, fd, EV_READ);
    all->readable.data = all;
    ev_io_start(all->loop, &all->readable);
    ev_timer_init(&all->tell, on_tell, FLOWS_TELL_S, FLOWS_TELL_S);
    all->tell.data = all;
    ev_timer_start(all->loop, &all->tell);
    return HX_OK;
}

int flows_join(struct flows *all, struct hx_stream *stream, struct flow *f)
{
    if (!stream) /* the link is leaving */
        return HX_ECLOSED;
    if (all->count >= FLOWS_MAX)
        return HX_ELIMIT;
    if (flows_find(&all->list, f->number))
        return HX_EINVAL;
    int err = all->count == 0 ? begin(all, stream) : HX_OK;
    if (err < 0)
        return err;
    LIST_INSERT_HEAD(&all->list, f, entry);
    all->count++;
    return HX_OK;
}

void flows_leave(struct flows *all, struct flow *f)
{
    LIST_REMOVE(f, entry);
    if (--all->count > 0)
        return;
    tell_new(all);
    ev_io_stop(all->loop, &all->readable);
    ev_timer_stop(all->loop, &all->tell);
    all->stream = NULL;
}

uint32_t flows_number(struct flows *all)
{
    do
        all->last++;
    while (all->last == 0 || flows_find(&all->list, all->last) || flows_find(&all->announced, all->last));
    return all->last;
}

int flows_send(const struct flows *all, const struct flow *f, const void *bytes, size_t len)
{
    ssize_t sent = hx_datagram_send(all->stream, f->number, bytes, len);
    return sent < 0 ? (int)sent : HX_OK;
}
