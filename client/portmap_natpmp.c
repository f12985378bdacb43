/* NAT-PMP (RFC 6886) as a way to port mappings (client/portmap_way.h), spoken by libnatpmp. The mapping's
 * answer has no address: that is asked for before, each time, since it may have changed. */
#include "base/container_of.h"
#include "base/error.h"
#include "client/portmap_way.h"
#include <errno.h>
#include <natpmp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define BATCH 16 /* datagrams of one step: a router that floods waits for its turn */

struct natpmp {
    struct way way;
    natpmp_t lib;
    struct way_request request;
    bool mapping;  /* after the address a mapping is wanted */
    uint16_t type; /* of the question that is open: NATPMP_RESPTYPE_* */
    int64_t due_ms;
};

static struct natpmp *natpmp_of(const struct way *w)
{
    return container_of(w, struct natpmp, way);
}

/* The library repeats a question, by the wall's clock: a step of that one costs a repetition. */
static void await_repetition(struct natpmp *n, int64_t now_ms)
{
    struct timeval left;
    int64_t left_ms = WAY_REPEAT_MS;
    if (getnatpmprequesttimeout(&n->lib, &left) == 0)
        left_ms = left.tv_sec * 1000LL + left.tv_usec / 1000 + 1;
    n->due_ms = now_ms + (left_ms < 1 ? 1 : left_ms);
}

static void ask(struct natpmp *n, uint16_t type, int64_t now_ms)
{
    const struct way_request *r = &n->request;
    uint16_t external = r->lifetime_s == 0                ? 0
                        : r->external.family == AF_UNSPEC ? r->local_port
                                                          : r->external.port;
    n->type = type;
    way_enter(&n->way, WAY_ASKING);
    if (type == NATPMP_RESPTYPE_PUBLICADDRESS)
        sendpublicaddressrequest(&n->lib);
    else
        sendnewportmappingrequest(&n->lib, NATPMP_PROTOCOL_UDP, r->local_port, external, r->lifetime_s);
    await_repetition(n, now_ms);
}

static void natpmp_probe(struct way *w, int64_t now_ms)
{
    struct natpmp *n = natpmp_of(w);
    n->mapping = false;
    ask(n, NATPMP_RESPTYPE_PUBLICADDRESS, now_ms);
}

static void natpmp_map(struct way *w, const struct way_request *r, int64_t now_ms)
{
    struct natpmp *n = natpmp_of(w);
    bool known = w->state == WAY_OFFERED || r->lifetime_s == 0;
    n->request = *r;
    n->mapping = true;
    ask(n, known ? NATPMP_RESPTYPE_UDPPORTMAPPING : NATPMP_RESPTYPE_PUBLICADDRESS, now_ms);
}

static int natpmp_fd(const struct way *w, short *events)
{
    *events = POLLIN;
    return w->state == WAY_ASKING ? natpmp_of(w)->lib.s : -1;
}

static int64_t natpmp_due_ms(const struct way *w)
{
    return w->state == WAY_ASKING ? natpmp_of(w)->due_ms : INT64_MAX;
}

static void take(struct natpmp *n, const natpmpresp_t *r, int64_t now_ms)
{
    struct endpoint external = n->way.external;
    if (r->type != n->type) /* a late answer to the question before */
        return;
    if (r->type == NATPMP_RESPTYPE_PUBLICADDRESS) {
        n->way.external = (struct endpoint){.family = AF_INET};
        memcpy(n->way.external.address, &r->pnu.publicaddress.addr, 4);
        way_enter(&n->way, WAY_OFFERED);
        if (n->mapping)
            ask(n, NATPMP_RESPTYPE_UDPPORTMAPPING, now_ms);
    } else if (r->pnu.newportmapping.privateport == n->request.local_port) {
        external.port = r->pnu.newportmapping.mappedpublicport;
        way_mapped(&n->way, &external, r->pnu.newportmapping.lifetime, n->request.lifetime_s);
    }
}

/* What the router itself says, or the kernel; the rest is somebody's noise. */
static bool is_refusal(int result)
{
    switch (result) {
    case NATPMP_ERR_NOGATEWAYSUPPORT:
    case NATPMP_ERR_UNSUPPORTEDVERSION:
    case NATPMP_ERR_UNSUPPORTEDOPCODE:
    case NATPMP_ERR_NOTAUTHORIZED:
    case NATPMP_ERR_NETWORKFAILURE:
    case NATPMP_ERR_OUTOFRESOURCES:
        return true;
    default:
        return false;
    }
}

/* The library reads fields that a datagram may not have. RFC 6886, 3.2, 3.3 and 3.5: an answer has 12 or 16
 * bytes, one that refuses the version or the operation 8. */
static bool is_short(const uint8_t *data, ssize_t len)
{
    if (len < 8)
        return true;
    bool refusal = data[2] != 0 || data[3] != 0;
    return !refusal && len < (data[1] == 128 ? 12 : 16);
}

static void take_next(struct natpmp *n, int64_t now_ms)
{
    natpmpresp_t r;
    memset(&r, 0, sizeof r);
    n->lib.has_pending_request = 1; /* an answer to the question before has ended this one, too */
    int result = readnatpmpresponseorretry(&n->lib, &r);
    if (result == 0)
        take(n, &r, now_ms);
    else if (is_refusal(result))
        way_enter(&n->way, WAY_REFUSED);
}

static void natpmp_step(struct way *w, int64_t now_ms)
{
    struct natpmp *n = natpmp_of(w);
    uint8_t data[16];
    for (int i = 0; i < BATCH && w->state == WAY_ASKING; i++) {
        ssize_t len = recv(n->lib.s, data, sizeof data, MSG_PEEK);
        int error = len < 0 ? errno : 0;
        if (error == ECONNREFUSED)
            way_enter(w, WAY_REFUSED);
        else if (len >= 0 && is_short(data, len))
            (void)!recv(n->lib.s, data, sizeof data, 0);
        else
            take_next(n, now_ms); /* with nothing there it repeats the question, if that is due */
        if (error != 0)
            break;
    }
    await_repetition(n, now_ms);
}

static void natpmp_close(struct way *w)
{
    struct natpmp *n = natpmp_of(w);
    closenatpmp(&n->lib);
    free(n);
}

int way_natpmp_open(struct way **out, const struct gateway *gateway)
{
    static const struct way_ops ops = {natpmp_probe,  natpmp_map,  natpmp_fd,
                                       natpmp_due_ms, natpmp_step, natpmp_close};
    in_addr_t address;
    struct natpmp *n = calloc(1, sizeof *n);
    if (!n)
        return HX_ENOMEM;
    n->way = (struct way){.ops = &ops, .gateway = *gateway};
    memcpy(&address, gateway->address.address, sizeof address);
    int err = initnatpmp(&n->lib, 1, address);
    if (err < 0) {
        if (err != NATPMP_ERR_SOCKETERROR)
            closenatpmp(&n->lib);
        free(n);
        return HX_ESYS;
    }
    *out = &n->way;
    return HX_OK;
}
