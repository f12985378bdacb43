/* client/files/share_lines.h: inside of client/files/share.h: a listing on its way to a peer, a line at a
 * time. */
#ifndef HX_CLIENT_FILES_SHARE_LINES_H
#define HX_CLIENT_FILES_SHARE_LINES_H

#include "client/files/listing.h"
#include "client/mux/mux.h"

struct share_lines { /* zeroed: nothing was told */
    uint64_t entries, skipped;
    bool parts;       /* the peer knows lines of what has a part's name */
    bool ended;       /* the last line is made */
    size_t len, sent; /* of the line that is on its way */
    char line[LISTING_LINE_MAX + 1];
};

/* The next line; none if the entry has a path that cannot be written. */
void share_lines_add(struct share_lines *l, const struct file_entry *e);
void share_lines_end(struct share_lines *l);
/* HX_OK: what was made has left, and the stream has its end if it was the last; or as mux_stream_write(). */
int share_lines_write(struct share_lines *l, struct mux_stream *s);

#endif
