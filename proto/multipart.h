/* proto/multipart.h: the parts of the multipart/x-mixed-replace body (RFC 2046, 5.1), writer and reader.
 *
 * A part tells one peer: "--hx_hole_punching" CRLF NAME ": " IP:PORT CRLF CRLF. The delimiter line equals the
 * boundary parameter, as the specification prints it, where RFC 2046 would put two more dashes in front; the
 * reader takes both, and LF for CRLF. No I/O, no allocation. */
#ifndef HX_PROTO_MULTIPART_H
#define HX_PROTO_MULTIPART_H

#include "proto/endpoint.h"
#include "proto/host_id.h"
#include <stddef.h>
#include <sys/types.h>

struct buf;

#define MULTIPART_BOUNDARY "--hx_hole_punching" /* the boundary parameter, and the delimiter line */
#define MULTIPART_LINE_MAX 512                  /* bytes of one line; HOST_ID_MAX + ": " + endpoint fits */

/* Appends the part as one chunk (proto/chunk.h). `name` may be "". HX_OK, or
 * buf_append()'s errors, or HX_EINVAL if `name` is neither "" nor a host_id. */
int multipart_write_part(struct buf *out, const char *name, const struct endpoint *peer);

struct multipart_part {
    char name[HOST_ID_MAX + 1]; /* "" if the peer gave none */
    struct endpoint peer;
};

struct multipart_reader {
    int state;                         /* private */
    size_t line_len;                   /* private */
    char line[MULTIPART_LINE_MAX + 1]; /* private; a CR fits behind */
    char boundary[72 + 1];             /* private */
    struct multipart_part part;        /* private: the part being read */
    void (*on_part)(void *user, const struct multipart_part *part);
    void *user;
};

/* `boundary`: the Content-Type's parameter; NULL or "" for MULTIPART_BOUNDARY. HX_OK; HX_EINVAL: too long (70
 * characters, RFC 2046, 5.1.1). `on_part` is called once for each part, when its empty line has come. */
int multipart_reader_init(struct multipart_reader *r, const char *boundary,
                          void (*on_part)(void *user, const struct multipart_part *part), void *user);
/* Feeds body bytes (transfer coding already removed). Empty lines between parts are ignored, and so is the
 * preamble before the first delimiter. HX_OK; HX_EPROTO: a line that is no NAME: IP:PORT; HX_ETOOBIG: a line
 * above MULTIPART_LINE_MAX. After either, `r` stays failed. */
int multipart_reader_feed(struct multipart_reader *r, const char *data, size_t len);

#endif
