/* A TCP connection that has become a tunnel for UDP (server/tunnel.h), and those of UDT that come by it. */
#include "base/error.h"
#include "proto/capsule.h"
#include "proto/upgrade.h"
#include "server/conn_state.h"
#include "server/tunnel.h"
#include <string.h>

#define READ_BYTES 16384
#define TURN_BYTES 131072 /* in a row; then others have a turn */
#define STOP_MS    100    /* between two looks whether those that came by it have ended */

static void give(void *owner, const uint8_t *bytes, size_t len)
{
    struct conn *c = owner;

    counters_add(c->world->counters,
                 capsule_write(&c->out, bytes, len) == HX_OK ? COUNTER_TUNNEL_GIVEN : COUNTER_TUNNEL_LOST);
    conn_queue(c);
}

int conn_begin_tunnel(struct conn *c)
{
    struct upgrade_target target = {.port = c->request->port};
    struct tunnel_owner owner = {.give = give, .owner = c};

    if (c->member.reach != REACH_TCP)
        return conn_refuse_for(c, REPLY_NO_TUNNEL);
    memcpy(target.host, c->request->host_id, strlen(c->request->host_id) + 1);
    int err = tunnel_open(&c->tunnel, c->world->tunnels, &target, &c->member.peer, &owner);
    if (err < 0)
        return conn_refuse_for(c, err == HX_ENOMEM ? REPLY_NO_MEMORY : REPLY_TARGET);
    err = upgrade_write_answer(&c->out);
    if (err < 0)
        return err;
    c->out.limit = TUNNEL_QUEUE_BYTES;
    counters_add(c->world->counters, COUNTER_TUNNELS);
    conn_log(c, LOG_INFO, "tunnel", "address", LOG_ADDRESS(tunnel_address(c->tunnel)));
    request_parser_destroy(c->parser);
    c->parser = NULL;
    c->streamed = true;
    conn_enter(c, CONN_TUNNEL);
    return conn_flush(c);
}

/* What came behind the head first. */
int conn_carry(struct conn *c)
{
    char bytes[READ_BYTES];

    while (c->turn_bytes < TURN_BYTES) {
        bool waits = c->in.len > 0;
        ssize_t n = waits ? (ssize_t)c->in.len : stream_read(c->stream, bytes, sizeof bytes);

        if (n < 0)
            return n == HX_EEOF ? HX_ECLOSED : (int)n;
        c->turn_bytes += (size_t)n;
        int err = tunnel_take(c->tunnel, waits ? buf_data(&c->in) : bytes, (size_t)n);
        if (waits)
            buf_free(&c->in);
        if (err < 0) {
            conn_end(c, COUNTER_LEFT_NO_CAPSULES, "what it sends are no capsules");
            return HX_OK;
        }
    }
    conn_queue(c);
    return HX_EAGAIN;
}

void conn_end_tunnel(struct conn *c)
{
    if (c->member.reach != REACH_TCP)
        return;
    tunnel_close(c->tunnel);
    c->tunnel = NULL;
}

bool conn_stop_tunnel(struct conn *c)
{
    if (c->state != CONN_TUNNEL || !c->world->stopping)
        return false;
    if (tunnel_members(c->tunnel) > 0)
        timers_set(c->world->timers, &c->deadline, c->world->now_ms + STOP_MS);
    else
        conn_enter(c, CONN_DRAIN);
    return true;
}

static void tunnel_over(void *member)
{
    struct conn *c = member;

    conn_end(c, COUNTER_LEFT_CLOSED, "its tunnel has ended");
}

int conn_join_tunnel(struct conn *c)
{
    if (c->member.reach != REACH_TUNNEL || !tunnels_has_port(c->world->tunnels))
        return HX_OK;
    c->by_tunnel = tunnel_member_join(c->world->tunnels, &c->member.peer, tunnel_over, c);
    return c->by_tunnel ? HX_OK : HX_ECLOSED;
}

void conn_leave_tunnel(struct conn *c)
{
    conn_end_tunnel(c);
    if (c->member.reach != REACH_TUNNEL)
        return;
    tunnel_member_leave(c->by_tunnel);
    c->by_tunnel = NULL;
}
