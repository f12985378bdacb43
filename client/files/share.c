#include "client/files/share.h"
#include "base/clock.h"
#include "client/files/batch.h"
#include "client/files/file_sum.h"
#include "client/files/links.h"
#include "client/files/part.h"
#include "client/files/share_job.h"
#include "client/files/walk.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NUMBER_MAX        24 /* bytes of a decimal int64_t with its NUL */
#define ANSWER_FIELDS_MAX 16

int share_open(struct share **out, const char *spec)
{
    size_t len = strlen(spec);
    bool suffix = len > 3 && (strcmp(spec + len - 3, ":ro") == 0 || strcmp(spec + len - 3, ":rw") == 0);
    if (len == 0)
        return HX_EINVAL;
    char *directory = strndup(spec, suffix ? len - 3 : len);
    struct share *s = calloc(1, sizeof *s);
    int err = directory && s ? HX_OK : HX_ENOMEM;
    if (err == HX_OK) {
        s->writable = suffix && spec[len - 1] == 'w';
        s->root = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
        err = s->root < 0 ? HX_ESYS : HX_OK;
    }
    free(directory);
    if (err < 0)
        free(s);
    else
        *out = s;
    return err;
}

void share_close(struct share *s)
{
    if (!s)
        return;
    if (s->root >= 0)
        close(s->root);
    share_items_free(s->items);
    free(s);
}

bool share_writable(const struct share *s)
{
    return s->writable;
}

static void answer(struct mux_stream *s, const struct mux_field *fields, size_t count)
{
    struct mux_field all[ANSWER_FIELDS_MAX];
    memcpy(all, fields, count * sizeof *fields);
    all[count++] = (struct mux_field){"hx-batch", BATCH_VERSION};
    all[count++] = (struct mux_field){FILE_SUM_FIELD, FILE_SUM_OFFER};
    all[count++] = (struct mux_field){"hx-holes", SHARE_HOLES};
    all[count++] = (struct mux_field){"hx-links", SHARE_LINKS_COPY};
    all[count++] = (struct mux_field){SHARE_STREAM, "1"};
    struct mux_message m = {.fields = all, .count = count, .ended = true};
    mux_answer(s, &m);
}

void share_failed_for(const struct share_call *c, const char *reason)
{
    if (c->what && c->peer->failed)
        c->peer->failed(c->peer->user, c->what, c->path, reason);
}

void share_refuse(const struct share_call *c, const char *status, const char *reason)
{
    const struct mux_field fields[] = {{":status", status}, {"hx-reason", reason}};
    share_failed_for(c, reason);
    answer(c->stream, fields, 2);
}

void share_created(struct mux_stream *s)
{
    const struct mux_field fields[] = {{":status", "201"}};
    answer(s, fields, 1);
}

/* Of errors that are not here the peer is told only that there was one. */
static const struct {
    int system;
    struct share_refusal refusal;
} refusals[] = {{EWOULDBLOCK, {"423", "is being written by another peer's request"}},
                {EBADMSG, {"422", "the sum is another one than that of what arrived"}},
                {ERANGE, {"409", "the offset is not where the part ends"}},
                {ECANCELED, {"410", "another copy with the same key, begun later, writes to it"}},
                {ESTALE, {"412", "it changes while it is read"}},
                {EISDIR, {"409", "is a directory"}},
                {EEXIST, {"409", "exists and is of another kind"}},
                {ENOTDIR, {"409", "its directory does not exist, or is none"}},
                {ENOENT, {"404", "does not exist"}},
                {ELOOP, {"403", "is a symbolic link, or behind one"}},
                {EXDEV, {"403", "is not in the shared directory"}},
                {ENXIO, {"403", "is neither a file nor a directory"}},
                {EACCES, {"403", "permission denied"}},
                {EPERM, {"403", "operation not permitted"}},
                {EROFS, {"403", "read-only file system"}},
                {EINVAL, {"400", "is no path"}},
                {ENAMETOOLONG, {"400", "a name is too long"}},
                {ENOSPC, {"507", "no space left"}},
                {EDQUOT, {"507", "disk quota exceeded"}},
                {EFBIG, {"507", "file too large"}},
                {EMFILE, {"429", "too many open files"}},
                {ENFILE, {"429", "too many open files"}}};

struct share_refusal share_refusal(int error, int system)
{
    for (size_t i = 0; error == HX_ESYS && i < sizeof refusals / sizeof *refusals; i++)
        if (refusals[i].system == system)
            return refusals[i].refusal;
    switch (error) {
    case HX_EINVAL:
        return (struct share_refusal){"400", "is no path"};
    case HX_EREFUSED:
        return (struct share_refusal){"403", "the directory is shared for reading only"};
    case HX_ELIMIT:
        return (struct share_refusal){"429", SHARE_BUSY};
    case HX_EPROTO:
    case HX_EEOF:
        return (struct share_refusal){"400", "the body has not the length that was said"};
    case HX_ENOMEM:
        return (struct share_refusal){"500", "out of memory"};
    default:
        return (struct share_refusal){"500", "input/output error"};
    }
}

void share_refuse_error(const struct share_call *c, int error, int system)
{
    struct share_refusal r = share_refusal(error, system);
    share_refuse(c, r.status, r.reason);
}

int share_put_errno(int system)
{
    return system == ENOENT ? ENOTDIR : system;
}

void share_failed(const struct share_call *c, int error, int system)
{
    share_failed_for(c, share_refusal(error, system).reason);
}

enum links share_links(const struct mux_message *request)
{
    const char *links = mux_field(request, "hx-links");
    if (links && strcmp(links, SHARE_LINKS_COPY) == 0)
        return LINKS_COPY;
    return links && strcmp(links, SHARE_LINKS_FOLLOW) == 0 ? LINKS_FOLLOW : LINKS_LEAVE;
}

enum reach share_reach(const struct mux_message *request)
{
    return share_links(request) == LINKS_FOLLOW ? REACH_INSIDE : REACH_PLAIN;
}

/* The fields that tell of an entry, and what their values are written in. */
struct description {
    struct mux_field fields[ANSWER_FIELDS_MAX];
    size_t count;
    char size[NUMBER_MAX], mtime[NUMBER_MAX], mode[NUMBER_MAX], held[NUMBER_MAX];
};

static void add(struct description *d, const char *name, const char *value)
{
    d->fields[d->count++] = (struct mux_field){name, value};
}

static void describe(struct description *d, const char *status, const struct file_entry *e)
{
    d->count = 0;
    snprintf(d->size, sizeof d->size, "%" PRId64, e->size);
    snprintf(d->mtime, sizeof d->mtime, "%" PRId64, e->mtime_ns);
    snprintf(d->mode, sizeof d->mode, "%03o", e->mode);
    add(d, ":status", status);
    add(d, "hx-type", e->type == 'd' ? "directory" : e->type == 'l' ? "link" : "file");
    add(d, "hx-size", d->size);
    add(d, "hx-mtime", d->mtime);
    add(d, "hx-mode", d->mode);
}

void share_describe(struct mux_stream *s, const char *status, const struct file_entry *e, int64_t part)
{
    struct description d;
    describe(&d, status, e);
    snprintf(d.held, sizeof d.held, "%" PRId64, part);
    if (part >= 0)
        add(&d, "hx-part", d.held);
    answer(s, d.fields, d.count);
}

void share_describe_body(struct mux_stream *s, const char *status, const struct file_entry *e, bool holes)
{
    struct description d;
    describe(&d, status, e);
    if (holes)
        add(&d, "hx-holes", SHARE_HOLES);
    struct mux_message m = {.fields = d.fields, .count = d.count};
    (void)mux_respond(s, &m); /* the stream's owner hears of it if it broke */
}

int share_fields(struct file_entry *e, const struct mux_message *request)
{
    const char *size = mux_field(request, "hx-size");
    const char *mtime = mux_field(request, "hx-mtime");
    const char *mode = mux_field(request, "hx-mode");
    if (size && listing_number(&e->size, size, 0, FILE_SIZE_MAX) < 0)
        return HX_EINVAL;
    if (mtime && listing_number(&e->mtime_ns, mtime, INT64_MIN + 1, INT64_MAX) < 0)
        return HX_EINVAL;
    return mode ? listing_mode(&e->mode, mode) : HX_OK;
}

bool share_has_holes(const struct mux_message *m)
{
    const char *holes = mux_field(m, "hx-holes");
    return holes && strcmp(holes, SHARE_HOLES) == 0;
}

/* Of a symbolic link that is asked about as such. False: it is none. */
static bool head_link(const struct share_call *c)
{
    char target[PATH_TEXT_MAX];
    char encoded[PATH_ENCODED_MAX + 1];
    struct stat st;
    struct description d;
    struct file_entry e = {.path = c->path};
    if (share_links(c->request) != LINKS_COPY || share_link(c->peer->share, c->path, target, &st) < 0 ||
        path_encode(encoded, target) < 0)
        return false;
    file_entry_from(&e, &st);
    e.type = 'l';
    describe(&d, "200", &e);
    add(&d, "hx-target", encoded);
    answer(c->stream, d.fields, d.count);
    return true;
}

void share_owner(struct hold_owner *out, const struct share_call *c)
{
    *out = (struct hold_owner){.key = ""};
    snprintf(out->key, sizeof out->key, "%s", c->peer->key ? c->peer->key : "");
    copy_name_parse(&out->copy, mux_field(c->request, COPY_NAME_FIELD), clock_now_ms());
}

/* As part_held(), but what a peer with the same key has is not kept from this one: its PUT gets it. */
static int64_t held_for(const struct share_call *c, const struct file_entry *wanted)
{
    struct hold_owner owner;
    struct stat st;
    int root = c->peer->share->root;
    int64_t held = part_held(root, wanted);
    int system = errno;
    if (held >= 0)
        return held;
    share_owner(&owner, c);
    if (part_stat(root, wanted, &st) == HX_OK && st.st_size <= wanted->size &&
        hold_may_claim(&owner, &(struct hold_file){st.st_dev, st.st_ino}))
        return st.st_size;
    errno = system;
    return held;
}

static void head(const struct share_call *c)
{
    struct stat st;
    const struct share *share = c->peer->share;
    const struct mux_message *request = c->request;
    struct file_entry e = {.path = c->path};
    struct file_entry wanted = {.path = c->path};
    bool resuming = mux_field(request, "hx-size") && mux_field(request, "hx-mtime") && c->path[0];
    if (share_fields(&wanted, request) < 0) {
        share_refuse(c, "400", "malformed fields");
        return;
    }
    int64_t part = resuming && share->writable ? held_for(c, &wanted) : -1;
    if (part < 0 && resuming && share->writable) {
        share_refuse_error(c, (int)part, errno);
        return;
    }
    if (head_link(c))
        return;
    int err = share_stat(share, c->path, share_reach(request), &st);
    int system = errno;
    if (err < 0 && system == ENOENT && part > 0) {
        e.type = 'f';
        share_describe(c->stream, "404", &e, part);
        return;
    }
    if (err == HX_OK)
        file_entry_from(&e, &st);
    if (err < 0)
        share_refuse_error(c, err, system);
    else if (e.type == 's')
        share_refuse_error(c, HX_ESYS, ENXIO);
    else
        share_describe(c->stream, "200", &e, part);
}

void share_request(const struct share_peer *peer, struct mux_stream *s, const struct mux_message *request)
{
    char path[PATH_TEXT_MAX];
    const char *method = mux_field(request, ":method");
    const char *written = mux_field(request, ":path");
    size_t prefix = strlen(SHARE_PREFIX);
    struct share_call c = {.peer = peer, .stream = s, .request = request, .path = path};
    if (!method || !written || strncmp(written, SHARE_PREFIX, prefix) != 0 ||
        path_decode(path, written + prefix, strlen(written + prefix)) < 0)
        share_refuse(&c, "400", "is no path");
    else if (strcmp(method, "POST") == 0 && mux_field(request, "hx-batch"))
        share_batch(&c);
    else if (path_is_part(path_leaf(path)))
        share_refuse_error(&c, HX_ESYS, ENOENT);
    else if (strcmp(method, "HEAD") == 0)
        head(&c);
    else if (strcmp(method, "GET") == 0 && path[0] == '\0' && !peer->share->items &&
             mux_field(request, SHARE_GLOB))
        share_glob(&c, mux_field(request, SHARE_GLOB));
    else if (strcmp(method, "GET") == 0)
        share_get(&c);
    else if (strcmp(method, "PUT") == 0)
        share_put(&c);
    else
        share_refuse(&c, "405", "the methods are GET, HEAD and PUT");
}
