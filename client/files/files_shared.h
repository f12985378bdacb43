/* client/files/files_shared.h: what every hx cp has, from here and to here (client/files/files_parts.h)
 * and from one peer to another (client/files/between_parts.h): its phases and tasks, what a request and
 * its answer say, and what follows from that. */
#ifndef HX_CLIENT_FILES_FILES_SHARED_H
#define HX_CLIENT_FILES_FILES_SHARED_H

#include "client/files/batch_io.h"
#include "client/files/file_sum.h"
#include "client/files/files.h"
#include "client/files/plan.h"
#include "client/files/turn.h"

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
    OUTCOME_FOLLOW,  /* another request for the same entry: struct files_follow */
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

#define FILES_CHANGES     "it changes while it is read"
#define FILES_HAS_CHANGED "has changed while it was copied: it is copied anew"
#define FILES_HELD_OTHER  "what was held of it is of another file: it is copied anew"

#define BATCH_ASKED_MAX 4096 /* questions of a batch that are not answered yet */

/* files_request.c */
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
bool files_is_whole(enum files_task task); /* of the remote path itself: no entry of the plan */

/* files_answer.c */
enum files_outcome files_because(char reason[FILES_REASON_MAX], enum files_outcome outcome, const char *text);
/* Without its events; reset unless both directions have ended. `changed`: what is put has, so nobody will ask
 * for the part that the peer has of it. */
void files_let_go(struct mux_stream *s, bool ended, bool changed);
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
/* Likewise of looking and listing, on which all hangs: the last of so many tries has failed. */
enum files_outcome files_of_tries(uint8_t *tries, enum files_outcome outcome);
void files_forget_tries(struct plan *p); /* a connection that broke is not a file's fault */
void files_note_busy(struct files_state *s, enum files_outcome outcome, const char *reason, bool attached);
void files_note_done(struct files_state *s, struct plan_entry *e);
/* What is there, a file, stays as it is; so the entry is none of those that are copied. */
bool files_is_left(const struct files_config *c, const struct plan_entry *e, const struct file_entry *there);
void files_note_left(struct files_state *s, struct plan *p, struct plan_entry *e);

/* files_rules.c */
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

#endif
