/* hx cp NAME:PATH - */
#include "client/files/path.h"
#include "client/files/share.h"
#include "client/forward/say.h"
#include "client/tool/asking.h"
#include "client/tool/copying.h"
#include "client/tool/cp_stream.h"
#include "client/tool/program.h"
#include "secure/digest.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct reading_out {
    struct asking asking;
    struct copying copying;
    const struct args *args;
    char path[PATH_TEXT_MAX];
    char target[sizeof SHARE_PREFIX + PATH_ENCODED_MAX];
    struct file_entry found;
    struct files_state state;
    bool begun; /* `copying` is */
    struct digest digest;
    size_t sum_len;
    uint8_t sum[DIGEST_BYTES];
};

static void fail(struct reading_out *o, const char *reason)
{
    char name[SAY_NAME_MAX];
    printable_name(name, sizeof name, o->path);
    say_error("%s:%s: %s", o->args->name, name, reason);
    asking_end(&o->asking, STATUS_FAILED);
}

static void on_state(void *user, struct files_state *out)
{
    struct reading_out *o = user;
    o->state.steps++; /* it waits for others, as long as they live */
    *out = o->state;
}

static void on_stuck(void *user)
{
    (void)user;
}

static void on_up(void *user, struct link *l)
{
    static const struct mux_field follow = {"hx-links", SHARE_LINKS_FOLLOW};
    struct reading_out *o = user;
    (void)l;
    o->copying.loop = o->asking.loop;
    o->copying.reconnector = o->asking.reconnector;
    copying_begin(&o->copying);
    o->begun = true;
    asking_request(&o->asking, "GET", o->target, &follow, o->args->links == 'L');
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
    o->state.total = o->found.size;
    o->state.listed = true;
}

static int on_body(void *user, const char *data, size_t len)
{
    struct reading_out *o = user;
    int64_t left = o->found.size - o->state.done;
    size_t content = left < (int64_t)len ? (size_t)left : len;
    if (len - content > sizeof o->sum - o->sum_len) {
        fail(o, "what comes is longer than was said");
        return HX_EPROTO;
    }
    memcpy(o->sum + o->sum_len, data + content, len - content);
    o->sum_len += len - content;
    digest_update(&o->digest, data, content);
    o->state.done += (int64_t)content;
    o->state.moved = o->state.done;
    int err = asking_print(&o->asking, data, content);
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
        o->state.over = true;
        o->state.files_done = 1;
        asking_end(&o->asking, STATUS_OK);
    }
}

static bool aim(struct reading_out *o)
{
    bool slash = false;
    char encoded[PATH_ENCODED_MAX + 1];
    const char *written = args_remote_path(o->args->sources[0]);
    int err = path_clean(o->path, written, &slash);
    if (err == HX_OK)
        err = path_encode(encoded, o->path);
    if (err < 0)
        say_error("'%.100s' is %s", written,
                  err == HX_ETOOBIG ? "too long a path" : "no path beneath the shared directory");
    else if (slash)
        say_error("'%.100s' is a directory, and one file alone goes to standard output", written);
    else
        snprintf(o->target, sizeof o->target, "%s%s", SHARE_PREFIX, encoded);
    return err >= 0 && !slash;
}

static int run(struct reading_out *o)
{
    int status = asking_run(&o->asking);
    if (!o->begun)
        return status;
    bool good = copying_conclude(&o->copying) && status == STATUS_OK;
    if (good && !o->copying.hidden)
        copying_summarize(&o->copying);
    return good ? STATUS_OK : STATUS_FAILED;
}

int cp_to_stdout(const struct args *args)
{
    static const struct asking_events events = {
        .up = on_up, .headers = on_headers, .body = on_body, .answered = on_answered};
    struct reading_out *o = calloc(1, sizeof *o);
    int status = STATUS_FAILED;
    if (!o || digest_init(&o->digest) < 0) {
        say_error("%s", hx_strerror(HX_ENOMEM));
        free(o);
        return status;
    }
    o->args = args;
    o->asking = (struct asking){.args = args, .events = &events, .user = o};
    o->copying = (struct copying){.args = args,
                                  .hidden = isatty(STDOUT_FILENO), /* it is what is to be seen there */
                                  .once = true,
                                  .state = on_state,
                                  .stuck = on_stuck,
                                  .user = o};
    if (aim(o)) {
        strcpy(o->state.name, o->path);
        status = run(o);
    }
    digest_free(&o->digest);
    free(o);
    return status;
}
