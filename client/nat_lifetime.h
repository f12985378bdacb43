/* client/nat_lifetime.h: how long the NAT in front of this host keeps a mapping that nothing passes. */
#ifndef HX_CLIENT_NAT_LIFETIME_H
#define HX_CLIENT_NAT_LIFETIME_H

#include "client/api.h"
#include "client/settings.h"

struct nat_lifetime_request {
    const struct settings *settings;
    int most_s;    /* the oldest mapping that is looked at */
    int second_ms; /* how long a second is: 1000; a test has no time */
    void (*on_progress)(void *user, const struct hx_nat_lifetime *now); /* may be NULL */
    void *user;
};

/* As hx_nat_lifetime(). Without the engine's lock. */
int nat_lifetime_measure(struct hx_nat_lifetime *out, const struct nat_lifetime_request *request);

#endif
