/* UPnP IGD as a way to port mappings (client/portmap_way.h): a search, and then one exchange over HTTP after
 * the other. All of it talks to the gateway's address alone.
 *
 *     SEARCH --found--> DESCRIPTION --> ADDRESS --map()--> ADD        the steps; a refusal ends them, and
 *                                          '----map()--> DELETE       a later map() begins with ADDRESS anew
 */
#include "base/container_of.h"
#include "base/error.h"
#include "client/portmap_way.h"
#include "client/upnp.h"
#include "proto/response.h"
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define BATCH        16 /* pieces of one step: a router that floods waits for its turn */
#define DATAGRAM_MAX 2048
#define PORT_TRIES   3    /* external ports, where others have the one before */
#define PORT_LEAST   1024 /* of those tried */

enum upnp_step { STEP_SEARCH, STEP_DESCRIPTION, STEP_ADDRESS, STEP_ADD, STEP_DELETE };

struct upnp {
    struct way way;
    enum upnp_step step;
    int fd;                    /* of the search, or of the exchange; -1: none */
    int64_t due_ms, repeat_ms; /* of the search */
    struct upnp_url description;
    struct upnp_service service;
    bool found; /* the service is known */
    bool mapping;
    struct way_request request;
    uint16_t external_port;
    int tries;

    struct buf out, body; /* of the exchange */
    bool too_long;        /* the answer, for any router's */
    struct response_reader *reader;
};

static struct upnp *upnp_of(const struct way *w)
{
    return container_of(w, struct upnp, way);
}

static void stop(struct upnp *u)
{
    if (u->fd >= 0)
        close(u->fd);
    u->fd = -1;
    response_reader_destroy(u->reader);
    u->reader = NULL;
    buf_free(&u->out);
    buf_free(&u->body);
}

static void settle(struct upnp *u, enum way_state state)
{
    stop(u);
    way_enter(&u->way, state);
}

/* --- the search --------------------------------------------------------------------------------------- */

/* To the group, as it is written, and to the gateway itself: UDA 1.1 has both, and a switch that minds
 * multicast may not know the group yet. */
static void search(struct upnp *u, int64_t now_ms)
{
    struct endpoint to[] = {{.family = AF_INET, .port = UPNP_SSDP_PORT, .address = {239, 255, 255, 250}},
                            u->way.gateway.address};
    to[1].port = UPNP_SSDP_PORT;
    for (size_t i = 0; i < sizeof to / sizeof to[0]; i++) {
        char text[512];
        struct sockaddr_storage sa;
        socklen_t sa_len = endpoint_to_sockaddr(&to[i], &sa);
        size_t len = upnp_write_search(text, sizeof text, &to[i]);
        (void)!sendto(u->fd, text, len, 0, (struct sockaddr *)&sa, sa_len);
    }
    u->due_ms = now_ms + u->repeat_ms;
    u->repeat_ms *= 2;
}

static void begin_search(struct upnp *u, int64_t now_ms)
{
    struct ip_mreqn by = {.imr_ifindex = (int)u->way.gateway.interface_index};
    struct sockaddr_storage local;
    socklen_t len = endpoint_to_sockaddr(&u->way.gateway.local, &local);
    u->step = STEP_SEARCH;
    u->repeat_ms = WAY_REPEAT_MS;
    u->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (u->fd < 0 || bind(u->fd, (struct sockaddr *)&local, len) < 0 ||
        setsockopt(u->fd, IPPROTO_IP, IP_MULTICAST_IF, &by, sizeof by) < 0)
        settle(u, WAY_REFUSED);
    else
        search(u, now_ms);
}

static void fetch_description(struct upnp *u);

static void step_search(struct upnp *u, int64_t now_ms)
{
    char data[DATAGRAM_MAX];
    struct sockaddr_in from;
    struct endpoint source;
    for (int i = 0; i < BATCH; i++) {
        socklen_t len = sizeof from;
        ssize_t got = recvfrom(u->fd, data, sizeof data, 0, (struct sockaddr *)&from, &len);
        if (got < 0 &&
            errno != ECONNREFUSED) /* that one is of the gateway's port; the group may answer yet */
            break;
        if (got <= 0 || endpoint_from_sockaddr(&source, (struct sockaddr *)&from, len) < 0 ||
            !endpoint_same_host(&source, &u->way.gateway.address))
            continue;
        if (upnp_read_search(&u->description, data, (size_t)got, &u->way.gateway.address) == HX_OK) {
            fetch_description(u);
            return;
        }
    }
    if (now_ms >= u->due_ms)
        search(u, now_ms);
}

/* --- exchanges ---------------------------------------------------------------------------------------- */

static void on_body(void *user, const char *data, size_t len)
{
    struct upnp *u = user;
    if (buf_append(&u->body, data, len) < 0)
        u->too_long = true;
}

/* u->out is what is said. */
static void begin_exchange(struct upnp *u, enum upnp_step step, const struct endpoint *at, size_t limit)
{
    const struct response_callbacks callbacks = {.on_body = on_body, .user = u};
    struct sockaddr_storage to;
    socklen_t len = endpoint_to_sockaddr(at, &to);
    u->step = step;
    u->body.limit = limit;
    u->too_long = false;
    way_enter(&u->way, WAY_ASKING);
    u->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (u->fd < 0 || response_reader_create(&u->reader, false, &callbacks) < 0 ||
        (connect(u->fd, (struct sockaddr *)&to, len) < 0 && errno != EINPROGRESS))
        settle(u, WAY_REFUSED);
}

static void fetch_description(struct upnp *u)
{
    stop(u);
    if (upnp_write_get(&u->out, &u->description) < 0)
        settle(u, WAY_REFUSED);
    else
        begin_exchange(u, STEP_DESCRIPTION, &u->description.at, UPNP_DESCRIPTION_MAX);
}

static void call(struct upnp *u, enum upnp_step step, const char *action,
                 const struct upnp_argument *arguments)
{
    stop(u);
    if (upnp_write_action(&u->out, &u->service, action, arguments) < 0)
        settle(u, WAY_REFUSED);
    else
        begin_exchange(u, step, &u->service.control.at, UPNP_REPLY_MAX);
}

static void ask_address(struct upnp *u)
{
    call(u, STEP_ADDRESS, "GetExternalIPAddress", (const struct upnp_argument[]){{NULL, NULL}});
}

static void add(struct upnp *u)
{
    char external[sizeof "65535"], internal[sizeof "65535"], client[INET_ADDRSTRLEN],
        lease[sizeof "4294967295"];
    snprintf(external, sizeof external, "%hu", u->external_port);
    snprintf(internal, sizeof internal, "%hu", u->request.local_port);
    snprintf(lease, sizeof lease, "%u", u->request.lifetime_s);
    inet_ntop(AF_INET, u->way.gateway.local.address, client, sizeof client);
    call(u, STEP_ADD, "AddPortMapping",
         (const struct upnp_argument[]){{"NewRemoteHost", ""},
                                        {"NewExternalPort", external},
                                        {"NewProtocol", "UDP"},
                                        {"NewInternalPort", internal},
                                        {"NewInternalClient", client},
                                        {"NewEnabled", "1"},
                                        {"NewPortMappingDescription", "hx"},
                                        {"NewLeaseDuration", lease},
                                        {NULL, NULL}});
}

static void take_away(struct upnp *u)
{
    char external[sizeof "65535"];
    snprintf(external, sizeof external, "%hu", u->external_port);
    call(u, STEP_DELETE, "DeletePortMapping",
         (const struct upnp_argument[]){
             {"NewRemoteHost", ""}, {"NewExternalPort", external}, {"NewProtocol", "UDP"}, {NULL, NULL}});
}

/* Another host has that external port: another one, by chance, a few times. */
static void add_refused(struct upnp *u)
{
    char code[UPNP_VALUE_MAX];
    uint16_t random;
    if (!upnp_read_value(buf_data(&u->body), u->body.len, "errorCode", code) || atoi(code) != UPNP_CONFLICT ||
        ++u->tries >= PORT_TRIES || getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random) {
        settle(u, WAY_REFUSED);
        return;
    }
    u->external_port = random < PORT_LEAST ? random + PORT_LEAST : random;
    add(u);
}

static void take_address(struct upnp *u)
{
    char value[UPNP_VALUE_MAX];
    struct endpoint *e = &u->way.external;
    *e = (struct endpoint){.family = AF_INET};
    if (!upnp_read_value(buf_data(&u->body), u->body.len, "NewExternalIPAddress", value) ||
        inet_pton(AF_INET, value, e->address) != 1) {
        *e = (struct endpoint){.family = AF_UNSPEC};
        settle(u, WAY_REFUSED);
    } else if (u->mapping) {
        add(u);
    } else {
        settle(u, WAY_OFFERED);
    }
}

static void take_reply(struct upnp *u, bool whole)
{
    const struct response_head *head = response_reader_head(u->reader);
    bool ok = whole && head && head->status == 200;
    struct endpoint external = u->way.external;
    switch (u->step) {
    case STEP_SEARCH:
        break;
    case STEP_DESCRIPTION:
        u->found = ok && upnp_read_description(&u->service, buf_data(&u->body), u->body.len,
                                               &u->description) == HX_OK;
        if (u->found)
            ask_address(u);
        else
            settle(u, WAY_REFUSED);
        break;
    case STEP_ADDRESS:
        if (ok)
            take_address(u);
        else
            settle(u, WAY_REFUSED);
        break;
    case STEP_ADD:
        external.port = u->external_port;
        if (ok) {
            stop(u);
            way_mapped(&u->way, &external, u->request.lifetime_s, u->request.lifetime_s);
        } else {
            add_refused(u);
        }
        break;
    case STEP_DELETE:
        settle(u, ok ? WAY_MAPPED : WAY_REFUSED);
        break;
    }
}

/* False: there is nothing more to say now. */
static bool send_some(struct upnp *u)
{
    ssize_t sent = send(u->fd, buf_data(&u->out), u->out.len, MSG_NOSIGNAL);
    if (sent > 0)
        buf_consume(&u->out, (size_t)sent);
    else if (errno != EAGAIN && errno != ENOTCONN)
        settle(u, WAY_REFUSED);
    return sent > 0 && u->out.len > 0;
}

static void step_exchange(struct upnp *u)
{
    char data[DATAGRAM_MAX];
    while (u->out.len > 0) {
        if (!send_some(u))
            return;
    }
    for (int i = 0; i < BATCH; i++) {
        ssize_t got = recv(u->fd, data, sizeof data, 0);
        if (got < 0 && errno == EAGAIN)
            return;
        bool failed =
            got < 0 || (got > 0 && response_reader_feed(u->reader, data, (size_t)got) < 0) || u->too_long;
        if (failed || got == 0 || response_reader_done(u->reader)) {
            take_reply(u, !failed && response_reader_finish(u->reader));
            return;
        }
    }
}

/* --- the way ------------------------------------------------------------------------------------------ */

static void begin(struct upnp *u, int64_t now_ms)
{
    stop(u);
    way_enter(&u->way, WAY_ASKING);
    if (u->found)
        ask_address(u);
    else
        begin_search(u, now_ms);
}

static void upnp_probe(struct way *w, int64_t now_ms)
{
    struct upnp *u = upnp_of(w);
    u->mapping = false;
    begin(u, now_ms);
}

static void upnp_map(struct way *w, const struct way_request *r, int64_t now_ms)
{
    struct upnp *u = upnp_of(w);
    bool offered = w->state == WAY_OFFERED;
    u->request = *r;
    u->mapping = true;
    u->tries = 0;
    u->external_port = r->external.family != AF_UNSPEC ? r->external.port : r->local_port;
    if (r->lifetime_s == 0)
        take_away(u);
    else if (offered)
        add(u);
    else
        begin(u, now_ms);
}

static int upnp_fd(const struct way *w, short *events)
{
    const struct upnp *u = upnp_of(w);
    *events = u->out.len > 0 ? POLLOUT : POLLIN;
    return w->state == WAY_ASKING ? u->fd : -1;
}

static int64_t upnp_due_ms(const struct way *w)
{
    const struct upnp *u = upnp_of(w);
    return w->state == WAY_ASKING && u->step == STEP_SEARCH ? u->due_ms : INT64_MAX;
}

static void upnp_step(struct way *w, int64_t now_ms)
{
    struct upnp *u = upnp_of(w);
    if (w->state != WAY_ASKING)
        return;
    if (u->step == STEP_SEARCH)
        step_search(u, now_ms);
    else
        step_exchange(u);
}

static void upnp_close(struct way *w)
{
    struct upnp *u = upnp_of(w);
    stop(u);
    free(u);
}

int way_upnp_open(struct way **out, const struct gateway *gateway)
{
    static const struct way_ops ops = {upnp_probe, upnp_map, upnp_fd, upnp_due_ms, upnp_step, upnp_close};
    struct upnp *u = calloc(1, sizeof *u);
    if (!u)
        return HX_ENOMEM;
    u->way = (struct way){.ops = &ops, .gateway = *gateway};
    u->fd = -1;
    buf_init(&u->out, 0);
    buf_init(&u->body, 0);
    *out = &u->way;
    return HX_OK;
}
