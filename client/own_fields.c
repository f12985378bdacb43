#include "client/own_fields.h"
#include "client/interfaces.h"
#include "client/nat.h"
#include <string.h>

void own_fields(struct peer_fields *out, const struct udt_port *port)
{
    struct endpoint bound, spare, addresses[INTERFACES_MAX];
    socklen_t len;
    const struct sockaddr *local = udt_port_local(port, &len);
    memset(out, 0, sizeof *out);
    if (endpoint_from_sockaddr(&bound, local, len) < 0)
        return;
    if (nat_spare(&spare)) /* first, since a nameserver takes only some of them */
        (void)candidates_add(&out->candidates, &spare, CANDIDATE_SRFLX);
    size_t count = interfaces_list(addresses, bound.port);
    for (size_t i = 0; i < count; i++)
        (void)candidates_add(&out->candidates, &addresses[i], CANDIDATE_HOST);
    (void)nat_known(AF_INET, &out->mapping);
}
