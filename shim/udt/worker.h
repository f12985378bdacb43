/* shim/udt/worker.h: UDT's thread that receives, one for each port: --wrap=recvmsg. */
#ifndef HX_SHIM_UDT_WORKER_H
#define HX_SHIM_UDT_WORKER_H

#include "shim/udt/tap_parts.h"

/* The port's handler of UDT's datagrams (shim/net/demux.h); `context`: the tap. Without the lock. */
bool worker_take(void *context, struct net_datagram *d);
/* UDT's worker tells the watchers what there is for them. The lock is held, but not while a watcher runs. */
void worker_tell(struct tap *t);

#endif
