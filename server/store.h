/* server/store.h: the process beside the one that serves. That one is in its sandbox, may open no file and
 * must never wait for a disk; so the store does it: it reads again what may change while the server runs,
 * keeps who owns which name, and writes transcripts.
 *
 *     hx-nameserver ── SOCK_SEQPACKET, server/store_message.h ── store (server/store_process.h)
 *       the loop: never waits                                      one thread, waits for the disk
 *
 * It is forked before there are threads, is of the server's user, has a sandbox of its own, and ends with the
 * server. If it ends before that, or says what no store says, it is gone: that is logged, nothing that is held
 * is harmed, and what is asked of it fails with HX_ECLOSED. */
#ifndef HX_SERVER_STORE_H
#define HX_SERVER_STORE_H

#include "server/store_message.h"
#include <stdbool.h>

#define STORE_PENDING_MAX  4096      /* claims and the like that are not answered yet */
#define STORE_QUEUE_MAX    (4 << 20) /* bytes that wait for the store to take them */
#define STORE_WRITES_MAX   (1 << 20) /* with more than these before it a transcript's piece is dropped */
#define STORE_ANSWER_MS    10000     /* a disk that takes longer has failed, for who waits */
#define STORE_TURN_MAX     8         /* messages taken in one turn: rules are parsed as they come */
#define STORE_LOAD_MS      120000    /* all owners at the start */
#define STORE_REAP_MS      20        /* between two looks at how it has ended, ... */
#define STORE_REAP_TRIES   50        /* so often, and then each STORE_REAP_LATE_MS */
#define STORE_REAP_LATE_MS 1000
#define STORE_END_MS       3000 /* for what it has not written yet, when the server ends */

struct loop;
struct privileges_user;
struct store;

struct store_config {        /* what it points to stays the caller's, and must live as long as the store */
    const char *config_path; /* of --config; NULL: there is none, and so on */
    const char *auth_path;
    const char *auth_db;
    const char *transcripts;            /* a directory */
    int64_t transcripts_max;            /* bytes of all of them; 0: unlimited */
    const struct privileges_user *user; /* whom to become; NULL: nobody else */
    bool no_sandbox;
};

/* Called from store_load(), store_turn() and in the loop. They may ask the store for more. */
struct store_text_events {
    void (*piece)(void *user, enum store_text which, const void *data, size_t len);
    /* `which`: bits of what has been read. `error`: why it could not be; "": it could. */
    void (*read_end)(void *user, int which, const char *error);
    void *user;
};
struct store_owner_events {
    /* From the database: at the start, and when a claim was somebody else's already, or has taken so long
     * that it was given up. */
    void (*owned)(void *user, const char *name, const uint8_t key[STORE_KEY_BYTES]);
    /* HX_OK: it is on the disk; HX_ECONFLICT: it is another's, who is told of by `owned` next; HX_ESYS: the
     * database does not take it; HX_ECLOSED; HX_ETIMEDOUT. */
    void (*claimed)(void *user, const char *name, int result);
    void (*forgotten)(void *user, const char *name); /* by somebody else */
    void *user;
};

/* HX_OK; HX_ENOMEM; HX_ESYS with errno: there can be no further process. */
int store_start(struct store **out, const struct store_config *config);
/* NULL: nobody. They must live as long as the store. */
void store_tell_texts(struct store *s, const struct store_text_events *events);
void store_tell_owners(struct store *s, const struct store_owner_events *events);
/* Before the sandbox: waits until it is ready and has told of all owners. HX_OK, also if their database
 * cannot be used, which is logged: then no claim succeeds; HX_ECLOSED: it has died, which is logged as well;
 * HX_ETIMEDOUT. */
int store_load(struct store *s);
/* HX_OK, HX_ENOMEM, HX_ESYS. */
int store_begin(struct store *s, struct loop *loop);
/* Before the loop is destroyed; nobody is told of anything any more. */
void store_leave(struct store *s);

/* The texts of `which` (enum store_text) are to be read again; while they are, it is noted that they shall be
 * once more. HX_OK or HX_ECLOSED. */
int store_read(struct store *s, int which);

/* HX_OK: `claimed` follows, and not from here; else it does not: HX_ECLOSED, HX_ELIMIT, HX_ENOMEM,
 * HX_EINVAL. */
int store_claim(struct store *s, const char *name, const uint8_t key[STORE_KEY_BYTES]);
/* HX_OK: it is on its way. Same errors. */
int store_forget(struct store *s, const char *name);

/* A piece of the transcript of this name (server/store_transcripts.c has its letters), at most STORE_VALUE_MAX
 * bytes. HX_OK; HX_EAGAIN: the store is behind, and it is dropped; HX_ECLOSED; HX_ENOMEM. */
int store_write(struct store *s, enum store_write what, const char *name, const void *data, size_t len);

/* Ends claims that have waited for too long. */
void store_turn(struct store *s, int64_t now_ms);
int64_t store_next_ms(const struct store *s); /* when that is due; -1: never */
bool store_lives(const struct store *s);
/* Whether the database can be used, as far as is known. */
bool store_owners_usable(const struct store *s);

/* Waits for what it has not written yet, for STORE_END_MS at most, and frees `s`. NULL is fine. */
void store_end(struct store *s);

#endif
