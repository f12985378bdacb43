#include "client/visits.h"
#include "base/error.h"
#include "base/hex.h"
#include <string.h>

void visits_put(struct visits *v, const struct visit *visit)
{
    struct visit *old = visits_find(v, &visit->at);

    if (!old && v->count == VISITS_MAX)
        old = v->list;
    if (old) {
        size_t behind = (size_t)(v->list + v->count - (old + 1));
        memmove(old, old + 1, behind * sizeof *old);
        v->count--;
    }
    v->list[v->count++] = *visit;
}

struct visit *visits_find(struct visits *v, const struct endpoint *at)
{
    for (int i = 0; i < v->count; i++) {
        if (endpoint_equal(&v->list[i].at, at))
            return &v->list[i];
    }
    return NULL;
}

static bool read_line(struct visit *out, const char *line, size_t len)
{
    const char *space = memchr(line, ' ', len);

    if (!space || endpoint_parse(&out->at, line, (size_t)(space - line)) < 0)
        return false;
    const char *hex = space + 1;
    size_t digits = len - (size_t)(hex - line);
    if (digits == 0 || digits % 2 != 0 || digits > 2 * sizeof out->ticket)
        return false;
    out->ticket_len = digits / 2;
    return hex_read(out->ticket, hex, out->ticket_len) == HX_OK;
}

void visits_read(struct visits *v, const char *text, size_t len)
{
    for (const char *end; (end = memchr(text, '\n', len)); len -= (size_t)(end + 1 - text), text = end + 1) {
        struct visit visit = {.ticket_len = 0};
        if (read_line(&visit, text, (size_t)(end - text)))
            visits_put(v, &visit);
    }
}

size_t visits_write(const struct visits *v, char text[VISITS_TEXT_MAX])
{
    size_t len = 0;

    for (const struct visit *it = v->list; it < v->list + v->count; it++) {
        if (it->ticket_len == 0)
            continue;
        len += endpoint_format(&it->at, text + len);
        text[len++] = ' ';
        hex_write(text + len, it->ticket, it->ticket_len);
        len += 2 * it->ticket_len;
        text[len++] = '\n';
    }
    return len;
}
