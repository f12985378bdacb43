/* client/files/plan.h: what hx cp has to do: the entries of a tree, and how far each is. Pure, bounded. */
#ifndef HX_CLIENT_FILES_PLAN_H
#define HX_CLIENT_FILES_PLAN_H

#include "base/buf.h"
#include "client/files/listing.h"
#include <stdbool.h>

#define PLAN_ENTRIES_MAX 1000000
#define PLAN_TEXT_MAX    (64 * 1024 * 1024) /* bytes of all paths */

enum plan_state { PLAN_WAITING, PLAN_RUNNING, PLAN_DONE, PLAN_FAILED };

struct plan_entry {
    size_t path; /* in plan.text */
    int64_t size;
    int64_t mtime_ns;
    int64_t tried_ms; /* when the first of its tries ended */
    uint16_t mode;
    uint8_t tries;
    char type; /* 'f', 'd' or 'l' */
    uint8_t state;
    bool differs; /* what is at the target is another file */
    bool alone;   /* by a request of its own */
    bool keep;    /* as file_entry's */
    bool told;    /* that it has changed while it was copied */
};

struct plan { /* zeroed: empty */
    struct plan_entry *entries;
    size_t count, cap;
    size_t files;
    int64_t bytes; /* of all files */
    struct buf text;
};

/* HX_ETOOBIG: more than the bounds; HX_ENOMEM. */
int plan_add(struct plan *p, const struct file_entry *e);
const char *plan_path(const struct plan *p, const struct plan_entry *e);
const char *plan_target(const struct plan *p, const struct plan_entry *e); /* of 'l' */
/* The entry, with its path joined to `base`, in `path`. HX_ETOOBIG. */
int plan_describe(const struct plan *p, const struct plan_entry *e, const char *base,
                  char path[PATH_TEXT_MAX], struct file_entry *out);
/* The file is another one than it was. */
void plan_change(struct plan *p, struct plan_entry *e, int64_t size, int64_t mtime_ns);
void plan_cut(struct plan *p, size_t count); /* only the first `count` entries stay */
void plan_clear(struct plan *p);             /* frees all; empty again */

#endif
