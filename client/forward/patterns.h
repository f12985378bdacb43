/* client/forward/patterns.h: a list of places that hx bind names, with '*' for any host or port. Pure but for
 * its memory. What they mean is said in client/forward/allow.h and permit.h. */
#ifndef HX_CLIENT_FORWARD_PATTERNS_H
#define HX_CLIENT_FORWARD_PATTERNS_H

#include "client/forward/authority.h"

#define PATTERNS_MAX 256

struct pattern {
    bool udp;  /* it stood behind "udp:" */
    bool bare; /* "PORT" alone, or "*"; `at` has nothing but the port */
    struct authority at;
};

struct patterns { /* zeroed: empty */
    struct pattern *list;
    size_t count;
};

/* "HOST:PORT", "[IPV6]:PORT" or the absolute path of a Unix socket, which is none of datagrams; with `bare`
 * "PORT", too. HX_OK or HX_EINVAL. */
int pattern_parse(struct pattern *out, const char *text, bool bare);
/* The same, into the list. HX_EINVAL, HX_ELIMIT, HX_ENOMEM. */
int patterns_add(struct patterns *p, const char *text, bool bare);
void patterns_free(struct patterns *p);

#endif
