#include "server/reach.h"

enum reach reach_of(const struct endpoint *peer, bool tcp)
{
    if (tcp)
        return REACH_TCP;
    if (peer->family != AF_INET6)
        return REACH_IPV4;
    return endpoint_tunnelled(peer) ? REACH_TUNNEL : REACH_IPV6;
}

enum meeting reach_meeting(enum reach holder, enum reach asker, bool lines, bool relay)
{
    if (holder == REACH_TCP)
        return asker == REACH_TCP ? MEETING_BOTH : MEETING_HOLDER;
    if (holder == REACH_TUNNEL || asker == REACH_TUNNEL)
        return lines && asker != REACH_TCP ? MEETING_BOTH : MEETING_NONE;
    if (asker == REACH_TCP)
        return MEETING_ASKER;
    return holder == asker || (lines && relay) ? MEETING_BOTH : MEETING_NONE;
}

struct endpoint reach_told(enum reach reach, const struct endpoint *peer)
{
    struct endpoint told = *peer;

    if (reach == REACH_TCP)
        told.port = 0;
    return told;
}
