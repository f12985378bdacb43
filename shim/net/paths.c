#include "shim/net/paths.h"
#include "shim/net/net_port.h"
#include "shim/net/path_table.h"

int net_peer_create(struct net_peer **out, struct net_port *p)
{
    return path_table_add_peer(net_port_paths(p), p, out);
}

void net_peer_destroy(struct net_peer *peer)
{
    if (peer)
        path_table_remove_peer(peer);
}

static bool is_path(const struct net_path *path)
{
    return path->remote.port != 0 && !net_paths_is_canonical(&path->remote);
}

int net_peer_add(struct net_peer *peer, const struct net_path *path)
{
    struct net_route route = {.to = path->remote, .local = path->local, .socket = path->socket};
    uint8_t kept[NET_SMALL_BYTES];
    struct iovec part = {.iov_base = kept};

    if (!is_path(path))
        return HX_EINVAL;
    int err = path_table_add(peer, path, kept, &part.iov_len);
    if (part.iov_len > 0)
        (void)net_port_send(path_table_port(peer), &route, &part, 1, MSG_DONTWAIT);
    return err;
}

int net_peer_use(struct net_peer *peer, const struct net_path *path, int64_t rtt_us)
{
    if (!is_path(path))
        return HX_EINVAL;
    int err = path_table_use(peer, path, rtt_us);
    if (err == HX_OK && path->socket)
        net_port_extra_carries(path_table_port(peer), path->socket);
    return err;
}

bool net_paths_tag(struct net_port *p, const struct net_address *canonical, uint8_t tag[FRAGMENT_TAG_BYTES])
{
    return path_table_tag(net_port_paths(p), canonical, tag);
}

uint32_t net_paths_changes(struct net_port *p, const struct net_address *canonical, int64_t *rtt_us)
{
    return path_table_changes(net_port_paths(p), canonical, rtt_us);
}

bool net_paths_has(struct net_port *p, const struct net_address *canonical, const struct net_route *from)
{
    return path_memo_has(net_port_paths(p), net_port_memo(p), canonical, from);
}

void net_paths_heard(struct net_port *p, const struct net_address *canonical, const struct net_route *from,
                     int64_t now_ms)
{
    if (net_paths_has(p, canonical, from))
        path_memo_heard(net_port_paths(p), net_port_memo(p), now_ms);
}

int net_paths_of(struct net_port *p, const struct net_route *from, struct net_address *out, int max)
{
    return path_table_of(net_port_paths(p), from, out, max);
}
