#include "server/held.h"
#include "server/conn_state.h"

struct looking {
    held_visit *visit;
    void *user;
};

static void show(void *user, const char *name, const struct registry_member *holder, uint64_t introductions)
{
    const struct looking *l = user;
    struct held_name shown = {.name = name, .introductions = introductions};

    for (const struct registry_member *m = holder; m && shown.count < REACHES; m = m->in.next) {
        const struct conn *c = container_of(m, const struct conn, member);

        shown.holders[shown.count++] = (struct held_holder){
            .conn = c->id, .peer = &m->peer, .reach = m->reach, .since_ms = c->asked_ms, .rtt_ms = c->rtt_ms};
    }
    l->visit(l->user, &shown);
}

bool held_names(struct conn_world *w, uint64_t *at, int most, held_visit *visit, void *user)
{
    struct looking l = {visit, user};

    return registry_look(w->registry, at, most, show, &l);
}

bool held_name(struct conn_world *w, const char *name, held_visit *visit, void *user)
{
    struct looking l = {visit, user};

    return registry_find_held(w->registry, name, show, &l);
}

bool held_kick(struct conn_world *w, const char *name)
{
    return registry_kick(w->registry, name);
}
