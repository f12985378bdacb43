/* client/introduction.h: what is done when a nameserver has told of a peer. With the engine's lock held. */
#ifndef HX_CLIENT_INTRODUCTION_H
#define HX_CLIENT_INTRODUCTION_H

#include "client/agent.h"
#include "client/nameserver.h"
#include "client/punch.h"
#include "client/settings.h"

/* `told`: what the peer was told of us. */

/* A punch of `s` begins: *out has what is the same for each that `n` introduces, and nothing of the peer. */
void introduction_request(struct punch_request *out, const struct nameserver *n, const struct settings *s,
                          const struct peer_fields *told);
/* It is told anew of a peer whose agent lives. See agent_told(). */
void introduction_tell(struct agent *a, const struct multipart_part *part, const struct peer_fields *told,
                       const struct nameserver *n);

#endif
