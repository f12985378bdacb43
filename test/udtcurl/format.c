#include "test/udtcurl/format.h"
#include "base/buf.h"
#include "base/error.h"
#include <inttypes.h>
#include <string.h>

#define US_PER_S 1000000

static int put_time(struct buf *out, int64_t us)
{
    return buf_printf(out, "%" PRId64 ".%06" PRId64, us / US_PER_S, us % US_PER_S);
}

/* The address without its port, and without brackets. */
static int put_ip(struct buf *out, const struct endpoint *e)
{
    char text[ENDPOINT_TEXT_MAX];
    if (e->family == AF_UNSPEC)
        return HX_OK;
    endpoint_format(e, text);
    int brackets = text[0] == '[';
    int len = (int)(strrchr(text, ':') - text) - 2 * brackets;
    return buf_printf(out, "%.*s", len, text + brackets);
}

static int put_text(struct buf *out, const char *text)
{
    return buf_append(out, text, strlen(text));
}

static int put_unsigned(struct buf *out, uint64_t number)
{
    return buf_printf(out, "%" PRIu64, number);
}

/* The names are curl's; where several mean the same here they share a line. */
#define VARIABLES(X)                                            \
    X("http_code", buf_printf(out, "%03d", r->status))          \
    X("response_code", buf_printf(out, "%03d", r->status))      \
    X("exitcode", put_unsigned(out, (uint64_t)r->exit_code))    \
    X("errormsg", put_text(out, r->error_message))              \
    X("num_connects", put_unsigned(out, r->num_connects))       \
    X("size_download", put_unsigned(out, r->size_download))     \
    X("time_connect", put_time(out, r->connect_us))             \
    X("time_starttransfer", put_time(out, r->starttransfer_us)) \
    X("time_total", put_time(out, r->total_us))                 \
    X("local_ip", put_ip(out, &r->local))                       \
    X("local_port", put_unsigned(out, r->local.port))           \
    X("remote_ip", put_ip(out, &r->remote))                     \
    X("remote_port", put_unsigned(out, r->remote.port))         \
    X("url_effective", put_text(out, r->url))                   \
    X("content_type", put_text(out, r->content_type))

static int put_variable(struct buf *out, struct buf *warnings, const char *name, size_t len,
                        const struct report *r)
{
#define PUT_IF_NAMED(text, put)                              \
    if (len == strlen(text) && memcmp(name, text, len) == 0) \
        return put;
    VARIABLES(PUT_IF_NAMED)
#undef PUT_IF_NAMED
    return buf_printf(warnings, "unknown --write-out variable: '%.*s'\n", (int)len, name);
}

static int put_escape(struct buf *out, char c)
{
    switch (c) {
    case 'n':
        return buf_append(out, "\n", 1);
    case 't':
        return buf_append(out, "\t", 1);
    case 'r':
        return buf_append(out, "\r", 1);
    default:
        return buf_printf(out, "\\%c", c);
    }
}

int format_report(struct buf *out, struct buf *warnings, const char *format, const struct report *r)
{
    int err = HX_OK;
    while (*format && err == HX_OK) {
        const char *brace = strncmp(format, "%{", 2) == 0 ? strchr(format, '}') : NULL;
        if (brace) {
            err = put_variable(out, warnings, format + 2, (size_t)(brace - format - 2), r);
            format = brace + 1;
        } else if (*format == '\\' && format[1]) {
            err = put_escape(out, format[1]);
            format += 2;
        } else {
            err = buf_append(out, format, 1);
            format += strncmp(format, "%%", 2) == 0 ? 2 : 1;
        }
    }
    return err;
}
