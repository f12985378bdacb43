#include "client/files/share_lines.h"

static void begin(struct share_lines *l, int len)
{
    l->sent = 0;
    l->len = len < 0 ? 0 : (size_t)len;
}

void share_lines_add(struct share_lines *l, const struct file_entry *e)
{
    bool part = e->type == 's' && e->why == SKIP_PART;
    int len = e->path[0] && (!part || l->parts) ? listing_format(l->line, e) : HX_EINVAL;
    if ((e->type == 's' || len < 0) && !part) /* the top has no line: it is counted */
        l->skipped++;
    else if (!part)
        l->entries++;
    begin(l, len);
}

void share_lines_end(struct share_lines *l)
{
    l->ended = true;
    begin(l, listing_format_end(l->line, l->entries, l->skipped));
}

int share_lines_write(struct share_lines *l, struct mux_stream *s)
{
    while (l->sent < l->len) {
        ssize_t put = mux_stream_write(s, l->line + l->sent, l->len - l->sent);
        if (put <= 0)
            return put < 0 ? (int)put : HX_EAGAIN;
        l->sent += (size_t)put;
    }
    if (l->ended)
        mux_stream_end(s);
    return HX_OK;
}
