#include "client/visits.h"
#include "base/error.h"
#include "base/percent.h"
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
    for (size_t i = 0; i < digits; i += 2) {
        int high = percent_hex_value(hex[i]), low = percent_hex_value(hex[i + 1]);
        if (high < 0 || low < 0)
            return false;
        out->ticket[i / 2] = (uint8_t)(high << 4 | low);
    }
    return true;
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
    static const char hex[] = "0123456789abcdef";
    size_t len = 0;

    for (const struct visit *it = v->list; it < v->list + v->count; it++) {
        if (it->ticket_len == 0)
            continue;
        len += endpoint_format(&it->at, text + len);
        text[len++] = ' ';
        for (size_t i = 0; i < it->ticket_len; i++) {
            text[len++] = hex[it->ticket[i] >> 4];
            text[len++] = hex[it->ticket[i] & 15];
        }
        text[len++] = '\n';
    }
    return len;
}
