/* shim/net/parts.h: the bytes of a datagram that lie in several places, one part after the other. */
#ifndef HX_SHIM_NET_PARTS_H
#define HX_SHIM_NET_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

size_t parts_length(const struct iovec *parts, int count);
/* Copies them to `out`, as many as it has room for. How many. */
size_t parts_gather(const struct iovec *parts, int count, uint8_t *out, size_t room);
/* Copies bytes[0..len) into them. False: they have no room for all of it. */
bool parts_scatter(const struct iovec *parts, int count, const uint8_t *bytes, size_t len);

#endif
