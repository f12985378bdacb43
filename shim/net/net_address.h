/* shim/net/net_address.h: an IP address and a UDP port in one form for both families: IPv4 as mapped
 * (RFC 4291, 2.5.5.2). Without padding, so that it can be hashed and compared as bytes. */
#ifndef HX_SHIM_NET_NET_ADDRESS_H
#define HX_SHIM_NET_NET_ADDRESS_H

#include <assert.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct net_address {
    uint8_t ip[16];
    /* Interface index. Of a link-local address: where it is (RFC 4007). Of an address of ours that something
     * shall leave by: the interface that it shall leave by. Else 0. */
    uint32_t scope;
    uint16_t port; /* network byte order */
    uint16_t zero;
};
static_assert(sizeof(struct net_address) == 24, "no padding: tables hash all of it");

#define IPV4_HEADS 28 /* bytes of IP and UDP before a datagram */
#define IPV6_HEADS 48

/* `sa`: AF_INET or AF_INET6. */
void net_address_from(struct net_address *out, const struct sockaddr *sa);
void net_address_to_sockaddr6(const struct net_address *a, struct sockaddr_in6 *out);
/* The form that a socket of `family` takes; *len is its length. False: a socket of AF_INET has no form for an
 * IPv6 address. */
bool net_address_to(const struct net_address *a, int family, struct sockaddr_storage *out, socklen_t *len);
bool net_address_equal(const struct net_address *a, const struct net_address *b);
bool net_address_is_ipv4(const struct net_address *a);

#endif
