/* test/natlab/nat_table.h: what a NAT remembers, in the words of RFC 4787. No sockets, no clock. One table a
 * program. */
#ifndef HX_TEST_NATLAB_NAT_TABLE_H
#define HX_TEST_NATLAB_NAT_TABLE_H

#include <stdbool.h>
#include <stdint.h>

enum nat_dependence { NAT_INDEPENDENT, NAT_ADDRESS, NAT_ADDRESS_AND_PORT }; /* of the remote endpoint's */
enum nat_ports { NAT_PRESERVING, NAT_RANDOM, NAT_SEQUENTIAL };

struct nat_endpoint { /* in network order */
    uint32_t addr;
    uint16_t port;
    uint16_t zero; /* it is a part of hash keys */
};
struct nat_kind {
    enum nat_dependence mapping, filtering;
    enum nat_ports ports;
    unsigned step;       /* of sequential ones; at least 1 */
    double others_per_s; /* mappings that other hosts make meanwhile */
    int64_t lifetime_us; /* of a mapping, and of a permission, after its last packet out */
    unsigned block;      /* so many ports in a row are each inner host's (RFC 7422); 0: all are everybody's */
    unsigned new_per_s;  /* mappings that are made at most, and at once as many; 0: any number */
    bool drops_first;    /* the first packet to each remote endpoint, as exact as `filtering` */
};
extern struct nat_kind nat_kind; /* set it before the first packet */

void nat_begin(int64_t at_us);
/* A packet goes out: makes or prolongs the mapping, and lets `remote` in as the kind of filtering has it. Returns
 * the external port in host order; 0: the packet is lost, as nothing is free, or as the kind has it. */
uint16_t nat_out(struct nat_endpoint inside, struct nat_endpoint remote, int64_t at_us);
/* Whose external port that is; false: nobody's. */
bool nat_inside(uint16_t port, int64_t at_us, struct nat_endpoint *inside);
bool nat_lets_in(uint16_t port, struct nat_endpoint remote, int64_t at_us);
void nat_sweep(int64_t at_us); /* frees what has died until then; INT64_MAX: all */
unsigned nat_mappings(void);   /* those that were not swept yet */

#endif
