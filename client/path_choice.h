/* client/path_choice.h: which of the paths to a peer is used, and when each one is asked whether it works. A
 * pure state machine: no I/O, no clock of its own.
 *
 *            connected         sent, and nothing heard
 *   SEEKING ───────────► GOOD ────────────────────────► CHECKING
 *                        ▲  ▲                              │ not answered
 *                        │  └──── heard, or answered ──────┤
 *                        └─ an answer on any path ─ LOST ◄─┘
 *
 * SEEKING: UDT's handshake leaves on every path, and so do requests. A connection may be made before any of
 * them is answered: then the path that the peer was last heard on is used, until one has been.
 * GOOD: the path in use works. The others that work are asked now and then, and one that is clearly better is
 * used instead.
 * CHECKING: the path in use alone is asked.
 * LOST: all of them are, and other ways are looked for. Whichever answers first is used.
 *
 * A path is used only when an answer came over it (as RFC 9000, 8.2, has it), or if nothing better is known.
 * Both sides choose for themselves what they send on, and take what comes on any path. */
#ifndef HX_CLIENT_PATH_CHOICE_H
#define HX_CLIENT_PATH_CHOICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATH_CHOICE_MAX 16 /* paths to one peer */
#define PATH_ASKED_MAX  4  /* requests of one path whose answers are awaited */

#define PATH_BURST_MS   10000 /* a path that never answers is asked for so long, ... */
#define PATH_BURST_MOST 16    /* ... and not more often */
#define PATH_FLOW_MS    1000  /* between two requests of a path that works, while data flows; */
#define PATH_IDLE_MS \
    15000 /* while none does: a NAT keeps a mapping for 30 s or more (RFC 4787, REQ-5: 2 min) */
#define PATH_ASK_MS     300  /* sent, and nothing heard for so long, or for two round trips: it is asked */
#define PATH_SILENCE_MS 1000 /* sent, and nothing heard for so long, or for four round trips: it is checked */
#define PATH_ANSWER_MS  300  /* asked, and not answered for so long, or for two round trips: lost */
#define PATH_TRIES_LOST 6    /* or for so many requests, whatever else is heard: it may lead one way only */
#define PATH_NEED_ONE   256  /* `need` of a path that loses nothing; these last two grow with it */
#define PATH_NEED_MOST  (8 * PATH_NEED_ONE)

enum path_state { PATHS_SEEKING, PATHS_GOOD, PATHS_CHECKING, PATHS_LOST };

/* In the order in which one is preferred where two are as fast; a relayed one is used as long as no other
 * works, whatever the round trips. */
enum path_rank {
    PATH_RANK_LAN,
    PATH_RANK_IPV6,
    PATH_RANK_DIRECT,
    PATH_RANK_MAPPED,
    PATH_RANK_RELAYED,
    PATH_RANKS
};

struct path_times {
    bool present;
    enum path_rank rank;
    bool heard;          /* an authentic request came over it */
    bool failed;         /* it was in use, and another one is now because it did not answer */
    int64_t answered_ms; /* the last answer; 0: none yet */
    int64_t asked_ms;    /* the last request; 0: none yet */
    int64_t due_ms;      /* the next one; INT64_MAX: none */
    int64_t burst_ms;    /* when the first of these left: */
    int tries;           /* requests without an answer */
    int spent;           /* requests before the first answer ever */
    int answers;         /* in a row */
    int loss;            /* of requests or answers, smoothed, in 65536ths */
    int need;            /* requests for each answer, smoothed, in 256ths */
    int64_t rtt_us;      /* smoothed (RFC 6298); 0: not measured */
    int64_t least_us;    /* the shortest of late: a queue of our own making is no fault of the path */
    int64_t least_ms;    /* when that was */
    struct {
        uint64_t number; /* 0: none */
        int64_t sent_us;
        int tries; /* without an answer, with this one */
    } asked[PATH_ASKED_MAX];
    unsigned asked_next;
};

/* What shim/net has seen of the connection's datagrams. */
struct path_traffic {
    int64_t heard_ms;      /* the last that came over the path in use; 0: none */
    int64_t unanswered_ms; /* the first that was sent since one came, over any; 0: none */
    uint64_t count;        /* both ways */
};

struct path_choice {
    enum path_state state; /* changed by enter() alone */
    int64_t entered_ms;
    struct path_times paths[PATH_CHOICE_MAX];
    int used;            /* -1: none */
    int64_t switched_ms; /* when it began to be used */
    bool flows;          /* data does */
    bool waits;          /* something was sent, and nothing heard since, at the last look, ... */
    int64_t waits_ms;    /* ... since then */
    uint64_t count;      /* of the traffic at the last look */
    int64_t counted_ms;
};

void path_choice_init(struct path_choice *c, int64_t now_ms);
/* A new path: its place, to be asked at once; -1: there is no room. */
int path_choice_add(struct path_choice *c, enum path_rank rank, int64_t now_ms);
void path_choice_remove(struct path_choice *c, int at);
/* Somebody who knows says that the peer is there: it is asked as if it were new. */
void path_choice_told(struct path_choice *c, int at, int64_t now_ms);
/* It may be anybody's address: it is asked as often as it asks itself. */
void path_choice_unexpected(struct path_choice *c, int at);
/* The one that is worth least, to make room: it is not in use, and neither heard nor answered now. -1:
 * there is none. */
int path_choice_least(const struct path_choice *c, int64_t now_ms);

/* UDT is connected, and the peer was last heard on path `at`, -1: not known. */
void path_choice_connected(struct path_choice *c, int at, int64_t now_ms);
/* Time has passed, with this traffic. */
void path_choice_look(struct path_choice *c, const struct path_traffic *t, int64_t now_ms);
/* A path to be asked now; -1: none. Its request is then told: */
int path_choice_next(const struct path_choice *c, int64_t now_ms);
void path_choice_asked(struct path_choice *c, int at, uint64_t number, int64_t now_us);
/* An authentic answer came over `at`, to the request `number`. False: that was not awaited. */
bool path_choice_answered(struct path_choice *c, int at, uint64_t number, int64_t now_us);
/* An authentic request came over `at`: an answer may come, too. It is worth one more of ours. */
void path_choice_heard(struct path_choice *c, int at, int64_t now_ms);
/* This host's network has changed, or the peer's has: any path may have ended. */
void path_choice_moved(struct path_choice *c, int64_t now_ms);
/* The application has something to say after a silence: the path in use is asked before it is relied on. */
void path_choice_wakes(struct path_choice *c, int64_t now_ms);
/* The path in use is a relayed one. */
bool path_choice_relayed(const struct path_choice *c);
/* When path_choice_look() and path_choice_next() are worth a call again. */
int64_t path_choice_due_ms(const struct path_choice *c, int64_t now_ms);

#endif
