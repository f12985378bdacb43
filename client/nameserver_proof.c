/* A nameserver that wants to know who asks (RFC 9110, 11): it is asked once more, on the same connection. */
#include "base/error.h"
#include "client/nameserver_state.h"
#include <string.h>

/* Of another key than the one that it does not know it may take a proof, by the nonce that is left. */
static bool wants_proof(struct nameserver *n)
{
    const struct response_head *head = response_reader_head(n->response);
    if (head->nonce[0] != '\0')
        memcpy(n->nonce, head->nonce, sizeof n->nonce);
    return (head->status == 401 || head->status == 403) && n->nonce[0] != '\0';
}

bool nameserver_prove(struct nameserver *n)
{
    if (!wants_proof(n) || n->proofs >= credentials_count(n->credentials))
        return false;
    buf_consume(&n->out, n->out.len);
    if (credentials_sign(n->credentials, n->proofs, &n->out, &n->asked, &n->name, n->nonce) < 0 ||
        nameserver_expect(n) < 0)
        return false;
    n->proofs++;
    n->status = 0;
    n->refusal = HX_OK;
    n->text_len = 0;
    return true;
}

void nameserver_explain(const struct nameserver *n, char out[CREDENTIALS_TEXT_MAX])
{
    /* what it says of its challenge is for programs */
    const char *said = n->status == 401 ? "the nameserver wants to know who asks" : n->text;
    credentials_explain(out, n->credentials, &n->asked, said);
}
