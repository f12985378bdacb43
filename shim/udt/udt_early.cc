/* What is told ahead of one stream. The thread that reads and the one that writes may be two, and a third one
 * takes the events: the reader alone has `preview`, the lock is for the others. */
#include "shim/udt/udt_internal.h"
#include <algorithm>
#include <new>

static_assert(UDT_EARLY_BYTES_MAX == EARLY_BYTES_MAX && UDT_TICKET_MAX == EARLY_TICKET_MAX, "one limit");

struct udt_early {
    std::mutex lock;
    struct early_conn opening; /* .own: what the stream begins with, once it is connected */
    struct early_preview preview;
    bool settled;  /* nothing will be added to the preview */
    bool accepted; /* by a listener: it has told nothing itself */
};

bool udt_early_begin(udt_stream *s, const struct udt_early_bytes *first)
{
    s->early = new (std::nothrow) udt_early();
    if (!s->early)
        return false;
    (void)early_bytes_grow(&s->early->opening.own, static_cast<const uint8_t *>(first->bytes), first->len);
    s->early->opening.left = EARLY_UNHEARD_MAX;
    struct early_ticket *ticket = &s->early->opening.ticket;
    ticket->len = std::min(first->ticket_len, sizeof ticket->bytes);
    std::copy_n(static_cast<const uint8_t *>(first->ticket), ticket->len, ticket->bytes);
    return true;
}

void udt_early_accepted(udt_stream *s)
{
    s->early = new (std::nothrow) udt_early(); /* no memory: the stream has the same bytes */
    if (s->early)
        s->early->accepted = true;
}

void udt_early_end(udt_stream *s)
{
    delete s->early;
    s->early = nullptr;
}

void udt_early_opening(udt_stream *s, struct early_conn *out)
{
    std::lock_guard<std::mutex> held(s->early->lock);

    *out = s->early->opening;
}

ssize_t udt_early_write(udt_stream *s, const void *buf, size_t len)
{
    struct early_bytes *own = &s->early->opening.own;
    std::lock_guard<std::mutex> held(s->early->lock);

    if (s->state != CONNECTING_STREAM)
        return 0;
    size_t n = std::min(len, sizeof own->bytes - own->len);
    if (n == 0)
        return HX_EAGAIN;
    std::copy_n(static_cast<const uint8_t *>(buf), n, own->bytes + own->len);
    own->len += n;
    tap_conn_tell_early(s->port->tap, s->id, own);
    return static_cast<ssize_t>(n);
}

/* UDT takes as much at once: its buffers are empty, and larger. */
void udt_early_connected(udt_stream *s)
{
    const struct early_bytes *own = &s->early->opening.own;
    std::lock_guard<std::mutex> held(s->early->lock);

    bool whole = own->len == 0 || udt_stream_put(s, own->bytes, own->len) == static_cast<ssize_t>(own->len);
    s->state = whole ? OPEN_STREAM : FAILED_STREAM;
}

ssize_t udt_early_read(udt_stream *s, bool open, void *buf, size_t len)
{
    struct udt_early *e = s->early;

    if (!e->settled)
        tap_conn_early(s->port->tap, s->id, &e->preview.told);
    e->settled = open;
    return static_cast<ssize_t>(early_preview_read(&e->preview, static_cast<uint8_t *>(buf), len));
}

ssize_t udt_early_pass(udt_stream *s, void *buf, size_t len)
{
    ssize_t fresh = early_preview_pass(&s->early->preview, static_cast<uint8_t *>(buf), len);

    if (s->early->accepted && early_preview_done(&s->early->preview))
        udt_early_end(s); /* a nameserver has many that are idle */
    return fresh;
}

extern "C" size_t udt_stream_ticket(struct stream *base, uint8_t out[UDT_TICKET_MAX])
{
    auto *s = reinterpret_cast<udt_stream *>(base);
    struct early_ticket ticket;

    if (s->id == UDT::INVALID_SOCK || !tap_conn_ticket(s->port->tap, s->id, &ticket))
        return 0;
    std::copy_n(ticket.bytes, ticket.len, out);
    return ticket.len;
}
