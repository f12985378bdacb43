#include "client/punch.h"
#include "base/clock.h"
#include "base/container_of.h"
#include "base/fair_share.h"
#include "base/rate.h"
#include "client/engine.h"
#include "client/hard_nat.h"
#include "client/route.h"
#include "proto/host_id.h"
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define TEXT_MAX    512
#define HOPELESS_MS 3000
#define LOOK_MS     500

struct punch {
    struct engine_sink sink;
    struct punch_request request;
    char name[HOST_ID_MAX + 1];
    struct session session;
    struct stream *stream;
    struct agent *agent;            /* NULL: without a session */
    struct secure_channel *channel; /* NULL: no early bytes have been said or heard */
    int64_t begun_ms;
    struct timer look;               /* of a session: is it hopeless? */
    struct fair_share_member member; /* of `asked`; not of our own ones */
    struct punch *prev, *next;
};

static struct punch *punches;
static int ours_count;
static struct fair_share asked; /* attempts that others asked for */
static struct rate rate;        /* of them */
static struct token_bucket all; /* likewise, of all hosts: the nameserver may name ever new ones */
static bool limits_set;

static const struct token_limit all_limit = {.per_second = PUNCH_RATE, .most = PUNCH_RATE};

static void set_limits(void)
{
    if (limits_set)
        return;
    limits_set = true;
    fair_share_init(&asked, PUNCH_MAX, PUNCH_HOST_MAX);
    rate_init(&rate, PUNCH_HOST_RATE);
}

static void list(struct punch *p)
{
    DL_APPEND(punches, p);
    if (p->request.ours)
        ours_count++;
    else
        fair_share_add(&asked, &p->member);
}

/* Takes it off the list; the stream stays whose it is. */
static void unlist(struct punch *p)
{
    DL_DELETE(punches, p);
    if (p->request.ours)
        ours_count--;
    fair_share_remove(&asked, &p->member);
    engine_timer_cancel(&p->look);
}

const char *punch_both_behind(const struct endpoint *own, const struct endpoint *peer,
                              char text[PUNCH_BOTH_MAX])
{
    struct route_question q = {.to = *own};
    struct route_way way;
    char address[INET_ADDRSTRLEN];
    text[0] = '\0';
    if (own->family == AF_INET && endpoint_same_host(own, peer) && !(route_ask(&q, &way) && way.local) &&
        inet_ntop(AF_INET, own->address, address, sizeof address))
        snprintf(text, PUNCH_BOTH_MAX, "you are both behind %s", address);
    return text;
}

/* The relay may still help. */
static bool may_relay(const struct agent_tried *tried)
{
    return tried->relay.offered && tried->relay.wanted &&
           !(tried->relay.begun && tried->relay.state == RELAY_STATE_ENDED);
}

/* Both are behind one NAT, which has not returned what they sent to each other by its outer address, and
 * in no network that they share did they meet. */
static bool no_hairpin(const struct punch *p, const struct agent_tried *tried)
{
    char both[PUNCH_BOTH_MAX];
    return !tried->heard && !tried->hopeless && !may_relay(tried) &&
           punch_both_behind(&p->request.own_external, &p->request.peer.list[0].at, both)[0] != '\0';
}

#define RELAY_TEXT_MAX 96

static const char *relay_text(const struct agent_tried *tried, char text[RELAY_TEXT_MAX])
{
    if (!tried->relay.offered)
        return "the nameserver offers no relay";
    if (!tried->relay.wanted)
        return "its relay was not wanted";
    if (!tried->relay.begun)
        return "there was no time for its relay";
    if (tried->relay.state == RELAY_STATE_OPEN)
        return "nor did the peer come to the nameserver's relay";
    snprintf(text, RELAY_TEXT_MAX, "the nameserver's relay %s%s",
             tried->relay.reason == RELAY_NO_REASON ? "does not answer" : "has reached its limit ",
             relay_party_limit_name(tried->relay.reason));
    return text;
}

/* Both halves of what has not met, as each has told of itself. */
static void describe(const struct punch *p, uint64_t came, char text[TEXT_MAX])
{
    char ours[96], theirs[96], both[PUNCH_BOTH_MAX], one_way[96] = "", relay[RELAY_TEXT_MAX];
    struct agent_tried tried;
    agent_tried(p->agent, &tried);
    bool returned = came > 0 || !no_hairpin(p, &tried);
    punch_both_behind(&p->request.own_external, &p->request.peer.list[0].at, both);
    if (came > 0)
        snprintf(one_way, sizeof one_way,
                 ", though %" PRIu64 " datagrams came from the peer: what leaves here does not reach it",
                 came);
    snprintf(
        text, TEXT_MAX,
        "%s%s%syours: %s; theirs: %s; %s%" PRIu64 " probes, none came back%s; %s: try %sfrom another network",
        both, returned ? "" : ", which does not pass on what one of you sends to the other (no hairpin)",
        both[0] ? "; " : "", hard_nat_describe(&tried.own, ours), hard_nat_describe(&tried.peer, theirs),
        tried.hopeless ? "two such NATs do not meet; " : "", tried.probes, one_way, relay_text(&tried, relay),
        tried.hopeless ? ""
        : returned     ? "again, or "
                       : "with port mapping (UPnP, NAT-PMP, PCP) at either router, or ");
}

/* A peer whose datagrams come is behind no symmetric NAT: whoever reads this shall not look for one. */
static const char *what_came(struct punch *p, const struct udt_heard *heard, char text[TEXT_MAX])
{
    text[0] = '\0';
    if (heard->dropped > 0)
        snprintf(text, TEXT_MAX,
                 "%" PRIu64 " datagrams came from the peer, %" PRIu64
                 " of a kind that hx does not take (%s): look there what it is",
                 heard->came, heard->dropped, heard->rule);
    else if (p->agent)
        describe(p, heard->came, text);
    else if (heard->came > 0)
        snprintf(text, TEXT_MAX,
                 "%" PRIu64
                 " datagrams came from the peer, but it did not finish its handshake: look there what it is",
                 heard->came);
    return text;
}

/* What nobody takes over. */
static void end_parts(struct punch *p)
{
    stream_close(p->stream);
    agent_end(p->agent);
    secure_channel_destroy(p->channel);
}

static enum attempt_reason reason_of(int error, const struct udt_heard *heard, bool hopeless)
{
    if (error == HX_ELIMIT)
        return ATTEMPT_CROWDED;
    if (heard->came > 0)
        return heard->dropped > 0 ? ATTEMPT_REFUSED : ATTEMPT_HANDSHAKE;
    if (hopeless)
        return ATTEMPT_HOPELESS;
    return error == HX_ETIMEDOUT ? ATTEMPT_GIVEN_UP : ATTEMPT_SILENCE;
}

/* What the nameserver is told, which has introduced the two. */
static void make_report(struct attempt_report *out, const struct punch *p, const struct punch_result *r,
                        const struct udt_heard *heard)
{
    char id[SESSION_ID_TEXT_MAX];
    struct agent_tried tried;
    agent_tried(p->agent, &tried);
    *out = (struct attempt_report){.outcome = ATTEMPT_FAILED,
                                   .ms = r->elapsed_ms,
                                   .tries = tried.introductions,
                                   .probes = (int64_t)tried.probes,
                                   .own = tried.own,
                                   .peer = tried.peer};
    session_id_format(p->session.id, id);
    memcpy(out->session, id, ATTEMPT_SESSION_MAX - 1);
    if (r->stream)
        out->outcome = attempt_outcome_of(r->text);
    else
        out->reason = reason_of(r->error, heard, tried.hopeless || no_hairpin(p, &tried));
}

static void done(struct punch *p, int error, struct stream *stream)
{
    char text[TEXT_MAX] = "";
    struct agent_path path;
    struct attempt_report report;
    struct udt_heard heard = {.came = 0};
    bool reached = stream && p->agent && agent_path(p->agent, &path);
    if (!stream)
        udt_stream_heard(p->stream, &heard);
    struct punch_result result = {.error = error,
                                  .stream = stream,
                                  .agent = stream ? p->agent : NULL,
                                  .channel = stream ? p->channel : NULL,
                                  .peer = reached ? &path.remote : &p->request.peer.list[0].at,
                                  .name = p->name,
                                  .text = reached ? path.kind
                                          : error == HX_EPUNCH || error == HX_ETIMEDOUT
                                              ? what_came(p, &heard, text)
                                              : "",
                                  .elapsed_ms = clock_now_ms() - p->begun_ms,
                                  .seen_family = p->request.peer.list[0].at.family};
    if (p->agent) {
        make_report(&report, p, &result, &heard);
        result.report = &report;
    }
    unlist(p);
    if (!stream && p->agent && (error == HX_EPUNCH || error == HX_ETIMEDOUT))
        agent_failed(p->agent);
    if (!stream)
        end_parts(p);
    p->request.on_done(p->request.user, &result);
    free(p);
}

/* Where their NATs do not meet, or the one NAT of both, what else there may be, one network or IPv6,
 * answers soon or not at all. */
static void on_look(struct timer *t)
{
    struct punch *p = container_of(t, struct punch, look);
    struct agent_tried tried;
    agent_tried(p->agent, &tried);
    if (((tried.hopeless && !may_relay(&tried)) || no_hairpin(p, &tried)) &&
        clock_now_ms() - tried.told_ms >= HOPELESS_MS)
        done(p, HX_ETIMEDOUT, NULL);
    else
        engine_timer_set(t, clock_now_ms() + LOOK_MS);
}

static void on_event(struct engine_sink *sink, const struct udt_event *ev)
{
    struct punch *p = (struct punch *)sink;
    if (ev->type == UDT_EV_CONNECTED && p->agent)
        agent_connected(p->agent);
    if (ev->type == UDT_EV_CONNECTED)
        done(p, HX_OK, p->stream);
    else if (ev->type == UDT_EV_CONNECT_FAILED)
        done(p, HX_EPUNCH, NULL);
}

static bool same(const struct punch *p, const struct punch_request *wanted)
{
    bool session = wanted->session && wanted->session->given;
    if (session != p->session.given)
        return false;
    return session ? memcmp(p->session.id, wanted->session->id, SESSION_BYTES) == 0
                   : candidates_meet(&p->request.peer, &wanted->peer);
}

/* To call a peer and to be called by it are two: neither replaces the other. */
static struct punch *find(const struct punch_request *wanted)
{
    struct punch *p;
    DL_FOREACH(punches, p)
    {
        if (p->request.calling == wanted->calling && same(p, wanted))
            return p;
    }
    return NULL;
}

static int timeout_of(const struct punch_request *request)
{
    if (request->timeout_ms <= 0)
        return PUNCH_DEFAULT_MS;
    return request->timeout_ms < UDT_RENDEZVOUS_MS ? request->timeout_ms : UDT_RENDEZVOUS_MS;
}

/* HX_OK: there is room for one more. Only an attempt that may begin replaces another one. */
static int admit(const struct punch_request *request, const struct fair_share_source *source)
{
    struct sockaddr_in6 address;
    struct fair_share_member *victim;
    struct punch *older;
    endpoint_to_sockaddr6(&request->peer.list[0].at, &address);
    if (!request->ours)
        set_limits();
    if (!request->ours && !(rate_take(&rate, address.sin6_addr.s6_addr, clock_now_ms()) &&
                            token_bucket_take(&all, &all_limit, 1, clock_now_ms())))
        return HX_ELIMIT;
    while ((older = find(request)))
        done(older, HX_ECANCELED, NULL);
    if (request->ours)
        return ours_count < PUNCH_MAX ? HX_OK : HX_ELIMIT;
    while ((victim = fair_share_victim(&asked, source)))
        done(container_of(victim, struct punch, member), HX_ELIMIT, NULL);
    return HX_OK;
}

static bool open_channel(struct punch *p)
{
    const struct punch_request *request = &p->request;
    if (!p->channel && request->prepared)
        p->channel = prepared_channel_take(request->prepared);
    if (!p->channel && request->keys && request->keys->count > 0)
        (void)secure_channel_create(&p->channel, request->keys, request->calling); /* else it begins later */
    return p->channel != NULL;
}

/* Who is called answers the caller's first bytes with its own, whether or not UDT has connected. Whoever
 * asked the nameserver for us could ask for this much work all the same; now it need not be heard first. */
static void on_early(void *user, const uint8_t *bytes, size_t len)
{
    struct punch *p = user;
    const uint8_t *ours;
    if (!open_channel(p))
        return;
    secure_channel_take_early(p->channel, bytes, len);
    if (!p->request.calling) {
        len = secure_channel_early(p->channel, &ours);
        agent_say_early(p->agent, ours, len);
    }
}

/* UDT knows the peer by one address of the agent's, whatever paths there are. */
static int begin_session(struct punch *p)
{
    const struct punch_request *request = &p->request;
    const uint8_t *early = NULL;
    struct sockaddr_in6 peer;
    size_t early_len = request->calling && open_channel(p) ? secure_channel_early(p->channel, &early) : 0;
    int err = agent_begin(&p->agent, &(struct agent_config){.port = request->port,
                                                            .session = &p->session,
                                                            .families = request->families,
                                                            .calling = request->calling,
                                                            .uplink = request->uplink,
                                                            .server = request->server,
                                                            .relay_after_ms = request->relay_after_ms,
                                                            .scope_id = request->scope_id,
                                                            .candidates = request->peer,
                                                            .own = request->own_mapping,
                                                            .external = request->own_external,
                                                            .peer = request->peer_mapping,
                                                            .early = early,
                                                            .early_len = early_len,
                                                            .callbacks = {.early = on_early, .user = p}});
    if (err < 0)
        return err;
    agent_address(p->agent, &peer);
    err = udt_rendezvous(&p->stream, request->port, (struct sockaddr *)&peer, sizeof peer, NULL,
                         timeout_of(request), request->calling ? UDT_PARTY_CALLER : UDT_PARTY_CALLED, p);
    if (err < 0)
        agent_end(p->agent);
    return err;
}

static int begin_rendezvous(struct punch *p)
{
    const struct punch_request *request = &p->request;
    struct sockaddr_storage sa;
    struct sockaddr_in6 source;
    socklen_t len = endpoint_to_sockaddr(&request->peer.list[0].at, &sa);
    if (endpoint_link_local(&request->peer.list[0].at))
        ((struct sockaddr_in6 *)&sa)->sin6_scope_id = request->scope_id;
    uplink_source(&request->uplink, (struct sockaddr *)&sa, len, &source);
    return udt_rendezvous(&p->stream, request->port, (struct sockaddr *)&sa, len, &source,
                          timeout_of(request), request->calling ? UDT_PARTY_CALLER : UDT_PARTY_CALLED, p);
}

static bool may_begin(const struct punch_request *request)
{
    const struct endpoint *seen = &request->peer.list[0].at;
    bool session = request->session && request->session->given;
    return request->peer.count > 0 && (endpoint_punchable(seen) || (session && endpoint_tunnelled(seen)));
}

/* Who comes through TCP: the nameserver says in bytes 8 to 11 which of them are one host
 * (server/tunnel.h). */
static void source_of(struct fair_share_source *out, const struct endpoint *seen)
{
    struct endpoint host = *seen;
    if (endpoint_tunnelled(seen))
        memcpy(host.address + 4, seen->address + 8, 4);
    fair_share_source(out, host.family, host.address);
}

int punch_begin(const struct punch_request *request)
{
    struct fair_share_source source;
    if (!may_begin(request))
        return HX_EADDR;
    source_of(&source, &request->peer.list[0].at);
    int err = admit(request, &source);
    if (err < 0)
        return err;
    struct punch *p = calloc(1, sizeof *p);
    if (!p)
        return HX_ENOMEM;
    p->sink.on_event = on_event;
    p->member.source = source;
    p->request = *request;
    p->begun_ms = clock_now_ms();
    strncpy(p->name, request->name, HOST_ID_MAX);
    if (request->session)
        p->session = *request->session;
    p->request.session = NULL;
    err = p->session.given ? begin_session(p) : begin_rendezvous(p);
    if (err < 0) {
        secure_channel_destroy(p->channel);
        free(p);
        return err;
    }
    list(p);
    p->look.fire = on_look;
    if (p->agent)
        engine_timer_set(&p->look, clock_now_ms() + HOPELESS_MS);
    engine_wake();
    return HX_OK;
}

void punch_give_up(const void *user)
{
    struct punch *p, *next;
    DL_FOREACH_SAFE(punches, p, next)
    {
        if (p->request.user == user)
            done(p, HX_ETIMEDOUT, NULL);
    }
}

void punch_cancel(const void *user)
{
    struct punch *p, *next;
    DL_FOREACH_SAFE(punches, p, next)
    {
        if (p->request.user != user)
            continue;
        unlist(p);
        end_parts(p);
        free(p);
    }
}
