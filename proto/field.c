#include "proto/field.h"
#include <ctype.h>
#include <string.h>
#include <strings.h>

bool field_name_valid(const char *name, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)name[i];
        if (c == '\0' || c > 0x7e || (!isalnum(c) && !strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return len > 0;
}

bool field_value_valid(const char *value, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)value[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct field_piece field_trim(struct field_piece p)
{
    while (p.len > 0 && is_blank(p.at[0])) {
        p.at++;
        p.len--;
    }
    while (p.len > 0 && is_blank(p.at[p.len - 1]))
        p.len--;
    return p;
}

struct field_piece field_next(struct field_piece *rest, char separator)
{
    bool quoted = false;
    size_t n = 0;

    for (; n < rest->len && (quoted || rest->at[n] != separator); n++) {
        if (rest->at[n] == '"')
            quoted = !quoted;
        else if (quoted && rest->at[n] == '\\' && n + 1 < rest->len)
            n++;
    }
    struct field_piece taken = {rest->at, n};
    size_t past = n < rest->len ? n + 1 : n;
    rest->at += past;
    rest->len -= past;
    return field_trim(taken);
}

bool field_piece_is(const struct field_piece *p, const char *word)
{
    return p->len == strlen(word) && strncasecmp(p->at, word, p->len) == 0;
}

int field_piece_among(const struct field_piece *p, const char *const words[], int count, int unknown)
{
    for (int i = 0; i < count; i++) {
        if (field_piece_is(p, words[i]))
            return i;
    }
    return unknown;
}
