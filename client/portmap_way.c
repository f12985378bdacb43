#include "client/portmap_way.h"
#include "base/error.h"
#include "proto/address.h"

int way_open(struct way **out, enum way_kind kind, const struct gateway *gateway)
{
    static int (*const open[WAY_KINDS])(struct way * *out, const struct gateway *gateway) = {
        [WAY_PCP] = way_pcp_open, [WAY_NATPMP] = way_natpmp_open, [WAY_UPNP] = way_upnp_open};
    return open[kind](out, gateway);
}

void way_mapped(struct way *w, const struct endpoint *external, uint32_t lifetime_s, uint32_t asked_s)
{
    w->external = *external;
    w->lifetime_s =
        lifetime_s < asked_s ? lifetime_s : asked_s; /* longer than asked for is no promise to us */
    bool usable = external->port != 0 && address_class(external) != ADDRESS_UNUSABLE && lifetime_s > 0;
    way_enter(w, asked_s == 0 || usable ? WAY_MAPPED : WAY_REFUSED);
}
