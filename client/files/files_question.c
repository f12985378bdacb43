/* A batch as its asking side sees it: the request, its lines, and what may be answered to one. */
#include "client/files/files_shared.h"
#include "client/files/share.h"
#include <stdio.h>

int files_batch_request(struct mux *m, struct mux_stream **out, bool follow,
                        const struct mux_stream_events *events, void *user)
{
    const struct mux_field fields[] = {{":method", "POST"},         {":scheme", "hx"},
                                       {":authority", "hx"},        {":path", SHARE_PREFIX},
                                       {"hx-batch", BATCH_VERSION}, {"hx-links", SHARE_LINKS_FOLLOW}};
    const struct mux_message request = {.fields = fields, .count = sizeof fields / sizeof *fields - !follow};
    int err = mux_request(m, out, &request, events, user);
    if (err < 0)
        *out = NULL;
    return err;
}

int files_question(struct buf *out, char type, const struct file_entry *e)
{
    char line[LISTING_LINE_MAX + 1];
    struct file_entry asked = *e;
    asked.type = type;
    if (e->type == 'd')
        asked.size = 0;
    int len = listing_format(line, &asked);
    return len < 0 ? len : buf_append(out, line, (size_t)len);
}

/* The status is one that this question can have, and as many bytes follow as then must. */
static bool is_sensible(const struct batch_answer *a, char type, int64_t size)
{
    if (files_verdict(a->status, false) != OUTCOME_DONE)
        return a->bytes == 0;
    if (type == 'g' || type == 'h')
        return a->status == 200 && a->bytes == (type == 'g' ? size : 0) + DIGEST_BYTES;
    return a->bytes == 0 && (a->status == 201 || (type == 'd' && a->status == 200));
}

int files_take_line(struct batch_input *in, struct batch_answer *a, char type, int64_t size,
                    char reason[FILES_REASON_MAX])
{
    if (batch_parse_answer(a, in->line) < 0 || !is_sensible(a, type, size))
        return HX_EPROTO;
    snprintf(reason, FILES_REASON_MAX, "%s", a->reason[0] ? a->reason : "the peer refuses it");
    if (a->bytes > 0)
        batch_input_expect(in, (size_t)a->bytes);
    return HX_OK;
}

bool files_is_alone(char type, int status)
{
    return type == 'g' ? status == 412 || status == 413 : type == 'p' && status == 423;
}
