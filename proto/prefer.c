#include "proto/prefer.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

struct piece {
    const char *at;
    size_t len;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static struct piece trim(struct piece p)
{
    while (p.len > 0 && is_blank(p.at[0])) {
        p.at++;
        p.len--;
    }
    while (p.len > 0 && is_blank(p.at[p.len - 1]))
        p.len--;
    return p;
}

/* Takes the bytes up to the next `separator` that is in no quoted-string (RFC 9110, 5.6.4) off `rest`. */
static struct piece next_piece(struct piece *rest, char separator)
{
    bool quoted = false;
    size_t n = 0;

    for (; n < rest->len && (quoted || rest->at[n] != separator); n++) {
        if (rest->at[n] == '"')
            quoted = !quoted;
        else if (quoted && rest->at[n] == '\\' && n + 1 < rest->len)
            n++;
    }
    struct piece taken = {rest->at, n};
    size_t past = n < rest->len ? n + 1 : n;
    rest->at += past;
    rest->len -= past;
    return trim(taken);
}

/* delta-seconds, bare or quoted, cut to `max`; -1 if it is none. */
static int read_seconds(struct piece p, int max)
{
    int seconds = 0;

    if (p.len >= 2 && p.at[0] == '"' && p.at[p.len - 1] == '"') {
        p.at++;
        p.len -= 2;
    }
    if (p.len == 0)
        return -1;
    for (size_t i = 0; i < p.len; i++) {
        if (p.at[i] < '0' || p.at[i] > '9')
            return -1;
        seconds = 10 * seconds + (p.at[i] - '0');
        if (seconds > max)
            seconds = max;
    }
    return seconds;
}

int prefer_wait(const char *value, size_t len, int max)
{
    struct piece rest = {value, len};

    while (rest.len > 0) {
        struct piece preference = next_piece(&rest, ',');
        struct piece word = next_piece(&preference, ';'); /* what follows are parameters; wait has none */
        struct piece name = next_piece(&word, '=');
        if (name.len != strlen("wait") || strncasecmp(name.at, "wait", name.len) != 0)
            continue;
        int seconds = read_seconds(trim(word), max);
        if (seconds >= 0)
            return seconds;
    }
    return -1;
}
