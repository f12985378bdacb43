/* shim/udt/party.h: whose wish a rendezvous is. Two hosts may want to reach each other at the same time,
 * from the same ports: then there are two rendezvous between the same two addresses, and in each of them
 * one host calls and the other one is called. Programs of ours say which they are (packet.h:
 * packet_put_party()), all others nothing. */
#ifndef HX_SHIM_UDT_PARTY_H
#define HX_SHIM_UDT_PARTY_H

#include <stdbool.h>

enum udt_party { UDT_PARTY_UNSAID, UDT_PARTY_CALLER, UDT_PARTY_CALLED };

/* Can these two be the ends of one rendezvous? */
static inline bool udt_party_meets(enum udt_party a, enum udt_party b)
{
    return a == UDT_PARTY_UNSAID || b == UDT_PARTY_UNSAID || a != b;
}

#endif
