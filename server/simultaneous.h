/* server/simultaneous.h: how much later than the farther side the nearer one is told of an introduction.
 *
 * UDT's rendezvous repeats its handshake after 250 ms at the earliest. What the nearer side sends at once
 * arrives at the farther one together with our part, on the shortest way that there can be, and is lost
 * there: its socket is not open yet. So the nearer side's part waits for the moment that a program takes to
 * open one. It waits less the longer its own way is, which its handshake has to go as well, and never until
 * the farther side's handshake comes. Measured with two stock programs on a busy machine, from the request to
 * the first payload there and back, one access of 0 and one of 20 ms each way: 404 and 419 ms if both are
 * told at once, 98 and 125 so. Programs of ours repeat their first flights within some ten ms: a holder with
 * a Bind-Session is told at once, and so is who asks for it. */
#ifndef HX_SERVER_SIMULTANEOUS_H
#define HX_SERVER_SIMULTANEOUS_H

#include <stdint.h>

#define SIMULTANEOUS_MS       15 /* for a program to read its part and open its socket */
#define SIMULTANEOUS_LEAST_MS 10 /* of round trips: busy programs answer so much later as well */

/* Of so many introductions at most, by a token bucket: a nameserver that has more to do measures its own queues
 * instead of round trips, and holding parts would only lengthen them. */
#define SIMULTANEOUS_PER_SECOND 50
#define SIMULTANEOUS_MOST       10

struct simultaneous {
    int64_t h1_ms, h2_ms; /* how long each one's part waits; one of them is 0 */
};

/* From the round trips to S in milliseconds, -1 if not known: then nobody waits. */
struct simultaneous simultaneous_times(int64_t h1_rtt_ms, int64_t h2_rtt_ms);

#endif
