/* client/files/between_parts.h: inside of client/files/between.h. between.c: phases and what is next;
 * between_sources.c: what is copied, and where to; between_job.c: one entry's requests; between_pipe.c: its
 * bytes; between_batch.c: many small ones. */
#ifndef HX_CLIENT_FILES_BETWEEN_PARTS_H
#define HX_CLIENT_FILES_BETWEEN_PARTS_H

#include "client/files/between.h"
#include "client/files/files_shared.h"

struct between_source { /* there are as many as a pattern has matches */
    char *from, *to;
    char *leaf;
    char *target;                  /* of a link */
    struct between_source *before; /* an earlier one of the same leaf that is copied; NULL: there is none */
    bool slash;                    /* its path ends with one */
    bool fresh;                    /* nothing is at `to` */
    bool out;                      /* it is not copied; that was told */
    uint8_t state;                 /* enum plan_state, of looking at it */
    uint8_t tries;                 /* of looking at it and listing it, with these connections */
    struct file_entry base;        /* without path */
    size_t first;                  /* of the plan: this one's entries begin there */
};

struct between_leg {
    struct between_job *job;
    struct mux_stream *stream; /* NULL: none */
    bool clean;                /* both directions have ended: it needs no reset */
    bool over;                 /* all that it says was read */
    bool changed;              /* what is put has */
    struct files_answer answer;
    size_t sum_len; /* of TASK_COMPARE */
    uint8_t sum[DIGEST_BYTES + 1];
};

struct between_job {
    ev_timer turn; /* first: the loop gives it back; of the pipe */
    struct between *all;
    bool busy;
    enum files_task task;
    size_t entry; /* of the plan; of TASK_LOOK and TASK_LIST, a source; or BETWEEN_TARGET */
    int64_t offset, piped;
    struct file_sum_kind kind;
    struct files_follow follow;
    struct between_leg legs[BETWEEN_SIDES];
    char reason[FILES_REASON_MAX];
};

#define BETWEEN_TARGET SIZE_MAX

struct between_item {
    size_t entry;
    char type;   /* of client/files/batch.h */
    size_t pair; /* of 'h' */
};

struct between_pair { /* of both sides' sums */
    int heard;
    bool differs;
    uint8_t sum[DIGEST_BYTES];
};

struct between_asked { /* one side's batch */
    struct between *all;
    struct mux_stream *stream; /* NULL: none now */
    bool open;                 /* io is */
    struct batch_io io;
    struct between_item items[BATCH_ASKED_MAX]; /* a ring */
    size_t first, count;
    bool answered; /* the line of the first one's answer has come, bytes follow */
    struct batch_answer answer;
    char reason[FILES_REASON_MAX];
};

struct between_batch {
    ev_timer turn;
    bool off;     /* a peer knows none, or they do not work: single requests do all */
    bool resting; /* until the next kick */
    bool broken;
    int failures; /* since something was answered */
    size_t next;  /* of the plan, in this phase */
    /* What differs is put only when all sums are compared: a peer has what was put on its disk before it
     * makes a sum, and many files get there faster together than each on its own. So some entries wait,
     * the first of them at the place `later`. */
    bool again;
    size_t later;
    struct between_asked asked[BETWEEN_SIDES];
    struct between_pair pairs[BATCH_ASKED_MAX]; /* a ring; both sides are asked in the same order */
    size_t pairs_made;
};

struct between_end {
    struct mux *mux; /* NULL: detached */
    struct files_offers offers;
};

struct between {
    struct between_config config;
    struct between_end ends[BETWEEN_SIDES];
    ev_timer kick;
    enum files_phase phase;
    struct between_source *sources;
    size_t count;
    char target[PATH_TEXT_MAX];
    struct files_target to;
    uint8_t target_state; /* enum plan_state, of looking at it */
    uint8_t target_tries;
    struct plan plan;
    size_t next;    /* of the plan, in this phase */
    size_t listing; /* source whose entries come now */
    struct listing_reader *reader;
    uint64_t uncounted; /* of its listing, as files_fate() says */
    size_t running;
    struct files_state state;
    struct between_job jobs[FILES_JOBS]; /* each takes a request of both sides: SHARE_JOBS_MAX bounds those */
    struct between_batch batch;
};

/* between.c */
void between_kick(struct between *b, double seconds);
void between_report(struct between *b, enum between_side side, const char *path, const char *reason);
/* To config.told(), of what is in no plan. */
void between_tell(struct between *b, enum files_event event, const char *path, const char *reason);
/* Of an entry of the plan. */
void between_tell_entry(struct between *b, size_t entry, enum files_event event, const char *reason);
/* What came of a job. */
void between_outcome(struct between *b, struct between_job *j, enum files_outcome outcome);
/* The source of an entry; what it is on that side, as plan_describe(). */
struct between_source *between_source_of(struct between *b, size_t entry);
int between_entry(struct between *b, size_t entry, enum between_side side, char path[PATH_TEXT_MAX],
                  struct file_entry *out);

/* The same of an entry. `side`: whose fault it is. */
void between_entry_outcome(struct between *b, size_t entry, enum between_side side,
                           enum files_outcome outcome, const char *reason);

/* between_batch.c */
void between_batch_init(struct between *b);
void between_batch_run(struct between *b); /* asks and hears what it can */
void between_batch_end(struct between *b); /* what was not answered waits again */
bool between_batch_idle(const struct between *b);
bool between_batch_takes(struct between *b, size_t entry); /* it needs no request of its own */

/* between_sources.c */
int between_sources(struct between *b); /* from the configuration */
void between_sources_free(struct between *b);
void between_looked(struct between *b, const struct between_job *j, int status, const struct file_entry *e);
void between_choose(struct between *b); /* where each one goes */
int between_listed(void *between, const struct file_entry *e);
void between_source_fails(struct between *b, struct between_source *s, enum between_side side,
                          const char *reason);

/* between_job.c. False: not now. */
bool between_begin(struct between *b, enum files_task task, size_t entry, int64_t offset);
void between_end(struct between_job *j);       /* resets what is open */
void between_release(struct between_leg *leg); /* its stream, as files_let_go() */
void between_conclude(struct between_job *j, enum files_outcome outcome);

/* between_pipe.c: what both legs of TASK_GET and TASK_COMPARE have. */
enum files_outcome between_pipe(struct between_job *j);
enum files_outcome between_compare(struct between_job *j);

#endif
