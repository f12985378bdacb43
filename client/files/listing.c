#include "client/files/listing.h"
#include "base/percent.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define FIELDS 6 /* of the longest line */

static const char *const skip_words[] = {[SKIP_UNSAID] = "0",
                                         [SKIP_LINK] = "link",
                                         [SKIP_DEVICE] = "device",
                                         [SKIP_DEEP] = "deep",
                                         [SKIP_UNREADABLE] = "unreadable",
                                         [SKIP_OUTSIDE] = "outside",
                                         [SKIP_LOOP] = "loop",
                                         [SKIP_PART] = "part"};
#define SKIPS (sizeof skip_words / sizeof *skip_words)

int listing_format(char out[LISTING_LINE_MAX + 1], const struct file_entry *e)
{
    char path[PATH_ENCODED_MAX + 1];
    int err = path_encode(path, e->path);
    if (err < 0)
        return err;
    if (e->type == 's')
        return snprintf(out, LISTING_LINE_MAX + 1, "s %s 0 0 %s\n", skip_words[e->why], path);
    int len = snprintf(out, LISTING_LINE_MAX + 1, "%c %03o %" PRId64 " %" PRId64 " %s\n", e->type, e->mode,
                       e->size, e->mtime_ns, path);
    if (e->type != 'l')
        return len;
    err = path_encode(path, e->target);
    if (err < 0 || len + 1 + (int)strlen(path) > LISTING_LINE_MAX)
        return HX_ETOOBIG;
    out[len - 1] = ' ';
    return len + snprintf(out + len, (size_t)(LISTING_LINE_MAX + 1 - len), "%s\n", path);
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

int listing_decode_target(char out[PATH_TEXT_MAX], const char *encoded)
{
    size_t n = 0;
    for (; *encoded; encoded++) {
        int byte = (unsigned char)*encoded;
        if (byte == '%') {
            byte = percent_byte(encoded, strlen(encoded));
            encoded += byte < 0 ? 0 : 2;
        }
        if (byte <= 0)
            return HX_EINVAL;
        if (n == PATH_TEXT_MAX - 1)
            return HX_ETOOBIG;
        out[n++] = (char)byte;
    }
    out[n] = '\0';
    return HX_OK;
}

static enum skip skip_of(const char *word)
{
    for (size_t i = 0; i < SKIPS; i++)
        if (strcmp(word, skip_words[i]) == 0)
            return (enum skip)i;
    return SKIP_UNSAID;
}

/* A line in pieces. */
static int parse_fields(struct file_entry *e, char path[PATH_TEXT_MAX], char *const fields[FIELDS])
{
    e->type = fields[0][0];
    e->why = e->type == 's' ? skip_of(fields[1]) : SKIP_UNSAID;
    if (e->type != 's' &&
        (listing_mode(&e->mode, fields[1]) < 0 || listing_number(&e->size, fields[2], 0, FILE_SIZE_MAX) < 0 ||
         listing_number(&e->mtime_ns, fields[3], INT64_MIN + 1, INT64_MAX) < 0))
        return HX_EPROTO;
    if (path_decode(path, fields[4], strlen(fields[4])) == HX_OK && path[0] &&
        path_is_part(path_leaf(path)) == (e->why == SKIP_PART))
        return HX_OK;
    path[0] = '\0';
    return HX_EINVAL;
}

static bool is_type(const char *field, const char *types)
{
    return field[0] && field[1] == '\0' && strchr(types, field[0]);
}

int listing_parse(struct file_entry *e, char path[PATH_TEXT_MAX], char *line, const char *types)
{
    char *fields[FIELDS];
    *e = (struct file_entry){.path = path};
    if (split(line, fields) != FIELDS - 1 || !is_type(fields[0], types))
        return HX_EPROTO;
    return parse_fields(e, path, fields);
}

/* As listing_parse(), of a line of a listing. */
static int parse_entry(struct listing_reader *r, struct file_entry *e, char path[PATH_TEXT_MAX])
{
    char *fields[FIELDS];
    *e = (struct file_entry){.path = path, .target = r->target};
    int count = split(r->line, fields);
    if (!is_type(fields[0], "fdls") || count != (fields[0][0] == 'l' ? FIELDS : FIELDS - 1) ||
        (count == FIELDS && listing_decode_target(r->target, fields[5]) < 0))
        return HX_EPROTO;
    return parse_fields(e, path, fields);
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
    if (parse_entry(r, &e, path) < 0)
        return HX_EPROTO;
    r->skipped += e.type == 's' && e.why != SKIP_PART;
    r->entries += e.type != 's';
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
