/* One stream: its attempts to connect, its bytes, its end. */
#include "shim/udt/overrides.h"
#include "shim/udt/udt_internal.h"
#include <algorithm>
#include <climits>
#include <cstring>
#include <memory>
#include <new>

extern "C" {
#include "shim/net/paths.h"
#include "shim/net/tunnels.h"
#include "shim/udt/flow.h"
}

namespace
{
udt_stream *of(struct stream *s)
{
    return reinterpret_cast<udt_stream *>(s);
}

/* UDT has nothing (more): is that the end of the peer's direction? */
int at_end(udt_stream *s, int otherwise)
{
    struct half_close f;

    if (!s->rendezvous || !tap_conn_half_close(s->port->tap, s->id, &f) || !f.peer_ended ||
        s->bytes_read < f.peer_offset)
        return otherwise;
    if (!f.read)
        tap_conn_read(s->port->tap, s->id);
    return HX_EEOF;
}

ssize_t stream_recv(struct stream *base, void *buf, size_t len)
{
    udt_stream *s = of(base);
    unsigned news = s->news;
    int size = len > INT_MAX ? INT_MAX : static_cast<int>(len);

    if (s->state != OPEN_STREAM)
        return s->state == CONNECTING_STREAM ? HX_EAGAIN : HX_ECLOSED;
    ssize_t fresh = s->told ? udt_early_read(s, buf, len) : 0;
    if (fresh > 0)
        return fresh;
    for (;;) {
        if (s->read_empty_at == news && !s->shut)
            return at_end(s, HX_EAGAIN);
        int n = UDT::recv(s->id, static_cast<char *>(buf), size, 0);
        if (n < size)
            s->read_empty_at = news;
        if (n <= 0)
            return at_end(s, n == 0 ? HX_EAGAIN : udt_error());
        s->bytes_read += static_cast<uint64_t>(n);
        fresh = s->told ? udt_early_pass(s, buf, static_cast<size_t>(n)) : n;
        if (fresh > 0)
            return fresh;
        if (fresh < 0) {
            s->state = FAILED_STREAM;
            return HX_ECLOSED;
        }
    }
}

/* The bytes of one packet. */
size_t packet_bytes(const udt_stream *s)
{
    int most = s->port->mss - UDT_HEADS - PACKET_HEAD,
        cut = s->datagram_max ? s->datagram_max - PACKET_HEAD : most;

    return static_cast<size_t>(std::min(most, cut));
}

/* How many bytes may be written now. */
size_t room(const udt_stream *s)
{
    return s->rendezvous ? tap_conn_room(s->port->tap, s->id) * packet_bytes(s) : SIZE_MAX;
}

ssize_t stream_send(struct stream *base, const void *buf, size_t len)
{
    udt_stream *s = of(base);

    if (s->state != OPEN_STREAM)
        return s->state == CONNECTING_STREAM ? HX_EAGAIN : HX_ECLOSED;
    len = std::min(len, room(s));
    if (len == 0)
        return HX_EAGAIN;
    return udt_stream_put(s, buf, len);
}

int stream_waiting(struct stream *base)
{
    udt_stream *s = of(base);
    int packets = 0, len = sizeof packets;

    if (s->state != OPEN_STREAM || UDT::getsockstate(s->id) != CONNECTED ||
        UDT::getsockopt(s->id, 0, UDT_SNDDATA, &packets, &len) == UDT::ERROR)
        return HX_ECLOSED;
    return packets;
}

int64_t stream_heard(struct stream *base)
{
    return tap_conn_heard_ms(of(base)->port->tap, of(base)->id);
}

void stream_question(struct stream *base)
{
    tap_conn_ask(of(base)->port->tap, of(base)->id);
}

const struct sockaddr *stream_address(struct stream *base, socklen_t *len)
{
    *len = sizeof(of(base)->peer);
    return reinterpret_cast<const sockaddr *>(&of(base)->peer);
}

/* On UDT's receiving thread. */
bool tell_watcher(void *context, unsigned news)
{
    auto *s = static_cast<udt_stream *>(context);
    struct udt_event ev = {UDT_EV_READABLE, s->id, HX_OK, &s->base};
    bool told = true;

    if (news & TAP_READABLE) {
        s->news++;
        told = s->watcher.on_event(s->watcher.user, &ev);
    }
    ev.type = UDT_EV_WRITABLE;
    if (told && (news & TAP_WRITABLE))
        told = s->watcher.on_event(s->watcher.user, &ev);
    return told;
}

void stream_end(struct stream *base)
{
    udt_stream *s = of(base);
    struct udt_port *p = s->port;

    udt_stream_watch(base, nullptr);
    {
        std::lock_guard<std::mutex> held(p->lock);
        udt_forget_connecting(p, s);
        p->streams.erase(s->id);
        if (p->current == s)
            p->bits = 0;
    }
    if (s->id != UDT::INVALID_SOCK)
        udt_close_socket(p, s->id);
    udt_early_end(s);
    delete s;
}

const struct stream_ops udt_stream_ops = {STREAM_UDT,   stream_recv,     stream_send,    stream_waiting,
                                          stream_heard, stream_question, stream_address, stream_end};
} // namespace

/* UDT has connected it. */
ssize_t udt_stream_put(udt_stream *s, const void *buf, size_t len)
{
    udt_cut_writes(s->datagram_max ? s->datagram_max - PACKET_HEAD : 0);
    int n =
        UDT::send(s->id, static_cast<const char *>(buf), len > INT_MAX ? INT_MAX : static_cast<int>(len), 0);
    if (n > 0) {
        struct unsent_write written = {static_cast<uint32_t>(udt_last_write.packets),
                                       static_cast<size_t>(n) < packet_bytes(s) / 2,
                                       udt_last_write.period_ns};
        s->bytes_written += static_cast<uint64_t>(n);
        if (s->rendezvous)
            tap_conn_written(s->port->tap, s->id, &written);
        return n;
    }
    return n == 0 ? HX_EAGAIN : udt_error();
}

/* The socket's end in both worlds, in the order that keeps UDT's worker out of it (UDT4.md, A3). */
void udt_close_socket(struct udt_port *p, UDTSOCKET id)
{
    tap_conn_closing(p->tap, id);
    UDT::close(id);
    tap_conn_remove(p->tap, id);
    udt_closed(id);
}

void udt_forget_connecting(struct udt_port *p, udt_stream *s)
{
    for (size_t i = 0; i < p->connecting.size(); i++) {
        if (p->connecting[i] != s)
            continue;
        p->connecting[i] = p->connecting.back();
        p->connecting.pop_back();
        return;
    }
}

/* One attempt of a stream, on a socket of its own. The port's lock is held. */
int udt_attempt(udt_stream *s, int64_t now_ms)
{
    struct udt_port *p = s->port;
    std::unique_ptr<struct flow, decltype(&flow_release)> flow(s->rendezvous ? flow_create() : nullptr,
                                                               flow_release);
    int err = HX_ESYS;

    if (s->rendezvous && !flow)
        return HX_ENOMEM;
    UDTSOCKET id = udt_socket(flow ? LARGE_PACKETS : SMALL_PACKETS, p->mss, flow.get());
    if (id == UDT::INVALID_SOCK)
        return HX_ENOMEM;
    auto *to = reinterpret_cast<sockaddr *>(&s->peer);
    if (udt_set_rendezvous(id, s->rendezvous) &&
        UDT::bind(id, reinterpret_cast<sockaddr *>(&p->udt_name), sizeof p->udt_name) != UDT::ERROR)
        err = tap_conn_connecting(p->tap, id, to, &s->source, flow.get(), s->party, s->opening);
    if (err == HX_OK && UDT::connect(id, to, sizeof s->peer) == UDT::ERROR) {
        tap_conn_remove(p->tap, id);
        err = HX_ESYS;
    }
    if (err < 0) {
        UDT::close(id);
        return err;
    }
    tap_conn_started(p->tap, id);
    s->id = id;
    s->attempt_ms = now_ms + (s->rendezvous ? UDT_RENDEZVOUS_MS : UDT_CONNECT_MS);
    p->streams[id] = s;
    return HX_OK;
}

void udt_stream_init(udt_stream *s, struct udt_port *p)
{
    s->base.ops = &udt_stream_ops;
    s->port = p;
    s->id = UDT::INVALID_SOCK;
    s->read_empty_at = 0; /* as long as there was no news */
}

namespace
{
bool is_whole(const struct sockaddr *address, socklen_t len)
{
    if (len < sizeof(sockaddr_in))
        return false;
    return address->sa_family == AF_INET || (address->sa_family == AF_INET6 && len >= sizeof(sockaddr_in6));
}

/* net_address_from() keeps the interface of link-local addresses alone. */
struct net_address source_of(const struct sockaddr_in6 *sa)
{
    struct net_address a;

    net_address_from(&a, reinterpret_cast<const sockaddr *>(sa));
    a.scope = sa->sin6_scope_id;
    return a;
}

int begin(struct stream **out, struct udt_port *p, const struct sockaddr *peer, socklen_t len,
          const struct sockaddr_in6 *source, int timeout_ms, void *user, bool rendezvous,
          enum udt_party party, const struct udt_early_bytes *early)
{
    int64_t now_ms = clock_now_ms();

    if (!is_whole(peer, len))
        return HX_EADDR;
    struct net_address to;
    net_address_from(&to, peer);
    if (net_port_family(p->net) == AF_INET && !net_address_is_ipv4(&to) && !tunnels_lead_to(&to))
        return HX_EADDR;
    udt_stream *s = new (std::nothrow) udt_stream();
    if (!s)
        return HX_ENOMEM;
    udt_stream_init(s, p);
    if (early && !udt_early_begin(s, early)) {
        delete s;
        return HX_ENOMEM;
    }
    s->base.user = user;
    s->rendezvous = rendezvous;
    s->party = party;
    s->deadline_ms = now_ms + timeout_ms;
    net_address_to_sockaddr6(&to, &s->peer);
    if (net_paths_is_canonical(&to))
        s->datagram_max = UDT_DATAGRAM_BASE_BYTES;
    if (source)
        s->source = source_of(source);
    std::lock_guard<std::mutex> held(p->lock);
    p->connecting.push_back(s); /* before the first datagram leaves: its answer may be told at once */
    *out = &s->base;
    int err = udt_attempt(s, now_ms);
    if (err < 0) {
        udt_forget_connecting(p, s);
        udt_early_end(s);
        delete s;
    }
    return err;
}

} // namespace

extern "C" {
int udt_connect(struct stream **out, struct udt_port *p, const struct sockaddr *peer, socklen_t len,
                int timeout_ms, void *user)
{
    return udt_connect_early(out, p, peer, len, timeout_ms, nullptr, user);
}

int udt_connect_early(struct stream **out, struct udt_port *p, const struct sockaddr *peer, socklen_t len,
                      int timeout_ms, const struct udt_early_bytes *early, void *user)
{
    return begin(out, p, peer, len, nullptr, timeout_ms, user, false, UDT_PARTY_UNSAID, early);
}

int udt_rendezvous(struct stream **out, struct udt_port *p, const struct sockaddr *peer, socklen_t len,
                   const struct sockaddr_in6 *source, int timeout_ms, enum udt_party party, void *user)
{
    return begin(out, p, peer, len, source, timeout_ms, user, true, party, nullptr);
}

bool udt_stream_heard_at(struct stream *s, struct sockaddr_in6 *out)
{
    struct net_address at;

    if (of(s)->id == UDT::INVALID_SOCK || !tap_conn_heard_at(of(s)->port->tap, of(s)->id, &at))
        return false;
    net_address_to_sockaddr6(&at, out);
    return true;
}

void udt_stream_leave_by(struct stream *s, const struct sockaddr_in6 *source)
{
    of(s)->source = source_of(source);
    tap_conn_leave_by(of(s)->port->tap, of(s)->id, &of(s)->source);
}

void udt_stream_set_datagram_max(struct stream *s, int bytes)
{
    of(s)->datagram_max = std::max(bytes, UDT_DATAGRAM_MIN_BYTES);
}

void udt_stream_heard(struct stream *s, struct udt_heard *out)
{
    *out = of(s)->heard;
    struct flight flight;
    if (of(s)->id != UDT::INVALID_SOCK && tap_conn_flight(of(s)->port->tap, of(s)->id, &flight))
        *out = {flight.came, flight.dropped, flight.rule};
}

void udt_stream_watch(struct stream *base, const struct udt_watcher *watcher)
{
    udt_stream *s = of(base);
    struct udt_watch watch = {tell_watcher, s};

    if (s->id == UDT::INVALID_SOCK)
        return;
    if (watcher)
        s->watcher = *watcher;
    tap_conn_watch(s->port->tap, s->id, watcher ? &watch : nullptr);
}

size_t udt_stream_room(struct stream *base, size_t most)
{
    udt_stream *s = of(base);
    size_t each = packet_bytes(s);

    most = std::min(most, s->state == OPEN_STREAM ? room(s) : SIZE_MAX); /* write() says what else there is */
    return most > each ? most - most % each : most;
}

int udt_stream_half_close(struct stream *s)
{
    if (of(s)->state != OPEN_STREAM)
        return HX_ECLOSED;
    tap_conn_end(of(s)->port->tap, of(s)->id, of(s)->bytes_written);
    return HX_OK;
}

bool udt_stream_peer_has_ended(struct stream *s)
{
    struct half_close f;

    return of(s)->rendezvous && tap_conn_half_close(of(s)->port->tap, of(s)->id, &f) && f.peer_ended;
}

void udt_stream_note_end(struct stream *s)
{
    (void)at_end(of(s), HX_EAGAIN);
}

bool udt_stream_all_acknowledged(struct stream *s)
{
    int packets = 0, len = sizeof packets;

    return of(s)->state == OPEN_STREAM &&
           UDT::getsockopt(of(s)->id, 0, UDT_SNDDATA, &packets, &len) != UDT::ERROR && packets == 0;
}

int udt_stream_unsent(struct stream *s)
{
    UDT::TRACEINFO trace;
    int packets = 0, len = sizeof packets;

    if (of(s)->state != OPEN_STREAM ||
        UDT::getsockopt(of(s)->id, 0, UDT_SNDDATA, &packets, &len) == UDT::ERROR ||
        UDT::perfmon(of(s)->id, &trace, false) == UDT::ERROR)
        return 0;
    return std::max(packets - trace.pktFlightSize, 0);
}

void udt_stream_half_close_state(struct stream *s, struct udt_half_close *out)
{
    memset(out, 0, sizeof *out);
    struct half_close f;
    if (!tap_conn_half_close(of(s)->port->tap, of(s)->id, &f))
        return;
    out->peer_speaks = f.peer_speaks;
    out->sent_confirmed = f.confirmed;
    out->received_all = f.read;
    out->peer_done = f.peer_done;
}
}
