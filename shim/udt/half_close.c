#include "shim/udt/half_close.h"
#include "shim/udt/packet.h"
#include <string.h>

static bool waiting(const struct half_close *f)
{
    if (half_close_done(f))
        return !f->peer_done && f->tries < HALF_CLOSE_DONE_TRIES;
    if (f->ended && !f->confirmed)
        return true;
    return !f->peer_speaks && f->tries < HALF_CLOSE_HELLO_TRIES;
}

/* Something of ours has changed: tell it at once, and begin to count repetitions anew. */
static void changed(struct half_close *f, int64_t now_ms)
{
    f->tries = 0;
    f->due_ms = now_ms;
}

void half_close_init(struct half_close *f, int64_t now_ms)
{
    memset(f, 0, sizeof *f);
    changed(f, now_ms);
}

void half_close_end(struct half_close *f, uint64_t offset, int64_t now_ms)
{
    if (f->ended)
        return;
    f->ended = true;
    f->sent_offset = offset;
    changed(f, now_ms);
}

void half_close_read(struct half_close *f, int64_t now_ms)
{
    if (f->read)
        return;
    f->read = true;
    changed(f, now_ms);
}

bool half_close_done(const struct half_close *f)
{
    return f->ended && f->confirmed && f->peer_ended && f->read;
}

bool half_close_receive(struct half_close *f, const uint8_t *body, size_t len, int64_t now_ms)
{
    bool was_done = half_close_done(f);

    if (len != HALF_CLOSE_SIZE)
        return false;
    uint32_t flags = packet_word(body);
    f->peer_speaks = true;
    f->peer_tells = flags & HALF_CLOSE_RECEIPTS;
    if ((flags & HALF_CLOSE_ENDED) && !f->peer_ended) {
        f->peer_ended = true;
        f->peer_offset = (uint64_t)packet_word(body + 4) << 32 | packet_word(body + 8);
    }
    if (f->ended && (flags & (HALF_CLOSE_READ | HALF_CLOSE_DONE)))
        f->confirmed = true;
    if (half_close_done(f) && (flags & HALF_CLOSE_DONE))
        f->peer_done = true;
    if (half_close_done(f) && !was_done)
        changed(f, now_ms);
    else if (!waiting(f))
        f->due_ms = INT64_MAX;
    return flags & HALF_CLOSE_REPLY;
}

void half_close_answer(const struct half_close *f, uint8_t body[HALF_CLOSE_SIZE])
{
    uint32_t flags = HALF_CLOSE_RECEIPTS;

    if (f->ended)
        flags |= HALF_CLOSE_ENDED;
    if (f->read)
        flags |= HALF_CLOSE_READ;
    if (half_close_done(f))
        flags |= HALF_CLOSE_DONE;
    packet_put_word(body, flags);
    packet_put_word(body + 4, (uint32_t)(f->sent_offset >> 32));
    packet_put_word(body + 8, (uint32_t)f->sent_offset);
}

void half_close_message(struct half_close *f, uint8_t body[HALF_CLOSE_SIZE], int64_t now_ms)
{
    int64_t wait = f->tries < 5 ? (int64_t)HALF_CLOSE_REPEAT_MIN_MS << f->tries : HALF_CLOSE_REPEAT_MAX_MS;

    half_close_answer(f, body);
    if (!waiting(f)) {
        f->due_ms = INT64_MAX;
        return;
    }
    body[3] |= HALF_CLOSE_REPLY;
    f->due_ms = now_ms + wait;
    if (f->tries < UINT16_MAX)
        f->tries++;
}
