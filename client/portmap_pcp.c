/* PCP as a way to port mappings (client/portmap_way.h). */
#include "base/container_of.h"
#include "base/error.h"
#include "client/portmap_way.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BATCH 16 /* datagrams of one step: a router that floods waits for its turn */

struct pcp {
    struct way way;
    int fd;                 /* connected: the kernel takes the gateway's datagrams alone */
    struct endpoint client; /* our address, as the server sees it: RFC 6887, 8.2 wants it so */
    struct pcp_request request;
    int64_t due_ms, repeat_ms;
};

static struct pcp *pcp_of(const struct way *w)
{
    return container_of(w, struct pcp, way);
}

static void say(struct pcp *p, int64_t now_ms)
{
    uint8_t bytes[PCP_REQUEST_MAX];
    size_t len = pcp_write(bytes, &p->request);
    (void)!send(p->fd, bytes, len, 0); /* a lost one is repeated */
    p->due_ms = now_ms + p->repeat_ms;
    p->repeat_ms *= 2;
}

static void ask(struct pcp *p, int64_t now_ms)
{
    p->repeat_ms = WAY_REPEAT_MS;
    way_enter(&p->way, WAY_ASKING);
    say(p, now_ms);
}

static void pcp_probe(struct way *w, int64_t now_ms)
{
    struct pcp *p = pcp_of(w);
    p->request = (struct pcp_request){.opcode = PCP_ANNOUNCE, .client = p->client};
    ask(p, now_ms);
}

static void pcp_map(struct way *w, const struct way_request *r, int64_t now_ms)
{
    struct pcp *p = pcp_of(w);
    p->request = (struct pcp_request){
        .opcode = PCP_MAP, .client = p->client, .external = r->external, .lifetime_s = r->lifetime_s};
    p->request.client.port = r->local_port;
    memcpy(p->request.nonce, r->nonce, sizeof p->request.nonce);
    ask(p, now_ms);
}

static int pcp_fd(const struct way *w, short *events)
{
    *events = POLLIN;
    return w->state == WAY_ASKING ? pcp_of(w)->fd : -1;
}

static int64_t pcp_due_ms(const struct way *w)
{
    return w->state == WAY_ASKING ? pcp_of(w)->due_ms : INT64_MAX;
}

static void take(struct pcp *p, const uint8_t *data, size_t len)
{
    struct pcp_response r;
    if (pcp_read(&r, &p->request, data, len) < 0)
        return;
    if (r.result != 0)
        way_enter(&p->way, WAY_REFUSED);
    else if (p->request.opcode == PCP_MAP)
        way_mapped(&p->way, &r.external, r.lifetime_s, p->request.lifetime_s);
    else
        way_enter(&p->way, WAY_OFFERED);
}

static void pcp_step(struct way *w, int64_t now_ms)
{
    struct pcp *p = pcp_of(w);
    uint8_t data[PCP_MESSAGE_MAX + 1];
    for (int i = 0; i < BATCH && w->state == WAY_ASKING; i++) {
        ssize_t got = recv(p->fd, data, sizeof data, 0);
        if (got < 0 && errno == ECONNREFUSED)
            way_enter(w, WAY_REFUSED);
        if (got < 0)
            break;
        take(p, data, (size_t)got);
    }
    if (w->state == WAY_ASKING && now_ms >= p->due_ms)
        say(p, now_ms);
}

static void pcp_close(struct way *w)
{
    struct pcp *p = pcp_of(w);
    close(p->fd);
    free(p);
}

int way_pcp_open(struct way **out, const struct gateway *gateway)
{
    static const struct way_ops ops = {pcp_probe, pcp_map, pcp_fd, pcp_due_ms, pcp_step, pcp_close};
    struct endpoint server = gateway->address;
    struct sockaddr_storage to, own;
    socklen_t own_len = sizeof own;
    struct pcp *p = calloc(1, sizeof *p);
    if (!p)
        return HX_ENOMEM;
    p->way = (struct way){.ops = &ops, .gateway = *gateway};
    server.port = PCP_PORT;
    socklen_t len = endpoint_to_sockaddr(&server, &to);
    p->fd = socket(to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (p->fd < 0 || connect(p->fd, (struct sockaddr *)&to, len) < 0 ||
        getsockname(p->fd, (struct sockaddr *)&own, &own_len) < 0 ||
        endpoint_from_sockaddr(&p->client, (struct sockaddr *)&own, own_len) < 0) {
        if (p->fd >= 0)
            close(p->fd);
        free(p);
        return HX_ESYS;
    }
    *out = &p->way;
    return HX_OK;
}
