#include "test/hostile/mutate.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIT_ODDS     10 /* one field in so many keeps what was recorded */
#define DATAGRAM_MAX 1500
#define STUN_COOKIE  0x2112A442u /* RFC 8489, section 5 */

uint64_t draw(uint64_t *rng, uint64_t below)
{
    uint64_t z = (*rng += 0x9E3779B97F4A7C15u); /* splitmix64 */

    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (z ^ (z >> 31)) % below;
}

static bool add(struct recording *rec, const uint8_t *bytes, size_t len)
{
    struct datagram *more = realloc(rec->datagrams, (rec->count + 1) * sizeof *more);

    if (!more)
        return false;
    rec->datagrams = more;
    more[rec->count].len = len;
    more[rec->count].bytes = malloc(len ? len : 1);
    if (!more[rec->count].bytes)
        return false;
    memcpy(more[rec->count++].bytes, bytes, len);
    return true;
}

/* Control packets of every type, and what is no UDT at all. */
static bool add_strange(struct recording *rec)
{
    static const unsigned types[] = {PACKET_KEEPALIVE,
                                     PACKET_ACK,
                                     PACKET_NAK,
                                     PACKET_CONGESTION,
                                     PACKET_ACK2,
                                     PACKET_DROP,
                                     PACKET_PEER_ERROR,
                                     PACKET_CUSTOM,
                                     PACKET_SHUTDOWN,
                                     9,
                                     0x4000};
    uint8_t packet[PACKET_HEAD + HANDSHAKE_SIZE] = {0};
    bool good = true;

    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        packet_put_control(packet, (enum packet_type)types[i], types[i] == PACKET_CUSTOM ? 0x6878 : 0, 1);
        for (size_t len = 0; len <= ACK_SIZE_FULL; len += 4)
            good = good && add(rec, packet, PACKET_HEAD + len);
    }
    packet_put_word(packet, 0x00010008); /* a STUN binding request of 8 bytes */
    packet_put_word(packet + 4, STUN_COOKIE);
    return good && add(rec, packet, 28) && add(rec, packet, 0) && add(rec, packet, 1) && add(rec, packet, 15);
}

bool recording_load(struct recording *rec, const char *name)
{
    FILE *file = fopen(name, "rb");
    uint8_t bytes[RAW_MAX];
    bool good = file != NULL;
    int high, low;

    while (good && (high = fgetc(file)) != EOF && (low = fgetc(file)) != EOF) {
        size_t len = (size_t)high << 8 | (size_t)low;

        good = len <= DATAGRAM_MAX && fread(bytes, 1, len, file) == len && add(rec, bytes, len);
    }
    if (file)
        fclose(file);
    return good && rec->count > 0 && add_strange(rec);
}

void recording_free(struct recording *rec)
{
    for (size_t i = 0; i < rec->count; i++)
        free(rec->datagrams[i].bytes);
    free(rec->datagrams);
    rec->datagrams = NULL;
    rec->count = 0;
}

static void fit(uint8_t *at, uint32_t value, uint64_t *rng)
{
    if (draw(rng, FIT_ODDS) > 0)
        packet_put_word(at, value);
}

static uint32_t near(uint32_t sequence, uint64_t *rng)
{
    static const int32_t steps[] = {0, 0, 0, 0, 0, 1, -1, 2, 5, 31, 32, 33, -20, 1000};

    return sequence + (uint32_t)steps[draw(rng, sizeof steps / sizeof steps[0])];
}

static void fit_handshake(struct raw *r, uint64_t *rng, uint8_t *packet)
{
    uint8_t *body = packet + PACKET_HEAD;

    fit(packet + 12, draw(rng, 4) ? 0 : (uint32_t)r->peer, rng);
    fit(body + HANDSHAKE_ID, (uint32_t)r->id, rng);
    fit(body + HANDSHAKE_ISN, r->isn, rng);
    fit(body + HANDSHAKE_COOKIE, r->cookie, rng);
    if (draw(rng, 2))
        packet_put_word(body + HANDSHAKE_REQUEST, (uint32_t)HS_CONCLUSION);
}

/* The ids and numbers that make UDT, behind the filter, believe the datagram. */
static void fit_session(struct raw *r, uint64_t *rng, uint8_t *packet, size_t len)
{
    enum packet_type type = packet_type(packet);

    if (type == PACKET_HANDSHAKE && len >= PACKET_HEAD + HANDSHAKE_SIZE) {
        fit_handshake(r, rng, packet);
        return;
    }
    fit(packet + 12, (uint32_t)r->peer, rng);
    if (type == PACKET_DATA) {
        uint32_t sequence = near(r->next, rng);

        packet_put_word(packet, sequence & 0x7FFFFFFF);
        fit(packet + 4, 0xC0000000u | (sequence - r->isn + 1), rng);
        if (sequence == r->next)
            r->next++;
    } else if (len >= PACKET_HEAD + 4) {
        packet_put_word(packet + PACKET_HEAD, near(r->heard, rng));
        if (type == PACKET_NAK && draw(rng, 2))
            packet_put_word(packet + PACKET_HEAD, near(r->isn, rng) | 0x80000000u);
        if ((type == PACKET_NAK || type == PACKET_DROP) && len >= PACKET_HEAD + 8)
            packet_put_word(packet + PACKET_HEAD + 4, near(r->heard, rng));
    }
}

static size_t change(uint64_t *rng, uint8_t *bytes, size_t len)
{
    static const uint32_t words[] = {0,          1,          2,          44,         91,       0x20,
                                     0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x40000000, 1u << 23, 1002};
    size_t at = len ? (size_t)draw(rng, len) : 0;

    switch (draw(rng, 6)) {
    case 0: /* cut off */
        return at;
    case 1: /* longer, up to more than UDT's packets */
        at = (size_t)draw(rng, RAW_MAX - len);
        memset(bytes + len, (int)draw(rng, 256), at);
        return len + at;
    case 2: /* a word, where words are */
        if (len >= 4)
            packet_put_word(bytes + (size_t)draw(rng, len / 4) * 4, words[draw(rng, sizeof words / 4)]);
        return len;
    case 3:
        if (len)
            bytes[at] = (uint8_t)draw(rng, 256);
        return len;
    case 4: /* another type */
        if (len >= 4)
            packet_put_word(bytes, 0x80000000u | (uint32_t)draw(rng, 10) << 16);
        return len;
    default:
        if (len)
            bytes[at] ^= (uint8_t)(1u << draw(rng, 8));
        return len;
    }
}

size_t mutate(const struct recording *rec, struct raw *r, uint64_t *rng, uint8_t out[RAW_MAX])
{
    static const unsigned changes[] = {0, 0, 0, 1, 1, 1, 2, 4};
    const struct datagram *d = &rec->datagrams[draw(rng, rec->count)];

    if (d->len >= PACKET_HEAD && packet_type(d->bytes) == PACKET_SHUTDOWN && draw(rng, 8))
        d = &rec->datagrams[draw(rng, rec->count)]; /* most sessions shall live */
    size_t len = d->len;
    memcpy(out, d->bytes, len);
    if (len >= PACKET_HEAD)
        fit_session(r, rng, out, len);
    if (draw(rng, 50) == 0) { /* nothing but noise behind the head */
        for (size_t i = PACKET_HEAD; i < len; i++)
            out[i] = (uint8_t)draw(rng, 256);
    }
    for (unsigned n = changes[draw(rng, sizeof changes / sizeof changes[0])]; n > 0; n--)
        len = change(rng, out, len);
    return len;
}
