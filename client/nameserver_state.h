/* client/nameserver_state.h: inside of client/nameserver.h. nameserver.c: the question and its answer;
 * nameserver_way.c: by which way it is reached; nameserver_proof.c: it asks who we are. */
#ifndef HX_CLIENT_NAMESERVER_STATE_H
#define HX_CLIENT_NAMESERVER_STATE_H

#include "client/credentials.h"
#include "client/nameserver.h"
#include "client/trace.h"
#include "proto/authorization.h"
#include "proto/response.h"

#define NAMESERVER_TEXT_MAX 200 /* bytes of an explanation that are kept */

struct nameserver {
    struct engine_sink sink;
    struct timer timer; /* the answer's deadline, then silence */
    struct nameserver_callbacks callbacks;
    struct udt_port *port;
    struct approach *approach;
    struct stream *stream;  /* NULL before it has come there */
    int families;           /* that were asked for */
    bool has_ticket;        /* it has given one */
    int family;             /* FAMILY_*, once it is won */
    struct endpoint source; /* our address on the way to it, without a port */
    struct uplink uplink;   /* where its answer has arrived */
    struct buf out;
    struct credentials *credentials;
    struct trace *trace;
    struct host_port name;
    struct buf asked;                        /* until it has agreed: it may want a proof with it */
    int proofs;                              /* credentials that were tried */
    char nonce[AUTHORIZATION_NONCE_MAX + 1]; /* that it told last */
    int answer_ms;
    int rtt_ms;         /* of its connection's handshake, rather too long than too short */
    int64_t checked_ms; /* since then it is asked for a sign of life; 0: it is not */
    int asks;           /* so often */
    int status;         /* 0 before the head */
    int refusal;        /* HX_OK, or what the status means */
    int parts_error;
    struct response_reader *response;
    struct multipart_reader parts;
    char text[NAMESERVER_TEXT_MAX + 1];
    size_t text_len;
    struct attempt_report report; /* while `reporting`: it has not agreed yet */
    bool reporting, reported;
    bool leaving; /* its owner has left: see nameserver_leave() */
    struct engine_member member;
};

/* It is connected: by one of its addresses, or through a tunnel. */
void nameserver_note_way(struct nameserver *n, bool tunnelled);
/* Tells who traces that it is open. */
void nameserver_trace_open(const struct nameserver *n, bool tunnelled);

/* Its answer is whole: if that asks for a proof that we have, the question is in n->out once more, with that,
 * and true. */
bool nameserver_prove(struct nameserver *n);
/* Instead of what it says of a refusal itself. */
void nameserver_explain(const struct nameserver *n, char out[CREDENTIALS_TEXT_MAX]);
/* For the next answer. HX_OK, HX_ENOMEM. */
int nameserver_expect(struct nameserver *n);

#endif
