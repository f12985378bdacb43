/* client/credentials.h: what proves to a nameserver who asks it: the key of this device, else, or if that
 * is not the right one, the key that is shared with peers. They are used only when a nameserver asks for
 * them (401). */
#ifndef HX_CLIENT_CREDENTIALS_H
#define HX_CLIENT_CREDENTIALS_H

#include "base/buf.h"
#include "base/host_port.h"
#include "secure/key.h"

struct credentials; /* counted, since a nameserver may be left before it has answered; any thread */

/* `device_key`: as hx_config.device_key, or NULL; of `keys` the first one. *out is NULL if there is neither.
 * HX_OK; HX_EINVAL: `device_key` is none; HX_ENOMEM. */
int credentials_create(struct credentials **out, const char *device_key, const struct keyring *keys);
struct credentials *credentials_keep(struct credentials *c); /* one release more; NULL is fine */
void credentials_release(struct credentials *c);             /* wipes them, the last time; NULL is fine */

/* How many can be tried, one after the other. */
int credentials_count(const struct credentials *c);
/* Appends `request`, a whole one, once more: with the proof by number `which`, and the Host that is proven.
 * HX_OK; HX_ENOMEM; HX_ETOOBIG. */
int credentials_sign(const struct credentials *c, int which, struct buf *out, const struct buf *request,
                     const struct host_port *server, const char *nonce);

#define CREDENTIALS_TEXT_MAX 800
/* Why it was not allowed, and what whoever runs the nameserver can do about it. `said`: its own words, or
 * "". */
void credentials_explain(char out[CREDENTIALS_TEXT_MAX], const struct credentials *c,
                         const struct buf *request, const char *said);

#endif
