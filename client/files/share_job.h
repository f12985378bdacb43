/* client/files/share_job.h: inside of client/files/share.h: a request that takes more than its answer. */
#ifndef HX_CLIENT_FILES_SHARE_JOB_H
#define HX_CLIENT_FILES_SHARE_JOB_H

#include "client/files/beneath.h"
#include "client/files/file_sum.h"
#include "client/files/hold.h"
#include "client/files/listing.h"
#include "client/files/share.h"
#include "client/files/share_items.h"
#include <sys/stat.h>

struct share {
    int root;                  /* O_PATH */
    struct share_items *items; /* NULL: what is beneath root; else that is -1 */
    bool writable;
};

/* A request, while it is answered or (without `request`) served. */
struct share_call {
    const struct share_peer *peer;
    struct mux_stream *stream;
    const struct mux_message *request;
    const char *what; /* is done with `path`, if its failure is worth a line in the log; else NULL */
    const char *path;
};

struct share_job;

/* Of these there are few at once, for what they hold open or in memory. */
enum share_scarce { SHARE_PLAIN, SHARE_WALK, SHARE_BATCH, SHARE_SCARCE_COUNT };

struct share_job_kind {
    size_t size; /* of the struct that begins with a share_job */
    enum share_scarce scarce;
    /* The stream is readable or writable. HX_OK: nothing is left to do; HX_EAGAIN; PART_HASHING (or
     * SHARE_TURN): call it again in the next turn of the loop; or an error. */
    int (*step)(struct share_job *j);
    /* After an error, which is answered if nothing was yet; the stream is reset otherwise. */
    bool answered;
    void (*close)(struct share_job *j); /* of what was opened */
};

#define SHARE_TURN 1

struct share_job {
    ev_timer timer;         /* first: the loop gives it back; turns of step(), or the idle time */
    struct share_call call; /* its path is the job's own */
    const struct share_job_kind *kind;
    bool turn, over;
    bool changed; /* what is put has, as the peer said when it broke off */
};

/* A zeroed job of that kind, in which the caller opens things, then share_job_begin(). NULL: it was
 * refused. */
void *share_job_create(const struct share_job_kind *kind, const struct share_call *c);
/* From now on the stream's events lead it. */
void share_job_begin(struct share_job *j);
/* Calls step() in the next turn of the loop: what it waited for has happened. */
void share_job_turn(struct share_job *j);
/* Answers 201. As mux_respond(). */
int share_job_created(struct share_job *j);
/* It could not be opened: frees it; the request is yet to be refused. */
void share_job_cancel(struct share_job *j);

/* Answers and forgets; a body that still comes is thrown away. */
void share_refuse(const struct share_call *c, const char *status, const char *reason);
/* The same for an error of the functions here and its errno. */
void share_refuse_error(const struct share_call *c, int error, int system);
struct share_refusal {
    const char *status, *reason;
};
/* What the peer is told of such an error. */
struct share_refusal share_refusal(int error, int system);
/* What is missing of something that is put can only be the directory that it was to be in. */
int share_put_errno(int system);
/* It was answered already, and has failed: tells only this side's log. */
void share_failed(const struct share_call *c, int error, int system);
void share_failed_for(const struct share_call *c, const char *reason);
void share_created(struct mux_stream *s); /* 201 */
/* Whose hold of a part the request makes (client/files/hold.h). */
void share_owner(struct hold_owner *out, const struct share_call *c);

/* What the request wants of symbolic links, and how far it may go. */
enum links share_links(const struct mux_message *request);
enum reach share_reach(const struct mux_message *request);
/* An answer: status and the fields that tell of `e`; hx-part too if `part` >= 0. */
void share_describe(struct mux_stream *s, const char *status, const struct file_entry *e, int64_t part);
/* The same for what has a body. */
void share_describe_body(struct mux_stream *s, const char *status, const struct file_entry *e, bool holes);
void share_get(struct share_call *c);
void share_put(struct share_call *c);
/* What `e` (mode, path) has as bytes follows, and ends when it ends. */
void share_put_stream(const struct share_call *c, const struct file_entry *e,
                      const struct file_sum_kind *sum);
void share_batch(struct share_call *c);
void share_glob(const struct share_call *c, const char *encoded);

#endif
