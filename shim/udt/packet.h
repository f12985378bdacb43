/* shim/udt/packet.h: UDT's datagrams, as draft-gg-udt-03 and UDT 4.11's packet.cpp have them. All words
 * big-endian.
 *
 *   head    0   control: flag (bit 31), type (30..16), extended type (15..0); data: sequence number
 *           4   control: ACK number; data: message number
 *           8   timestamp
 *          12   destination socket id (0: handshake)
 *   body   of a handshake: version, type, ISN, MSS, window, request type, socket id, cookie, address (16 bytes) */
#ifndef HX_SHIM_UDT_PACKET_H
#define HX_SHIM_UDT_PACKET_H

#include "shim/udt/party.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PACKET_HEAD     16
#define PACKET_BODY_MAX 1472 /* 1500 - 20 (IPv4) - 8 (UDP) - 16, and room: Ethernet carries no larger one */

enum packet_type {
    PACKET_HANDSHAKE = 0,
    PACKET_KEEPALIVE = 1,
    PACKET_ACK = 2,
    PACKET_NAK = 3,
    PACKET_CONGESTION = 4,
    PACKET_SHUTDOWN = 5,
    PACKET_ACK2 = 6,
    PACKET_DROP = 7,
    PACKET_PEER_ERROR = 8,
    PACKET_CUSTOM = 0x7FFF,
    PACKET_DATA = 0x8000 /* not on the wire: what packet_type() says of a data packet */
};

enum packet_request {
    HS_REGULAR = 1,     /* first handshake of a client, and the listener's cookie answer to it */
    HS_RENDEZVOUS = 0,  /* first handshake of a rendezvous */
    HS_CONCLUSION = -1, /* client's second, listener's last; second of a rendezvous */
    HS_AGREEMENT = -2,  /* answer of a rendezvous that is connected already */
    HS_REFUSED = 1002
};

#define PACKET_STAMP 8 /* in the head: when it left, or 0 */

/* Offsets into the body. */
#define HANDSHAKE_VERSION 0
#define HANDSHAKE_TYPE    4
#define HANDSHAKE_ISN     8
#define HANDSHAKE_MSS     12
#define HANDSHAKE_WINDOW  16
#define HANDSHAKE_REQUEST 20
#define HANDSHAKE_ID      24
#define HANDSHAKE_COOKIE  28
#define HANDSHAKE_ADDRESS 32 /* of the one who receives the handshake; four words */
#define HANDSHAKE_SIZE    48
#define ACK_SEQUENCE      0
#define ACK_RTT           4
#define ACK_RTT_VAR       8
#define ACK_WINDOW        12
#define ACK_RATE          16
#define ACK_BANDWIDTH     20
#define ACK_SIZE_SHORT    16 /* without the two rates */
#define ACK_SIZE_FULL     24

static inline uint32_t packet_word(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}
static inline void packet_put_word(uint8_t *p, uint32_t word)
{
    p[0] = (uint8_t)(word >> 24);
    p[1] = (uint8_t)(word >> 16);
    p[2] = (uint8_t)(word >> 8);
    p[3] = (uint8_t)word;
}
#define PACKET_SEQUENCE 0x7FFFFFFFu /* sequence numbers have 31 bits */
static inline uint32_t packet_following(uint32_t seq)
{
    return (seq + 1) & PACKET_SEQUENCE;
}
/* a - b of sequence numbers. */
static inline int32_t packet_distance(uint32_t a, uint32_t b)
{
    uint32_t d = (a - b) & PACKET_SEQUENCE;

    return d & 0x40000000u ? (int32_t)(d | 0x80000000u) : (int32_t)d;
}
static inline int32_t packet_id(const uint8_t head[PACKET_HEAD])
{
    return (int32_t)packet_word(head + 12);
}
static inline enum packet_type packet_type(const uint8_t head[PACKET_HEAD])
{
    if (!(head[0] & 0x80))
        return PACKET_DATA;
    return (enum packet_type)((packet_word(head) >> 16) & 0x7FFF);
}
static inline void packet_put_control(uint8_t head[PACKET_HEAD], enum packet_type type, uint16_t extended,
                                      int32_t id)
{
    packet_put_word(head, 0x80000000u | (uint32_t)type << 16 | extended);
    packet_put_word(head + 4, 0);
    packet_put_word(head + PACKET_STAMP, 0);
    packet_put_word(head + 12, (uint32_t)id);
}
/* A NAK's body tells of losses, each one number, or two: of a range's first packet, with this bit, and of its last. */
#define PACKET_RANGE 0x80000000u
/* The one at *at, which moves on. False: there is none. */
static inline bool packet_take_loss(const uint8_t *body, size_t len, size_t *at, uint32_t *first,
                                    uint32_t *last)
{
    if (len < 4 || *at > len - 4)
        return false;
    uint32_t word = packet_word(body + *at);
    *at += 4;
    *first = *last = word & PACKET_SEQUENCE;
    if ((word & PACKET_RANGE) && *at <= len - 4) {
        *last = packet_word(body + *at) & PACKET_SEQUENCE;
        *at += 4;
    }
    return true;
}
/* Returns its length, 8 bytes at most. */
static inline size_t packet_put_loss(uint8_t *body, uint32_t first, uint32_t last)
{
    if (first == last) {
        packet_put_word(body, first);
        return 4;
    }
    packet_put_word(body, first | PACKET_RANGE);
    packet_put_word(body + 4, last);
    return 8;
}
/* Whose wish this rendezvous is. It stands in the handshake's cookie, of which no rendezvous makes use: UDT
 * leaves it 0, and does not look at it. */
/* "hx", then enum udt_party; with the sender's own ISN, which a peer that echoes cookies does not say. */
#define HANDSHAKE_PARTY 0x68780000u
static inline enum udt_party packet_party(const uint8_t *body)
{
    uint32_t party =
        packet_word(body + HANDSHAKE_COOKIE) ^ packet_word(body + HANDSHAKE_ISN) ^ HANDSHAKE_PARTY;

    return party == UDT_PARTY_CALLER || party == UDT_PARTY_CALLED ? (enum udt_party)party : UDT_PARTY_UNSAID;
}
static inline void packet_put_party(uint8_t *body, enum udt_party party)
{
    packet_put_word(body + HANDSHAKE_COOKIE,
                    party == UDT_PARTY_UNSAID
                        ? 0
                        : packet_word(body + HANDSHAKE_ISN) ^ HANDSHAKE_PARTY ^ (uint32_t)party);
}
/* Of which session of the two (shim/net/paths.h: net_peer_fit()) a rendezvous is: it stands where the receiver's
 * address does otherwise, which a canonical one is not. UDT gives it to who asks for its own address, and shim
 * takes it out before. All zero: nothing is said. */
#define HANDSHAKE_LABEL_BYTES 8
static inline bool packet_label_said(const uint8_t *label)
{
    static const uint8_t nothing[HANDSHAKE_LABEL_BYTES] = {0};

    return memcmp(label, nothing, sizeof nothing) != 0;
}
/* Can these two be of one session? */
static inline bool packet_labels_meet(const uint8_t *a, const uint8_t *b)
{
    return !packet_label_said(a) || !packet_label_said(b) || memcmp(a, b, HANDSHAKE_LABEL_BYTES) == 0;
}

#endif
