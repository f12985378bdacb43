#include "server/session_source.h"
#include "base/error.h"
#include <string.h>
#include <sys/random.h>

/* Nobody else shall know it: no copy stays behind. */
static void take(struct session_source *s, uint8_t *out, size_t len)
{
    s->left -= len;
    memcpy(out, s->bytes + s->left, len);
    explicit_bzero(s->bytes + s->left, len);
}

int session_source_draw(struct session_source *s, struct session *out)
{
    if (s->left < sizeof out->id + sizeof out->key) {
        if (getrandom(s->bytes, sizeof s->bytes, 0) != (ssize_t)sizeof s->bytes)
            return HX_ESYS;
        s->left = sizeof s->bytes;
    }
    take(s, out->id, sizeof out->id);
    take(s, out->key, sizeof out->key);
    out->given = true;
    out->relay = (struct relay_offer){.offered = false};
    return HX_OK;
}
