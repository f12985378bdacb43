#include "shim/udt/listener_handshake.h"
#include "shim/udt/udt_cookie.h"
#include <stdlib.h>
#include <string.h>

/* First handshakes are repeated every 250 ms, and their source may be forged. */
#define HANDSHAKES_PER_CONNECTION 10

void listener_handshake_set_rate(struct listener_handshake *l, unsigned rate_per_address)
{
    l->handshakes.per_second = rate_per_address * HANDSHAKES_PER_CONNECTION;
    l->connections.per_second = rate_per_address;
}

struct listener_handshake *listener_handshake_create(unsigned rate_per_address, int64_t now_ms)
{
    struct listener_handshake *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    cookie_init(&l->cookie, now_ms);
    tickets_init(&l->tickets);
    rate_init(&l->handshakes, 0);
    rate_init(&l->connections, 0);
    listener_handshake_set_rate(l, rate_per_address);
    return l;
}

/* As UDT's listener would answer, but with our cookie. */
static void write_answer(struct listener_handshake *l, const struct net_address *from, const uint8_t *body,
                         uint8_t *answer, int64_t now_ms)
{
    packet_put_control(answer, PACKET_HANDSHAKE, 0, (int32_t)packet_word(body + HANDSHAKE_ID));
    memcpy(answer + PACKET_HEAD, body, HANDSHAKE_SIZE);
    packet_put_word(answer + PACKET_HEAD + HANDSHAKE_COOKIE,
                    cookie_make(&l->cookie, from, sizeof *from, now_ms));
}

/* UDT shall have the conclusion. */
static void conclude(struct listener_handshake *l, const struct net_address *local, uint8_t *body)
{
    l->offered = packet_word(body + HANDSHAKE_WINDOW);
    l->local = *local;
    l->secret = packet_word(body + HANDSHAKE_COOKIE);
    packet_put_word(body + HANDSHAKE_COOKIE, udt_cookie);
}

enum listener_verdict listener_handshake_take(struct listener_handshake *l, const struct net_address *from,
                                              const struct net_address *local,
                                              const struct early_packet *early, uint8_t *body,
                                              uint8_t answer[LISTENER_ANSWER_SIZE], int64_t now_ms)
{
    bool first = (int32_t)packet_word(body + HANDSHAKE_REQUEST) == HS_REGULAR;

    if (first && !early->bytes) {
        if (!rate_take(&l->handshakes, from->ip, now_ms))
            return LISTENER_OVER_RATE;
        write_answer(l, from, body, answer, now_ms);
        return LISTENER_ANSWER;
    }
    if (first && !tickets_valid(&l->tickets, from->ip, early->ticket, early->ticket_len, now_ms))
        return LISTENER_BAD_TICKET;
    if (!first && !cookie_valid(&l->cookie, from, sizeof *from, packet_word(body + HANDSHAKE_COOKIE), now_ms))
        return LISTENER_BAD_COOKIE;
    if (!rate_take(&l->connections, from->ip, now_ms))
        return LISTENER_OVER_RATE;
    if (first) {
        tickets_use(&l->tickets, early->ticket);
        packet_put_word(body + HANDSHAKE_REQUEST, (uint32_t)HS_CONCLUSION);
        packet_put_word(body + HANDSHAKE_COOKIE, cookie_make(&l->cookie, from, sizeof *from, now_ms));
    }
    l->ticket_paid = first ? early_packet_len(early) : 0;
    l->early.len = early->bytes_len;
    if (early->bytes)
        memcpy(l->early.bytes, early->bytes, early->bytes_len);
    conclude(l, local, body);
    return LISTENER_PASS;
}

void listener_handshake_again(struct listener_handshake *l, uint32_t secret, const struct net_address *local,
                              uint8_t *body)
{
    packet_put_word(body + HANDSHAKE_REQUEST, (uint32_t)HS_CONCLUSION);
    packet_put_word(body + HANDSHAKE_COOKIE, secret);
    l->ticket_paid = EARLY_HEAD;
    l->early.len = 0;
    conclude(l, local, body);
}
