/* shim/udt/path_share.h: how those who share a line come to equal shares of it. What is in the draft for that
 * takes losses, or minutes: whoever probes grows by a share of what he has, and so do all the others.
 *
 * Who cruises at a rate that has come through before, and makes a queue although less than that comes now, is
 * not alone. Each of those who are not gives up a share of what he has when there is a queue, and takes the
 * same amount back while there is none (additive increase, multiplicative decrease: Chiu and Jain, 1989).
 * Pure; rates are packets a second. */
#ifndef HX_SHIM_UDT_PATH_SHARE_H
#define HX_SHIM_UDT_PATH_SHARE_H

#include <stdint.h>

struct path_share {
    int64_t until_us; /* so long others are taken to be there */
};

/* A queue of ours has gone. `rate` was sent, of which the share `lost` was lost, and `came` has come. Returns
 * the rate from now on. */
double path_share_yielded(struct path_share *s, int64_t now_us, double rate, double came, double lost,
                          int64_t rtt_us);
/* A round trip has passed without a queue. Likewise. */
double path_share_raised(const struct path_share *s, int64_t now_us, double rate, int64_t rtt_us);

#endif
