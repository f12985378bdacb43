/* UDT 4.11 behind shim/udt.h: sockets, their options, and events made of what shim/wire tells. */
#include <udt/udt.h>

extern "C" {
#include "shim/guard.h"
#include "shim/udt.h"
#include "shim/wire.h"
}
#include "shim/peer_cache.h"
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstring>
#include <mutex>
#include <new>
#include <poll.h>
#include <unistd.h>
#include <unordered_map>
#include <vector>

namespace
{
constexpr int PACKET_BYTES =
    UDT_MSS_BYTES - 28;             /* UDT counts buffers in packets without IPv4 and UDP headers */
constexpr int SMALL_PACKETS = 32;   /* a nameserver's connection (DESIGN, 4.4); also S7's bound */
constexpr int LARGE_PACKETS = 8192; /* a punched connection: 11 MB, UDT's own default */
constexpr int UDP_BUFFER_BYTES = 4 << 20;
constexpr int SHUTDOWN_POLL_MS = 5;

enum stream_state { CONNECTING, OPEN, FAILED };

struct udt_stream {
    struct stream base; /* first: a struct stream * is a struct udt_stream * */
    struct udt_port *port;
    UDTSOCKET id;
    sockaddr_in6 peer; /* IPv4 as mapped */
    stream_state state;
    bool rendezvous;
    int64_t attempt_ms;  /* deadline of this attempt, below UDT's own */
    int64_t deadline_ms; /* of all attempts */
    uint64_t bytes_read, bytes_written;
};

std::mutex ports_lock;
std::vector<struct udt_port *> ports;
} // namespace

struct udt_port {
    int fd;
    int family; /* AF_INET6 wherever the kernel has it, dual-stack */
    sockaddr_storage local;
    socklen_t local_len;
    UDTSOCKET keeper; /* the listener, or a socket that only keeps the port's threads alive (UDT4.md, A5) */
    bool listening, accepting;
    struct wire *wire;
    std::mutex lock; /* streams, connecting, current */
    std::unordered_map<UDTSOCKET, udt_stream *> streams;
    std::vector<udt_stream *> connecting;
    udt_stream *current; /* the stream whose bits are being told, one event at a time */
    unsigned bits;
};

namespace
{
extern const struct stream_ops udt_stream_ops;

/* The one place that knows UDT's error codes. */
int error_of_udt()
{
    int code = UDT::getlasterror_code();

    if (code == CUDTException::EASYNCSND || code == CUDTException::EASYNCRCV ||
        code == CUDTException::ETIMEOUT)
        return HX_EAGAIN;
    if (code == CUDTException::ECONNLOST || code == CUDTException::ENOCONN || code == CUDTException::EINVSOCK)
        return HX_ECLOSED;
    if (code / 1000 == 3)
        return HX_ENOMEM;
    return HX_ESYS;
}

/* UDT's threads inherit the mask of the thread that makes them: they must never take the program's signals.
 */
class signals_blocked
{
  public:
    signals_blocked()
    {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
    }
    ~signals_blocked()
    {
        pthread_sigmask(SIG_SETMASK, &before, nullptr);
    }

  private:
    sigset_t before;
};

template <typename T> bool set_option(UDTSOCKET id, UDT::SOCKOPT option, T value)
{
    return UDT::setsockopt(id, 0, option, &value, sizeof(value)) != UDT::ERROR;
}

/* UDT_FC before the buffers, never UDT_FC alone: the loss lists are sized from it (UDT4.md, B). */
bool set_options(UDTSOCKET id, int packets)
{
    struct linger off = {0, 0};

    return set_option(id, UDP_RCVBUF, UDP_BUFFER_BYTES) && set_option(id, UDP_SNDBUF, UDP_BUFFER_BYTES) &&
           set_option(id, UDT_MSS, UDT_MSS_BYTES) && set_option(id, UDT_FC, packets) &&
           set_option(id, UDT_RCVBUF, packets * PACKET_BYTES) &&
           set_option(id, UDT_SNDBUF, packets * PACKET_BYTES) && set_option(id, UDT_LINGER, off) &&
           set_option(id, UDT_SNDSYN, false) && set_option(id, UDT_RCVSYN, false);
}

UDTSOCKET new_socket(int family, int packets)
{
    UDTSOCKET id = UDT::socket(family, SOCK_STREAM, 0);

    if (id == UDT::INVALID_SOCK)
        return id;
    if (set_options(id, packets))
        return id;
    UDT::close(id);
    return UDT::INVALID_SOCK;
}

/* The wildcard, or the configured address in the form the socket's family takes. */
bool local_address(int family, const struct sockaddr *local, sockaddr_storage *out, socklen_t *len)
{
    auto *sin6 = reinterpret_cast<sockaddr_in6 *>(out);
    auto *sin = reinterpret_cast<sockaddr_in *>(out);

    memset(out, 0, sizeof(*out));
    out->ss_family = static_cast<sa_family_t>(family);
    *len = family == AF_INET6 ? sizeof(*sin6) : sizeof(*sin);
    if (!local)
        return true;
    if (local->sa_family == family) {
        memcpy(out, local, *len);
        return true;
    }
    if (family != AF_INET6 || local->sa_family != AF_INET)
        return false;
    sin6->sin6_port = reinterpret_cast<const sockaddr_in *>(local)->sin_port;
    sin6->sin6_addr.s6_addr[10] = sin6->sin6_addr.s6_addr[11] = 0xFF;
    memcpy(sin6->sin6_addr.s6_addr + 12, &reinterpret_cast<const sockaddr_in *>(local)->sin_addr, 4);
    return true;
}

int open_udp(struct udt_port *p, const struct udt_port_config *config)
{
    int off = 0;

    p->family = AF_INET6;
    p->fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (p->fd < 0 && errno == EAFNOSUPPORT) { /* a kernel without IPv6 */
        p->family = AF_INET;
        p->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    }
    if (p->fd < 0)
        return HX_ESYS;
    if (p->family == AF_INET6 && setsockopt(p->fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0)
        return HX_ESYS;
    if (!local_address(p->family, config->local, &p->local, &p->local_len)) {
        errno = EAFNOSUPPORT;
        return HX_EADDR;
    }
    if (bind(p->fd, reinterpret_cast<sockaddr *>(&p->local), p->local_len) < 0)
        return HX_EADDR;
    p->local_len = sizeof(p->local);
    return getsockname(p->fd, reinterpret_cast<sockaddr *>(&p->local), &p->local_len) < 0 ? HX_ESYS : HX_OK;
}

int start_udt(struct udt_port *p, int backlog)
{
    signals_blocked guard;
    struct wire_config wire_config = {};
    int err;

    wire_config.listening = backlog > 0;
    wire_config.window_max = p->listening ? SMALL_PACKETS : LARGE_PACKETS;
    err = wire_create(&p->wire, p->fd, &wire_config);
    if (err < 0)
        return err;
    if (!hx_peer_cache_linked || UDT::startup() == UDT::ERROR)
        return HX_ESYS;
    p->keeper = new_socket(p->family, SMALL_PACKETS);
    if (p->keeper == UDT::INVALID_SOCK || UDT::bind2(p->keeper, p->fd) == UDT::ERROR)
        return HX_ESYS;
    /* UDT asks with SO_RCVBUF, which the kernel's limit cuts; this is not cut where we may. */
    (void)setsockopt(p->fd, SOL_SOCKET, SO_RCVBUFFORCE, &UDP_BUFFER_BYTES, sizeof(UDP_BUFFER_BYTES));
    if (p->listening && UDT::listen(p->keeper, backlog) == UDT::ERROR)
        return HX_ESYS;
    return HX_OK;
}

void destroy_port(struct udt_port *p)
{
    if (p->wire)
        wire_destroy(p->wire);
    delete p;
}

/* The socket's end in both worlds, in the order that keeps UDT's worker out of it (UDT4.md, A3). */
void close_socket(struct udt_port *p, UDTSOCKET id)
{
    wire_conn_closing(p->wire, id);
    UDT::close(id);
    wire_conn_remove(p->wire, id);
}

void forget_connecting(struct udt_port *p, udt_stream *s)
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
int attempt(udt_stream *s, int64_t now_ms)
{
    struct udt_port *p = s->port;
    sockaddr_storage to;
    socklen_t to_len;
    UDTSOCKET id = new_socket(p->family, s->rendezvous ? LARGE_PACKETS : SMALL_PACKETS);
    int err = HX_ESYS;

    if (id == UDT::INVALID_SOCK)
        return HX_ENOMEM;
    if (p->family == AF_INET6) {
        local_address(AF_INET6, reinterpret_cast<sockaddr *>(&s->peer), &to, &to_len);
    } else {
        auto *sin = reinterpret_cast<sockaddr_in *>(&to);
        memset(&to, 0, sizeof(to));
        sin->sin_family = AF_INET;
        sin->sin_port = s->peer.sin6_port;
        memcpy(&sin->sin_addr, s->peer.sin6_addr.s6_addr + 12, 4);
        to_len = sizeof(*sin);
    }
    if (set_option(id, UDT_RENDEZVOUS, s->rendezvous) &&
        UDT::bind(id, reinterpret_cast<sockaddr *>(&p->local), static_cast<int>(p->local_len)) != UDT::ERROR)
        err = wire_conn_connecting(p->wire, id, reinterpret_cast<sockaddr *>(&s->peer), s->rendezvous);
    if (err == HX_OK &&
        UDT::connect(id, reinterpret_cast<sockaddr *>(&to), static_cast<int>(to_len)) == UDT::ERROR) {
        wire_conn_remove(p->wire, id);
        err = HX_ESYS;
    }
    if (err < 0) {
        UDT::close(id);
        return err;
    }
    s->id = id;
    s->attempt_ms = now_ms + (s->rendezvous ? UDT_RENDEZVOUS_MS : UDT_CONNECT_MS);
    p->streams[id] = s;
    return HX_OK;
}

int begin(struct stream **out, struct udt_port *p, const struct sockaddr *peer, socklen_t len, int timeout_ms,
          void *user, bool rendezvous)
{
    int64_t now_ms = udt_now_ms();
    sockaddr_storage mapped;
    socklen_t mapped_len;
    udt_stream *s;
    int err;

    if (len < sizeof(sockaddr_in) || (peer->sa_family == AF_INET6 && len < sizeof(sockaddr_in6)) ||
        !local_address(AF_INET6, peer, &mapped, &mapped_len))
        return HX_EADDR;
    if (p->family == AF_INET && !IN6_IS_ADDR_V4MAPPED(&reinterpret_cast<sockaddr_in6 *>(&mapped)->sin6_addr))
        return HX_EADDR;
    s = new (std::nothrow) udt_stream();
    if (!s)
        return HX_ENOMEM;
    s->base.ops = &udt_stream_ops;
    s->base.user = user;
    s->port = p;
    s->rendezvous = rendezvous;
    s->deadline_ms = now_ms + timeout_ms;
    memcpy(&s->peer, &mapped, sizeof(s->peer));
    std::lock_guard<std::mutex> held(p->lock);
    p->connecting.push_back(s); /* before the first datagram leaves: its answer may be told at once */
    *out = &s->base;
    err = attempt(s, now_ms);
    if (err < 0) {
        forget_connecting(p, s);
        delete s;
    }
    return err;
}

int told(struct udt_event *ev, enum udt_event_type type, udt_stream *s)
{
    ev->type = type;
    ev->id = s->id;
    ev->error = HX_OK;
    ev->stream = &s->base;
    return 1;
}

int failed(struct udt_port *p, struct udt_event *ev, udt_stream *s, int error)
{
    forget_connecting(p, s);
    s->state = FAILED;
    told(ev, UDT_EV_CONNECT_FAILED, s);
    ev->error = error;
    return 1;
}

/* A deadline has passed: another attempt, or the end. */
int expire(struct udt_port *p, struct udt_event *ev)
{
    int64_t now_ms = udt_now_ms();

    for (size_t i = 0; i < p->connecting.size(); i++) {
        udt_stream *s = p->connecting[i];

        if (now_ms < s->attempt_ms && now_ms < s->deadline_ms)
            continue;
        close_socket(p, s->id);
        p->streams.erase(s->id);
        s->id = UDT::INVALID_SOCK;
        if (now_ms >= s->deadline_ms || attempt(s, now_ms) < 0)
            return failed(p, ev, s, HX_ETIMEDOUT);
    }
    return 0;
}

int accept_one(struct udt_port *p, struct udt_event *ev)
{
    for (;;) {
        UDTSOCKET id =
            UDT::accept(p->keeper, nullptr, nullptr); /* with an address it may crash (UDT4.md, A4) */
        udt_stream *s;

        if (id == UDT::INVALID_SOCK)
            return 0;
        s = new (std::nothrow) udt_stream();
        if (!s || !wire_conn_accepted(p->wire, id, &s->peer)) {
            delete s;
            UDT::close(id);
            continue;
        }
        s->base.ops = &udt_stream_ops;
        s->port = p;
        s->id = id;
        s->state = OPEN;
        p->streams[id] = s;
        return told(ev, UDT_EV_ACCEPTED, s);
    }
}

/* A rendezvous or connect took a packet: has it become a connection? */
int look_at_handshake(struct udt_port *p, struct udt_event *ev, udt_stream *s)
{
    if (s->state != CONNECTING || UDT::getsockstate(s->id) != CONNECTED)
        return 0;
    forget_connecting(p, s);
    s->state = OPEN;
    wire_conn_connected(p->wire, s->id, s->rendezvous);
    return told(ev, UDT_EV_CONNECTED, s);
}

/* Tells the next of the current stream's bits, in the order in which they must be understood. */
int tell_bit(struct udt_port *p, struct udt_event *ev)
{
    static const struct {
        unsigned bit;
        enum udt_event_type type;
    } order[] = {{WIRE_READABLE, UDT_EV_READABLE},
                 {WIRE_WRITABLE, UDT_EV_WRITABLE},
                 {WIRE_FINISHED, UDT_EV_FINISHED},
                 {WIRE_CLOSED, UDT_EV_CLOSED}};
    udt_stream *s = p->current;

    if (p->bits & WIRE_HANDSHAKE) {
        p->bits &= ~static_cast<unsigned>(WIRE_HANDSHAKE);
        if (look_at_handshake(p, ev, s))
            return 1;
    }
    if (p->bits & WIRE_REFUSED) {
        p->bits = 0;
        return s->state == CONNECTING ? failed(p, ev, s, HX_EREFUSED) : 0;
    }
    for (const auto &o : order) {
        if (!(p->bits & o.bit))
            continue;
        p->bits &= ~o.bit;
        if (s->state == OPEN)
            return told(ev, o.type, s);
    }
    return 0;
}

udt_stream *of(struct stream *s)
{
    return reinterpret_cast<udt_stream *>(s);
}

/* UDT has nothing (more): is that the end of the peer's direction? */
int at_end(udt_stream *s, int otherwise)
{
    struct finish f;

    if (!s->rendezvous || !wire_conn_finish(s->port->wire, s->id, &f) || !f.peer_ended ||
        s->bytes_read < f.peer_offset)
        return otherwise;
    if (!f.read)
        wire_conn_read(s->port->wire, s->id);
    return HX_EEOF;
}

ssize_t stream_recv(struct stream *base, void *buf, size_t len)
{
    udt_stream *s = of(base);
    int n;

    if (s->state != OPEN)
        return s->state == CONNECTING ? HX_EAGAIN : HX_ECLOSED;
    n = UDT::recv(s->id, static_cast<char *>(buf), len > INT_MAX ? INT_MAX : static_cast<int>(len), 0);
    if (n > 0) {
        s->bytes_read += static_cast<uint64_t>(n);
        return n;
    }
    return at_end(s, n == 0 ? HX_EAGAIN : error_of_udt());
}

ssize_t stream_send(struct stream *base, const void *buf, size_t len)
{
    udt_stream *s = of(base);
    int n;

    if (s->state != OPEN)
        return s->state == CONNECTING ? HX_EAGAIN : HX_ECLOSED;
    n = UDT::send(s->id, static_cast<const char *>(buf), len > INT_MAX ? INT_MAX : static_cast<int>(len), 0);
    if (n > 0) {
        s->bytes_written += static_cast<uint64_t>(n);
        return n;
    }
    return n == 0 ? HX_EAGAIN : error_of_udt();
}

int stream_waiting(struct stream *base)
{
    udt_stream *s = of(base);
    int packets = 0, len = sizeof(packets);

    if (s->state != OPEN || UDT::getsockstate(s->id) != CONNECTED ||
        UDT::getsockopt(s->id, 0, UDT_SNDDATA, &packets, &len) == UDT::ERROR)
        return HX_ECLOSED;
    return packets;
}

int64_t stream_heard(struct stream *base)
{
    return wire_conn_heard_ms(of(base)->port->wire, of(base)->id);
}

const struct sockaddr *stream_address(struct stream *base, socklen_t *len)
{
    *len = sizeof(of(base)->peer);
    return reinterpret_cast<const sockaddr *>(&of(base)->peer);
}

void stream_end(struct stream *base)
{
    udt_stream *s = of(base);
    struct udt_port *p = s->port;

    {
        std::lock_guard<std::mutex> held(p->lock);
        forget_connecting(p, s);
        p->streams.erase(s->id);
        if (p->current == s)
            p->bits = 0;
    }
    if (s->id != UDT::INVALID_SOCK)
        close_socket(p, s->id);
    delete s;
}

const struct stream_ops udt_stream_ops = {stream_recv,  stream_send,    stream_waiting,
                                          stream_heard, stream_address, stream_end};
} // namespace

extern "C" {
int udt_port_open(struct udt_port **out, const struct udt_port_config *config)
{
    struct udt_port *p = new (std::nothrow) udt_port();
    int err;

    if (!p)
        return HX_ENOMEM;
    p->listening = config->backlog > 0;
    p->keeper = UDT::INVALID_SOCK;
    err = open_udp(p, config);
    if (err == HX_OK)
        err = start_udt(p, config->backlog);
    if (err < 0) {
        int saved = errno;
        if (p->fd >= 0 && p->keeper == UDT::INVALID_SOCK)
            close(p->fd);
        destroy_port(p);
        errno = saved;
        return err;
    }
    std::lock_guard<std::mutex> held(ports_lock);
    ports.push_back(p);
    *out = p;
    return HX_OK;
}

const struct sockaddr *udt_port_local(const struct udt_port *p, socklen_t *len)
{
    *len = p->local_len;
    return reinterpret_cast<const sockaddr *>(&p->local);
}

int udt_port_fd(const struct udt_port *p)
{
    return wire_event_fd(p->wire);
}

int udt_port_next(struct udt_port *p, struct udt_event *ev)
{
    std::lock_guard<std::mutex> held(p->lock);
    int32_t id;
    unsigned bits;

    for (;;) {
        while (p->bits) {
            if (tell_bit(p, ev))
                return 1;
        }
        if (p->accepting && accept_one(p, ev))
            return 1;
        p->accepting = false;
        if (!p->connecting.empty() && expire(p, ev))
            return 1;
        if (!wire_next(p->wire, &id, &bits))
            return 0;
        if (bits & WIRE_ACCEPT) {
            p->accepting = true;
            continue;
        }
        auto it = p->streams.find(id);
        if (it == p->streams.end())
            continue;
        p->current = it->second;
        p->bits = bits;
    }
}

int udt_port_timeout_ms(const struct udt_port *port)
{
    struct udt_port *p = const_cast<struct udt_port *>(port);
    std::lock_guard<std::mutex> held(p->lock);
    int64_t first_ms = INT64_MAX, left_ms;

    for (const udt_stream *s : p->connecting)
        first_ms = std::min(first_ms, std::min(s->attempt_ms, s->deadline_ms));
    if (first_ms == INT64_MAX)
        return -1;
    left_ms = first_ms - udt_now_ms();
    return left_ms < 0 ? 0 : static_cast<int>(left_ms);
}

int udt_connect(struct stream **out, struct udt_port *p, const struct sockaddr *peer, socklen_t len,
                int timeout_ms, void *user)
{
    return begin(out, p, peer, len, timeout_ms, user, false);
}

int udt_rendezvous(struct stream **out, struct udt_port *p, const struct sockaddr *peer, socklen_t len,
                   int timeout_ms, void *user)
{
    return begin(out, p, peer, len, timeout_ms, user, true);
}

int udt_stream_finish(struct stream *s)
{
    if (of(s)->state != OPEN)
        return HX_ECLOSED;
    wire_conn_end(of(s)->port->wire, of(s)->id, of(s)->bytes_written);
    return HX_OK;
}

void udt_stream_finish_state(struct stream *s, struct udt_finish *out)
{
    struct finish f;

    memset(out, 0, sizeof(*out));
    if (!wire_conn_finish(of(s)->port->wire, of(s)->id, &f))
        return;
    out->peer_speaks = f.peer_speaks;
    out->sent_confirmed = f.confirmed;
    out->received_all = f.read;
    out->peer_done = f.peer_done;
}

void udt_shutdown(int ms)
{
    std::lock_guard<std::mutex> held(ports_lock);
    int64_t deadline_ms = udt_now_ms() + ms;

    for (struct udt_port *p : ports) {
        while (wire_lingering(p->wire) > 0 && udt_now_ms() < deadline_ms)
            poll(nullptr, 0, SHUTDOWN_POLL_MS);
        wire_deafen(p->wire);
    }
    for (size_t i = 0; i < ports.size(); i++)
        UDT::cleanup(); /* counts its startups */
    for (struct udt_port *p : ports)
        destroy_port(p);
    ports.clear();
}

int64_t udt_now_ms(void)
{
    return wire_now_ms();
}
}
