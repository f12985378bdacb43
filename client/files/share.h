/* client/files/share.h: the directory that hx bind --share DIR offers, and the requests about its files.
 *
 * :path is "/files/" and a path written as client/files/path.h says. Symbolic links are not followed unless
 * that is asked for; only files, directories and the text of links are served. Numbers are decimal, hx-mode
 * is octal (permissions only), hx-mtime is in nanoseconds since 1970. Every answer that is no success has
 * hx-reason, a text.
 *
 *   HEAD        200: hx-type ("file" or "directory"), hx-size, hx-mtime, hx-mode. If the request has hx-size
 *               and hx-mtime, then also hx-part: how many bytes of that very file an earlier PUT left;
 *               with 404, too. 423: another request has them.
 *   GET file    200 or, to "range: bytes=N-", 206; the fields of HEAD, and as body the file from N on
 *               (N may be hx-size) followed by the 32 bytes of the SHA-256 of the whole file, or of the sum
 *               that the request asks for (client/files/file_sum.h). Who offers that says hx-sum in its
 *               answers to HEAD.
 *               Reset with SHARE_CHANGED: the file has changed, in another way than to grow. So is a PUT,
 *               of which nothing is kept then.
 *               With "hx-holes: 1" the answer may have that, too: the body then has extents and the sum
 *               of their blocks (client/files/extent.h, file_sum.h). So may a PUT to who says
 *               it in other answers.
 *   GET dir     200, hx-type: directory; the body is the tree as client/files/listing.h says. With hx-depth:
 *               1 only what is directly in it: who does not know the field lists all of the tree.
 *   GET         of "/files/" with hx-glob, a pattern (client/files/glob.h) written as a path, and maybe a '/'
 *               for directories alone. 200 with hx-glob: 1; the body is a listing of what matches, its paths
 *               those in the share, in no order; more may match if its end counts more as skipped than it has
 *               lines of. Who does not know the field answers without it.
 *   PUT         with hx-size, hx-mtime, hx-mode, and hx-offset (0 if there is none), which is 0 or what
 *               hx-part said. The body is as that of GET; hx-sum says of what kind its sum is.
 *               201: the file is whole and on the disk, its sum was right, it has its name.
 *               409: the offset is another; 422: the sum was wrong, and the part is gone; 423: another
 *               request has the part. It may say hx-copy (client/files/copy_name.h): of two copies of one
 *               key the one that began later gets the part, and the other one 410.
 *   PUT         with hx-stream: 1 and hx-mode, and without a size: for who does not know it yet. The body is
 *               pieces, each behind its length (8 bytes, as in client/files/extent.h, SHARE_PIECE_MAX at
 *               most; EXTENT_HOLE alone: nothing yet), a length of 0, and the sum of all. 201 as above.
 *               Nothing of it is kept if it breaks off. Only to who says hx-stream in other answers.
 *   PUT         hx-type: directory, hx-mode. 201: it is there.
 *               With hx-mtime: it is there and whole, now gets both.
 *   PUT         hx-type: link, hx-target (its text, written as a path), hx-mtime. 201: it is there. 403: it
 *               would lead out of the share. Only to who says hx-links in other answers.
 *   POST        to "/files/": many of these at once, as client/files/batch.h says. Who offers that says
 *               hx-batch in its answers.
 *
 * HEAD, GET and POST may say "hx-links: follow": then symbolic links that stay in the share are followed; or
 * "hx-links: copy": then a listing tells of links, and HEAD of one: hx-type: link, hx-target.
 *
 * Others: 400 no path; 403 not shared for writing, or the system forbids it; 404; 405; 409 something of
 * another kind is there, or the parent is not; 416; 429 too many at once; 507 no space; 500. */
#ifndef HX_CLIENT_FILES_SHARE_H
#define HX_CLIENT_FILES_SHARE_H

#include "client/files/listing.h"
#include "client/mux/mux.h"
#include <ev.h>

#define SHARE_PREFIX       "/files/"
#define SHARE_DEPTH        "hx-depth"
#define SHARE_JOBS_MAX     32  /* files that one peer's requests have open at once */
#define SHARE_WALKS        2   /* and listings: each has as many directories open as it is deep */
#define SHARE_BATCHES      2   /* and batches: each has a file in memory, and maybe a thread at work */
#define SHARE_IDLE_S       300 /* a request that moves nothing is reset; its peer may be hashing */
#define SHARE_CHANGED      0x68780001U /* ours: others take it for INTERNAL_ERROR (RFC 9113, 7) */
#define SHARE_HOLES        "1"         /* of hx-holes */
#define SHARE_LINKS_COPY   "copy"      /* of hx-links */
#define SHARE_LINKS_FOLLOW "follow"
#define SHARE_GLOB         "hx-glob"
#define SHARE_GLOB_VERSION "1"
#define SHARE_STREAM       "hx-stream"
#define SHARE_PIECE_MAX    (1024 * 1024)
#define SHARE_BUSY         "too many requests at once" /* the reason of 429 */

struct share;

/* "DIR", "DIR:ro" or "DIR:rw". HX_ESYS (errno): no such directory; HX_EINVAL, HX_ENOMEM. */
int share_open(struct share **out, const char *spec);
/* What these paths lead to, each under its base name, read only, and nothing else of the directories that
 * they are in; no share has two of one name. *bad: the path for which it fails. HX_ECONFLICT: another one has
 * the same base name; HX_EINVAL: it has none, or that of a part (client/files/path.h); HX_ESYS (errno; ENXIO:
 * neither a file nor a directory); HX_ENOMEM. */
int share_open_paths(struct share **out, char *const *paths, size_t count, size_t *bad);
void share_close(struct share *s);
/* Bytes of all files that it has; below 0: there are more than `most` entries, and it was not looked
 * further. */
int64_t share_bytes(const struct share *s, uint64_t most);
bool share_writable(const struct share *s);

struct share_peer { /* for whom requests are answered; outlives them */
    struct ev_loop *loop;
    const struct share *share;
    /* A transfer was refused or has failed. `what`: "sending", say, what is done with `path`, which is as the
     * peer wrote it. May be NULL. */
    void (*failed)(void *user, const char *what, const char *path, const char *reason);
    void *user;
    const char *key; /* that the peer has proven, as hx_peer_key(); NULL or "": of nobody */
};

/* Answers a request whose :path begins with /files/ . Owns `s` at once. The limits hold for the calling
 * thread: hx bind has one for every peer. */
void share_request(const struct share_peer *peer, struct mux_stream *s, const struct mux_message *request);
/* For both sides: fills size, mtime_ns and mode from the fields that `m` has. HX_EINVAL: malformed. */
int share_fields(struct file_entry *e, const struct mux_message *m);
bool share_has_holes(const struct mux_message *m); /* the body has extents; or, of a GET, may have */

#endif
