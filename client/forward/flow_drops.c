#include "client/forward/flow_drops.h"
#include <inttypes.h>
#include <stdio.h>

uint64_t flow_drops_format(const struct flow_drops *d, const struct hx_datagram_counts *link,
                           char text[FLOW_DROPS_MAX])
{
    const struct {
        uint64_t count;
        const char *reason;
    } all[] = {
        {link->replayed, "replayed"},
        {link->forged, "forged or damaged"},
        {link->incomplete, "with a piece missing"},
        {link->unread, "come faster than they were read"},
        {link->not_sent, "not taken by the network"},
        {d->of[DROP_TOO_LONG] + link->too_long, "too large"},
        {d->of[DROP_NO_FLOW], "without a flow"},
        {d->of[DROP_WAITING], "before there was an answer"},
        {d->of[DROP_REFUSED], "refused"},
        {d->of[DROP_LIMIT], "above the limit of flows"},
        {d->of[DROP_NOT_TAKEN], "not taken at this end"},
        {d->of[DROP_STRANGER], "from another than the client"},
        {d->of[DROP_HEAD], "with a head that is not served"},
    };
    size_t len = 0;
    uint64_t sum = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (all[i].count > 0 && len < FLOW_DROPS_MAX)
            len += (size_t)snprintf(text + len, FLOW_DROPS_MAX - len, "%s%" PRIu64 " %s", len > 0 ? ", " : "",
                                    all[i].count, all[i].reason);
        sum += all[i].count;
    }
    if (sum == 0)
        snprintf(text, FLOW_DROPS_MAX, "none");
    return sum;
}
