/* A connection that joins a session (server/groups.h). */
#include "base/error.h"
#include "proto/multipart.h"
#include "server/conn_state.h"

static void answered(void *owner, const struct registry_answer *answer)
{
    struct conn *c = owner;

    c->member.answer = *answer;
    if (answer->result == REGISTRY_REFUSED)
        c->joined = NULL;
    conn_queue(c);
}

/* Several parts leave together: UDT would make a packet of each, and keep as many in its buffer. */
static int tell(void *owner, const struct groups_part *part)
{
    struct conn *c = owner;
    int err = HX_OK;

    if (!conn_has_room(c))
        err = conn_flush(c);
    if (err == HX_OK && !conn_has_room(c))
        return HX_EAGAIN;
    if (err == HX_OK)
        err = conn_write_member(c, part);
    if (err < 0)
        conn_fail(c, err);
    return err;
}

static void told(void *owner)
{
    struct conn *c = owner;
    int err = conn_flush(c);

    if (err < 0)
        conn_fail(c, err);
}

static int64_t challenge(void *owner)
{
    return conn_challenge(owner);
}

static void remind(void *owner)
{
    conn_remind(owner);
}

static bool lives(void *owner)
{
    return conn_lives(owner);
}

static void replaced(void *owner, enum registry_how how)
{
    conn_replaced(owner, how);
}

static void behind(void *owner)
{
    conn_end(owner, COUNTER_LEFT_SLOW, "does not read who has left");
}

static const struct groups_events events = {.answered = answered,
                                            .tell = tell,
                                            .told = told,
                                            .challenge = challenge,
                                            .remind = remind,
                                            .lives = lives,
                                            .replaced = replaced,
                                            .behind = behind};

void conn_join(struct conn *c)
{
    struct groups_joiner joiner = {.events = &events,
                                   .owner = c,
                                   .request = c->request,
                                   .peer = c->member.peer,
                                   .reach = c->member.reach,
                                   .lines = c->member.lines};

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
                  c->request->name, "here", LOG_NUM(here), "expect", LOG_NUM(c->request->expect));
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
