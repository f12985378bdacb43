/* server/log_address.h: how much of a peer's address the log has (--log-addresses). Our own are always
 * whole. */
#ifndef HX_SERVER_LOG_ADDRESS_H
#define HX_SERVER_LOG_ADDRESS_H

#include "proto/endpoint.h"

enum log_addresses {
    LOG_ADDRESSES_FULL,
    LOG_ADDRESSES_PREFIX, /* an IPv4 /24, an IPv6 /48, no port */
    LOG_ADDRESSES_NONE
};

#define LOG_PREFIX_IPV4 24 /* bits of whole bytes */
#define LOG_PREFIX_IPV6 48

/* HX_OK; HX_EINVAL: none of full, prefix, none. */
int log_addresses_parse(enum log_addresses *out, const char *text);
/* From now on; LOG_ADDRESSES_FULL until it is set. */
void log_set_addresses(enum log_addresses addresses);
/* What may be logged of `peer`, for log_event()'s values; NULL: nothing, and the key is left out. */
const char *log_address(char text[ENDPOINT_TEXT_MAX], const struct endpoint *peer);
#define LOG_ADDRESS(peer) log_address((char[ENDPOINT_TEXT_MAX]){0}, (peer))
/* The network that begins with `bytes` bytes of the address, likewise, or a shorter one if no more may be
 * logged. */
const char *log_network(char text[ENDPOINT_TEXT_MAX], const struct endpoint *peer, size_t bytes);

#endif
