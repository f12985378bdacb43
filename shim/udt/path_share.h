/* shim/udt/path_share.h: how those who share a line come to equal shares of it. What is in the draft for that
 * takes losses, or minutes: whoever probes grows by a share of what he has, and so do all the others.
 *
 * Who cruises at a rate that has come through before, and makes a queue although less than that comes now, is
 * not alone. Each of those who are not gives up a share of what he has when there is a queue, and takes the
 * same amount back while there is none (additive increase, multiplicative decrease: Chiu and Jain, 1989).
 *
 * On a far path that takes too long for who begins late: each step takes round trips, and the first queue,
 * which ends his startup, was another's. Who is alone gets no more by sending more. So a late one probes
 * again soon as long as a probe has brought him more, and a queue that has told as much as a probe would
 * puts the next probe off. Pure; rates are packets a second. */
#ifndef HX_SHIM_UDT_PATH_SHARE_H
#define HX_SHIM_UDT_PATH_SHARE_H

#include <stdbool.h>
#include <stdint.h>

struct path_share {
    int64_t until_us; /* so long others are taken to be there */
    int64_t late_us;  /* so long others may have had the line before us */
};

/* A queue of ours has gone. `rate` was sent, of which the share `lost` was lost, and `came` has come. Returns
 * the rate from now on. */
double path_share_yielded(struct path_share *s, int64_t now_us, double rate, double came, double lost,
                          int64_t rtt_us);
/* That queue has told as much as a probe would: the next one waits for a whole cycle. */
bool path_share_no_probe(const struct path_share *s, int64_t now_us, int64_t rtt_us);
/* A round trip has passed without a queue, `empty`: not even with a short one. Likewise. */
double path_share_raised(const struct path_share *s, int64_t now_us, double rate, int64_t rtt_us, bool empty);
/* A queue has ended startup while the rate still grew: somebody else may have filled it. */
void path_share_began_late(struct path_share *s, int64_t now_us, int64_t rtt_us);
/* A probe has taken the rate from `before` to `after`. The next one must not wait for a cycle. */
bool path_share_probe_soon(const struct path_share *s, int64_t now_us, double before, double after,
                           int64_t rtt_us);

#endif
