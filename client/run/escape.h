/* client/run/escape.h: the escapes of who types into a terminal far away, as ssh(1) has them: "~." at the
 * beginning of a line leaves, "~~" is one '~'. */
#ifndef HX_CLIENT_RUN_ESCAPE_H
#define HX_CLIENT_RUN_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>

struct escape { /* zeroed: nothing was typed yet */
    bool within_line;
    bool tilde; /* was typed, and what it means is not known yet */
};

/* Writes what is to be passed on to `out`, which holds len + 1 bytes, and returns how much. *leave: "~." was
 * typed, and what follows it is left out. */
size_t escape_filter(struct escape *e, char *out, const char *in, size_t len, bool *leave);

#endif
