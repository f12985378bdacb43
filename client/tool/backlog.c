#include "client/tool/backlog.h"
#include <string.h>
#include <utlist.h>

static uint64_t said(const struct backlog *b)
{
    return b->taken + b->bytes.len;
}

/* What all have taken is nobody's any more. */
static void trim(struct backlog *b)
{
    uint64_t least = said(b);
    for (const struct backlog_reader *r = b->readers; r; r = r->next)
        least = r->at < least ? r->at : least;
    buf_consume(&b->bytes, (size_t)(least - b->taken));
    b->taken = least;
}

void backlog_free(struct backlog *b)
{
    buf_free(&b->bytes);
}

void backlog_join(struct backlog *b, struct backlog_reader *r)
{
    *r = (struct backlog_reader){.at = said(b), .skips = b->within_line};
    DL_APPEND(b->readers, r);
}

void backlog_leave(struct backlog *b, struct backlog_reader *r)
{
    DL_DELETE(b->readers, r);
    trim(b);
}

size_t backlog_room(const struct backlog *b)
{
    return BACKLOG_MAX - b->bytes.len;
}

/* Those who came within a line are passed over it. */
static void skip(struct backlog *b, const char *data, size_t len)
{
    const char *end = memchr(data, '\n', len);
    for (struct backlog_reader *r = b->readers; r; r = r->next) {
        if (!r->skips)
            continue;
        r->at += end ? (size_t)(end - data) + 1 : len;
        r->skips = !end;
    }
}

static bool is_behind(const struct backlog *b, const struct backlog_reader *r)
{
    return said(b) - r->at >= BACKLOG_SLOW;
}

static void mark(struct backlog_reader *r, int64_t now_ms)
{
    r->behind = true;
    r->mark = r->at;
    r->mark_ms = now_ms;
}

int backlog_say(struct backlog *b, const void *data, size_t len, int64_t now_ms)
{
    int err = buf_append(&b->bytes, data, len);
    if (err < 0 || len == 0)
        return err;
    b->within_line = ((const char *)data)[len - 1] != '\n';
    skip(b, data, len);
    for (struct backlog_reader *r = b->readers; r; r = r->next) {
        if (!r->behind && is_behind(b, r))
            mark(r, now_ms);
    }
    trim(b);
    return err;
}

const char *backlog_next(const struct backlog *b, const struct backlog_reader *r, size_t *len)
{
    *len = (size_t)(said(b) - r->at);
    return buf_data(&b->bytes) + (r->at - b->taken);
}

void backlog_took(struct backlog *b, struct backlog_reader *r, size_t len)
{
    r->at += len;
    r->behind = r->behind && is_behind(b, r);
    trim(b);
}

bool backlog_holds_up(const struct backlog *b)
{
    return b->bytes.len >= BACKLOG_SLOW;
}

bool backlog_is_slow(struct backlog_reader *r, int64_t now_ms)
{
    if (!r->behind)
        return false;
    if (r->at - r->mark >= BACKLOG_SLOW)
        mark(r, now_ms);
    return now_ms - r->mark_ms >= BACKLOG_SLOW_MS;
}
