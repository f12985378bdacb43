#include "client/punch.h"
#include "base/clock.h"
#include "client/engine.h"
#include "client/parts.h"
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

struct punch {
    struct engine_sink sink;
    struct punch_request request;
    char name[HOST_ID_MAX + 1];
    struct stream *stream;
    int64_t begun_ms;
    struct punch *prev, *next;
};

static struct punch *punches;
static int punch_count;

/* Takes it off the list; the stream stays whose it is. */
static void unlist(struct punch *p)
{
    DL_DELETE(punches, p);
    punch_count--;
}

static void done(struct punch *p, int error, struct stream *stream)
{
    struct punch_result result = {.error = error,
                                  .stream = stream,
                                  .peer = &p->request.peer,
                                  .name = p->name,
                                  .elapsed_ms = clock_now_ms() - p->begun_ms};
    unlist(p);
    if (!stream)
        stream_close(p->stream);
    p->request.on_done(p->request.user, &result);
    free(p);
}

static void on_event(struct engine_sink *sink, const struct udt_event *ev)
{
    struct punch *p = (struct punch *)sink;
    if (ev->type == UDT_EV_CONNECTED)
        done(p, HX_OK, p->stream);
    else if (ev->type == UDT_EV_CONNECT_FAILED)
        done(p, HX_EPUNCH, NULL);
}

static struct punch *find(const struct endpoint *peer)
{
    struct punch *p;
    DL_FOREACH(punches, p)
    {
        if (endpoint_equal(&p->request.peer, peer))
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

int punch_begin(const struct punch_request *request)
{
    if (!parts_punchable(&request->peer))
        return HX_EADDR;
    struct punch *older = find(&request->peer);
    if (older)
        done(older, HX_ECANCELED, NULL);
    if (punch_count >= PUNCH_MAX)
        return HX_ELIMIT;
    struct punch *p = calloc(1, sizeof *p);
    if (!p)
        return HX_ENOMEM;
    p->sink.on_event = on_event;
    p->request = *request;
    p->begun_ms = clock_now_ms();
    strncpy(p->name, request->name, HOST_ID_MAX);
    struct sockaddr_storage sa;
    socklen_t len = endpoint_to_sockaddr(&request->peer, &sa);
    if (sa.ss_family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&((struct sockaddr_in6 *)&sa)->sin6_addr))
        ((struct sockaddr_in6 *)&sa)->sin6_scope_id = request->scope_id;
    int err = udt_rendezvous(&p->stream, request->port, (struct sockaddr *)&sa, len, timeout_of(request), p);
    if (err < 0) {
        free(p);
        return err;
    }
    DL_APPEND(punches, p);
    punch_count++;
    engine_wake();
    return HX_OK;
}

void punch_cancel(const void *user)
{
    struct punch *p, *next;
    DL_FOREACH_SAFE(punches, p, next)
    {
        if (p->request.user != user)
            continue;
        unlist(p);
        stream_close(p->stream);
        free(p);
    }
}
