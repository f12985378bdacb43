/* Any packets of a peer: the state only grows, and no answer asks for an answer. */
#include "shim/udt/half_close.h"
#include "shim/udt/packet.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void act(struct half_close *f, uint8_t op, int64_t now_ms)
{
    uint8_t out[HALF_CLOSE_SIZE];

    if (op & 1)
        half_close_end(f, op, now_ms);
    if (op & 2)
        half_close_read(f, now_ms);
    if (f->due_ms <= now_ms) {
        half_close_message(f, out, now_ms);
        require(f->due_ms > now_ms);
    }
    half_close_answer(f, out);
    require(!(packet_word(out) & HALF_CLOSE_REPLY));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct half_close f;
    int64_t now_ms = 0;

    half_close_init(&f, now_ms);
    while (size > HALF_CLOSE_SIZE) {
        struct half_close before;

        act(&f, data[0], now_ms);
        before = f;
        half_close_receive(&f, data + 1, data[0] & 4 ? HALF_CLOSE_SIZE : HALF_CLOSE_SIZE - 1, now_ms);
        require(f.peer_speaks >= before.peer_speaks && f.peer_ended >= before.peer_ended);
        require(f.confirmed >= before.confirmed && f.peer_done >= before.peer_done);
        require(!before.peer_ended || f.peer_offset == before.peer_offset);
        require(!f.confirmed || f.ended);
        now_ms += data[0];
        data += HALF_CLOSE_SIZE + 1;
        size -= HALF_CLOSE_SIZE + 1;
    }
    return 0;
}
