/* CRcvQueue::registerConnector(): when UDT's own time for a connect is over (3 s, 30 s for a rendezvous), its
 * worker leaves the socket in the list of those that connect, close() takes it for none of them, and the
 * worker goes on with freed memory (UDT4.md, A2). Our deadlines are earlier (udt.h), but a process that was
 * stopped meanwhile looks at both of them at once: so UDT's never comes. */
#include "shim/udt/overrides.h"
#include <udt/core.h>
#include <udt/queue.h>

const bool override_connector = true;

extern "C" {
void __real__ZN9CRcvQueue17registerConnectorERKiP4CUDTiPK8sockaddrm(CRcvQueue *q, const UDTSOCKET &id,
                                                                    CUDT *u, int family, const sockaddr *peer,
                                                                    uint64_t until);
void __wrap__ZN9CRcvQueue17registerConnectorERKiP4CUDTiPK8sockaddrm(CRcvQueue *q, const UDTSOCKET &id,
                                                                    CUDT *u, int family, const sockaddr *peer,
                                                                    uint64_t until);

void __wrap__ZN9CRcvQueue17registerConnectorERKiP4CUDTiPK8sockaddrm(CRcvQueue *q, const UDTSOCKET &id,
                                                                    CUDT *u, int family, const sockaddr *peer,
                                                                    uint64_t until)
{
    (void)until;
    __real__ZN9CRcvQueue17registerConnectorERKiP4CUDTiPK8sockaddrm(q, id, u, family, peer, UINT64_MAX);
}
}
