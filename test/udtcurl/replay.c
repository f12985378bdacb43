#include "test/udtcurl/replay.h"
#include "base/clock.h"
#include "base/error.h"
#include "shim/udt/udt.h"
#include "test/udtcurl/args.h"
#include "test/udtcurl/codes.h"
#include "test/udtcurl/net.h"
#include "test/udtcurl/output.h"
#include "test/udtcurl/replay_request.h"
#include "test/udtcurl/replay_script.h"
#include "test/udtcurl/resolve.h"
#include "test/udtcurl/wait.h"
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_MS \
    5000 /* an answer may come so much later than it did then, unless --max-time says otherwise */
#define CLOCKS_US 2000 /* so much may two transcripts differ about the time */
#define LOOK_MS   1000 /* a peer that vanished raises no event */
#define TOLD_MAX  10   /* differences of one connection */

struct player { /* one connection */
    struct net net;
    const struct script_stream *recorded;
    bool opened, connected, gone; /* gone: the nameserver has ended it */
    bool closed;                  /* by us */
    struct buf head;              /* what is to be sent, until its empty line is there */
    struct buf out;               /* what is not sent yet */
    struct buf line;              /* of the answer, as far as it has come */
    size_t answered;              /* lines */
    size_t in_vain;               /* one more than so many were waited for, and did not come */
    int differences;
    int64_t connect_until_ms;
};

struct replay {
    const struct args *args;
    const struct identity *device;
    struct url url;
    struct addrinfo *addresses;
    struct script script;
    struct replay_ids ids;
    struct player players[SCRIPT_STREAMS_MAX];
    size_t next;        /* step */
    int64_t begun_ms;   /* when the transcript's time was 0 */
    int64_t waiting_ms; /* since then for the next step */
    int64_t waiting_us; /* which that was in the transcript */
    int code;
};

/* ---- what differs ---- */

static void show(const char *what, const char *text, size_t len)
{
    printf("  %s ", what);
    for (size_t i = 0; i < len && text[i] != '\r' && text[i] != '\n'; i++)
        putchar(text[i] >= ' ' && text[i] <= '~' ? text[i] : '?');
    putchar('\n');
}

/* `line`: of the answer then, or NULL. */
static bool differs(struct player *p, const struct script_line *line, const char *how)
{
    if (p->differences++ >= TOLD_MAX)
        return false;
    if (line)
        printf("%s: line %zu, at %" PRId64 ".%06d s, %s\n", p->recorded->title,
               (size_t)(line - p->recorded->lines) + 1, line->at_us / 1000000, (int)(line->at_us % 1000000),
               how);
    else
        printf("%s: %s\n", p->recorded->title, how);
    return true;
}

static const char *text_of(const struct player *p, const struct script_line *line)
{
    return buf_data(&p->recorded->bytes) + line->at;
}

/* A line is whole, or the end has come. */
static void compare(struct replay *r, struct player *p)
{
    char then[KINDS_ID_MAX], now[KINDS_ID_MAX];
    const char *text = buf_data(&p->line);
    size_t len = p->line.len;
    const struct script_line *line =
        p->answered < p->recorded->count ? &p->recorded->lines[p->answered] : NULL;
    p->answered++;
    (void)kinds_nonce(p->net.nonce, sizeof p->net.nonce, text, len);
    if (!line) {
        if (differs(p, NULL, "more has come than then"))
            show("now:", text, len);
    } else if (!kinds_alike(text_of(p, line), line->len, text, len)) {
        if (differs(p, line, "is another one")) {
            show("then:", text_of(p, line), line->len);
            show("now: ", text, len);
        }
    } else if (kinds_session(then, text_of(p, line), line->len) && kinds_session(now, text, len)) {
        replay_ids_told(&r->ids, then, now);
    }
    buf_consume(&p->line, len);
}

/* ---- connections ---- */

static int receive(struct replay *r, struct player *p)
{
    char data[4096];
    ssize_t n;
    while ((n = stream_read(p->net.connected->stream, data, sizeof data)) > 0) {
        const char *at = data, *end = data + n;
        while (at < end) {
            const char *stop = memchr(at, '\n', (size_t)(end - at));
            size_t len = stop ? (size_t)(stop + 1 - at) : (size_t)(end - at);
            if (buf_append(&p->line, at, len) != HX_OK)
                return UC_MEMORY;
            if (stop)
                compare(r, p);
            at += len;
        }
    }
    p->gone = n != HX_EAGAIN;
    return UC_OK;
}

static void transmit(struct player *p)
{
    while (p->out.len > 0) {
        ssize_t n = stream_write(p->net.connected->stream, buf_data(&p->out), p->out.len);
        if (n <= 0)
            return;
        buf_consume(&p->out, (size_t)n);
    }
}

static int pump(struct replay *r, struct player *p)
{
    if (!p->opened || p->closed || p->gone)
        return UC_OK;
    if (!p->connected) {
        int code = net_step(&p->net, p->connect_until_ms);
        if (code == UC_AGAIN)
            return UC_OK;
        if (code != UC_OK)
            return code;
        p->connected = true;
    }
    net_pump(&p->net);
    transmit(p);
    return receive(r, p);
}

static int open_player(struct replay *r, struct player *p)
{
    if (p->opened)
        return UC_OK;
    int code = net_open(&p->net, 0);
    if (code == UC_OK)
        net_begin(&p->net, &r->url, r->addresses);
    p->opened = code == UC_OK;
    p->connect_until_ms = clock_now_ms() + r->args->connect_timeout_ms;
    return code;
}

static void close_player(struct player *p)
{
    if (p->opened && !p->closed)
        net_close(&p->net);
    p->closed = true;
}

/* ---- steps ---- */

static bool ends_head(const struct buf *head)
{
    const char *at = buf_data(head);
    return (head->len >= 4 && memcmp(at + head->len - 4, "\r\n\r\n", 4) == 0) ||
           (head->len == 2 && memcmp(at, "\r\n", 2) == 0);
}

/* Requests leave whole: a proof is of all of one. */
static int flush_head(struct replay *r, struct player *p)
{
    size_t len = p->head.len;
    size_t before = p->out.len;
    if (len == 0)
        return UC_OK;
    if (buf_append(&p->head, "", 1) != HX_OK ||
        replay_request(&p->out, &r->ids, buf_data(&p->head), len, r->device, p->net.nonce) != HX_OK)
        return UC_MEMORY;
    if (r->args->verbose)
        output_note("> ", buf_data(&p->out) + before, p->out.len - before);
    buf_consume(&p->head, p->head.len);
    return UC_OK;
}

static int do_step(struct replay *r, const struct script_step *step)
{
    struct player *p = &r->players[step->stream];
    int code = UC_OK;
    if (step->kind == SCRIPT_CLOSE) {
        code = flush_head(r, p);
        close_player(p);
        return code;
    }
    if (p->closed)
        return UC_OK;
    code = open_player(r, p);
    if (code != UC_OK || step->kind == SCRIPT_OPEN)
        return code;
    if (buf_append(&p->head, step->data, step->len) != HX_OK)
        return UC_MEMORY;
    code = ends_head(&p->head) ? flush_head(r, p) : UC_OK;
    if (p->connected && !p->gone)
        transmit(p);
    return code;
}

/* Had that line come before the step was done? `step`: NULL: the end. */
static bool is_before(const struct replay *r, const struct player *p, const struct script_line *line,
                      const struct script_step *step)
{
    if (!step)
        return true;
    bool same_clock = p->recorded->transcript == r->script.streams[step->stream].transcript;
    return line->order < step->order && (same_clock || line->at_us + CLOCKS_US < step->at_us);
}

/* All that had come before that in the transcript has come now; and what was sent has left. */
static bool has_come(const struct replay *r, const struct script_step *step)
{
    for (int i = 0; i < r->script.stream_count; i++) {
        const struct player *p = &r->players[i];
        if (p->closed || p->gone)
            continue;
        if (p->opened && (!p->connected || p->out.len > 0))
            return false;
        if (p->answered < p->recorded->count && p->answered != p->in_vain &&
            is_before(r, p, &p->recorded->lines[p->answered], step))
            return false;
    }
    return true;
}

/* The next step, or the end: when it is due at the earliest, and at the latest, whatever has come. */
static int64_t due_ms(const struct replay *r, int64_t at_us)
{
    return r->args->fast ? r->waiting_ms : r->begun_ms + at_us / 1000;
}

static int64_t latest_ms(const struct replay *r, int64_t at_us)
{
    return r->waiting_ms + (at_us - r->waiting_us) / 1000 +
           (r->args->max_time_ms ? r->args->max_time_ms : PATIENCE_MS);
}

/* What did not come for this step need not be waited for again. */
static void give_up(struct replay *r)
{
    for (int i = 0; i < r->script.stream_count; i++)
        r->players[i].in_vain = r->players[i].answered;
}

/* Does what is due. True: it is over. */
static bool go_on(struct replay *r)
{
    while (r->code == UC_OK) {
        bool end = r->next == r->script.step_count;
        const struct script_step *step = end ? NULL : &r->script.steps[r->next];
        int64_t at_us = end ? r->script.end_us : step->at_us, now_ms = clock_now_ms();
        bool ready = now_ms >= due_ms(r, at_us) && has_come(r, step);
        if (!ready && now_ms < latest_ms(r, at_us))
            return false;
        if (!ready)
            give_up(r);
        if (end)
            return true;
        r->code = do_step(r, step);
        r->next++;
        r->waiting_ms = now_ms;
        r->waiting_us = at_us;
    }
    return true;
}

static int64_t wake_ms(const struct replay *r)
{
    bool end = r->next == r->script.step_count;
    int64_t at_us = end ? r->script.end_us : r->script.steps[r->next].at_us;
    int64_t now_ms = clock_now_ms(), due = due_ms(r, at_us), latest = latest_ms(r, at_us);
    int64_t wake = due > now_ms && due < latest ? due : latest;
    return wake < now_ms + LOOK_MS ? wake : now_ms + LOOK_MS;
}

static int wait_for_all(struct replay *r)
{
    struct pollfd fds[SCRIPT_STREAMS_MAX];
    int64_t until_ms = wake_ms(r), now_ms = clock_now_ms();
    nfds_t count = 0;
    for (int i = 0; i < r->script.stream_count; i++) {
        struct player *p = &r->players[i];
        if (!p->opened || p->closed || p->gone)
            continue;
        int port_ms = udt_port_timeout_ms(p->net.port);
        if (port_ms >= 0 && now_ms + port_ms < until_ms)
            until_ms = now_ms + port_ms;
        if (!p->connected && p->net.started < p->net.count && p->net.next_ms < until_ms)
            until_ms = p->net.next_ms;
        fds[count++] = (struct pollfd){.fd = udt_port_fd(p->net.port), .events = POLLIN};
    }
    int code = wait_fds(fds, count, until_ms);
    return code == UC_TIMEOUT ? UC_OK : code;
}

static void play(struct replay *r)
{
    while (r->code == UC_OK) {
        for (int i = 0; i < r->script.stream_count && r->code == UC_OK; i++)
            r->code = pump(r, &r->players[i]);
        if (r->code != UC_OK || go_on(r))
            return;
        r->code = wait_for_all(r);
    }
}

/* ---- the whole ---- */

/* What did not come. */
static void compare_end(struct replay *r, struct player *p)
{
    if (p->line.len > 0)
        compare(r, p);
    if (p->answered < p->recorded->count) {
        const struct script_line *line = &p->recorded->lines[p->answered];
        if (differs(p, line, "has not come, nor what followed it"))
            show("then:", text_of(p, line), line->len);
    }
    if (p->opened && !p->closed && p->gone != p->recorded->ended)
        (void)differs(p, NULL,
                      p->gone ? "the nameserver has ended it, as it did not then"
                              : "the nameserver has not ended it, as it did then");
}

static int conclude(struct replay *r)
{
    int alike = 0;
    for (int i = 0; i < r->script.stream_count; i++) {
        compare_end(r, &r->players[i]);
        alike += r->players[i].differences == 0;
    }
    if (!r->args->silent)
        printf("%d of %d connections are answered as they were\n", alike, r->script.stream_count);
    fflush(stdout);
    return alike == r->script.stream_count ? UC_OK : UC_DIFFERS;
}

static int read_file(struct buf *out, const char *path, char *why, size_t cap)
{
    char data[65536];
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    size_t n;
    if (!f) {
        snprintf(why, cap, "%s: %s", path, strerror(errno));
        return UC_READ;
    }
    buf_init(out, SCRIPT_BYTES_MAX);
    int err = HX_OK;
    while (err == HX_OK && (n = fread(data, 1, sizeof data, f)) > 0)
        err = buf_append(out, data, n);
    bool failed = ferror(f);
    if (f != stdin)
        fclose(f);
    if (err == HX_OK && !failed)
        return UC_OK;
    snprintf(why, cap, "%s: %s", path, failed ? "cannot be read" : "is too long");
    return UC_READ;
}

static int prepare(struct replay *r, char *why, size_t cap)
{
    struct buf text = {.data = NULL};
    const char *because = "";
    char detail[128] = "";
    int code = url_parse(&r->url, r->args->urls[0], &because);
    if (code != UC_OK) {
        snprintf(why, cap, "%s: %s", r->args->urls[0], because);
        return code == UC_SCHEME ? UC_URL : code;
    }
    code = read_file(&text, r->args->replay, why, cap);
    if (code == UC_OK) {
        code = script_read(&r->script, buf_data(&text), text.len, detail, sizeof detail);
        if (code != UC_OK)
            snprintf(why, cap, "%s: %s", r->args->replay, detail);
    }
    buf_free(&text);
    if (code != UC_OK)
        return code;
    code = resolve(&r->addresses, r->url.host, r->url.port, r->args->family,
                   clock_now_ms() + r->args->connect_timeout_ms, &because);
    if (code != UC_OK)
        snprintf(why, cap, "Could not resolve host: %s (%s)", r->url.host, because);
    return code;
}

static const char *failure(int code)
{
    return code == UC_MEMORY    ? "Out of memory"
           : code == UC_TIMEOUT ? "Connection timed out"
           : code == UC_LOCAL   ? "Cannot open a UDP port"
                                : "Failed to connect";
}

static void begin(struct replay *r)
{
    replay_ids_init(&r->ids);
    r->waiting_ms = clock_now_ms();
    r->waiting_us = r->script.steps[0].at_us;
    r->begun_ms = r->waiting_ms - r->waiting_us / 1000;
    for (int i = 0; i < r->script.stream_count; i++) {
        struct player *p = &r->players[i];
        p->recorded = &r->script.streams[i];
        p->in_vain = SIZE_MAX;
        p->net.verbose = r->args->verbose;
        buf_init(&p->head, 0);
        buf_init(&p->out, 0);
        buf_init(&p->line, 0);
    }
}

static void clean_up(struct replay *r)
{
    for (int i = 0; i < r->script.stream_count; i++) {
        struct player *p = &r->players[i];
        close_player(p);
        buf_free(&p->head);
        buf_free(&p->out);
        buf_free(&p->line);
    }
    script_free(&r->script);
    if (r->addresses)
        freeaddrinfo(r->addresses);
    url_free(&r->url);
}

int replay_run(const struct args *args, const struct identity *device)
{
    char why[512] = "";
    struct replay *r = calloc(1, sizeof *r);
    if (!r)
        return UC_MEMORY;
    r->args = args;
    r->device = device;
    r->code = prepare(r, why, sizeof why);
    if (r->code == UC_OK) {
        begin(r);
        play(r);
        if (r->code == UC_OK)
            r->code = conclude(r);
        else if (r->code < UC_SIGNAL)
            snprintf(why, sizeof why, "%s", failure(r->code));
    }
    if (why[0] != '\0')
        fprintf(stderr, "udtcurl: (%d) %s\n", r->code, why);
    int code = r->code;
    clean_up(r);
    free(r);
    return code;
}
