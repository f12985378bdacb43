/* hx ls NAME:PATH: what is in a directory that hx bind NAME --share offers. */
#include "client/files/glob.h"
#include "client/forward/say.h"
#include "client/tool/asking.h"
#include "client/tool/lister.h"
#include "client/tool/program.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum asked {
    ASKED_MATCHES, /* of a pattern: what does it mean? */
    ASKED_ENTRY,   /* what is there? */
    ASKED_THROUGH, /* a link: what does it lead to? */
    ASKED_LISTING
};

struct looking {
    struct asking asking;
    const struct args *args;
    struct lister lister;
    struct listing_reader reader;
    char path[PATH_TEXT_MAX];
    char target[ASKING_TARGET_MAX];
    char link[PATH_TEXT_MAX]; /* the text of found.path, if it is a link */
    uint64_t unread;          /* entries of type 's' that have a line */
    enum asked asked;         /* by the request that runs */
    uint64_t matches;         /* of the pattern */
    bool slash;               /* a '/' at the path's end: what a link leads to is meant */
    struct file_entry found;  /* what is there */
};

static void ask(struct looking *k, enum asked what)
{
    const struct args *a = k->args;
    bool copy = what == ASKED_ENTRY || (what == ASKED_LISTING && k->asked == ASKED_ENTRY);
    const struct mux_field fields[] = {{"hx-links", copy ? SHARE_LINKS_COPY : SHARE_LINKS_FOLLOW},
                                       {SHARE_DEPTH, "1"}};
    bool flat = what == ASKED_LISTING && !a->recursive;
    k->asked = what;
    asking_request(&k->asking, what == ASKED_LISTING ? "GET" : "HEAD", k->target, fields, flat ? 2 : 1);
}

static void ask_for_matches(struct looking *k)
{
    char pattern[PATH_ENCODED_MAX + 2];
    const struct mux_field fields[] = {{"hx-links", SHARE_LINKS_COPY}, {SHARE_GLOB, pattern}};
    snprintf(pattern, sizeof pattern, "%s%s", k->target + strlen(SHARE_PREFIX), k->slash ? "/" : "");
    k->asked = ASKED_MATCHES;
    k->lister.recursive = true;
    asking_request(&k->asking, "GET", SHARE_PREFIX, fields, 2);
}

static void on_up(void *user, struct link *l)
{
    struct looking *k = user;
    (void)l;
    if (glob_is_pattern(k->args->remote))
        ask_for_matches(k);
    else
        ask(k, ASKED_ENTRY);
}

/* The peer knows no patterns: it is taken for a name. */
static void ask_literally(struct looking *k, const char *status)
{
    if (status && strcmp(status, "200") == 0)
        say_always("%s has a version of hx that knows no patterns: it is taken for a name", k->args->name);
    mux_stream_reset(k->asking.stream, MUX_CANCEL);
    k->lister.recursive = k->args->recursive;
    ask(k, ASKED_ENTRY);
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

static bool take_target(struct looking *k, const struct mux_message *m)
{
    const char *target = mux_field(m, "hx-target");
    k->found.target = k->link;
    k->found.mode = FILE_MODE_MASK; /* those of links say nothing: as listings have them */
    return target && listing_decode_target(k->link, target) == HX_OK;
}

static void on_headers(void *user, const struct mux_message *m)
{
    struct looking *k = user;
    const char *status = mux_field(m, ":status");
    const char *type = mux_field(m, "hx-type");
    bool found = status && strcmp(status, "200") == 0 && type;
    if (k->asked == ASKED_MATCHES) {
        if (!mux_field(m, SHARE_GLOB))
            ask_literally(k, status);
        return;
    }
    if (!found && k->asked == ASKED_THROUGH && !k->slash)
        return; /* it leads to nothing that is shared: it is shown itself */
    if (!found) {
        refused(k, status ? status : "?", mux_field(m, "hx-reason"));
        return;
    }
    k->found = (struct file_entry){.type = strcmp(type, "directory") == 0 ? 'd'
                                           : strcmp(type, "link") == 0    ? 'l'
                                                                          : 'f'};
    if (share_fields(&k->found, m) < 0 || (k->asked == ASKED_LISTING && k->found.type != 'd') ||
        (k->found.type == 'l' && !take_target(k, m)))
        refused(k, status, "it makes no sense what is said of it");
}

static int on_body(void *user, const char *data, size_t len)
{
    struct looking *k = user;
    if (k->asked != ASKED_LISTING && k->asked != ASKED_MATCHES)
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

static void end_listing(struct looking *k)
{
    if (k->reader.ended) {
        end(k);
        return;
    }
    say_error("%s: its listing is not whole", k->args->name);
    asking_end(&k->asking, STATUS_FAILED);
}

static void show_entry(struct looking *k)
{
    const char *leaf = path_leaf(k->path);
    k->found.path = leaf[0] ? leaf : ".";
    (void)lister_add(&k->lister, &k->found);
    end(k);
}

static int on_entry(void *user, const struct file_entry *e)
{
    struct looking *k = user;
    k->unread += e->type == 's';
    if (k->asked == ASKED_MATCHES && k->matches++ == 0) {
        k->found.type = e->type;
        strcpy(k->path, e->path);
    }
    return lister_add(&k->lister, e);
}

/* What matches is listed as `ls -d` does, but what alone does as if it had been named. */
static void take_matches(struct looking *k)
{
    char path[PATH_TEXT_MAX];
    bool slash;
    if (k->matches == 0 && k->reader.ended) {
        refused(k, "404", "does not exist: nothing there matches");
        return;
    }
    if (k->matches > 1 || k->found.type == 'f' || k->found.type == 's') {
        end_listing(k);
        return;
    }
    memcpy(path, k->path, sizeof path);
    lister_free(&k->lister);
    k->lister.recursive = k->args->recursive;
    listing_reader_init(&k->reader, on_entry, k);
    if (asking_aim(k->path, k->target, path, &slash))
        ask(k, ASKED_ENTRY);
}

/* As ls(1): a link that is named is followed unless it is looked at itself. */
static void on_answered(void *user)
{
    struct looking *k = user;
    bool itself = k->args->directory || (k->args->details && !k->slash);
    if (k->asked == ASKED_MATCHES)
        take_matches(k);
    else if (k->asked == ASKED_LISTING)
        end_listing(k);
    else if (k->found.type == 'l' && k->asked == ASKED_ENTRY && !itself)
        ask(k, ASKED_THROUGH);
    else if (k->found.type == 'd' && !k->args->directory)
        ask(k, ASKED_LISTING);
    else
        show_entry(k);
}

static int on_line(void *user, const char *text, size_t len)
{
    struct looking *k = user;
    return asking_print(&k->asking, text, len);
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
    k->lister = (struct lister){.details = args->details,
                                .human = args->human,
                                .json = args->json,
                                .recursive = args->recursive,
                                .reverse = args->reverse,
                                .order = args->order,
                                .line = on_line,
                                .user = k};
    listing_reader_init(&k->reader, on_entry, k);
    status = asking_aim(k->path, k->target, args->remote, &k->slash) ? asking_run(&k->asking) : STATUS_USAGE;
    lister_free(&k->lister);
    free(k);
    return status;
}
