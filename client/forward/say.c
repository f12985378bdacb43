#include "client/forward/say.h"
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024

static bool notes;

void say_init(bool verbose, bool quiet)
{
    notes = !quiet && (verbose || isatty(STDERR_FILENO));
}

static void write_line(const char *before, const char *format, va_list args)
{
    char text[LINE_MAX_BYTES];
    size_t len = (size_t)snprintf(text, sizeof text, "%s", before);
    int more = vsnprintf(text + len, sizeof text - len, format, args);
    if (more < 0)
        return;
    len += (size_t)more;
    if (len > sizeof text - 1)
        len = sizeof text - 1;
    text[len] = '\n';
    (void)!write(STDERR_FILENO, text, len + 1);
}

void say_note(const char *format, ...)
{
    va_list args;
    if (!notes)
        return;
    va_start(args, format);
    write_line("", format, args);
    va_end(args);
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
