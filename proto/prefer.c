#include "proto/prefer.h"

#include "proto/field.h"
#include <string.h>

/* delta-seconds, bare or quoted, cut to `max`; -1 if it is none. */
static int read_seconds(struct field_piece p, int max)
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
    struct field_piece rest = {value, len};

    while (rest.len > 0) {
        struct field_piece preference = field_next(&rest, ',');
        struct field_piece word =
            field_next(&preference, ';'); /* what follows are parameters; wait has none */
        struct field_piece name = field_next(&word, '=');
        if (!field_piece_is(&name, "wait"))
            continue;
        int seconds = read_seconds(field_trim(word), max);
        if (seconds >= 0)
            return seconds;
    }
    return -1;
}
