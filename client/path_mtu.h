/* client/path_mtu.h: how long the datagrams may be that a path carries: Datagram Packetization Layer Path
 * MTU Discovery (RFC 8899), by padded probes. It needs no ICMP, and believes none. A pure state machine: no
 * I/O, no clock of its own.
 *
 *   BASE ──► SEARCHING ──► COMPLETE
 *               ▲             │ after PATH_MTU_RAISE_MS; or data is lost, and the size is the base again
 *               └─────────────┘
 *
 * A search goes by rounds of at most three probes: first the smallest size, a middle one, and the largest,
 * so that a path without a bottleneck is known after one round trip; then the smallest that was not
 * answered, again, and one between that and the largest that was. A size that was asked PATH_MTU_TRIES
 * times is too long, and each longer one with it: a path that loses three probes or answers in ten is
 * misjudged once in four hundred.
 *
 * Sizes are bytes of a datagram, without the heads of IP and UDP. */
#ifndef HX_CLIENT_PATH_MTU_H
#define HX_CLIENT_PATH_MTU_H

#include <stdbool.h>
#include <stdint.h>

#define PATH_MTU_BASE     1200 /* is taken to pass everywhere (RFC 8899, 5.1.2; RFC 9000, 14) */
#define PATH_MTU_FLOOR    528  /* if not even that does: IPv4's 576 bytes (RFC 791), less IPv6's heads */
#define PATH_MTU_TRIES    5
#define PATH_MTU_RAISE_MS 600000 /* RFC 8899, 5.1.1: PMTU_RAISE_TIMER */
#define PATH_MTU_SIZES    12
#define PATH_MTU_ASKED    16 /* probes whose answers are known */

enum path_mtu_state { PATH_MTU_AT_BASE, PATH_MTU_SEARCHING, PATH_MTU_COMPLETE };

struct path_mtu {
    enum path_mtu_state state; /* changed by enter() alone */
    int heads;                 /* bytes of IP and UDP */
    int size;                  /* the longest datagram that is known to pass */
    int passed;                /* the index of the largest size that has; -1: none has */
    int failed;                /* of the smallest that is too long; PATH_MTU_SIZES: none is */
    uint8_t tries[PATH_MTU_SIZES];
    int rounds;      /* of this search, PATH_MTU_TRIES at most */
    uint16_t round;  /* a bit each: sizes to be asked in this round, and not yet sent */
    uint16_t waited; /* likewise: sent in this round, and not answered */
    int64_t due_ms;  /* the next round */
    struct {
        uint64_t number;
        int at; /* the size's index; -1: nothing was asked */
    } asked[PATH_MTU_ASKED];
    unsigned asked_next;
};

/* `heads`: 28 for a path over IPv4, 48 over IPv6. The size is the base, and nothing is sent. */
void path_mtu_init(struct path_mtu *m, int heads);
/* The path works (a probe was answered), and is in use: how much it carries is worth knowing. */
void path_mtu_begin(struct path_mtu *m, int64_t now_ms);
/* The length of a probe that shall leave now; 0: none. It has then left: */
int path_mtu_next(struct path_mtu *m, int rtt_ms, int64_t now_ms);
void path_mtu_sent(struct path_mtu *m, int len, uint64_t number);
/* ... or could not, because this host's own link carries less (EMSGSIZE). */
void path_mtu_too_long(struct path_mtu *m, int len, int64_t now_ms);
/* The probe `number` was answered. False: it was none of these. The size may have grown. */
bool path_mtu_answered(struct path_mtu *m, uint64_t number, int64_t now_ms);
/* What was sent in this size is lost again and again: the path may carry less than it did. The size is the
 * base at once, and the search begins anew: if it was chance, the size is back a round trip later. */
void path_mtu_black_hole(struct path_mtu *m, int64_t now_ms);
/* Datagrams of this size leave that nobody acknowledges, so that nobody would notice: the search begins anew.
 * The size stays until that is over. */
void path_mtu_recheck(struct path_mtu *m, int64_t now_ms);
/* When path_mtu_next() is worth a call; INT64_MAX: never. */
int64_t path_mtu_due_ms(const struct path_mtu *m);

#endif
