/* hx ls NAME:PATH: what is in a directory that hx bind NAME --share offers. */
#include "client/files/share.h"
#include "client/forward/say.h"
#include "client/tool/asking.h"
#include "client/tool/lister.h"
#include "client/tool/program.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct looking {
    struct asking asking;
    const struct args *args;
    struct lister lister;
    struct listing_reader reader;
    char path[PATH_TEXT_MAX];
    char target[sizeof SHARE_PREFIX + PATH_ENCODED_MAX];
    uint64_t unread;         /* entries of type 's' that have a line */
    bool listing;            /* the second request */
    struct file_entry found; /* what the first one tells of; its type 0: nothing */
};

static void on_up(void *user, struct link *l)
{
    struct looking *k = user;
    (void)l;
    asking_request(&k->asking, "HEAD", k->target, NULL);
}

static void refused(struct looking *k, const char *status, const char *reason)
{
    char name[SAY_NAME_MAX];
    printable_name(name, sizeof name, k->path);
    if (strcmp(status, "404") == 0 && !reason)
        say_error("%s shares no directory: hx bind %s --share DIR does", k->args->name, k->args->name);
    else
        say_error("%s:%s: %s", k->args->name, k->path[0] ? name : "", reason ? reason : status);
    asking_end(&k->asking, STATUS_FAILED);
}

static void on_headers(void *user, const struct mux_message *m)
{
    struct looking *k = user;
    const char *status = mux_field(m, ":status");
    const char *type = mux_field(m, "hx-type");
    if (!status || strcmp(status, "200") != 0 || !type) {
        refused(k, status ? status : "?", mux_field(m, "hx-reason"));
        return;
    }
    k->found.type = strcmp(type, "directory") == 0 ? 'd' : 'f';
    if (share_fields(&k->found, m) < 0 || (k->listing && k->found.type != 'd'))
        refused(k, status, "it makes no sense what is said of it");
}

static int on_body(void *user, const char *data, size_t len)
{
    struct looking *k = user;
    if (!k->listing)
        return HX_OK;
    int err = listing_feed(&k->reader, data, len);
    if (err < 0)
        say_error("%s: %s", k->args->name,
                  err == HX_EPROTO ? "what it sends is no listing" : hx_strerror(err));
    return err;
}

static void end(struct looking *k)
{
    uint64_t lineless = k->reader.skipped - k->unread; /* which the listing's end counts */
    bool whole = lister_end(&k->lister) == HX_OK;
    if (!whole)
        say_error("cannot print it: %s", hx_strerror(HX_ENOMEM));
    if (k->lister.unsorted)
        say_note("more than %d entries: the others are in the order in which they came", LISTER_SORTED_MAX);
    if (lineless > 0)
        say_error("%" PRIu64 " more cannot be named", lineless);
    asking_end(&k->asking, whole && lineless == 0 ? STATUS_OK : STATUS_FAILED);
}

static void on_answered(void *user)
{
    struct looking *k = user;
    const struct mux_field depth = {SHARE_DEPTH, "1"};
    if (k->listing) {
        if (k->reader.ended) {
            end(k);
        } else {
            say_error("%s: its listing is not whole", k->args->name);
            asking_end(&k->asking, STATUS_FAILED);
        }
    } else if (k->found.type == 'd') {
        k->listing = true;
        asking_request(&k->asking, "GET", k->target, &depth);
    } else {
        k->found.path = path_leaf(k->path);
        (void)lister_add(&k->lister, &k->found);
        end(k);
    }
}

static int on_entry(void *user, const struct file_entry *e)
{
    struct looking *k = user;
    k->unread += e->type == 's';
    return lister_add(&k->lister, e);
}

static int on_line(void *user, const char *text, size_t len)
{
    struct looking *k = user;
    return asking_print(&k->asking, text, len);
}

static bool aim(struct looking *k)
{
    bool slash;
    char encoded[PATH_ENCODED_MAX + 1];
    int err = path_clean(k->path, k->args->remote, &slash);
    if (err == HX_OK)
        err = path_encode(encoded, k->path);
    if (err < 0) {
        say_error("'%.100s' is %s", k->args->remote,
                  err == HX_ETOOBIG ? "too long a path" : "no path beneath the shared directory");
        return false;
    }
    snprintf(k->target, sizeof k->target, "%s%s", SHARE_PREFIX, encoded);
    return true;
}

int cmd_ls(const struct args *args)
{
    static const struct asking_events events = {
        .up = on_up, .headers = on_headers, .body = on_body, .answered = on_answered};
    struct looking *k = calloc(1, sizeof *k);
    int status = STATUS_FAILED;
    if (!k) {
        say_error("%s", hx_strerror(HX_ENOMEM));
        return status;
    }
    k->args = args;
    k->asking = (struct asking){.args = args, .events = &events, .user = k};
    k->lister = (struct lister){.details = args->details, .json = args->json, .line = on_line, .user = k};
    listing_reader_init(&k->reader, on_entry, k);
    status = aim(k) ? asking_run(&k->asking) : STATUS_USAGE;
    lister_free(&k->lister);
    free(k);
    return status;
}
