/* server/registry_local.h: the names of one process. */
#ifndef HX_SERVER_REGISTRY_LOCAL_H
#define HX_SERVER_REGISTRY_LOCAL_H

#include "server/registry.h"

/* With Bind-Session, the connection of the other family comes a moment after the first one: for so long
 * nobody is told that there is none. */
#define REGISTRY_FAMILY_MS 1000
#define REGISTRY_RETRY_MS  100 /* between two looks at introductions that their rate does not allow yet */
#define REGISTRY_TURN_MAX  16  /* introductions of one name in a row */
#define REGISTRY_LOOK_MAX  256 /* of those who wait for one, looked at in a row */

/* HX_OK or HX_ENOMEM. */
int registry_local_create(struct registry **out, const struct registry_config *config);

#endif
