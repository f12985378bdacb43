/* shim/udt/give_back.h: the memory of UDT's buffers, which grow with what a path needs, up to 64 MB each way,
 * and which UDT keeps until the connection, or its port, ends. What waits to be acknowledged is a
 * connection's; what has come lies in the port's ring, whichever connection it is for. The buffers stay as
 * large as they are: what is written to them next has new pages. From UDT's worker. C and C++. */
#ifndef HX_SHIM_UDT_GIVE_BACK_H
#define HX_SHIM_UDT_GIVE_BACK_H

#include <stdbool.h>

/* Longer than a pause between two files, or two requests. */
#define GIVE_BACK_AFTER_MS 2000

#ifdef __cplusplus
class CUDT;

/* If nothing of `u` is on its way and it has been idle for so long, the pages behind what it has sent are the
 * system's again. */
void give_back_sent(CUDT *u);

extern "C" {
#endif

/* Of the port that has this CRcvQueue, and to which no data has come for so long: the pages that nothing
 * unread is in. True: that is all of them. */
bool give_back_received(void *receive_queue);

#ifdef __cplusplus
}
#endif

#endif
