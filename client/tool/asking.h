/* client/tool/asking.h: a command that asks the peer a few things, one after the other, prints what it says,
 * and ends. What has been printed is taken by standard output as fast as it likes: meanwhile nothing more is
 * read of the peer, whose link goes on. */
#ifndef HX_CLIENT_TOOL_ASKING_H
#define HX_CLIENT_TOOL_ASKING_H

#include "base/buf.h"
#include "client/files/path.h"
#include "client/files/share.h"
#include "client/tool/args.h"
#include "client/tool/reconnector.h"

#define ASKING_OUTPUT_MAX (32 * 1024 * 1024) /* bytes that wait to be printed: all that is sorted */
#define ASKING_FIELDS_MAX 4
#define ASKING_PAUSE      (64 * 1024) /* so many, and the peer is not read */
#define ASKING_TARGET_MAX (sizeof SHARE_PREFIX + PATH_ENCODED_MAX)

struct asking_events {
    void (*up)(void *user, struct link *l); /* asking_request() may be called */
    void (*headers)(void *user, const struct mux_message *m);
    int (*body)(void *user, const char *data, size_t len); /* < 0: enough */
    void (*answered)(void *user);                          /* the answer is whole */
    void (*pong)(void *user, int64_t rtt_us);              /* may be NULL */
};

struct asking { /* zeroed but for the first three */
    const struct args *args;
    const struct asking_events *events;
    void *user;
    struct ev_loop *loop;
    struct reconnector *reconnector;
    struct mux_stream *stream; /* of the request that runs; NULL: none */
    ev_io interrupt, output;
    ev_timer silence, broken;
    struct buf out;
    int status;
    bool leaving; /* asking_end() was called */
};

/* Until asking_end(); returns the exit status. What kept it from an answer was said. */
int asking_run(struct asking *a);
/* `more`: fields beside those that HTTP needs, up to ASKING_FIELDS_MAX. One request at a time. */
void asking_request(struct asking *a, const char *method, const char *path, const struct mux_field *more,
                    size_t count);
/* What NAME:PATH means at the peer: `path`, and `target` for a request about it. *slash: as path_clean()
 * says. False: it is no path beneath the share, which was told. */
bool asking_aim(char path[PATH_TEXT_MAX], char target[ASKING_TARGET_MAX], const char *written, bool *slash);
/* To standard output. HX_ETOOBIG, HX_ENOMEM. */
int asking_print(struct asking *a, const char *text, size_t len);
/* Ends with that exit status, once all is printed. */
void asking_end(struct asking *a, int status);

#endif
