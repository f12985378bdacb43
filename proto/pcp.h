/* proto/pcp.h: the Port Control Protocol (RFC 6887), as far as a client needs it that wants one UDP port of
 * its own mapped: MAP, and ANNOUNCE, which asks only whether there is a server. No sockets, no allocation. */
#ifndef HX_PROTO_PCP_H
#define HX_PROTO_PCP_H

#include "proto/endpoint.h"
#include <stddef.h>
#include <stdint.h>

#define PCP_PORT        5351 /* of the server; RFC 6887, 19.1: NAT-PMP's, too */
#define PCP_NONCE_BYTES 12   /* RFC 6887, 11.1 */
#define PCP_REQUEST_MAX 60   /* bytes of a MAP request without options */
#define PCP_MESSAGE_MAX 1100 /* RFC 6887, 7: of any message */
#define PCP_UNSUPPORTED 1 /* RFC 6887, 7.4: UNSUPP_VERSION; of NAT-PMP's results the same (RFC 6886, 3.5) */

enum pcp_opcode { PCP_ANNOUNCE = 0, PCP_MAP = 1 };

struct pcp_request {
    enum pcp_opcode opcode;
    struct endpoint client; /* our address as the server sees it, and the port that is mapped */
    /* The rest is MAP's. A mapping is renewed, or taken away, by whoever knows its nonce. */
    uint8_t nonce[PCP_NONCE_BYTES];
    struct endpoint external; /* that we would like to have, AF_UNSPEC: whichever */
    uint32_t lifetime_s;      /* 0: the mapping shall end */
};

struct pcp_response {
    uint8_t result;           /* 0: success */
    uint32_t lifetime_s;      /* of the mapping; after an error: how long the server will say the same */
    uint32_t epoch_s;         /* since the server lost all of its mappings (RFC 6887, 8.5) */
    struct endpoint external; /* MAP without an error, lifetime 0 included */
};

/* Returns the bytes written. */
size_t pcp_write(uint8_t out[PCP_REQUEST_MAX], const struct pcp_request *request);
/* One datagram, taken for the answer to `request`. HX_OK: it is one, be it an error; a server that speaks
 * only NAT-PMP answers as PCP_UNSUPPORTED. HX_EPROTO: it is none, and of no interest. */
int pcp_read(struct pcp_response *out, const struct pcp_request *request, const uint8_t *data, size_t len);

#endif
