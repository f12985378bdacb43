/* client/files/hold.h: who in this process receives which part (client/files/part.h): so a copy that
 * begins ends the hold of an earlier one that had the same key, which may be dead, as is known only once
 * its connection is lost. Nobody ends the hold of another key. What guards a part is its lock; this only
 * says whose it is. From any thread. */
#ifndef HX_CLIENT_FILES_HOLD_H
#define HX_CLIENT_FILES_HOLD_H

#include "client/files/copy_name.h"
#include <ev.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#define HOLD_KEY_MAX 64 /* bytes of a key's name, with NUL */

struct hold_file { /* a part, by what tells it from all others */
    dev_t dev;
    ino_t ino;
};

struct hold_owner { /* zeroed: nobody, who ends no hold, and whose hold nobody ends */
    char key[HOLD_KEY_MAX];
    struct copy_name copy;
};

struct hold { /* zeroed: of nothing */
    struct hold *prev, *next;
    struct hold_owner owner;
    struct hold_file file;
    bool held;        /* the part is this one's; else it waits for it */
    atomic_bool over; /* a later copy has it, or waits for it */
    ev_async event;   /* it is over, or what it waits for may be free */
    struct ev_loop *loop;
    void (*told)(struct hold *h); /* after that */
};

enum hold_claim {
    HOLD_FOREIGN, /* the part is somebody else's */
    HOLD_OLDER,   /* an earlier copy's of the same key, which was told to go: `h` waits, told() comes */
    HOLD_NEWER    /* a later copy's of the same key: it is `h` that has to go */
};

/* Before the others: `loop` is that of the calling thread, `told` is called there. */
void hold_init(struct hold *h, const struct hold_owner *owner, struct ev_loop *loop,
               void (*told)(struct hold *h));
/* `h` has the part, and goes on having it until hold_end(). */
void hold_take(struct hold *h, const struct hold_file *file);
/* It is locked. Again and again is fine while it waits. */
enum hold_claim hold_claim(struct hold *h, const struct hold_file *file);
/* Whoever has it would go, if `owner` came. */
bool hold_may_claim(const struct hold_owner *owner, const struct hold_file *file);
/* After the part is closed. Of nothing is fine. */
void hold_end(struct hold *h);

#endif
