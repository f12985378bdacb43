/* server/transcripts.h: what went to and from two who were introduced, as text (proto/transcript.h), a file for
 * each who has asked for a name and was told where its holder is: the holder's request, the parts that it got of
 * this one, and all of this one's stream. The store writes them (server/store.h); what it has no time for is left
 * out, and counted.
 *
 *   accepted ─► transcripts_record() ─► the connection reads and writes by that ─► transcripts_told(), _met() */
#ifndef HX_SERVER_TRANSCRIPTS_H
#define HX_SERVER_TRANSCRIPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRANSCRIPTS_KEPT_MAX 16384 /* bytes of one connection until somebody meets it; more: no transcript */
#define TRANSCRIPTS_FILE_MAX (1 << 20) /* bytes of text; the rest is left out */
#define TRANSCRIPTS_NAME_MAX 100       /* bytes of a name in a file's name */

struct counters;
struct server_config;
struct store;
struct stream;
struct transcripts;

/* *config and the others stay the caller's, and must live as long. HX_OK; HX_ENOMEM. */
int transcripts_create(struct transcripts **out, struct store *store, const struct server_config *config,
                       struct counters *counters);
/* No stream may be recorded any more. NULL is fine. */
void transcripts_destroy(struct transcripts *t);

/* One that does what `under` does and is recorded; its end is that of `under`. NULL: there is no memory. */
struct stream *transcripts_record(struct transcripts *t, struct stream *under);
/* Gives `under` back. */
void transcripts_release(struct stream *recorded);

/* Its answer to who wants to be found has begun: from now on what it is sent is of those that it meets. */
void transcripts_holds(struct stream *recorded);
/* A holder has this part of somebody, who is told in the same call of the registry; it leaves in `later_ms`. */
void transcripts_told(struct transcripts *t, struct stream *h1, const void *part, size_t len,
                      int64_t later_ms);
/* Who has asked for `name` is told; `unheard`: the holder was not, and so nobody is going to meet. Before its
 * part leaves. */
void transcripts_met(struct transcripts *t, struct stream *h2, const char *name, bool unheard);

#endif
