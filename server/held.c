#include "server/held.h"
#include "base/error.h"
#include "server/auth.h"
#include "server/conn_state.h"
#include <string.h>

struct looking {
    held_visit *visit;
    void *user;
};

static void show(void *user, const struct registry_shown *name)
{
    const struct looking *l = user;
    struct held_name shown = {
        .name = name->name, .introductions = name->introductions, .held_ms = name->held_ms};

    for (const struct registry_member *m = name->holder; m && shown.count < REACHES; m = m->in.next) {
        const struct conn *c = container_of(m, const struct conn, member);

        shown.holders[shown.count] = (struct held_holder){.conn = c->id,
                                                          .peer = &m->peer,
                                                          .source = conn_source(c),
                                                          .reach = m->reach,
                                                          .since_ms = c->asked_ms,
                                                          .rtt_ms = c->rtt_ms};
        if (c->auth && c->auth->proven)
            authorization_key_format(shown.holders[shown.count].key, &c->auth->key);
        shown.count++;
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

static struct owners *owners(const struct conn_world *w)
{
    return w->auth ? auth_owners(w->auth) : NULL;
}

int held_owner(struct conn_world *w, const char *name, char text[AUTHORIZATION_KEY_TEXT_MAX])
{
    struct authorization_key key = {.kind = AUTHORIZATION_ED25519};
    const uint8_t *bytes = NULL;
    enum owners_state state = owners(w) ? owners_look(owners(w), name, &bytes) : OWNERS_FREE;

    if (state == OWNERS_FREE)
        return HX_ENOTFOUND;
    memcpy(key.bytes, bytes, sizeof key.bytes);
    authorization_key_format(text, &key);
    return state == OWNERS_OWNED ? HX_OK : HX_EAGAIN;
}

int held_forget_owner(struct conn_world *w, const char *name)
{
    return owners(w) ? owners_forget(owners(w), name) : HX_ENOTFOUND;
}

bool held_kick(struct conn_world *w, const char *name)
{
    return registry_kick(w->registry, name);
}
