/* server/registry_local.h: the names of one process. */
#ifndef HX_SERVER_REGISTRY_LOCAL_H
#define HX_SERVER_REGISTRY_LOCAL_H

#include "server/registry.h"

struct counters;
struct policy;
struct relay;
struct timers;

/* With Bind-Session, the connection of the other family comes a moment after the first one: for so long
 * nobody is told that there is none. */
#define REGISTRY_FAMILY_MS 1000
#define REGISTRY_RETRY_MS  100 /* between two looks at introductions that their rate does not allow yet */
#define REGISTRY_TURN_MAX  16  /* introductions of one name in a row */
#define REGISTRY_LOOK_MAX  256 /* of those who wait for one, looked at in a row */

struct registry_local_config { /* all of it stays the caller's, and must live as long as the registry */
    struct timers *timers;
    struct policy *policy;
    struct counters *counters;
    struct relay *relay;   /* NULL: there is none */
    const int64_t *now_ms; /* of base/clock.h, as of this turn */
};

/* HX_OK or HX_ENOMEM. */
int registry_local_create(struct registry **out, const struct registry_local_config *config);

#endif
