/* proto/candidates.h: a peer, which is the addresses that it may be reached at (RFC 8445: its candidates). No
 * I/O, no allocation.
 *
 * The text of one is "IP:PORT KIND", behind which there may be parameters ("; name=value") that its reader
 * does not know and ignores. */
#ifndef HX_PROTO_CANDIDATES_H
#define HX_PROTO_CANDIDATES_H

#include "proto/endpoint.h"

#define CANDIDATES_MAX      16 /* of one peer; each costs its packets */
#define CANDIDATES_TOLD_MAX 8  /* that one peer tells another through the nameserver */
#define CANDIDATE_TEXT_MAX  (ENDPOINT_TEXT_MAX + 8)

/* RFC 8445, 5.1.1 */
enum candidate_kind {
    CANDIDATE_SRFLX,  /* server-reflexive: as a server outside saw the peer */
    CANDIDATE_HOST,   /* of one of its interfaces */
    CANDIDATE_MAPPED, /* its router's, which was asked for it (PCP, NAT-PMP, UPnP) */
    CANDIDATE_PRFLX   /* peer-reflexive: as the other peer saw it; has no text */
};

struct candidate {
    struct endpoint at;
    enum candidate_kind kind;
    bool host_too; /* it was added as a host candidate later: what a server saw is the peer's own address */
};

struct candidates { /* zeroed: none */
    /* Each address once; a peer's first is the one that the nameserver saw itself. */
    struct candidate list[CANDIDATES_MAX];
    size_t count;
};

/* One more, unless its address is there already, which keeps its kind. HX_OK; HX_ELIMIT: there is no room. */
int candidates_add(struct candidates *c, const struct endpoint *e, enum candidate_kind kind);
/* Has a server seen the two at one address? Host candidates prove nothing: private addresses are many
 * hosts'. */
bool candidates_meet(const struct candidates *a, const struct candidates *b);

/* The whole of text[0..len) must be one candidate of a kind that we know. HX_OK or HX_EPROTO; *out untouched
 * on error. */
int candidate_parse(struct candidate *out, const char *text, size_t len);
/* Writes the NUL-terminated text and returns its length; 0 and "" for one that has no text. */
size_t candidate_format(const struct candidate *c, char text[CANDIDATE_TEXT_MAX]);

#endif
