/* client/tool/lister.h: how hx ls writes what is in a directory: a line for each entry, sorted as long
 * as there are not too many of them, as they come from then on. Writes nothing itself. */
#ifndef HX_CLIENT_TOOL_LISTER_H
#define HX_CLIENT_TOOL_LISTER_H

#include "client/files/listing.h"
#include "client/tool/json.h"

#define LISTER_SORTED_MAX 10000 /* entries that are kept and sorted */
#define LISTER_LINE_MAX   (2 * JSON_NAME_TIMES * PATH_TEXT_MAX + 256)

struct lister {                                            /* zeroed but for these */
    bool details;                                          /* modes, sizes and times, too */
    bool human;                                            /* sizes as "1.5K" */
    bool json;                                             /* an array, an object for each entry */
    bool recursive;                                        /* what is in a directory of this one, too */
    bool reverse;                                          /* the other way round */
    char order;                                            /* 't': by time, 'S': by size, 0: by name */
    int (*line)(void *user, const char *text, size_t len); /* HX_OK, or an error that is passed on */
    void *user;
    /* what is its own */
    struct file_entry *kept; /* their paths and targets are their own */
    size_t count;
    bool unsorted; /* there were too many */
    uint64_t written;
};

/* A path that has a '/' is passed over unless `recursive`: it is in a directory of this one. HX_ENOMEM, or
 * what line() says. */
int lister_add(struct lister *l, const struct file_entry *e);
/* That was all. Likewise. */
int lister_end(struct lister *l);
void lister_free(struct lister *l);

#endif
