/* proto/request_proof.h: what a request says of who sends it (proto/authorization.h), and those of its bytes
 * that the proof is over. Kept only by a parser that is asked to (request_parser_read_proofs()). */
#ifndef HX_PROTO_REQUEST_PROOF_H
#define HX_PROTO_REQUEST_PROOF_H

#include "proto/authorization.h"

struct request_proof { /* zeroed: nothing has come */
    bool known;        /* an Authorization field has, of whatever scheme */
    bool given;        /* of ours */
    bool starved;      /* there was no memory for what the proof is over */
    struct authorization authorization;
    char *target; /* as they were sent; NULL: none */
    char *host;
};

void request_proof_free(struct request_proof *p); /* it is zeroed then */
/* text[0..len) is copied into `*field`, one of the two above. */
void request_proof_keep(struct request_proof *p, char **field, const char *text, size_t len);
/* One Authorization field's value; `cut`: it was too long to be kept. HX_OK: also such a one, and one of
 * another scheme, which say nothing. HX_EPROTO: malformed; HX_ECONFLICT: a second one. */
int request_proof_take(struct request_proof *p, const char *value, size_t len, bool cut);
/* The bytes that are signed under this nonce. Their length, or HX_ETOOBIG. */
ssize_t request_proof_message(const struct request_proof *p, bool head, const char *nonce,
                              char out[AUTHORIZATION_MESSAGE_MAX]);

#endif
