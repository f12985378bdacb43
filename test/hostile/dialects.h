/* test/hostile/dialects.h: how other implementations of UDT 4 speak, one row for each, as they were seen on
 * the wire. What they say in common is in test/hostile/dialect.c. */
#ifndef HX_TEST_DIALECTS_H
#define HX_TEST_DIALECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ONCE (1 << 20) /* ms: never again within the time of the test */

struct dialect {
    const char *name;
    uint32_t first_version; /* of the first handshake; the second has 4 */
    uint32_t hole_type;     /* of a rendezvous; a connect to a listener has 1, a stream */
    uint32_t id;
    uint32_t mss, window; /* bytes, packets */
    uint32_t address[4];  /* of the other side, or what is in its place */
    int repeat_ms;        /* a handshake without an answer */
    int keepalive_ms;     /* 0: none */
    size_t bare_words;    /* in the body of a keepalive */
    size_t ack2_words;
    uint32_t ack2_mask;      /* of the number that is sent back */
    size_t ack_words[3];     /* the ACKs it sends, in turn; 0: none at all, and the end of the list */
    bool dies_of_short_acks; /* of 16 bytes */
    uint32_t message;        /* a data packet's second word */
    size_t nak_words;        /* at most so many in one report; 0: it has no rendezvous */
};

extern const struct dialect dialects[];
extern const size_t dialect_count;

#endif
