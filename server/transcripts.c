#include "server/transcripts.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/container_of.h"
#include "proto/transcript.h"
#include "server/config.h"
#include "server/counters.h"
#include "server/store.h"
#include "server/transcript_addresses.h"
#include "shim/stream.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TITLE_MAX 300

struct kept { /* stands before its bytes in a recorded stream's `kept` */
    int64_t at_us;
    size_t len;
    enum transcript_mark mark;
};

/* A transcript that is written. */
struct file {
    char name[TRANSCRIPTS_NAME_MAX + 64];
    bool begun;       /* the store has its begin */
    bool over;        /* nothing more is written: it is full, or something of it was left out */
    size_t size;      /* bytes of text */
    struct buf added; /* that the store has not been given yet */
    struct transcript text;
    struct transcript_stream h1, h2;
    struct transcript_tail h1_tails[2], h2_tails[2]; /* of bytes sent and received */
    char h1_title[TITLE_MAX], h2_title[TITLE_MAX];
    int64_t h1_number; /* whose request it has; 0: nobody's yet */
};

struct recorded {
    struct stream base;
    struct stream *under;
    struct transcripts *all;
    int64_t number; /* of recorded streams */
    bool
        kept_over; /* its answer streams: what the holders of names are sent then is of those that they meet */
    bool peer_gone;    /* it has closed, or ended its direction */
    bool kept_full;    /* there was more, and it has no transcript */
    struct buf kept;   /* struct kept, each with its bytes */
    struct file *file; /* NULL: it has met nobody */
};

struct transcripts {
    struct store *store;
    const struct server_config *config;
    struct counters *counters;
    int64_t last_number;
    struct {                 /* who was told last */
        struct recorded *h1; /* NULL: nobody since somebody has met */
        int64_t at_us;
        struct buf part;
    } told;
};

/* ---- text ---- */

static void left_out(struct transcripts *t, struct file *f)
{
    f->over = true;
    counters_add(t->counters, COUNTER_TRANSCRIPTS_CUT);
}

/* All that was added in one call of ours leaves together: a message costs the loop more than its bytes. */
static void send_text(struct transcripts *t, struct file *f)
{
    if (f->size + f->added.len > TRANSCRIPTS_FILE_MAX && !f->over)
        left_out(t, f);
    for (size_t at = 0, n; at < f->added.len && !f->over; at += n) {
        n = f->added.len - at < STORE_VALUE_MAX ? f->added.len - at : STORE_VALUE_MAX;
        enum store_write what = f->begun ? STORE_WRITE_MORE : STORE_WRITE_BEGIN;
        if (store_write(t->store, what, f->name, buf_data(&f->added) + at, n) < 0)
            left_out(t, f);
        f->begun = true;
        f->size += n;
    }
    buf_free(&f->added);
}

static struct transcript_tail *tail_of(struct file *f, const struct transcript_stream *s,
                                       enum transcript_mark mark)
{
    return &(s == &f->h1 ? f->h1_tails : f->h2_tails)[mark == TRANSCRIPT_RECEIVED];
}

/* `data`: NULL: no more bytes follow. */
static void add_bytes(struct transcripts *t, struct file *f, struct transcript_stream *s, int64_t at_us,
                      enum transcript_mark mark, const void *data, size_t len)
{
    struct buf shown;

    if (f->over)
        return;
    buf_init(&shown, 0);
    int err = transcript_addresses(&shown, tail_of(f, s, mark), t->config->log_addresses, data, len);
    if (err == HX_OK && shown.len > 0)
        err = transcript_write_bytes(&f->text, &f->added, s, at_us, mark, buf_data(&shown), shown.len);
    if (err < 0)
        left_out(t, f);
    buf_free(&shown);
}

static void add_note(struct transcripts *t, struct file *f, const struct transcript_stream *s, int64_t at_us,
                     const char *note)
{
    if (!f->over && transcript_write_note(&f->text, &f->added, s, at_us, note) < 0)
        left_out(t, f);
}

/* `at_us`: -1: each piece at its time. */
static void add_kept(struct file *f, struct transcript_stream *s, struct recorded *r, int64_t at_us)
{
    const char *at = buf_data(&r->kept), *end = at + r->kept.len;
    char peer[ENDPOINT_TEXT_MAX], note[ENDPOINT_TEXT_MAX + 64];
    struct endpoint e = {.family = AF_UNSPEC};
    struct kept k = {.at_us = f->text.begun_us};
    socklen_t len;
    const struct sockaddr *address = stream_peer(r->under, &len);

    if (at < end)
        memcpy(&k, at, sizeof k);
    (void)endpoint_from_sockaddr(&e, address, len);
    const char *from = log_address(peer, &e);
    snprintf(note, sizeof note, TRANSCRIPT_OPENED ", %s%s%s",
             r->base.ops->transport == STREAM_TCP ? "over TCP" : "over UDT", from ? ", from " : "",
             from ? from : "");
    add_note(r->all, f, s, at_us < 0 ? k.at_us : at_us, note);
    for (; at < end; at += sizeof k + k.len) {
        memcpy(&k, at, sizeof k);
        add_bytes(r->all, f, s, at_us < 0 ? k.at_us : at_us, k.mark, at + sizeof k, k.len);
    }
}

/* ---- files ---- */

static char plain(char c)
{
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

    return letter || (c != '\0' && strchr("._@-", c)) ? c : '_';
}

/* By its time, so that names are in the order in which they were begun; its number makes it the only one. */
static void name_file(struct file *f, const char *name, const struct timespec *now, int64_t number)
{
    struct tm utc;
    char day[32] = "-", shown[TRANSCRIPTS_NAME_MAX + 1];
    size_t n = 0;

    if (gmtime_r(&now->tv_sec, &utc))
        strftime(day, sizeof day, "%Y%m%dT%H%M%S", &utc);
    for (; n < TRANSCRIPTS_NAME_MAX && name[n]; n++)
        shown[n] = plain(name[n]);
    shown[n] = '\0';
    snprintf(f->name, sizeof f->name, "%s.%03dZ-%s-%lld", day, (int)(now->tv_nsec / 1000000), shown,
             (long long)number);
}

static struct file *begin_file(struct recorded *h2, const char *name)
{
    struct file *f = calloc(1, sizeof *f);
    struct kept first;
    struct timespec now;

    if (!f || h2->kept.len < sizeof first) {
        free(f);
        return NULL;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    memcpy(&first, buf_data(&h2->kept), sizeof first);
    name_file(f, name, &now, h2->number);
    f->text.begun_us = first.at_us;
    snprintf(f->h2_title, sizeof f->h2_title, "h2 %.255s", name);
    f->h2 = (struct transcript_stream){.title = f->h2_title,
                                       .with_secrets = h2->all->config->transcripts_secrets};
    buf_init(&f->added, 0);
    int64_t ago_ms = (clock_now_us() - first.at_us) / 1000;
    if (transcript_write_begin(&f->added, now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000 - ago_ms) < 0)
        left_out(h2->all, f);
    counters_add(h2->all->counters, COUNTER_TRANSCRIPTS);
    return f;
}

/* What the holder had asked for, as if it had done so when this transcript begins. */
static void add_holder(struct transcripts *t, struct file *f, const char *name)
{
    struct recorded *h1 = t->told.h1;

    if (f->h1_number != h1->number) {
        snprintf(f->h1_title, sizeof f->h1_title, "h1 %.255s%s", name,
                 f->h1_number != 0 ? ", another one" : "");
        f->h1 =
            (struct transcript_stream){.title = f->h1_title, .with_secrets = t->config->transcripts_secrets};
        memset(f->h1_tails, 0, sizeof f->h1_tails);
        add_kept(f, &f->h1, h1, f->h1_number != 0 ? t->told.at_us : f->text.begun_us);
        f->h1_number = h1->number;
    }
}

static struct recorded *recorded_of(struct stream *s);

static void forget_told(struct transcripts *t)
{
    t->told.h1 = NULL;
    buf_free(&t->told.part);
}

void transcripts_told(struct transcripts *t, struct stream *h1, const void *part, size_t len,
                      int64_t later_ms)
{
    forget_told(t);
    if (buf_append(&t->told.part, part, len) < 0)
        return;
    t->told.h1 = recorded_of(h1);
    t->told.at_us = clock_now_us() + later_ms * 1000;
}

void transcripts_met(struct transcripts *t, struct stream *h2, const char *name, bool unheard)
{
    struct recorded *r = recorded_of(h2);
    bool is_first = r && !r->file;

    if (unheard)
        forget_told(t);
    if (is_first && !r->kept_full && !unheard)
        r->file = begin_file(r, name);
    if (!r || !r->file) {
        forget_told(t);
        return;
    }
    struct recorded *h1 = t->told.h1;
    if (h1)
        add_holder(t, r->file, name);
    if (is_first)
        add_kept(r->file, &r->file->h2, r, -1);
    if (h1)
        add_bytes(t, r->file, &r->file->h1, t->told.at_us, TRANSCRIPT_RECEIVED, buf_data(&t->told.part),
                  t->told.part.len);
    send_text(t, r->file);
    buf_free(&r->kept);
    forget_told(t);
}

/* ---- streams ---- */

static struct recorded *of(struct stream *s)
{
    return container_of(s, struct recorded, base);
}

static void keep(struct recorded *r, enum transcript_mark mark, const void *data, size_t len)
{
    const struct kept k = {.at_us = clock_now_us(), .len = len, .mark = mark};

    if (r->file) {
        add_bytes(r->all, r->file, &r->file->h2, k.at_us, mark, data, len);
        send_text(r->all, r->file);
        return;
    }
    if (r->kept_over || r->kept_full)
        return;
    if (buf_append(&r->kept, &k, sizeof k) < 0 || buf_append(&r->kept, data, len) < 0) {
        r->kept_full = true;
        buf_free(&r->kept);
    }
}

void transcripts_holds(struct stream *recorded)
{
    struct recorded *r = recorded_of(recorded);

    if (r)
        r->kept_over = true;
}

static ssize_t recorded_read(struct stream *s, void *data, size_t len)
{
    struct recorded *r = of(s);
    ssize_t n = stream_read(r->under, data, len);

    if (n > 0)
        keep(r, TRANSCRIPT_SENT, data, (size_t)n);
    r->peer_gone |= n == HX_EEOF || n == HX_ECLOSED;
    return n;
}

static ssize_t recorded_write(struct stream *s, const void *data, size_t len)
{
    struct recorded *r = of(s);
    ssize_t n = stream_write(r->under, data, len);

    if (n > 0)
        keep(r, TRANSCRIPT_RECEIVED, data, (size_t)n);
    return n;
}

static int recorded_unacked(struct stream *s)
{
    return stream_unacked(of(s)->under);
}

static int64_t recorded_heard_ms(struct stream *s)
{
    return stream_heard_ms(of(s)->under);
}

static void recorded_ask(struct stream *s)
{
    stream_ask(of(s)->under);
}

static const struct sockaddr *recorded_peer(struct stream *s, socklen_t *len)
{
    return stream_peer(of(s)->under, len);
}

void transcripts_release(struct stream *recorded)
{
    struct recorded *r = of(recorded);

    if (r->all->told.h1 == r)
        forget_told(r->all);
    buf_free(&r->kept);
    if (r->file)
        buf_free(&r->file->added);
    free(r->file);
    free(r);
}

static void recorded_close(struct stream *s)
{
    struct recorded *r = of(s);

    if (r->file) {
        int64_t now_us = clock_now_us();

        add_bytes(r->all, r->file, &r->file->h2, now_us, TRANSCRIPT_SENT, NULL, 0);
        add_bytes(r->all, r->file, &r->file->h2, now_us, TRANSCRIPT_RECEIVED, NULL, 0);
        add_note(r->all, r->file, &r->file->h2, now_us, r->peer_gone ? TRANSCRIPT_CLOSED : TRANSCRIPT_ENDED);
        send_text(r->all, r->file);
    }
    stream_close(r->under);
    transcripts_release(s);
}

#define RECORDED_OPS(name)                                                                                  \
    {                                                                                                       \
        .transport = (name), .read = recorded_read, .write = recorded_write, .unacked = recorded_unacked,   \
        .heard_ms = recorded_heard_ms, .ask = recorded_ask, .peer = recorded_peer, .close = recorded_close, \
    }
static const struct stream_ops over_udt = RECORDED_OPS(STREAM_UDT), over_tcp = RECORDED_OPS(STREAM_TCP);

static struct recorded *recorded_of(struct stream *s)
{
    return s->ops == &over_udt || s->ops == &over_tcp ? of(s) : NULL;
}

struct stream *transcripts_record(struct transcripts *t, struct stream *under)
{
    struct recorded *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    r->base.ops = under->ops->transport == STREAM_TCP ? &over_tcp : &over_udt;
    r->under = under;
    r->all = t;
    r->number = ++t->last_number;
    buf_init(&r->kept, TRANSCRIPTS_KEPT_MAX);
    return &r->base;
}

int transcripts_create(struct transcripts **out, struct store *store, const struct server_config *config,
                       struct counters *counters)
{
    struct transcripts *t = calloc(1, sizeof *t);

    if (!t)
        return HX_ENOMEM;
    t->store = store;
    t->config = config;
    t->counters = counters;
    buf_init(&t->told.part, 0);
    *out = t;
    return HX_OK;
}

void transcripts_destroy(struct transcripts *t)
{
    if (!t)
        return;
    forget_told(t);
    free(t);
}
