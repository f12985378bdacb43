/* client/tool/backlog.h: what standard input has said and not all members of a group have taken yet: one copy
 * for all of them. Who comes later gets the lines that begin after that. Pure. */
#ifndef HX_CLIENT_TOOL_BACKLOG_H
#define HX_CLIENT_TOOL_BACKLOG_H

#include "base/buf.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BACKLOG_MAX     (256 * 1024) /* bytes; then standard input has to wait */
#define BACKLOG_SLOW    (BACKLOG_MAX / 2)
#define BACKLOG_SLOW_MS 30000 /* who is behind by BACKLOG_SLOW must take so much in this time */

struct backlog_reader {
    struct backlog_reader *prev, *next;
    uint64_t at;     /* how many bytes were said before what it takes next */
    bool skips;      /* to the next line's beginning */
    bool behind;     /* by BACKLOG_SLOW or more, since */
    int64_t mark_ms; /* that time, when it had come to */
    uint64_t mark;   /* this; or later ones, each BACKLOG_SLOW further */
};

struct backlog { /* zeroed: nothing was said */
    struct buf bytes;
    uint64_t taken;   /* how many were said before those */
    bool within_line; /* the last byte ended none */
    struct backlog_reader *readers;
};

void backlog_free(struct backlog *b); /* its readers have left */
/* `r` is the caller's, and stays until backlog_leave(). */
void backlog_join(struct backlog *b, struct backlog_reader *r);
void backlog_leave(struct backlog *b, struct backlog_reader *r);
/* How many bytes it takes. */
size_t backlog_room(const struct backlog *b);
/* `len` is no more than its room. Without readers it is for nobody. HX_ENOMEM. */
int backlog_say(struct backlog *b, const void *data, size_t len, int64_t now_ms);
/* What `r` is to take next, *len bytes, maybe none; valid until backlog_say() or backlog_took(). */
const char *backlog_next(const struct backlog *b, const struct backlog_reader *r, size_t *len);
void backlog_took(struct backlog *b, struct backlog_reader *r, size_t len);
/* Somebody is behind, and must be looked at again and again: */
bool backlog_holds_up(const struct backlog *b);
/* whether it has taken too little for too long. */
bool backlog_is_slow(struct backlog_reader *r, int64_t now_ms);

#endif
