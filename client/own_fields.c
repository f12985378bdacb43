#include "client/own_fields.h"
#include "client/hard_nat.h"
#include "client/local_candidates.h"
#include "client/nat.h"
#include "client/race.h"
#include "proto/address.h"
#include <string.h>

#define COUNT_NEWS (HARD_NAT_GUESSES / 2) /* steps of a NAT that counts */

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
    if (out->candidates.count == 0)
        (void)candidates_add(&out->candidates, &nobodys, CANDIDATE_HOST);
    (void)nat_known(AF_INET, &out->mapping);
}

bool own_fields_far(const struct peer_fields *told, const struct peer_fields *now)
{
    return hard_nat_steps(&told->mapping, now->mapping.last_port) > COUNT_NEWS;
}

/* That a NAT is easy, and whether it keeps ports, is news once: peers that do not know hold back, lest it
 * takes what they send for its own, or lest theirs is taken so. One easy NAT is not another one then, nor
 * is the next port of a NAT that counts, unless a peer would not guess it. */
bool own_fields_same(const struct peer_fields *a, const struct peer_fields *b)
{
    bool hard = hard_nat_is(&b->mapping), known = nat_mapping_known(&b->mapping);
    if (hard_nat_is(&a->mapping) != hard || a->candidates.count != b->candidates.count)
        return false;
    if (known && nat_translates(AF_INET) &&
        (!nat_mapping_known(&a->mapping) || (hard_nat_takes(&b->mapping) && !hard_nat_takes(&a->mapping))))
        return false;
    if (hard && (a->mapping.kind != b->mapping.kind || a->mapping.ports != b->mapping.ports ||
                 a->mapping.step != b->mapping.step))
        return false;
    if (own_fields_far(a, b))
        return false;
    for (size_t i = 0; i < a->candidates.count; i++) {
        if (!endpoint_equal(&a->candidates.list[i].at, &b->candidates.list[i].at))
            return false;
    }
    return true;
}
