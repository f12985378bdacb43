/* test/udtcurl/proof.h: --device-key: answers a server that wants to know who asks
 * (proto/authorization.h). */
#ifndef HX_UDTCURL_PROOF_H
#define HX_UDTCURL_PROOF_H

#include "base/buf.h"
#include "secure/identity.h"

/* UC_OK; UC_KEY: the file cannot be read, others can read it, or it holds no key of a device: why[cap] says
 * which. */
int proof_read_key(struct identity *out, const char *path, char *why, size_t cap);
/* Appends the header line that proves it for a request with this method, target and Host. HX_OK; HX_ENOMEM,
 * HX_ETOOBIG. */
int proof_write(struct buf *out, const struct identity *key, const char *nonce, const char *method,
                const char *target, const char *host);

#endif
