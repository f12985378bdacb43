/* test/hostile/cases.h: what `throw` can throw. Each case opens sessions on `r` as it needs them; the program
 * closes the last one in an orderly way, so that what stays behind is the datagrams' doing. */
#ifndef HX_TEST_CASES_H
#define HX_TEST_CASES_H

#include "test/hostile/raw.h"

#define ANSWER_MS 500 /* for an answer of the application */

/* The name is the test's; the S numbers are the rows of the table of what a hostile datagram does to
 * UDT 4.11. */
#define HANDSHAKE_CASES(X)                                                                          \
    X(mss_44)           /* S1 */                                                                    \
    X(mss_wrapped)      /* S2 */                                                                    \
    X(mss_91)           /* S3 */                                                                    \
    X(window_minus_1)   /* S4 */                                                                    \
    X(window_2_23)      /* S5 */                                                                    \
    X(window_0)         /* S6 */                                                                    \
    X(short_handshake)  /* S20 */                                                                   \
    X(strange_requests) /* rendezvous, refusals and agreements, which no client sends a listener */ \
    X(half_open)        /* S21: sessions without a request */                                       \
    X(flood)            /* S21: first handshakes */                                                 \
    X(same_ids)         /* S22 */                                                                   \
    X(same_ids_storm)   /* S22: many of them, and then their handshakes again and again */          \
    X(other_ids_storm)  /* the same, but no two sessions are alike */                               \
    X(guessed_cookie)   /* S23: no cookie asked for; --cookie */                                    \
    X(borrowed_cookie)  /* S23: the cookie of another port */                                       \
    X(show_cookie)      /* prints what the server answers */                                        \
    X(garbage)          /* no UDT at all */                                                         \
    X(many_sessions)    /* S21: as many as the server lets in, kept open */
#define CONTROL_CASES(X)                                                      \
    X(ack_window)      /* S7 */                                               \
    X(light_ack)       /* S8 */                                               \
    X(ack_beyond)      /* S9 */                                               \
    X(nak_beyond)      /* S9 */                                               \
    X(ack_bit31)       /* S10 */                                              \
    X(nak_bit31)       /* S10 */                                              \
    X(ack_rtt)         /* S11 */                                              \
    X(drop_wide)       /* S13 */                                              \
    X(drop_moves)      /* S14 */                                              \
    X(shutdown_all)    /* S15: other sessions' ids, from a stranger's port */ \
    X(shutdown_one)    /* S15: one session's id, from another port */         \
    X(shutdown_forged) /* S15: a session's, as if from its own peer */        \
    X(strange_types)   /* S16 */                                              \
    X(long_answer)     /* taken as it should be */                            \
    X(peer_error)      /* S16: with a type 8 in it */                         \
    X(empty_data)      /* S19 */                                              \
    X(short_bodies)    /* S20 */                                              \
    X(honest)          /* nothing wrong: a request and its answer */

#define DECLARE(name) void case_##name(struct raw *r);
HANDSHAKE_CASES(DECLARE)
CONTROL_CASES(DECLARE)
#undef DECLARE

/* Sends three requests; true once three packets of answers have come. */
bool ask_three(struct raw *r);
/* Asks three times, and prints "answered" or "unanswered". */
void tell_whether_answered(struct raw *r);

#endif
