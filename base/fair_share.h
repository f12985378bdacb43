/* base/fair_share.h: who gives way where unproven hosts share a table of bounded size. No I/O, no
 * allocation, no clock.
 *
 * A host is an IPv4 address or an IPv6 /64 (the smallest piece that one customer gets, RFC 6177). What
 * enters evicts the oldest of its own host once that has its share of the table. When the whole table is
 * full the network (IPv4 /24, IPv6 /48: the largest piece that one site gets) with the most gives way, in
 * it the host with the most, of that the oldest: so-called longest queue drop. So neither one host nor one
 * network can keep others out; against many networks at once an entry stays for as long as the table takes
 * to be filled anew. */
#ifndef HX_BASE_FAIR_SHARE_H
#define HX_BASE_FAIR_SHARE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define FAIR_SHARE_NETWORK 6 /* bytes: an IPv6 /48; an IPv4 /24 with its mapped prefix cut to as many */
#define FAIR_SHARE_HOST    8 /* bytes: an IPv6 /64; an IPv4 address likewise */

struct fair_share_source {
    uint8_t host[FAIR_SHARE_HOST]; /* the first FAIR_SHARE_NETWORK bytes name the network */
};

struct fair_share_member { /* in what is in the table; zeroed: it is in none */
    struct fair_share_source source;
    int of_host, of_network; /* members of the same, itself included */
    bool listed;
    struct fair_share_member *prev, *next; /* oldest first */
};

struct fair_share {
    int max;      /* of all */
    int host_max; /* of one host */
    int count;
    struct fair_share_member *oldest;
};

/* `address` has 4 bytes (AF_INET) or 16; an IPv4-mapped one is IPv4 (RFC 4291, 2.5.5.2). */
void fair_share_source(struct fair_share_source *out, sa_family_t family, const uint8_t *address);
void fair_share_init(struct fair_share *f, int max, int host_max);
/* Who must be removed before one of `source` may enter. NULL: nobody. */
struct fair_share_member *fair_share_victim(const struct fair_share *f,
                                            const struct fair_share_source *source);
/* Enters as the newest; m->source is set. */
void fair_share_add(struct fair_share *f, struct fair_share_member *m);
void fair_share_remove(struct fair_share *f, struct fair_share_member *m); /* one that is not in it is fine */

#endif
