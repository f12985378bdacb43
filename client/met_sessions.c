#include "client/met_sessions.h"
#include <string.h>

static struct {
    uint8_t ids[MET_SESSIONS_MAX][SESSION_BYTES];
    unsigned count; /* ever */
} met;

void met_sessions_add(const struct session *s)
{
    memcpy(met.ids[met.count++ % MET_SESSIONS_MAX], s->id, SESSION_BYTES);
}

bool met_sessions_have(const struct session *s)
{
    for (unsigned i = 0; i < met.count && i < MET_SESSIONS_MAX; i++) {
        if (memcmp(met.ids[i], s->id, SESSION_BYTES) == 0)
            return true;
    }
    return false;
}
