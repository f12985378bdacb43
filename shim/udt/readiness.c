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
void readiness_tell(struct readiness *r, struct udt_conn *c, unsigned news)
{
    if (c->state == UDT_CONN_LINGERING)
        return;
    c->news |= news;
    if (c->queued || !c->news || c->state == UDT_CONN_PENDING_ACCEPT)
        return;
    DL_APPEND2(r->first, c, ready_prev, ready_next);
    c->queued = true;
}

void readiness_forget(struct readiness *r, struct udt_conn *c)
{
    if (c->queued)
        DL_DELETE2(r->first, c, ready_prev, ready_next);
    c->queued = false;
}

struct udt_conn *readiness_next(struct readiness *r, unsigned *news)
{
    struct udt_conn *c = r->first;
    uint64_t count;

    if (c) {
        readiness_forget(r, c);
        *news = c->news;
        c->news = 0;
        return c;
    }
    /* even if not signalled: the last signal may have come after the queue was emptied */
    (void)!read(r->fd, &count, sizeof(count));
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

    (void)!write(r->fd, &one, sizeof(one));
}
