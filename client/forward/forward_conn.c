/* One connection of a forward: what SOCKS asks for, the request, the answer; then the relay has it. */
#include "client/forward/forward_conn.h"
#include "client/forward/association.h"
#include "client/forward/relay.h"
#include "client/forward/say.h"
#include "client/forward/socks.h"
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TRIES_MAX 3 /* a request that gets no answer is made again: nothing was sent yet */

enum conn_state {
    CONN_SOCKS,     /* the client says what it wants */
    CONN_WAITING,   /* for a link, or for one that has room */
    CONN_ASKED,     /* for the other side's answer, or that it takes what was announced */
    CONN_RELAYED,   /* the relay has descriptor and stream */
    CONN_ASSOCIATED /* it keeps a UDP port of the client's */
};

struct conn {
    TAILQ_ENTRY(conn) entry;
    struct forward *forward;
    enum conn_state state;
    int fd;
    int tries;
    uint32_t number; /* CONN_ASKED by an announcement */
    ev_io readable;
    ev_timer deadline;
    struct socks socks;
    struct authority target;
    struct mux_stream *stream; /* CONN_ASKED */
    struct relay *relay;       /* CONN_RELAYED */
    struct association *association;
};

static bool is_socks(const struct forward *f)
{
    return f->spec.kind == FORWARD_SOCKS || f->spec.kind == FORWARD_REMOTE_SOCKS;
}

bool conn_may_ask(const struct forward *f)
{
    return f->link || f->announce;
}

static void enter(struct conn *c, enum conn_state next) /* the only writer of c->state */
{
    c->forward->waiting += (next == CONN_WAITING) - (c->state == CONN_WAITING);
    c->state = next;
}

static void set_deadline(struct conn *c, double seconds)
{
    ev_timer_stop(c->forward->loop, &c->deadline);
    ev_timer_set(&c->deadline, seconds, 0.);
    ev_timer_start(c->forward->loop, &c->deadline);
}

/* Gives up what it has, but for the descriptor: that one is handed back. */
static int conn_free(struct conn *c)
{
    struct forward *f = c->forward;
    int fd = c->state == CONN_RELAYED ? -1 : c->fd;
    ev_io_stop(f->loop, &c->readable);
    ev_timer_stop(f->loop, &c->deadline);
    if (c->relay)
        relay_abort(c->relay);
    association_destroy(c->association);
    if (c->stream)
        mux_stream_reset(c->stream, MUX_CANCEL);
    f->waiting -= c->state == CONN_WAITING;
    f->count--;
    TAILQ_REMOVE(&f->conns, c, entry);
    free(c);
    forward_has_room(f);
    return fd;
}

static void reset(int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    if (fd < 0)
        return;
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}

void conn_abort(struct conn *c)
{
    reset(conn_free(c));
}

/* False: the client is gone, or does not read a few bytes. */
static bool send_socks(struct conn *c)
{
    size_t len = c->socks.out_len;
    return len == 0 || send(c->fd, c->socks.out, len, MSG_NOSIGNAL) == (ssize_t)len;
}

/* Ends it: in order after a SOCKS reply, which a reset could overtake. */
static void refuse(struct conn *c, enum socks_reply reply)
{
    if (is_socks(c->forward)) {
        socks_answer(&c->socks, reply);
        if (send_socks(c)) {
            close(conn_free(c));
            return;
        }
    }
    conn_abort(c);
}

static void note_and_refuse(struct conn *c, enum socks_reply reply, const char *why)
{
    char target[AUTHORITY_TEXT_MAX];
    authority_format(&c->target, target);
    say_often(SAY_REFUSED, "no connection to %s: %s", target, why);
    refuse(c, reply);
}

static void wait_for_link(struct conn *c)
{
    if (c->forward->waiting >= FORWARD_WAITING_MAX) {
        note_and_refuse(c, SOCKS_NETWORK_UNREACHABLE, "too many wait for the peer");
        return;
    }
    enter(c, CONN_WAITING);
    set_deadline(c, FORWARD_WAIT_S);
    forward_try_again(c->forward);
}

static void on_relayed(void *user, int error, int system)
{
    struct conn *c = user;
    relay_say_broken(NULL, &c->target, error, system);
    c->relay = NULL;
    (void)conn_free(c);
}

static void establish(struct conn *c)
{
    struct relay_config config = {
        .in_fd = c->fd, .out_fd = c->fd, .owns_fds = true, .done = on_relayed, .user = c};
    ev_timer_stop(c->forward->loop, &c->deadline);
    if (is_socks(c->forward))
        socks_answer(&c->socks, SOCKS_SUCCEEDED);
    if (!send_socks(c) || relay_start(&c->relay, c->forward->loop, c->stream, &config) != HX_OK) {
        conn_abort(c);
        return;
    }
    c->stream = NULL;
    enter(c, CONN_RELAYED);
}

struct answer { /* of the other side; `error` as RFC 9209, 2.3 names it, or NULL */
    const char *status, *error;
    enum socks_reply reply;
    const char *text;
};

static const struct answer answers[] = {
    {"400", NULL, SOCKS_GENERAL_FAILURE, "the peer knows no such targets: it may be older"},
    {"403", NULL, SOCKS_NOT_ALLOWED, "the peer does not allow it (hx bind --allow)"},
    {"404", NULL, SOCKS_NOT_ALLOWED, "the peer forwards nothing"},
    {"502", "error=connection_refused", SOCKS_REFUSED, "connection refused"},
    {"502", "error=destination_not_found", SOCKS_HOST_UNREACHABLE, "the peer has no such socket"},
    {"502", "error=destination_unavailable", SOCKS_REFUSED, "the peer may not use it"},
    {"502", "error=dns_error", SOCKS_HOST_UNREACHABLE, "the peer finds no such host"},
    {"502", NULL, SOCKS_HOST_UNREACHABLE, "the peer cannot reach it"},
    {"504", NULL, SOCKS_HOST_UNREACHABLE, "no answer within the time"},
};

static void refuse_as(struct conn *c, const char *status, const char *error)
{
    for (size_t i = 0; status && i < sizeof answers / sizeof *answers; i++) {
        const struct answer *a = &answers[i];
        if (strcmp(status, a->status) == 0 && (!a->error || (error && strstr(error, a->error)))) {
            note_and_refuse(c, a->reply, a->text);
            return;
        }
    }
    note_and_refuse(c, SOCKS_GENERAL_FAILURE, "the peer has refused it");
}

static void on_headers(void *user, const struct mux_message *response)
{
    struct conn *c = user;
    const char *status = mux_field(response, ":status");
    if (status && strcmp(status, "200") == 0) {
        establish(c);
        return;
    }
    mux_stream_leave(c->stream); /* in order: resets are what floods are made of */
    c->stream = NULL;
    refuse_as(c, status, mux_field(response, "proxy-status"));
}

static void on_closed(void *user, int error, uint32_t code)
{
    struct conn *c = user;
    (void)error;
    (void)code;
    c->stream = NULL;
    if (c->tries < TRIES_MAX)
        wait_for_link(c);
    else
        note_and_refuse(c, SOCKS_GENERAL_FAILURE, "the peer has broken it off");
}

/* False: not now, as with the next. */
static bool request(struct conn *c)
{
    static const struct mux_stream_events events = {.headers = on_headers, .closed = on_closed};
    char target[AUTHORITY_WIRE_MAX];
    authority_to_wire(&c->target, target);
    const struct mux_field fields[] = {{":method", "CONNECT"}, {":authority", target}};
    const struct mux_message request = {.fields = fields, .count = sizeof fields / sizeof *fields};
    if (mux_request(link_mux(c->forward->link), &c->stream, &request, &events, c) != HX_OK) {
        c->stream = NULL;
        return false;
    }
    return true;
}

static bool announce(struct conn *c)
{
    c->number = c->forward->announce(c->forward->announcer, &c->target);
    return c->number != 0;
}

static bool ask(struct conn *c)
{
    if (!(c->forward->announce ? announce(c) : request(c)))
        return false;
    c->tries++;
    enter(c, CONN_ASKED);
    set_deadline(c, FORWARD_ANSWER_S);
    return true;
}

static void begin(struct conn *c)
{
    if (conn_may_ask(c->forward) && c->forward->waiting == 0 && ask(c))
        return;
    wait_for_link(c);
}

void conn_ask_all(struct forward *f)
{
    for (struct conn *c = TAILQ_FIRST(&f->conns); c && conn_may_ask(f) && f->waiting > 0;
         c = TAILQ_NEXT(c, entry)) {
        if (c->state == CONN_WAITING && !ask(c))
            return;
    }
}

static struct conn *find(struct forward *f, uint32_t number)
{
    struct conn *c;
    TAILQ_FOREACH(c, &f->conns, entry)
    {
        if (c->state == CONN_ASKED && c->number == number)
            return c;
    }
    return NULL;
}

bool forward_take(struct forward *f, uint32_t number, struct mux_stream *s)
{
    static const struct mux_field fields[] = {{":status", "200"}};
    static const struct mux_message response = {.fields = fields, .count = 1};
    struct conn *c = find(f, number);
    if (!c)
        return false;
    c->stream = s;
    if (mux_respond(s, &response) == HX_OK)
        establish(c);
    else
        conn_abort(c);
    return true;
}

bool forward_refuse(struct forward *f, uint32_t number, const char *status, const char *error)
{
    struct conn *c = find(f, number);
    if (c)
        refuse_as(c, status, error);
    return c != NULL;
}

static void associate(struct conn *c)
{
    const struct flow_owner *way = &c->forward->way;
    struct endpoint at;
    int err = way->flows ? association_create(&c->association, c->fd, &c->socks.target, way, &at) : HX_EINVAL;
    ev_timer_stop(c->forward->loop, &c->deadline);
    if (err < 0) {
        say_often(SAY_PEER, "a client of the SOCKS port gets no UDP: %s",
                  err == HX_EINVAL ? "only TCP clients do" : hx_error_text(err));
        refuse(c, err == HX_EINVAL ? SOCKS_COMMAND_NOT_SUPPORTED : SOCKS_GENERAL_FAILURE);
        return;
    }
    socks_answer_at(&c->socks, SOCKS_SUCCEEDED, &at);
    enter(c, CONN_ASSOCIATED);
    if (send_socks(c))
        ev_io_start(c->forward->loop, &c->readable);
    else
        close(conn_free(c));
}

/* It says nothing more, and its end is what matters. */
static void read_associated(struct conn *c)
{
    char data[256];
    ssize_t got = recv(c->fd, data, sizeof data, MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
        close(conn_free(c));
}

static void on_readable(struct ev_loop *loop, ev_io *w, int events)
{
    struct conn *c = w->data;
    uint8_t data[SOCKS_FIELD_MAX];
    size_t want;
    (void)events;
    if (c->state == CONN_ASSOCIATED) {
        read_associated(c);
        return;
    }
    while ((want = socks_want(&c->socks)) > 0) {
        ssize_t got = recv(c->fd, data, want, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (got > 0)
            socks_feed(&c->socks, data, (size_t)got);
        if (got <= 0 || !send_socks(c)) {
            close(conn_free(c));
            return;
        }
    }
    ev_io_stop(loop, w);
    if (c->socks.state == SOCKS_DONE && c->socks.udp) {
        associate(c);
        return;
    }
    if (c->socks.state == SOCKS_DONE) {
        c->target = c->socks.target;
        begin(c);
        return;
    }
    say_often(SAY_PEER, "turned away a client of the SOCKS port: %s", c->socks.reason);
    close(conn_free(c));
}

static void on_deadline(struct ev_loop *loop, ev_timer *w, int events)
{
    struct conn *c = w->data;
    (void)loop;
    (void)events;
    if (c->state == CONN_SOCKS)
        conn_abort(c);
    else if (c->state == CONN_WAITING)
        note_and_refuse(c, SOCKS_NETWORK_UNREACHABLE, "the peer is not connected");
    else
        note_and_refuse(c, SOCKS_HOST_UNREACHABLE, "no answer from the peer");
}

void conn_start(struct forward *f, int fd)
{
    struct conn *c = calloc(1, sizeof *c);
    int on = 1;
    if (!c) {
        reset(fd);
        return;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    *c = (struct conn){.forward = f, .state = CONN_SOCKS, .fd = fd, .target = f->spec.target};
    ev_io_init(&c->readable, on_readable, fd, EV_READ);
    ev_init(&c->deadline, on_deadline);
    c->readable.data = c->deadline.data = c;
    TAILQ_INSERT_TAIL(&f->conns, c, entry);
    f->count++;
    if (!is_socks(f)) {
        begin(c);
        return;
    }
    socks_init(&c->socks);
    set_deadline(c, FORWARD_WAIT_S);
    ev_io_start(f->loop, &c->readable);
}
