#include "proto/transcript.h"
#include "base/hex.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define PIECE_MAX          512 /* bytes of a line that is written: up to four times as many characters */
#define SECOND_US          1000000
#define SECONDS_DIGITS_MAX 12

static bool is_plain(char c)
{
    return c >= ' ' && c <= '~' && c != '\\';
}

/* Appends the text of one byte to text[0..n); returns the new n. */
static size_t escape(char *text, size_t n, char byte, bool last)
{
    static const char letters[] = "r\rn\nt\t\\\\";
    if (is_plain(byte) && !(byte == ' ' && last)) {
        text[n++] = byte;
        return n;
    }
    text[n++] = '\\';
    for (const char *l = letters; *l; l += 2) {
        if (l[1] == byte) {
            text[n++] = l[0];
            return n;
        }
    }
    text[n++] = 'x';
    hex_write(text + n, &byte, 1);
    return n + 2;
}

int transcript_write_begin(struct buf *out, int64_t unix_ms)
{
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm utc;
    char text[sizeof "2026-11-30T07:45:12"] = "-";
    if (gmtime_r(&seconds, &utc))
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    return buf_printf(out, "# begun %s.%03dZ\n", text, (int)(unix_ms % 1000));
}

int transcript_read_begin(int64_t *unix_ms, const char *text, size_t len)
{
    static const char word[] = "# begun ";
    char copy[sizeof "2026-11-30T07:45:12.123Z" + 1] = "";
    struct tm utc = {.tm_year = 0};
    int ms = 0, end = 0;
    if (len > 0 && text[len - 1] == '\r')
        len--;
    if (len < strlen(word) || memcmp(text, word, strlen(word)) != 0 || len - strlen(word) >= sizeof copy)
        return HX_EPROTO;
    memcpy(copy, text + strlen(word), len - strlen(word));
    if (sscanf(copy, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &utc.tm_year, &utc.tm_mon, &utc.tm_mday, &utc.tm_hour,
               &utc.tm_min, &utc.tm_sec, &ms, &end) != 7 ||
        end == 0 || copy[end] != '\0')
        return HX_EPROTO;
    utc.tm_year -= 1900;
    utc.tm_mon--;
    *unix_ms = (int64_t)timegm(&utc) * 1000 + ms;
    return HX_OK;
}

/* Printable, as a line's end or an escape would mean something else to a reader. */
static size_t plain_text(char *out, size_t cap, const char *text)
{
    size_t n = 0;
    for (; *text && n + 1 < cap; text++)
        out[n++] = *text >= ' ' && *text <= '~' ? *text : '?';
    while (n > 0 && out[n - 1] == ' ')
        n--;
    out[n] = '\0';
    return n;
}

/* A line begins: the title in front if the last line was another connection's. */
static int begin_line(struct transcript *t, struct buf *lines, const char *title, int64_t at_us,
                      enum transcript_mark mark)
{
    char text[TRANSCRIPT_TITLE_MAX + 1];
    int err = HX_OK;
    plain_text(text, sizeof text, title);
    if (t->title[0] == '\0' || strcmp(t->title, text) != 0)
        err = buf_printf(lines, "=== %s\n", text);
    strcpy(t->title, text);
    int64_t us = at_us > t->begun_us ? at_us - t->begun_us : 0;
    if (err == HX_OK)
        err = buf_printf(lines, "%3" PRId64 ".%06d %c ", us / SECOND_US, (int)(us % SECOND_US), (char)mark);
    return err;
}

/* All or nothing. */
static int end_lines(struct transcript *t, struct buf *out, struct buf *lines, int err,
                     const struct transcript *before)
{
    if (err == HX_OK)
        err = buf_append(out, buf_data(lines), lines->len);
    if (err < 0)
        *t = *before;
    buf_free(lines);
    return err;
}

static size_t piece_of(const char *data, size_t len)
{
    size_t most = len < PIECE_MAX ? len : PIECE_MAX;
    const char *end = memchr(data, '\n', most);
    return end ? (size_t)(end + 1 - data) : most;
}

int transcript_write_bytes(struct transcript *t, struct buf *out, struct transcript_stream *s, int64_t at_us,
                           enum transcript_mark mark, const void *data, size_t len)
{
    struct transcript before = *t;
    struct secrets_seen *seen = mark == TRANSCRIPT_SENT ? &s->to : &s->from, seen_before = *seen;
    struct buf lines;
    int err = HX_OK;
    buf_init(&lines, 0);
    const char *at = data;
    while (len > 0 && err == HX_OK) {
        char text[4 * PIECE_MAX + 1];
        size_t piece = piece_of(at, len), n = 0;
        for (size_t i = 0; i < piece; i++) {
            bool hidden = secrets_take(seen, at[i]) && !s->with_secrets;
            n = escape(text, n, hidden ? '*' : at[i], i + 1 == piece);
        }
        err = begin_line(t, &lines, s->title, at_us, mark);
        text[n++] = '\n';
        if (err == HX_OK)
            err = buf_append(&lines, text, n);
        at += piece;
        len -= piece;
    }
    err = end_lines(t, out, &lines, err, &before);
    if (err < 0)
        *seen = seen_before;
    return err;
}

int transcript_write_note(struct transcript *t, struct buf *out, const struct transcript_stream *s,
                          int64_t at_us, const char *text)
{
    struct transcript before = *t;
    char plain[TRANSCRIPT_TITLE_MAX + 1];
    struct buf lines;
    buf_init(&lines, 0);
    plain_text(plain, sizeof plain, text);
    int err = begin_line(t, &lines, s->title, at_us, TRANSCRIPT_NOTE);
    if (err == HX_OK)
        err = buf_printf(&lines, "%s\n", plain);
    return end_lines(t, out, &lines, err, &before);
}

/* Seconds with a fraction of up to six digits, and a blank behind them. Returns what is behind that; NULL: it
 * is none. */
static const char *read_time(int64_t *us, const char *at, const char *end)
{
    int64_t seconds = 0, fraction = 0;
    int digits = 0, unit = SECOND_US;
    for (; at < end && isdigit((unsigned char)*at) && digits < SECONDS_DIGITS_MAX; at++, digits++)
        seconds = 10 * seconds + (*at - '0');
    if (digits == 0)
        return NULL;
    if (at < end && *at == '.') {
        for (at++; at < end && isdigit((unsigned char)*at) && unit > 1; at++) {
            unit /= 10;
            fraction += unit * (*at - '0');
        }
    }
    if (at == end || *at != ' ')
        return NULL;
    *us = seconds * SECOND_US + fraction;
    return at + 1;
}

/* The byte that the escape at *at stands for, which it steps over; -1: it is none. */
static int read_escape(const char **at, const char *end)
{
    const char *c = *at + 1;
    uint8_t byte;
    if (c == end)
        return -1;
    *at = c + 1;
    switch (*c) {
    case 'r':
        return '\r';
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case '\\':
        return '\\';
    case 'x':
        if (end - c < 3 || hex_read(&byte, c + 1, 1) < 0)
            return -1;
        *at = c + 3;
        return byte;
    default:
        return -1;
    }
}

static int read_bytes(struct transcript_line *out, const char *at, const char *end)
{
    while (at < end) {
        int byte = is_plain(*at) ? *at++ : *at == '\\' ? read_escape(&at, end) : -1;
        if (byte < 0)
            return HX_EPROTO;
        out->data[out->len++] = (char)byte;
    }
    out->data[out->len] = '\0';
    return HX_OK;
}

static int keep(struct transcript_line *out, enum transcript_mark mark, const char *at, const char *end)
{
    out->mark = mark;
    out->len = (size_t)(end - at);
    memcpy(out->data, at, out->len);
    out->data[out->len] = '\0';
    return memchr(out->data, '\0', out->len) ? HX_EPROTO : HX_OK;
}

int transcript_read(struct transcript_line *out, const char *text, size_t len)
{
    static const char title[] = "=== ";
    const char *at = text, *end = text + len;
    out->len = 0;
    out->at_us = 0;
    out->mark = TRANSCRIPT_NOTHING;
    if (len > TRANSCRIPT_LINE_MAX)
        return HX_ETOOBIG;
    if (end > at && end[-1] == '\r')
        end--;
    if (at == end || *at == '#')
        return keep(out, TRANSCRIPT_NOTHING, at, at);
    if ((size_t)(end - at) >= strlen(title) && memcmp(at, title, strlen(title)) == 0)
        return keep(out, TRANSCRIPT_TITLE, at + strlen(title), end);
    while (at < end && *at == ' ')
        at++;
    if (at == end)
        return keep(out, TRANSCRIPT_NOTHING, at, at);
    at = read_time(&out->at_us, at, end);
    if (!at || end - at < 2 || at[1] != ' ')
        return HX_EPROTO;
    char mark = *at;
    at += 2;
    if (mark == TRANSCRIPT_NOTE)
        return keep(out, TRANSCRIPT_NOTE, at, end);
    if (mark != TRANSCRIPT_SENT && mark != TRANSCRIPT_RECEIVED)
        return HX_EPROTO;
    out->mark = (enum transcript_mark)mark;
    return read_bytes(out, at, end);
}
