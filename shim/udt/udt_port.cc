/* The port: one UDP socket with UDT's threads on it, and events made of what the tap tells. */
#include "shim/udt/overrides.h"
#include "shim/udt/udt_internal.h"
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <new>
#include <poll.h>

namespace
{
constexpr int SHUTDOWN_POLL_MS = 5;

std::mutex ports_lock;
std::vector<struct udt_port *> ports;

/* UDT's threads inherit the mask of the thread that makes them: they must never take the program's
 * signals. */
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

int open_udp(struct udt_port *p, const struct udt_port_config *config)
{
    struct net_port_config net = {};
    const struct sockaddr *local;
    int err;

    net.local = config->local;
    net.fd = config->fd;
    net.batch = true; /* a listener's requests are small and from many, a peer's bulk comes in runs */
    net.runs = !p->listening || config->runs;
    net.burst = !p->listening;
    net.ipv6_only = config->ipv6_only;
    err = net_port_open(&p->net, &net);
    if (err < 0)
        return err;
    net_port_set_handler(p->net, NET_USER_STUN, config->stun, config->stun_context);
    if (p->listening)
        net_port_set_handler(p->net, NET_USER_CLASSIC_STUN, config->stun, config->stun_context);
    local = net_port_local(p->net, &p->local_len);
    memcpy(&p->local, local, p->local_len);
    return HX_OK;
}

/* UDT closes a descriptor whose options it cannot set (api.cpp, updateMux()), and no other one that it
 * did not get. */
bool bind_port_socket(struct udt_port *p)
{
    if (UDT::bind2(p->port_socket, net_port_fd(p->net)) == UDT::ERROR) {
        if (UDT::getlasterror_code() != CUDTException::ESOCKFAIL)
            return false;
        net_port_disown(p->net);
        tap_descriptor_closed(p->tap);
        return false;
    }
    net_port_disown(p->net);
    return true;
}

bool listen_on_port_socket(struct udt_port *p, int backlog)
{
    if (UDT::listen(p->port_socket, backlog) != UDT::ERROR)
        p->listener = udt_listener(p->port_socket);
    else if (UDT::getlasterror_code() == CUDTException::ENOBUF)
        udt_forget_queues(udt_listener(p->port_socket));
    return p->listener;
}

int start_udt(struct udt_port *p, const struct udt_port_config *config)
{
    signals_blocked guard;
    struct tap_config tap = {};

    tap.listening = p->listening;
    tap.rate_per_address = config->rate_per_address;
    tap.window_max = p->listening ? SMALL_PACKETS : LARGE_PACKETS;
    int err = tap_create(&p->tap, p->net, &tap);
    if (err < 0)
        return err;
    if (!overrides_linked() || UDT::startup() == UDT::ERROR)
        return HX_ESYS;
    p->started = true;
    udt_expect_many(p->listening);
    p->port_socket = udt_socket(SMALL_PACKETS, p->mss, nullptr);
    if (p->port_socket == UDT::INVALID_SOCK || !udt_set_sharing(p->port_socket, false) ||
        !bind_port_socket(p))
        return HX_ESYS;
    p->udt_name.sin6_family = AF_INET6;
    if (!udt_port_key(p->port_socket, &p->udt_name))
        return HX_ESYS;
    net_port_receive_buffer(p->net, UDP_BUFFER_BYTES); /* UDT has asked for it as well, but without force */
    return !p->listening || listen_on_port_socket(p, config->backlog) ? HX_OK : HX_ESYS;
}

void destroy_port(struct udt_port *p)
{
    tap_destroy(p->tap);
    net_port_close(p->net);
    delete p;
}

/* A port that could not be opened. Once UDT was started for it, its threads may be on it, and UDT's
 * collector ends them in its own time, and closes the descriptor: what they use stays until
 * udt_shutdown(), which counts it. */
void give_up(struct udt_port *p)
{
    if (!p->started) {
        destroy_port(p);
        return;
    }
    tap_detach(p->tap);
    if (p->port_socket != UDT::INVALID_SOCK)
        UDT::close(p->port_socket);
    std::lock_guard<std::mutex> held(ports_lock);
    ports.push_back(p);
}

bool is_to(const udt_stream *s, const struct sockaddr_in6 *peer)
{
    return s->peer.sin6_port == peer->sin6_port && s->peer.sin6_scope_id == peer->sin6_scope_id &&
           memcmp(&s->peer.sin6_addr, &peer->sin6_addr, sizeof peer->sin6_addr) == 0;
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
    udt_forget_connecting(p, s);
    s->state = FAILED_STREAM;
    told(ev, UDT_EV_CONNECT_FAILED, s);
    ev->error = error;
    return 1;
}

/* A deadline has passed: another attempt, or the end. */
int expire(struct udt_port *p, struct udt_event *ev)
{
    int64_t now_ms = clock_now_ms();

    for (size_t i = 0; i < p->connecting.size(); i++) {
        udt_stream *s = p->connecting[i];

        if (now_ms < s->attempt_ms && now_ms < s->deadline_ms)
            continue;
        udt_stream_heard(&s->base, &s->heard);
        udt_close_socket(p, s->id);
        p->streams.erase(s->id);
        s->id = UDT::INVALID_SOCK;
        if (now_ms >= s->deadline_ms || udt_attempt(s, now_ms) < 0)
            return failed(p, ev, s, HX_ETIMEDOUT);
    }
    return 0;
}

int accept_one(struct udt_port *p, struct udt_event *ev)
{
    UDTSOCKET id = udt_accept(p->listener);

    if (id == UDT::INVALID_SOCK)
        return 0; /* it has ended meanwhile */
    udt_stream *s = new (std::nothrow) udt_stream();
    struct early_bytes *ahead = nullptr;
    if (!s || !tap_conn_accepted(p->tap, id, &s->peer, &ahead)) {
        delete s;
        UDT::close(id);
        return 0;
    }
    udt_stream_init(s, p);
    s->id = id;
    s->state = OPEN_STREAM;
    if (ahead)
        udt_early_accepted(s, ahead);
    p->streams[id] = s;
    return told(ev, UDT_EV_ACCEPTED, s);
}

/* A rendezvous or connect took a packet: has it become a connection? */
int look_at_handshake(struct udt_port *p, struct udt_event *ev, udt_stream *s)
{
    if (s->state != CONNECTING_STREAM || UDT::getsockstate(s->id) != CONNECTED)
        return 0;
    udt_forget_connecting(p, s);
    if (!s->opening)
        s->state = OPEN_STREAM;
    tap_conn_connected(p->tap, s->id, s->rendezvous);
    if (s->opening && !udt_early_connected(s))
        return failed(p, ev, s, HX_ECLOSED);
    s->state = OPEN_STREAM;
    return told(ev, UDT_EV_CONNECTED, s);
}

/* Tells the next of the current stream's bits, in the order in which they must be understood. */
int tell_bit(struct udt_port *p, struct udt_event *ev)
{
    static const struct {
        unsigned bit;
        enum udt_event_type type;
    } order[] = {{TAP_TICKET, UDT_EV_TICKET},
                 {TAP_READABLE, UDT_EV_READABLE},
                 {TAP_WRITABLE, UDT_EV_WRITABLE},
                 {TAP_HALF_CLOSED, UDT_EV_HALF_CLOSED},
                 {TAP_CLOSED, UDT_EV_CLOSED}};
    udt_stream *s = p->current;

    if (p->bits & TAP_CLOSED)
        s->shut = true;
    if (p->bits & TAP_READABLE)
        s->news++;
    if (p->bits & TAP_HANDSHAKE) {
        p->bits &= ~static_cast<unsigned>(TAP_HANDSHAKE);
        if (look_at_handshake(p, ev, s))
            return 1;
    }
    if (p->bits & TAP_REFUSED) {
        p->bits = 0;
        return s->state == CONNECTING_STREAM ? failed(p, ev, s, HX_EREFUSED) : told(ev, UDT_EV_CLOSED, s);
    }
    for (const auto &o : order) {
        if (!(p->bits & o.bit))
            continue;
        p->bits &= ~o.bit;
        if (s->state == OPEN_STREAM)
            return told(ev, o.type, s);
    }
    return 0;
}

} // namespace

extern "C" {
int udt_port_open(struct udt_port **out, const struct udt_port_config *config)
{
    struct udt_port *p = new (std::nothrow) udt_port();

    if (!p)
        return HX_ENOMEM;
    p->listening = config->backlog > 0;
    p->mss = p->listening ? UDT_MSS_BYTES : UDT_MSS_MAX_BYTES;
    p->port_socket = UDT::INVALID_SOCK;
    int err = open_udp(p, config);
    if (err == HX_OK)
        err = start_udt(p, config);
    if (err < 0) {
        int saved = errno;
        give_up(p);
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
    return tap_event_fd(p->tap);
}

struct net_port *udt_port_net(const struct udt_port *p)
{
    return p->net;
}

void udt_port_set_datagram_max(struct udt_port *p, const struct sockaddr_in6 *peer, int bytes)
{
    std::lock_guard<std::mutex> held(p->lock);

    for (const auto &it : p->streams) {
        if (is_to(it.second, peer))
            udt_stream_set_datagram_max(&it.second->base, bytes);
    }
}

void udt_port_peer_began(struct udt_port *p, int64_t since_ms)
{
    tap_peer_began(p->tap, since_ms);
}

int udt_port_stuck(struct udt_port *p, const struct sockaddr_in6 *peer)
{
    std::lock_guard<std::mutex> held(p->lock);
    int most = 0;

    for (const auto &it : p->streams) {
        if (is_to(it.second, peer))
            most = std::max(most, tap_conn_stuck(p->tap, it.first));
    }
    return most;
}

void udt_port_resend_anew(struct udt_port *p, const struct sockaddr_in6 *peer)
{
    std::lock_guard<std::mutex> held(p->lock);

    for (const auto &it : p->streams) {
        if (is_to(it.second, peer))
            tap_conn_resend_anew(p->tap, it.first);
    }
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
        while (p->accepts > 0) {
            p->accepts--;
            if (accept_one(p, ev))
                return 1;
        }
        if (!p->connecting.empty() && expire(p, ev))
            return 1;
        if (!tap_next(p->tap, &id, &bits))
            return 0;
        if (bits & TAP_ACCEPT) {
            p->accepts += id;
            continue;
        }
        auto it = p->streams.find(id);
        if (it == p->streams.end())
            continue;
        p->current = it->second;
        p->bits = bits;
    }
}

void udt_port_set_rate(struct udt_port *p, unsigned rate_per_address)
{
    tap_set_rate(p->tap, rate_per_address);
}

int udt_port_stats(const struct udt_port *p, struct udt_counter rows[UDT_COUNTERS_MAX])
{
    static_assert(DROPS + 5 <= UDT_COUNTERS_MAX, "a row for each counter");
    int n = 0;

    auto add = [&](const char *prefix, const char *name, uint64_t value) {
        snprintf(rows[n].name, sizeof rows[n].name, "%s%s", prefix, name);
        rows[n++].value = value;
    };
    struct tap_stats s;
    tap_get_stats(p->tap, &s);
    add("datagrams_", "taken", s.drops[FILTER_PASS]);
    add("keepalives_", "held", s.keepalives_held);
    add("shutdowns_", "checked", s.shutdowns_checked);
    add("early_", "taken", s.early_taken);
    add("tickets_", "given", s.tickets_given);
    add("tickets_", "taken", s.tickets_taken);
    for (int i = FILTER_PASS + 1; i < DROPS; i++)
        add("dropped_", drop_name(static_cast<enum drop>(i)), s.drops[i]);
    return n;
}

int udt_port_next_drop(struct udt_port *p, struct udt_drop *out)
{
    struct net_address from;
    enum drop why;

    if (!tap_next_drop(p->tap, &from, &why))
        return 0;
    net_address_to_sockaddr6(&from, &out->peer);
    out->rule = drop_name(why);
    return 1;
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
    left_ms = first_ms - clock_now_ms();
    return left_ms < 0 ? 0 : static_cast<int>(left_ms);
}

void udt_shutdown(int ms)
{
    std::lock_guard<std::mutex> held(ports_lock);
    int64_t deadline_ms = clock_now_ms() + ms;

    for (struct udt_port *p : ports) {
        while (tap_lingering(p->tap) > 0 && clock_now_ms() < deadline_ms)
            poll(nullptr, 0, SHUTDOWN_POLL_MS);
        tap_detach(p->tap);
    }
    udt_closed_all();
    for (size_t i = 0; i < ports.size(); i++)
        UDT::cleanup(); /* counts its startups */
    for (struct udt_port *p : ports)
        destroy_port(p);
    ports.clear();
}
}
