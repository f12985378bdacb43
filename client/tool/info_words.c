#include "client/tool/info_words.h"
#include "base/error.h"
#include "base/printable.h"
#include "client/tool/info.h"
#include "client/tool/json.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COLUMN 12

void info_words_init(struct info_words *w, const char *name)
{
    *w = (struct info_words){.name = name};
    buf_init(&w->allow, INFO_MAX);
    buf_init(&w->listen, INFO_MAX);
}

void info_words_free(struct info_words *w)
{
    buf_free(&w->allow);
    buf_free(&w->listen);
}

int info_words_take(struct info_words *w, const char *key, const char *value)
{
    if (strcmp(key, "allow") == 0)
        return buf_append(&w->allow, value, strlen(value) + 1);
    if (strcmp(key, "allow-listen") == 0)
        return buf_append(&w->listen, value, strlen(value) + 1);
    if (strcmp(key, "version") == 0)
        snprintf(w->version, sizeof w->version, "%s", value);
    else if (strcmp(key, "label") == 0)
        snprintf(w->label, sizeof w->label, "%s", value);
    else if (strcmp(key, "share") == 0)
        snprintf(w->share, sizeof w->share, "%s", value);
    else if (strcmp(key, "exec") == 0)
        snprintf(w->exec, sizeof w->exec, "%s", value);
    else if (strcmp(key, "echo") == 0)
        w->echo = strcmp(value, "yes") == 0;
    else if (strcmp(key, "pipe") == 0)
        w->pipe = strcmp(value, "yes") == 0;
    return HX_OK;
}

/* ---- for people ---- */

static int line(struct buf *out, const char *key, const char *value)
{
    char shown[INFO_LINE_MAX];
    printable_text(shown, sizeof shown, value);
    return buf_printf(out, "%-*s%s\n", COLUMN, key, shown);
}

/* One line for each; a line of "none" if there are none. */
static int lines(struct buf *out, const char *key, const struct buf *texts)
{
    const char *at = buf_data(texts);
    const char *end = at + texts->len;
    int err = at == end ? line(out, key, "none") : HX_OK;
    for (; at < end && err == HX_OK; at += strlen(at) + 1)
        err = line(out, key, at);
    return err;
}

static int print_path(const struct info_words *w, struct buf *out)
{
    bool tcp = strcmp(w->path.address, HX_ADDRESS_TCP) == 0;
    char text[128];
    snprintf(text, sizeof text, "%s, %s%s", w->path.kind, tcp ? "through TCP" : "at ",
             tcp ? "" : w->path.address);
    int err = line(out, "path", text);
    snprintf(text, sizeof text, "%.3f ms", (double)w->rtt_us / 1000);
    if (err == HX_OK)
        err = line(out, "round trip", w->rtt_us > 0 ? text : "not measured");
    snprintf(text, sizeof text, "%" PRId64 " ms after the search began", w->found_ms);
    return err == HX_OK ? line(out, "found", text) : err;
}

static const char *files(const struct info_words *w)
{
    return !w->share[0] ? "none" : strcmp(w->share, "rw") == 0 ? "read and write" : "read only";
}

static const char *command(const struct info_words *w)
{
    return !w->exec[0] ? "none" : strcmp(w->exec, "pty") == 0 ? "yes, also at a terminal" : "yes";
}

int info_words_print(const struct info_words *w, struct buf *out)
{
    int err = line(out, "name", w->name);
    if (err == HX_OK)
        err = print_path(w, out);
    if (err < 0 || w->older)
        return err < 0 ? err : line(out, "version", "older than hx info: it cannot be asked for the rest");
    if (err == HX_OK)
        err = line(out, "version", w->version[0] ? w->version : "not said");
    if (err == HX_OK)
        err = line(out, "key label", w->label[0] ? w->label : "none");
    if (err == HX_OK)
        err = lines(out, "target", &w->allow);
    if (err == HX_OK)
        err = lines(out, "listen", &w->listen);
    if (err == HX_OK)
        err = line(out, "files", files(w));
    if (err == HX_OK)
        err = line(out, "command", command(w));
    if (err == HX_OK)
        err = line(out, "echo", w->echo ? "yes" : "no");
    return err == HX_OK ? line(out, "pipe", w->pipe ? "yes" : "no") : err;
}

/* ---- JSON ---- */

/* "" is null. */
static int member(struct buf *out, const char *key, const char *value)
{
    char text[JSON_TIMES * INFO_LINE_MAX + 3] = "null";
    bool exact;
    if (value[0])
        json_string(text, value, &exact);
    return buf_printf(out, ",\"%s\":%s", key, text);
}

static int members(struct buf *out, const char *key, const struct buf *texts)
{
    char text[JSON_TIMES * INFO_LINE_MAX + 3];
    bool exact;
    const char *at = buf_data(texts);
    const char *end = at + texts->len;
    int err = buf_printf(out, ",\"%s\":[", key);
    for (const char *mark = ""; at < end && err == HX_OK; at += strlen(at) + 1, mark = ",") {
        json_string(text, at, &exact);
        err = buf_printf(out, "%s%s", mark, text);
    }
    return err == HX_OK ? buf_append(out, "]", 1) : err;
}

static int flag(struct buf *out, const char *key, bool value)
{
    return buf_printf(out, ",\"%s\":%s", key, value ? "true" : "false");
}

int info_words_json(const struct info_words *w, struct buf *out)
{
    char name[JSON_TIMES * HX_NAME_MAX + 3];
    char rtt[32] = "null";
    bool exact;
    json_string(name, w->name, &exact);
    if (w->rtt_us > 0)
        snprintf(rtt, sizeof rtt, "%" PRId64 ".%03" PRId64, w->rtt_us / 1000, w->rtt_us % 1000);
    int err = buf_printf(out,
                         "{\"name\":%s,\"path\":{\"kind\":\"%s\",\"address\":\"%s\",\"rtt_ms\":%s,"
                         "\"found_ms\":%" PRId64 "}",
                         name, w->path.kind, w->path.address, rtt, w->found_ms);
    if (err == HX_OK)
        err = flag(out, "older", w->older);
    if (err == HX_OK && !w->older) {
        err = member(out, "version", w->version);
        err = err == HX_OK ? member(out, "label", w->label) : err;
        err = err == HX_OK ? members(out, "allow", &w->allow) : err;
        err = err == HX_OK ? members(out, "allow_listen", &w->listen) : err;
        err = err == HX_OK ? member(out, "share", w->share) : err;
        err = err == HX_OK ? flag(out, "exec", w->exec[0]) : err;
        err = err == HX_OK ? flag(out, "pty", strcmp(w->exec, "pty") == 0) : err;
        err = err == HX_OK ? flag(out, "echo", w->echo) : err;
        err = err == HX_OK ? flag(out, "pipe", w->pipe) : err;
    }
    return err == HX_OK ? buf_append(out, "}\n", 2) : err;
}
