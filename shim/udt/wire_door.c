/* A listener's door: who asks for a connection must show that answers reach it before UDT hears of it. */
#include "shim/udt/udt_cookie.h"
#include "shim/udt/wire_internal.h"
#include <stdlib.h>
#include <string.h>

#define SOURCE_SIZE offsetof(struct wire_peer, zero) /* address and port */
#define HANDSHAKES_PER_CONNECTION \
    10 /* first ones are repeated every 250 ms, and their source may be forged */

int wire_door_open(struct wire *w, unsigned rate_per_address, int64_t now_ms)
{
    w->door = calloc(1, sizeof(*w->door));
    if (!w->door)
        return HX_ENOMEM;
    cookie_init(&w->door->cookie, now_ms);
    rate_init(&w->door->handshakes, rate_per_address * HANDSHAKES_PER_CONNECTION);
    rate_init(&w->door->connections, rate_per_address);
    return HX_OK;
}

void wire_door_close(struct wire *w)
{
    free(w->door);
}

/* As UDT's listener would answer, but with our cookie, and nothing remembered. */
static void answer_first(struct wire *w, const struct wire_peer *from, const uint8_t *body, int64_t now_ms)
{
    uint8_t packet[PACKET_HEAD + HANDSHAKE_SIZE];

    packet_put_control(packet, PACKET_HANDSHAKE, 0, (int32_t)packet_word(body + HANDSHAKE_ID));
    memcpy(packet + PACKET_HEAD, body, HANDSHAKE_SIZE);
    packet_put_word(packet + PACKET_HEAD + HANDSHAKE_COOKIE,
                    cookie_make(&w->door->cookie, from, SOURCE_SIZE, now_ms));
    wire_send(w, from, packet, sizeof(packet));
}

bool wire_door_take(struct wire *w, const struct wire_peer *from, uint8_t *body, int64_t now_ms)
{
    struct wire_door *door = w->door;

    if ((int32_t)packet_word(body + HANDSHAKE_REQUEST) == HS_REGULAR) {
        if (rate_take(&door->handshakes, from->address, now_ms))
            answer_first(w, from, body, now_ms);
        else
            w->stats.over_rate++;
        return false;
    }
    if (!cookie_valid(&door->cookie, from, SOURCE_SIZE, packet_word(body + HANDSHAKE_COOKIE), now_ms)) {
        w->stats.unproven++;
        return false;
    }
    if (!rate_take(&door->connections, from->address, now_ms)) {
        w->stats.over_rate++;
        return false; /* it asks again in 250 ms */
    }
    door->offered = packet_word(body + HANDSHAKE_WINDOW);
    door->secret = packet_word(body + HANDSHAKE_COOKIE);
    packet_put_word(body + HANDSHAKE_COOKIE, udt_cookie);
    w->current_bits = 0;
    return true;
}
