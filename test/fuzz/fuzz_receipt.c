/* A peer's receipts: what is read agrees with itself, and whatever they say, a sender's account stays true. */
#include "shim/udt/delivery.h"
#include "shim/udt/packet.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PACKETS 64
#define FIRST   1000u

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void require_order(const struct receipt *r)
{
    uint32_t before = (r->from - 1) & 0x7FFFFFFF;

    require(packet_distance(r->from, r->next) >= 0 && packet_distance(r->end, r->from) >= 0);
    for (int i = 0; i < r->missing_count; i++) {
        require(packet_distance(r->missing[i].first, before) > 0);
        require(packet_distance(r->missing[i].last, r->missing[i].first) >= 0);
        before = r->missing[i].last;
    }
    require(r->missing_count == 0 || packet_distance(before, r->end) < 0);
}

static void require_account(const struct delivery *d)
{
    uint32_t missing = 0, seq;

    for (uint32_t i = 0; i < PACKETS; i++)
        missing += !delivery_has_come(d, FIRST + i);
    require(d->delivered + missing == PACKETS);
    require(d->inflight + d->lost_count == missing);
    require(!delivery_next_lost(d, &seq) || !delivery_has_come(d, seq));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct delivery d;
    struct path_sample sample;
    uint32_t now = 0, seq;

    delivery_init(&d);
    for (uint32_t i = 0; i < PACKETS; i++)
        require(delivery_sent(&d, FIRST + i, now += 100));
    while (size > 2) { /* a byte of time, a byte of length, a receipt */
        size_t len = data[1] < size - 2 ? data[1] : size - 2;
        uint8_t *body = malloc(len ? len : 1);
        struct receipt r;

        now += 100u * data[0];
        memcpy(body, data + 2, len);
        if (receipt_packet_read(&r, body, len)) {
            require_order(&r);
            r.left = data[0] & 2 ? r.came : now - 100u * data[0]; /* the clocks agree, or do not */
            if (delivery_receipt(&d, &r, now, &sample) == DELIVERY_NEWS)
                require(sample.delivered >= sample.prior_delivered && sample.rtt_us >= -1 &&
                        sample.rtt_us <= DELIVERY_RTT_MAX_US && sample.back_us >= 0);
            require_account(&d);
        }
        if ((data[0] & 1) && delivery_next_lost(&d, &seq))
            require(delivery_sent(&d, seq, now));
        require_account(&d);
        free(body);
        data += 2 + len;
        size -= 2 + len;
    }
    delivery_end(&d);
    return 0;
}
