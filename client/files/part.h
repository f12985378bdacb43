/* client/files/part.h: a file that is being received: written under a temporary name beside its target,
 * kept when the sender goes away so that the same file can be taken up again, synced and renamed once its
 * SHA-256 is right.
 *
 * HX_ESYS leaves the reason in errno: EWOULDBLOCK somebody else receives the very file; EISDIR, EEXIST a
 * directory or something that is no file has the name; EBADMSG the sum is wrong; ERANGE the offset is not
 * where the part ends; and those of beneath.h. */
#ifndef HX_CLIENT_FILES_PART_H
#define HX_CLIENT_FILES_PART_H

#include "client/files/listing.h"
#include "secure/digest.h"

#define PART_BUFFER (64 * 1024) /* bytes that are read, hashed or written in one go */

struct part {
    int dir; /* of the target */
    int fd;
    int64_t size;    /* bytes it holds */
    int64_t hashed;  /* of them; part_write() needs all */
    int64_t started; /* of them, on their way to the disk */
    int64_t expected;
    int64_t mtime_ns;
    unsigned mode;
    struct digest digest;
    char name[PATH_NAME_MAX + 1], leaf[PATH_NAME_MAX + 1];
};

/* For the file `e` (size, mtime_ns, mode) that is to be at e->path beneath `root`; its directory must exist.
 * The part may hold bytes from before: p->size. Nobody else has it until part_close(). */
int part_open(struct part *p, int root, const struct file_entry *e);
/* How many bytes a part_open() would find, 0 if none. Touches nothing. */
int64_t part_held(int root, const struct file_entry *e);
/* Where the sender begins: 0 empties the part; else it must be p->size. */
int part_begin(struct part *p, int64_t offset);
/* One go of hashing what is held from before. HX_OK: done; HX_EAGAIN: call it again. */
int part_hash(struct part *p, uint8_t buffer[PART_BUFFER]);
int part_write(struct part *p, const void *data, size_t len);
/* Whole: compares, sets permissions (those of the umask never) and time, renames. What it says holds after a
 * crash, too: file and directory are on the disk. EBADMSG: the part is gone. */
int part_commit(struct part *p, const uint8_t sum[DIGEST_BYTES]);
/* Keeps what was received, if it is anything. */
void part_close(struct part *p);

#endif
