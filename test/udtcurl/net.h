/* test/udtcurl/net.h: udtcurl's one UDP port and the one connection it keeps from URL to URL. */
#ifndef HX_UDTCURL_NET_H
#define HX_UDTCURL_NET_H

#include "proto/authorization.h"
#include "proto/endpoint.h"
#include "test/udtcurl/url.h"
#include <poll.h>
#include <stdbool.h>

#define NET_ADDRESSES_MAX 8   /* of one name; more are not tried */
#define NET_NEXT_MS       250 /* head start of an address before the next is tried, too (RFC 8305, 5) */

struct addrinfo;
struct identity;
struct stream;
struct udt_port;

enum attempt_state { ATTEMPT_WAITS, ATTEMPT_RUNS, ATTEMPT_CONNECTED, ATTEMPT_FAILED };

struct attempt {
    enum attempt_state state;
    struct stream *stream;
    struct endpoint peer;
    struct sockaddr_storage address; /* the same, with the scope of a link-local one */
    socklen_t len;
    int error;        /* HX_E*, once it has failed */
    bool peer_closed; /* the peer's orderly close was seen */
};

struct net {
    struct udt_port *port; /* NULL until the first connect */
    struct attempt attempts[NET_ADDRESSES_MAX];
    size_t count, started;
    int64_t next_ms;           /* when the next address is tried */
    struct attempt *connected; /* the one that won; NULL: not connected */
    char host[URL_HOST_MAX + 1];
    uint16_t host_port; /* whom `connected` was made for */
    unsigned number;    /* of the connection, counted from 0 as curl does */
    unsigned made;      /* connections so far */
    bool verbose;
    const struct identity *device;           /* --device-key; NULL: none */
    char nonce[AUTHORIZATION_NONCE_MAX + 1]; /* of `connected`, not used yet; "": none */
};

/* Opens the port unless it is open. UC_OK, UC_LOCAL with errno, UC_MEMORY. */
int net_open(struct net *n, uint16_t local_port);
/* True if the kept connection leads there and has not been closed by the peer. */
bool net_reusable(struct net *n, const struct url *u);
/* Forgets the kept connection and begins anew with these addresses. */
void net_begin(struct net *n, const struct url *u, const struct addrinfo *addresses);
/* Goes on: UC_OK: n->connected; UC_AGAIN; UC_CONNECT or UC_TIMEOUT: no address answers. `until_ms` bounds
 * each. */
int net_step(struct net *n, int64_t until_ms);
/* Takes the port's events. */
void net_pump(struct net *n);
/* Waits for an event, for the next address's turn, or until `until_ms` (-1: none); `watch_fd` (or -1) is
 * watched for errors. UC_OK; UC_TIMEOUT; UC_WRITE: watch_fd is broken; UC_SIGNAL + number. Takes the
 * events. */
int net_wait(struct net *n, int watch_fd, int64_t until_ms);
/* Ends the connection and all attempts. */
void net_close(struct net *n);
/* The address that packets to the peer leave from; its port is the one that was bound. */
void net_local(const struct net *n, struct endpoint *out);

#endif
