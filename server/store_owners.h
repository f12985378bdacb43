/* server/store_owners.h: who owns which name, in an SQLite database: of the store's process, and of the
 * commands that look into it while it may be open there. */
#ifndef HX_SERVER_STORE_OWNERS_H
#define HX_SERVER_STORE_OWNERS_H

#include "server/store_message.h"
#include <stdbool.h>

#define STORE_OWNERS_ERROR_MAX 512
#define STORE_OWNERS_BUSY_MS   2000 /* another process may hold it for so long */

struct store_owners;

/* What is there is checked to be ours; `create`: else it is made. HX_OK; HX_ENOMEM; HX_ESYS: error[] says
 * what is wrong, and what to do. */
int store_owners_open(struct store_owners **out, const char *path, bool create,
                      char error[STORE_OWNERS_ERROR_MAX]);
void store_owners_close(struct store_owners *o); /* NULL is fine */
/* Whether its path leads to another file by now, or to none: what is written would be lost with this one. */
bool store_owners_moved(struct store_owners *o);
/* Why the last of the following has failed. */
const char *store_owners_error(const struct store_owners *o);

/* Claims and forgets stand between these. What they say counts once HX_OK has come of the commit: then it is
 * on the disk. All: HX_ESYS: nothing of the batch has changed anything; go on with a new one. */
int store_owners_begin(struct store_owners *o);
/* HX_OK: it is, or was already, this key's; HX_ECONFLICT: another's, which goes to `owner`. */
int store_owners_claim(struct store_owners *o, struct store_bytes name, const uint8_t key[STORE_KEY_BYTES],
                       uint8_t owner[STORE_KEY_BYTES]);
/* `tell`: another process serves, and shall see it by store_owners_look(). HX_OK or HX_ENOTFOUND. */
int store_owners_forget(struct store_owners *o, struct store_bytes name, bool tell);
int store_owners_commit(struct store_owners *o);

/* Each row, in the order of their names. `claimed`: "YYYY-MM-DDTHH:MM:SSZ" if `timed`, which takes most of the
 * time; else NULL. What `row` returns but HX_OK ends it, and is returned. */
typedef int store_owners_row(void *user, struct store_bytes name, const uint8_t key[STORE_KEY_BYTES],
                             const char *claimed);
int store_owners_each(struct store_owners *o, bool timed, store_owners_row *row, void *user);
/* Each name that another process has forgotten since the last call, or since it was opened. */
typedef int store_owners_gone(void *user, struct store_bytes name);
int store_owners_look(struct store_owners *o, store_owners_gone *gone, void *user);

#endif
