/* client/hard_nat.h: what two do of whom one at least is behind a NAT that maps by destination (RFC 4787, 4.1:
 * address-dependent, or address- and port-dependent), so that the address which the nameserver sees is not the one
 * that the peer will see. Pure.
 *
 *   ours \ theirs     easy          sequential       random
 *   easy              -             GUESS            SPRAY
 *   sequential        -             MEET_*, GUESS    SPRAY, if one port serves all of the peer's; else hopeless
 *   random            SOCKETS       SOCKETS, or ...  hopeless
 *
 * GUESS: the peer's next ports are asked. SOCKETS and SPRAY are the two halves of the birthday method: one side opens
 * many sockets, each with a mapping of its own; the other one asks ports at random until it hits one of them.
 *
 * MEET_SOCKETS and MEET_PORTS are two who are both sequential. The called sends from many sockets to one port that the
 * caller will get a little later; the caller asks one port of the called's after the other, and so gets to that port.
 * Each counts in steps from what was told of both, and knows how far its own NAT has gone since (A and B):
 *
 *   the called's socket i has port A + i, and asks the caller's port A + MEET_AT
 *   the caller's probe n leaves by port B + n, and asks the called's port B + n
 *
 * So they meet at probe A + MEET_AT - B and at socket MEET_AT, or before it if others have taken ports meanwhile.
 *
 * A NAT that gives one port to all that goes to one host (address-dependent) is passed by sockets alone: there the caller
 * and the called change places. Of two such NATs each has one port, and it is among the next: both sides GUESS.
 *
 * Two who are behind one such NAT, which hairpins, move one counter: who waits for the other knows where it has gone.
 * The caller lets the called open its sockets (from C + 1 on), and then counts (D, about C + MEET):
 *
 *   the called's socket i has port C + i, and asks the caller's port C + MEET + MEET_AT
 *   the caller's probe n leaves by port D + n, and asks one of the called's ports from D - ONE_NEAR down to D - ONE_FAR */
#ifndef HX_CLIENT_HARD_NAT_H
#define HX_CLIENT_HARD_NAT_H

#include "proto/nat_mapping.h"
#include <stdbool.h>
#include <stddef.h>

#define HARD_NAT_SOCKETS 256 /* 256 of 64,512 ports: a port at random hits after 252 tries in the mean */
/* Behind a NAT that gives each host a block of ports, which all else of the host needs, too. Who asks the
 * ports near the one that was told finds them at once. */
#define HARD_NAT_SOCKETS_OF_BLOCK 32
#define HARD_NAT_MOST             2048 /* probes of 64 bytes, of all methods in one session, ... */
/* ... in so long: who calls asks again after 1, 3.5, 6 and 8.5 s, each may be another guess
 * (hard_nat_suppose()), and shall find what it needs. A spray takes 4.1 s, and is not cut by that: it goes on
 * with what is allowed then. */
#define HARD_NAT_MOST_MS    3400
#define HARD_NAT_SPRAY      2048 /* ports that are asked at most: 99.97 % hit */
#define HARD_NAT_SPRAY_RATE 500  /* a second, ... */
/* ... and where two have met before, and people wait for it to go on. */
#define HARD_NAT_SPRAY_RATE_AGAIN 1000
/* Who has one port for all of a host, and sprays: so many sockets take the next ports, and the one that has
 * the port so many steps after the last one that was told sprays. The peer's sockets ask that port. */
#define HARD_NAT_SPRAY_AT     16
#define HARD_NAT_GUESSES      20    /* next ports that are asked at first, ... */
#define HARD_NAT_GUESSES_FAR  100   /* ... and then */
#define HARD_NAT_RUN          64    /* sockets that get ports in a row; of all ports are asked */
#define HARD_NAT_SEARCH_STEP  15    /* each 15th (odd: others may take each second one), */
#define HARD_NAT_SEARCH_FIRST (-32) /* from so many of those steps before the last one told, */
#define HARD_NAT_SEARCH_LAST  224   /* to so many after it */
#define HARD_NAT_MEET         64    /* sockets */
#define HARD_NAT_MEET_AT      48    /* so many ports may others take on both sides while they meet, but one */
#define HARD_NAT_MEET_PORTS_MAX \
    256 /* probes of the caller: the called's NAT may have gone on by 200 since it was told */

/* Sockets where the ports side has searched before, and so has gone further: each HARD_NAT_MEET of them meet elsewhere. */
#define HARD_NAT_MEET_LATE (3 * HARD_NAT_MEET)
/* Behind one NAT: the middle of the called's ports, so that others may take some; that is how many destinations each of
 * the caller's sockets has. */
#define HARD_NAT_ONE_NEAR    20
#define HARD_NAT_ONE_FAR     44
#define HARD_NAT_ONE_SOCKETS 8

enum hard_nat_method {
    HARD_NAT_NONE, /* nothing but what all do */
    HARD_NAT_GUESS,
    HARD_NAT_SPRAY_PORTS,
    HARD_NAT_OPEN_SOCKETS,
    HARD_NAT_MEET_SOCKETS,
    HARD_NAT_MEET_PORTS,
    HARD_NAT_HOPELESS /* both are random */
};

bool hard_nat_is(const struct nat_mapping *m);
/* The next ports are known, if new ones are given at all. */
bool hard_nat_sequential(const struct nat_mapping *m);
/* It is, and its next ports are known. */
bool hard_nat_counts(const struct nat_mapping *m);
enum hard_nat_method hard_nat_method(const struct nat_mapping *own, const struct nat_mapping *peer,
                                     bool calling);
/* A plain Linux gateway takes a packet that nobody inside has asked for as its own, and then gives whoever inside answers
 * it another port: that is one which its peer does not know (nf_nat: a pair of addresses belongs to one connection). So
 * the peer's NAT must open before a packet of ours gets there: we open ours by packets that do not get so far, and speak
 * when we are spoken to. Of two, one does: the hard one, or else the called, who is told first. The caller gives it a
 * moment. How many such packets there are; 0: none. */
#define HARD_NAT_OPENINGS 5 /* within 300 ms (path_choice.c) */
int hard_nat_openings(const struct nat_mapping *own, const struct nat_mapping *peer, bool calling);
/* With the peer behind such a gateway, what opens ours is all that leaves until the peer is heard: ours is
 * hard, or, of the called, may be. The caller's may be, too, but the called does not know it yet, and opens no
 * less. */
bool hard_nat_holds(const struct nat_mapping *own, bool calling);
/* It may be such a gateway: an easy NAT that keeps ports. */
bool hard_nat_takes(const struct nat_mapping *m);
/* A nameserver with one address cannot tell an address-dependent NAT from an easy one. So, where both
 * seem to be easy and nothing has come, one side is taken for such a one: the called by the first guess
 * (0), then the caller, then the called again, since a spray may miss; or the other way round, if it is the
 * caller who counts; what cannot be is left out. Where both count, the first guess is of both: what is done
 * then finds an easy one, too. Where one is hard for certain, it is of the other one; beside a random one,
 * what is sprayed then leaves by both ports. Sets the kind; false: no such guess is left. */
#define HARD_NAT_SUPPOSED 3 /* as many as a call's 10 s have room for */
bool hard_nat_suppose(struct nat_mapping *own, struct nat_mapping *peer, bool calling, int guess);
/* What is known of our NAT by now must be told to the peer, to do its half: that it maps by destination, or
 * how it counts if it turns out to. */
bool hard_nat_news(const struct nat_mapping *now, const struct nat_mapping *told);
/* One of the two is what hard_nat_suppose() has made of it. */
bool hard_nat_supposed(const struct nat_mapping *own, const struct nat_mapping *peer);
/* How many routers the packet `n`, from 0 on, of so many may pass: those with our NATs (client/nat_levels.h); then one
 * more, for a NAT that has not been seen; 0: enough, it may go where it is addressed to. */
int hard_nat_hops(int n, int openings, int own_hops);

/* The port `n` steps after the last one that was told, before it if n < 0; 0: ports are not sequential. After 65535 comes
 * 1024, and the other way round. */
uint16_t hard_nat_next_port(const struct nat_mapping *m, int n);
/* MEET_SOCKETS: the port that socket `i` asks, from 0 on, where our NAT has gone so many steps since it was told. */
uint16_t hard_nat_meeting_port(const struct nat_mapping *peer, int gone, int i);
/* Behind one NAT, which has gone so many steps since it was told: the port that the called's sockets ask, and the one that
 * the caller's probe `n` asks, from 0 on. */
uint16_t hard_nat_one_asked(const struct nat_mapping *m, int gone);
uint16_t hard_nat_one_port(const struct nat_mapping *m, int gone, int n);
/* Which one of so many sockets, which took the last ports until our NAT had gone so many steps since it was
 * told, has the port that the peer asks (HARD_NAT_SPRAY_AT); gone <= 0: that is not known. */
int hard_nat_sprayer(int sockets, int gone);
/* How many steps it is from the last port that was told to `now`; 0 if they are more than HARD_NAT_FAR. */
#define HARD_NAT_FAR 4096
int hard_nat_steps(const struct nat_mapping *told, uint16_t now);

/* Each port from 1024 on once, in an order of its own for each `seed`. */
uint16_t hard_nat_random_port(uint32_t seed, uint32_t n);
/* Probe `n` of a spray: by turns one of those, and the next one before or after `seen`, where the nameserver
 * sees the peer. To a NAT that gives any port they are as good as others; one that has a block for each host
 * has no others. Of a port below 1024 none is near. */
uint16_t hard_nat_spray_port(uint32_t seed, uint16_t seen, uint32_t n);
/* How many sockets of ours each get a port, for a spray to hit. */
int hard_nat_sockets(const struct nat_mapping *own);

/* "address- and port-dependent mapping, random ports", for people; "endpoint-independent mapping (or
 * address-dependent)" where hard_nat_suppose() may be needed. */
const char *hard_nat_describe(const struct nat_mapping *m, char text[96]);

#endif
