/* client/files/part.h: a file that is being received: written under a temporary name beside its target,
 * kept when the sender goes away so that the same file can be taken up again, synced and renamed once its
 * sum is right. What was held from before is hashed while new bytes come.
 *
 * HX_ESYS leaves the reason in errno: EWOULDBLOCK somebody else receives the very file; EISDIR, EEXIST a
 * directory or something that is no file has the name; ENOTUNIQ a file has it that is not to be replaced;
 * EBADMSG the sum is wrong; ERANGE the offset is not where the part ends; and those of beneath.h. */
#ifndef HX_CLIENT_FILES_PART_H
#define HX_CLIENT_FILES_PART_H

#include "client/files/block_queue.h"
#include "client/files/file_sum.h"
#include "client/files/listing.h"
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#define PART_BUFFER BLOCK_BYTES /* bytes that are read, hashed or written in one go */
/* Of functions that move and hash: call it again in the next turn of the loop, whatever the stream does. */
#define PART_HASHING 1

struct part {
    int dir; /* of the target */
    int fd;
    int64_t size;    /* bytes it holds */
    int64_t hashed;  /* of them */
    int64_t started; /* of them, on their way to the disk */
    int64_t expected;
    int64_t mtime_ns;
    unsigned mode;
    bool keep; /* what has its name already */
    struct file_sum digest;
    char name[PATH_NAME_MAX + 1], leaf[PATH_NAME_MAX + 1];
};

/* For the file `e` (size, mtime_ns, mode, keep) that is to be at e->path beneath `root`; its directory must
 * exist. The part may hold bytes from before: p->size. Nobody else has it until part_close(). */
int part_open(struct part *p, int root, const struct file_entry *e);
/* How many bytes a part_open() would find, 0 if none. HX_ESYS, EWOULDBLOCK: somebody else has it. Changes
 * nothing. */
int64_t part_held(int root, const struct file_entry *e);
/* The part that is there, whoever has it, as fstat(2) says. HX_ESYS: ENOENT, there is none. */
int part_stat(int root, const struct file_entry *e, struct stat *st);
/* Nobody will go on with it: it is removed, unless somebody has it. */
void part_drop(int root, const struct file_entry *e);
/* Where the sender begins: 0 empties the part; else it must be p->size. */
int part_begin(struct part *p, int64_t offset);
/* One turn of hashing what part_write() could not, as something before it was not hashed yet. HX_OK: nothing
 * is left of that; HX_EAGAIN: call it again. */
int part_hash(struct part *p, uint8_t buffer[PART_BUFFER]);
int part_write(struct part *p, const void *data, size_t len);
int part_skip(struct part *p, int64_t len); /* so many zeros, as a hole */
/* Whole, and all of it hashed: compares. EBADMSG: it is another one, and the part is gone. */
int part_verify(struct part *p, const uint8_t sum[DIGEST_BYTES]);
/* part_verify(), then permissions (those of the umask never) and time; has it on the disk, renames it, and
 * has that on the disk, too: what it says holds after a crash. */
int part_commit(struct part *p, const uint8_t sum[DIGEST_BYTES]);

/* A part that was verified, has its permissions and time, and is closed: how it is known again. */
struct part_aside {
    dev_t dev;
    ino_t ino;
    struct timespec changed;
};

/* Verified: so that many of them can get onto the disk together. Closes it. The disk begins to write. */
int part_set_aside(struct part *p, struct part_aside *a);
/* Gives it its name, if it is still what it was. The disk must have it, or with `sync` gets it now, with its
 * name. EWOULDBLOCK: somebody else receives the very file. */
int part_take_up(int root, const struct file_entry *e, const struct part_aside *a, bool sync);
/* Keeps what was received, if it is anything. */
void part_close(struct part *p);
/* Keeps nothing of it, unless it has the file's name by now. */
void part_discard(struct part *p);

#endif
