/* proto/multipart.h: the parts of the multipart/x-mixed-replace body (RFC 2046, 5.1), writer and reader.
 *
 * A part is a list of fields, and the first one tells a peer:
 *
 *   --hx_hole_punching CRLF
 *   NAME: IP:PORT CRLF
 *   KEY: VALUE CRLF         for each further field (proto/peer_fields.h); who does not know a key ignores it
 *   CRLF
 *
 * The delimiter line equals the boundary parameter, as the specification prints it, where RFC 2046 would put
 * two more dashes in front; the reader takes both, and LF for CRLF. No I/O, no allocation. */
#ifndef HX_PROTO_MULTIPART_H
#define HX_PROTO_MULTIPART_H

#include "proto/candidates.h"
#include "proto/host_id.h"
#include "proto/membership.h"
#include "proto/peer_fields.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct buf;

#define MULTIPART_BOUNDARY "--hx_hole_punching" /* the boundary parameter, and the delimiter line */
#define MULTIPART_LINE_MAX 512                  /* bytes of one line; HOST_ID_MAX + ": " + endpoint fits */

/* Appends the part, as one chunk (proto/chunk.h) if the body is `chunked`. `name` may be "". `session`:
 * NULL, or what the two who meet get; then `fields` is what the peer tells of itself, as
 * peer_fields_format() has written it. HX_OK, or buf_append()'s errors, or HX_EINVAL if `name` is neither
 * "" nor a host_id, or `fields` too long. */
int multipart_write_part(struct buf *out, const char *name, const struct endpoint *peer,
                         const struct session *session, const char *fields, bool chunked);
/* The same with what `member` says behind the first line; `name` is not "". */
int multipart_write_member(struct buf *out, const char *name, const struct endpoint *peer,
                           const struct membership *member, const struct session *session, const char *fields,
                           bool chunked);

#define MULTIPART_FIELDS_MAX       32   /* behind the peer's; a part with more is refused */
#define MULTIPART_FIELDS_MAX_BYTES 4096 /* of all of them, their NULs counted */

struct multipart_field {
    const char *key;   /* a token (RFC 9110, 5.6.2), compared without regard to case */
    const char *value; /* without the blanks around it; no control bytes */
};

struct multipart_part {
    char name[HOST_ID_MAX + 1]; /* "" if the peer gave none */
    struct candidates peer;     /* the first line's address, and, in a session, what else the peer has */
    struct session session;     /* not given: the peer, or we, did not tell candidates */
    struct nat_mapping mapping; /* of the peer; in a session */
    struct membership member;   /* of /join alone */
    size_t field_count;
    struct multipart_field fields[MULTIPART_FIELDS_MAX]; /* valid during on_part() */
};

/* The value of the part's next field `key` from *at on, which is moved behind it; begin with 0.
 * NULL: no more. */
const char *multipart_next(const struct multipart_part *part, const char *key, size_t *at);

struct multipart_reader {
    int state;                             /* private */
    size_t line_len;                       /* private */
    char line[MULTIPART_LINE_MAX + 1];     /* private; a CR fits behind */
    char boundary[72 + 1];                 /* private */
    struct multipart_part part;            /* private: the part being read */
    size_t text_len;                       /* private */
    char text[MULTIPART_FIELDS_MAX_BYTES]; /* private: what part.fields point to */
    void (*on_part)(void *user, const struct multipart_part *part);
    void *user;
};

/* `boundary`: the Content-Type's parameter; NULL or "" for MULTIPART_BOUNDARY. HX_OK; HX_EINVAL: too long (70
 * characters, RFC 2046, 5.1.1). `on_part` is called once for each part, when its empty line has come. */
int multipart_reader_init(struct multipart_reader *r, const char *boundary,
                          void (*on_part)(void *user, const struct multipart_part *part), void *user);
/* Feeds body bytes (transfer coding already removed). Empty lines between parts are ignored, and so is the
 * preamble before the first delimiter. HX_OK; HX_EPROTO: a first line that is no NAME: IP:PORT, a further one
 * that is no field; HX_ETOOBIG: a line above MULTIPART_LINE_MAX, or more fields than the two bounds above.
 * After either, `r` stays failed. */
int multipart_reader_feed(struct multipart_reader *r, const char *data, size_t len);

#endif
