/* Bytes from one peer's answer into a request to the other one, and two sums against each other. */
#include "client/files/between_parts.h"
#include <string.h>

#define PIECES 32 /* in one turn of the loop */

/* The source has ended: so does the body. */
static enum files_outcome end_body(struct between_job *j, ssize_t got)
{
    struct between_leg *from = &j->legs[BETWEEN_FROM];
    if (got != HX_EEOF) /* nothing now, or closed() is about to be told */
        return OUTCOME_NONE;
    from->over = from->clean = true;
    between_release(from);
    mux_stream_end(j->legs[BETWEEN_TO].stream);
    return OUTCOME_NONE;
}

static void count(struct between_job *j, ssize_t bytes)
{
    struct files_state *s = &j->all->state;
    int64_t left = j->all->plan.entries[j->entry].size - j->offset - j->piped; /* without the sum */
    s->moved += bytes < left ? bytes : left > 0 ? left : 0;
    s->steps++;
    s->busy = false;
    j->piped += bytes;
}

enum files_outcome between_pipe(struct between_job *j)
{
    struct between_leg *from = &j->legs[BETWEEN_FROM], *to = &j->legs[BETWEEN_TO];
    for (int i = 0; i < PIECES && from->stream && to->stream && !from->over; i++) {
        size_t len;
        uint8_t none;
        const void *data = mux_stream_peek(from->stream, &len);
        if (len == 0)
            return end_body(j, mux_stream_read(from->stream, &none, 1));
        ssize_t put = mux_stream_write(to->stream, data, len);
        if (put <= 0)
            return OUTCOME_NONE; /* writable() or closed() comes */
        mux_stream_skip(from->stream, (size_t)put);
        count(j, put);
    }
    return from->over ? OUTCOME_NONE : OUTCOME_HASHING;
}

/* True: this side's sum is whole. */
static bool take_sum(struct between_leg *leg)
{
    ssize_t got = 0;
    while (leg->stream && !leg->over && leg->sum_len < sizeof leg->sum &&
           (got = mux_stream_read(leg->stream, leg->sum + leg->sum_len, sizeof leg->sum - leg->sum_len)) > 0)
        leg->sum_len += (size_t)got;
    if (got == HX_EEOF) {
        leg->over = leg->clean = true;
        between_release(leg);
    }
    return leg->over;
}

enum files_outcome between_compare(struct between_job *j)
{
    struct between_leg *from = &j->legs[BETWEEN_FROM], *to = &j->legs[BETWEEN_TO];
    bool one = take_sum(from), other = take_sum(to);
    bool longer = from->sum_len > DIGEST_BYTES || to->sum_len > DIGEST_BYTES;
    if (!longer && !(one && other))
        return OUTCOME_NONE;
    if (!longer && from->sum_len == DIGEST_BYTES && to->sum_len == DIGEST_BYTES &&
        memcmp(from->sum, to->sum, DIGEST_BYTES) == 0)
        return OUTCOME_DONE;
    j->follow = (struct files_follow){TASK_GET, 0};
    return OUTCOME_FOLLOW;
}
