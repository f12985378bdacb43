/* client/introduction.h: a nameserver has told of a peer anew, whose agent lives. With the engine's lock
 * held. */
#ifndef HX_CLIENT_INTRODUCTION_H
#define HX_CLIENT_INTRODUCTION_H

#include "client/agent.h"
#include "client/nameserver.h"

/* `told`: what the peer was told of us. See agent_told(). */
void introduction_tell(struct agent *a, const struct multipart_part *part, const struct peer_fields *told,
                       const struct nameserver *n);

#endif
