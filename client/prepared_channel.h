/* client/prepared_channel.h: the secure channel of one who will ask for a peer, made in a thread of its own
 * meanwhile: what OpenSSL does for the first one of a process takes milliseconds, and the peer would wait
 * for them. */
#ifndef HX_CLIENT_PREPARED_CHANNEL_H
#define HX_CLIENT_PREPARED_CHANNEL_H

#include "client/secure_channel.h"
#include <pthread.h>

struct prepared_channel {
    bool being_made; /* by `thread` */
    pthread_t thread;
    const struct keyring *keys;
    struct secure_channel *channel;
};

/* With what it will say first. `keys` live until prepared_channel_end(); none: nothing is made. */
void prepared_channel_begin(struct prepared_channel *p, const struct keyring *keys);
/* It is the caller's then. Waits for one that is being made. NULL: there is none, or it was taken before. */
struct secure_channel *prepared_channel_take(struct prepared_channel *p);
void prepared_channel_end(struct prepared_channel *p);

#endif
