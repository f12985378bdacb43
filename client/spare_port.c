#include "client/spare_port.h"
#include "client/stun.h"
#include <stdlib.h>

struct spare_port {
    struct net_port *net;
    int socket; /* 0: none, or somebody else's */
    struct stun_transaction *transaction;
    void (*on_done)(void *user, int socket, const struct endpoint *mapped);
    void *user;
};

static void on_answer(void *user, const struct stun_answer *a)
{
    struct spare_port *s = user;
    struct spare_port was = *s;
    bool known = a->error == HX_OK;
    s->transaction = NULL;
    if (known)
        s->socket = 0;
    spare_port_cancel(s);
    was.on_done(was.user, known ? was.socket : 0, &a->mapped);
}

int spare_port_begin(struct spare_port **out, struct udt_port *port, const struct endpoint *server,
                     void (*on_done)(void *user, int socket, const struct endpoint *mapped), void *user)
{
    struct spare_port *s = calloc(1, sizeof *s);
    if (!s)
        return HX_ENOMEM;
    *s = (struct spare_port){.net = udt_port_net(port), .on_done = on_done, .user = user};
    int err = net_port_extra_open(s->net, &s->socket);
    if (err < 0)
        s->socket = 0;
    else
        err = stun_ask(&s->transaction, &(struct stun_question){.port = s->net,
                                                                .socket = s->socket,
                                                                .server = *server,
                                                                .timeout_ms = SPARE_PORT_MS,
                                                                .on_done = on_answer,
                                                                .user = s});
    if (err < 0)
        spare_port_cancel(s);
    else
        *out = s;
    return err;
}

void spare_port_cancel(struct spare_port *s)
{
    if (!s)
        return;
    stun_cancel(s->transaction);
    if (s->socket != 0)
        net_port_extra_close(s->net, s->socket);
    free(s);
}
