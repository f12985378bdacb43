/* server/reply.h: the only place where refusals and HX_E* codes become statuses and texts. */
#ifndef HX_SERVER_REPLY_H
#define HX_SERVER_REPLY_H

#include "proto/endpoint.h"
#include "server/counters.h"
#include <stdbool.h>

struct buf;
struct request_refusal;

#define REPLY_RETRY_AFTER_S 10 /* Retry-After of 429 and 503 (RFC 9110, 10.2.3); of addresses see policy.h */
#define REPLY_OFTEN_S       1  /* the same above a rate of introductions: a token is there again by then */

struct reply {
    int status;
    const char *text;    /* one line without its end: what was wrong and what to do */
    bool head;           /* the request was a HEAD */
    bool close;          /* the connection ends after it */
    const char *headers; /* NULL, or further header lines, each ending in CRLF */
    enum counter counter;
    int retry_after_s;    /* 0: no Retry-After */
    const char *location; /* NULL, or the nameserver to be asked instead */
};

/* What S itself refuses; DESIGN section 3 has the table. */
enum reply_reason {
    REPLY_NOTHING,   /* no refusal */
    REPLY_UNKNOWN,   /* 404: nobody holds the name */
    REPLY_HELD,      /* 409: a living connection holds the name */
    REPLY_ONLY_IPV4, /* 409: the holder has no connection of the requester's family */
    REPLY_ONLY_IPV6,
    REPLY_ONLY_TCP,      /* 409: the holder is there over TCP alone */
    REPLY_ONLY_TUNNEL,   /* 409: one of the two is there through a tunnel, and one tells of no candidates */
    REPLY_TARGET,        /* 403: a tunnel leads to our own UDP ports alone */
    REPLY_NO_TUNNEL,     /* 404: one is asked for over UDT */
    REPLY_OFTEN_SOURCE,  /* 429: too many introductions of this source to this name */
    REPLY_OFTEN_NAME,    /* 429: too many introductions to this name */
    REPLY_MEMBER_HELD,   /* 409: a living member of the session has the name */
    REPLY_SESSION_FULL,  /* 409: the session has as many members as it may */
    REPLY_EXPECT,        /* 400: no session may have so many members */
    REPLY_JOINS_SOURCE,  /* 429: this source joins this session too often */
    REPLY_JOINS_SESSION, /* 429: this session is joined too often */
    REPLY_UNAUTHORIZED,  /* 401: a key must be proven, and none is named */
    REPLY_STALE,         /* 401: the proof is none, or of another challenge */
    REPLY_FORBIDDEN,     /* 403: not with that key, or nobody may */
    REPLY_OWNED,         /* 403: the name is owned by another key (--auth tofu) */
    REPLY_DEVICE_KEY,    /* 403: a shared key owns no name */
    REPLY_HOST,          /* 403: the proof is for another nameserver */
    REPLY_CLAIMS,        /* 429: too many new names of this source */
    REPLY_MAX_OWNED,     /* 503: too many owned names at all */
    REPLY_NO_CLAIM,      /* 503: the name could not be made the key's */
    REPLY_LATE,          /* 408: the request was not complete in time */
    REPLY_CUT,           /* 400: the peer's direction ended within a request */
    REPLY_PEER_LIMIT,    /* 429: too many connections of this address */
    REPLY_PEER_OFTEN,    /* 429: too many new connections of this address in the last seconds */
    REPLY_PEER_RATE,     /* 429: too many refused requests of this address in the last seconds */
    REPLY_TOTAL_LIMIT,   /* 503: too many connections at all */
    REPLY_NO_MEMORY,     /* 503 */
    REPLY_NO_ANSWER,     /* 503: the registry has not answered, or a proof had too many before it */
    REPLY_DRAINING,      /* 503: SIGTERM came, and nothing new is taken (--drain) */
    REPLY_STOPPING       /* 503: SIGTERM came */
};

/* What each says; those after which the byte stream cannot be relied on, or the connection is not wanted,
 * close. */
struct reply reply_for(enum reply_reason reason);
/* What the parser has refused. */
struct reply reply_for_refusal(const struct request_refusal *refusal);
/* The reason that fits a failure: HX_ENOTFOUND, HX_ECONFLICT, HX_ELIMIT, HX_ENOMEM ...; REPLY_NOTHING: the
 * code is no matter for an answer. */
enum reply_reason reply_reason_for(int err);

/* Appends the whole answer. HX_OK or buf_append()'s errors. */
int reply_write(struct buf *out, const struct reply *r);
/* GET /: the requester's external address and the server's version. */
int reply_write_root(struct buf *out, const struct endpoint *external, bool head, bool close);

#endif
