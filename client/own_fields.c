#include "client/own_fields.h"
#include "client/local_candidates.h"
#include "client/nat.h"
#include "client/race.h"
#include <string.h>

void own_fields(struct peer_fields *out, const struct udt_port *port, int families)
{
    struct endpoint bound, spare;
    struct candidates local_ones;
    socklen_t len;
    const struct sockaddr *local = udt_port_local(port, &len);
    memset(out, 0, sizeof *out);
    if (endpoint_from_sockaddr(&bound, local, len) < 0)
        return;
    if ((families & FAMILY_IPV4) && nat_spare(&spare)) /* first, since a nameserver takes only some of them */
        (void)candidates_add(&out->candidates, &spare, CANDIDATE_SRFLX);
    local_candidates_of(&local_ones, bound.port, families);
    for (size_t i = 0; i < local_ones.count; i++)
        (void)candidates_add(&out->candidates, &local_ones.list[i].at, local_ones.list[i].kind);
    (void)nat_known(AF_INET, &out->mapping);
}
