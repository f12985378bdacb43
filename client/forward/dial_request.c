/* CONNECT on the binding side: allowed, connected, relayed. The contract is in client/forward/allow.h. */
#include "client/forward/allow.h"
#include "client/forward/dial.h"
#include "client/forward/relay.h"
#include "client/forward/say.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BODY_MAX (AUTHORITY_TEXT_MAX + 128)

struct asked {
    struct ev_loop *loop;
    const char *who;
    struct mux_stream *stream; /* until the relay has it */
    struct dial *dial;         /* until it is done */
    struct authority target;
};

static const struct dial_failure not_allowed = {"403", "http_request_denied", "is not allowed here"};
static const struct dial_failure no_target = {"400", "http_request_error",
                                              "is no HOST:PORT, and no path of a socket"};

static void refuse(struct mux_stream *s, const char *who, const char *target, const struct dial_failure *why)
{
    char state[64], body[BODY_MAX];
    snprintf(state, sizeof state, "hx; error=%s", why->error);
    int len = snprintf(body, sizeof body, "%s %s\n", target, why->text);
    const struct mux_field fields[] = {
        {":status", why->status}, {"proxy-status", state}, {"content-type", "text/plain"}};
    const struct mux_message response = {.fields = fields, .count = sizeof fields / sizeof *fields};
    say_often(SAY_REFUSED, "refused a connection: %s %s (%s)", target, why->text, who);
    if (mux_respond(s, &response) != HX_OK) {
        mux_stream_reset(s, MUX_INTERNAL_ERROR);
        return;
    }
    (void)mux_stream_write(s, body, (size_t)len); /* the status has said it; the text is for people */
    mux_stream_leave(s);
}

static void on_relayed(void *user, int error, int system)
{
    struct asked *a = user;
    relay_say_broken(a->who, &a->target, error, system);
    free(a);
}

static void succeed(struct asked *a, int fd)
{
    static const struct mux_field fields[] = {{":status", "200"}};
    static const struct mux_message response = {.fields = fields, .count = 1};
    const struct relay_config config = {
        .in_fd = fd, .out_fd = fd, .owns_fds = true, .done = on_relayed, .user = a};
    struct relay *relay;
    if (mux_respond(a->stream, &response) == HX_OK &&
        relay_start(&relay, a->loop, a->stream, &config) == HX_OK)
        return;
    close(fd);
    mux_stream_reset(a->stream, MUX_INTERNAL_ERROR);
    free(a);
}

static void on_dialled(void *user, int fd, const struct dial_failure *why)
{
    struct asked *a = user;
    char target[AUTHORITY_TEXT_MAX];
    if (fd >= 0) {
        succeed(a, fd);
        return;
    }
    authority_format(&a->target, target);
    refuse(a->stream, a->who, target, why);
    free(a);
}

static void on_stream_closed(void *user, int error, uint32_t code)
{
    struct asked *a = user;
    (void)error;
    (void)code;
    dial_cancel(a->dial);
    free(a);
}

void dial_request(struct ev_loop *loop, const struct allow *a, const char *who, struct mux_stream *s,
                  const struct mux_message *request)
{
    static const struct mux_stream_events events = {.closed = on_stream_closed};
    const char *authority = mux_field(request, ":authority");
    struct authority target;
    char text[AUTHORITY_TEXT_MAX];
    if (!authority || authority_from_wire(&target, authority) != HX_OK) {
        refuse(s, who, "what it asks for", &no_target);
        return;
    }
    authority_format(&target, text);
    if (!allow_permits(a, &target)) {
        refuse(s, who, text, &not_allowed);
        return;
    }
    say_often(SAY_REQUEST, "%s: connection to %s", who, text);
    struct asked *asked = calloc(1, sizeof *asked);
    if (!asked || dial_start(&asked->dial, loop, &target, on_dialled, asked) != HX_OK) {
        free(asked);
        refuse(s, who, text, &dial_internal);
        return;
    }
    asked->loop = loop;
    asked->who = who;
    asked->stream = s;
    asked->target = target;
    mux_stream_own(s, &events, asked);
}
