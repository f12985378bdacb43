#include "shim/udt/readiness.h"
#include "base/error.h"
#include <sys/eventfd.h>
#include <unistd.h>
#include <utlist.h>

int readiness_init(struct readiness *r)
{
    *r = (struct readiness){.fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
    return r->fd < 0 ? HX_ESYS : HX_OK;
}

void readiness_end(struct readiness *r)
{
    if (r->fd >= 0)
        close(r->fd);
}

/* The analyzer does not know what utlist keeps true: a listed element's neighbours are never NULL.
 * NOLINTBEGIN(clang-analyzer-core.NullDereference) */
void readiness_forget(struct readiness *r, struct udt_conn *c)
{
    (void)r;
    if (c->queue)
        DL_DELETE2(*c->queue, c, ready_prev, ready_next);
    c->queue = NULL;
}

static void put(struct udt_conn **queue, struct readiness *r, struct udt_conn *c)
{
    if (c->queue == queue)
        return;
    readiness_forget(r, c);
    DL_APPEND2(*queue, c, ready_prev, ready_next);
    c->queue = queue;
}

static bool for_watcher(const struct udt_conn *c)
{
    return c->watch.tell && !(c->news & ~NEWS_WATCHED);
}

void readiness_tell(struct readiness *r, struct udt_conn *c, unsigned news)
{
    if (c->state == UDT_CONN_LINGERING)
        return;
    c->news |= news;
    if (!c->news || c->state == UDT_CONN_PENDING_ACCEPT)
        return;
    /* What waits in the queue of the descriptor stays there: its news come in one. */
    put(c->queue != &r->first && for_watcher(c) ? &r->watched : &r->first, r, c);
}

void readiness_watch(struct readiness *r, struct udt_conn *c, const struct udt_watch *watch)
{
    c->watch = *watch;
    if (c->queue == &r->watched && !for_watcher(c))
        put(&r->first, r, c);
}

void readiness_refused(struct readiness *r, struct udt_conn *c, unsigned news)
{
    c->news |= news;
    put(&r->first, r, c);
}

static struct udt_conn *take(struct udt_conn **queue, struct readiness *r, unsigned *news)
{
    struct udt_conn *c = *queue;

    if (!c)
        return NULL;
    readiness_forget(r, c);
    *news = c->news;
    c->news = 0;
    return c;
}

struct udt_conn *readiness_next_watched(struct readiness *r, unsigned *news)
{
    return take(&r->watched, r, news);
}

struct udt_conn *readiness_next(struct readiness *r, unsigned *news)
{
    struct udt_conn *c = take(&r->first, r, news);

    if (c)
        return c;
    /* even if not signalled: the last signal may have come after the queue was emptied */
    uint64_t count;
    (void)!read(r->fd, &count, sizeof count);
    r->signalled = false;
    return NULL;
}
/* NOLINTEND(clang-analyzer-core.NullDereference) */

bool readiness_must_signal(struct readiness *r)
{
    if ((!r->first && !r->accepts) || r->signalled)
        return false;
    r->signalled = true;
    return true;
}

void readiness_signal(const struct readiness *r)
{
    uint64_t one = 1;

    (void)!write(r->fd, &one, sizeof one);
}
