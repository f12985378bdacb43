/* client/forward/socks.h: the server's side of SOCKS5 (RFC 1928), up to the request: no authentication,
 * CONNECT and UDP ASSOCIATE. Pure: bytes in, a target and bytes out; no I/O, no allocation.
 *
 * Read at most socks_want() bytes from the client at a time: what follows the request is the connection's,
 * and stays unread. Nothing is said to clients that speak SOCKS4 or HTTP. */
#ifndef HX_CLIENT_FORWARD_SOCKS_H
#define HX_CLIENT_FORWARD_SOCKS_H

#include "client/forward/authority.h"
#include "proto/endpoint.h"

#define SOCKS_FIELD_MAX 257 /* bytes of the longest field: a name of 255 and its port */
#define SOCKS_REPLY_MAX 22  /* bytes of the longest answer: a reply with an IPv6 address */

enum socks_type { SOCKS_TYPE_IPV4 = 1, SOCKS_TYPE_NAME = 3, SOCKS_TYPE_IPV6 = 4 };

enum socks_reply { /* RFC 1928, 6 */
                   SOCKS_SUCCEEDED = 0,
                   SOCKS_GENERAL_FAILURE = 1,
                   SOCKS_NOT_ALLOWED = 2,
                   SOCKS_NETWORK_UNREACHABLE = 3,
                   SOCKS_HOST_UNREACHABLE = 4,
                   SOCKS_REFUSED = 5,
                   SOCKS_COMMAND_NOT_SUPPORTED = 7,
                   SOCKS_TYPE_NOT_SUPPORTED = 8,
};

enum socks_state {
    SOCKS_VERSION,
    SOCKS_METHODS,
    SOCKS_REQUEST,
    SOCKS_NAME_LENGTH,
    SOCKS_ADDRESS,
    SOCKS_DONE,  /* `target` is known: answer with socks_reply() */
    SOCKS_FAILED /* send what `out` has, then close; `reason` says why */
};

struct socks {
    enum socks_state state;
    uint8_t type;                   /* the request's ATYP */
    size_t need, have;              /* bytes of the field that is being read */
    uint8_t field[SOCKS_FIELD_MAX]; /* the methods fit as well: at most 255 */
    uint8_t out[SOCKS_REPLY_MAX];   /* to be sent; socks_feed() begins it anew */
    size_t out_len;
    const char *reason; /* static text */
    /* UDP ASSOCIATE: the target is where the client will send from; AUTHORITY_ANY or port 0: unknown */
    bool udp;
    struct authority target;
};

void socks_init(struct socks *s);
/* Bytes that may be read now; 0 once it is done or has failed. */
size_t socks_want(const struct socks *s);
/* Takes `len` bytes, at most socks_want(); then send `out`. */
void socks_feed(struct socks *s, const uint8_t *data, size_t len);
/* `len` bytes that are an address of that type, and the port behind them. HX_OK; HX_EINVAL: it is no host. */
int socks_read_address(struct authority *out, uint8_t type, const uint8_t *bytes, size_t len);
/* The answer to the request; the bound address is not told: 0.0.0.0:0. */
void socks_answer(struct socks *s, enum socks_reply reply);
/* The same with it. */
void socks_answer_at(struct socks *s, enum socks_reply reply, const struct endpoint *at);

#endif
