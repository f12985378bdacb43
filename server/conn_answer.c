#include "base/container_of.h"
#include "base/error.h"
#include "server/conn_state.h"

static struct conn *conn_of(struct registry_member *m)
{
    return m ? container_of(m, struct conn, member) : NULL;
}

static struct conn *holder_of(const struct conn *c)
{
    return conn_of(registry_holder(c->world->registry, c->request.host_id));
}

static int answer_root(struct conn *c)
{
    int err = conn_write_root(c);

    return err < 0 ? err : conn_finish_answer(c, c->request.close);
}

/* HEAD of /bind or /connect: what a GET would have got, and nothing happens (RFC 9110, 9.3.2). */
static int answer_head(struct conn *c)
{
    int err = conn_write_stream_head(c);

    return err < 0 ? err : conn_finish_answer(c, c->request.close);
}

static int join(struct conn *c, enum registry_role role)
{
    return registry_join(c->world->registry, c->request.host_id, &c->member, role);
}

/* The newcomer has shown to be the holder's heir: same address, or the holder is dead. */
static void log_replaced(const struct conn *holder, const struct conn *c, const char *reason)
{
    conn_log(c, LOG_INFO, "replaced", "name", c->request.host_id, "holder", LOG_PEER(&holder->peer), "reason",
             reason);
}

static int challenge_holder(struct conn *c, struct conn *holder)
{
    int err = join(c, REGISTRY_CHALLENGER);

    if (err < 0)
        return conn_refuse_for(c, reply_reason_for(err));
    conn_log(c, LOG_INFO, "challenged", "name", c->request.host_id, "holder", LOG_PEER(&holder->peer));
    c->challenged_id = holder->id;
    conn_enter(c, CONN_CHALLENGE);
    err = conn_probe(holder);
    if (err < 0)
        conn_fail(holder, err);
    else
        conn_settle_challenge(holder);
    return HX_OK;
}

static int answer_bind(struct conn *c)
{
    struct conn *holder = holder_of(c);
    bool same = holder && endpoint_equal(&holder->peer, &c->peer);
    int err;

    if (holder && !same)
        return c->request.head ? conn_refuse_for(c, REPLY_HELD) : challenge_holder(c, holder);
    if (c->request.head)
        return answer_head(c);
    if (same) {
        log_replaced(holder, c, "same address");
        conn_finish_stream(holder);
    }
    err = join(c, REGISTRY_HOLDER);
    if (err < 0)
        return conn_refuse_for(c, reply_reason_for(err));
    conn_log(c, LOG_INFO, "bound", "name", c->request.host_id);
    conn_begin_stream(c, CONN_STREAM_BIND);
    err = conn_write_stream_head(c);
    return err < 0 ? err : conn_flush(c);
}

static int tell_holder(struct conn *holder, const struct conn *c)
{
    int err = conn_write_part(holder, c->request.name, &c->peer);

    return err < 0 ? err : conn_flush(holder);
}

static int tell_connector(struct conn *c, const struct conn *holder)
{
    int err = conn_write_part(c, c->request.host_id, &holder->peer);

    if (err == HX_OK && !c->introduced)
        err = conn_write_part(c, c->request.name, &c->peer);
    c->introduced = true;
    c->told = holder->peer;
    conn_log(c, LOG_INFO, "connected", "name", c->request.host_id, "h1", LOG_PEER(&holder->peer), "h2",
             LOG_PEER(&c->peer), "h2_name", c->request.name);
    return err < 0 ? err : conn_flush(c);
}

static int answer_unknown(struct conn *c)
{
    int err;

    if (!c->waited) {
        c->waited = true;
        c->wait_until_ms = c->world->now_ms + c->request.wait_s * INT64_C(1000);
    }
    if (c->wait_until_ms <= c->world->now_ms)
        return conn_refuse_for(c, REPLY_UNKNOWN);
    err = join(c, REGISTRY_WAITER);
    if (err < 0)
        return conn_refuse_for(c, reply_reason_for(err));
    conn_log(c, LOG_INFO, "waits", "name", c->request.host_id, "seconds", LOG_NUM(c->request.wait_s));
    conn_enter(c, CONN_WAIT_NAME);
    return HX_OK;
}

/* The holder's part leaves first. Who asks now is introduced now if the holder has room for more; else, and
 * if others have gathered before (waiters, and watchers of an earlier holder), one after the other as the
 * holder reads: nobody can overrun a holder by asking often, and so take its name. */
static int answer_connect(struct conn *c)
{
    struct conn *holder = holder_of(c);
    bool paced;
    int err;

    if (!holder)
        return answer_unknown(c);
    if (c->request.head)
        return answer_head(c);
    paced = c->waited || registry_has_pending(&holder->member) || !conn_has_room(holder);
    err = join(c, paced ? REGISTRY_PENDING : REGISTRY_WATCHER);
    if (err < 0)
        return conn_refuse_for(c, reply_reason_for(err));
    if (!paced && (err = tell_holder(holder, c)) < 0) {
        conn_fail(holder, err);
        registry_leave(c->world->registry, &c->member);
        return HX_OK; /* still to be answered: the name is free now */
    }
    conn_begin_stream(c, CONN_STREAM_CONNECT);
    err = conn_write_stream_head(c);
    if (err == HX_OK && !paced)
        return tell_connector(c, holder);
    conn_queue(holder);
    return err < 0 ? err : conn_flush(c);
}

int conn_answer(struct conn *c)
{
    switch (c->request.target) {
    case REQUEST_BIND:
        return answer_bind(c);
    case REQUEST_CONNECT:
        return answer_connect(c);
    case REQUEST_ROOT:
    default:
        return answer_root(c);
    }
}

int conn_introduce_pending(struct conn *holder)
{
    while (registry_has_pending(&holder->member) && conn_has_room(holder)) {
        struct conn *c;
        int err;

        if (holder->turn_requests++ >= CONN_TURN_REQUESTS) {
            conn_queue(holder);
            break;
        }
        c = conn_of(registry_next_pending(&holder->member));
        if (endpoint_equal(&c->told, &holder->peer))
            continue; /* it knows: the name came back to where it was */
        err = tell_holder(holder, c);
        if (err < 0)
            return err;
        err = tell_connector(c, holder);
        if (err < 0)
            conn_fail(c, err);
    }
    return HX_OK;
}

int conn_wait_name(struct conn *c)
{
    if (!holder_of(c))
        return HX_EAGAIN;
    registry_leave(c->world->registry, &c->member);
    conn_log(c, LOG_INFO, "waited", "name", c->request.host_id, "ms",
             LOG_NUM(c->world->now_ms - (c->wait_until_ms - c->request.wait_s * INT64_C(1000))));
    conn_enter(c, CONN_ANSWER);
    return HX_OK;
}

void conn_wait_over(struct conn *c)
{
    int err = conn_refuse_for(c, REPLY_UNKNOWN);

    if (err < 0)
        conn_fail(c, err);
}

void conn_settle_challenge(struct conn *holder)
{
    if (!conn_probe_answered(holder))
        return;
    holder->probing = false;
    registry_reject_challengers(holder->world->registry, &holder->member);
}

/* NULL: gone; somebody else may hold the name by now, who has a second of his own. */
static struct conn *challenged_holder(const struct conn *c)
{
    struct conn *holder = holder_of(c);

    return holder && holder->id == c->challenged_id ? holder : NULL;
}

int conn_challenge(struct conn *c)
{
    if (c->member.role == REGISTRY_NONE)
        return conn_refuse_for(c, REPLY_HELD);
    if (challenged_holder(c))
        return HX_EAGAIN;
    registry_leave(c->world->registry, &c->member);
    conn_enter(c, CONN_ANSWER);
    return HX_OK;
}

void conn_challenge_over(struct conn *c)
{
    struct conn *holder = challenged_holder(c);

    if (!holder)
        return; /* a turn has been asked for when the holder left */
    conn_settle_challenge(holder);
    if (c->member.role == REGISTRY_NONE)
        return;
    log_replaced(holder, c, "did not acknowledge the challenge");
    conn_end(holder, "did not acknowledge the challenge");
}
