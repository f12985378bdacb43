#include "test/udtcurl/replay_script.h"
#include "test/udtcurl/codes.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct record {
    enum transcript_mark mark;
    int stream;
    int64_t at_us;
    size_t order; /* in the text */
    char *data;
    size_t len;
};

struct records {
    int64_t first_ms, offset_us; /* when the first one has begun; so much later has this one */
    bool begun;
    int transcript, of_this; /* which one this is; its first stream */
    struct record *list;
    size_t count, room;
};

/* False: there are too many streams. */
static bool turn_to(struct script *s, const struct records *r, int *stream, const char *title)
{
    for (int i = r->of_this; i < s->stream_count; i++) {
        if (strcmp(s->streams[i].title, title) == 0) {
            *stream = i;
            return true;
        }
    }
    if (s->stream_count == SCRIPT_STREAMS_MAX)
        return false;
    *stream = s->stream_count++;
    struct script_stream *t = &s->streams[*stream];
    memcpy(t->title, title, strlen(title) + 1); /* read_line() has looked at its length */
    buf_init(&t->bytes, 0);
    t->transcript = r->transcript;
    return true;
}

/* A transcript begins: its times are counted from the beginning of the first one. */
static void begin(const struct script *s, struct records *r, int64_t unix_ms)
{
    if (!r->begun)
        r->first_ms = unix_ms;
    r->begun = true;
    r->offset_us = (unix_ms - r->first_ms) * 1000;
    r->of_this = s->stream_count;
    r->transcript++;
}

static int add(struct records *r, const struct transcript_line *line, int stream)
{
    if (r->count == r->room) {
        size_t room = r->room ? 2 * r->room : 64;
        struct record *list = reallocarray(r->list, room, sizeof *list);
        if (!list)
            return UC_MEMORY;
        r->list = list;
        r->room = room;
    }
    struct record *one = &r->list[r->count];
    *one = (struct record){.mark = line->mark,
                           .stream = stream,
                           .at_us = line->at_us + r->offset_us,
                           .order = r->count,
                           .data = malloc(line->len + 1),
                           .len = line->len};
    if (!one->data)
        return UC_MEMORY;
    memcpy(one->data, line->data, line->len + 1);
    r->count++;
    return UC_OK;
}

static int read_line(struct script *s, struct records *r, int *stream, const char *at, size_t len)
{
    static struct transcript_line line;
    int64_t unix_ms;
    if (transcript_read_begin(&unix_ms, at, len) == HX_OK) {
        begin(s, r, unix_ms);
        return UC_OK;
    }
    if (transcript_read(&line, at, len) < 0)
        return UC_USAGE;
    if (line.mark == TRANSCRIPT_NOTHING)
        return UC_OK;
    if (line.mark == TRANSCRIPT_TITLE)
        return line.len <= TRANSCRIPT_TITLE_MAX && turn_to(s, r, stream, line.data) ? UC_OK : UC_USAGE;
    return *stream < 0 ? UC_USAGE : add(r, &line, *stream);
}

static int read_records(struct script *s, struct records *r, const char *text, size_t len, char *why,
                        size_t cap)
{
    const char *end = text + len;
    int stream = -1, code = UC_OK;
    for (int number = 1; text < end && code == UC_OK; number++) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        stop = stop ? stop : end;
        code = read_line(s, r, &stream, text, (size_t)(stop - text));
        if (code == UC_USAGE)
            snprintf(why, cap, "line %d is none of a transcript, as udtcurl(1) shows it", number);
        text = stop + (stop < end);
    }
    return code;
}

static int by_time(const void *a, const void *b)
{
    const struct record *x = a, *y = b;
    if (x->at_us != y->at_us)
        return x->at_us < y->at_us ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

static int add_step(struct script *s, enum script_kind kind, struct record *r, size_t order)
{
    struct script_step *steps = reallocarray(s->steps, s->step_count + 1, sizeof *steps);
    if (!steps)
        return UC_MEMORY;
    s->steps = steps;
    steps[s->step_count++] = (struct script_step){kind, r->stream, r->at_us, order, r->data, r->len};
    r->data = NULL;
    return UC_OK;
}

/* A line of the answer goes on until its LF has come. */
static int add_answer(struct script_stream *t, const struct record *r, size_t order)
{
    struct script_line *last = t->count > 0 ? &t->lines[t->count - 1] : NULL;
    size_t at = t->bytes.len;
    if (buf_append(&t->bytes, r->data, r->len) != HX_OK)
        return UC_MEMORY;
    if (!last || buf_data(&t->bytes)[last->at + last->len - 1] == '\n') {
        struct script_line *lines = reallocarray(t->lines, t->count + 1, sizeof *lines);
        if (!lines)
            return UC_MEMORY;
        t->lines = lines;
        last = &lines[t->count++];
        *last = (struct script_line){.at = at};
    }
    last->len += r->len;
    last->at_us = r->at_us;
    last->order = order;
    return UC_OK;
}

static bool says(const struct record *r, const char *word)
{
    return r->mark == TRANSCRIPT_NOTE && strncmp(r->data, word, strlen(word)) == 0;
}

static int sort_out(struct script *s, struct records *r)
{
    int code = UC_OK;
    if (r->count > 0)
        qsort(r->list, r->count, sizeof *r->list, by_time);
    for (size_t i = 0; i < r->count && code == UC_OK; i++) {
        struct record *one = &r->list[i];
        if (one->mark == TRANSCRIPT_SENT && one->len > 0)
            code = add_step(s, SCRIPT_SEND, one, i);
        else if (one->mark == TRANSCRIPT_RECEIVED && one->len > 0)
            code = add_answer(&s->streams[one->stream], one, i);
        else if (says(one, TRANSCRIPT_OPENED))
            code = add_step(s, SCRIPT_OPEN, one, i);
        else if (says(one, TRANSCRIPT_CLOSED))
            code = add_step(s, SCRIPT_CLOSE, one, i);
        else if (says(one, TRANSCRIPT_ENDED))
            s->streams[one->stream].ended = true;
        s->end_us = one->at_us;
    }
    return code;
}

int script_read(struct script *out, const char *text, size_t len, char *why, size_t cap)
{
    struct records r = {.count = 0};
    memset(out, 0, sizeof *out);
    int code = read_records(out, &r, text, len, why, cap);
    if (code == UC_OK)
        code = sort_out(out, &r);
    if (code == UC_OK && out->step_count == 0) {
        snprintf(why, cap, "it has nothing that was sent");
        code = UC_USAGE;
    }
    if (code == UC_MEMORY)
        snprintf(why, cap, "out of memory");
    for (size_t i = 0; i < r.count; i++)
        free(r.list[i].data);
    free(r.list);
    return code;
}

void script_free(struct script *s)
{
    for (size_t i = 0; i < s->step_count; i++)
        free(s->steps[i].data);
    for (int i = 0; i < s->stream_count; i++) {
        buf_free(&s->streams[i].bytes);
        free(s->streams[i].lines);
    }
    free(s->steps);
    memset(s, 0, sizeof *s);
}
