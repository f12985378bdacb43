/* test/unit/share_fixture.h: a shared directory, and a client's mux joined with its server's in memory.
 * Brings cmocka. */
#ifndef HX_TEST_SHARE_FIXTURE_H
#define HX_TEST_SHARE_FIXTURE_H

#include "client/files/share.h"
#include "client/mux/mux.h"
#include "secure/digest.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h> /* needs those above */

#define BODY_MAX     (1024 * 1024)
#define DEADLINE_S   20.0
#define FIXTURE_PATH 512 /* bytes of a path in the file system */

struct fixture {
    char top[64]; /* of everything; the share is in it */
    char dir[72]; /* what is shared */
    struct share *share;
    struct share_peer peer;
    char failed[256]; /* the last that peer.failed was told, "WHAT PATH: REASON" */
    int failures;
    struct ev_loop *loop;
    struct mux *client, *server; /* NULL: no connection */
    int64_t cut;                 /* the connection breaks after so many bytes to the client; -1: never */
    size_t requests;
    /* Instead of the share. */
    void (*on_request)(struct fixture *x, struct mux_stream *s, const struct mux_message *m);
    const char *listing; /* for those */
};

static inline void on_request(void *user, struct mux_stream *s, const struct mux_message *m)
{
    struct fixture *x = user;
    x->requests++;
    if (x->on_request)
        x->on_request(x, s, m);
    else
        share_request(&x->peer, s, m);
}

static inline void on_failed(void *user, const char *what, const char *path, const char *reason)
{
    struct fixture *x = user;
    x->failures++;
    snprintf(x->failed, sizeof x->failed, "%s %s: %s", what, path, reason);
}

static inline void fixture_connect(struct fixture *x)
{
    static const struct mux_events client = {.request = NULL};
    static const struct mux_events server = {.request = on_request};
    assert_int_equal(mux_create(&x->client, true, &client, x), HX_OK);
    assert_int_equal(mux_create(&x->server, false, &server, x), HX_OK);
    x->cut = -1;
}

static inline void fixture_break(struct fixture *x)
{
    mux_destroy(x->client);
    mux_destroy(x->server);
    x->client = x->server = NULL;
}

static inline void fixture_share(struct fixture *x, const char *mode)
{
    char spec[sizeof x->dir + 4];
    share_close(x->share);
    snprintf(spec, sizeof spec, "%s%s", x->dir, mode);
    assert_int_equal(share_open(&x->share, spec), HX_OK);
    x->peer.share = x->share;
}

static inline int fixture_setup(void **state)
{
    struct fixture *x = calloc(1, sizeof *x);
    assert_non_null(x);
    umask(022);
    strcpy(x->top, "/tmp/hx-share.XXXXXX");
    assert_non_null(mkdtemp(x->top));
    snprintf(x->dir, sizeof x->dir, "%s/share", x->top);
    assert_int_equal(mkdir(x->dir, 0755), 0);
    fixture_share(x, ":rw");
    x->loop = ev_loop_new(0);
    assert_non_null(x->loop);
    x->peer = (struct share_peer){.loop = x->loop, .share = x->share, .failed = on_failed, .user = x};
    fixture_connect(x);
    *state = x;
    return 0;
}

static inline int fixture_teardown(void **state)
{
    struct fixture *x = *state;
    char command[256];
    fixture_break(x);
    share_close(x->share);
    ev_loop_destroy(x->loop);
    snprintf(command, sizeof command, "chmod -R u+rwx %s; rm -rf %s", x->top, x->top);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a path that we made */
    free(x);
    return 0;
}

/* One way, once. False: nothing. */
static inline bool pass(struct fixture *x, struct mux *from, struct mux *to)
{
    const uint8_t *data;
    ssize_t n = mux_send(from, &data);
    if (n <= 0)
        return false;
    if (x->cut >= 0 && to == x->client && n > x->cut) {
        (void)mux_receive(to, data, (size_t)x->cut);
        fixture_break(x);
        return true;
    }
    if (x->cut >= 0 && to == x->client)
        x->cut -= n;
    (void)mux_receive(to, data, (size_t)n); /* a side that is broken off is seen by the test */
    return true;
}

/* Until *done, or the connection breaks. */
static inline void fixture_run(struct fixture *x, const bool *done)
{
    ev_now_update(x->loop);
    ev_tstamp end = ev_now(x->loop) + DEADLINE_S;
    while (!*done && x->client) {
        bool moved = pass(x, x->client, x->server);
        if (pass(x, x->server, x->client))
            moved = true;
        if (x->client)
            ev_run(x->loop, moved ? EVRUN_NOWAIT : EVRUN_ONCE);
        assert_true(ev_now(x->loop) < end);
    }
}

struct answer {
    struct fixture *x;
    struct mux_stream *s;
    bool done;
    int error;
    char status[8], reason[96], type[16], size[24], mtime[24], mode[8], part[24];
    uint8_t *body;
    size_t len;
    const uint8_t *sent; /* a body of ours */
    size_t sent_len, sent_done;
};

static inline void keep_field(char *out, size_t size, const struct mux_message *m, const char *name)
{
    const char *value = mux_field(m, name);
    snprintf(out, size, "%s", value ? value : "");
}

static inline void answer_headers(void *user, const struct mux_message *m)
{
    struct answer *a = user;
    keep_field(a->status, sizeof a->status, m, ":status");
    keep_field(a->reason, sizeof a->reason, m, "hx-reason");
    keep_field(a->type, sizeof a->type, m, "hx-type");
    keep_field(a->size, sizeof a->size, m, "hx-size");
    keep_field(a->mtime, sizeof a->mtime, m, "hx-mtime");
    keep_field(a->mode, sizeof a->mode, m, "hx-mode");
    keep_field(a->part, sizeof a->part, m, "hx-part");
    if (a->sent && a->status[0] != '2') { /* it will not be taken */
        mux_stream_reset(a->s, 8);
        a->done = true;
    }
}

static inline void answer_readable(void *user)
{
    struct answer *a = user;
    ssize_t n;
    while (a->len < BODY_MAX && (n = mux_stream_read(a->s, a->body + a->len, BODY_MAX - a->len)) > 0)
        a->len += (size_t)n;
}

static inline void answer_writable(void *user)
{
    struct answer *a = user;
    while (a->sent_done < a->sent_len) {
        ssize_t n = mux_stream_write(a->s, a->sent + a->sent_done, a->sent_len - a->sent_done);
        if (n <= 0)
            return;
        a->sent_done += (size_t)n;
    }
    mux_stream_end(a->s);
}

static inline void answer_closed(void *user, int error, uint32_t code)
{
    struct answer *a = user;
    (void)code;
    a->done = true;
    a->error = error;
}

static const struct mux_stream_events answer_events = {.headers = answer_headers,
                                                       .readable = answer_readable,
                                                       .writable = answer_writable,
                                                       .closed = answer_closed};

/* "name: value" each, NULL at the end. `body` NULL: none. */
static inline struct answer *begin(struct fixture *x, const char *method, const char *path,
                                   const char *const *fields, const void *body, size_t len)
{
    struct mux_field all[16] = {
        {":method", method}, {":scheme", "hx"}, {":authority", "hx"}, {":path", path}};
    char names[12][32];
    struct mux_message m = {.fields = all, .count = 4, .ended = !body};
    struct answer *a = calloc(1, sizeof *a);
    assert_non_null(a);
    for (; fields && *fields; fields++, m.count++) {
        const char *colon = strstr(*fields, ": ");
        assert_non_null(colon);
        snprintf(names[m.count - 4], 32, "%.*s", (int)(colon - *fields), *fields);
        all[m.count] = (struct mux_field){names[m.count - 4], colon + 2};
    }
    a->x = x;
    a->body = malloc(BODY_MAX);
    a->sent = body;
    a->sent_len = len;
    assert_non_null(a->body);
    assert_int_equal(mux_request(x->client, &a->s, &m, &answer_events, a), HX_OK);
    if (body)
        answer_writable(a);
    return a;
}

static inline void answer_free(struct answer *a)
{
    free(a->body);
    free(a);
}

static inline struct answer *ask(struct fixture *x, const char *method, const char *path,
                                 const char *const *fields)
{
    struct answer *a = begin(x, method, path, fields, NULL, 0);
    fixture_run(x, &a->done);
    return a;
}

/* The status of a request without a body. */
static inline int status_of(struct fixture *x, const char *method, const char *path)
{
    struct answer *a = ask(x, method, path, NULL);
    int status = atoi(a->status);
    answer_free(a);
    return status;
}

static inline void sum_of(const void *data, size_t len, uint8_t out[DIGEST_BYTES])
{
    struct digest d;
    assert_int_equal(digest_init(&d), HX_OK);
    digest_update(&d, data, len);
    assert_int_equal(digest_final(&d, out), HX_OK);
    digest_free(&d);
}

/* Below x->top. */
static inline void below(const struct fixture *x, char out[FIXTURE_PATH], const char *name)
{
    assert_true(snprintf(out, FIXTURE_PATH, "%s/%s", x->top, name) < FIXTURE_PATH);
}

static inline void in_share(const struct fixture *x, char out[FIXTURE_PATH], const char *name)
{
    assert_true(snprintf(out, FIXTURE_PATH, "%s/%s", x->dir, name) < FIXTURE_PATH);
}

/* Below x->top. */
static inline void put_file(const struct fixture *x, const char *name, const void *data, size_t len)
{
    char path[FIXTURE_PATH];
    below(x, path, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

static inline bool has_file(const struct fixture *x, const char *name, const void *data, size_t len)
{
    char path[FIXTURE_PATH];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", x->top, name);
    if (stat(path, &st) < 0 || (size_t)st.st_size != len)
        return false;
    char *there = malloc(len + 1);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(there);
    bool same = fread(there, 1, len, f) == len && memcmp(there, data, len) == 0;
    (void)fclose(f);
    free(there);
    return same;
}

/* How many names in a directory below x->top contain `part`. */
static inline int count_names(const struct fixture *x, const char *directory, const char *part)
{
    char command[FIXTURE_PATH];
    int count = -1;
    snprintf(command, sizeof command, "ls -A %s/%s | grep -c -F -e '%s'", x->top, directory, part);
    FILE *f = popen(command, "r"); /* NOLINT(cert-env33-c): paths that we made */
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%d", &count), 1); /* NOLINT(cert-err34-c): of grep */
    (void)pclose(f);
    return count;
}

static inline uint8_t *pattern(size_t len, unsigned salt)
{
    uint8_t *data = malloc(len + 1);
    uint32_t x = salt * 2654435761U + 1;
    assert_non_null(data);
    for (size_t i = 0; i < len; i++) {
        x = x * 1664525U + 1013904223U;
        data[i] = (uint8_t)(x >> 24);
    }
    return data;
}

#endif
