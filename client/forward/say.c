#include "client/forward/say.h"
#include "base/clock.h"
#include "base/token_bucket.h"
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_MAX_BYTES 2048

static bool notes;

static pthread_mutex_t often_lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    struct token_bucket bucket;
    unsigned long left_out;
} often[SAY_KINDS];

void say_init(bool verbose, bool quiet)
{
    notes = !quiet && (verbose || isatty(STDERR_FILENO));
}

static void write_line(const char *before, const char *format, va_list args, const char *behind)
{
    char text[LINE_MAX_BYTES];
    char line[LINE_MAX_BYTES];
    size_t len = (size_t)snprintf(text, sizeof text, "%s", before);
    int more = vsnprintf(text + len, sizeof text - len, format, args);
    if (more < 0)
        return;
    len = strlen(text);
    snprintf(text + len, sizeof text - len, "%s", behind);
    len = printable_text(line, sizeof line - 1, text);
    line[len] = '\n';
    (void)!write(STDERR_FILENO, line, len + 1);
}

void say_note(const char *format, ...)
{
    va_list args;
    if (!notes)
        return;
    va_start(args, format);
    write_line("", format, args, "");
    va_end(args);
}

void say_always(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    write_line("", format, args, "");
    va_end(args);
}

void say_error(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    write_line("hx: ", format, args, "");
    va_end(args);
}

/* False: it is to be left out; else *left_out says how many were before. */
static bool may_say(enum say_kind kind, unsigned long *left_out)
{
    static const struct token_limit limit = {.per_second = SAY_OFTEN, .most = SAY_OFTEN};
    pthread_mutex_lock(&often_lock);
    bool may = token_bucket_take(&often[kind].bucket, &limit, 1, clock_now_ms());
    *left_out = often[kind].left_out;
    often[kind].left_out = may ? 0 : *left_out + 1;
    pthread_mutex_unlock(&often_lock);
    return may;
}

static void write_often(enum say_kind kind, const char *before, const char *format, va_list args)
{
    char behind[64] = "";
    unsigned long left_out;
    if (!may_say(kind, &left_out))
        return;
    if (left_out > 0)
        snprintf(behind, sizeof behind, " (%lu lines like this were left out)", left_out);
    write_line(before, format, args, behind);
}

void say_often(enum say_kind kind, const char *format, ...)
{
    va_list args;
    if (!notes)
        return;
    va_start(args, format);
    write_often(kind, "", format, args);
    va_end(args);
}

void say_error_often(enum say_kind kind, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    write_often(kind, "hx: ", format, args);
    va_end(args);
}
