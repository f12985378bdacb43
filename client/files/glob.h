/* client/files/glob.h: patterns of the shell, for names in a shared directory: '*', '?' and [...] match
 * within one name, none of them a '.' at its beginning, and '\' takes from what follows that it is
 * special. */
#ifndef HX_CLIENT_FILES_GLOB_H
#define HX_CLIENT_FILES_GLOB_H

#include "client/files/beneath.h"
#include "client/files/listing.h"

#define GLOB_MATCHES_MAX 65536
#define GLOB_WORK_MAX    4000000 /* names that are looked at; one that is hard to match counts as several */
#define GLOB_WORK_TURN   512     /* of them in one glob_next() */

/* Whether the text says anything else than its own name. Pure, as the next two. */
bool glob_is_pattern(const char *text);
/* One name against `len` bytes of a pattern. '?' and [...] are for a character of UTF-8, or for a byte
 * that is none. Takes time for len * strlen(name) steps at most; *steps grows by those that it took. */
bool glob_match(const char *pattern, size_t len, const char *name, size_t *steps);

/* A whole path, name by name, or the pattern's very text: who has asked a peer may look whether that is
 * what it was answered. */
bool glob_matches(const char *pattern, const char *path);

struct glob;

/* Looks beneath `root` for what matches `pattern`, which is a path (client/files/path.h); `root` outlives
 * it. What has that very name is all that matches then. With `directories` nothing but those. HX_ENOMEM. */
int glob_create(struct glob **out, int root, const char *pattern, enum reach reach, bool directories);
/* Symbolic links are told as 'l', with their text. */
void glob_copies_links(struct glob *g);
/* HX_OK: *e is the next one, valid until the next call, in no order; of a link 's' and SKIP_LINK
 * otherwise. HX_EAGAIN: call it again; HX_EEOF: that was all; HX_ELIMIT: a bound above is passed. */
int glob_next(struct glob *g, struct file_entry *e);
void glob_destroy(struct glob *g); /* NULL is fine */

#endif
