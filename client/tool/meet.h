/* client/tool/meet.h: inside of hx meet. cmd_meet.c: joins, waits until all are there, and ends; meet_tell.c:
 * what is said of that; meet_out.c: standard output; meet_member.c: a connection, as a part of the group
 * pipe; meet_command.c: the command of one instead; meet_ends.c: what ends beside the loop. All in the
 * loop's thread. */
#ifndef HX_CLIENT_TOOL_MEET_H
#define HX_CLIENT_TOOL_MEET_H

#include "client/hx.h"
#include "client/tool/args.h"
#include "client/tool/backlog.h"
#include "client/tool/meet_queue.h"
#include "client/tool/member_lines.h"
#include "client/tool/roster.h"
#include <ev.h>
#include <stdbool.h>

#define MEET_READ_MAX 16384 /* bytes of a member, or of standard input, before the others get their turn */
#define MEET_READS    4     /* such reads */

struct meet;

/* What ends beside the loop: hx_close() waits until the member has all, a command has some time to end. */
struct meet_ends {
    pthread_mutex_t mutex;
    pthread_cond_t gone;
    struct meet_end *over; /* the loop has not taken them yet */
    int count;             /* of those that are not over */
};

struct meet_out {
    ev_io writable;
    struct buf bytes;
    enum member_form form;
    bool is_file;
    bool held; /* members wait until it is not full */
};

struct member {
    struct meet *meet;
    struct member *prev, *next;
    struct hx_stream *stream;
    char name[HX_NAME_MAX + 1];
    ev_io readable, writable;
    bool heard; /* it has said something */
    bool ended; /* it has ended its direction, and all of that was read */
    bool shut;  /* we have ended ours */
    bool piped; /* it takes what standard input says */
    struct member_lines lines;
    ev_timer partial; /* a line's beginning is shown after some time, on a terminal */
    struct backlog_reader reader;
    struct member_command *command; /* with --exec, from meet.begun on */
};

struct meet {
    const struct args *args;
    const char *own; /* our name */
    struct ev_loop *loop;
    struct hx_group *group;
    ev_io interrupt, connected, input;
    ev_async told, end; /* they only wake the loop */
    ev_prepare settle;  /* looks what follows from what has happened, before the loop sleeps */
    ev_timer deadline;  /* of --timeout */
    ev_timer slow;      /* looks whom standard input waits for */
    struct meet_queue queue;
    struct meet_ends ends;
    struct meet_out out;
    struct roster roster;
    struct backlog backlog;
    struct member *members;
    bool begun;       /* all were there, or as many as came in time */
    bool input_ended; /* or there is none, with --exec */
    bool nobody_told; /* that standard input went to nobody */
    bool failed;      /* something has not arrived, or a command has failed */
    int status;       /* once it is over */
};

/* cmd_meet.c */
void meet_stop(struct meet *m, int status);

/* meet_member.c. Each of them frees no other member than its own. */
void member_add(struct meet *m, struct hx_stream *s); /* owns it */
/* The group pipe, or its command, begins. */
void member_begin(struct member *p);
void member_write(struct member *p); /* there may be more of the backlog */
void member_watch(struct member *p); /* anew: what it waits for */
/* What is wrong with its stream; it is freed. */
void member_lose(struct member *p, int error);
/* Both directions are whole on our side; it is freed. */
void member_finish(struct member *p);
/* Of who has kept all others waiting. */
void member_drop(struct member *p);
void member_abandon(struct member *p); /* nothing is told; it is freed */

/* meet_command.c */
int member_command_start(struct member *p, const char *command); /* HX_ESYS (errno), HX_ENOMEM */
void member_command_settle(struct member *p);                    /* bytes may pass; may free `p` */
bool member_command_reads(const struct member *p);               /* it takes bytes of the stream */
bool member_command_writes(const struct member *p);              /* it has bytes for it */
void member_command_end(struct member *p); /* hung up if it still runs. NULL command: nothing */

/* meet_ends.c */
void meet_ends_init(struct meet_ends *e);
/* Closes the stream of member NAME, which is ended on both sides, in a thread. */
void meet_close(struct meet *m, struct hx_stream *s, const char *name);
struct child;
void meet_hang_up(struct meet *m, struct child *c);
void meet_ends_take(struct meet *m); /* those that are over: what has not arrived is told */
bool meet_ends_pending(struct meet *m);
void meet_ends_wait(struct meet *m); /* for those that a signal makes end, for some seconds */

/* meet_out.c */
void meet_out_init(struct meet *m);
bool meet_out_full(const struct meet *m); /* members have to wait */
/* Writes what has been added to out.bytes, as far as somebody takes it; a failure stops hx meet. */
void meet_out_flush(struct meet *m);

/* meet_tell.c */
/* hx_config.on_event; `user` is the struct meet. */
void meet_on_event(void *user, const struct hx_event_info *info);
void meet_tell_events(struct meet *m);
void meet_tell_connected(struct meet *m, struct hx_stream *s);
void meet_tell_begun(struct meet *m, bool all);
void meet_tell_ended(struct meet *m, const char *name);
/* NULL: in order. */
void meet_tell_gone(struct meet *m, const char *name, const char *reason);
void meet_tell_command(struct meet *m, const char *name, int status);
void meet_tell_timeout(struct meet *m);
/* False: that is nothing of a group's alone. */
bool meet_tell_join_failure(struct meet *m, int error, const char *nameserver);

#endif
