#include "client/tool/info.h"
#include "base/error.h"
#include "base/percent.h"
#include <string.h>

/* What is printed in ASCII, but for the blank and '%'. */
static const char plain[] = "!\"#$&'()*+,/:;<=>?@[\\]^`{|}";

int info_add(struct buf *out, const char *key, const char *value)
{
    char encoded[INFO_LINE_MAX];
    size_t most = sizeof encoded - strlen(key) - 2;
    ssize_t len = percent_encode(encoded, most, value, plain);
    return len < 0 ? (int)len : buf_printf(out, "%s %s\n", key, encoded);
}

static int take_line(struct info_reader *r)
{
    r->line[r->len] = '\0';
    r->len = 0;
    char *value = strchr(r->line, ' ');
    if (!value || value == r->line)
        return HX_EPROTO;
    *value++ = '\0';
    if (percent_decode(value, value, strlen(value)) < 0)
        return HX_EPROTO;
    return r->on_line(r->user, r->line, value);
}

int info_feed(struct info_reader *r, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (r->total++ == INFO_MAX || data[i] == '\0')
            return HX_EPROTO;
        if (data[i] != '\n' && r->len == sizeof r->line - 1)
            return HX_EPROTO;
        if (data[i] != '\n') {
            r->line[r->len++] = data[i];
            continue;
        }
        int err = take_line(r);
        if (err < 0)
            return err;
    }
    return HX_OK;
}

int info_feed_end(const struct info_reader *r)
{
    return r->len == 0 && r->total > 0 ? HX_OK : HX_EPROTO;
}
