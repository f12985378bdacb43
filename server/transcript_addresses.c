#include "server/transcript_addresses.h"
#include "base/error.h"
#include <string.h>

static size_t tail_length(const char *data, size_t len)
{
    size_t n = 0;

    while (n < len && endpoint_has_char(data[len - n - 1]))
        n++;
    return n;
}

static int append_shown(struct buf *out, const char *bytes, size_t len)
{
    size_t plain = 0; /* from here to `at` there is none */
    int err = HX_OK;

    for (size_t at = 0, n; err == HX_OK && at < len; at += n) {
        char text[ENDPOINT_TEXT_MAX];
        struct endpoint e;

        n = endpoint_in_text(&e, bytes, at, len);
        if (n == 0) {
            n = 1;
            continue;
        }
        const char *as = log_address(text, &e);
        err = buf_append(out, bytes + plain, at - plain);
        if (err == HX_OK)
            err = buf_printf(out, "%s", as ? as : TRANSCRIPT_NO_ADDRESS);
        plain = at + n;
    }
    return err == HX_OK ? buf_append(out, bytes + plain, len - plain) : err;
}

int transcript_addresses(struct buf *out, struct transcript_tail *tail, enum log_addresses shown,
                         const void *data, size_t len)
{
    struct buf all;

    if (shown == LOG_ADDRESSES_FULL && tail->len == 0)
        return len > 0 ? buf_append(out, data, len) : HX_OK;
    buf_init(&all, 0);
    int err = buf_append(&all, tail->text, tail->len);
    if (err == HX_OK && len > 0)
        err = buf_append(&all, data, len);
    tail->len = 0;
    if (err == HX_OK && data && shown != LOG_ADDRESSES_FULL)
        tail->len = tail_length(buf_data(&all), all.len);
    if (tail->len >= sizeof tail->text) /* that is none */
        tail->len = 0;
    size_t shown_len = all.len - tail->len;
    memcpy(tail->text, buf_data(&all) + shown_len, tail->len);
    if (err == HX_OK && shown == LOG_ADDRESSES_FULL)
        err = buf_append(out, buf_data(&all), all.len);
    else if (err == HX_OK)
        err = append_shown(out, buf_data(&all), shown_len);
    buf_free(&all);
    return err;
}
