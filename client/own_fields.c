#include "client/own_fields.h"
#include "client/local_candidates.h"
#include "client/nat.h"
#include "client/race.h"
#include "proto/address.h"
#include <string.h>

/* Who tells no candidate gets no session. A nameserver passes no loopback address on. */
static const struct endpoint nobodys = {.family = AF_INET, .port = 9, .address = {127, 0, 0, 1}};

void own_fields(struct peer_fields *out, const struct udt_port *port, const struct settings *settings)
{
    struct endpoint bound, spare;
    struct candidates local_ones;
    socklen_t len;
    int families = settings->families;
    const struct sockaddr *local = udt_port_local(port, &len);
    memset(out, 0, sizeof *out);
    if (endpoint_from_sockaddr(&bound, local, len) < 0)
        return;
    if ((families & FAMILY_IPV4) && nat_spare(&spare)) /* first, since a nameserver takes only some of them */
        (void)candidates_add(&out->candidates, &spare, CANDIDATE_SRFLX);
    local_candidates_of(&local_ones, bound.port, families);
    for (size_t i = 0; i < local_ones.count; i++) {
        const struct candidate *c = &local_ones.list[i];
        bool outside = c->kind == CANDIDATE_MAPPED && address_class(&c->at) == ADDRESS_GLOBAL;
        if (settings->host_candidates || outside)
            (void)candidates_add(&out->candidates, &c->at, c->kind);
    }
    if (out->candidates.count == 0 && !settings->host_candidates)
        (void)candidates_add(&out->candidates, &nobodys, CANDIDATE_HOST);
    (void)nat_known(AF_INET, &out->mapping);
}
