#include "client/tool/cp_json.h"
#include "base/clock.h"
#include "client/tool/json.h"
#include "client/tool/ui.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_ROOM 32 /* bytes of what stands around a text */

/* Of any length: a peer's reason is bounded by its header alone, and what the user has written by nothing. */
static void write_string(const char *key, const char *text)
{
    bool exact;
    char *string = malloc(JSON_TIMES * strlen(text) + KEYS_ROOM);
    if (string)
        (void)json_string(string, text, &exact);
    printf(",\"%s\":%s", key, string ? string : "null");
    free(string);
}

static void write_name(const char *path)
{
    char *member = malloc(JSON_NAME_TIMES * strlen(path) + KEYS_ROOM);
    if (member)
        (void)json_name(member, "file", path, "bytes");
    printf(",%s", member ? member : "\"file\":null");
    free(member);
}

void cp_json_file(const char *event, const char *path, int64_t size, const char *reason)
{
    printf("{\"event\":\"%s\"", event);
    write_name(path);
    if (size >= 0)
        printf(",\"size\":%" PRId64, size);
    if (reason)
        write_string("reason", reason);
    printf("}\n");
}

static void write_number(const char *key, int64_t value)
{
    if (value < 0)
        printf(",\"%s\":null", key);
    else
        printf(",\"%s\":%" PRId64, key, value);
}

static void write_progress(const struct copying *c, const struct files_state *s)
{
    struct hx_path path;
    int64_t total = s->listed ? s->total : -1;
    copying_path(c, &path);
    printf("{\"event\":\"progress\"");
    write_number("done", s->done);
    write_number("total", total);
    write_number("moved", s->moved);
    write_number("rate", c->progress.rate < 0 ? -1 : (int64_t)c->progress.rate);
    write_number("left_s", progress_left_s(&c->progress, s->done, total));
    write_number("files", s->listed ? (int64_t)s->files : -1);
    write_number("files_done", (int64_t)s->files_done);
    write_string("path", path.kind);
    printf("}\n");
}

void cp_json_now_and_then(const struct copying *c, const struct files_state *s, int64_t *last_ms)
{
    int64_t now_ms = clock_now_ms();
    if (now_ms - *last_ms >= CP_JSON_EVERY_MS) {
        *last_ms = now_ms;
        write_progress(c, s);
    }
    (void)fflush(stdout); /* a failure is told in the end */
}

bool cp_json_summary(const struct copying *c, bool good, size_t links)
{
    const struct files_state *s = &c->end;
    int64_t ms = clock_now_ms() - c->begun_ms;
    printf("{\"event\":\"summary\",\"ok\":%s", good ? "true" : "false");
    write_number("files", (int64_t)s->files_done);
    write_number("bytes", s->done);
    write_number("moved", s->moved);
    write_number("left", (int64_t)s->left);
    write_number("links", (int64_t)links);
    write_number("skipped", (int64_t)s->skipped);
    write_number("failed", (int64_t)s->failed);
    printf(",\"seconds\":%" PRId64 ".%03d", ms / 1000, (int)(ms % 1000));
    write_number("rate", ms > 0 ? s->moved * 1000 / ms : 0);
    printf("}\n");
    return ui_printed();
}
