#include "client/tool/sent.h"
#include "base/clock.h"
#include "client/forward/say.h"
#include "client/tool/bar.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

/* `how`: bar_draw() or bar_tell(). */
static void show(struct sent *s, void (*how)(const struct progress *p, const struct progress_shown *shown))
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
    how(&s->progress, &shown);
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
        say_erase();
    }
    if (s->begun && now_ms - s->progress.then_ms >= PROGRESS_EVERY_MS)
        progress_update(&s->progress, now_ms, moved);
    if (asked && s->begun)
        show(s, bar_tell);
    else if (asked)
        say_always("nobody has begun to receive it");
    if (!receives || s->quiet || now_ms - s->shown_ms < every_ms())
        return;
    s->shown_ms = now_ms;
    show(s, isatty(STDERR_FILENO) ? bar_draw : bar_tell);
}

void sent_end(struct sent *s)
{
    say_erase();
    s->quiet = true;
}
