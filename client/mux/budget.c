#include "client/mux/parts.h"

/* What a side may cost the other one besides the data that it carries, counted in frames (CVE-2019-9512
 * and its like, CVE-2023-44487). Time gives frames back, so do data in either direction and a stream that
 * ends in order.
 *
 * Whoever sends requests holds itself to less than the other side takes. So no load of an honest peer is
 * taken for a flood, not even when what it sent in MOST_TAKEN / PER_SECOND_SENT = 16 s of a stalled path
 * arrives at once. */
#define PER_SECOND_TAKEN 4096
#define MOST_TAKEN       16384
#define PER_SECOND_SENT  1024
#define MOST_SENT        4096
#define RESERVE          512 /* of what may be sent: for frames that follow, of requests that are under way */
#define DATA_BYTES       1024 /* that pay for one frame */
#define STREAM_PAYS      2    /* frames: its header and an update of a window */

static const struct token_limit taken = {PER_SECOND_TAKEN, MOST_TAKEN};
static const struct token_limit sent = {PER_SECOND_SENT, MOST_SENT};

/* DATA pays for itself, unless it says nothing. nghttp2 passes over frames of unknown types, and nothing
 * comes of them. */
static bool is_free(const nghttp2_frame_hd *hd)
{
    return hd->type == NGHTTP2_DATA && (hd->length > 0 || (hd->flags & NGHTTP2_FLAG_END_STREAM));
}

static bool is_awaited_pong(const struct mux *m, const nghttp2_frame_hd *hd)
{
    return hd->type == NGHTTP2_PING && (hd->flags & NGHTTP2_FLAG_ACK) && m->ping_count > 0;
}

int mux_budget_take(struct mux *m, const nghttp2_frame_hd *hd)
{
    if (is_free(hd) || is_awaited_pong(m, hd) || token_bucket_take(&m->taken, &taken, 1, m->now_ms))
        return HX_OK;
    return HX_EFLOOD;
}

void mux_budget_send(struct mux *m, const nghttp2_frame_hd *hd)
{
    if (!is_free(hd))
        token_bucket_spend(&m->sent, &sent, 1, m->now_ms);
}

bool mux_budget_has_room(struct mux *m)
{
    return token_bucket_left(&m->sent, &sent, m->now_ms) >= RESERVE;
}

static void pay(struct mux *m, int64_t thousandths)
{
    token_bucket_give(&m->taken, thousandths);
    token_bucket_give(&m->sent, thousandths);
}

void mux_budget_data(struct mux *m, size_t bytes)
{
    pay(m, (int64_t)bytes * TOKEN_BUCKET_UNIT / DATA_BYTES);
}

void mux_budget_stream(struct mux *m)
{
    pay(m, STREAM_PAYS * TOKEN_BUCKET_UNIT);
}

void mux_budget_options(nghttp2_option *o)
{
    /* nghttp2's own limit lets 33 resets a second pass, whatever else there is: the budget
     * counts them, too. */
    nghttp2_option_set_stream_reset_rate_limit(o, INT32_MAX, INT32_MAX);
    nghttp2_option_set_max_outbound_ack(o, MUX_ACKS_MAX);
}
