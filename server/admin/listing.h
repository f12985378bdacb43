/* server/admin/listing.h: what is held, a page at a time, as JSON. A page costs what is in it, whatever the
 * nameserver holds. */
#ifndef HX_SERVER_ADMIN_LISTING_H
#define HX_SERVER_ADMIN_LISTING_H

#include "server/admin/json.h"
#include "server/admin/status.h"

#define LISTING_PAGE     100  /* entries without `limit` */
#define LISTING_PAGE_MAX 1000 /* and at most */
#define LISTING_COST     1000 /* names that one page looks at, for those that match; one that it has costs */
#define LISTING_WRITTEN  4    /* so many more: a page of 200 takes half a millisecond */
#define LISTING_RELAYED  250  /* relayed sessions of one page */

struct introduction;
struct introductions;

struct listing {
    const char *after; /* where the last page has ended: its `next`; NULL: the beginning */
    const char *match; /* names that contain this, of any case; NULL: all */
    int limit;         /* 1 to LISTING_PAGE_MAX */
};

/* {"names":[...],"next":...}: `next` is null behind the last one; a page may be shorter than its limit, or
 * empty, and have a next one. HX_OK; HX_EINVAL: `after` is none of ours. */
int listing_names(const struct admin_sources *from, const struct listing *l, struct json *j, int64_t now_ms);
/* False: nobody holds it. */
bool listing_name(const struct admin_sources *from, const char *name, struct json *j, int64_t now_ms);
/* {"sessions":[...],"next":...}: of those in which several meet, and of the relay's. HX_OK, HX_EINVAL. */
int listing_sessions(const struct admin_sources *from, const struct listing *l, struct json *j,
                     int64_t now_ms);
/* {"introductions":[...]}: the last ones, the oldest first. */
void listing_introductions(const struct introductions *all, struct json *j, int64_t now_ms);
void listing_introduction(const struct introduction *i, struct json *j, const char *key, int64_t now_ms);

#endif
