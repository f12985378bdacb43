#include "server/log_line.h"
#include "base/utf8.h"
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define ESCAPE_MAX 16 /* bytes: two times \uxxxx with the NUL, and what the compiler cannot rule out */

/* The line's end has its room. */
static bool put(struct log_line *l, const char *data, size_t len)
{
    if (l->len + len > sizeof l->text - LOG_LINE_END_MAX)
        return false;
    memcpy(l->text + l->len, data, len);
    l->len += len;
    return true;
}

static bool put_text(struct log_line *l, const char *text)
{
    return put(l, text, strlen(text));
}

static bool is_plain(const char *value)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:[]@/_+-";

    return value[0] != '\0' && value[strspn(value, plain)] == '\0';
}

/* A byte that does not stand for itself, of the `left` bytes that begin with it; returns how many are
 * written as `out`. */
static size_t escape_logfmt(char out[ESCAPE_MAX], const char *at, size_t left)
{
    (void)left;
    snprintf(out, ESCAPE_MAX, "\\x%02x", (unsigned char)*at);
    return 1;
}

/* Characters beyond ASCII are written by their numbers, since some turn a terminal's line around; UTF-16's
 * pairs are JSON's form of the large ones (RFC 8259, 7). A byte of no character becomes the one that stands
 * for it. */
static size_t escape_json(char out[ESCAPE_MAX], const char *at, size_t left)
{
    uint32_t c;
    size_t bytes = utf8_read(&c, at, left);

    if (bytes == 0)
        c = 0xfffd;
    if (c < 0x10000)
        snprintf(out, ESCAPE_MAX, "\\u%04x", c);
    else
        snprintf(out, ESCAPE_MAX, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
                 0xdc00 + ((c - 0x10000) & 0x3ff));
    return bytes > 0 ? bytes : 1;
}

static bool put_quoted(struct log_line *l, const char *value)
{
    bool fits = put_text(l, "\"");
    size_t left = strlen(value);

    for (size_t taken = 1; fits && left > 0; value += taken, left -= taken) {
        char escaped[ESCAPE_MAX];

        taken = 1;
        if (*value == '"' || *value == '\\')
            fits = put(l, (const char[]){'\\', *value}, 2);
        else if (*value >= 0x20 && *value < 0x7f)
            fits = put(l, value, 1);
        else {
            taken = (l->format == LOG_JSON ? escape_json : escape_logfmt)(escaped, value, left);
            fits = put_text(l, escaped);
        }
    }
    return fits && put_text(l, "\"");
}

static bool put_key(struct log_line *l, const char *key)
{
    if (l->format == LOG_JSON)
        return put_text(l, l->any ? ",\"" : "\"") && put_text(l, key) && put_text(l, "\":");
    return (!l->any || put_text(l, " ")) && put_text(l, key) && put_text(l, "=");
}

static void put_field(struct log_line *l, const char *key, const char *value, bool quoted)
{
    size_t before = l->len;
    bool fits = !l->full && put_key(l, key);

    if (fits)
        fits = quoted ? put_quoted(l, value) : put_text(l, value);
    l->any |= fits;
    if (!fits) {
        l->len = before;
        l->full = true;
    }
}

void log_line_begin(struct log_line *l, enum log_format format, const char *prefix)
{
    *l = (struct log_line){.format = format};
    (void)put_text(l, prefix);
    if (format == LOG_JSON)
        (void)put_text(l, "{");
}

void log_line_text(struct log_line *l, const char *key, const char *value)
{
    put_field(l, key, value, l->format == LOG_JSON || !is_plain(value));
}

void log_line_number(struct log_line *l, const char *key, const char *number)
{
    put_field(l, key, number, false);
}

void log_line_end(struct log_line *l)
{
    if (l->format == LOG_JSON)
        l->text[l->len++] = '}';
    l->text[l->len++] = '\n';
}
