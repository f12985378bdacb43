/* server/reach.h: how a party can be reached by another one, and so what an introduction of two can tell
 * them.
 *
 * An address that came by TCP is nobody's to send UDP to. A person who looks with curl shall still see
 * what there is to see; no program shall punch at a port that nobody has. */
#ifndef HX_SERVER_REACH_H
#define HX_SERVER_REACH_H

#include "proto/endpoint.h"
#include <stdbool.h>

enum reach {
    REACH_IPV4, /* by UDP */
    REACH_IPV6,
    REACH_TUNNEL, /* by UDP through a TCP connection to this server: by a peer that knows relays */
    REACH_TCP,    /* by nobody: it is told of others, and that is all */
    REACHES
};

enum meeting {
    MEETING_NONE,   /* the two have nothing in common */
    MEETING_HOLDER, /* the holder is told, and the asker is refused */
    MEETING_ASKER,  /* the asker is told, and the holder hears nothing */
    MEETING_BOTH
};

enum reach reach_of(const struct endpoint *peer, bool tcp);
/* `lines`: both tell of candidates (proto/candidates.h); `relay`: this server relays, and the asker knows that
 * nothing else may lead to a holder of the other family. */
enum meeting reach_meeting(enum reach holder, enum reach asker, bool lines, bool relay);
/* What others are told of it: port 0 in place of a TCP port. */
struct endpoint reach_told(enum reach reach, const struct endpoint *peer);

#endif
