/* client/tool/coming.h: what a sender offers, before anything of it is written: what of it is told to people,
 * and which of the files here it would replace. Bounded, whatever is offered. */
#ifndef HX_CLIENT_TOOL_COMING_H
#define HX_CLIENT_TOOL_COMING_H

#include "client/files/listing.h"
#include "client/mux/link.h"
#include "client/tool/left_links.h"

#define COMING_SHOWN    20 /* names that are told; the rest is counted */
#define COMING_REPLACED 5  /* likewise */

struct coming_item {
    char name[PATH_NAME_MAX + 1];
    bool directory;
    uint64_t files; /* in it */
    int64_t bytes;
};

struct coming { /* zeroed but for `root`: empty */
    int root;   /* where it goes, O_PATH, or -1: it is not there yet */
    uint64_t files;
    int64_t bytes;
    uint64_t tops;   /* names at the top */
    uint64_t hidden; /* of those that are not told: that begin with '.' */
    struct coming_item items[COMING_SHOWN];
    char top[PATH_NAME_MAX + 1]; /* the last one */
    uint64_t replaced;           /* files that are here with another size or time */
    char replaced_names[COMING_REPLACED][PATH_TEXT_MAX];
    struct left_links links; /* that do not come */
};

/* As files_config.listed(); true: it would replace a file that is told of. */
bool coming_add(struct coming *c, const struct file_entry *e);
/* Several lines, on standard error. `from`: who offers it. */
void coming_say(const struct coming *c, const char *from);
/* Who is at the other end: an address, and what kind of path leads to it. */
void coming_from(char *out, size_t size, struct link *l);

#endif
