/* What the server sees of its connections, and the lists that they are in. */
#include "server/conn_state.h"
#include <utlist.h>

const struct endpoint *conn_peer(const struct conn *c)
{
    return &c->member.peer;
}

bool conn_refused(const struct conn *c)
{
    return c->refused != REPLY_NOTHING;
}

size_t conn_queued_bytes(const struct conn *c)
{
    return c->out.len;
}

struct conn *conn_next(const struct conn *c)
{
    return c->all_next;
}

struct conn *conn_last_ready(const struct conn_world *w)
{
    return w->ready ? w->ready->ready_prev : NULL; /* utlist: the first one's `prev` is the last one */
}

struct conn *conn_next_done(struct conn_world *w)
{
    struct conn *c = w->done;

    if (c)
        LL_DELETE2(w->done, c, done_next);
    return c;
}
