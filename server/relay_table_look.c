/* The table as somebody sees it who only looks. */
#include "base/table_scan.h"
#include "server/relay_table_state.h"
#include <string.h>

static void show(const struct relay_session *s, int64_t now_ms, struct relay_shown *out)
{
    int64_t since_ms = s->begun_ms != 0 ? s->begun_ms : s->known_ms;

    *out = (struct relay_shown){.open = s->begun_ms != 0, .age_ms = now_ms - since_ms, .bytes = s->bytes};
    memcpy(out->id, s->id, sizeof out->id);
    for (int i = 0; i < RELAY_HALVES; i++) {
        const struct party *p = &s->parties[i];

        out->there[i] = p->opened_ms != 0 && now_ms - p->opened_ms < RELAY_PARTY_MS;
        out->at[i] = p->opened_ms != 0 ? p->place.route.to : p->proven;
    }
}

int relay_table_look(struct relay_table *t, uint64_t *at, struct relay_shown *out, int most, int64_t now_ms)
{
    struct table_scan scan = table_scan_begin(*at);
    const struct relay_session *s;
    int count = 0;

    pthread_mutex_lock(&t->lock);
    while (count < most && (s = table_scan_next(&scan, t->sessions ? t->sessions->hh.tbl : NULL)) != NULL)
        show(s, now_ms, &out[count++]);
    pthread_mutex_unlock(&t->lock);
    *at = scan.at;
    return count;
}
