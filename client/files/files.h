/* client/files/files.h: copies a file or a tree to or from a peer's shared directory, by the requests of
 * client/files/share.h, up to FILES_JOBS at once, and what is small in a tree by one batch
 * (client/files/batch.h) if the peer knows that. Outlives the connections that it is done over: with each
 * new one it goes on where it was. Belongs to its loop's thread.
 *
 * What the peer says is not trusted: nothing is written outside of the destination, no matter
 * what it lists. */
#ifndef HX_CLIENT_FILES_FILES_H
#define HX_CLIENT_FILES_FILES_H

#include "client/files/choice.h"
#include "client/files/copy_name.h"
#include "client/files/links.h"
#include "client/files/listing.h"
#include "client/mux/mux.h"
#include <ev.h>

#define FILES_JOBS         16
#define FILES_TRIES        3             /* of one file within one connection */
#define FILES_REASON_MAX   160           /* bytes of what went wrong with one, with NUL */
#define FILES_PAUSE_S      0.5           /* when the peer is busy, or the source changes */
#define FILES_PEER_WORKS_S 1800          /* how long a peer may hash, or wait for its disk */
#define FILES_ASK_MIN      (1024 * 1024) /* bytes of a file, from which on the peer is asked for its part */

struct files;

enum files_event {
    FILES_BEGUN,   /* bytes of it are about to move, maybe not for the first time */
    FILES_DONE,    /* it is there, whole */
    FILES_LEFT,    /* it was there, and stays as it was */
    FILES_SKIPPED, /* it is not copied, as that was asked for, or for what it is */
    FILES_FAILED
};

struct files_config {
    struct ev_loop *loop;
    bool upload;
    const char *local, *remote; /* as the user wrote them; remote: what stands behind "NAME:" */
    bool into;                  /* the destination must be a directory ... */
    bool into_known;            /* ... and an upload's is known to be one: the peer is not asked */
    enum links links;           /* what is done with symbolic links; a download's are followed in the share */
    /* One is left out: as links are, or as it leads out of what is copied. */
    void (*link)(void *user, const char *path);
    struct choice choice; /* what of a tree is left out; its strings outlive the copy */
    bool no_clobber;      /* what is there is left as it is */
    bool update;          /* if it is not older */
    int64_t changes_ms; /* a file that changes while it is read is tried for so long, and FILES_TRIES times */
    /* Set: nothing is copied, but told here, once it is known what would be. */
    void (*would)(void *user, const char *path, bool directory);
    /* What becomes of each file, with its name from the top of what is copied on, or, if it is not known
     * what that is, as files_config has it. `reason`: of the last two, else NULL. NULL is fine. */
    void (*told)(void *user, enum files_event event, const char *path, int64_t size, const char *reason);
    /* Something could not be copied, or was skipped. `path` is as the file system has it, `reason` may be the
     * peer's: both for base/printable.h. */
    void (*report)(void *user, const char *path, const char *reason);
    void (*looked)(void *user); /* files_state() now is that of `looked`; may be NULL */
    void (*done)(void *user);   /* nothing is left to do; files_state() tells with what success */
    /* What is about to be copied, an entry a call; NULL: what was told so far counts no more. True: a file
     * here that has its name may be replaced; false: never, whatever becomes of the two meanwhile. NULL is
     * fine: all may. */
    bool (*listed)(void *user, const struct file_entry *e);
    /* All of it is listed, nothing was written yet: it goes on after files_go(). NULL: it does at once. */
    void (*planned)(void *user);
    void *user;
    struct copy_name copy; /* an upload's; zeroed: not said */
};

struct files_state {
    int64_t total, done; /* bytes; total is known once `listed` */
    int64_t moved;       /* bytes that went over the connections; what was there before is only `done` */
    size_t files, files_done;
    size_t left;      /* files that were there, and are left as they are */
    size_t failed;    /* entries, or the whole */
    uint64_t skipped; /* what is no file, directory or link */
    bool looked;      /* what is at both ends is known, ... */
    bool single;      /* ... and it is one file; of an upload from the beginning */
    bool superseded;  /* a later copy with the same key does it: told, and all of this one is over */
    bool no_target;   /* `into`, and the destination is no directory: told */
    bool listed;
    bool busy;                        /* the last answer was that we shall try later, ... */
    char busy_with[FILES_REASON_MAX]; /* ... and why */
    bool peer_works;                  /* it has been sent all that there is, and reads or writes its disk */
    bool over;
    uint64_t steps;           /* changes as long as something goes on */
    char name[PATH_TEXT_MAX]; /* what is copied now */
};

/* HX_EINVAL, HX_ESYS, HX_ENOMEM: reported. */
int files_create(struct files **out, const struct files_config *config);
void files_destroy(struct files *f); /* NULL is fine. Detached, or with its streams reset */
/* A connection, until files_detach(); its streams have been told closed() by then. */
void files_attach(struct files *f, struct mux *m);
void files_detach(struct files *f);
void files_state(struct files *f, struct files_state *out);
void files_go(struct files *f);

#endif
