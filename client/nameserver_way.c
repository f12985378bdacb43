/* By which way a nameserver is reached. */
#include "client/nameserver_state.h"
#include "client/route.h"
#include <stdio.h>

/* What it sees of us is what it tells peers: until it is asked anew, nothing leaves otherwise. */
static void stay_on_uplink(struct nameserver *n)
{
    struct sockaddr_in6 source;
    socklen_t len;
    const struct sockaddr *peer = stream_peer(n->stream, &len);
    uplink_of(&n->uplink, n->stream);
    uplink_source(&n->uplink, peer, len, &source);
    udt_stream_leave_by(n->stream, &source);
}

/* A tunnel is of no family, and says nothing of what peers see of us. */
void nameserver_note_way(struct nameserver *n, bool tunnelled)
{
    socklen_t len;
    if (tunnelled) {
        n->family = n->families;
        return;
    }
    /* IPv4: mapped */
    const struct sockaddr_in6 *peer = (const struct sockaddr_in6 *)stream_peer(n->stream, &len);
    n->family = IN6_IS_ADDR_V4MAPPED(&peer->sin6_addr) ? FAMILY_IPV4 : FAMILY_IPV6;
    (void)route_source((const struct sockaddr *)peer, len, &n->source);
    stay_on_uplink(n);
}

void nameserver_trace_open(const struct nameserver *n, bool tunnelled)
{
    char to[ENDPOINT_TEXT_MAX] = "-", text[2 * ENDPOINT_TEXT_MAX + 32];
    struct endpoint local = {.port = 0}, peer;
    socklen_t len;
    const struct sockaddr *sa = stream_peer(n->stream, &len);
    if (!tunnelled && endpoint_from_sockaddr(&peer, sa, len) == HX_OK)
        endpoint_format(&peer, to);
    sa = udt_port_local(n->port, &len);
    (void)endpoint_from_sockaddr(&local, sa, len);
    snprintf(text, sizeof text, "to %s from port %u%s", to, local.port, tunnelled ? " through TCP" : "");
    trace_note(n->trace, TRANSCRIPT_OPENED, text);
}

struct tunnel_user *nameserver_tunnel(const struct nameserver *n)
{
    return n->stream ? approach_tunnel(n->approach) : NULL;
}

int nameserver_family(const struct nameserver *n)
{
    return n->family;
}

struct udt_port *nameserver_port(const struct nameserver *n)
{
    return n->port;
}

const struct uplink *nameserver_uplink(const struct nameserver *n)
{
    return &n->uplink;
}

uint32_t nameserver_scope(const struct nameserver *n)
{
    socklen_t len;
    if (!n->stream)
        return 0;
    const struct sockaddr_in6 *a = (const struct sockaddr_in6 *)stream_peer(n->stream, &len);
    return IN6_IS_ADDR_LINKLOCAL(&a->sin6_addr) ? a->sin6_scope_id : 0;
}

bool nameserver_route_holds(const struct nameserver *n)
{
    socklen_t len;
    struct endpoint now;
    if (!n->stream || n->source.family == AF_UNSPEC)
        return true;
    const struct sockaddr *to = stream_peer(n->stream, &len);
    if (!route_source(to, len, &now) || now.family == AF_UNSPEC)
        return true; /* no way at all: silence will tell whether that lasts */
    return endpoint_same_host(&n->source, &now);
}

struct net_address nameserver_server(const struct nameserver *n)
{
    socklen_t len;
    const struct sockaddr *peer = n->stream ? stream_peer(n->stream, &len) : NULL;
    struct net_address server = {.port = 0};
    if (peer)
        net_address_from(&server, peer);
    return server;
}
