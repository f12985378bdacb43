/* client/linger.h: has everything arrived? The judgement of hx_close() after hx_shutdown(). Pure. */
#ifndef HX_CLIENT_LINGER_H
#define HX_CLIENT_LINGER_H

#include "shim/udt/udt.h"

#define LINGER_STOCK_MS   1600  /* an hx peer has greeted by then (shim/udt/half_close.h: its tries) */
#define LINGER_PARTING_MS 2000  /* for the peer to learn that its own direction is complete, too */
#define LINGER_SILENCE_MS 30000 /* a peer unheard for so long is gone */

struct linger_state {
    int linger_ms; /* without progress; -1: as long as the peer lives */
    int64_t begun_ms;
    int64_t progress_ms;
    int64_t confirmed_ms; /* INT64_MAX until everything of ours was read */
    int unacked;
};

/* What is known at this moment. */
struct linger_view {
    struct udt_half_close half_close;
    int unacked; /* of stream_unacked() */
    int error;   /* TLS has failed before it could end our direction; HX_OK */
    bool gone;
    bool canceled;
    int64_t heard_ms;
    int64_t now_ms;
};

/* `unacked`: the last that is known of stream_unacked(), -1 for nothing. */
void linger_init(struct linger_state *l, int linger_ms, int unacked, int64_t now_ms);
/* HX_EAGAIN: wait; HX_OK: all has arrived; HX_ECLOSED, HX_ETIMEDOUT, HX_ECANCELED,
 * view.error: that is not known. */
int linger_judge(struct linger_state *l, const struct linger_view *v);

#endif
