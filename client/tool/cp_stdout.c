/* hx cp NAME:PATH - */
#include "client/forward/say.h"
#include "client/tool/cp_stream.h"
#include "client/tool/program.h"
#include "secure/digest.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct reading_out {
    struct cp_stream s;
    struct file_entry found;
    struct digest digest;
    size_t sum_len;
    uint8_t sum[DIGEST_BYTES];
};

static void fail(struct reading_out *o, const char *reason)
{
    cp_stream_say(&o->s, reason);
    asking_end(&o->s.asking, STATUS_FAILED);
}

static void on_up(void *user, struct link *l)
{
    static const struct mux_field follow = {"hx-links", SHARE_LINKS_FOLLOW};
    struct cp_stream *s = &((struct reading_out *)user)->s;
    (void)l;
    cp_stream_begin(s);
    asking_request(&s->asking, "GET", s->target, &follow, s->asking.args->links == 'L');
}

static void on_headers(void *user, const struct mux_message *m)
{
    struct reading_out *o = user;
    const char *status = mux_field(m, ":status");
    const char *type = mux_field(m, "hx-type");
    const char *reason = mux_field(m, "hx-reason");
    if (!status || strcmp(status, "200") != 0)
        fail(o, reason ? reason : "does not exist there, or nothing is shared");
    else if (!type || strcmp(type, "file") != 0)
        fail(o, "is a directory");
    else if (!mux_field(m, "hx-size") || share_fields(&o->found, m) < 0)
        fail(o, "what is said of it makes no sense");
    o->s.state.total = o->found.size;
    o->s.state.listed = true;
}

static int on_body(void *user, const char *data, size_t len)
{
    struct reading_out *o = user;
    int64_t left = o->found.size - o->s.state.done;
    size_t content = left < (int64_t)len ? (size_t)left : len;
    if (len - content > sizeof o->sum - o->sum_len) {
        fail(o, "what comes is longer than was said");
        return HX_EPROTO;
    }
    memcpy(o->sum + o->sum_len, data + content, len - content);
    o->sum_len += len - content;
    digest_update(&o->digest, data, content);
    o->s.state.done += (int64_t)content;
    o->s.state.moved = o->s.state.done;
    int err = asking_print(&o->s.asking, data, content);
    if (err < 0)
        fail(o, hx_strerror(err));
    return err;
}

static void on_answered(void *user)
{
    struct reading_out *o = user;
    uint8_t ours[DIGEST_BYTES];
    if (o->sum_len < sizeof o->sum) {
        fail(o, "it ended too early");
    } else if (digest_final(&o->digest, ours) < 0 || memcmp(ours, o->sum, sizeof ours) != 0) {
        fail(o, "the sum of what arrived is wrong: do not use it");
    } else {
        o->s.state.over = true;
        o->s.state.files_done = 1;
        asking_end(&o->s.asking, STATUS_OK);
    }
}

static int run(struct reading_out *o, const struct args *args)
{
    static const struct asking_events events = {
        .up = on_up, .headers = on_headers, .body = on_body, .answered = on_answered};
    const char *written = args_remote_path(args->sources[0]);
    bool slash = false;
    if (!cp_stream_init(&o->s, args, &events, o, written, &slash))
        return STATUS_FAILED;
    if (slash) {
        say_error("'%.100s' is a directory, and one file alone goes to standard output", written);
        return STATUS_FAILED;
    }
    o->s.copying.hidden = isatty(STDOUT_FILENO); /* it is what is to be seen there */
    bool good = cp_stream_run(&o->s);
    if (good && !o->s.copying.hidden)
        copying_summarize(&o->s.copying);
    return good ? STATUS_OK : STATUS_FAILED;
}

int cp_to_stdout(const struct args *args)
{
    struct reading_out *o = calloc(1, sizeof *o);
    if (!o || digest_init(&o->digest) < 0) {
        say_error("%s", hx_strerror(HX_ENOMEM));
        free(o);
        return STATUS_FAILED;
    }
    int status = run(o, args);
    digest_free(&o->digest);
    free(o);
    return status;
}
