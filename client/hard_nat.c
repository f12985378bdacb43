#include "client/hard_nat.h"
#include <stdio.h>
#include <stdlib.h>

#define PORTS_FIRST 1024
#define PORTS       (65536 - PORTS_FIRST)

bool hard_nat_is(const struct nat_mapping *m)
{
    return m->kind == NAT_MAPPING_ADDRESS_DEPENDENT || m->kind == NAT_MAPPING_ADDRESS_AND_PORT_DEPENDENT;
}

bool hard_nat_sequential(const struct nat_mapping *m)
{
    return m->ports == NAT_PORTS_SEQUENTIAL && m->step != 0 && m->last_port != 0;
}

bool hard_nat_counts(const struct nat_mapping *m)
{
    return hard_nat_is(m) && hard_nat_sequential(m);
}

/* All of our requests to the peer's address leave by one port of the NAT. */
static bool one_port(const struct nat_mapping *m)
{
    return m->kind == NAT_MAPPING_ADDRESS_DEPENDENT;
}

enum hard_nat_method hard_nat_method(const struct nat_mapping *own, const struct nat_mapping *peer,
                                     bool calling)
{
    bool ours = hard_nat_is(own), theirs = hard_nat_is(peer);
    if (!ours && !theirs)
        return HARD_NAT_NONE;
    if (!ours)
        return hard_nat_sequential(peer) ? HARD_NAT_GUESS : HARD_NAT_SPRAY_PORTS;
    if (!theirs)
        return hard_nat_sequential(own) ? HARD_NAT_NONE : HARD_NAT_OPEN_SOCKETS;
    if (hard_nat_sequential(own) && hard_nat_sequential(peer) && one_port(own) && one_port(peer))
        return HARD_NAT_GUESS;
    if (hard_nat_sequential(own) && hard_nat_sequential(peer))
        return one_port(own) || (!one_port(peer) && !calling) ? HARD_NAT_MEET_SOCKETS : HARD_NAT_MEET_PORTS;
    if (hard_nat_sequential(own) && one_port(own))
        return HARD_NAT_SPRAY_PORTS;
    if (hard_nat_sequential(peer) && one_port(peer))
        return HARD_NAT_OPEN_SOCKETS;
    return HARD_NAT_HOPELESS;
}

bool hard_nat_takes(const struct nat_mapping *m)
{
    return m->ports == NAT_PORTS_PRESERVING && !hard_nat_is(m);
}

/* One that keeps ports would keep it for the peer, too. */
static bool not_told_apart(const struct nat_mapping *m)
{
    return m->kind == NAT_MAPPING_ENDPOINT_INDEPENDENT && m->one_address && m->ports != NAT_PORTS_PRESERVING;
}

static bool may_depend(const struct nat_mapping *m)
{
    return not_told_apart(m) && (m->ports == NAT_PORTS_RANDOM || hard_nat_sequential(m));
}

bool hard_nat_holds(const struct nat_mapping *own, bool calling)
{
    return hard_nat_is(own) || (!calling && may_depend(own));
}

bool hard_nat_suppose(struct nat_mapping *own, struct nat_mapping *peer, bool calling, int guess)
{
    struct nat_mapping *sides[2] = {NULL}, *called = calling ? peer : own, *caller = calling ? own : peer;
    bool both = hard_nat_sequential(own) && hard_nat_sequential(peer);
    bool one_is = hard_nat_is(own) || hard_nat_is(peer);
    bool counted = hard_nat_is(own) ? hard_nat_sequential(peer) : hard_nat_sequential(own);
    int count = 0;
    if (guess >= (both || one_is ? 1 : HARD_NAT_SUPPOSED) || (one_is && !both && !counted))
        return false;
    if (may_depend(called))
        sides[count++] = called;
    if (may_depend(caller))
        sides[count++] = caller;
    /* Whether one that counts is what it is taken for is soon seen. */
    int first = count == 2 && hard_nat_sequential(sides[1]) ? 1 : 0;
    for (int i = 0; i < count; i++) {
        if (both || i == (guess + first) % count)
            sides[i]->kind = NAT_MAPPING_ADDRESS_DEPENDENT;
    }
    return count > 0;
}

bool hard_nat_news(const struct nat_mapping *now, const struct nat_mapping *told)
{
    if (hard_nat_is(now))
        return !hard_nat_is(told);
    return may_depend(now) && hard_nat_sequential(now) && !hard_nat_sequential(told);
}

bool hard_nat_supposed(const struct nat_mapping *own, const struct nat_mapping *peer)
{
    return (hard_nat_is(own) && own->one_address) || (hard_nat_is(peer) && peer->one_address);
}

int hard_nat_openings(const struct nat_mapping *own, const struct nat_mapping *peer, bool calling)
{
    bool takes_it = hard_nat_takes(peer);
    if (hard_nat_is(peer) || !(takes_it || peer->kind == NAT_MAPPING_UNKNOWN))
        return 0;
    if (hard_nat_is(own) || !calling)
        return HARD_NAT_OPENINGS;
    return takes_it ? 1 : 0;
}

int hard_nat_hops(int n, int openings, int own_hops)
{
    if (n < openings)
        return own_hops;
    return n == openings && openings > 1 ? own_hops + 1 : 0;
}

static long around(long ports)
{
    return (ports % PORTS + PORTS) % PORTS;
}

uint16_t hard_nat_next_port(const struct nat_mapping *m, int n)
{
    if (!hard_nat_sequential(m) || m->last_port < PORTS_FIRST)
        return 0;
    return (uint16_t)(PORTS_FIRST + around((long)m->last_port - PORTS_FIRST + (long)m->step * n));
}

uint16_t hard_nat_meeting_port(const struct nat_mapping *peer, int gone, int i)
{
    return hard_nat_next_port(peer, gone + HARD_NAT_MEET_AT + i / HARD_NAT_MEET * HARD_NAT_MEET);
}

uint16_t hard_nat_one_asked(const struct nat_mapping *m, int gone)
{
    return hard_nat_next_port(m, gone + HARD_NAT_MEET + HARD_NAT_MEET_AT);
}

uint16_t hard_nat_one_port(const struct nat_mapping *m, int gone, int n)
{
    return hard_nat_next_port(m, gone - HARD_NAT_ONE_NEAR - n);
}

int hard_nat_sprayer(int sockets, int gone)
{
    int beyond = gone > 0 ? gone - 1 - HARD_NAT_SPRAY_AT : 0; /* one step was taken to count the others */
    return beyond <= 0 ? sockets - 1 : beyond < sockets ? sockets - 1 - beyond : 0;
}

/* Others may have a part in the step that was told: what is between two steps counts as one more. */
int hard_nat_steps(const struct nat_mapping *told, uint16_t now)
{
    if (!hard_nat_sequential(told) || told->last_port < PORTS_FIRST || now < PORTS_FIRST)
        return 0;
    long apart = around(told->step > 0 ? (long)now - told->last_port : (long)told->last_port - now);
    long steps = (apart + labs(told->step) - 1) / labs(told->step);
    return steps <= HARD_NAT_FAR ? (int)steps : 0;
}

/* A step that has no divisor in common with PORTS (2^10 * 3^2 * 7) visits each port once. */
uint16_t hard_nat_random_port(uint32_t seed, uint32_t n)
{
    uint64_t step = (seed % PORTS) * 2 + 1;
    while (step % 3 == 0 || step % 7 == 0)
        step += 2;
    uint64_t first = seed / PORTS;
    return (uint16_t)(PORTS_FIRST + (first + step * n) % PORTS);
}

uint16_t hard_nat_spray_port(uint32_t seed, uint16_t seen, uint32_t n)
{
    long apart = (long)(n / 4) + 1;
    if (seen < PORTS_FIRST)
        return hard_nat_random_port(seed, n);
    if (n % 2 == 0)
        return hard_nat_random_port(seed, n / 2);
    return (uint16_t)(PORTS_FIRST + around((long)seen - PORTS_FIRST + (n % 4 == 1 ? apart : -apart)));
}

int hard_nat_sockets(const struct nat_mapping *own)
{
    return own->block ? HARD_NAT_SOCKETS_OF_BLOCK : HARD_NAT_SOCKETS;
}

const char *hard_nat_describe(const struct nat_mapping *m, char text[96])
{
    static const char *const kinds[NAT_MAPPING_KINDS] = {"unknown", "endpoint-independent",
                                                         "address-dependent", "address- and port-dependent"};
    static const char *const ports[NAT_PORTS_KINDS] = {"", ", preserved ports", ", sequential ports",
                                                       ", random ports"};
    snprintf(text, 96, "%s mapping%s", kinds[m->kind],
             hard_nat_is(m)      ? ports[m->ports]
             : not_told_apart(m) ? " (or address-dependent)"
                                 : "");
    return text;
}
