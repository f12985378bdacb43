/* client/tool/cp_stream.h: hx cp with '-': standard input to a file of the peer, or such a file to standard
 * output. Bytes pass as they come, and are verified as a whole: a file gets its name only then, and what
 * went to standard output is told to be wrong. Neither can be taken up again. */
#ifndef HX_CLIENT_TOOL_CP_STREAM_H
#define HX_CLIENT_TOOL_CP_STREAM_H

#include "client/tool/asking.h"
#include "client/tool/copying.h"

struct cp_stream { /* either of them, zeroed; cp_stream.c */
    struct asking asking;
    struct copying copying;
    char path[PATH_TEXT_MAX];
    char target[ASKING_TARGET_MAX];
    struct files_state state;
    bool begun; /* `copying` is */
};

/* What is asked with `events`, of NAME's path `written`; then the fields `hidden` and `look` of `copying` may
 * be set. *slash: as asking_aim() says. False: it is no path, which was told. */
bool cp_stream_init(struct cp_stream *s, const struct args *args, const struct asking_events *events,
                    void *user, const char *written, bool *slash);
/* There is a link. */
void cp_stream_begin(struct cp_stream *s);
void cp_stream_say(const struct cp_stream *s, const char *reason); /* "hx: NAME:PATH: ..." */
/* Until asking_end(), and says how it ended. True: all of it is there. */
bool cp_stream_run(struct cp_stream *s);

/* Return the exit status. */
int cp_from_stdin(const struct args *args);
int cp_to_stdout(const struct args *args);

#endif
