/* client/met_sessions.h: the sessions that peers have met us in, the last MET_SESSIONS_MAX of them. What was
 * connected has ended when the nameserver tells of such a session and no agent lives in it: the peer has
 * gone, and its goodbye to the nameserver was lost, or it holds on to what it met, and cannot be reached by
 * another attempt. With the engine's lock held. */
#ifndef HX_CLIENT_MET_SESSIONS_H
#define HX_CLIENT_MET_SESSIONS_H

#include "proto/session.h"
#include <stdbool.h>

#define MET_SESSIONS_MAX 256

void met_sessions_add(const struct session *s);
bool met_sessions_have(const struct session *s);

#endif
