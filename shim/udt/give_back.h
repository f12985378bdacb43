/* shim/udt/give_back.h: the memory of UDT's buffers, which grow with what a path needs, up to 64 MB each way,
 * and which UDT keeps until the connection, or its port, ends. What waits to be acknowledged is a
 * connection's; what has come lies in the port's ring, whichever connection it is for. The buffers stay as
 * large as they are: what is written to them next has new pages. Silence is not needed for it: memory is kept by
 * what was used lately, at most. From UDT's worker. C and C++. */
#ifndef HX_SHIM_UDT_GIVE_BACK_H
#define HX_SHIM_UDT_GIVE_BACK_H

#include <stdbool.h>

/* Longer than a pause between two files, or two requests: so long a buffer was not used for more than one part of
 * so many. */
#define GIVE_BACK_AFTER_MS 2000
#define GIVE_BACK_BELOW    4

#ifdef __cplusplus
class CUDT;

/* If nothing of `u` is on its way, and little was for so long, the pages behind what it has sent are the system's
 * again. */
void give_back_sent(CUDT *u);

extern "C" {
#endif

/* Packets in the ring of the port that has this CRcvQueue. */
int give_back_unread(void *receive_queue);
/* `most` were, since it was asked last. If that is little, the pages that nothing unread is in are the system's
 * again. True: that is all of them. */
bool give_back_received(void *receive_queue, int most);

#ifdef __cplusplus
}
#endif

#endif
