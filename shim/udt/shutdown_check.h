/* shim/udt/shutdown_check.h: whether a peer has really closed. UDT's shutdown carries no proof: who knows a
 * peer's address and port (which the nameserver tells everybody who asks for its name) and guesses the id
 * (they are consecutive) can send one in its name. What does not prove that it comes from who has seen the
 * handshake is answered by questions: a full ACK, which every living UDT answers with an ACK2
 * (draft-gg-udt-03, section 6.2), and nobody else can, since its number is random. Times in ms of the
 * caller's clock; no I/O. */
#ifndef HX_SHIM_UDT_SHUTDOWN_CHECK_H
#define HX_SHIM_UDT_SHUTDOWN_CHECK_H

#include "shim/udt/packet.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Nobody else can know the id of a younger connection yet: its shutdown is believed. */
#define SHUTDOWN_CHECK_AGE_MS 1000
/* So many questions without an answer, in equal steps of SHUTDOWN_CHECK_MS and four round trips together: a
 * closed connection is to be noticed within 100 ms. */
#define SHUTDOWN_CHECK_ASKS   5
#define SHUTDOWN_CHECK_MS     85
#define SHUTDOWN_CHECK_RTT_MS 100 /* before one was measured: UDT's own first estimate */

struct shutdown_check {
    uint32_t sequence; /* the last that we have acknowledged, or the peer's first */
    uint32_t window;   /* packets: as announced with it */
    uint32_t number;  /* of the ACK of our UDT, or the question of a check, that is to be answered; 0: none */
    bool believed;    /* nobody has answered: the peer has closed */
    int64_t acked_ms; /* when that left */
    int64_t due_ms;   /* the next question, or the end; INT64_MAX: no check runs */
    int rtt_ms;       /* -1: not measured yet */
    int asked;
};

void shutdown_check_init(struct shutdown_check *d);
/* Our UDT sends a full ACK. During a check it becomes a question, too: some builds of UDT answer one ACK in
 * 10 ms. */
void shutdown_check_acked(struct shutdown_check *d, uint8_t *head, const uint8_t *body, int64_t now_ms);
/* The peer's ACK2. True: it answers the question, and is not for UDT. */
bool shutdown_check_answered(struct shutdown_check *d, const uint8_t *head, int64_t now_ms);
/* A shutdown without proof has come. `random`: 32 bits that nobody can guess. */
void shutdown_check_begin(struct shutdown_check *d, uint32_t random, int64_t now_ms);
/* `random` as the number of an ACK that is a question; not 0. */
uint32_t shutdown_check_number(uint32_t random);
/* Its body, of ACK_SIZE_FULL bytes: some implementations know no other full ACK. */
void shutdown_check_write(const struct shutdown_check *d, uint8_t *body);
/* At due_ms: true: the question shall be sent, whose number is d->number, and its body is
 * written. False: `believed` is set, and the check over. */
bool shutdown_check_ask(struct shutdown_check *d, uint8_t *body, int64_t now_ms);
/* The end of the check could not be told to UDT: it comes again, at once. */
void shutdown_check_retry(struct shutdown_check *d, int64_t now_ms);

#endif
