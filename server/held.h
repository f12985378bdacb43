/* server/held.h: what the connections of a server hold, for who looks at it from outside of them. */
#ifndef HX_SERVER_HELD_H
#define HX_SERVER_HELD_H

#include "proto/authorization.h"
#include "proto/endpoint.h"
#include "server/reach.h"
#include <stdbool.h>
#include <stdint.h>

struct conn_world;

struct held_name { /* valid during the call */
    const char *name;
    uint64_t introductions; /* since it is held */
    int64_t held_ms;        /* of base/clock.h, whatever connections its holder has had since */
    struct held_holder {
        int64_t conn; /* its number in the log */
        const struct endpoint *peer;
        const struct endpoint *source; /* as the network knows it: who has the tunnel, or `peer` */
        enum reach reach;
        int64_t since_ms;
        int rtt_ms;                           /* -1: not measured */
        char key[AUTHORIZATION_KEY_TEXT_MAX]; /* that it has proven; "": none */
    } holders[REACHES];
    int count;
};
typedef void held_visit(void *user, const struct held_name *name);

/* As registry_look() and registry_find_held(). */
bool held_names(struct conn_world *w, uint64_t *at, int most, held_visit *visit, void *user);
bool held_name(struct conn_world *w, const char *name, held_visit *visit, void *user);
/* Whose it is (--auth tofu), also if nobody holds it. HX_OK; HX_EAGAIN: that is being made durable;
 * HX_ENOTFOUND. */
int held_owner(struct conn_world *w, const char *name, char key[AUTHORIZATION_KEY_TEXT_MAX]);
/* It is nobody's any more; who holds it goes on. HX_OK; HX_EAGAIN, HX_ENOTFOUND, or what the store says, and
 * nothing has changed. */
int held_forget_owner(struct conn_world *w, const char *name);
/* Its holder's answer ends in order. False: nobody holds it. */
bool held_kick(struct conn_world *w, const char *name);

#endif
