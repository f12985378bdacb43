#include "client/files/batch.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STATUS_DIGITS 3

int batch_parse(struct file_entry *e, char path[PATH_TEXT_MAX], char *line)
{
    int err = listing_parse(e, path, line, "dapgh");
    return err == HX_EINVAL ? HX_OK : err;
}

int batch_format_answer(char out[BATCH_ANSWER_MAX + 1], const struct batch_answer *a)
{
    int len = snprintf(out, BATCH_ANSWER_MAX, "%03d %" PRId64 " %s", a->status, a->bytes, a->reason);
    if (len >= BATCH_ANSWER_MAX)
        len = BATCH_ANSWER_MAX - 1;
    for (int i = 0; i < len; i++)
        if (out[i] < ' ' || out[i] > '~')
            out[i] = '?';
    out[len++] = '\n';
    out[len] = '\0';
    return len;
}

int batch_parse_answer(struct batch_answer *a, char *line)
{
    int64_t status;
    char *bytes = strchr(line, ' ');
    char *reason = bytes ? strchr(bytes + 1, ' ') : NULL;
    if (!reason || bytes - line != STATUS_DIGITS)
        return HX_EPROTO;
    *bytes++ = '\0';
    *reason++ = '\0';
    if (listing_number(&status, line, 100, 599) < 0 ||
        listing_number(&a->bytes, bytes, 0, BATCH_BYTES_MAX) < 0)
        return HX_EPROTO;
    for (const char *at = reason; *at; at++)
        if (*at < ' ' || *at > '~')
            return HX_EPROTO;
    a->status = (int)status;
    a->reason = reason;
    return HX_OK;
}

int batch_input_init(struct batch_input *in)
{
    memset(in, 0, sizeof *in);
    in->bytes = malloc(BATCH_BYTES_MAX);
    return in->bytes ? HX_OK : HX_ENOMEM;
}

void batch_input_free(struct batch_input *in)
{
    free(in->bytes);
    in->bytes = NULL;
}

void batch_input_expect(struct batch_input *in, size_t bytes)
{
    in->wanted = bytes;
}

bool batch_input_empty(const struct batch_input *in)
{
    return in->wanted == 0 && in->have == 0;
}

static int feed_line(struct batch_input *in, const char **data, size_t *len)
{
    const char *end = memchr(*data, '\n', *len);
    size_t n = end ? (size_t)(end - *data) : *len;
    if (n >= sizeof in->line - in->have || memchr(*data, '\0', n))
        return HX_EPROTO;
    memcpy(in->line + in->have, *data, n);
    in->have += n;
    *data += n + (end != NULL);
    *len -= n + (end != NULL);
    if (!end)
        return HX_EAGAIN;
    in->line[in->have] = '\0';
    in->have = 0;
    return HX_OK;
}

int batch_input_feed(struct batch_input *in, const char **data, size_t *len)
{
    if (in->wanted == 0)
        return feed_line(in, data, len);
    size_t n = in->wanted - in->have < *len ? in->wanted - in->have : *len;
    memcpy(in->bytes + in->have, *data, n);
    in->have += n;
    *data += n;
    *len -= n;
    if (in->have < in->wanted)
        return HX_EAGAIN;
    in->wanted = in->have = 0;
    return HX_OK;
}
