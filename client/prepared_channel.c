#include "client/prepared_channel.h"
#include <signal.h>

static void *make(void *arg)
{
    struct prepared_channel *p = arg;
    const uint8_t *first;
    if (secure_channel_create(&p->channel, p->keys, true) == HX_OK)
        (void)secure_channel_early(p->channel, &first);
    return NULL;
}

void prepared_channel_begin(struct prepared_channel *p, const struct keyring *keys)
{
    sigset_t all, before;
    *p = (struct prepared_channel){.keys = keys};
    if (keys->count == 0)
        return;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the program's */
    p->being_made = pthread_create(&p->thread, NULL, make, p) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct secure_channel *prepared_channel_take(struct prepared_channel *p)
{
    if (p->being_made)
        pthread_join(p->thread, NULL);
    struct secure_channel *channel = p->channel;
    p->being_made = false;
    p->channel = NULL;
    return channel;
}

void prepared_channel_end(struct prepared_channel *p)
{
    secure_channel_destroy(prepared_channel_take(p));
}
