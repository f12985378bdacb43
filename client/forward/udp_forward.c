#include "client/forward/udp_forward.h"
#include "base/container_of.h"
#include "client/forward/listen.h"
#include "client/forward/say.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct socket_of { /* one address */
    ev_io readable;
    struct listen_socket socket;
    struct udp_forward *forward;
};

struct client {
    struct flow_client flow;
    struct socket_of *socket;
    struct sockaddr_storage address;
    socklen_t address_len;
    LIST_ENTRY(client) entry;
};

struct udp_forward {
    struct flow_owner owner;
    struct forward_spec spec;
    struct link *link; /* NULL while there is none */
    struct socket_of sockets[LISTEN_MAX];
    int socket_count;
    LIST_HEAD(client_list, client) clients;
};

static void on_ended(struct flow_client *f)
{
    struct client *c = container_of(f, struct client, flow);
    LIST_REMOVE(c, entry);
    free(c);
}

static void on_come(struct flow *f, const void *bytes, size_t len)
{
    struct client *c = container_of(f, struct client, flow.flow);
    flow_client_heard(&c->flow);
    if (sendto(c->socket->socket.fd, bytes, len, MSG_DONTWAIT, (const struct sockaddr *)&c->address,
               c->address_len) < 0)
        flows_drop(c->flow.owner->flows, errno == EMSGSIZE ? DROP_TOO_LONG : DROP_NOT_TAKEN);
}

static struct client *client_create(struct socket_of *s, const struct sockaddr_storage *address,
                                    socklen_t len)
{
    struct udp_forward *u = s->forward;
    struct client *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    *c = (struct client){.socket = s, .address = *address, .address_len = len};
    c->flow = (struct flow_client){
        .flow.come = on_come, .owner = &u->owner, .target = u->spec.target, .ended = on_ended};
    if (!flow_client_start(&c->flow)) {
        free(c);
        return NULL;
    }
    LIST_INSERT_HEAD(&u->clients, c, entry);
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

static void on_readable(struct ev_loop *loop, ev_io *w, int revents)
{
    struct socket_of *s = w->data;
    struct sockaddr_storage address;
    uint8_t bytes[HX_DATAGRAM_MAX + 1];
    (void)loop;
    (void)revents;
    for (int i = 0; i < FLOWS_SOCKET_TURN; i++) {
        socklen_t address_len = sizeof address;
        memset(&address, 0, sizeof address); /* they are compared as bytes */
        ssize_t len = recvfrom(s->socket.fd, bytes, sizeof bytes, MSG_DONTWAIT | MSG_TRUNC,
                               (struct sockaddr *)&address, &address_len);
        if (len < 0)
            return;
        struct client *c = find(s, &address, address_len);
        if (c)
            flow_client_send(&c->flow, bytes, (size_t)len);
    }
}

static void listen_at(struct udp_forward *u, const struct listen_socket *at)
{
    struct socket_of *s = &u->sockets[u->socket_count++];
    flows_widen(at->fd);
    s->socket = *at;
    s->forward = u;
    ev_io_init(&s->readable, on_readable, at->fd, EV_READ);
    s->readable.data = s;
    ev_io_start(u->owner.flows->loop, &s->readable);
}

int udp_forward_listen(struct udp_forward **out, struct flows *flows, const struct forward_spec *spec,
                       char error[FORWARD_ERROR_MAX])
{
    struct listen_socket sockets[LISTEN_MAX];
    struct udp_forward *u = calloc(1, sizeof *u);
    if (!u) {
        snprintf(error, FORWARD_ERROR_MAX, "out of memory");
        return HX_ENOMEM;
    }
    u->owner = (struct flow_owner){.flows = flows, .link = &u->link};
    u->spec = *spec;
    int count = listen_open(sockets, spec, error);
    for (int i = 0; i < count; i++)
        listen_at(u, &sockets[i]);
    if (count < 0)
        free(u);
    else
        *out = u;
    return count < 0 ? count : HX_OK;
}

int udp_forward_create(struct udp_forward **out, struct flows *flows, const struct forward_spec *spec,
                       char error[FORWARD_ERROR_MAX])
{
    void (*tell)(const char *format, ...) = spec->port == 0 ? say_always : say_note_each;
    char here[LISTEN_TEXT_MAX], target[AUTHORITY_TEXT_MAX];
    int err = udp_forward_listen(out, flows, spec, error);
    authority_format(&spec->target, target);
    for (int i = 0; err == HX_OK && i < (*out)->socket_count; i++) {
        listen_format(&(*out)->sockets[i].socket, here);
        tell("listening on udp:%s for %s", here, target);
    }
    return err;
}

void udp_forward_places(const struct udp_forward *u, char text[FORWARD_PLACES_MAX])
{
    *text = '\0';
    for (int i = 0; i < u->socket_count; i++)
        listen_append(&u->sockets[i].socket, true, text);
}

void udp_forward_set_announce(struct udp_forward *u, flow_announce *announce, void *user,
                              struct hx_stream *stream)
{
    u->owner.link = NULL;
    u->owner.announce = announce;
    u->owner.announcer = user;
    u->owner.stream = stream;
}

void udp_forward_set_link(struct udp_forward *u, struct link *l)
{
    u->link = l;
}

void udp_forward_destroy(struct udp_forward *u)
{
    struct client *c;
    if (!u)
        return;
    while ((c = LIST_FIRST(&u->clients))) {
        flow_client_stop(&c->flow);
        on_ended(&c->flow);
    }
    for (int i = 0; i < u->socket_count; i++) {
        ev_io_stop(u->owner.flows->loop, &u->sockets[i].readable);
        listen_close(&u->sockets[i].socket);
    }
    free(u);
}
