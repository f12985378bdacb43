/* client/files/group.h: files and directories that get onto the disk together (group commit), in a thread
 * beside the loop: a disk that takes many at once needs little more time for them than for one, and the
 * stream does not wait for it. What is said of each holds after a crash. */
#ifndef HX_CLIENT_FILES_GROUP_H
#define HX_CLIENT_FILES_GROUP_H

#include "base/task.h"
#include "client/files/part.h"

#define GROUP_MAX 512

struct group_member {
    enum { MEMBER_NOTHING, MEMBER_FILE, MEMBER_DIRECTORY } kind;
    size_t tag; /* the owner's */
    int status; /* the owner's, of success */
    int error;  /* HX_OK, or the first error, and for HX_ESYS its errno in `system` */
    int system;
    char *path;
    struct file_entry e; /* its path is the member's */
    struct part_aside part;
};

struct group {
    size_t count;
    struct committer *owner;
    int root;      /* its own; O_PATH */
    int sync_root; /* the same, for syncfs(2), or -1 */
    struct group_member members[GROUP_MAX];
};

/* Two groups: one is filled while the other one is on its way to the disk. */
struct committer {
    struct ev_loop *loop;
    int root;
    struct group *filling, *running; /* NULL: none */
    struct task *task;               /* of the latter */
    /* The members of `g` are on the disk, or have an error. They come in the order of
     * committer_add(). It does not end the committer. */
    void (*done)(void *user, const struct group *g);
    void *user;
};

void committer_init(struct committer *c, struct ev_loop *loop, int root,
                    void (*done)(void *user, const struct group *g), void *user);
/* Nobody hears of what is on its way; it gets there all the same. */
void committer_end(struct committer *c);
/* A member of MEMBER_NOTHING, to be filled by the functions below, for `path`. HX_EAGAIN: there is no room
 * before done() is told; HX_ENOMEM, HX_ESYS. */
int committer_add(struct committer *c, struct group_member **out, const char *path);
/* Begins to commit what there is, unless something is on its way. Without a file or directory done() is told
 * at once. */
void committer_flush(struct committer *c);
bool committer_idle(const struct committer *c); /* nothing is there, nothing on its way */

/* The whole of a file: written as a part, its sum compared. */
void group_put(struct group_member *m, int root, const struct file_entry *e, const uint8_t *data,
               const uint8_t sum[DIGEST_BYTES]);
/* A directory that is whole: its permissions and time, once the files before it have their names. */
void group_settle(struct group_member *m, const struct file_entry *e);
/* Its first error, unless HX_OK, and errno. */
void group_note(struct group_member *m, int error);

#endif
