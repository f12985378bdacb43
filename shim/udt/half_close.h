/* shim/udt/half_close.h: how two hx programs tell each other that a direction has ended, which UDT cannot.
 *
 * Both sides send their whole state, as a custom control packet (type 0x7FFF, extended type "hx") that stock
 * UDT ignores, on every change and again until they know what they wait for. States only grow, so loss, order
 * and repetition do not matter. The offset makes the end exact: whoever has read that many bytes has read
 * everything.
 *
 *   body  0 flags   4 offset, upper word   8 offset, lower word
 *
 * A pure state machine: no I/O, no clock of its own. */
#ifndef HX_SHIM_UDT_HALF_CLOSE_H
#define HX_SHIM_UDT_HALF_CLOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HALF_CLOSE_SIZE          12   /* bytes of the body */
#define HALF_CLOSE_REPEAT_MIN_MS 50   /* the first repetition; then doubled */
#define HALF_CLOSE_REPEAT_MAX_MS 1000 /* the peer's application may take its time to read */
#define HALF_CLOSE_HELLO_TRIES   6    /* then the peer is taken for a stock one: 50 + 100 + ... + 800 ms */
#define HALF_CLOSE_DONE_TRIES    8    /* once done we need nothing more ourselves: say so a last few times */

enum half_close_flag {
    HALF_CLOSE_ENDED = 1, /* the sender will write nothing after `offset` bytes */
    HALF_CLOSE_READ = 2,  /* the sender's application has read all of the receiver's bytes, and their end */
    HALF_CLOSE_DONE = 4,  /* the sender knows both directions to be complete */
    HALF_CLOSE_REPLY = 8, /* the sender waits for something: tell it your state */
    HALF_CLOSE_RECEIPTS = 16 /* the sender understands receipts, and sends them (receipt_packet.h) */
};

struct half_close {
    uint64_t sent_offset; /* valid once `ended` */
    uint64_t peer_offset; /* valid once `peer_ended` */
    bool ended, peer_ended;
    bool peer_speaks; /* a state of the peer has come: it is no stock UDT program */
    bool peer_tells;  /* by receipts what has come */
    bool confirmed;   /* the peer's application has read all */
    bool read;        /* ours has */
    bool peer_done;
    uint16_t tries; /* repetitions since the last change of ours */
    int64_t due_ms; /* the next repetition; INT64_MAX: none */
};

void half_close_init(struct half_close *f, int64_t now_ms); /* greets the peer: due at once */
void half_close_end(struct half_close *f, uint64_t offset,
                    int64_t now_ms);                        /* ours has written its last byte */
void half_close_read(struct half_close *f, int64_t now_ms); /* ours has read the peer's last byte */
bool half_close_done(const struct half_close *f);           /* both directions are complete */
/* Takes the body of a peer's packet. True: the peer asks for an answer. Malformed bodies are
 * ignored (false). */
bool half_close_receive(struct half_close *f, const uint8_t *body, size_t len, int64_t now_ms);
/* Writes the state, to be sent because it is due, and sets when it is due again. */
void half_close_message(struct half_close *f, uint8_t body[HALF_CLOSE_SIZE], int64_t now_ms);
/* Writes the state as an answer, which asks for none itself: else two that wait would answer each other for
 * ever. */
void half_close_answer(const struct half_close *f, uint8_t body[HALF_CLOSE_SIZE]);

#endif
