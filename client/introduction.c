#include "client/introduction.h"

void introduction_tell(struct agent *a, const struct multipart_part *part, const struct peer_fields *told,
                       const struct nameserver *n)
{
    agent_told(a, &(struct agent_news){.peer = &part->peer,
                                       .peer_mapping = &part->mapping,
                                       .own = told,
                                       .uplink = nameserver_uplink(n),
                                       .server = nameserver_server(n),
                                       .session = &part->session});
}
