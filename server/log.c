#include "server/log.h"
#include "base/error.h"
#include "server/log_limit.h"
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *const level_names[] = {
    [LOG_ERROR] = "error", [LOG_WARN] = "warn", [LOG_INFO] = "info", [LOG_DEBUG] = "debug"};

static enum log_level level_max = LOG_INFO;
static struct log_kinds kinds;
static int64_t turn_ms; /* of log_turn() */
static void (*line_sink)(void *user, const char *line, size_t len);
static void *line_user;

_Static_assert(LOG_LINE_MAX <= PIPE_BUF, "a pipe takes a line whole or not at all");

/* How a line is written without waiting for a reader. O_NONBLOCK is never set on a descriptor that was handed
 * down: it would hold for all who share it. */
enum output_kind {
    OUTPUT_FILE,   /* a disk is not waited for longer than for its own memory */
    OUTPUT_SOCKET, /* send(2) can be asked not to wait */
    OUTPUT_OWN,    /* a pipe or terminal, opened anew without waiting */
    OUTPUT_SHARED  /* one that cannot be: asked first whether it has room */
};

static struct {
    int fd;
    enum output_kind kind;
    bool torn; /* the last line has left in part */
    int64_t dropped;
} output = {.fd = STDERR_FILENO};

struct line {
    char text[LOG_LINE_MAX];
    size_t len;
    bool full; /* a field did not fit: no further ones, or the line would mislead */
};

void log_set_level(enum log_level level)
{
    level_max = level;
}

int log_level_parse(enum log_level *out, const char *text)
{
    for (size_t i = 0; i < sizeof level_names / sizeof *level_names; i++)
        if (strcmp(text, level_names[i]) == 0) {
            *out = (enum log_level)i;
            return HX_OK;
        }
    return HX_EINVAL;
}

bool log_wants(enum log_level level)
{
    return level <= level_max;
}

void log_set_sink(void (*sink)(void *user, const char *line, size_t len), void *user)
{
    line_sink = sink;
    line_user = user;
    kinds = (struct log_kinds){.count = 0};
    turn_ms = 0;
}

const char *log_num(char text[LOG_NUM_MAX], int64_t value)
{
    snprintf(text, LOG_NUM_MAX, "%" PRId64, value);
    return text;
}

/* One byte is kept for the line's end. */
static bool put(struct line *l, const char *data, size_t len)
{
    if (l->len + len >= sizeof l->text)
        return false;
    memcpy(l->text + l->len, data, len);
    l->len += len;
    return true;
}

static bool is_plain(const char *value)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:[]@/_+-";

    return value[0] != '\0' && value[strspn(value, plain)] == '\0';
}

static bool put_quoted(struct line *l, const char *value)
{
    bool fits = put(l, "\"", 1);

    for (const unsigned char *p = (const unsigned char *)value; fits && *p; p++) {
        char escaped[5];

        if (*p == '"' || *p == '\\')
            fits = put(l, (const char[]){'\\', (char)*p}, 2);
        else if (*p >= 0x20 && *p < 0x7f)
            fits = put(l, (const char *)p, 1);
        else
            fits = put(l, escaped, (size_t)snprintf(escaped, sizeof escaped, "\\x%02x", *p));
    }
    return fits && put(l, "\"", 1);
}

/* All of the field or nothing. */
static void put_field(struct line *l, const char *key, const char *value)
{
    size_t before = l->len;
    bool fits = !l->full && (l->len == 0 || put(l, " ", 1)) && put(l, key, strlen(key)) && put(l, "=", 1);

    if (fits && is_plain(value))
        fits = put(l, value, strlen(value));
    else if (fits)
        fits = put_quoted(l, value);
    if (!fits) {
        l->len = before;
        l->full = true;
    }
}

static void put_time(struct line *l)
{
    char day[32], text[48];
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    struct tm utc;
    gmtime_r(&now.tv_sec, &utc);
    strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text, sizeof text, "%s.%03ldZ", day, now.tv_nsec / 1000000);
    put_field(l, "ts", text);
}

void log_open(int fd)
{
    char path[sizeof "/proc/self/fd/" + LOG_NUM_MAX];

    output.fd = fd;
    output.kind = OUTPUT_FILE;
    struct stat st;
    if (fstat(fd, &st) < 0 || S_ISREG(st.st_mode))
        return;
    if (S_ISSOCK(st.st_mode)) {
        output.kind = OUTPUT_SOCKET;
        return;
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    int own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    output.kind = own < 0 ? OUTPUT_SHARED : OUTPUT_OWN;
    if (own >= 0)
        output.fd = own;
}

static ssize_t write_now(const char *data, size_t len)
{
    struct pollfd room = {.fd = output.fd, .events = POLLOUT};

    if (output.kind == OUTPUT_SOCKET)
        return send(output.fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (output.kind == OUTPUT_SHARED && poll(&room, 1, 0) != 1)
        return -1;
    return write(output.fd, data, len);
}

static bool write_line(const struct line *l)
{
    if (line_sink) {
        line_sink(line_user, l->text, l->len);
        return true;
    }
    if (output.torn && write_now("\n", 1) != 1)
        return false;
    output.torn = false;
    ssize_t written = write_now(l->text, l->len); /* one call a line: lines of two writers do not mix */
    output.torn = written > 0 && (size_t)written < l->len;
    return written == (ssize_t)l->len;
}

void log_write(enum log_level level, const char *event, ...)
{
    struct line l = {.len = 0};

    if (!log_wants(level))
        return;
    put_time(&l);
    put_field(&l, "level", level_names[level]);
    put_field(&l, "event", event);
    if (output.dropped > 0)
        put_field(&l, "dropped", LOG_NUM(output.dropped));
    va_list ap;
    va_start(ap, event);
    const char *key;
    while ((key = va_arg(ap, const char *)) != NULL) {
        const char *value = va_arg(ap, const char *);

        if (value)
            put_field(&l, key, value);
    }
    va_end(ap);
    l.text[l.len++] = '\n';
    if (write_line(&l))
        output.dropped = 0;
    else
        output.dropped++;
}

bool log_admits(enum log_level level, const char *kind)
{
    return log_wants(level) && log_kinds_allow(&kinds, kind, level, turn_ms);
}

static void tell_held(int64_t now_ms)
{
    const struct log_kind *kind;
    int64_t held;

    while ((kind = log_kinds_over(&kinds, now_ms, &held)) != NULL)
        log_always(kind->level, "not_logged", "kind", kind->name, "lines", LOG_NUM(held));
}

void log_turn(int64_t now_ms)
{
    turn_ms = now_ms;
    tell_held(now_ms);
}

int64_t log_next_ms(void)
{
    return kinds.over_ms > 0 ? kinds.over_ms : -1;
}

void log_end(void)
{
    tell_held(INT64_MAX);
}
