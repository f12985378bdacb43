/* proto/nameserver_name.h: a nameserver as people write it: "HOST[:PORT]", whose PORT is that of UDP and of
 * TCP, which "udt://HOST[:PORT]" says as a URL; or a URL that says where it is by TCP: "http://HOST[:PORT]"
 * or "https://HOST[:PORT]". Pure. */
#ifndef HX_PROTO_NAMESERVER_NAME_H
#define HX_PROTO_NAMESERVER_NAME_H

#include "base/host_port.h"
#include <stdbool.h>

#define NAMESERVERS_MAX 8

struct nameserver_name {
    struct host_port udp, tcp;
    bool tls; /* over TCP */
};

/* One or more of them with a ',' between two. By default PORT is `default_port`; in a URL 80 or 443 (RFC
 * 9110, 4.2), and UDP is at `default_port` of the same host, or where "?udp=PORT" behind it says. A '/' may
 * end it, nothing else may follow. How many; HX_EINVAL, also for more than NAMESERVERS_MAX. */
int nameserver_names_parse(struct nameserver_name out[NAMESERVERS_MAX], const char *text,
                           uint16_t default_port);

#endif
