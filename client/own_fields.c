#include "client/own_fields.h"
#include "client/local_candidates.h"
#include "client/nat.h"
#include <string.h>

void own_fields(struct peer_fields *out, const struct udt_port *port, int families)
{
    struct endpoint bound;
    socklen_t len;
    const struct sockaddr *local = udt_port_local(port, &len);
    memset(out, 0, sizeof *out);
    if (endpoint_from_sockaddr(&bound, local, len) < 0)
        return;
    local_candidates_of(&out->candidates, bound.port, families);
    (void)nat_known(AF_INET, &out->mapping);
}
