#include "client/tool/member_lines.h"
#include "base/base64.h"
#include "base/error.h"
#include "base/printable.h"
#include "client/tool/json.h"
#include <stdlib.h>
#include <string.h>

void member_lines_flush(struct member_lines *l)
{
    if (l->part.len == 0)
        return;
    l->line(l->user, buf_data(&l->part), l->part.len);
    buf_consume(&l->part, l->part.len);
    l->begun = true;
}

static int keep(struct member_lines *l, const char *data, size_t len)
{
    while (l->part.len + len > MEMBER_LINE_MAX) {
        size_t fits = MEMBER_LINE_MAX - l->part.len;
        int err = buf_append(&l->part, data, fits);
        if (err < 0)
            return err;
        member_lines_flush(l);
        data += fits;
        len -= fits;
    }
    return buf_append(&l->part, data, len);
}

static int end_line(struct member_lines *l, const char *data, size_t len)
{
    int err = HX_OK;
    if (l->part.len > 0 || len > MEMBER_LINE_MAX)
        err = keep(l, data, len);
    else if (len > 0 || !l->begun)
        l->line(l->user, data, len);
    member_lines_flush(l);
    l->begun = false;
    return err;
}

int member_lines_feed(struct member_lines *l, const char *data, size_t len)
{
    int err = HX_OK;
    const char *end;
    while (err == HX_OK && (end = memchr(data, '\n', len))) {
        size_t line = (size_t)(end - data);
        err = end_line(l, data, line);
        data += line + 1;
        len -= line + 1;
    }
    return err == HX_OK ? keep(l, data, len) : err;
}

/* printable_text() takes a C string: NUL is written here. A tab is what it is everywhere. */
static int write_piece(struct buf *out, const char *text)
{
    size_t most = PRINTABLE_TIMES * strlen(text) + 1;
    char *room = buf_room(out, most);
    if (!room)
        return HX_ENOMEM;
    buf_add(out, printable_text(room, most, text));
    return HX_OK;
}

/* `text` has one byte more, and is written to. */
static int write_printable(struct buf *out, char *text, size_t len)
{
    size_t at = 0;
    if (len > 0 && text[len - 1] == '\r') /* as other systems end lines */
        len--;
    text[len] = '\0';
    for (;;) {
        size_t piece = strcspn(text + at, "\t");
        bool tab = text[at + piece] == '\t';
        text[at + piece] = '\0';
        int err = write_piece(out, text + at);
        at += piece;
        if (err < 0 || at == len)
            return err;
        err = tab ? buf_append(out, "\t", 1) : buf_append(out, "\\000", 4);
        if (err < 0)
            return err;
        at++;
    }
}

static int write_terminal(struct buf *out, const char *name, const char *text, size_t len)
{
    char *copy = malloc(len + 1);
    if (!copy)
        return HX_ENOMEM;
    memcpy(copy, text, len);
    int err = buf_printf(out, "%s: ", name);
    if (err == HX_OK)
        err = write_printable(out, copy, len);
    free(copy);
    return err == HX_OK ? buf_append(out, "\n", 1) : err;
}

static int write_exact(struct buf *out, const char *name, const char *text, size_t len)
{
    int err = buf_printf(out, "%s: ", name);
    if (err == HX_OK)
        err = buf_append(out, text, len);
    return err == HX_OK ? buf_append(out, "\n", 1) : err;
}

static int write_json(struct buf *out, const char *name, const char *text, size_t len)
{
    bool exact;
    int err = buf_printf(out, "{\"event\":\"line\",\"name\":\"%s\",\"text\":", name);
    char *room = err == HX_OK ? buf_room(out, JSON_TIMES * len + 3) : NULL;
    if (!room)
        return HX_ENOMEM;
    buf_add(out, json_bytes(room, text, len, &exact));
    if (!exact) {
        char *encoded = malloc(BASE64_SIZE(len));
        if (!encoded)
            return HX_ENOMEM;
        base64_encode(encoded, text, len);
        err = buf_printf(out, ",\"base64\":\"%s\"", encoded);
        free(encoded);
    }
    return err == HX_OK ? buf_append(out, "}\n", 2) : err;
}

int member_line_write(struct buf *out, enum member_form form, const char *name, const char *text, size_t len)
{
    switch (form) {
    case MEMBER_TERMINAL:
        return write_terminal(out, name, text, len);
    case MEMBER_JSON:
        return write_json(out, name, text, len);
    default:
        return write_exact(out, name, text, len);
    }
}
