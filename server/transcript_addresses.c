#include "server/transcript_addresses.h"
#include "base/error.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is_of_address(char c)
{
    return c != '\0' && strchr("0123456789abcdefABCDEF.:[]", c);
}

static size_t run_length(const char *at, const char *end)
{
    size_t n = 0;

    while (at + n < end && is_of_address(at[n]))
        n++;
    return n;
}

/* With a port, or without one. */
static bool read_address(struct endpoint *out, const char *at, size_t len)
{
    char text[ENDPOINT_TEXT_MAX + 2];

    if (len < sizeof "1.1.1." || len >= ENDPOINT_TEXT_MAX || !(memchr(at, '.', len) || at[0] == '['))
        return false;
    if (endpoint_parse(out, at, len) == HX_OK)
        return true;
    size_t n = (size_t)snprintf(text, sizeof text, "%.*s:1", (int)len, at);
    return endpoint_parse(out, text, n) == HX_OK;
}

int transcript_addresses(struct buf *out, enum log_addresses shown, const void *data, size_t len)
{
    const char *at = data, *end = at + len;
    int err = HX_OK;

    if (shown == LOG_ADDRESSES_FULL)
        return buf_append(out, data, len);
    while (err == HX_OK && at < end) {
        char text[ENDPOINT_TEXT_MAX];
        struct endpoint e;
        size_t n = run_length(at, end);

        if (n > 0 && read_address(&e, at, n)) {
            const char *as = log_address(text, &e);
            err = buf_printf(out, "%s", as ? as : TRANSCRIPT_NO_ADDRESS);
        } else {
            n = n > 0 ? n : 1;
            err = buf_append(out, at, n);
        }
        at += n;
    }
    return err;
}
