#include "shim/udt/drops.h"
#include <string.h>

const char *drop_name(enum drop why)
{
    static const char *const names[DROPS] = {
#define DROP_NAME(name, text) [DROP_##name] = (text),
        DROP_MAP(DROP_NAME)
#undef DROP_NAME
    };

    return (unsigned)why < FILTER_VERDICTS ? filter_verdict_name((enum filter_verdict)why) : names[why];
}

static bool is_same_host(const struct drop_source *s, const struct net_address *from)
{
    return s->used && memcmp(s->from.ip, from->ip, sizeof from->ip) == 0;
}

void drops_note(struct drops *d, const struct net_address *from, enum drop why, int64_t now_ms)
{
    struct drop_source *place = NULL;

    for (int i = 0; i < DROP_SOURCES; i++) {
        struct drop_source *s = &d->sources[i];
        bool over = !s->used || (!s->pending && now_ms - s->noted_ms >= DROP_REPORT_MS);

        if (is_same_host(s, from)) {
            place = over ? s : NULL;
            break;
        }
        if (over && !place)
            place = s;
    }
    if (place)
        *place = (struct drop_source){
            .from = *from, .noted_ms = now_ms, .why = why, .used = true, .pending = true};
}

bool drops_next(struct drops *d, struct net_address *from, enum drop *why)
{
    for (int i = 0; i < DROP_SOURCES; i++) {
        struct drop_source *s = &d->sources[i];

        if (!s->pending)
            continue;
        s->pending = false;
        *from = s->from;
        *why = s->why;
        return true;
    }
    return false;
}
