/* client/nameserver_names.h: nameservers as people write them: "HOST[:PORT]", "http://HOST[:PORT]",
 * "https://HOST[:PORT]". Pure. */
#ifndef HX_CLIENT_NAMESERVER_NAMES_H
#define HX_CLIENT_NAMESERVER_NAMES_H

#include "client/tunnel.h"

#define NAMESERVERS_MAX 8

/* One or more of them with a ',' between two. udp[i]: where it is asked by UDP; tcp[i]: where it is by TCP, which a URL
 * says (port 80 or 443 by default); else it is the same port. How many; HX_EINVAL, also for more than NAMESERVERS_MAX. */
int nameserver_names_parse(struct host_port udp[NAMESERVERS_MAX], struct tunnel_place tcp[NAMESERVERS_MAX],
                           const char *text);

#endif
