/* client/forward/forward_spec.h: what -L and -D are given. Pure; no allocation.
 *
 * As ssh has it: fields with ':' between, an IPv6 address in brackets, '\' before a character that is to be
 * taken as it is. A field with a '/' is the path of a Unix socket. */
#ifndef HX_CLIENT_FORWARD_FORWARD_SPEC_H
#define HX_CLIENT_FORWARD_FORWARD_SPEC_H

#include "client/forward/authority.h"

#define FORWARD_ERROR_MAX 256

enum forward_kind {
    FORWARD_LOCAL, /* -L LISTEN:TARGET */
    FORWARD_SOCKS  /* -D LISTEN */
};

struct forward_spec { /* LISTEN is [ADDR:]PORT or a path, TARGET is HOST:PORT or a path */
    enum forward_kind kind;
    char path[AUTHORITY_PATH_MAX + 1]; /* "": a TCP port */
    bool anywhere;                     /* ADDR is "*": all addresses of this host */
    /* "": loopback addresses; else a name or an address, without brackets */
    char address[AUTHORITY_HOST_MAX + 1];
    uint16_t port; /* 0: the kernel's choice */
    struct authority target;
};

/* HX_OK, or HX_EINVAL and `error` says what is wrong, in one line. */
int forward_spec_parse(struct forward_spec *out, enum forward_kind kind, const char *text,
                       char error[FORWARD_ERROR_MAX]);

#endif
