/* client/files/files_parts.h: inside of client/files/files.h. files.c: what is next; files_leave.c: what
 * is left out or as it is; files_job.c: one entry on its way, files_task.c: what it does there;
 * files_batch.c, files_ask.c: many small ones; files_local.c: this side's directory. */
#ifndef HX_CLIENT_FILES_FILES_PARTS_H
#define HX_CLIENT_FILES_FILES_PARTS_H

#include "client/files/beneath.h"
#include "client/files/files_shared.h"
#include "client/files/group.h"
#include "client/files/incoming.h"
#include "client/files/outgoing.h"
#include "client/files/walk.h"

struct files_job {
    ev_timer timer; /* first: the loop gives it back; turns of hashing */
    struct files *files;
    struct mux_stream *stream; /* NULL: the slot is free */
    size_t entry;              /* of the plan */
    enum files_task task;
    bool clean;              /* both directions of the stream have ended: it needs no reset */
    bool changed;            /* what is put has */
    bool outgoing, incoming; /* which of those are open */
    struct files_follow follow;
    struct files_answer answer;
    struct outgoing out;       /* of TASK_PUT, TASK_COMPARE */
    struct incoming in;        /* of TASK_GET */
    int64_t offset;            /* from which byte on */
    struct file_sum_kind kind; /* of the sum behind the bytes */
    size_t sum_len;            /* of TASK_COMPARE */
    uint8_t sum[DIGEST_BYTES];
    char reason[FILES_REASON_MAX];
};

/* What is asked of the peer with one request, its answers in the order of the questions. */
struct files_batch {
    ev_timer timer;            /* first: the loop gives it back; turns */
    bool offered;              /* by the peer */
    bool resting;              /* until the next kick */
    int failures;              /* since something was answered, within one connection */
    struct mux_stream *stream; /* NULL: none now */
    bool ended;                /* we ask no more in it */
    struct batch_io io;
    size_t next; /* of the plan, in this phase, as that of struct files */
    struct {
        size_t entry;
        char type;            /* of client/files/batch.h */
    } asked[BATCH_ASKED_MAX]; /* a ring */
    size_t first, count;
    size_t sums;   /* of them, that may lead to another question */
    bool answered; /* the line of the first one's answer has come: */
    bool whole;    /* and what follows it */
    struct batch_answer answer;
    char reason[FILES_REASON_MAX];
    bool compared;       /* the first one's file was opened here, for its sum, if there is one */
    struct outgoing out; /* if out.buffer */
    uint8_t *scratch;    /* BATCH_BYTES_MAX, a file to be put */
};

struct files {
    struct files_config config;
    struct mux *mux; /* NULL: detached */
    ev_timer kick;   /* goes on with what is next */
    enum files_phase phase;
    struct plan plan;
    size_t next;                /* of the plan, in this phase */
    size_t running;             /* jobs */
    uint8_t tries;              /* of looking and listing, with this connection */
    bool directory;             /* what is copied */
    bool make_base;             /* the tree's own directory is part of it */
    int root;                   /* this side's directory, O_PATH, or -1 */
    char local[PATH_TEXT_MAX];  /* beneath it */
    char remote[PATH_TEXT_MAX]; /* beneath the peer's */
    bool remote_slash;
    char leaf[PATH_NAME_MAX + 1]; /* of the source, "" if it is the directory itself */
    struct walk *walk;
    uint64_t skipped;                /* by it */
    struct listing_reader *reader;   /* of TASK_LIST */
    struct file_entry base;          /* the source's own, without path */
    struct files_offers offers;      /* of the peer */
    enum reach reach;                /* of what is sent */
    uint64_t uncounted;              /* as files_fate() says */
    char base_target[PATH_TEXT_MAX]; /* of a source that is a link itself */
    bool fresh;                      /* nothing can be at the target that is not ours */
    struct files_state state;
    struct committer committer; /* of what comes; tags are entries of the plan */
    struct files_job jobs[FILES_JOBS];
    struct files_batch batch;
};

/* files.c */
void files_kick(struct files *f, double seconds);
/* Nothing of it can be copied. */
void files_fail(struct files *f, const char *path, const char *reason);
void files_report(struct files *f, const char *path, const char *reason);
void files_looked(struct files *f, int status, const struct file_entry *e); /* the answer to TASK_LOOK */
void files_list_end(struct files *f, uint64_t skipped);
void files_job_outcome(struct files *f, struct files_job *j, enum files_outcome outcome);
void files_outcome(struct files *f, size_t entry, enum files_outcome outcome, const char *reason);
/* This phase, if the peer is asked for what it does; PHASE_OVER otherwise. */
enum files_phase files_asks(const struct files *f);
/* For an entry of the plan and its path here. As committer_add(). */
int files_commit(struct files *f, size_t entry, struct group_member **m, struct file_entry *e,
                 char path[PATH_TEXT_MAX]);

/* files_leave.c */
int files_listed(struct files *f, const struct file_entry *e); /* an entry of the tree */
/* Some of what is there is left as it is. */
bool files_leaves(const struct files *f);
/* `there` is what is there of an entry; true: it is left as it is. */
bool files_leave(struct files *f, struct plan_entry *p, const struct file_entry *there);
/* All of that which a download finds here. */
void files_leave_here(struct files *f);
void files_tell_what_would_be(struct files *f);
/* To config.told(). */
void files_tell(struct files *f, enum files_event event, const struct plan_entry *p, const char *reason);

/* files_batch.c. Asks and hears what it can now. */
void files_batch_run(struct files *f);
/* Nothing of this phase is left for it. */
bool files_batch_idle(const struct files *f);
/* It is not needed for now; what was not answered waits again. */
void files_batch_end(struct files *f);
void files_batch_turn(struct files *f); /* what it waits for on the disk is there */
void files_batch_init(struct files *f);

/* files_ask.c. Adds the next question to the batch. False: nothing more can be asked now. */
bool files_ask(struct files *f);
/* Entries of this phase wait for the batch. */
bool files_is_wanted(const struct files *f);
void files_wait_again(struct files *f, size_t entry);
/* It gets a request of its own. */
void files_leave_alone(struct files *f, size_t entry);

/* files_job.c. False: it cannot be begun now; what is wrong was told by files_job_outcome(). */
bool files_job_begin(struct files *f, enum files_task task, size_t entry);
void files_job_end(struct files_job *j); /* resets its stream if there is one, keeps the part */

/* files_task.c: what the tasks are, in one table. */
enum files_side { SIDE_NONE, SIDE_OUTGOING, SIDE_INCOMING };
struct files_task_kind {
    enum files_side side; /* what it has open here */
    /* The header of an answer has come, `status` and `reason` are set. */
    enum files_outcome (*answered)(struct files_job *j, const struct mux_message *m);
    /* The stream is readable or writable, once what is here is hashed; NULL: nothing is to be done then. */
    enum files_outcome (*ready)(struct files_job *j);
    bool at_once; /* ready() does not wait for the answer */
};
extern const struct files_task_kind files_tasks[];
/* Of this side's file: the outcome of an error and of its errno, and the reason. */
enum files_outcome files_local_error(char reason[FILES_REASON_MAX], int error, int system);
/* The stream of a job was reset. */
enum files_outcome files_broken_off(struct files_job *j, uint32_t code);

/* files_local.c. Each HX_OK, or an error that was reported by files_fail(). */
int files_source(struct files *f);                      /* upload: opens what is to be sent */
int files_destination(struct files *f, bool directory); /* download: opens where it goes */
/* A few of the entries of this side's tree; HX_EAGAIN: there are more. */
int files_walk(struct files *f);
/* The target already looks like `e`: *fd is it, for reading. */
bool files_seems_same(struct files *f, const struct file_entry *e, int *fd, struct stat *st);

#endif
