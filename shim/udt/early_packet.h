/* shim/udt/early_packet.h: the datagram that carries early data (early_data.h). It leaves right before the
 * handshake that it repeats, and says all that a listener must know, so that nothing must be kept of a peer
 * until the rest comes.
 *
 *   0  magic: E8 68 78 45, "hxE"; in UDT's eyes a control packet of a type that it does not have
 *   4  kind 1; length of the ticket; length of the bytes (2)
 *   8  zero
 *  12  zero: like UDT's handshakes it is for no socket yet
 *  16  the handshake's body (48)
 *  64  ticket, bytes
 *      zero, up to EARLY_PADDED bytes in all, if there is a ticket
 *
 * A ticket for the next visit comes as
 *
 *   0  magic
 *   4  kind 2; length of the ticket; zero (2)
 *   8  the connection's proof (udt_conn.h)
 *  12  the visitor's socket id
 *  16  ticket
 *
 * Who does not know it drops it: stock UDT 4.11 takes nothing for id 0 that is neither a handshake nor of its
 * length, and hx 0.1.0 counts it in dropped_id. */
#ifndef HX_SHIM_UDT_EARLY_PACKET_H
#define HX_SHIM_UDT_EARLY_PACKET_H

#include "shim/udt/early_data.h"
#include "shim/udt/packet.h"

#define EARLY_MAGIC      0xE8687845u
#define EARLY_HEAD       (PACKET_HEAD + HANDSHAKE_SIZE)
#define EARLY_PACKET_MAX (EARLY_HEAD + EARLY_TICKET_MAX + EARLY_BYTES_MAX)
/* Until the visitor's address is proven it gets UDT_CONN_AMPLIFICATION times what has come from there: that shall be
 * room for a nameserver's answer. */
#define EARLY_PADDED 256

struct early_packet {         /* zeroed: none */
    const uint8_t *handshake; /* HANDSHAKE_SIZE */
    const uint8_t *ticket, *bytes;
    size_t ticket_len, bytes_len; /* bytes_len > 0 */
};

/* The datagram's length. */
static inline size_t early_packet_len(const struct early_packet *p)
{
    size_t len = EARLY_HEAD + p->ticket_len + p->bytes_len;

    return p->ticket_len > 0 && len < EARLY_PADDED ? EARLY_PADDED : len;
}

static inline bool early_packet_is(const uint8_t head[PACKET_HEAD])
{
    return packet_word(head) == EARLY_MAGIC;
}
/* False: it is malformed. *out points into `body`. */
bool early_packet_read(struct early_packet *out, const uint8_t head[PACKET_HEAD], const uint8_t *body,
                       size_t body_len);
#define TICKET_PACKET_MAX (PACKET_HEAD + EARLY_TICKET_MAX)
/* False: it is none. The proof is the head's third word. */
bool ticket_packet_read(struct early_ticket *out, const uint8_t head[PACKET_HEAD], const uint8_t *body,
                        size_t body_len);
/* These two return the datagram's length. */
size_t ticket_packet_write(const struct early_ticket *ticket, uint32_t proof, int32_t id,
                           uint8_t out[TICKET_PACKET_MAX]);
size_t early_packet_write(const struct early_packet *p, uint8_t out[EARLY_PACKET_MAX]);

#endif
