#include "shim/finish.h"
#include "shim/packet.h"
#include <string.h>

static bool waiting(const struct finish *f)
{
    if (finish_done(f))
        return !f->peer_done && f->tries < FINISH_DONE_TRIES;
    if (f->ended && !f->confirmed)
        return true;
    return !f->peer_speaks && f->tries < FINISH_HELLO_TRIES;
}

/* Something of ours has changed: tell it at once, and begin to count repetitions anew. */
static void changed(struct finish *f, int64_t now_ms)
{
    f->tries = 0;
    f->due_ms = now_ms;
}

void finish_init(struct finish *f, int64_t now_ms)
{
    memset(f, 0, sizeof(*f));
    changed(f, now_ms);
}

void finish_end(struct finish *f, uint64_t offset, int64_t now_ms)
{
    if (f->ended)
        return;
    f->ended = true;
    f->sent_offset = offset;
    changed(f, now_ms);
}

void finish_read(struct finish *f, int64_t now_ms)
{
    if (f->read)
        return;
    f->read = true;
    changed(f, now_ms);
}

bool finish_done(const struct finish *f)
{
    return f->ended && f->confirmed && f->peer_ended && f->read;
}

bool finish_receive(struct finish *f, const uint8_t *body, size_t len, int64_t now_ms)
{
    bool was_done = finish_done(f);
    uint32_t flags;

    if (len != FINISH_SIZE)
        return false;
    flags = packet_word(body);
    f->peer_speaks = true;
    if ((flags & FINISH_ENDED) && !f->peer_ended) {
        f->peer_ended = true;
        f->peer_offset = (uint64_t)packet_word(body + 4) << 32 | packet_word(body + 8);
    }
    if (f->ended && (flags & (FINISH_READ | FINISH_DONE)))
        f->confirmed = true;
    if (finish_done(f) && (flags & FINISH_DONE))
        f->peer_done = true;
    if (finish_done(f) && !was_done)
        changed(f, now_ms);
    else if (!waiting(f))
        f->due_ms = INT64_MAX;
    return flags & FINISH_REPLY;
}

void finish_answer(const struct finish *f, uint8_t body[FINISH_SIZE])
{
    uint32_t flags = 0;

    if (f->ended)
        flags |= FINISH_ENDED;
    if (f->read)
        flags |= FINISH_READ;
    if (finish_done(f))
        flags |= FINISH_DONE;
    packet_put_word(body, flags);
    packet_put_word(body + 4, (uint32_t)(f->sent_offset >> 32));
    packet_put_word(body + 8, (uint32_t)f->sent_offset);
}

void finish_message(struct finish *f, uint8_t body[FINISH_SIZE], int64_t now_ms)
{
    int64_t wait = f->tries < 5 ? (int64_t)FINISH_REPEAT_MIN_MS << f->tries : FINISH_REPEAT_MAX_MS;

    finish_answer(f, body);
    if (!waiting(f)) {
        f->due_ms = INT64_MAX;
        return;
    }
    body[3] |= FINISH_REPLY;
    f->due_ms = now_ms + wait;
    if (f->tries < INT32_MAX)
        f->tries++;
}
