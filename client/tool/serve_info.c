/* What a peer's key may do at this host, told to it: GET /info of hx info (client/tool/info.h). */
#include "client/forward/say.h"
#include "client/tool/info.h"
#include "client/tool/serve.h"

_Static_assert(INFO_MAX <= MUX_UNSENT_MAX, "a stream takes the answer whole");

static int tell(const struct serve *s, struct buf *out)
{
    const struct serve_config *c = s->config;
    const char *label = hx_peer_label(s->stream);
    int err = info_add(out, "version", hx_version());
    if (err == HX_OK && label[0])
        err = info_add(out, "label", label);
    if (err == HX_OK && c->targets)
        err = buf_append(out, buf_data(c->targets), c->targets->len);
    if (err == HX_OK && c->share)
        err = info_add(out, "share", share_writable(c->share) ? "rw" : "ro");
    if (err == HX_OK && c->run)
        err = info_add(out, "exec", c->run->terminal ? "pty" : "plain");
    if (err == HX_OK && c->echo)
        err = info_add(out, "echo", "yes");
    if (err == HX_OK && c->pipe)
        err = info_add(out, "pipe", "yes");
    return err;
}

void serve_info(const struct serve *s, struct mux_stream *stream)
{
    static const struct mux_field fields[] = {{":status", "200"}, {"content-type", "text/plain"}};
    static const struct mux_message response = {.fields = fields, .count = sizeof fields / sizeof *fields};
    struct buf text;
    buf_init(&text, INFO_MAX);
    say_often(SAY_REQUEST, "%s: info", s->who);
    bool told = tell(s, &text) == HX_OK && mux_respond(stream, &response) == HX_OK &&
                mux_stream_write(stream, buf_data(&text), text.len) == (ssize_t)text.len;
    if (told)
        mux_stream_leave(stream);
    else
        mux_stream_reset(stream, MUX_INTERNAL_ERROR);
    buf_free(&text);
}
