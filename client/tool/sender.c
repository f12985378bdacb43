#include "client/tool/sender.h"
#include "base/hex.h"
#include "client/forward/relay.h"
#include "client/forward/say.h"
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- what both say ---- */

static void on_visit_headers(void *user, const struct mux_message *m)
{
    struct sender *s = user;
    const char *status = mux_field(m, ":status");
    const char *what = mux_field(m, "hx-offer");
    if (s->left)
        return;
    if (!status || strcmp(status, "200") != 0 || !what) {
        say_error("the holder of the code's name is no `hx send` of this version (status %s)",
                  status ? status : "-");
        what = NULL;
    }
    s->offered(s->user, what);
}

static void take_line(struct sender *s)
{
    if (strcmp(s->line.text, "counted") == 0)
        s->counted(s->user);
    else if (strncmp(s->line.text, "over ", 5) == 0)
        s->over(s->user, s->line.text + 5);
}

static void on_visit_readable(void *user)
{
    struct sender *s = user;
    char c;
    while (!s->left && mux_stream_read(s->visit, &c, 1) == 1)
        if (visit_line_add(&s->line, c) == HX_OK)
            take_line(s);
}

static void on_visit_closed(void *user, int error, uint32_t code)
{
    struct sender *s = user;
    (void)error;
    (void)code;
    s->visit = NULL;
}

int sender_visit(struct sender *s, struct link *l)
{
    static const struct mux_stream_events events = {
        .headers = on_visit_headers, .readable = on_visit_readable, .closed = on_visit_closed};
    uint8_t id[(sizeof s->receipt - 1) / 2];
    if (!s->receipt[0]) {
        arc4random_buf(id, sizeof id);
        hex_write(s->receipt, id, sizeof id);
    }
    const struct mux_field fields[] = {{":method", "POST"},
                                       {":scheme", "hx"},
                                       {":authority", "hx"},
                                       {":path", "/receive"},
                                       {"hx-receipt", s->receipt}};
    const struct mux_message request = {.fields = fields, .count = 5};
    s->line.len = 0;
    return s->left ? HX_OK : mux_request(link_mux(l), &s->visit, &request, &events, s);
}

void sender_say(struct sender *s, const char *lines)
{
    if (s->visit)
        (void)mux_stream_write(s->visit, lines, strlen(lines));
}

void sender_leave(struct sender *s)
{
    s->left = true;
    if (s->visit)
        mux_stream_end(s->visit);
}

/* ---- its stream ---- */

static void on_stream_headers(void *user, const struct mux_message *m)
{
    struct sender *s = user;
    const char *status = mux_field(m, ":status");
    struct mux_stream *stream = s->asked;
    struct relay *relay;
    const struct relay_config config = {.in_fd = STDIN_FILENO, /* of which nothing is read */
                                        .out_fd = STDOUT_FILENO,
                                        .in_ended = true,
                                        .done = s->streamed,
                                        .user = s->user};
    s->asked = NULL;
    if (!status || strcmp(status, "200") != 0) {
        mux_stream_reset(stream, MUX_CANCEL);
        s->refused(s->user);
    } else if (relay_start(&relay, s->loop, stream, &config) < 0) {
        mux_stream_reset(stream, MUX_CANCEL);
        s->streamed(s->user, HX_ENOMEM, 0);
    }
}

static void on_stream_closed(void *user, int error, uint32_t code)
{
    struct sender *s = user;
    (void)code;
    s->asked = NULL;
    s->streamed(s->user, error < 0 ? error : HX_ECLOSED, 0);
}

void sender_ask_stream(struct sender *s, struct link *l)
{
    static const struct mux_stream_events events = {.headers = on_stream_headers, .closed = on_stream_closed};
    static const struct mux_field fields[] = {
        {":method", "POST"}, {":scheme", "hx"}, {":authority", "hx"}, {":path", "/stream"}};
    const struct mux_message request = {.fields = fields, .count = 4, .ended = true};
    int err = l ? mux_request(link_mux(l), &s->asked, &request, &events, s) : HX_ECLOSED;
    if (err < 0)
        s->streamed(s->user, err, 0);
}
