/* hx cp - NAME:PATH */
#include "base/container_of.h"
#include "client/files/extent.h"
#include "client/files/file_sum.h"
#include "client/forward/say.h"
#include "client/tool/cp_json.h"
#include "client/tool/cp_stream.h"
#include "client/tool/program.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE   (64 * 1024)
#define ALIVE_S 60.   /* of silence, after which the peer hears that there will be more */
#define MODE    "666" /* the peer's umask takes from it */

struct reading_in {
    struct cp_stream s;
    const struct args *args;
    bool exists, takes; /* what the peer has said: the file is there; it knows how to take it */
    struct mux_stream *stream;
    ev_io input;
    ev_timer alive;
    struct file_sum_kind kind;
    struct file_sum sum;
    bool summed;
    int64_t json_ms;
    bool ended;       /* standard input has */
    size_t len, sent; /* of what is on its way */
    uint8_t out[EXTENT_HEAD + PIECE];
};

static void leave(struct reading_in *in, int status)
{
    if (in->s.begun) {
        ev_io_stop(in->s.asking.loop, &in->input);
        ev_timer_stop(in->s.asking.loop, &in->alive);
    }
    if (in->stream)
        mux_stream_reset(in->stream, MUX_CANCEL);
    in->stream = NULL;
    asking_end(&in->s.asking, status);
}

static void fail(struct reading_in *in, const char *reason)
{
    cp_stream_say(&in->s, reason);
    if (in->args->json)
        cp_json_file("failed", in->s.path, -1, reason);
    leave(in, STATUS_FAILED);
}

static void on_look(void *user, const struct files_state *s)
{
    struct reading_in *in = container_of(user, struct reading_in, s);
    cp_json_now_and_then(&in->s.copying, s, &in->json_ms);
}

/* ---- standard input ---- */

static void push(struct reading_in *in);

/* The next piece; the one that ended has left. */
static void add_piece(struct reading_in *in, uint64_t head, size_t len)
{
    put64(in->out, head);
    in->len = EXTENT_HEAD + len;
    in->sent = 0;
    push(in);
}

static void add_end(struct reading_in *in)
{
    uint8_t sum[DIGEST_BYTES];
    in->ended = true;
    in->s.state.total = in->s.state.done;
    in->s.state.listed = true;
    ev_timer_stop(in->s.asking.loop, &in->alive);
    if (file_sum_final(&in->sum, sum) < 0) {
        fail(in, hx_strerror(HX_ENOMEM));
        return;
    }
    memcpy(in->out + EXTENT_HEAD, sum, sizeof sum);
    add_piece(in, 0, sizeof sum);
}

static void on_input(struct ev_loop *loop, ev_io *w, int revents)
{
    struct reading_in *in = w->data;
    (void)revents;
    ssize_t got = read(STDIN_FILENO, in->out + EXTENT_HEAD, PIECE);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    ev_io_stop(loop, w);
    if (got < 0) {
        say_error("standard input: %s", strerror(errno));
        leave(in, STATUS_FAILED);
    } else if (got == 0) {
        add_end(in);
    } else {
        file_sum_update(&in->sum, in->out + EXTENT_HEAD, (size_t)got);
        in->s.state.done += got;
        in->s.state.moved += got;
        add_piece(in, (uint64_t)got, (size_t)got);
    }
}

static void on_alive(struct ev_loop *loop, ev_timer *w, int revents)
{
    struct reading_in *in = w->data;
    (void)revents;
    if (in->sent != in->len || !in->stream)
        return;
    ev_io_stop(loop, &in->input); /* until this has left, which may take a while */
    add_piece(in, EXTENT_HOLE, 0);
}

/* What is on its way; then standard input is read again. */
static void push(struct reading_in *in)
{
    while (in->stream && in->sent < in->len) {
        ssize_t put = mux_stream_write(in->stream, in->out + in->sent, in->len - in->sent);
        if (put <= 0) /* writable(), headers() or closed() is told */
            return;
        in->sent += (size_t)put;
    }
    if (!in->stream)
        return;
    if (in->ended) {
        mux_stream_end(in->stream);
        return;
    }
    ev_timer_again(in->s.asking.loop, &in->alive);
    ev_io_start(in->s.asking.loop, &in->input);
}

static void begin_pushing(struct reading_in *in)
{
    if (in->args->json)
        cp_json_file("begin", in->s.path, -1, NULL);
    push(in);
}

/* ---- the peer ---- */

static void on_writable(void *user)
{
    push(user);
}

static void on_put_headers(void *user, const struct mux_message *m)
{
    struct reading_in *in = user;
    const char *status = mux_field(m, ":status");
    const char *reason = mux_field(m, "hx-reason");
    if (!status || strcmp(status, "201") != 0) {
        fail(in, reason ? reason : "the peer refuses it");
        return;
    }
    in->s.state.over = in->ended;
    in->s.state.files_done = in->ended;
    if (in->ended && in->args->json)
        cp_json_file("done", in->s.path, in->s.state.done, NULL);
    leave(in, in->ended ? STATUS_OK : STATUS_FAILED);
}

static void on_put_closed(void *user, int error, uint32_t code)
{
    struct reading_in *in = user;
    (void)error;
    (void)code;
    in->stream = NULL;
    ev_io_stop(in->s.asking.loop, &in->input);
    ev_timer_stop(in->s.asking.loop, &in->alive);
    ev_timer_start(in->s.asking.loop, &in->s.asking.broken); /* if the link has ended, too, that says why */
}

static void put(struct reading_in *in)
{
    static const struct mux_stream_events events = {
        .headers = on_put_headers, .writable = on_writable, .closed = on_put_closed};
    char kind[FILE_SUM_TEXT] = "";
    struct mux_field fields[] = {{":method", "PUT"},      {":scheme", "hx"},   {":authority", in->args->name},
                                 {":path", in->s.target}, {SHARE_STREAM, "1"}, {"hx-mode", MODE},
                                 {FILE_SUM_FIELD, kind}};
    struct mux_message request = {.fields = fields, .count = 6};
    ev_timer_stop(in->s.asking.loop, &in->s.asking.silence); /* it has nothing to say until all is there */
    int err = file_sum_init(&in->sum);
    in->summed = err == HX_OK;
    if (err == HX_OK)
        err = file_sum_use(&in->sum, &in->kind);
    if (in->kind.keyed) {
        file_sum_format(kind, &in->kind);
        request.count++;
    }
    if (err == HX_OK)
        err = mux_request(link_mux(reconnector_link(in->s.asking.reconnector)), &in->stream, &request,
                          &events, in);
    if (err < 0)
        fail(in, hx_strerror(err));
    else
        begin_pushing(in);
}

static void on_headers(void *user, const struct mux_message *m)
{
    struct reading_in *in = user;
    const char *status = mux_field(m, ":status");
    const char *type = mux_field(m, "hx-type");
    const char *reason = mux_field(m, "hx-reason");
    in->exists = status && strcmp(status, "200") == 0;
    in->takes = mux_field(m, SHARE_STREAM);
    if (file_sum_is_offered(m))
        file_sum_make(&in->kind);
    if (in->exists && type && strcmp(type, "directory") == 0)
        fail(in, "is a directory: say as which file in it");
    else if (!status || (!in->exists && strcmp(status, "404") != 0))
        fail(in, reason ? reason : "the peer refuses it");
    else if (!in->takes && !reason && !in->exists)
        fail(in, "nothing is shared there");
    else if (!in->takes)
        fail(in, "the peer's version takes no standard input: write it to a file first");
}

static void on_answered(void *user)
{
    struct reading_in *in = user;
    if (!in->exists || !in->args->no_clobber) {
        put(in);
        return;
    }
    if (in->args->json)
        cp_json_file("left", in->s.path, -1, NULL);
    else if (!in->args->quiet)
        say_always("1 file left as it is there");
    in->s.state.left = 1;
    in->s.state.over = true;
    leave(in, STATUS_OK);
}

static int on_body(void *user, const char *data, size_t len)
{
    (void)user;
    (void)data;
    (void)len;
    return HX_OK;
}

static void on_up(void *user, struct link *l)
{
    struct reading_in *in = user;
    (void)l;
    ev_io_init(&in->input, on_input, STDIN_FILENO, EV_READ);
    ev_timer_init(&in->alive, on_alive, 0., ALIVE_S);
    in->input.data = in->alive.data = in;
    cp_stream_begin(&in->s);
    asking_request(&in->s.asking, "HEAD", in->s.target, NULL, 0);
}

static int run(struct reading_in *in, const struct args *args)
{
    static const struct asking_events events = {
        .up = on_up, .headers = on_headers, .body = on_body, .answered = on_answered};
    bool slash;
    in->args = args;
    if (!cp_stream_init(&in->s, args, &events, in, args_remote_path(args->target), &slash))
        return STATUS_FAILED;
    in->s.copying.hidden = args->json;
    in->s.copying.look = args->json ? on_look : NULL;
    bool good = cp_stream_run(&in->s);
    if (args->json && in->s.begun)
        good = cp_json_summary(&in->s.copying, good, 0) && good;
    else if (good && in->s.state.left == 0)
        copying_summarize(&in->s.copying);
    return good ? STATUS_OK : STATUS_FAILED;
}

int cp_from_stdin(const struct args *args)
{
    struct reading_in *in = calloc(1, sizeof *in);
    if (!in) {
        say_error("%s", hx_strerror(HX_ENOMEM));
        return STATUS_FAILED;
    }
    int status = run(in, args);
    if (in->summed)
        file_sum_free(&in->sum);
    free(in);
    return status;
}
