/* client/files/files_parts.h: inside of client/files/files.h. files.c: what is next, files_phase.c: of the
 * plan, files_outcome.c: after what has become of it; files_leave.c: what is left out or as it is;
 * files_job.c: one entry on its way, files_task.c: what it does there; files_request.c, files_answer.c:
 * the words that it sends and hears; files_batch.c, files_ask.c, files_question.c: many small ones;
 * files_local.c: this side's directory. */
#ifndef HX_CLIENT_FILES_FILES_PARTS_H
#define HX_CLIENT_FILES_FILES_PARTS_H

#include "client/files/batch_io.h"
#include "client/files/beneath.h"
#include "client/files/file_sum.h"
#include "client/files/files.h"
#include "client/files/group.h"
#include "client/files/incoming.h"
#include "client/files/outgoing.h"
#include "client/files/plan.h"
#include "client/files/turn.h"
#include "client/files/walk.h"

enum files_phase {
    PHASE_LOOK,       /* what is at the remote path? */
    PHASE_LIST,       /* what is in the tree? */
    PHASE_ASKED,      /* shall it be copied? */
    PHASE_MAKE,       /* the directories */
    PHASE_MOVE,       /* the files */
    PHASE_LINK,       /* the symbolic links */
    PHASE_ATTRIBUTES, /* the directories' permissions and times, from the deepest one up */
    PHASE_OVER
};

enum files_task {
    TASK_LOOK,       /* what is at the remote path? */
    TASK_LIST,       /* what is in the directory there? */
    TASK_MAKE,       /* a directory */
    TASK_ATTRIBUTES, /* of a directory */
    TASK_LINK,       /* a symbolic link */
    TASK_ASK,        /* what is there of a file, before it is sent */
    TASK_COMPARE,    /* the sums of both sides' files */
    TASK_GET,
    TASK_PUT
};

enum files_outcome {
    OUTCOME_NONE,    /* it goes on */
    OUTCOME_HASHING, /* it goes on in the next turn of the loop */
    OUTCOME_DONE,
    OUTCOME_LEFT,    /* there is nothing to do */
    OUTCOME_FOLLOW,  /* another request for the same entry: job.follow */
    OUTCOME_AGAIN,   /* once more, a few times */
    OUTCOME_CHANGES, /* once more, later: who changes the source may be done with it then */
    OUTCOME_BUSY,    /* once more, later */
    OUTCOME_FAILED,  /* for `reason` */
    OUTCOME_OVER,    /* likewise, and nothing more shall be copied */
};

struct files_offers { /* what a peer's version knows: it says so in its answers to HEAD */
    bool batch, keyed_sums, holes, links;
};

struct files_answer {        /* the header of one */
    int status;              /* 0 before it came */
    struct file_entry there; /* what it tells of, without path; type 's': of nothing */
    bool valid;              /* its fields are well-formed */
};

struct files_target {  /* where a copy goes */
    bool slash;        /* as it was written, it ends with one */
    bool must;         /* it has to be a directory, whatever is copied */
    bool exists, into; /* it is there; as a directory */
};

struct files_follow { /* of OUTCOME_FOLLOW */
    enum files_task task;
    int64_t offset;
};

struct files_job {
    ev_timer timer; /* first: the loop gives it back; turns of hashing */
    struct files *files;
    struct mux_stream *stream; /* NULL: the slot is free */
    size_t entry;              /* of the plan */
    enum files_task task;
    bool clean;              /* both directions of the stream have ended: it needs no reset */
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

#define FILES_CHANGES     "it changes while it is read"
#define FILES_HAS_CHANGED "has changed while it was copied: it is copied anew"
#define FILES_HELD_OTHER  "what was held of it is of another file: it is copied anew"

#define BATCH_ASKED_MAX 4096 /* that are not answered yet */

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

/* files_phase.c: of entries, one after the other. */
struct files_phase_kind {
    char type; /* of what has this phase */
    enum files_task task;
    enum files_phase next;
    bool backwards; /* what is in a directory comes before the directory */
};
extern const struct files_phase_kind files_phases[];
void files_phase_begins(struct plan *p, enum files_phase phase);
/* The place of an entry in the order of a phase, and the entry of a place. */
size_t files_place(const struct plan *p, enum files_phase phase, size_t entry);
/* The first place from `place` on whose entry waits for the phase; p->count: there is none. */
size_t files_next_waiting(const struct plan *p, enum files_phase phase, size_t place);

/* files_outcome.c */
bool files_waits(enum files_outcome outcome); /* for another try: that is not at once */
/* What is tried again is so a few times; a source that changes, as long as the user has patience, too:
 * truncate(2) of a large file takes seconds, and shows the new size long before the new time. */
bool files_is_last_try(struct plan_entry *e, enum files_outcome outcome, int64_t changes_ms);
void files_forget_tries(struct plan *p); /* a connection that broke is not a file's fault */
void files_note_busy(struct files_state *s, enum files_outcome outcome, const char *reason, bool attached);
void files_note_done(struct files_state *s, struct plan_entry *e);
/* What is there, a file, stays as it is; so the entry is none of those that are copied. */
bool files_is_left(const struct files_config *c, const struct plan_entry *e, const struct file_entry *there);
void files_note_left(struct files_state *s, struct plan *p, struct plan_entry *e);

/* files_leave.c */
int files_listed(struct files *f, const struct file_entry *e); /* an entry of the tree */
const char *files_skip_reason(enum skip why);
const char *files_path_reason(int error); /* of path_clean() */
/* The rules of cp: why this cannot be copied there; NULL: it can. */
const char *files_target_refusal(const struct files_target *t, bool directory);
enum files_fate {
    FATE_COPIED,
    FATE_EXCLUDED,
    FATE_LINK,    /* left out, as links are, or as it leads out of the tree */
    FATE_SKIPPED, /* for what it is: files_skip_reason() */
    FATE_REFUSED, /* a link, and the destination's version knows none */
};
/* What becomes of an entry of a tree. *uncounted grows if it is none of those that are told as skipped,
 * although the end of the listing counts it. */
enum files_fate files_fate(const struct files_config *c, const struct file_entry *e, bool takes_links,
                           uint64_t *uncounted);
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

/* files_question.c. As mux_request(); `follow`: symbolic links. */
int files_batch_request(struct mux *m, struct mux_stream **out, bool follow,
                        const struct mux_stream_events *events, void *user);
/* Adds the line that asks for `type` of an entry. HX_ETOOBIG, HX_ENOMEM. */
int files_question(struct buf *out, char type, const struct file_entry *e);
/* The line of the answer to that, of a file of that size, has come: what follows it is expected.
 * HX_EPROTO. */
int files_take_line(struct batch_input *in, struct batch_answer *a, char type, int64_t size,
                    char reason[FILES_REASON_MAX]);
/* It takes a request of its own: it is another file than was listed, or that may end an older one's PUT. */
bool files_is_alone(char type, int status);

/* files_job.c. False: it cannot be begun now; what is wrong was told by files_job_outcome(). */
bool files_job_begin(struct files *f, enum files_task task, size_t entry);
void files_job_end(struct files_job *j); /* resets its stream if there is one, keeps the part */

/* files_task.c: what the tasks are, in one table. */
enum files_side { SIDE_NONE, SIDE_OUTGOING, SIDE_INCOMING };
struct files_task_kind {
    const char *method;
    bool whole;           /* of the remote path itself: no entry of the plan */
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

/* files_request.c: what a job asks the peer for. As mux_request(). */
int files_request(struct files_job *j, int64_t offset, const struct mux_stream_events *events);
struct files_ask {
    enum files_task task;
    const struct file_entry *e; /* its path is the peer's */
    int64_t offset;
    bool holes;                       /* the body has extents, or may have */
    enum links links;                 /* of what is read there */
    const struct file_sum_kind *kind; /* NULL is fine, as below */
    const struct copy_name *copy;
};
/* As mux_request(); HX_ETOOBIG. */
int files_ask_peer(struct mux *m, struct mux_stream **out, const struct files_ask *a,
                   const struct mux_stream_events *events, void *user);

/* files_answer.c */
enum files_outcome files_because(char reason[FILES_REASON_MAX], enum files_outcome outcome, const char *text);
/* Without its events; reset unless both directions have ended. */
void files_let_go(struct mux_stream *s, bool ended);
/* The status of an answer, and its reason; what a status means for the entry. */
int files_status(const struct mux_message *m, char reason[FILES_REASON_MAX]);
enum files_outcome files_verdict(int status, bool put);
/* The text of a link goes to `target`; NULL: none is expected. */
void files_take_answer(struct files_answer *a, const struct mux_message *m, char target[PATH_TEXT_MAX],
                       char reason[FILES_REASON_MAX]);
void files_take_offers(struct files_offers *o, const struct mux_message *m);
bool files_found(const struct files_answer *a); /* the fields say what is there */
/* The verdict about what has 201 if all is well; of other successes it can only be that something is
 * wrong. */
enum files_outcome files_ended(const struct files_answer *a, bool put, char reason[FILES_REASON_MAX]);
/* Of TASK_LIST; of TASK_ASK: what follows is TASK_COMPARE or TASK_PUT. */
enum files_outcome files_list_begins(const struct files_answer *a, char reason[FILES_REASON_MAX]);
enum files_outcome files_asked(const struct files_answer *a, const struct mux_message *m,
                               const struct plan_entry *e, struct files_follow *follow,
                               char reason[FILES_REASON_MAX]);
/* What has come of a listing, into `r`. OUTCOME_NONE: more is to come; OUTCOME_DONE: it is whole. */
enum files_outcome files_read_listing(struct mux_stream *s, struct listing_reader *r,
                                      char reason[FILES_REASON_MAX]);

/* files_local.c. Each HX_OK, or an error that was reported by files_fail(). */
int files_source(struct files *f);                      /* upload: opens what is to be sent */
int files_destination(struct files *f, bool directory); /* download: opens where it goes */
/* A few of the entries of this side's tree; HX_EAGAIN: there are more. */
int files_walk(struct files *f);
/* The target already looks like `e`: *fd is it, for reading. */
bool files_seems_same(struct files *f, const struct file_entry *e, int *fd, struct stat *st);

#endif
