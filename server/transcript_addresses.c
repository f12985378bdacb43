#include "server/transcript_addresses.h"
#include "base/error.h"
#include <arpa/inet.h>
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

static size_t tail_length(const char *data, size_t len)
{
    size_t n = 0;

    while (n < len && is_of_address(data[len - n - 1]))
        n++;
    return n;
}

/* An address alone, or one before a port, which may be 0: that of who has come over TCP. */
static bool read_address(struct endpoint *out, const char *at, size_t len)
{
    char text[ENDPOINT_TEXT_MAX];

    if (len >= sizeof text)
        return false;
    *out = (struct endpoint){.family = AF_INET6};
    size_t n = (size_t)snprintf(text, sizeof text, "%.*s", (int)len, at);
    if (inet_pton(AF_INET6, text, out->address) == 1)
        return true;
    if (text[0] == '[') {
        text[strcspn(text, "]")] = '\0';
        return inet_pton(AF_INET6, text + 1, out->address) == 1;
    }
    out->family = AF_INET;
    if (n > 0 && text[n - 1] == '.') /* a sentence's */
        text[n - 1] = '\0';
    text[strcspn(text, ":")] = '\0';
    return inet_pton(AF_INET, text, out->address) == 1;
}

/* The run, or what stands behind a colon in it: "Candidate:192.0.2.1:7000". */
static int append_run(struct buf *out, const char *run, size_t len)
{
    char text[ENDPOINT_TEXT_MAX];
    struct endpoint e;
    size_t from = 0;

    while (from < len && !read_address(&e, run + from, len - from)) {
        const char *colon = memchr(run + from, ':', len - from);
        from = colon ? (size_t)(colon - run) + 1 : len;
    }
    int err = buf_append(out, run, from);
    if (err < 0 || from == len)
        return err;
    const char *as = log_address(text, &e);
    return buf_printf(out, "%s", as ? as : TRANSCRIPT_NO_ADDRESS);
}

static int append_shown(struct buf *out, const char *at, const char *end)
{
    int err = HX_OK;

    while (err == HX_OK && at < end) {
        size_t n = run_length(at, end);

        err = n > 0 ? append_run(out, at, n) : buf_append(out, at, 1);
        at += n > 0 ? n : 1;
    }
    return err;
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
    const char *end = buf_data(&all) + all.len - tail->len;
    memcpy(tail->text, end, tail->len);
    if (err == HX_OK && shown == LOG_ADDRESSES_FULL)
        err = buf_append(out, buf_data(&all), all.len);
    else if (err == HX_OK)
        err = append_shown(out, buf_data(&all), end);
    buf_free(&all);
    return err;
}
