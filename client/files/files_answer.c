/* What an answer says: for hx cp from here, to here, and from one peer to another. */
#include "client/files/files_shared.h"
#include "client/files/share.h"
#include <stdio.h>
#include <string.h>

enum files_outcome files_because(char reason[FILES_REASON_MAX], enum files_outcome outcome, const char *text)
{
    snprintf(reason, FILES_REASON_MAX, "%s", text);
    return outcome;
}

void files_let_go(struct mux_stream *s, bool ended, bool changed)
{
    static const struct mux_stream_events nothing = {.closed = NULL};
    if (ended)
        mux_stream_own(s, &nothing, NULL);
    else
        mux_stream_reset(s, changed ? SHARE_CHANGED : MUX_CANCEL);
}

static const char *default_reason(int status)
{
    if (status == 404)
        return "does not exist there, or nothing is shared";
    return status == 413 || status == 414 || status == 431 ? "the path is too long for the peer"
                                                           : "the peer refuses it";
}

int files_status(const struct mux_message *m, char reason[FILES_REASON_MAX])
{
    int64_t status = 0;
    const char *text = mux_field(m, ":status");
    const char *why = mux_field(m, "hx-reason");
    if (!text || listing_number(&status, text, 100, 599) < 0)
        status = 500;
    snprintf(reason, FILES_REASON_MAX, "%s", why ? why : default_reason((int)status));
    return (int)status;
}

void files_take_answer(struct files_answer *a, const struct mux_message *m, char target[PATH_TEXT_MAX],
                       char reason[FILES_REASON_MAX])
{
    const char *type = mux_field(m, "hx-type");
    const char *text = mux_field(m, "hx-target");
    a->status = files_status(m, reason);
    a->there = (struct file_entry){.path = "", .type = 's'};
    if (type)
        a->there.type = strcmp(type, "directory") == 0 ? 'd' : strcmp(type, "link") == 0 ? 'l' : 'f';
    a->valid = share_fields(&a->there, m) == HX_OK;
    if (a->there.type != 'l')
        return;
    a->valid = a->valid && target && text && listing_decode_target(target, text) == HX_OK;
    a->there.target = a->valid ? target : NULL;
}

void files_take_offers(struct files_offers *o, const struct mux_message *m)
{
    const char *batch = mux_field(m, "hx-batch");
    o->batch = batch && strcmp(batch, BATCH_VERSION) == 0;
    o->keyed_sums = file_sum_is_offered(m);
    o->holes = mux_field(m, "hx-holes");
    o->links = mux_field(m, "hx-links");
}

enum files_outcome files_verdict(int status, bool put)
{
    switch (status) {
    case 200:
    case 201:
    case 206:
        return OUTCOME_DONE;
    case 422:
        return OUTCOME_AGAIN;
    case 409: /* the part has another length than it had when we asked */
        return put ? OUTCOME_AGAIN : OUTCOME_FAILED;
    case 410:
        return put ? OUTCOME_OVER : OUTCOME_FAILED;
    case 423:
    case 429:
    case 503:
        return OUTCOME_BUSY;
    default:
        return OUTCOME_FAILED;
    }
}

bool files_found(const struct files_answer *a)
{
    return a->valid && a->there.type != 's' && files_verdict(a->status, false) == OUTCOME_DONE;
}

enum files_outcome files_ended(const struct files_answer *a, bool put, char reason[FILES_REASON_MAX])
{
    enum files_outcome outcome = files_verdict(a->status, put);
    return outcome == OUTCOME_DONE && a->status != 201
               ? files_because(reason, OUTCOME_FAILED, "the peer's answer makes no sense")
               : outcome;
}

enum files_outcome files_list_begins(const struct files_answer *a, char reason[FILES_REASON_MAX])
{
    if (!files_found(a))
        return files_ended(a, false, reason);
    return a->there.type == 'd' ? OUTCOME_NONE
                                : files_because(reason, OUTCOME_FAILED, "is no directory any more");
}

enum files_outcome files_asked(const struct files_answer *a, const struct mux_message *m,
                               const struct plan_entry *e, struct files_follow *follow,
                               char reason[FILES_REASON_MAX])
{
    const char *part = mux_field(m, "hx-part");
    if (!a->valid || (a->status != 200 && a->status != 404))
        return files_ended(a, false, reason);
    bool same = a->status == 200 && a->there.type == 'f' && a->there.size == e->size &&
                a->there.mtime_ns == e->mtime_ns;
    *follow = same ? (struct files_follow){TASK_COMPARE, e->size} : (struct files_follow){TASK_PUT, 0};
    if (!same && part && listing_number(&follow->offset, part, 0, e->size) < 0)
        return files_because(reason, OUTCOME_AGAIN, "the peer's answer makes no sense");
    return OUTCOME_FOLLOW;
}

enum files_outcome files_read_listing(struct mux_stream *s, struct listing_reader *r,
                                      char reason[FILES_REASON_MAX])
{
    char data[16384];
    ssize_t got;
    int err = HX_OK;
    while (err == HX_OK && (got = mux_stream_read(s, data, sizeof data)) > 0)
        err = listing_feed(r, data, (size_t)got);
    if (err == HX_ETOOBIG || err == HX_ENOMEM)
        return files_because(reason, OUTCOME_FAILED,
                             err == HX_ETOOBIG ? "too many entries" : hx_error_text(err));
    if (err < 0)
        return files_because(reason, OUTCOME_FAILED, "the peer's listing is malformed");
    if (got != HX_EEOF)
        return OUTCOME_NONE;
    return r->ended ? OUTCOME_DONE : files_because(reason, OUTCOME_AGAIN, "the listing is not whole");
}
