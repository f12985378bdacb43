/* proto/relay_frame.h: what goes between a nameserver that relays and the two parties of a session. Bytes <->
 * struct; no I/O, no keys.
 *
 *   0   magic                 E8 68 78 52: as a UDT packet it would be control of a type that UDT has not
 *   4   kind                  RELAY_*
 *   5   half                  DATA, OPEN: of the sender; else of the addressee: 0 it has asked for the other's name, 1
 *                             it was asked for
 *   6   reason (2)            OPENED, REFUSED: enum relay_reason; big-endian, as all here
 *   8   session (8)           who has its key knows it
 *   16  DATA: the datagram, to the end
 *
 * All others have RELAY_CONTROL_BYTES:
 *
 *   16  number (8)            OPEN: counts up with each one; an answer: the question's
 *   24  cookie (16)           CHALLENGE, OPENED: for the next OPEN; OPEN: the last one that came, or zeroes
 *   40  left (4)              OPENED: seconds that the session may go on; RELAY_NO_END: for ever
 *   44  zero (4)
 *   48  code (16)             of all that stands before it (secure/mac.h), with the key of this half
 *
 * A frame of DATA is forwarded as it is. It proves nothing, as no datagram does: what it carries has its own
 * proof. */
#ifndef HX_PROTO_RELAY_FRAME_H
#define HX_PROTO_RELAY_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RELAY_MAGIC         0xE8687852u
#define RELAY_HEAD_BYTES    16
#define RELAY_CONTROL_BYTES 64
#define RELAY_CODE_BYTES    16
#define RELAY_SAID_BYTES    (RELAY_CONTROL_BYTES - RELAY_CODE_BYTES) /* what the code is of */
#define RELAY_ID_BYTES      8
#define RELAY_COOKIE_BYTES  16
#define RELAY_NO_END        UINT32_MAX
#define RELAY_KIND_AT       4 /* where it stands */
#define RELAY_SESSION_AT    8

enum relay_kind { RELAY_DATA = 1, RELAY_OPEN, RELAY_CHALLENGE, RELAY_OPENED, RELAY_REFUSED };
enum relay_half { RELAY_CALLER, RELAY_CALLED, RELAY_HALVES };

/* Which limit stands in the way. */
enum relay_reason {
    RELAY_NO_REASON,
    RELAY_OVER_RATE,    /* of this session: datagrams are dropped */
    RELAY_OVER_TOTAL,   /* of all sessions: datagrams are dropped */
    RELAY_OVER_TIME,    /* this session has had its time */
    RELAY_OVER_ADDRESS, /* too many sessions of this address */
    RELAY_REASONS
};

struct relay_frame {
    enum relay_kind kind;
    enum relay_half half;
    enum relay_reason reason; /* one that is not known is RELAY_NO_REASON */
    uint8_t session[RELAY_ID_BYTES];
    /* Of DATA: not set. */
    uint64_t number;
    uint8_t cookie[RELAY_COOKIE_BYTES];
    uint32_t left_s;
};

/* Whether it begins as a frame does, and is as long as a head at least. */
bool relay_frame_is(const uint8_t *bytes, size_t len);
/* The head, of DATA all that there is to write. */
void relay_frame_write_head(const struct relay_frame *f, uint8_t bytes[RELAY_HEAD_BYTES]);
/* Of all others; the code is the caller's to add. */
void relay_frame_write_control(const struct relay_frame *f, uint8_t bytes[RELAY_CONTROL_BYTES]);
/* Of frames that lie one behind the other, each of `each` bytes but the last: how many bytes from the first
 * one on may be forwarded together, since they are DATA with one head. Else those of the first one. */
size_t relay_frame_run(const uint8_t *bytes, size_t len, size_t each);
/* HX_OK; HX_EPROTO: no frame, of a kind or half that is not known, DATA without a datagram, or another one
 * that has not RELAY_CONTROL_BYTES. What the code says is the caller's to look at. `bytes` may end after the
 * head of DATA: `len` is the frame's own length. */
int relay_frame_read(struct relay_frame *f, const uint8_t *bytes, size_t len);

#endif
