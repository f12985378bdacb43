/* client/forward/forward_spec.h: what -L, -R and -D are given. Pure; no allocation.
 *
 * As ssh has it: fields with ':' between, an IPv6 address in brackets, '\' before a character that is to be
 * taken as it is. A field with a '/' is the path of a Unix socket. Behind "udp:" -L and -R forward
 * datagrams. */
#ifndef HX_CLIENT_FORWARD_FORWARD_SPEC_H
#define HX_CLIENT_FORWARD_FORWARD_SPEC_H

#include "client/forward/authority.h"

#define FORWARD_ERROR_MAX 256

enum forward_kind {
    FORWARD_LOCAL,       /* -L LISTEN:TARGET */
    FORWARD_SOCKS,       /* -D LISTEN */
    FORWARD_REMOTE,      /* -R LISTEN:TARGET: LISTEN is at the other side, TARGET at this one */
    FORWARD_REMOTE_SOCKS /* -R LISTEN: what the other side's SOCKS clients ask for is connected to here */
};

struct forward_spec { /* LISTEN is [ADDR:]PORT or a path, TARGET is HOST:PORT or a path */
    enum forward_kind kind;
    bool udp;                          /* of datagrams; with a target only */
    char path[AUTHORITY_PATH_MAX + 1]; /* "": a TCP port */
    bool anywhere;                     /* ADDR is "*": all addresses of this host */
    /* "": loopback addresses; else a name or an address, without brackets */
    char address[AUTHORITY_HOST_MAX + 1];
    uint16_t port; /* 0: the kernel's choice */
    struct authority target;
};

/* FORWARD_REMOTE gives FORWARD_REMOTE_SOCKS if there is no TARGET. HX_OK, or HX_EINVAL and `error` says what
 * is wrong, in one line. */
int forward_spec_parse(struct forward_spec *out, enum forward_kind kind, const char *text,
                       char error[FORWARD_ERROR_MAX]);

#define FORWARD_PLACES_MAX 512 /* bytes that hold where one listens: "127.0.0.1:80,[::1]:80" */
#define FORWARD_LISTEN_MAX (2 * AUTHORITY_TEXT_MAX) /* bytes that hold any LISTEN, with the NUL */
/* LISTEN, as forward_spec_parse() takes it with FORWARD_SOCKS. */
void forward_spec_listen(const struct forward_spec *spec, char text[FORWARD_LISTEN_MAX]);

#endif
