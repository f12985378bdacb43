/* proto/nat_mapping.h: how a host's NAT maps its ports, as it tells its peers (RFC 4787, 4.1 and 4.2). No
 * I/O, no allocation.
 *
 * The text: "endpoint-independent", or "address-and-port-dependent; ports=sequential; step=2; last=40012".
 * Who reads it takes a word that it does not know for "unknown", and ignores parameters that it does not
 * know. */
#ifndef HX_PROTO_NAT_MAPPING_H
#define HX_PROTO_NAT_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct field_piece; /* proto/field.h */

#define NAT_MAPPING_TEXT_MAX 96 /* the longest has 81 bytes */

/* For which destinations a port keeps its mapping (RFC 4787, 4.1) */
enum nat_mapping_kind {
    NAT_MAPPING_UNKNOWN,
    NAT_MAPPING_ENDPOINT_INDEPENDENT,       /* all: no NAT at all, too */
    NAT_MAPPING_ADDRESS_DEPENDENT,          /* all ports of one address */
    NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT, /* one alone: "symmetric" */
    NAT_MAPPING_KINDS
};

/* Which port a new mapping gets (RFC 4787, 4.2) */
enum nat_ports {
    NAT_PORTS_UNKNOWN,
    NAT_PORTS_PRESERVING, /* the host's own, while it is free */
    NAT_PORTS_SEQUENTIAL, /* the last one and `step` */
    NAT_PORTS_RANDOM,
    NAT_PORTS_KINDS
};

struct nat_mapping { /* zeroed: nothing is known */
    enum nat_mapping_kind kind;
    enum nat_ports ports;
    int step;           /* sequential: -65535 to 65535; 0: not known */
    uint16_t last_port; /* of the newest mapping; 0: not known */
    /* "servers=1": whoever has seen it has one address, so that it may be address-dependent. */
    bool one_address;
    bool block; /* random ports that are near each other, as where each host has some for itself; not told */
};

/* One word each; NULL for UNKNOWN, and UNKNOWN for a word that we do not know. */
const char *nat_mapping_kind_text(enum nat_mapping_kind kind);
const char *nat_ports_text(enum nat_ports ports);
enum nat_mapping_kind nat_mapping_kind_of(const struct field_piece *word);
enum nat_ports nat_ports_of(const struct field_piece *word);

/* Is there anything to tell? */
bool nat_mapping_known(const struct nat_mapping *m);
/* The whole of text[0..len) must be one word and "; name=value" pieces. HX_OK; HX_EPROTO: it is not, or a
 * number that we know is none or out of its range, or comes twice; *out untouched on error. */
int nat_mapping_parse(struct nat_mapping *out, const char *text, size_t len);
/* Writes the NUL-terminated text and returns its length. */
size_t nat_mapping_format(const struct nat_mapping *m, char text[NAT_MAPPING_TEXT_MAX]);

#endif
