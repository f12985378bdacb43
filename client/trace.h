/* client/trace.h: what goes between us and nameservers, told to whoever asked for it in hx_config, as
 * lines of a transcript (proto/transcript.h). With the engine's lock held. */
#ifndef HX_CLIENT_TRACE_H
#define HX_CLIENT_TRACE_H

#include "base/buf.h"
#include "proto/transcript.h"

struct tracer { /* zeroed: nobody has asked */
    void (*on_trace)(void *user, const char *text, const char *secrets);
    void *user;
};

struct trace; /* one connection */

/* `request`: of which its title is. NULL: nobody has asked, or there is no memory; then the others do
 * nothing. */
struct trace *trace_begin(const struct tracer *t, const struct buf *request);
/* `mark`: TRANSCRIPT_SENT or TRANSCRIPT_RECEIVED. */
void trace_bytes(struct trace *t, enum transcript_mark mark, const void *data, size_t len);
/* From now on, until it is told 0, what is told was so long ago. */
void trace_ago(struct trace *t, int ms);
/* `word`: TRANSCRIPT_OPENED and the like; `more` behind it, or "". */
void trace_note(struct trace *t, const char *word, const char *more);
void trace_end(struct trace *t);

#endif
