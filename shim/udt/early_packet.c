#include "shim/udt/early_packet.h"
#include "base/big_endian.h"
#include <string.h>

enum { KIND_EARLY = 1, KIND_TICKET = 2 };

bool early_packet_read(struct early_packet *out, const uint8_t head[PACKET_HEAD], const uint8_t *body,
                       size_t body_len)
{
    size_t ticket_len = head[5], bytes_len = get16(head + 6);

    if (!early_packet_is(head) || head[4] != KIND_EARLY || get64(head + 8) != 0)
        return false;
    if (ticket_len > EARLY_TICKET_MAX || bytes_len == 0 || bytes_len > EARLY_BYTES_MAX)
        return false;
    struct early_packet p = {.handshake = body,
                             .ticket = body + HANDSHAKE_SIZE,
                             .ticket_len = ticket_len,
                             .bytes = body + HANDSHAKE_SIZE + ticket_len,
                             .bytes_len = bytes_len};
    if (PACKET_HEAD + body_len != early_packet_len(&p))
        return false;
    *out = p;
    return true;
}

bool ticket_packet_read(struct early_ticket *out, const uint8_t head[PACKET_HEAD], const uint8_t *body,
                        size_t body_len)
{
    if (!early_packet_is(head) || head[4] != KIND_TICKET || head[5] != body_len || get16(head + 6) != 0)
        return false;
    if (body_len == 0 || body_len > EARLY_TICKET_MAX)
        return false;
    out->len = body_len;
    memcpy(out->bytes, body, body_len);
    return true;
}

size_t ticket_packet_write(const struct early_ticket *ticket, uint32_t proof, int32_t id,
                           uint8_t out[TICKET_PACKET_MAX])
{
    put32(out, EARLY_MAGIC);
    out[4] = KIND_TICKET;
    out[5] = (uint8_t)ticket->len;
    put16(out + 6, 0);
    put32(out + 8, proof);
    put32(out + 12, (uint32_t)id);
    memcpy(out + PACKET_HEAD, ticket->bytes, ticket->len);
    return PACKET_HEAD + ticket->len;
}

size_t early_packet_write(const struct early_packet *p, uint8_t out[EARLY_PACKET_MAX])
{
    packet_put_word(out, EARLY_MAGIC);
    out[4] = KIND_EARLY;
    out[5] = (uint8_t)p->ticket_len;
    put16(out + 6, (uint16_t)p->bytes_len);
    put64(out + 8, 0);
    memcpy(out + PACKET_HEAD, p->handshake, HANDSHAKE_SIZE);
    if (p->ticket_len > 0)
        memcpy(out + EARLY_HEAD, p->ticket, p->ticket_len);
    memcpy(out + EARLY_HEAD + p->ticket_len, p->bytes, p->bytes_len);
    size_t said = EARLY_HEAD + p->ticket_len + p->bytes_len, len = early_packet_len(p);
    memset(out + said, 0, len - said);
    return len;
}
