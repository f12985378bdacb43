/* client/tool/sent.h: what hx send shows of what its receivers have got so far, all together. */
#ifndef HX_CLIENT_TOOL_SENT_H
#define HX_CLIENT_TOOL_SENT_H

#include "client/mux/pace.h"
#include "client/tool/progress.h"
#include <pthread.h>
#include <stdbool.h>

struct sent {          /* zeroed but for these */
    struct pace *pace; /* which has counted the bytes */
    bool quiet;
    int64_t total;    /* bytes that one receiver gets; below 0: not known */
    const char *name; /* of what is sent, as the user wrote it; "": of several things */
    /* what is its own */
    pthread_mutex_t mutex; /* guards the next */
    char kind[16];
    struct progress progress;
    bool begun;     /* somebody receives */
    int64_t before; /* bytes before somebody did */
    int64_t shown_ms;
};

void sent_init(struct sent *s);
/* What carries it, as hx_path.kind. In any thread. */
void sent_path(struct sent *s, const char *kind);
/* How long its thread may sleep, of `most_ms`, until sent_look() is worth a call. */
int64_t sent_wait_ms(const struct sent *s, int64_t most_ms);
/* `receives`: somebody does. Shows what is due; with `asked` at once, and also if it is quiet. */
void sent_look(struct sent *s, bool receives, bool asked);
/* Nothing more is shown. */
void sent_end(struct sent *s);

#endif
