#include "base/printable.h"
#include <locale.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#define ESCAPE_MAX 5 /* bytes of "\ooo" with NUL */

static locale_t terminal; /* 0: there is none, and that of the process holds */

static void find_terminal(void)
{
    terminal = newlocale(LC_CTYPE_MASK, "", (locale_t)0);
}

/* Returns what leave() is to be given. */
static locale_t enter(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_terminal);
    return uselocale(terminal);
}

static void leave(locale_t before)
{
    (void)uselocale(before);
}

/* General category Cf of Unicode 15, and what has no ink though it is of another one.
 * iswprint() takes them. */
static const struct {
    wchar_t first, last;
} hidden[] = {
    {0x00AD, 0x00AD},   {0x034F, 0x034F},   {0x0600, 0x0605},   {0x061C, 0x061C},   {0x06DD, 0x06DD},
    {0x070F, 0x070F},   {0x0890, 0x0891},   {0x08E2, 0x08E2},   {0x115F, 0x1160},   {0x17B4, 0x17B5},
    {0x180B, 0x180F},   {0x200B, 0x200F},   {0x2028, 0x202E},   {0x2060, 0x206F},   {0x3164, 0x3164},
    {0xFE00, 0xFE0F},   {0xFEFF, 0xFEFF},   {0xFFA0, 0xFFA0},   {0xFFF0, 0xFFFB},   {0x110BD, 0x110BD},
    {0x110CD, 0x110CD}, {0x13430, 0x1343F}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF}};

static bool is_hidden(wchar_t c)
{
    for (size_t i = 0; i < sizeof hidden / sizeof *hidden; i++)
        if (c >= hidden[i].first && c <= hidden[i].last)
            return true;
    return false;
}

/* The length of the character in front if it may be shown as it is, else 0. */
static size_t shown(const char *text)
{
    mbstate_t state = {0};
    wchar_t c;
    size_t len = mbrtowc(&c, text, strnlen(text, 16), &state);
    if (len == 0 || len == (size_t)-1 || len == (size_t)-2)
        return 0;
    return iswprint((wint_t)c) && !is_hidden(c) ? len : 0;
}

static void escape(char out[ESCAPE_MAX], char byte)
{
    static const char from[] = "\a\b\f\n\r\t\v";
    static const char to[] = "abfnrtv";
    const char *known = strchr(from, byte);
    if (known)
        snprintf(out, ESCAPE_MAX, "\\%c", to[known - from]);
    else
        snprintf(out, ESCAPE_MAX, "\\%03o", (unsigned char)byte);
}

size_t printable_text(char *out, size_t size, const char *text)
{
    size_t n = 0;
    locale_t before = enter();
    while (*text) {
        char escaped[ESCAPE_MAX];
        size_t len = shown(text);
        size_t taken = len > 0 ? len : 1;
        const char *put = text;
        if (len == 0) {
            escape(escaped, *text);
            put = escaped;
            len = strlen(escaped);
        }
        if (n + len >= size)
            break;
        memcpy(out + n, put, len);
        n += len;
        text += taken;
    }
    leave(before);
    out[n] = '\0';
    return n;
}

/* Whether a shell takes all of it as it is; *hides: something in it cannot be shown. */
static bool is_plain(const char *name, bool *hides)
{
    bool plain = name[0] != '\0' && name[0] != '#' && name[0] != '~';
    *hides = false;
    for (const char *at = name; *at;) {
        size_t len = shown(at);
        *hides = *hides || len == 0;
        plain = plain && len > 0 && !strchr(" !\"$&'()*;<=>?[\\^`|", *at);
        at += len > 0 ? len : 1;
    }
    return plain && strcmp(name, "{") != 0 && strcmp(name, "}") != 0;
}

struct quoted { /* a name while it is written */
    char *out;
    size_t n, room; /* of `out`, without what is kept for the end */
    bool dollar;    /* within $'...' */
    bool cut;
};

static bool put(struct quoted *q, const char *text, size_t len)
{
    q->cut = q->cut || q->n + len > q->room;
    if (q->cut)
        return false;
    memcpy(q->out + q->n, text, len);
    q->n += len;
    return true;
}

/* Between '...' and $'...': both are closed and opened anew, as ls does it. All of `text` or nothing. */
static bool put_in(struct quoted *q, bool dollar, const char *text)
{
    char all[16];
    const char *change = dollar == q->dollar ? "" : dollar ? "'$'" : "''";
    int len = snprintf(all, sizeof all, "%s%s", change, text);
    bool fits = put(q, all, (size_t)len);
    if (fits)
        q->dollar = dollar;
    return fits;
}

static void put_character(struct quoted *q, const char *at, size_t len)
{
    char text[ESCAPE_MAX + 16];
    if (len == 0) {
        escape(text, *at);
        put_in(q, true, text);
    } else if (*at == '\'') {
        put_in(q, false, "'\\''");
    } else {
        snprintf(text, sizeof text, "%.*s", (int)len, at);
        put_in(q, false, text);
    }
}

static size_t write_name(char *out, size_t size, const char *name)
{
    static const char more[] = "...";
    bool hides;
    bool plain = is_plain(name, &hides);
    /* The end: a quote, what says that it was cut, NUL. */
    struct quoted q = {.out = out, .room = size > sizeof more + 2 ? size - sizeof more - 1 : 0};
    bool twice = !plain && !hides && strchr(name, '\'') && !strpbrk(name, "\"$\\`!");
    if (!plain)
        put(&q, twice ? "\"" : "'", 1);
    for (const char *at = name; *at && !q.cut;) {
        size_t len = shown(at);
        if (plain || twice)
            put(&q, at, len);
        else
            put_character(&q, at, len);
        at += len > 0 ? len : 1;
    }
    if (!plain && q.n > 0)
        out[q.n++] = twice ? '"' : '\'';
    if (q.cut)
        q.n += (size_t)snprintf(out + q.n, size - q.n, "%s", size - q.n >= sizeof more ? more : "");
    out[q.n] = '\0';
    return q.n;
}

size_t printable_name(char *out, size_t size, const char *name)
{
    locale_t before = enter();
    size_t n = write_name(out, size, name);
    leave(before);
    return n;
}

/* Of the character in front; *len: its bytes. */
static int width(const char *text, size_t *len)
{
    mbstate_t state = {0};
    wchar_t c;
    *len = mbrtowc(&c, text, strnlen(text, 16), &state);
    if (*len == 0 || *len == (size_t)-1 || *len == (size_t)-2) {
        *len = 1;
        return 1;
    }
    int columns = wcwidth(c);
    return columns < 0 ? 1 : columns;
}

static int all_columns(const char *text)
{
    int columns = 0;
    size_t len;
    for (; *text; text += len)
        columns += width(text, &len);
    return columns;
}

int printable_columns(const char *text)
{
    locale_t before = enter();
    int columns = all_columns(text);
    leave(before);
    return columns;
}

const char *printable_tail(const char *text, int columns)
{
    locale_t before = enter();
    int all = all_columns(text);
    size_t len;
    while (*text && all > columns) {
        all -= width(text, &len);
        text += len;
    }
    leave(before);
    return text;
}
