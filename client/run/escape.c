#include "client/run/escape.h"

size_t escape_filter(struct escape *e, char *out, const char *in, size_t len, bool *leave)
{
    size_t put = 0;
    *leave = false;
    for (size_t i = 0; i < len; i++) {
        char c = in[i];
        if (c == '~' && !e->within_line && !e->tilde) {
            e->tilde = true;
            continue;
        }
        if (e->tilde && c == '.') {
            *leave = true;
            return put;
        }
        if (e->tilde && c != '~')
            out[put++] = '~';
        e->tilde = false;
        out[put++] = c;
        e->within_line = c != '\r' && c != '\n';
    }
    return put;
}
