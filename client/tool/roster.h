/* client/tool/roster.h: who is in a session besides this host, as far as it was told. Pure. */
#ifndef HX_CLIENT_TOOL_ROSTER_H
#define HX_CLIENT_TOOL_ROSTER_H

#include "client/hx.h"
#include <stdbool.h>

#define ROSTER_MAX (2 * HX_GROUP_MAX) /* with those that have left, and are connected still */

struct roster_member {
    char name[HX_NAME_MAX + 1];
    bool here;
    int connections;
    int error; /* of the last try to connect; HX_OK: none has failed since it was connected */
};

struct roster { /* zeroed: nobody is there */
    struct roster_member members[ROSTER_MAX];
    int count;
};

void roster_here(struct roster *r, const char *name, bool here);
void roster_connected(struct roster *r, const char *name);
void roster_disconnected(struct roster *r, const char *name);
/* False: the last try has failed likewise. */
bool roster_failed(struct roster *r, const char *name, int error);
/* How many are here, this host counted. */
int roster_count(const struct roster *r);
/* Who is missing of `expect`, in words: "1 has not come, bob is not connected (...)". */
void roster_missing(const struct roster *r, int expect, char *out, size_t size);

#endif
