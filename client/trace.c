#include "client/trace.h"
#include "base/clock.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TARGET_SHOWN 300 /* characters of it in a title */

struct trace {
    struct tracer tracer;
    char title[TRANSCRIPT_TITLE_MAX + 1];
    int ago_ms;
    struct transcript_stream plain, open; /* without the secrets, and with them */
};

static int64_t begun_us; /* of the first one: the times of all are since then */
static unsigned count;

struct trace *trace_begin(const struct tracer *t, const struct buf *request)
{
    struct trace *made = t->on_trace ? calloc(1, sizeof *made) : NULL;
    if (!made)
        return NULL;
    if (count == 0)
        begun_us = clock_now_us();
    const char *line = buf_data(request), *target = memchr(line, ' ', request->len);
    int len = target ? (int)(request->len - (size_t)(target + 1 - line)) : 0;
    const char *end = target ? memchr(target + 1, ' ', (size_t)len) : NULL;
    len = end ? (int)(end - target - 1) : len;
    snprintf(made->title, sizeof made->title, "%u: %.*s", ++count, len < TARGET_SHOWN ? len : TARGET_SHOWN,
             target ? target + 1 : "");
    made->tracer = *t;
    made->plain.title = made->open.title = made->title;
    made->open.with_secrets = true;
    return made;
}

/* Each piece has its title: those of several connections, and of several calls of the program, take turns. */
static void tell(struct trace *t, struct buf *plain, struct buf *open, int err)
{
    if (err == HX_OK && plain->len > 0 && buf_append(plain, "", 1) == HX_OK &&
        buf_append(open, "", 1) == HX_OK)
        t->tracer.on_trace(t->tracer.user, buf_data(plain), buf_data(open));
    explicit_bzero((void *)buf_data(open), open->len);
    buf_free(plain);
    buf_free(open);
}

void trace_ago(struct trace *t, int ms)
{
    if (t)
        t->ago_ms = ms;
}

void trace_bytes(struct trace *t, enum transcript_mark mark, const void *data, size_t len)
{
    struct transcript a = {.begun_us = begun_us}, b = a;
    struct buf plain, open;
    if (!t)
        return;
    int64_t now_us = clock_now_us() - t->ago_ms * 1000LL;
    buf_init(&plain, 0);
    buf_init(&open, 0);
    int err = transcript_write_bytes(&a, &plain, &t->plain, now_us, mark, data, len);
    if (err == HX_OK)
        err = transcript_write_bytes(&b, &open, &t->open, now_us, mark, data, len);
    tell(t, &plain, &open, err);
}

void trace_note(struct trace *t, const char *word, const char *more)
{
    struct transcript a = {.begun_us = begun_us}, b = a;
    struct buf plain, open;
    char text[TRANSCRIPT_TITLE_MAX];
    if (!t)
        return;
    int64_t now_us = clock_now_us() - t->ago_ms * 1000LL;
    snprintf(text, sizeof text, "%s%s%s", word, more[0] ? ", " : "", more);
    buf_init(&plain, 0);
    buf_init(&open, 0);
    int err = transcript_write_note(&a, &plain, &t->plain, now_us, text);
    if (err == HX_OK)
        err = transcript_write_note(&b, &open, &t->open, now_us, text);
    tell(t, &plain, &open, err);
}

void trace_end(struct trace *t)
{
    free(t);
}
