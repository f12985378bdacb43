/* server/store_files.h: of the store's process: the files that are read again, and when they have changed. */
#ifndef HX_SERVER_STORE_FILES_H
#define HX_SERVER_STORE_FILES_H

#include "server/store_message.h"
#include <sys/stat.h>

#define STORE_GATHER_MS     100  /* of quiet, after a change of the directory, ... */
#define STORE_GATHER_MAX_MS 1000 /* but no longer than this after the first one */
#define STORE_TEXT_MAX      (64 << 20)

struct store_files { /* private; store_files_open() fills it */
    const char *config, *auth, *beside;
    int inotify;   /* -1: nothing is watched */
    int unwatched; /* errno: why `auth` is not watched; 0: it is, or there is none */
    struct stat auth_was;
    int64_t first_ms, due_ms; /* of a change that was noted; -1: none */
};

typedef int store_files_send(void *user, const struct store_message *m); /* HX_OK, or an error that ends it */

/* NULL: there is none. The strings stay the caller's. `beside`: a file of whose directory changes are noted as
 * well. */
void store_files_open(struct store_files *f, const char *config, const char *auth, const char *beside);
/* f->inotify is readable. */
void store_files_note(struct store_files *f, int64_t now_ms);
/* When store_files_look() is due; -1: never. */
int64_t store_files_due_ms(const struct store_files *f);
/* Sends the auth file if it is another one than when it was last read. HX_OK, or what `send` has said. */
int store_files_look(struct store_files *f, store_files_send *send, void *user);
/* Sends those of `which` (enum store_text) that there are, and STORE_READ_END. Likewise. */
int store_files_read(struct store_files *f, int which, store_files_send *send, void *user);

#endif
