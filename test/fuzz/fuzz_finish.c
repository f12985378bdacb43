/* Any packets of a peer: the state only grows, and no answer asks for an answer. */
#include "shim/finish.h"
#include "shim/packet.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void act(struct finish *f, uint8_t op, int64_t now_ms)
{
    uint8_t out[FINISH_SIZE];

    if (op & 1)
        finish_end(f, op, now_ms);
    if (op & 2)
        finish_read(f, now_ms);
    if (f->due_ms <= now_ms) {
        finish_message(f, out, now_ms);
        require(f->due_ms > now_ms);
    }
    finish_answer(f, out);
    require(!(packet_word(out) & FINISH_REPLY));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct finish f;
    int64_t now_ms = 0;

    finish_init(&f, now_ms);
    while (size > FINISH_SIZE) {
        struct finish before;

        act(&f, data[0], now_ms);
        before = f;
        finish_receive(&f, data + 1, data[0] & 4 ? FINISH_SIZE : FINISH_SIZE - 1, now_ms);
        require(f.peer_speaks >= before.peer_speaks && f.peer_ended >= before.peer_ended);
        require(f.confirmed >= before.confirmed && f.peer_done >= before.peer_done);
        require(!before.peer_ended || f.peer_offset == before.peer_offset);
        require(!f.confirmed || f.ended);
        now_ms += data[0];
        data += FINISH_SIZE + 1;
        size -= FINISH_SIZE + 1;
    }
    return 0;
}
