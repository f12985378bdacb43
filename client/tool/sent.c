#include "client/tool/sent.h"
#include "base/clock.h"
#include "client/forward/say.h"
#include "client/run/terminal.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define WIDTH       80  /* of a terminal that does not say */
#define PLAIN_WIDTH 120 /* of a line that no terminal shows */

void sent_init(struct sent *s)
{
    pthread_mutex_init(&s->mutex, NULL);
}

void sent_path(struct sent *s, const char *kind)
{
    pthread_mutex_lock(&s->mutex);
    snprintf(s->kind, sizeof s->kind, "%s", kind);
    pthread_mutex_unlock(&s->mutex);
}

static int make_line(struct sent *s, int columns, char out[PROGRESS_LINE_MAX])
{
    char kind[sizeof s->kind];
    char name[SAY_NAME_MAX] = "";
    int64_t done = pace_moved(s->pace, PACE_OUT) - s->before;
    pthread_mutex_lock(&s->mutex);
    memcpy(kind, s->kind, sizeof kind);
    pthread_mutex_unlock(&s->mutex);
    if (s->name[0])
        printable_name(name, sizeof name, s->name);
    /* What is between the files counts a little, too. */
    const struct progress_shown shown = {.done = s->total >= 0 && done > s->total ? s->total : done,
                                         .total = s->total,
                                         .path = kind,
                                         .name = name};
    return progress_line(&s->progress, out, columns, &shown);
}

static void erase(struct sent *s)
{
    if (s->shown)
        (void)!write(STDERR_FILENO, "\r\033[K", 4);
    s->shown = false;
}

static void draw(struct sent *s)
{
    char line[PROGRESS_LINE_MAX + 8] = "\r";
    int columns = terminal_window(STDERR_FILENO).columns;
    int len = 1 + make_line(s, columns > 0 ? columns : WIDTH, line + 1);
    len += snprintf(line + len, sizeof line - (size_t)len, "\033[K");
    (void)!write(STDERR_FILENO, line, (size_t)len);
    say_drawn();
    s->shown = true;
}

static void tell(struct sent *s)
{
    char line[PROGRESS_LINE_MAX];
    make_line(s, PLAIN_WIDTH, line);
    say_always("%s", line);
}

static int64_t every_ms(void)
{
    return isatty(STDERR_FILENO) ? PROGRESS_EVERY_MS : PROGRESS_PLAIN_MS;
}

int64_t sent_wait_ms(const struct sent *s, int64_t most_ms)
{
    if (!s->begun || most_ms < PROGRESS_EVERY_MS)
        return most_ms;
    return PROGRESS_EVERY_MS; /* by which the rate is measured */
}

void sent_look(struct sent *s, bool receives, bool asked)
{
    int64_t now_ms = clock_now_ms();
    int64_t moved = pace_moved(s->pace, PACE_OUT);
    if (receives && !s->begun) {
        s->begun = true;
        s->before = moved;
        s->shown_ms = now_ms;
        progress_begin(&s->progress, now_ms, moved);
    }
    if (!receives && s->begun) {
        s->begun = false;
        erase(s);
    }
    if (s->begun && now_ms - s->progress.then_ms >= PROGRESS_EVERY_MS)
        progress_update(&s->progress, now_ms, moved);
    if (asked && s->begun)
        tell(s);
    else if (asked)
        say_always("nobody has begun to receive it");
    if (!receives || s->quiet || now_ms - s->shown_ms < every_ms())
        return;
    s->shown_ms = now_ms;
    if (isatty(STDERR_FILENO))
        draw(s);
    else
        tell(s);
}

void sent_end(struct sent *s)
{
    erase(s);
    s->quiet = true;
}
