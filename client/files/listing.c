#include "client/files/listing.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FIELDS 5

int listing_format(char out[LISTING_LINE_MAX + 1], const struct file_entry *e)
{
    char path[PATH_ENCODED_MAX + 1];
    int err = path_encode(path, e->path);
    if (err < 0)
        return err;
    return snprintf(out, LISTING_LINE_MAX + 1, "%c %03o %" PRId64 " %" PRId64 " %s\n", e->type, e->mode,
                    e->size, e->mtime_ns, path);
}

int listing_format_end(char out[LISTING_LINE_MAX + 1], uint64_t entries, uint64_t skipped)
{
    return snprintf(out, LISTING_LINE_MAX + 1, ". %" PRIu64 " %" PRIu64 "\n", entries, skipped);
}

int listing_number(int64_t *out, const char *text, int64_t min, int64_t max)
{
    int64_t value = 0;
    bool negative = text[0] == '-';
    const char *at = text + negative;
    if (*at == '\0')
        return HX_EINVAL;
    for (; *at; at++) {
        if (*at < '0' || *at > '9' || value > (INT64_MAX - (*at - '0')) / 10)
            return HX_EINVAL;
        value = value * 10 + (*at - '0');
    }
    *out = negative ? -value : value;
    return *out < min || *out > max ? HX_EINVAL : HX_OK;
}

void listing_reader_init(struct listing_reader *r, int (*on_entry)(void *user, const struct file_entry *e),
                         void *user)
{
    memset(r, 0, sizeof *r);
    r->on_entry = on_entry;
    r->user = user;
}

/* Parts `line` at each single blank; returns how many fields there are, FIELDS + 1 if too many. */
static int split(char *line, char *fields[FIELDS])
{
    int count = 0;
    for (;;) {
        if (count == FIELDS)
            return FIELDS + 1;
        fields[count++] = line;
        line = strchr(line, ' ');
        if (!line)
            return count;
        *line++ = '\0';
    }
}

int listing_mode(unsigned *out, const char *text)
{
    if (strlen(text) != 3 || strspn(text, "01234567") != 3)
        return HX_EINVAL;
    *out = (unsigned)((text[0] - '0') << 6 | (text[1] - '0') << 3 | (text[2] - '0'));
    return HX_OK;
}

static int take_end(struct listing_reader *r, char *fields[FIELDS])
{
    int64_t entries;
    int64_t skipped;
    if (listing_number(&entries, fields[1], 0, INT64_MAX) < 0 ||
        listing_number(&skipped, fields[2], 0, INT64_MAX) < 0 || (uint64_t)entries != r->entries ||
        (uint64_t)skipped < r->skipped)
        return HX_EPROTO;
    r->skipped = (uint64_t)skipped;
    r->ended = true;
    return HX_OK;
}

int listing_parse(struct file_entry *e, char path[PATH_TEXT_MAX], char *line, const char *types)
{
    char *fields[FIELDS];
    *e = (struct file_entry){.path = path};
    if (split(line, fields) != FIELDS || fields[0][0] == '\0' || fields[0][1] != '\0' ||
        !strchr(types, fields[0][0]))
        return HX_EPROTO;
    e->type = fields[0][0];
    if (e->type != 's' &&
        (listing_mode(&e->mode, fields[1]) < 0 || listing_number(&e->size, fields[2], 0, FILE_SIZE_MAX) < 0 ||
         listing_number(&e->mtime_ns, fields[3], INT64_MIN + 1, INT64_MAX) < 0))
        return HX_EPROTO;
    if (path_decode(path, fields[4], strlen(fields[4])) == HX_OK && path[0] && !path_is_part(path_leaf(path)))
        return HX_OK;
    path[0] = '\0';
    return HX_EINVAL;
}

static int take_line(struct listing_reader *r) /* r->line ends with NUL */
{
    char path[PATH_TEXT_MAX];
    char *fields[FIELDS];
    struct file_entry e;
    if (r->ended || strlen(r->line) + 1 != r->len)
        return HX_EPROTO;
    if (strncmp(r->line, ". ", 2) == 0)
        return split(r->line, fields) == 3 ? take_end(r, fields) : HX_EPROTO;
    if (listing_parse(&e, path, r->line, "fds") < 0)
        return HX_EPROTO;
    if (e.type == 's')
        r->skipped++;
    else
        r->entries++;
    return r->on_entry(r->user, &e);
}

int listing_feed(struct listing_reader *r, const char *data, size_t len)
{
    for (size_t i = 0; i < len && r->failed == HX_OK; i++) {
        if (r->len == sizeof r->line) {
            r->failed = HX_EPROTO;
        } else if (data[i] != '\n') {
            r->line[r->len++] = data[i];
        } else {
            r->line[r->len++] = '\0';
            r->failed = take_line(r);
            r->len = 0;
        }
    }
    return r->failed;
}
