/* hx.h: connections between two hosts that both are behind NATs, found by name through an hx-nameserver.
 *
 * One host binds a name and accepts; another one connects to that name. Both hosts' NATs are punched with UDT
 * (reliable byte streams over UDP): signalling and data leave from one UDP port, which all listeners and
 * streams of a process share. That port and one thread are made by the first call that needs them; a listener
 * behind a NAT has one more thread, for its router. Where nothing comes back to the port, later tries leave
 * from another one, unless hx_config.local_port chose it.
 *
 * Every function may be called from any thread, several at once on one handle, too. hx_close(),
 * hx_listener_close() and hx_group_leave() end a handle's life: calls that wait in it return HX_ECANCELED,
 * none may begin later.
 * Results: >= 0 is success, errors are the negative numbers of enum hx_error. Times are milliseconds; a
 * `timeout_ms` of -1 waits for ever, 0 does not wait.
 *
 * With hx_config.keys both sides prove that they have the same key, and everything between them is encrypted
 * (TLS 1.3 with an external PSK; forward secrecy). Without, who the peer is has not been proven: whoever
 * knows the name may connect, whoever holds the name answers, and all can be read on the way. Do not fork()
 * between the first call and hx_cleanup(). */
#ifndef HX_H
#define HX_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HX_API __attribute__((visibility("default")))

#ifndef HX_BASE_ERROR_H /* inside libhx these come from its own list; a test compares the two */
enum hx_error {
    HX_OK = 0,
    HX_EAGAIN = -1,     /* timeout_ms was 0 and nothing could be done at once */
    HX_ECLOSED = -2,    /* the connection is gone */
    HX_EEOF = -3,       /* end of stream; inside the library only: hx_read() says 0 */
    HX_EPROTO = -4,     /* the nameserver speaks no HTTP, or tells no peers; the peer speaks no TLS */
    HX_ETOOBIG = -5,    /* an answer or a text is longer than allowed */
    HX_EINVAL = -6,     /* an argument cannot be used */
    HX_ENOMEM = -7,     /* out of memory */
    HX_ETIMEDOUT = -8,  /* not within the time */
    HX_EREFUSED = -9,   /* the nameserver's host refused the connection */
    HX_ERESOLVE = -10,  /* the nameserver's host name could not be resolved */
    HX_ENOTFOUND = -11, /* nobody holds that name */
    HX_ECONFLICT = -12, /* the name is held by somebody who is alive */
    HX_ELIMIT = -13,    /* a limit of the nameserver or of this library; try again later */
    HX_EPUNCH = -14,    /* the peer is known, but no packet came through the hole */
    HX_EADDR = -15,     /* the local port or an address cannot be used */
    HX_ESYS = -16,      /* a system call failed */
    HX_ECANCELED = -17, /* hx_close(), hx_listener_close(), hx_group_leave() or hx_cleanup() was called */
    HX_EREJECTED = -18, /* the nameserver rejected the request */
    HX_EAUTH = -19,     /* the peer does not have the key */
    HX_EFLOOD = -20,    /* inside of the hx program only: requests come faster than they are taken */
    HX_EFAMILY = -21,   /* the peer has only IPv6 and we only IPv4 (in use), or the other way round */
    HX_EPROXY = -22,    /* the HTTP proxy of this network was not reached, or does not let us through */
    HX_ECERT = -23,     /* the nameserver's certificate is not accepted by this host */
    HX_EDENIED = -24,   /* the nameserver does not allow it with any key that we have */
};
#endif

#define HX_NAME_MAX     255   /* bytes of a name: 1 to 255 of RFC 9110's tchar and '@' */
#define HX_ADDRESS_MAX  56    /* bytes that hold any "ip:port" or "[ip]:port" with its NUL */
#define HX_ADDRESS_TCP  "tcp" /* in place of one that the nameserver has not seen: it is reached through TCP */
#define HX_DEFAULT_PORT 7000  /* of the nameserver */
#define HX_KEY_TEXT_MAX 64    /* bytes that hold any written key, one of a device, too, with its NUL */

struct hx_listener; /* a bound name */
struct hx_stream;   /* a connection to a peer */
struct hx_group;    /* a membership in a session */

enum hx_event {
    /* name is ours (again); address: our external one, HX_ADDRESS_TCP, or "-" if the nameserver is silent.
     * Where both have IPv4 and IPv6 it comes for each */
    HX_EVENT_BOUND,
    HX_EVENT_EXTERNAL, /* hx_connect() learned our own external address, or HX_ADDRESS_TCP */
    /* The punch towards the peer (name, address) begins; text: that both are behind one NAT, if the
     * nameserver sees them at one address; else "" */
    HX_EVENT_PEER,
    HX_EVENT_PUNCHED,            /* it succeeded */
    HX_EVENT_PUNCH_FAILED,       /* it failed: error; text: what came from the peer, or both NATs */
    HX_EVENT_PEER_DROPPED,       /* a peer was not served because too many wait: error HX_ELIMIT */
    HX_EVENT_REJECTED,           /* the nameserver's answer was an error; text: its explanation */
    HX_EVENT_NAMESERVER_LOST,    /* the listener lost its nameserver (error) and tries again in retry_ms */
    HX_EVENT_NAMESERVER_AWAITED, /* it was not reached yet, or has no room (error, text): again in retry_ms */
    /* What is sent to the peer (name) now goes to `address`; text: its kind, as in struct hx_path. Only
     * with hx_config.path_events */
    HX_EVENT_PATH,
    /* The nameserver's relay, which the connection to the peer (name) needs, keeps it back or ends it; text:
     * the option of the nameserver that has set the limit, as "--relay-rate". Only with
     * hx_config.path_events */
    HX_EVENT_RELAY_LIMIT,
    /* Of a group (hx_group_join()). We are a member of the session (again); name: the session; address: our
     * external one, HX_ADDRESS_TCP, or "-". */
    HX_EVENT_JOINED,
    HX_EVENT_MEMBER_HERE,   /* another member (name, address) was in the session before us */
    HX_EVENT_MEMBER_JOINED, /* it has come now */
    HX_EVENT_MEMBER_MOVED,  /* it is the same one, at another address */
    HX_EVENT_MEMBER_LEFT    /* it has gone from the session; a connection to it may live on, or come yet */
};

/* What on_event is told. The strings live only as long as the call; those that do not apply are "". It grows
 * only at its end: what an hx.h adds is there from its hx_version() on. */
struct hx_event_info {
    enum hx_event event;
    int error;
    const char *name;
    const char *address; /* "ip:port" */
    const char *text;
    int64_t punch_ms; /* PUNCHED, PUNCH_FAILED: since the peer's address came */
    int64_t total_ms; /* the same events in hx_connect(): since it turned to the nameserver */
    int64_t retry_ms;
};

/* Zeroed means all defaults, but for the nameserver. Copied, strings too. It grows only at its end, and
 * hx_bind() and hx_connect() tell the library how large it was when the program was built. To a newer
 * library, fields that the program does not have are zero. For an older library, fields that it does not know
 * must be zero: else HX_EINVAL, since it cannot do what was asked for. */
struct hx_config {
    /* "HOST", "HOST:PORT" or "[IPV6]:PORT"; must be given. Up to 8 with ',' between: the next one is turned
     * to when one was not reached, after the last the first again. HOST is looked up anew at each try. Each
     * may also be "http://HOST[:PORT]" or "https://HOST[:PORT]", which say where it is over TCP (see
     * `transport`), at port 80 or 443 by default; UDP is then at port 7000 of HOST, or at that of "?udp=PORT"
     * behind it. With https the certificate must be that of HOST, signed by whom this host or the
     * environment's SSL_CERT_FILE and SSL_CERT_DIR trust. "udt://HOST[:PORT]" is "HOST:PORT".
     * A nameserver that takes nothing new may name another one (503 with Location), which is then asked
     * once in its place, whatever that one names in turn; if that fails, or is lost later, this list goes on.
     * By TCP, or without TLS, it is asked only if the first one was. */
    const char *nameserver;
    uint16_t local_port; /* UDP; 0: the kernel's choice. The first call's choice holds for the process */
    const char *name;    /* hx_connect: our own, shown to the peer; NULL: none. hx_group_join: ours there */
    int wait_s;          /* hx_connect: wait up to so many seconds (60 at most) for the name to appear */
    int timeout_ms;      /* hx_bind, hx_group_join: for the nameserver's answer; 0: 10000; -1: for ever */
    int punch_ms;        /* for one punch, at most 28000; 0: 10000. In a group as long for the proof, too */
    int linger_ms; /* hx_close after hx_shutdown: without progress; 0: 30000; -1: while the peer lives */
    /* Punched streams waiting in a listener, at most 1024; 0: 64. When there are more, the oldest of the host
     * that has the most is closed. */
    int backlog;
    /* Called for progress from whichever thread makes it, one call at a time, with a lock held: return soon,
     * and call nothing of this library. May be NULL. */
    void (*on_event)(void *user, const struct hx_event_info *info);
    void *user;
    /* Lines "KEY [LABEL]", each KEY as hx_key_generate() writes it; empty lines, and those that begin with
     * '#', say nothing. hx_connect() uses the first key, a listener lets in whoever has any of them. Only
     * what is derived from the keys is kept, and wiped in the end. NULL: raw streams. */
    const char *keys;
    int family; /* of all addresses: 4: only IPv4; 6: only IPv6; 0: both */
    /* 0: where the nameserver sees a NAT before this host, hx_bind() and hx_group_join() have the router map
     * our port (PCP, NAT-PMP or UPnP), in the background, as long as that lasts; 1: the router is not asked. */
    int no_port_mapping;
    /* STUN servers (RFC 8489) that are asked besides the nameservers how this host looks from outside, in the
     * form of `nameserver`, up to 4; the port is 3478 by default. NULL: none. */
    const char *stun;
    /* 1: on_event is also told HX_EVENT_PATH, as long as the streams live that come of the call, whatever
     * became of the listener; 0: it is not. */
    int path_events;
    /* 1: neither the nameserver, nor through it whoever asks for the name, is told the addresses of this
     * host's interfaces (RFC 8445 calls them host candidates). Peers are then reached by what the nameserver
     * sees and a router has mapped: those on one network by its NAT's hairpin, if it has one. 0: they are
     * told. */
    int no_host_candidates;
    /* A directory of this user's, made when it is needed, for what nameservers tell that makes the next visit
     * a round trip shorter; the first call's choice holds for the process. NULL: only the process remembers
     * it. */
    const char *state_dir;
    /* How the nameserver is reached. HX_TRANSPORT_ANY: by UDP, and where that has not answered in 2 s, by UDP
     * through TCP, on the same port if the nameserver is no URL, until UDP answers again; proxies are those
     * of the environment variables http_proxy, https_proxy and no_proxy. HX_TRANSPORT_UDP, HX_TRANSPORT_TCP:
     * only so. */
    int transport;
    /* A nameserver that relays is asked to so many milliseconds after the other ways to the peer were begun,
     * if none of them leads there yet. 0: 500; -1: never. Also while the connection lives. */
    int relay_after_ms;
    /* As hx_device_key_generate() writes it: proves who we are to a nameserver that asks for that, and is not
     * sent. If it is not the right one, or NULL, the first of `keys` is tried. Wiped in the end. */
    const char *device_key;
    /* Called as on_event, with lines of a transcript (udtcurl(1)) of what goes between us and nameservers, whole
     * ones; `secrets` has the same lines, and what `text` leaves out. NULL: not wanted. */
    void (*on_trace)(void *user, const char *text, const char *secrets);
};
enum { HX_TRANSPORT_ANY, HX_TRANSPORT_UDP, HX_TRANSPORT_TCP };

/* What hx_bind() and hx_connect() are made of; other languages call these. `size`: of *config, in bytes. */
HX_API int hx_bind_sized(struct hx_listener **out, const struct hx_config *config, size_t size,
                         const char *name);
HX_API int hx_connect_sized(struct hx_stream **out, const struct hx_config *config, size_t size,
                            const char *name, int timeout_ms);
/* Registers `name` and returns when the nameserver has agreed. Until then, for config.timeout_ms, it is tried
 * again when it was not reached or had no room. From then on the library keeps the name bound: when the
 * nameserver restarts or falls silent, or this host gets another address, it binds anew, for ever, less and
 * less often (up to 30 s; one that has no room may ask for up to 120 s more). Where both have IPv4 and IPv6
 * the name is bound over both; hx_bind() returns when it is over one. HX_OK: *out is the caller's, to be
 * closed with hx_listener_close(). HX_ECONFLICT: held by somebody alive, as by this program; HX_ETIMEDOUT,
 * HX_EREFUSED, HX_ERESOLVE, HX_ECLOSED, HX_EEOF: the nameserver was not reached in time; HX_ELIMIT: it had no
 * room; HX_EDENIED: it does not allow it to us, which whoever runs it may change, and HX_EVENT_REJECTED or
 * HX_EVENT_NAMESERVER_AWAITED told how; HX_EREJECTED, HX_EPROTO: it did not agree; HX_EINVAL: name, keys or
 * config; HX_EADDR, HX_ESYS, HX_ENOMEM; HX_ECANCELED. */
static inline int hx_bind(struct hx_listener **out, const struct hx_config *config, const char *name)
{
    return hx_bind_sized(out, config, sizeof *config, name);
}
/* The next connection: punched, nothing read or proven yet. HX_OK: *out is the caller's, to be closed with
 * hx_close(). HX_EAGAIN (timeout_ms 0), HX_ETIMEDOUT, HX_ECANCELED. A lost nameserver is no error here. */
HX_API int hx_accept(struct hx_listener *l, struct hx_stream **out, int timeout_ms);
/* Readable (POLLIN) while hx_accept() would return at once. Belongs to the listener; only poll it.
 * HX_ESYS. */
HX_API int hx_listener_fd(struct hx_listener *l);
/* Our external address as the nameserver saw it last, HX_ADDRESS_TCP, or "-". Returns its length;
 * HX_ETOOBIG: `size` bytes do not hold it (HX_ADDRESS_MAX always suffice). */
HX_API int hx_listener_external(struct hx_listener *l, char *text, size_t size);
/* Gives the name back and closes what waits to be accepted. Accepted streams live on. NULL is fine. */
HX_API void hx_listener_close(struct hx_listener *l);

/* Asks the nameserver for `name` and punches, all of it within `timeout_ms`; a nameserver that is not
 * reached, or asks for patience, is asked again. HX_OK: *out is the caller's, to be closed with
 * hx_close(). HX_ENOTFOUND: nobody holds the name; HX_EPUNCH: its holder was not reached; HX_EFAMILY: it
 * has addresses only of a family that we, or the nameserver, have not (HX_EVENT_REJECTED says which); the
 * rest as hx_bind(). */
static inline int hx_connect(struct hx_stream **out, const struct hx_config *config, const char *name,
                             int timeout_ms)
{
    return hx_connect_sized(out, config, sizeof *config, name, timeout_ms);
}
/* With keys: finishes the proof that both sides have the same one, which hx_read() and hx_write() else do
 * themselves. HX_OK: proven, or there are no keys; HX_EAGAIN (timeout_ms 0), HX_ETIMEDOUT, HX_ECANCELED.
 * HX_EAUTH: the peer does not have the key; it has been told, and nothing else. HX_EPROTO: what it says is
 * no TLS 1.3; HX_ECLOSED. Those stay: every later call returns them, too. */
HX_API int hx_handshake(struct hx_stream *s, int timeout_ms);
/* The label of the key that the peer has, "" if it has none, if it is not proven yet, or without keys. Lives
 * as long as `s`. */
HX_API const char *hx_peer_label(struct hx_stream *s);
/* What that key is told from others by, whatever their labels: hex digits that follow from it and do not tell
 * it. As hx_peer_label(). */
HX_API const char *hx_peer_key(struct hx_stream *s);
/* Bytes read, at least 1; 0: the peer has ended its direction (by hx_shutdown(), or, without keys, a peer
 * that is no hx by closing) and all of it was read. HX_EAGAIN (timeout_ms 0), HX_ETIMEDOUT, HX_ECANCELED.
 * HX_ECLOSED: the connection broke, or was closed without an end; bytes may be missing. HX_EAUTH, HX_EPROTO:
 * as hx_handshake(). HX_EINVAL: `len` is 0. */
HX_API ssize_t hx_read(struct hx_stream *s, void *buf, size_t len, int timeout_ms);
/* Bytes taken; they are sent in the background. With timeout_ms 0 as many as fit, else HX_EAGAIN; with
 * another all of them, fewer only if the time ran out or the connection broke after some. HX_ETIMEDOUT,
 * HX_ECLOSED, HX_ECANCELED; HX_EAUTH, HX_EPROTO: as hx_handshake(). HX_EINVAL: `len` is 0, or hx_shutdown()
 * was called. */
HX_API ssize_t hx_write(struct hx_stream *s, const void *buf, size_t len, int timeout_ms);
/* How many of `most` bytes hx_write() would take now without waiting: so much that the path is busy for a
 * few milliseconds. For who carries several things in one stream, and wants to choose late which of them
 * goes next. 0: none, as after HX_EAGAIN. Where hx_write() would fail, `most`. */
HX_API size_t hx_write_room(struct hx_stream *s, size_t most);
/* Ends our direction: the peer reads what was written, then 0. Reading goes on. HX_OK (also the second time),
 * HX_ECLOSED, HX_EAUTH or HX_EPROTO. Does not wait: what is still held back is sent in the background. */
HX_API int hx_shutdown(struct hx_stream *s);
/* Ends the connection at once, bytes may be lost; waiting and later calls return HX_ECANCELED. The handle
 * stays until hx_close(): so a thread makes others leave `s`, and joins them, before it frees it. */
HX_API void hx_abort(struct hx_stream *s);
/* Frees `s`, whatever it returns; NULL is fine. Without hx_shutdown() before: does not wait, bytes may be
 * lost. After it: waits until the peer's application has read everything (for a peer that is no hx: until its
 * UDT has it), and then HX_OK. HX_ETIMEDOUT: no progress for config.linger_ms; HX_ECLOSED: the peer went away
 * before; HX_EAUTH, HX_EPROTO; HX_ECANCELED. Reaching HX_OK here, and 0 from hx_read(), both directions were
 * whole. */
HX_API int hx_close(struct hx_stream *s);
/* Readable (POLLIN) while hx_read() would return at once, or has not been asked since bytes came. After its 0
 * quiet until the connection is gone; hx_read() then says HX_ECLOSED. Belongs to the stream. HX_ESYS. */
HX_API int hx_stream_fd(struct hx_stream *s);
/* Readable (POLLIN, too) while hx_write() would take bytes: poll it after HX_EAGAIN. As above. HX_ESYS. */
HX_API int hx_stream_write_fd(struct hx_stream *s);
/* Datagrams beside the stream, over the same path and under the same keys, but each by itself: they may be lost,
 * and overtake each other and what is written, and they never come twice. `flow` is whatever the two agree on,
 * to tell them apart. For streams with keys whose peer is an hx, at any time while the connection lives; what
 * is longer than a packet of the path travels in pieces, and is lost with any of them. HX_EAGAIN before the
 * proof (hx_handshake()); HX_EINVAL: such a stream has no datagrams; HX_ECLOSED, HX_ECANCELED, HX_ENOMEM.
 * None of them waits. */
#define HX_DATAGRAM_MAX 65507 /* bytes of one: what UDP carries over IPv4 */
/* `len`, which may be 0; HX_ETOOBIG: above HX_DATAGRAM_MAX; HX_EAGAIN: also when the system did not take it, which
 * is a loss like any other. */
HX_API ssize_t hx_datagram_send(struct hx_stream *s, uint32_t flow, const void *data, size_t len);
/* The length of the next one, of which `buf` gets `size` bytes at most; HX_EAGAIN: none waits. Who has not called
 * this or hx_datagram_fd() yet gets none: what came before is lost. */
HX_API ssize_t hx_datagram_receive(struct hx_stream *s, uint32_t *flow, void *buf, size_t size);
/* Readable (POLLIN) while one waits. Belongs to the stream. HX_ESYS. */
HX_API int hx_datagram_fd(struct hx_stream *s);
/* What became of them so far. Grows only at its end. */
struct hx_datagram_counts {
    uint64_t sent, came;
    /* Of those that were to be sent: the system did not take it; above HX_DATAGRAM_MAX. */
    uint64_t not_sent, too_long;
    /* Packets: not made by the peer, or changed on the way; such as had come before, or far too late. */
    uint64_t forged, replayed;
    /* Of those that came: a piece was missing; nobody had read those before it. */
    uint64_t incomplete, unread;
};
/* HX_OK. `size`: of *out. */
HX_API int hx_datagram_counts_sized(struct hx_stream *s, struct hx_datagram_counts *out, size_t size);
static inline int hx_datagram_counts(struct hx_stream *s, struct hx_datagram_counts *out)
{
    return hx_datagram_counts_sized(s, out, sizeof *out);
}
/* The peer's address "ip:port" as its NAT shows it, or HX_ADDRESS_TCP. As hx_listener_external(). */
HX_API int hx_peer(struct hx_stream *s, char *text, size_t size);
/* The path that the connection takes now. It may change while the connection lives: between two programs of
 * ours it outlives its path. Grows only at its end. */
struct hx_path {
    char address[HX_ADDRESS_MAX]; /* where the peer is reached */
    /* "lan", "ipv6", "direct", "mapped", "predicted", "birthday"; "relayed": through the nameserver, whose
     * address it is, or HX_ADDRESS_TCP; more may come */
    char kind[16];
    int64_t rtt_us; /* round trip; 0: not measured */
};
/* HX_OK; HX_ECLOSED: the connection is gone. `size`: of *out. */
HX_API int hx_stream_path_sized(struct hx_stream *s, struct hx_path *out, size_t size);
static inline int hx_stream_path(struct hx_stream *s, struct hx_path *out)
{
    return hx_stream_path_sized(s, out, sizeof *out);
}
/* The name the peer gave to the nameserver (the bound one, or H2's own), maybe "". Lives as long as `s`. */
HX_API const char *hx_peer_name(struct hx_stream *s);
/* Our external address when the stream was made, HX_ADDRESS_TCP, or "-". As hx_listener_external(). */
HX_API int hx_external(struct hx_stream *s, char *text, size_t size);

/* ---- groups: several who meet in a session, each connected to each ---- */

#define HX_GROUP_MAX 64 /* members of a session */

/* Joins `session` (a text with the rules of a name) at the nameserver, and returns when that has agreed.
 * config->name is our own name there, which must be given, and which no other member may have. `expect`: for
 * how many members we wait, ourselves counted, 2 to HX_GROUP_MAX; each member has a number of its own, and
 * more may come. From then on the library keeps us a member, as hx_bind() keeps a name, and connects to each
 * other one; of two, the one whose name is the smaller, byte by byte, calls. A connection that was lost while
 * both are members is made anew, and hx_group_next() tells it as another one; so it is with a member that has
 * crashed and returned. A pair that was not reached is tried again, less and less often (up to each minute).
 * With config->keys a member is connected only when it has proven that it has one of them.
 *
 * Events: HX_EVENT_JOINED and HX_EVENT_MEMBER_*; for each pair HX_EVENT_PEER, and HX_EVENT_PUNCHED or
 * HX_EVENT_PUNCH_FAILED (HX_EAUTH: it does not have the key; HX_ETIMEDOUT: reached, but it has not finished
 * its proof); HX_EVENT_NAMESERVER_LOST and HX_EVENT_NAMESERVER_AWAITED as of a listener. HX_OK: *out is the
 * caller's, to be given back with hx_group_leave(). HX_ECONFLICT: another member who is alive has our name,
 * as one of this program, or the session is full (HX_EVENT_REJECTED tells which); HX_ELIMIT: it is joined too
 * often, or the nameserver has no room; HX_EREJECTED: `expect` is more than that nameserver allows;
 * HX_ENOTFOUND: it knows no groups; HX_EINVAL: session, expect, name, keys or config; the rest as hx_bind(). */
HX_API int hx_group_join_sized(struct hx_group **out, const struct hx_config *config, size_t size,
                               const char *session, int expect);
static inline int hx_group_join(struct hx_group **out, const struct hx_config *config, const char *session,
                                int expect)
{
    return hx_group_join_sized(out, config, sizeof *config, session, expect);
}
/* HX_OK: `expect` members are in the session, ourselves counted, and we are connected to so many of them.
 * HX_ETIMEDOUT (HX_EAGAIN with timeout_ms 0): not yet; hx_group_state() tells how many, and the caller goes
 * on with those, or waits again. HX_ECANCELED. Takes no stream from hx_group_next(). */
HX_API int hx_group_wait(struct hx_group *g, int timeout_ms);
/* The next connection to a member, proven if there are keys; each once. hx_peer_name() and hx_stream_path()
 * tell who it is and how it is reached; hx_external() our own address. HX_OK: *out is the caller's, to be
 * closed with hx_close(), also after hx_group_leave(). A member whose stream the application, or the member
 * itself, has closed is connected to again only when one of the two has joined anew; one that closed it
 * without an end (hx_shutdown()) is tried a few times more. HX_EAGAIN (timeout_ms 0), HX_ETIMEDOUT,
 * HX_ECANCELED. */
HX_API int hx_group_next(struct hx_group *g, struct hx_stream **out, int timeout_ms);
/* Readable (POLLIN) while hx_group_next() would return at once. Belongs to the group; only poll it.
 * HX_ESYS. */
HX_API int hx_group_fd(struct hx_group *g);
/* How far it has come. Grows only at its end. */
struct hx_group_state {
    int expect;    /* as hx_group_join() was told */
    int here;      /* members in the session, ourselves counted, as the nameserver told last */
    int connected; /* of the others: connected, proven, and not closed yet */
};
/* HX_OK. `size`: of *out, in bytes. */
HX_API int hx_group_state_sized(struct hx_group *g, struct hx_group_state *out, size_t size);
static inline int hx_group_state(struct hx_group *g, struct hx_group_state *out)
{
    return hx_group_state_sized(g, out, sizeof *out);
}
/* Leaves the session and frees `g`: calls that wait in it return HX_ECANCELED, none may begin later. Closes
 * what hx_group_next() has not handed out; streams that it has live on. NULL is fine. */
HX_API void hx_group_leave(struct hx_group *g);

/* ---- what stands between this host and the others ---- */

/* Of mapping and of filtering (RFC 4787, 4.1 and 5). */
enum hx_nat_kind {
    HX_NAT_UNKNOWN,
    HX_NAT_ENDPOINT_INDEPENDENT,
    HX_NAT_ADDRESS_DEPENDENT,
    HX_NAT_ADDRESS_AND_PORT_DEPENDENT
};
/* Which port a new mapping gets (RFC 4787, 4.2). */
enum hx_nat_ports {
    HX_NAT_PORTS_UNKNOWN,
    HX_NAT_PORTS_PRESERVING, /* our own number, while it is free */
    HX_NAT_PORTS_SEQUENTIAL, /* the last one and a step */
    HX_NAT_PORTS_RANDOM
};
enum hx_nat_fact { HX_NAT_NOT_KNOWN, HX_NAT_YES, HX_NAT_NO };
enum hx_nat_verdict {
    HX_NAT_UNCLEAR, /* UDP passes; it is not known how ports are mapped */
    HX_NAT_HARD,    /* another port for each destination, at random: only easy peers are reached directly */
    HX_NAT_PREDICTABLE, /* another port for each destination, which can be foretold */
    HX_NAT_EASY,        /* one port for all destinations, or no NAT */
    HX_NAT_BLOCKED      /* nothing comes back: UDP is blocked, or all servers are down */
};
/* Protocols by which a router opens a port when it is asked to, as bits. */
enum { HX_NAT_PCP = 1, HX_NAT_NAT_PMP = 2, HX_NAT_UPNP_IGD = 4 };

/* Of one address family. It grows only at its end, as hx_config. */
struct hx_nat_report {
    /* HX_OK: a server has answered, and the rest is told as far as it is known. HX_ETIMEDOUT: none has;
     * HX_EREFUSED: none has, and ICMP says that there is none; HX_EPROTO: the nameserver is there, but
     * answers no STUN (hx 0.1.0); HX_EFAMILY: this host has no way to addresses of that family; HX_ERESOLVE:
     * no server has any. */
    int error;
    enum hx_nat_verdict verdict;   /* also after HX_ETIMEDOUT */
    int nameserver;                /* HX_OK if the first nameserver itself has answered; else as `error` */
    char external[HX_ADDRESS_MAX]; /* "ip:port" of our port as the server saw it; "-" */
    char local[HX_ADDRESS_MAX];    /* the same port, here; "-" */
    enum hx_nat_fact translated;   /* is there a NAT? */
    char server[HX_ADDRESS_MAX];   /* of whom the rest is told; "-" */
    int64_t rtt_us;                /* round trip to it, the shortest; 0: not known */
    enum hx_nat_kind mapping;      /* endpoint-independent, too, without a NAT */
    enum hx_nat_kind filtering;    /* of a NAT or a firewall */
    /* Did the servers have two? With one "endpoint-independent" mapping may be address-dependent, and of
     * filtering only the worst kind can be told. */
    enum hx_nat_fact second_address;
    enum hx_nat_ports ports;
    int port_step; /* sequential: with its sign */
    /* Do hosts behind the NAT reach each other by its external address? Not asked without a NAT. */
    enum hx_nat_fact hairpin;
    enum hx_nat_fact portmap;   /* does the router speak one of these? Asked over IPv4 alone */
    unsigned portmap_protocols; /* HX_NAT_PCP ... */
    /* Bytes of the longest packet, of some lengths up to 1500, that has reached the server whole, with the
     * heads of IP and UDP: the way there carries so much at least; the way back may carry less. 0: not
     * known */
    int mtu;
    /* Does UDP through TCP reach the first nameserver? Not asked where UDP does. */
    enum hx_nat_fact tcp;
};

/* Asks the nameservers and config->stun how this host looks from outside, over both families at once (unless
 * config->family says which), and the router which port mapping protocols it speaks. Either report may be
 * NULL; `report_size`: of each, in bytes. It takes about a second, 2 s where nothing answers; within
 * `timeout_ms`, 300 at least, in any case. HX_OK: the reports are filled, see their `error`s; HX_EINVAL;
 * HX_EADDR, HX_ESYS, HX_ENOMEM; HX_ECANCELED. */
HX_API int hx_nat_sized(struct hx_nat_report *ipv4, struct hx_nat_report *ipv6, size_t report_size,
                        const struct hx_config *config, size_t size, int timeout_ms);
static inline int hx_nat(struct hx_nat_report *ipv4, struct hx_nat_report *ipv6,
                         const struct hx_config *config, int timeout_ms)
{
    return hx_nat_sized(ipv4, ipv6, sizeof *ipv4, config, sizeof *config, timeout_ms);
}

/* How long the NAT keeps a mapping that nothing passes, in whole seconds. It grows only at its end. */
struct hx_nat_lifetime {
    int error;    /* HX_OK: something has answered; else as hx_nat_report.error */
    int alive_s;  /* a mapping of this age was still there; 0: none was, or it is not known */
    int dead_s;   /* one of this age was not; 0: none was found so */
    int asking_s; /* the age that is looked at next; 0: it is over */
};
/* Makes some twenty mappings, over one family, and looks at each of them once, when it is 10 s to `most_s`
 * (600 at most) old, until two in a row are gone. Blocks for so long. *out is filled, and `on_progress`
 * called (with a lock held, as config->on_event), each time that more is known. HX_OK; HX_EFAMILY; HX_EPROTO:
 * the NAT gives the same port again, and no server can send to it unasked (RFC 5780, RESPONSE-PORT);
 * HX_ECANCELED, where *out says what is known; the rest as hx_nat(). */
HX_API int hx_nat_lifetime_sized(struct hx_nat_lifetime *out, size_t out_size, const struct hx_config *config,
                                 size_t size, int most_s,
                                 void (*on_progress)(void *user, const struct hx_nat_lifetime *now),
                                 void *user);
static inline int hx_nat_lifetime(struct hx_nat_lifetime *out, const struct hx_config *config, int most_s,
                                  void (*on_progress)(void *user, const struct hx_nat_lifetime *now),
                                  void *user)
{
    return hx_nat_lifetime_sized(out, sizeof *out, config, sizeof *config, most_s, on_progress, user);
}

/* Writes a new key: 160 random bits and a checksum, 47 characters. HX_ESYS: no randomness. */
HX_API int hx_key_generate(char text[HX_KEY_TEXT_MAX]);
/* Can `text` be hx_config.keys? HX_OK; HX_EINVAL: *line (from 1) is not "KEY [LABEL]", or its key is mistyped
 * (it has a checksum); HX_ENOTFOUND: there is no key; HX_ELIMIT: above 1024; HX_ENOMEM. */
HX_API int hx_keys_check(const char *text, int *line);

/* Writes a new hx_config.device_key: an Ed25519 key, which nobody else may read. HX_ESYS: no randomness;
 * HX_ENOMEM. And what of it whoever runs a nameserver may know: "ed25519:" and 43 characters. HX_EINVAL: it is
 * no such key, or mistyped (it has a checksum); HX_ENOMEM. */
HX_API int hx_device_key_generate(char text[HX_KEY_TEXT_MAX]);
HX_API int hx_device_key_public(char text[HX_KEY_TEXT_MAX], const char *device_key);

/* Ends the library in this process: closes all connections, gives back what the router has mapped, stops
 * its threads; about half a second. What was written before hx_shutdown() leaves this host first: that may
 * take half a second more. Every waiting call returns HX_ECANCELED; handles must still be closed to free
 * them, and do nothing else any more. Call it before exit, so that peers and nameserver learn at once. May
 * be called twice. */
HX_API void hx_cleanup(void);
/* Static English text, never NULL. */
HX_API const char *hx_strerror(int error);
/* "0.1.0": of the library in use. */
HX_API const char *hx_version(void);

#ifdef __cplusplus
}
#endif

#endif
