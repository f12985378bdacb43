/* client/own_fields.h: what this host tells its peers about itself, through the nameserver: the addresses that they
 * may reach it at, and how its NAT maps ports. With the engine's lock held. */
#ifndef HX_CLIENT_OWN_FIELDS_H
#define HX_CLIENT_OWN_FIELDS_H

#include "proto/peer_fields.h"
#include "shim/udt/udt.h"

/* `families`: FAMILY_* of client/race.h. Of what is known now, without waiting; the nameserver adds the address that it sees itself. */
void own_fields(struct peer_fields *out, const struct udt_port *port, int families);

#endif
