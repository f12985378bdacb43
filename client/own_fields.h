/* client/own_fields.h: what this host tells its peers about itself, through the nameserver: the addresses
 * that they may reach it at, and how its NAT maps ports. With the engine's lock held. */
#ifndef HX_CLIENT_OWN_FIELDS_H
#define HX_CLIENT_OWN_FIELDS_H

#include "client/settings.h"
#include "proto/peer_fields.h"
#include "shim/udt/udt.h"

/* Of what is known now, without waiting; the nameserver adds the address that it sees itself. Without
 * settings->host_candidates no address from within the NAT is told, nor of an interface. */
void own_fields(struct peer_fields *out, const struct udt_port *port, const struct settings *settings);

/* A NAT that counts has gone on by so much since that peers would not guess where it is. */
bool own_fields_far(const struct peer_fields *told, const struct peer_fields *now);
/* What peers were told is as good as what they would be told now. */
bool own_fields_same(const struct peer_fields *told, const struct peer_fields *now);

#endif
