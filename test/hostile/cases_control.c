/* What a connected peer can say. */
#include "test/hostile/cases.h"
#include <stdio.h>
#include <sys/socket.h>

#define SETTLE_MS  200
#define OLD_MS     1100 /* a connection that is worth forging for (shim/udt/shutdown_check.h) */
#define EXPIRY_MS  700  /* UDT's expiry timer, 300 ms and more, after which it uses what the ACK said */
#define STORM_MS   1000
#define LOSS_LIST  32
#define RATE       1000000 /* packets a second */
#define CONTROL_MS 12      /* a little more than UDT's rate control waits between two looks at an ACK */
#define OTHER_IDS  300
#define TYPE_TIMES 300
#define DROP_TIMES 4
/* After these two UDT's estimate plus four deviations is negative in 32 bits: its expiry timer
 * is always over. */
#define RTT_FIRST_US  0x7FFFFFFFu
#define RTT_SECOND_US 0x50000000u
#define FAR           0x3FFFFF00u /* sequence numbers; below half their space, so it counts as later */

bool ask_three(struct raw *r)
{
    uint32_t end = r->heard + 3;

    for (int i = 0; i < 3; i++)
        raw_request(r, "GET / HTTP/1.1\r\n\r\n");
    return raw_await_data(r, end, ANSWER_MS);
}

void tell_whether_answered(struct raw *r)
{
    printf(ask_three(r) ? "answered\n" : "unanswered\n");
}

/* A session with answers on their way that nobody has acknowledged. */
static bool begin(struct raw *r)
{
    return raw_connect(r) && ask_three(r);
}

void case_honest(struct raw *r)
{
    if (raw_connect(r))
        tell_whether_answered(r);
    raw_ack(r, r->heard, 100, r->window);
}

/* Two ACKs open the congestion window. A loss list of 32 places, and more than 32 packets on their way: two
 * losses that are 32 apart share a place, which UDT then makes its own successor, and a third one it looks
 * for there without an end. */
void case_ack_window(struct raw *r)
{
    uint32_t ack[ACK_SIZE_FULL / 4] = {0,        100,  0,
                                       1u << 30, RATE, RATE}; /* congestion control believes it, too */
    uint32_t losses[3];

    r->window = LOSS_LIST / 2;
    if (!begin(r))
        return;
    for (int i = 0; i < 2; i++) {
        raw_idle(r, CONTROL_MS);
        ack[0] = losses[0] = r->heard;
        raw_control(r, PACKET_ACK, 0, ack, ACK_SIZE_FULL / 4);
    }
    raw_await_data(r, losses[0] + LOSS_LIST + 2, SETTLE_MS);
    losses[1] = losses[0] + LOSS_LIST;
    losses[2] = losses[1] + 1;
    raw_control(r, PACKET_NAK, 0, losses, 3);
    for (int i = 0; i < 3; i++)
        raw_control(r, PACKET_NAK, 0, &losses[i], 1);
    raw_idle(r, SETTLE_MS);
}

void case_light_ack(struct raw *r)
{
    const uint32_t word = r->isn + FAR;

    if (!begin(r))
        return;
    raw_control(r, PACKET_ACK, 0, &word, 1);
    raw_idle(r, EXPIRY_MS);
}

void case_ack_beyond(struct raw *r)
{
    if (!begin(r))
        return;
    raw_ack(r, r->isn + 100000, 100, r->window);
    tell_whether_answered(r);
}

void case_nak_beyond(struct raw *r)
{
    const uint32_t word = r->isn + 100000;

    if (!begin(r))
        return;
    raw_control(r, PACKET_NAK, 0, &word, 1);
    tell_whether_answered(r);
}

void case_ack_bit31(struct raw *r)
{
    if (!begin(r))
        return;
    raw_ack(r, (r->isn + 1) | 0x80000000, 100, r->window);
    raw_idle(r, EXPIRY_MS);
    tell_whether_answered(r);
}

void case_nak_bit31(struct raw *r)
{
    const uint32_t stale[] = {0x80000000 | r->isn, r->isn + 100000};
    const uint32_t both[] = {0x80000000 | r->isn, 0x80000000 | (r->isn + 1)};

    if (!begin(r))
        return;
    raw_control(r, PACKET_CUSTOM, 1, stale, 2); /* UDT reads the range's end from behind the next datagram */
    raw_control(r, PACKET_NAK, 0, stale, 1);
    raw_control(r, PACKET_NAK, 0, both, 2);
    tell_whether_answered(r);
}

void case_ack_rtt(struct raw *r)
{
    int64_t end_ms = raw_now_ms() + STORM_MS;
    uint8_t packet[RAW_MAX];
    int keepalives = 0;

    if (!begin(r))
        return;
    raw_ack(r, r->isn + 1, RTT_FIRST_US, r->window);
    raw_ack(r, r->heard, RTT_SECOND_US, r->window);
    while (raw_now_ms() < end_ms) {
        size_t len = raw_receive(r, packet, (int)(end_ms - raw_now_ms()));

        keepalives += len && packet_type(packet) == PACKET_KEEPALIVE;
    }
    printf("keepalives %d\n", keepalives);
}

void case_drop_wide(struct raw *r)
{
    const uint32_t words[] = {0, 0x7FFFFFFE}; /* UDT walks through them one by one */

    if (!raw_connect(r))
        return;
    for (int i = 0; i < DROP_TIMES; i++)
        raw_control(r, PACKET_DROP, 0, words, 2);
    tell_whether_answered(r);
}

void case_drop_moves(struct raw *r)
{
    const uint32_t words[] = {r->isn, r->isn + 5}; /* received, says UDT, where nothing is */

    if (!raw_connect(r))
        return;
    raw_control(r, PACKET_DROP, 0, words, 2);
    raw_idle(r, SETTLE_MS);
    tell_whether_answered(r);
}

void case_shutdown_all(struct raw *r)
{
    const uint32_t pad = 0;

    if (!raw_connect(r))
        return;
    int32_t own = r->peer;
    for (int32_t id = own - OTHER_IDS; id < own + OTHER_IDS; id++) { /* ids count down from a random start */
        r->peer = id;
        if (id != own)
            raw_control(r, PACKET_SHUTDOWN, 0, &pad, 1);
    }
    r->peer = own;
    tell_whether_answered(r);
}

void case_shutdown_one(struct raw *r)
{
    struct sockaddr_in from, server;
    socklen_t len = sizeof from;

    getpeername(r->fd, (struct sockaddr *)&server, &len);
    getsockname(r->fd, (struct sockaddr *)&from, &len);
    from.sin_port = 0;
    struct raw stranger;
    if (!raw_connect(r) || !raw_open(&stranger, &from, &server))
        return;
    stranger.peer = r->peer;
    raw_shutdown(&stranger);
    raw_close(&stranger);
    raw_idle(r, SETTLE_MS);
    tell_whether_answered(r);
}

/* Hears for so long, and says ACK2 to ACKs, as any living UDT does. */
static void live(struct raw *r, int ms)
{
    int64_t end_ms = raw_now_ms() + ms;
    uint8_t packet[RAW_MAX];

    while (raw_now_ms() < end_ms) {
        size_t len = raw_receive(r, packet, (int)(end_ms - raw_now_ms()));

        if (len >= PACKET_HEAD + ACK_SIZE_SHORT && packet_type(packet) == PACKET_ACK)
            raw_ack2(r, packet_word(packet + 4));
    }
}

/* From our own port, but as if a stranger had sent it who has guessed both. */
void case_shutdown_forged(struct raw *r)
{
    const uint32_t pad = 0;

    if (!begin(r))
        return;
    raw_ack(r, r->heard, 100, r->window);
    live(r, OLD_MS);
    raw_control(r, PACKET_SHUTDOWN, 0, &pad, 1);
    live(r, SETTLE_MS);
    tell_whether_answered(r);
}

void case_strange_types(struct raw *r)
{
    const uint32_t words[] = {1, 2, 3, 4};

    if (!raw_connect(r))
        return;
    for (int i = 0; i < TYPE_TIMES; i++)
        raw_control(r, PACKET_CONGESTION, 0, words, 1);
    raw_control(r, PACKET_PEER_ERROR, 0, words, 1);
    for (unsigned type = 9; type < PACKET_CUSTOM; type = type * 2 + 1)
        raw_control(r, type, 0, words, 4);
    raw_control(r, PACKET_CUSTOM, 0, words, 4);
    raw_control(r, PACKET_CUSTOM, 0x6878, words, 4); /* one word more than hx itself would send */
    raw_control(r, PACKET_CUSTOM, 0x6878, words, 0);
    tell_whether_answered(r);
}

/* Acknowledges data as it comes, until no more does. */
static void hear_out(struct raw *r)
{
    uint32_t next;

    do {
        raw_ack(r, r->heard, 100, r->window);
        next = r->heard + 1;
    } while (raw_await_data(r, next, SETTLE_MS) && !r->closed);
}

void case_long_answer(struct raw *r)
{
    if (!begin(r))
        return;
    hear_out(r);
    tell_whether_answered(r);
}

/* UDT lets a send() that waits for room fail: what is left of the answer is never sent. */
void case_peer_error(struct raw *r)
{
    const uint32_t pad = 0;

    if (!begin(r))
        return;
    raw_control(r, PACKET_PEER_ERROR, 0, &pad, 1);
    hear_out(r);
    tell_whether_answered(r);
}

void case_empty_data(struct raw *r)
{
    if (!raw_connect(r))
        return;
    raw_data(r, r->isn, "", 0); /* takes the place of what comes with this number */
    raw_data(r, r->isn + 40, "", 0);
    raw_idle(r, SETTLE_MS);
    tell_whether_answered(r);
}

void case_short_bodies(struct raw *r)
{
    const uint32_t stale[] = {r->isn + 100000, 0, 0, 0}; /* beyond what was sent: the end of the connection */

    if (!begin(r))
        return;
    raw_control(r, PACKET_CUSTOM, 1, stale, 4); /* UDT reads it again as the next one's body */
    for (size_t words = 0; words < 4; words += 2)
        raw_control(r, PACKET_ACK, 0, stale, words ? 0 : words);
    raw_control(r, PACKET_NAK, 0, stale, 0);
    raw_control(r, PACKET_ACK2, 0, stale, 0);
    raw_control(r, PACKET_DROP, 0, stale, 0);
    tell_whether_answered(r);
}
