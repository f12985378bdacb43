/* One name against one name's pattern. */
#include "base/utf8.h"
#include "client/files/glob.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define NO_CHARACTER 0x110000 /* and above: bytes that are no UTF-8 */

/* The character that `text`, up to `end`, begins with. */
static size_t character(const char *text, const char *end, uint32_t *out)
{
    size_t len = utf8_read(out, text, (size_t)(end - text));
    if (len > 0)
        return len;
    *out = NO_CHARACTER + (unsigned char)*text;
    return 1;
}

static bool in_class(const char *name, size_t len, uint32_t c)
{
    static const struct {
        const char *name;
        int (*is)(int c);
    } classes[] = {{"alnum", isalnum}, {"alpha", isalpha}, {"blank", isblank}, {"cntrl", iscntrl},
                   {"digit", isdigit}, {"graph", isgraph}, {"lower", islower}, {"print", isprint},
                   {"punct", ispunct}, {"space", isspace}, {"upper", isupper}, {"xdigit", isxdigit}};
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        if (strlen(classes[i].name) == len && strncmp(classes[i].name, name, len) == 0)
            return c < 0x80 && classes[i].is((int)c);
    }
    return false;
}

/* One end of a range. */
static const char *bound(const char *at, const char *end, uint32_t *out)
{
    if (*at == '\\' && at + 1 < end)
        at++;
    return at + character(at, end, out);
}

/* The set behind a '['. *in: `c` is in it. NULL: it has no end, so the '[' is one. */
static const char *set(const char *at, const char *end, uint32_t c, bool *in)
{
    bool inverted = at < end && (*at == '!' || *at == '^');
    bool found = false;
    at += inverted;
    for (const char *first = at; at < end && (*at != ']' || at == first);) {
        uint32_t low;
        uint32_t high;
        const char *close = NULL;
        if (end - at > 3 && at[0] == '[' && at[1] == ':')
            close = memmem(at + 2, (size_t)(end - at) - 2, ":]", 2);
        if (close) {
            found = found || in_class(at + 2, (size_t)(close - at) - 2, c);
            at = close + 2;
            continue;
        }
        at = bound(at, end, &low);
        high = low;
        if (end - at > 1 && at[0] == '-' && at[1] != ']')
            at = bound(at + 1, end, &high);
        found = found || (c >= low && c <= high);
    }
    *in = found != inverted;
    return at < end ? at + 1 : NULL;
}

/* What is at `at`, no '*', against the character at `name`. NULL: not. */
static const char *match_one(const char *at, const char *end, const char *name, const char *name_end,
                             size_t *name_len)
{
    uint32_t c;
    uint32_t wanted;
    bool in;
    *name_len = character(name, name_end, &c);
    if (*at == '?')
        return at + 1;
    const char *behind = *at == '[' ? set(at + 1, end, c, &in) : NULL;
    if (behind)
        return in ? behind : NULL;
    at = bound(at, end, &wanted);
    return c == wanted ? at : NULL;
}

/* When something behind a '*' does not fit, that takes one character more: only the last '*' has to be
 * tried so. */
bool glob_match(const char *pattern, size_t len, const char *name, size_t *steps)
{
    const char *at = pattern, *end = pattern + len, *name_end = name + strlen(name);
    const char *star = NULL, *star_name = NULL;
    if (name[0] == '.' && !(len > 0 && (at[0] == '.' || (len > 1 && at[0] == '\\' && at[1] == '.'))))
        return false;
    while (name < name_end) {
        size_t name_len = 0;
        const char *next = NULL;
        ++*steps;
        if (at < end && *at == '*') {
            star = ++at;
            star_name = name;
            continue;
        }
        if (at < end)
            next = match_one(at, end, name, name_end, &name_len);
        if (next) {
            at = next;
            name += name_len;
        } else if (star) {
            uint32_t c;
            at = star;
            star_name += character(star_name, name_end, &c);
            name = star_name;
        } else {
            return false;
        }
    }
    while (at < end && *at == '*')
        at++;
    return at == end;
}

bool glob_matches(const char *pattern, const char *path)
{
    char name[PATH_NAME_MAX + 1];
    size_t steps = 0;
    bool matches = true;
    bool more = strcmp(pattern, path) != 0;
    while (matches && more) {
        size_t len = strcspn(pattern, "/"), name_len = strcspn(path, "/");
        more = pattern[len] && path[name_len];
        matches = name_len < sizeof name && (more || pattern[len] == path[name_len]);
        snprintf(name, sizeof name, "%.*s", (int)(matches ? name_len : 0), path);
        matches = matches && glob_match(pattern, len, name, &steps);
        pattern += len + more;
        path += name_len + more;
    }
    return matches;
}

bool glob_is_pattern(const char *text)
{
    return text[strcspn(text, "*?[\\")] != '\0';
}
