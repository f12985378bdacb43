#include "client/forward/say.h"
#include "base/clock.h"
#include "base/token_bucket.h"
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 2048

static bool notes;
static const char erase[] = "\r\033[K";

/* Lines of one kind. A note's kind is its format, so that none can be forgotten; of what does not fit into
 * the table, the last place takes all. */
struct often {
    const void *kind;
    struct token_bucket bucket;
    unsigned long left_out;
    char last[LINE_MAX_BYTES]; /* the line that was left out last, to be an example of them */
};

#define OFTEN_MAX      64
#define TELL_LATER_MS  1000
#define LEFT_OUT_BYTES 64

static pthread_mutex_t often_lock = PTHREAD_MUTEX_INITIALIZER;
static struct often often[OFTEN_MAX];
static atomic_bool drawn;           /* a line of say_draw() is there */
static bool telling;                /* tell_later() runs */
static const char kinds[SAY_KINDS]; /* their addresses are kinds */

void say_init(bool verbose, bool quiet)
{
    notes = !quiet && (verbose || isatty(STDERR_FILENO));
}

/* Returns the length of what is in `text`: as much as fits. */
static size_t format_line(char text[LINE_MAX_BYTES], const char *before, const char *format, va_list args)
{
    size_t len = (size_t)snprintf(text, LINE_MAX_BYTES, "%s", before);
    if (vsnprintf(text + len, LINE_MAX_BYTES - len, format, args) < 0)
        return 0;
    return strlen(text);
}

void say_draw(const char *line)
{
    char text[LINE_MAX_BYTES + sizeof erase];
    int len = snprintf(text, sizeof text, "\r%.*s\033[K", LINE_MAX_BYTES, line);
    (void)!write(STDERR_FILENO, text, (size_t)len);
    atomic_store(&drawn, true);
}

void say_erase(void)
{
    if (atomic_exchange(&drawn, false))
        (void)!write(STDERR_FILENO, erase, sizeof erase - 1);
}

static void write_text(const char *text)
{
    char line[LINE_MAX_BYTES + sizeof erase];
    size_t len = atomic_exchange(&drawn, false) ? sizeof erase - 1 : 0;
    strcpy(line, erase);
    len += printable_text(line + len, LINE_MAX_BYTES - 1, text);
    line[len] = '\n';
    (void)!write(STDERR_FILENO, line, len + 1);
}

static void write_line(const char *before, const char *format, va_list args)
{
    char text[LINE_MAX_BYTES];
    if (format_line(text, before, format, args) > 0)
        write_text(text);
}

void say_always(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    write_line("", format, args);
    va_end(args);
}

void say_error(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    write_line("hx: ", format, args);
    va_end(args);
}

/* The line says how many were left out before it. A long one gives up its end for that. */
static void write_with_left_out(char text[LINE_MAX_BYTES], unsigned long left_out)
{
    size_t len = strlen(text);
    if (len > LINE_MAX_BYTES - LEFT_OUT_BYTES)
        len = LINE_MAX_BYTES - LEFT_OUT_BYTES;
    if (left_out > 0)
        snprintf(text + len, LINE_MAX_BYTES - len, " (%lu lines like this were left out)", left_out);
    write_text(text);
}

/* Whoever reads shall not wait for a next line of the kind, which may never come. False: nothing
 * was left out. */
static bool tell_left_out(void)
{
    bool any = false;
    pthread_mutex_lock(&often_lock);
    for (size_t i = 0; i < OFTEN_MAX; i++)
        if (often[i].left_out > 0) {
            write_with_left_out(often[i].last, often[i].left_out - 1); /* it is no longer one of them */
            often[i].left_out = 0;
            any = true;
        }
    telling = any;
    pthread_mutex_unlock(&often_lock);
    return any;
}

static void *tell_later(void *unused)
{
    const struct timespec later = {.tv_sec = TELL_LATER_MS / 1000,
                                   .tv_nsec = TELL_LATER_MS % 1000 * 1000000L};
    (void)unused;
    do
        nanosleep(&later, NULL);
    while (tell_left_out());
    return NULL;
}

/* Signals are another thread's to take. Without a thread the next line of the kind tells. */
static bool begin_telling(void)
{
    pthread_t thread;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool begun = pthread_create(&thread, NULL, tell_later, NULL) == 0 && pthread_detach(thread) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return begun;
}

static struct often *find_kind(const void *kind)
{
    struct often *o = often;
    while (o < &often[OFTEN_MAX - 1] && o->kind && o->kind != kind)
        o++;
    o->kind = kind;
    return o;
}

static void write_often(const void *kind, const char *before, const char *format, va_list args)
{
    static const struct token_limit limit = {.per_second = SAY_OFTEN, .most = SAY_OFTEN};
    char text[LINE_MAX_BYTES];
    unsigned long left_out;
    format_line(text, before, format, args);
    pthread_mutex_lock(&often_lock);
    struct often *o = find_kind(kind);
    bool may = token_bucket_take(&o->bucket, &limit, 1, clock_now_ms());
    left_out = o->left_out;
    o->left_out = may ? 0 : left_out + 1;
    if (!may) {
        memcpy(o->last, text, sizeof text);
        telling = telling || begin_telling();
    }
    pthread_mutex_unlock(&often_lock);
    if (may)
        write_with_left_out(text, left_out);
}

void say_note_each(const char *format, ...)
{
    va_list args;
    if (!notes)
        return;
    va_start(args, format);
    write_line("", format, args);
    va_end(args);
}

void say_note(const char *format, ...)
{
    va_list args;
    if (!notes)
        return;
    va_start(args, format);
    write_often(format, "", format, args);
    va_end(args);
}

void say_often(enum say_kind kind, const char *format, ...)
{
    va_list args;
    if (!notes)
        return;
    va_start(args, format);
    write_often(&kinds[kind], "", format, args);
    va_end(args);
}

void say_error_often(enum say_kind kind, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    write_often(&kinds[kind], "hx: ", format, args);
    va_end(args);
}
