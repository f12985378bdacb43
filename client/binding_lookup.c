/* What a binding's legs know. */
#include "client/binding.h"

void binding_report(struct binding *b, sa_family_t family, const struct attempt_report *r)
{
    int wanted = family == AF_INET ? FAMILY_IPV4 : FAMILY_IPV6;
    for (int i = 0; i < 2; i++) {
        struct nameserver *n = b->legs[i].former ? b->legs[i].former : b->legs[i].nameserver;
        if (n && nameserver_family(n) == wanted) {
            nameserver_report(n, r);
            return;
        }
    }
}

struct nameserver *binding_nameserver(const struct binding *b)
{
    const struct leg *main = b->main;
    if (main->former)
        return main->former;
    return main->state == LEG_BOUND ? main->nameserver : NULL;
}

const struct peer_fields *binding_told(const struct binding *b, const struct nameserver *n)
{
    const struct leg *leg = &b->legs[n == b->legs[1].nameserver || n == b->legs[1].former];
    return leg->former == n ? &leg->former_told : &leg->told;
}

const struct endpoint *binding_external(const struct binding *b, sa_family_t family)
{
    const struct leg *main = b->main, *other = &b->legs[main == &b->legs[0]];
    if (family == AF_UNSPEC || main->external.family == family)
        return &main->external;
    return other->external.family == family ? &other->external : &main->external;
}
