#include "client/nat_rules.h"
#include <stdlib.h>
#include <string.h>

static bool answered(const struct nat_sample *s)
{
    return s->mapped.family != AF_UNSPEC;
}

/* What pairs of questions from one port have shown. */
struct pairs {
    bool address_same, address_differs; /* to two addresses: one mapping, two mappings */
    bool port_same, port_differs;       /* to two ports of one address */
};

static void look_at_pair(struct pairs *p, const struct nat_sample *a, const struct nat_sample *b)
{
    bool same = endpoint_equal(&a->mapped, &b->mapped);
    if (a->local_port != b->local_port || !answered(a) || !answered(b) ||
        endpoint_equal(&a->server, &b->server))
        return;
    if (endpoint_same_host(&a->server, &b->server)) {
        p->port_same |= same;
        p->port_differs |= !same;
    } else {
        p->address_same |= same;
        p->address_differs |= !same;
    }
}

static enum nat_mapping_kind kind_of(const struct pairs *p)
{
    if (p->port_differs)
        return NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT;
    if (p->address_differs)
        return p->port_same ? NAT_MAPPING_ADDRESS_DEPENDENT : NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT;
    return p->address_same || p->port_same ? NAT_MAPPING_ENDPOINT_INDEPENDENT : NAT_MAPPING_UNKNOWN;
}

/* The fresh mappings, each once, in the order in which they were made. */
struct allocation {
    uint16_t local_port, port;
};

static size_t allocations_of(const struct nat_samples *s, struct allocation out[NAT_SAMPLES_MAX])
{
    size_t count = 0;
    for (size_t i = 0; i < s->count; i++) {
        struct allocation a = {s->list[i].local_port, s->list[i].mapped.port};
        bool known = !answered(&s->list[i]) || !s->list[i].fresh;
        for (size_t k = 0; k < count && !known; k++)
            known = out[k].local_port == a.local_port && out[k].port == a.port;
        if (!known)
            out[count++] = a;
    }
    return count;
}

static int greatest_divisor(int a, int b)
{
    while (b != 0) {
        int rest = a % b;
        a = b;
        b = rest;
    }
    return abs(a);
}

/* Of ports that go one way in small steps: with what others have taken between, each step is a multiple of the
 * NAT's own. 0: they do not. */
static int step_of(const struct allocation *a, size_t count)
{
    int span = count > 2 ? NAT_SEQUENCE_SPAN : NAT_SEQUENCE_SPAN_OF_TWO;
    int step = 0;
    for (size_t i = 1; i < count; i++) {
        int apart = (int)a[i].port - (int)a[i - 1].port;
        if (apart == 0 || abs(apart) > span || (step != 0 && (apart > 0) != (step > 0)))
            return 0;
        step = greatest_divisor(apart, step) * (apart > 0 ? 1 : -1);
    }
    return step;
}

static bool one_block(const struct allocation *a, size_t count)
{
    uint16_t least = a[0].port, most = least;
    for (size_t i = 1; i < count; i++) {
        least = a[i].port < least ? a[i].port : least;
        most = a[i].port > most ? a[i].port : most;
    }
    return most - least < NAT_BLOCK_SPAN;
}

static void judge_ports(const struct nat_samples *s, struct nat_mapping *out)
{
    struct allocation all[NAT_SAMPLES_MAX];
    size_t count = allocations_of(s, all);
    size_t preserved = 0;
    for (size_t i = 0; i < count; i++)
        preserved += all[i].port == all[i].local_port;
    if (count == 0)
        return;
    if (preserved * 2 > count) /* one that was taken already is given otherwise */
        out->ports = NAT_PORTS_PRESERVING;
    else if (count < 2)
        out->ports = NAT_PORTS_UNKNOWN;
    else
        out->ports = (out->step = step_of(all, count)) != 0 ? NAT_PORTS_SEQUENTIAL : NAT_PORTS_RANDOM;
    if (out->ports == NAT_PORTS_SEQUENTIAL)
        out->last_port = all[count - 1].port;
    out->block = out->ports == NAT_PORTS_RANDOM && one_block(all, count);
}

void nat_rules_mapping(const struct nat_samples *s, struct nat_mapping *out, bool *one_address)
{
    struct pairs pairs = {false, false, false, false};
    *out = (struct nat_mapping){.kind = NAT_MAPPING_UNKNOWN};
    for (size_t i = 0; i < s->count; i++) {
        for (size_t k = 0; k < i; k++)
            look_at_pair(&pairs, &s->list[k], &s->list[i]);
    }
    out->kind = kind_of(&pairs);
    *one_address = !pairs.address_same && !pairs.address_differs;
    out->one_address = *one_address && out->kind == NAT_MAPPING_ENDPOINT_INDEPENDENT;
    judge_ports(s, out);
}

enum nat_mapping_kind nat_rules_filtering(enum nat_test other_address, enum nat_test other_port)
{
    if (other_address == NAT_CAME)
        return NAT_MAPPING_ENDPOINT_INDEPENDENT;
    if (other_port == NAT_STAYED_AWAY)
        return NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT;
    return other_address == NAT_STAYED_AWAY && other_port == NAT_CAME ? NAT_MAPPING_ADDRESS_DEPENDENT
                                                                      : NAT_MAPPING_UNKNOWN;
}

enum nat_verdict nat_rules_verdict(const struct nat_mapping *m)
{
    switch (m->kind) {
    case NAT_MAPPING_ENDPOINT_INDEPENDENT:
        return NAT_EASY;
    case NAT_MAPPING_ADDRESS_DEPENDENT:
    case NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT:
        return m->ports == NAT_PORTS_SEQUENTIAL || m->ports == NAT_PORTS_PRESERVING ? NAT_PREDICTABLE
                                                                                    : NAT_HARD;
    default:
        return NAT_UNCLEAR;
    }
}
