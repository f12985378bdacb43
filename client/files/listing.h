/* client/files/listing.h: what is in a directory tree, as text. Pure.
 *
 * A line for every entry, a directory before what is in it:
 *   f MODE SIZE MTIME PATH   a file: permissions (octal, rwx of user, group and others), bytes, nanoseconds
 *                            since 1970 (may be negative), the path below the listed directory, written as
 *                            client/files/path.h says
 *   d MODE 0 MTIME PATH      a directory
 *   l 777 0 MTIME PATH TEXT  a symbolic link and what is in it, written likewise; only to who copies links
 *   s WHY 0 0 PATH           left out: WHY is link, device (or FIFO or socket), deep, unreadable, outside (a
 *                            link that leads out of the share), loop (one that leads to where it is); part:
 *                            it has a name as parts have (only to who knows listings of version 2); or 0, not
 *                            said
 * and at the end, without which the listing is not whole:
 *   . ENTRIES SKIPPED        how many lines f, d and l; how many entries were left out, with and without a
 *                            line, but for those of `part` */
#ifndef HX_CLIENT_FILES_LISTING_H
#define HX_CLIENT_FILES_LISTING_H

#include "client/files/path.h"
#include <stdbool.h>

#define LISTING_LINE_MAX (PATH_ENCODED_MAX + 80) /* bytes with the line's end */
#define FILE_SIZE_MAX    (INT64_C(1) << 62)      /* so that a few sizes can be added */
#define FILE_MODE_MASK   0777U

#define LISTING_VERSION "2"

enum skip {
    SKIP_UNSAID,
    SKIP_LINK,
    SKIP_DEVICE,
    SKIP_DEEP,
    SKIP_UNREADABLE,
    SKIP_OUTSIDE,
    SKIP_LOOP,
    SKIP_PART
};

struct file_entry {
    char type; /* 'f', 'd', 'l' or 's' */
    unsigned mode;
    int64_t size;
    int64_t mtime_ns;
    const char *path;
    const char *target; /* of 'l' */
    enum skip why;      /* of 's' */
    bool keep;          /* of what is to be written: a file that has its name already is not replaced */
};

/* Returns the length; HX_ETOOBIG: its path cannot be written. */
int listing_format(char out[LISTING_LINE_MAX + 1], const struct file_entry *e);
int listing_format_end(char out[LISTING_LINE_MAX + 1], uint64_t entries, uint64_t skipped);

struct listing_reader {
    /* An entry; HX_OK, or an error that listing_feed() returns. `e` lives as long as the call. */
    int (*on_entry)(void *user, const struct file_entry *e);
    void *user;
    uint64_t entries, skipped; /* once ended: also those that have no line */
    bool ended;                /* the listing is whole */
    int failed;
    size_t len;
    char line[LISTING_LINE_MAX];
    char target[PATH_TEXT_MAX];
};

void listing_reader_init(struct listing_reader *r, int (*on_entry)(void *user, const struct file_entry *e),
                         void *user);
/* HX_EPROTO: no listing, or a path that is none; then `r` stays failed. */
int listing_feed(struct listing_reader *r, const char *data, size_t len);

/* The entry that a line tells of; the line has no end, and is changed. Its type is one of `types`; the
 * numbers of 's' are not read. HX_EPROTO; HX_EINVAL: all is well but the path, which is then "". */
int listing_parse(struct file_entry *e, char path[PATH_TEXT_MAX], char *line, const char *types);
/* The text of a symbolic link, as path_encode() writes it. HX_EINVAL, HX_ETOOBIG. */
int listing_decode_target(char out[PATH_TEXT_MAX], const char *encoded);
/* A decimal number from `min` to `max`; the whole of `text`. HX_EINVAL. */
int listing_number(int64_t *out, const char *text, int64_t min, int64_t max);
/* Three octal digits. HX_EINVAL. */
int listing_mode(unsigned *out, const char *text);

#endif
