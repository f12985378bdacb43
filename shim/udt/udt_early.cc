/* What is told ahead of a stream. Of a listener's stream the reader alone has it; of one that connects it
 * does not change. */
#include "shim/udt/udt_internal.h"
#include <algorithm>
#include <cstdlib>
#include <new>

static_assert(UDT_EARLY_BYTES_MAX == EARLY_BYTES_MAX && UDT_TICKET_MAX == EARLY_TICKET_MAX, "one limit");

struct udt_told {
    struct early_bytes *bytes; /* malloc()ed */
    struct preview preview;    /* of these */
};

bool udt_early_begin(udt_stream *s, const struct udt_early_bytes *first)
{
    struct early_conn *e = s->opening = new (std::nothrow) early_conn();

    if (!e)
        return false;
    e->own.len = std::min(first->len, sizeof e->own.bytes);
    std::copy_n(static_cast<const uint8_t *>(first->bytes), e->own.len, e->own.bytes);
    e->ticket.len = std::min(first->ticket_len, sizeof e->ticket.bytes);
    std::copy_n(static_cast<const uint8_t *>(first->ticket), e->ticket.len, e->ticket.bytes);
    e->left = EARLY_UNHEARD_MAX;
    return true;
}

void udt_early_accepted(udt_stream *s, struct early_bytes *told)
{
    s->told = new (std::nothrow) udt_told();
    if (s->told) {
        s->told->bytes = told;
        s->told->preview.bytes = told->bytes;
        s->told->preview.len = told->len;
    } else {
        free(told); /* the stream has the same bytes */
    }
}

static void forget_told(udt_stream *s)
{
    if (s->told)
        free(s->told->bytes);
    delete s->told;
    s->told = nullptr;
}

void udt_early_end(udt_stream *s)
{
    delete s->opening;
    s->opening = nullptr;
    forget_told(s);
}

/* UDT takes as much at once: its buffers are empty, and larger. */
bool udt_early_connected(udt_stream *s)
{
    const struct early_bytes *own = &s->opening->own;

    return own->len == 0 || udt_stream_put(s, own->bytes, own->len) == static_cast<ssize_t>(own->len);
}

ssize_t udt_early_read(udt_stream *s, void *buf, size_t len)
{
    return static_cast<ssize_t>(preview_read(&s->told->preview, static_cast<uint8_t *>(buf), len));
}

ssize_t udt_early_pass(udt_stream *s, void *buf, size_t len)
{
    ssize_t fresh = preview_pass(&s->told->preview, static_cast<uint8_t *>(buf), len);

    if (preview_done(&s->told->preview))
        forget_told(s); /* a nameserver has many that are idle */
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
