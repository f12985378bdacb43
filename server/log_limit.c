#include "server/log_limit.h"
#include <string.h>

/* Names are literals: mostly the pointers are equal already. */
static struct log_kind *find_or_add(struct log_kinds *k, const char *name, enum log_level level)
{
    for (int i = 0; i < k->count; i++)
        if (k->of[i].level == level && (k->of[i].name == name || strcmp(k->of[i].name, name) == 0))
            return &k->of[i];
    if (k->count == LOG_KINDS_MAX) /* the last place was taken for whatever does not fit */
        return &k->of[LOG_KINDS_MAX - 1];
    k->of[k->count] =
        (struct log_kind){.name = k->count == LOG_KINDS_MAX - 1 ? "others" : name, .level = level};
    return &k->of[k->count++];
}

bool log_kinds_allow(struct log_kinds *k, const char *name, enum log_level level, int64_t now_ms)
{
    struct log_kind *kind = find_or_add(k, name, level);

    if (log_limit_allows(&kind->limit, level == LOG_DEBUG ? LOG_LIMIT_DEBUG : LOG_LIMIT_LINES, now_ms))
        return true;
    int64_t over_ms = kind->limit.since_ms + LOG_LIMIT_MS;
    if (k->over_ms == 0 || over_ms < k->over_ms)
        k->over_ms = over_ms;
    return false;
}

const struct log_kind *log_kinds_over(struct log_kinds *k, int64_t now_ms, int64_t *held)
{
    int64_t next_ms = 0;

    if (k->over_ms == 0 || now_ms < k->over_ms)
        return NULL;
    for (int i = 0; i < k->count; i++) {
        const struct log_limit *l = &k->of[i].limit;
        int64_t over_ms = l->since_ms + LOG_LIMIT_MS;

        if ((*held = log_limit_over(&k->of[i].limit, now_ms)) > 0)
            return &k->of[i];
        if (l->held > 0 && (next_ms == 0 || over_ms < next_ms))
            next_ms = over_ms;
    }
    k->over_ms = next_ms;
    return NULL;
}
