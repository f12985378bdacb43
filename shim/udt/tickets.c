#include "shim/udt/tickets.h"
#include "base/big_endian.h"
#include <string.h>

#define MAC_AT 12

static uint64_t mac_of(const struct tickets *t, const uint8_t ip[16], const uint8_t *ticket)
{
    uint8_t about[16 + MAC_AT];

    memcpy(about, ip, 16);
    memcpy(about + 16, ticket, MAC_AT);
    return hash_sip(&t->key, about, sizeof about);
}

void tickets_init(struct tickets *t)
{
    hash_key_draw(&t->key);
    t->next = 1;
}

/* The number's bit is that of one which is forgotten with this. */
void tickets_make(struct tickets *t, const uint8_t ip[16], uint8_t out[TICKET_SIZE], int64_t now_ms)
{
    uint64_t bit = t->next % TICKETS_OPEN;

    t->used[bit / 8] &= (uint8_t) ~(1u << bit % 8);
    put64(out, t->next++);
    put32(out + 8, (uint32_t)((now_ms + TICKET_LIFE_MS) / 1000));
    put64(out + MAC_AT, mac_of(t, ip, out));
}

bool tickets_valid(const struct tickets *t, const uint8_t ip[16], const uint8_t *ticket, size_t len,
                   int64_t now_ms)
{
    if (len != TICKET_SIZE || get64(ticket + MAC_AT) != mac_of(t, ip, ticket))
        return false;
    uint64_t number = get64(ticket), bit = number % TICKETS_OPEN;
    if (t->next - number > TICKETS_OPEN || now_ms / 1000 >= get32(ticket + 8))
        return false;
    return !(t->used[bit / 8] & 1u << bit % 8);
}

void tickets_use(struct tickets *t, const uint8_t *ticket)
{
    uint64_t bit = get64(ticket) % TICKETS_OPEN;

    t->used[bit / 8] |= (uint8_t)(1u << bit % 8);
}
