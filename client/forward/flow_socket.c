#include "client/forward/flow_socket.h"
#include "base/container_of.h"
#include "base/descriptors.h"
#include <errno.h>
#include <unistd.h>

int flow_socket_connect(const struct lookup_list *list, char address[ENDPOINT_TEXT_MAX])
{
    int cause = EADDRNOTAVAIL;
    for (size_t i = 0; i < list->count; i++) {
        const struct sockaddr *sa = (const struct sockaddr *)&list->address[i].sa;
        struct endpoint e;
        int fd = descriptors_spare(socket(sa->sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
        if (fd >= 0 && connect(fd, sa, list->address[i].len) == 0) {
            flows_widen(fd);
            address[0] = '\0';
            if (endpoint_from_sockaddr(&e, sa, list->address[i].len) == HX_OK)
                endpoint_format(&e, address);
            return fd;
        }
        cause = errno;
        if (fd >= 0)
            close(fd);
    }
    errno = cause;
    return -1;
}

static void on_silence(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct flow_socket *s = w->data;
    (void)loop;
    (void)revents;
    flow_socket_stop(s);
    s->silent(s);
}

/* What the socket does not take is lost. An ICMP refusal (RFC 1122, 4.1.3.3) is of one before it: once
 * more. */
static void on_come(struct flow *f, const void *bytes, size_t len)
{
    struct flow_socket *s = container_of(f, struct flow_socket, flow);
    ev_timer_again(s->flows->loop, &s->silence);
    if (send(s->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 ||
        send(s->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
        return;
    flows_drop(s->flows, errno == EMSGSIZE ? DROP_TOO_LONG : DROP_NOT_TAKEN);
}

static void on_answer(struct ev_loop *loop, ev_io *w, int revents)
{
    struct flow_socket *s = w->data;
    uint8_t bytes[HX_DATAGRAM_MAX + 1];
    (void)revents;
    for (int i = 0; i < FLOWS_SOCKET_TURN; i++) {
        ssize_t len = recv(s->fd, bytes, sizeof bytes, MSG_DONTWAIT | MSG_TRUNC);
        if (len < 0)
            return;
        ev_timer_again(loop, &s->silence);
        if (flows_send(s->flows, &s->flow, bytes, (size_t)len) != HX_ETOOBIG || s->told_size)
            continue;
        flows_say_too_long(s->flows, s->name, (size_t)len);
        s->told_size = true;
    }
}

int flow_socket_start(struct flow_socket *s, struct hx_stream *stream, uint32_t number, int fd)
{
    struct ev_loop *loop = s->flows->loop;
    s->flow = (struct flow){.number = number, .come = on_come};
    int err = flows_join(s->flows, stream, &s->flow);
    if (err < 0)
        return err;
    s->fd = fd;
    ev_io_init(&s->readable, on_answer, fd, EV_READ);
    s->readable.data = s;
    ev_io_start(loop, &s->readable);
    ev_timer_init(&s->silence, on_silence, 0., s->flows->timeout_s);
    s->silence.data = s;
    ev_timer_again(loop, &s->silence);
    return HX_OK;
}

void flow_socket_stop(struct flow_socket *s)
{
    if (s->fd < 0)
        return;
    ev_io_stop(s->flows->loop, &s->readable);
    ev_timer_stop(s->flows->loop, &s->silence);
    flows_leave(s->flows, &s->flow);
    close(s->fd);
    s->fd = -1;
}
