/* server/peer_lines.h: what a host tells of itself, as it is kept and passed on to those whom it meets. */
#ifndef HX_SERVER_PEER_LINES_H
#define HX_SERVER_PEER_LINES_H

struct peer_fields;

/* The lines that proto/peer_fields.h writes, in as many bytes as they have; free() them. Candidates that no
 * other host can use are left out: nobody's addresses, loopback, and those of one link alone. NULL: `f` is
 * NULL, or there is no memory. */
char *peer_lines_make(const struct peer_fields *f);

#endif
