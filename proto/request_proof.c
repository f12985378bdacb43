#include "proto/request_proof.h"

#include "base/error.h"
#include <stdlib.h>
#include <string.h>

void request_proof_free(struct request_proof *p)
{
    free(p->target);
    free(p->host);
    *p = (struct request_proof){.known = false};
}

void request_proof_keep(struct request_proof *p, char **field, const char *text, size_t len)
{
    char *copy = malloc(len + 1);

    if (!copy) {
        p->starved = true;
        return;
    }
    memcpy(copy, text, len);
    copy[len] = '\0';
    free(*field);
    *field = copy;
}

int request_proof_take(struct request_proof *p, const char *value, size_t len, bool cut)
{
    if (p->known)
        return HX_ECONFLICT;
    p->known = true;
    int err = cut ? HX_ENOTFOUND : authorization_parse(&p->authorization, value, len);
    p->given = err == HX_OK;
    return err == HX_ENOTFOUND ? HX_OK : err;
}

ssize_t request_proof_message(const struct request_proof *p, bool head, const char *nonce,
                              char out[AUTHORIZATION_MESSAGE_MAX])
{
    return authorization_message(out, nonce, head ? "HEAD" : "GET", p->target ? p->target : "",
                                 p->host ? p->host : "");
}
