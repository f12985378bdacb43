/* server/store_transcripts.h: of the store's process: the files of a directory that transcripts are written
 * into, bounded in their number and bytes; the oldest give way. */
#ifndef HX_SERVER_STORE_TRANSCRIPTS_H
#define HX_SERVER_STORE_TRANSCRIPTS_H

#include "server/store_message.h"

#define STORE_TRANSCRIPTS_FILES 10000         /* at most */
#define STORE_TRANSCRIPT_MAX    (4 << 20)     /* bytes of one; the rest is left out */
#define STORE_TRANSCRIPT_END    ".transcript" /* of their names; other files are not touched */

#define STORE_TRANSCRIPTS_TELL_MS 5000

struct store_transcripts;

/* The directory is made if it is not there. What is in it already counts, by the order of the names.
 * `max_bytes`: of all; 0: unlimited. HX_OK, also if the directory cannot be used: then that is trouble, and
 * nothing is written; HX_ENOMEM. */
int store_transcripts_open(struct store_transcripts **out, const char *directory, int64_t max_bytes);
void store_transcripts_close(struct store_transcripts *t); /* NULL is fine */
/* A STORE_WRITE. HX_OK, also if it could not be written; HX_EPROTO: its name is none, or there is no `t`. */
int store_transcripts_take(struct store_transcripts *t, const struct store_message *m);
/* What went wrong last, at most one text each STORE_TRANSCRIPTS_TELL_MS; NULL: nothing new, or `t` is NULL. */
const char *store_transcripts_trouble(struct store_transcripts *t);

#endif
