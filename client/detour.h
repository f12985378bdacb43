/* client/detour.h: a nameserver that another one has named, as one does that is about to stop: 503 with
 * Location. It is asked the same once, and is no better than its word:
 *
 *   - What it says itself of a third one is not heard, so there is no circle; if nothing comes of it, the
 *     list of hx_config.nameserver goes on, and each try of that list can lead to one detour at most.
 *   - It must be one nameserver, in the form that hx_config.nameserver has.
 *   - Who was to be asked by TLS sends nobody to where there is none.
 *   - A TCP connection is made to it only if the first one was reached by TCP as well: a nameserver can have
 *     our datagrams sent anywhere in any case, as it tells of peers, but no connection made.
 *
 * With the engine's lock held. */
#ifndef HX_CLIENT_DETOUR_H
#define HX_CLIENT_DETOUR_H

#include "client/nameserver.h"
#include "client/settings.h"

#define DETOUR_AWAITED_MAX 4 /* connect() asks again for some two seconds */

struct detour {     /* zeroed: there is none */
    bool taken;     /* questions go there, until detour_end(). The rest is private */
    int transports; /* TRANSPORT_* */
    int awaited;
    struct host_port name;
    struct tunnel_place place;
};

/* Number `where` of the nameservers of `s` was asked and has ended so. True: the same is to be asked again,
 * of another one from now on. */
bool detour_take(struct detour *d, const struct nameserver_end *end, const struct settings *s, int where);
void detour_end(struct detour *d);
/* The one that questions go to does not know the name. True: it may come to know it in a moment, since those
 * who hold names are on their way there, one after the other; DETOUR_AWAITED_MAX times in all. */
bool detour_awaits(struct detour *d);
/* Whom questions go to now. */
const struct host_port *detour_name(const struct detour *d, const struct settings *s, int where);
/* Fills in `name`, `place` and `transports`; the latter two are those of `d` or `s`, and live as long. */
void detour_request(const struct detour *d, const struct settings *s, int where,
                    struct nameserver_request *request);

#endif
