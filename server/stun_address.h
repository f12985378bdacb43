/* server/stun_address.h: the two addresses of one family between which STUN's CHANGE-REQUEST changes
 * (RFC 5780): from --stun-address, or from --listen where that names two. */
#ifndef HX_SERVER_STUN_ADDRESS_H
#define HX_SERVER_STUN_ADDRESS_H

#include "proto/endpoint.h"

struct server_config;

struct stun_address {
    struct endpoint local;   /* of this host; port 0 */
    struct endpoint printed; /* how it looks from outside, where a router before us translates it; port 0 */
};

struct stun_pair {
    struct stun_address of[2];
};

/* "ADDR" or "ADDR/PUBLIC", numeric, both of one family. HX_OK or HX_EINVAL. */
int stun_address_parse(struct stun_address *out, const char *text);
/* HX_OK; HX_ENOTFOUND: there are no two of this family (AF_INET, AF_INET6), and none is wanted; HX_EINVAL:
 * --stun-address names one, and there is no second, or it names more than two, or one twice. */
int stun_pair_of(const struct server_config *c, int family, struct stun_pair *out);

#endif
