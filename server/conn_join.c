/* A connection that joins a session (server/groups.h). */
#include "base/error.h"
#include "server/conn_state.h"

static void answered(struct registry_member *owner, const struct registry_answer *answer)
{
    struct conn *c = conn_of(owner);

    c->member.answer = *answer;
    if (answer->result == REGISTRY_REFUSED)
        c->joined = NULL;
    conn_queue(c);
}

/* HX_EAGAIN: it does not fit behind what waits. */
static int write_member(struct conn *c, const struct groups_part *part)
{
    int err = conn_has_room(c) ? conn_write_member(c, part) : HX_EAGAIN;

    return err == HX_ETOOBIG && c->out.len > 0 ? HX_EAGAIN : err;
}

/* Several parts leave together: UDT would make a packet of each, and keep as many in its buffer. */
static int tell(struct registry_member *owner, const struct groups_part *part)
{
    struct conn *c = conn_of(owner);
    int err = write_member(c, part);

    if (err == HX_EAGAIN) {
        err = conn_flush(c);
        if (err == HX_OK)
            err = write_member(c, part);
    }
    if (err < 0 && err != HX_EAGAIN)
        conn_fail(c, err);
    return err;
}

static void told(struct registry_member *owner)
{
    struct conn *c = conn_of(owner);
    int err = conn_flush(c);

    if (err < 0)
        conn_fail(c, err);
}

static void behind(struct registry_member *owner)
{
    conn_end(conn_of(owner), COUNTER_LEFT_SLOW, "does not read who has left");
}

static const struct groups_events events = {
    .answered = answered, .tell = tell, .told = told, .behind = behind};

void conn_join(struct conn *c)
{
    struct groups_joiner joiner = {.events = &events, .owner = &c->member, .request = c->request};

    c->member.answer = groups_join(c->world->groups, &joiner, &c->joined);
}

/* The others hear of it in the same turn as it of them. */
int conn_joined(struct conn *c)
{
    conn_begin_stream(c, CONN_STREAM_JOIN);
    int err = conn_write_stream_head(c);
    if (err < 0)
        return err;
    int here = groups_begin(c->joined);
    conn_log_kind(c, LOG_INFO, "member_joined", "joined", "name", c->request->host_id, "member",
                  c->request->name, "key", CONN_LOG_KEY(c), "here", LOG_NUM(here), "expect",
                  LOG_NUM(c->request->expect));
    return c->state == CONN_STREAM_JOIN ? conn_flush(c) : HX_OK;
}

int conn_stream_join(struct conn *c)
{
    if (conn_heard(c))
        groups_heard(c->joined);
    if (c->state == CONN_STREAM_JOIN && conn_has_room(c))
        groups_proceed(c->joined);
    return HX_OK;
}
