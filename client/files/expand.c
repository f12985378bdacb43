#include "client/files/expand.h"
#include "client/files/glob.h"
#include "client/files/repeats.h"
#include "client/files/share.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATHS_MAX 1000000

struct expand {
    struct expand_config config;
    struct mux *mux;
    struct mux_stream *stream; /* of the pattern that is asked about; NULL: none is */
    size_t next;               /* source */
    char **paths;
    size_t count, cap, failed;
    bool known; /* the answer is that of who knows patterns */
    bool told, over;
    size_t first, lines;         /* of this pattern: its first path; how many were left out */
    char pattern[PATH_TEXT_MAX]; /* as it is asked */
    const char *suffix;          /* "/" or "/." that the user wrote: it stands behind each name, too */
    struct listing_reader reader;
};

bool expand_is_needed(char *const *sources, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (glob_is_pattern(sources[i]))
            return true;
    return false;
}

static int add(struct expand *e, const char *path, const char *suffix)
{
    if (e->count == e->cap) {
        size_t cap = e->cap ? 2 * e->cap : 64;
        char **paths = cap > PATHS_MAX ? NULL : realloc(e->paths, cap * sizeof *paths);
        if (!paths)
            return HX_ENOMEM;
        e->paths = paths;
        e->cap = cap;
    }
    char *copy = malloc(strlen(path) + strlen(suffix) + 1);
    if (!copy)
        return HX_ENOMEM;
    strcpy(stpcpy(copy, path), suffix);
    e->paths[e->count++] = copy;
    return HX_OK;
}

static void fail(struct expand *e, const char *path, const char *reason)
{
    e->failed++;
    e->config.report(e->config.user, path, reason);
}

/* What is copied gets the name that the peer says: only one that the user has asked for. */
static int on_entry(void *expand, const struct file_entry *entry)
{
    struct expand *e = expand;
    bool link = entry->type == 's' && entry->why == SKIP_LINK;
    if (!glob_matches(e->pattern, entry->path) || e->count - e->first + e->lines >= GLOB_MATCHES_MAX)
        return HX_EPROTO;
    e->lines += entry->type == 's';
    if (link && e->config.links == LINKS_LEAVE)
        e->config.link(e->config.user, entry->path);
    else if (entry->type == 's' && !link)
        fail(e, entry->path, "is neither a file nor a directory");
    else
        return add(e, entry->path, e->suffix);
    return HX_OK;
}

static void go_on(struct expand *e);

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The pattern has its answer. */
static void conclude(struct expand *e, int err)
{
    const char *source = e->config.sources[e->next];
    if (err < 0)
        fail(e, source, err == HX_EPROTO ? "what the peer says of it makes no sense" : hx_error_text(err));
    else if (e->reader.skipped > e->lines)
        fail(e, source, "more matches than can be copied at once, or it takes too long to find: name fewer");
    else if (e->count == e->first && e->lines == 0)
        fail(e, source, "does not exist: nothing there matches");
    if (e->count > e->first)
        qsort(e->paths + e->first, e->count - e->first, sizeof *e->paths, by_name);
    e->next++;
    go_on(e);
}

static void take_literally(struct expand *e)
{
    int err = add(e, e->config.sources[e->next], "");
    if (err < 0)
        fail(e, e->config.sources[e->next], hx_error_text(err));
    e->next++;
}

static void drop_stream(struct expand *e)
{
    if (e->stream)
        mux_stream_reset(e->stream, MUX_CANCEL);
    e->stream = NULL;
}

static void on_headers(void *expand, const struct mux_message *m)
{
    struct expand *e = expand;
    const char *status = mux_field(m, ":status");
    const char *glob = mux_field(m, SHARE_GLOB);
    const char *reason = mux_field(m, "hx-reason");
    e->known = status && strcmp(status, "200") == 0 && glob && strcmp(glob, SHARE_GLOB_VERSION) == 0;
    if (e->known)
        return;
    drop_stream(e);
    if (!e->told && status && strcmp(status, "200") == 0)
        e->config.old(e->config.user);
    e->told = true;
    if (status && strcmp(status, "429") == 0) {
        fail(e, e->config.sources[e->next++], reason ? reason : SHARE_BUSY);
    } else {
        take_literally(e);
    }
    go_on(e);
}

static void on_readable(void *expand)
{
    struct expand *e = expand;
    char data[16384];
    ssize_t got = HX_EAGAIN;
    int err = HX_OK;
    while (e->known && err == HX_OK && (got = mux_stream_read(e->stream, data, sizeof data)) > 0)
        err = listing_feed(&e->reader, data, (size_t)got);
    if (err == HX_OK && got != HX_EEOF)
        return;
    if (err == HX_OK && !e->reader.ended)
        err = HX_EPROTO;
    drop_stream(e);
    conclude(e, err);
}

static void forget(struct expand *e)
{
    while (e->count > e->first)
        free(e->paths[--e->count]);
}

/* Broken off: it is asked again with the next connection, if that is why. */
static void on_closed(void *expand, int error, uint32_t code)
{
    struct expand *e = expand;
    (void)error;
    e->stream = NULL;
    forget(e);
    if (code == MUX_NO_ERROR)
        return;
    fail(e, e->config.sources[e->next++], "the peer broke it off");
    go_on(e);
}

/* Into the request's field. */
static int encode(struct expand *e, char out[PATH_ENCODED_MAX + 2], const char *source)
{
    bool slash;
    size_t len = strlen(source);
    int err = path_clean(e->pattern, source, &slash);
    if (err == HX_OK)
        err = path_encode(out, e->pattern);
    if (err >= 0 && slash)
        strcat(out, "/");
    e->suffix = len > 2 && strcmp(source + len - 2, "/.") == 0 ? "/." : slash ? "/" : "";
    return err;
}

static int ask(struct expand *e)
{
    static const struct mux_stream_events events = {
        .headers = on_headers, .readable = on_readable, .closed = on_closed, .reads_end = true};
    char encoded[PATH_ENCODED_MAX + 2];
    struct mux_field fields[6] = {{":method", "GET"},
                                  {":scheme", "hx"},
                                  {":authority", "hx"},
                                  {":path", SHARE_PREFIX},
                                  {SHARE_GLOB, encoded}};
    struct mux_message request = {.fields = fields, .count = 5, .ended = true};
    int err = encode(e, encoded, e->config.sources[e->next]);
    if (err < 0)
        return err;
    if (e->config.links == LINKS_FOLLOW)
        fields[request.count++] = (struct mux_field){"hx-links", SHARE_LINKS_FOLLOW};
    e->first = e->count;
    e->lines = 0;
    e->known = false;
    listing_reader_init(&e->reader, on_entry, e);
    return mux_request(e->mux, &e->stream, &request, &events, e);
}

/* What several sources have found is there once, where the first one has it. Without memory it is told
 * later that it was there already. */
static void drop_repeated(struct expand *e)
{
    size_t kept = 0;
    size_t *before = calloc(e->count + 1, sizeof *before);
    bool known = before && repeats_find(before, (const char *const *)e->paths, e->count) == HX_OK;
    for (size_t i = 0; known && i < e->count; i++) {
        if (before[i] == REPEATS_NONE)
            e->paths[kept++] = e->paths[i];
        else
            free(e->paths[i]);
    }
    e->count = known ? kept : e->count;
    free(before);
}

/* The next pattern that somebody must be asked about. */
static void go_on(struct expand *e)
{
    while (e->mux && !e->stream && e->next < e->config.count) {
        if (!glob_is_pattern(e->config.sources[e->next])) {
            take_literally(e);
            continue;
        }
        int err = ask(e);
        if (err == HX_ECLOSED)
            return;
        if (err < 0)
            take_literally(e); /* what is wrong with it is told then */
    }
    if (e->mux && !e->stream && !e->over) {
        e->over = true;
        drop_repeated(e);
        e->config.done(e->config.user);
    }
}

int expand_create(struct expand **out, const struct expand_config *config)
{
    struct expand *e = calloc(1, sizeof *e);
    if (!e)
        return HX_ENOMEM;
    e->config = *config;
    *out = e;
    return HX_OK;
}

void expand_attach(struct expand *e, struct mux *m)
{
    e->mux = m;
    go_on(e);
}

void expand_detach(struct expand *e)
{
    e->mux = NULL;
}

const char *const *expand_paths(const struct expand *e, size_t *count, size_t *failed)
{
    *count = e->count;
    *failed = e->failed;
    return (const char *const *)e->paths;
}

void expand_destroy(struct expand *e)
{
    if (!e)
        return;
    drop_stream(e);
    e->first = 0;
    forget(e);
    free(e->paths);
    free(e);
}
