#include "client/forward/udp_forward.h"
#include "base/container_of.h"
#include "client/forward/listen.h"
#include "client/forward/say.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TURN 64 /* datagrams of one socket in one turn of the loop */

struct socket_of { /* one address */
    ev_io readable;
    struct listen_socket socket;
    struct udp_forward *forward;
};

struct first {
    size_t len;
    uint8_t *bytes;
};

struct client {
    struct flow flow; /* once there is an answer */
    struct udp_forward *forward;
    struct socket_of *socket;
    struct sockaddr_storage address;
    socklen_t address_len;
    struct mux_stream *stream;
    struct first first[UDP_FORWARD_FIRST]; /* what waits until then */
    int first_count;
    bool joined, told_size;
    ev_timer silence; /* anew with whatever passes, either way */
    LIST_ENTRY(client) entry;
};

struct udp_forward {
    struct flows *flows;
    struct forward_spec spec;
    int timeout_s;
    struct link *link; /* NULL while there is none */
    struct socket_of sockets[LISTEN_MAX];
    int socket_count, count;
    size_t first_bytes; /* of all clients */
    LIST_HEAD(client_list, client) clients;
};

static void forget_first(struct client *c)
{
    for (int i = 0; i < c->first_count; i++) {
        c->forward->first_bytes -= c->first[i].len;
        free(c->first[i].bytes);
    }
    c->first_count = 0;
}

static void keep_first(struct client *c, const uint8_t *bytes, size_t len)
{
    struct first *f = &c->first[c->first_count];
    if (c->first_count == UDP_FORWARD_FIRST || c->forward->first_bytes + len > UDP_FORWARD_FIRST_BYTES)
        return;
    *f = (struct first){.len = len, .bytes = malloc(len + 1)};
    if (!f->bytes)
        return;
    memcpy(f->bytes, bytes, len);
    c->forward->first_bytes += len;
    c->first_count++;
}

static void client_free(struct client *c)
{
    struct udp_forward *u = c->forward;
    ev_timer_stop(u->flows->loop, &c->silence);
    if (c->joined)
        flows_leave(u->flows, &c->flow);
    LIST_REMOVE(c, entry);
    u->count--;
    forget_first(c);
    free(c);
}

static void on_closed(void *user, int error, uint32_t code)
{
    (void)error;
    (void)code;
    client_free(user);
}

static void end(struct client *c)
{
    struct mux_stream *s = c->stream;
    client_free(c);
    mux_stream_leave(s);
}

static void on_stream_readable(void *user)
{
    struct client *c = user;
    if (mux_stream_skip_all(c->stream))
        end(c);
}

static void on_silence(struct ev_loop *loop, ev_timer *w, int revents)
{
    (void)loop;
    (void)revents;
    end(w->data);
}

static void on_come(struct flow *f, const void *bytes, size_t len)
{
    struct client *c = container_of(f, struct client, flow);
    ev_timer_again(c->forward->flows->loop, &c->silence);
    (void)sendto(c->socket->socket.fd, bytes, len, MSG_DONTWAIT, (const struct sockaddr *)&c->address,
                 c->address_len);
}

static void drop_long(struct client *c, size_t len)
{
    char name[AUTHORITY_TEXT_MAX];
    if (c->told_size)
        return;
    c->told_size = true;
    authority_format(&c->forward->spec.target, name);
    say_often(SAY_REFUSED, "udp:%s: %zu bytes were dropped: up to %d fit", name, len, HX_DATAGRAM_MAX);
}

static const char *reason(const char *status, const char *error)
{
    if (strcmp(status, "403") == 0)
        return "the peer does not allow it (hx bind --allow udp:HOST:PORT)";
    if (strcmp(status, "404") == 0)
        return "the peer forwards no UDP: it may be older";
    if (strcmp(status, "429") == 0)
        return "too many flows";
    if (error && strstr(error, "error=dns_error"))
        return "the peer finds no such host";
    return strcmp(status, "502") == 0 ? "the peer cannot reach it" : "the peer has refused it";
}

static void refused(struct client *c, const char *why)
{
    char name[AUTHORITY_TEXT_MAX];
    authority_format(&c->forward->spec.target, name);
    say_error_often(SAY_REFUSED, "no UDP to %s: %s", name, why);
    end(c);
}

static void on_headers(void *user, const struct mux_message *response)
{
    struct client *c = user;
    const char *status = mux_field(response, ":status"), *number = mux_field(response, "flow");
    char *rest = NULL;
    if (!status || strcmp(status, "200") != 0) {
        refused(c, reason(status ? status : "", mux_field(response, "proxy-status")));
        return;
    }
    c->flow = (struct flow){.number = number ? (uint32_t)strtoul(number, &rest, 10) : 0, .come = on_come};
    if (!number || rest == number || *rest != '\0' ||
        flows_join(c->forward->flows, link_stream(c->forward->link), &c->flow) < 0) {
        refused(c, "the connection carries no datagrams");
        return;
    }
    c->joined = true;
    for (int i = 0; i < c->first_count; i++)
        (void)flows_send(c->forward->flows, &c->flow, c->first[i].bytes, c->first[i].len);
    forget_first(c);
}

static bool ask(struct client *c)
{
    static const struct mux_stream_events events = {
        .headers = on_headers, .readable = on_stream_readable, .closed = on_closed};
    char wire[AUTHORITY_WIRE_MAX];
    authority_to_wire(&c->forward->spec.target, wire);
    const struct mux_field fields[] = {
        {":method", "POST"}, {":scheme", "hx"}, {":authority", "hx"}, {":path", "/udp"}, {"target", wire}};
    const struct mux_message m = {.fields = fields, .count = sizeof fields / sizeof *fields};
    return mux_request(link_mux(c->forward->link), &c->stream, &m, &events, c) == HX_OK;
}

static struct client *client_create(struct socket_of *s, const struct sockaddr_storage *address,
                                    socklen_t len)
{
    struct udp_forward *u = s->forward;
    if (!u->link || u->count >= FLOWS_MAX)
        return NULL;
    struct client *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    *c = (struct client){.forward = u, .socket = s, .address = *address, .address_len = len};
    if (!ask(c)) {
        free(c);
        return NULL;
    }
    ev_timer_init(&c->silence, on_silence, 0., u->timeout_s);
    c->silence.data = c;
    ev_timer_again(u->flows->loop, &c->silence);
    LIST_INSERT_HEAD(&u->clients, c, entry);
    u->count++;
    return c;
}

static struct client *find(struct socket_of *s, const struct sockaddr_storage *address, socklen_t len)
{
    struct client *c;
    LIST_FOREACH(c, &s->forward->clients, entry)
    {
        if (c->socket == s && c->address_len == len && memcmp(&c->address, address, len) == 0)
            return c;
    }
    return client_create(s, address, len);
}

static void take(struct client *c, const uint8_t *bytes, size_t len)
{
    ev_timer_again(c->forward->flows->loop, &c->silence);
    if (len > HX_DATAGRAM_MAX) {
        drop_long(c, len);
    } else if (c->joined) {
        (void)flows_send(c->forward->flows, &c->flow, bytes, len);
    } else {
        keep_first(c, bytes, len);
    }
}

static void on_readable(struct ev_loop *loop, ev_io *w, int revents)
{
    struct socket_of *s = w->data;
    struct sockaddr_storage address;
    uint8_t bytes[HX_DATAGRAM_MAX + 1];
    (void)loop;
    (void)revents;
    for (int i = 0; i < TURN; i++) {
        socklen_t address_len = sizeof address;
        memset(&address, 0, sizeof address); /* they are compared as bytes */
        ssize_t len = recvfrom(s->socket.fd, bytes, sizeof bytes, MSG_DONTWAIT | MSG_TRUNC,
                               (struct sockaddr *)&address, &address_len);
        if (len < 0)
            return;
        struct client *c = find(s, &address, address_len);
        if (c)
            take(c, bytes, (size_t)len);
    }
}

static void listen_at(struct udp_forward *u, const struct listen_socket *at)
{
    char here[LISTEN_TEXT_MAX], target[AUTHORITY_TEXT_MAX];
    void (*tell)(const char *format, ...) = u->spec.port == 0 ? say_always : say_note_each;
    struct socket_of *s = &u->sockets[u->socket_count++];
    int bytes = FLOWS_BUFFER;
    (void)setsockopt(at->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    s->socket = *at;
    s->forward = u;
    ev_io_init(&s->readable, on_readable, at->fd, EV_READ);
    s->readable.data = s;
    ev_io_start(u->flows->loop, &s->readable);
    listen_format(at, here);
    authority_format(&u->spec.target, target);
    tell("listening on udp:%s for %s", here, target);
}

int udp_forward_create(struct udp_forward **out, struct flows *flows, const struct forward_spec *spec,
                       int timeout_s, char error[FORWARD_ERROR_MAX])
{
    struct listen_socket sockets[LISTEN_MAX];
    struct udp_forward *u = calloc(1, sizeof *u);
    if (!u) {
        snprintf(error, FORWARD_ERROR_MAX, "out of memory");
        return HX_ENOMEM;
    }
    u->flows = flows;
    u->spec = *spec;
    u->timeout_s = timeout_s;
    int count = listen_open(sockets, spec, error);
    for (int i = 0; i < count; i++)
        listen_at(u, &sockets[i]);
    if (count < 0)
        free(u);
    else
        *out = u;
    return count < 0 ? count : HX_OK;
}

void udp_forward_set_link(struct udp_forward *u, struct link *l)
{
    u->link = l;
}

void udp_forward_destroy(struct udp_forward *u)
{
    if (!u)
        return;
    for (struct client *c = LIST_FIRST(&u->clients), *next; c; c = next) {
        struct mux_stream *s = c->stream;
        next = LIST_NEXT(c, entry);
        client_free(c);
        mux_stream_reset(s, MUX_CANCEL);
    }
    for (int i = 0; i < u->socket_count; i++) {
        ev_io_stop(u->flows->loop, &u->sockets[i].readable);
        listen_close(&u->sockets[i].socket);
    }
    free(u);
}
