/* client/nat_rules.h: what answers of STUN servers say about a NAT, in the words of RFC 4787. Pure: no I/O, no
 * allocation. */
#ifndef HX_CLIENT_NAT_RULES_H
#define HX_CLIENT_NAT_RULES_H

#include "proto/endpoint.h"
#include "proto/nat_mapping.h"
#include <stdbool.h>

#define NAT_SAMPLES_MAX 48

/* New mappings whose ports are no further apart than this belong to a sequence: other hosts behind the NAT
 * take some between ours. Three random ports of 64,512 look so once in 500,000 times. */
#define NAT_SEQUENCE_SPAN 64
/* Of two mappings alone it must be less: then once in 4,000 times. */
#define NAT_SEQUENCE_SPAN_OF_TWO 8
/* Mappings at random that are no further apart come from a block of ports which is all that this host has
 * (RFC 7422): two of 64,512 look so once in 126 times, three once in 21,000. */
#define NAT_BLOCK_SPAN 256

struct nat_sample {
    uint16_t local_port;    /* which of our ports has asked */
    bool fresh;             /* it is a new one: its mapping was made by this question */
    struct endpoint server; /* whom */
    struct endpoint mapped; /* what it saw; AF_UNSPEC: no answer */
};

/* In the order in which they were asked: where it is told from, a NAT that counts gives ports in that order. */
struct nat_samples {
    struct nat_sample list[NAT_SAMPLES_MAX];
    size_t count;
};

/* Mapping, and port allocation as the fresh mappings show it; the last port only of a sequence, since no other
 * tells the next. *one_address: all servers that were asked from one port have the same address:
 * then "endpoint-independent" may as well be "address-dependent". Where mappings differ between addresses, and
 * no address was asked at two ports, the worse is assumed: "address-and-port-dependent". */
void nat_rules_mapping(const struct nat_samples *s, struct nat_mapping *out, bool *one_address);

/* What came of asking for an answer from another address, or another port, than was asked (RFC 5780, 4.4). */
enum nat_test { NAT_UNTESTED, NAT_CAME, NAT_STAYED_AWAY };

/* Filtering, which has the same three kinds (RFC 4787, 5). `other_address`: answers from another address (and
 * port); `other_port`: from another port of the one that was asked. */
enum nat_mapping_kind nat_rules_filtering(enum nat_test other_address, enum nat_test other_port);

enum nat_verdict {
    NAT_UNCLEAR, /* something answers, but it is not known how ports are mapped */
    NAT_HARD,    /* another port for each destination, at random: only a peer with an easy NAT is reached */
    NAT_PREDICTABLE, /* another port for each destination, which can be foretold */
    NAT_EASY         /* one port for all destinations */
};
enum nat_verdict nat_rules_verdict(const struct nat_mapping *m);

#endif
