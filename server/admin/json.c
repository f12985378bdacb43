#include "server/admin/json.h"
#include "base/error.h"
#include "base/utf8.h"
#include <inttypes.h>
#include <string.h>

static void add(struct json *j, const char *text, size_t len)
{
    if (j->err == HX_OK)
        j->err = buf_append(j->out, text, len);
}

/* What would end a string or a script that the text stands in, too: who embeds it makes no mistake then. */
static bool plain(uint32_t c)
{
    return c >= 0x20 && c != 0x7f && !strchr("\"\\<>&", (int)(c < 0x80 ? c : 'a'));
}

static void add_string(struct json *j, const char *text)
{
    size_t len = strlen(text), from = 0, at = 0;

    add(j, "\"", 1);
    while (at < len) {
        uint32_t c;
        size_t bytes = utf8_read(&c, text + at, len - at);

        if (bytes > 0 && plain(c)) {
            at += bytes;
            continue;
        }
        add(j, text + from, at - from);
        if (j->err == HX_OK)
            j->err = buf_printf(j->out, "\\u%04x", bytes == 0 ? 0xfffd : (unsigned)c);
        at += bytes == 0 ? 1 : bytes;
        from = at;
    }
    add(j, text + from, at - from);
    add(j, "\"", 1);
}

static void begin_value(struct json *j, const char *key)
{
    if (j->comma)
        add(j, ",", 1);
    j->comma = true;
    if (!key)
        return;
    add_string(j, key);
    add(j, ":", 1);
}

static void open_with(struct json *j, const char *key, const char *bracket)
{
    begin_value(j, key);
    add(j, bracket, 1);
    j->comma = false;
}

static void close_with(struct json *j, const char *bracket)
{
    add(j, bracket, 1);
    j->comma = true;
}

void json_object(struct json *j, const char *key)
{
    open_with(j, key, "{");
}

void json_array(struct json *j, const char *key)
{
    open_with(j, key, "[");
}

void json_end_object(struct json *j)
{
    close_with(j, "}");
}

void json_end_array(struct json *j)
{
    close_with(j, "]");
}

void json_text(struct json *j, const char *key, const char *value)
{
    begin_value(j, key);
    if (value)
        add_string(j, value);
    else
        add(j, "null", 4);
}

void json_number(struct json *j, const char *key, int64_t value)
{
    begin_value(j, key);
    if (j->err == HX_OK)
        j->err = buf_printf(j->out, "%" PRId64, value);
}

void json_real(struct json *j, const char *key, double value)
{
    begin_value(j, key);
    if (j->err == HX_OK)
        j->err = buf_printf(j->out, "%.3f", value);
}

void json_bool(struct json *j, const char *key, bool value)
{
    begin_value(j, key);
    add(j, value ? "true" : "false", value ? 4 : 5);
}
