#include "server/log.h"
#include "base/error.h"
#include "server/log_limit.h"
#include "server/log_line.h"
#include "server/log_source.h"
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *const level_names[] = {
    [LOG_ERROR] = "error", [LOG_WARN] = "warn", [LOG_INFO] = "info", [LOG_DEBUG] = "debug"};
/* What the journal takes for a line's priority, sd-daemon(3). */
static const char *const priorities[] = {
    [LOG_ERROR] = "<3>", [LOG_WARN] = "<4>", [LOG_INFO] = "<6>", [LOG_DEBUG] = "<7>"};
static const char *const format_names[] = {[LOG_LOGFMT] = "logfmt", [LOG_JSON] = "json"};

static enum log_level level_max = LOG_INFO;
static enum log_format format;
static struct log_kinds kinds;
static struct log_sources sources;
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
    bool journal; /* systemd's, which reads a priority before each line */
    bool torn;    /* the last line has left in part */
    int64_t dropped;
} output = {.fd = STDERR_FILENO};

/* Before a number's text, among the keys and values of a line: nobody else has this address. */
const char log_number_follows[] = "number";

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

int log_format_parse(enum log_format *out, const char *text)
{
    for (size_t i = 0; i < sizeof format_names / sizeof *format_names; i++)
        if (strcmp(text, format_names[i]) == 0) {
            *out = (enum log_format)i;
            return HX_OK;
        }
    return HX_EINVAL;
}

void log_set_format(enum log_format f)
{
    format = f;
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
    sources = (struct log_sources){.over_ms = 0};
    turn_ms = 0;
}

const char *log_num(char text[LOG_NUM_MAX], int64_t value)
{
    snprintf(text, LOG_NUM_MAX, "%" PRId64, value);
    return text;
}

static void put_time(struct log_line *l)
{
    char day[32], text[48];
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    struct tm utc;
    gmtime_r(&now.tv_sec, &utc);
    strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text, sizeof text, "%s.%03ldZ", day, now.tv_nsec / 1000000);
    log_line_text(l, "ts", text);
}

/* systemd.exec(5): "$JOURNAL_STREAM" is device and inode of the stream that it has connected, which may have
 * been redirected since. */
static bool is_journal(const struct stat *st)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char text[2 * LOG_NUM_MAX];

    snprintf(text, sizeof text, "%ju:%ju", (uintmax_t)st->st_dev, (uintmax_t)st->st_ino);
    return stream && strcmp(stream, text) == 0;
}

void log_open(int fd)
{
    char path[sizeof "/proc/self/fd/" + LOG_NUM_MAX];

    output.fd = fd;
    output.kind = OUTPUT_FILE;
    output.journal = false;
    struct stat st;
    if (fstat(fd, &st) < 0 || S_ISREG(st.st_mode))
        return;
    output.journal = is_journal(&st);
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

static bool write_line(const struct log_line *l)
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
    struct log_line l;

    if (!log_wants(level))
        return;
    log_line_begin(&l, format, output.journal ? priorities[level] : "");
    put_time(&l);
    log_line_text(&l, "level", level_names[level]);
    log_line_text(&l, "event", event);
    if (output.dropped > 0)
        log_line_number(&l, "dropped", log_num((char[LOG_NUM_MAX]){0}, output.dropped));
    va_list ap;
    va_start(ap, event);
    const char *key;
    while ((key = va_arg(ap, const char *)) != NULL) {
        const char *value = va_arg(ap, const char *);
        bool number = value == log_number_follows;

        if (number)
            value = va_arg(ap, const char *);
        if (value)
            (number ? log_line_number : log_line_text)(&l, key, value);
    }
    va_end(ap);
    log_line_end(&l);
    if (write_line(&l))
        output.dropped = 0;
    else
        output.dropped++;
}

bool log_admits(enum log_level level, const char *kind, const struct endpoint *source)
{
    return log_wants(level) && (!source || log_sources_allow(&sources, source, kind, turn_ms)) &&
           log_kinds_allow(&kinds, kind, level, turn_ms);
}

/* A host that has many addresses does not fill the log with their names: beyond so many they are added up. */
static void tell_sources(int64_t now_ms)
{
    const struct log_source *source;
    int64_t held, others = 0;
    int lines = 0;

    while ((source = log_sources_over(&sources, now_ms, &held)) != NULL) {
        char text[ENDPOINT_TEXT_MAX];
        const char *who = lines < LOG_LIMIT_LINES ? log_source_text(text, source) : NULL;

        if (who)
            log_always(LOG_INFO, "not_logged", "source", who, "lines", LOG_NUM(held), "last", source->last);
        else
            others += held;
        lines++;
    }
    if (others > 0)
        log_always(LOG_INFO, "not_logged", "source", "others", "lines", LOG_NUM(others));
}

static void tell_held(int64_t now_ms)
{
    const struct log_kind *kind;
    int64_t held;

    while ((kind = log_kinds_over(&kinds, now_ms, &held)) != NULL)
        log_always(kind->level, "not_logged", "kind", kind->name, "lines", LOG_NUM(held));
    tell_sources(now_ms);
}

void log_turn(int64_t now_ms)
{
    turn_ms = now_ms;
    tell_held(now_ms);
}

int64_t log_next_ms(void)
{
    int64_t a = kinds.over_ms, b = sources.over_ms;
    int64_t next_ms = a == 0 || (b > 0 && b < a) ? b : a;

    return next_ms > 0 ? next_ms : -1;
}

void log_end(void)
{
    tell_held(INT64_MAX);
}
