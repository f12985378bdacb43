#include "client/introduction.h"

void introduction_tell(struct agent *a, const struct multipart_part *part, const struct peer_fields *told,
                       const struct nameserver *n)
{
    struct net_address server = nameserver_server(n);
    agent_told_relay(a, &part->session, &server);
    agent_told(a, &part->peer, &part->mapping, told, nameserver_uplink(n));
}
