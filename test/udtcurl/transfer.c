#include "test/udtcurl/transfer.h"
#include "base/buf.h"
#include "base/clock.h"
#include "proto/response.h"
#include "shim/udt/udt.h"
#include "test/udtcurl/args.h"
#include "test/udtcurl/codes.h"
#include "test/udtcurl/compose.h"
#include "test/udtcurl/net.h"
#include "test/udtcurl/output.h"
#include "test/udtcurl/resolve.h"
#include "test/udtcurl/wait.h"
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define READ_BYTES 65536
/* The stream may say that it has ended a moment before the event tells whether in order. */
#define GRACE_MS 250

/* In the order of a transfer. */
enum transfer_state { TRANSFER_RESOLVE, TRANSFER_CONNECT, TRANSFER_SEND, TRANSFER_RECEIVE, TRANSFER_DONE };

struct transfer {
    struct transfer_result *result;
    struct net *net;
    const struct args *args;
    struct url url;
    enum transfer_state state;
    struct output output;
    struct buf request; /* what is not yet sent */
    struct buf line;    /* of the head, as far as it has come */
    struct response_reader *reader;
    int write_code;  /* what the output said inside a callback */
    int write_errno; /* with UC_WRITE: why */
    int64_t start_us;
    int64_t connect_until_ms, until_ms; /* -1: none */
    bool asked_again;                   /* with a proof, since the first answer wanted one */
    bool asks;                          /* the answer wants one: it is not shown, and asked again */
    bool reused;                        /* the connection served an earlier URL */
    bool keep;                          /* the connection may serve the next */
    uint64_t answered;                  /* bytes that came */
};

static int64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

__attribute__((format(printf, 3, 4))) static int fail(struct transfer *t, int code, const char *fmt, ...)
{
    va_list list;
    va_start(list, fmt);
    vsnprintf(t->result->message, sizeof t->result->message, fmt, list);
    va_end(list);
    return code;
}

/* Gives `code` its message where the place that found it knows none. */
static int explain(struct transfer *t, int code)
{
    int64_t ms = (now_us() - t->start_us) / 1000;
    if (t->result->message[0] != '\0')
        return code;
    switch (code) {
    case UC_TIMEOUT:
        if (t->state <= TRANSFER_CONNECT)
            return fail(t, code, "Connection timed out after %" PRId64 " milliseconds", ms);
        return fail(t, code,
                    "Operation timed out after %" PRId64 " milliseconds with %" PRIu64 " bytes received", ms,
                    t->result->report.size_download);
    case UC_WRITE:
        return fail(t, code, "Failure writing output to %s: %s", output_name(&t->output),
                    strerror(t->write_errno));
    case UC_MEMORY:
        return fail(t, code, "Out of memory");
    default:
        return code;
    }
}

/* Output with the transfer's deadline; the first failure stays. */
static void put(struct transfer *t, const void *data, size_t len)
{
    if (t->write_code != UC_OK)
        return;
    t->write_code = output_write(&t->output, data, len, t->until_ms);
    t->write_errno = t->output.error;
}

static void on_body(void *user, const char *data, size_t len)
{
    struct transfer *t = user;
    if (t->args->raw || t->asks)
        return;
    t->result->report.size_download += len;
    put(t, data, len);
}

static int step_resolve(struct transfer *t)
{
    int64_t until_ms = t->connect_until_ms;
    const char *why = "";
    struct addrinfo *addresses;
    int err;
    if (net_reusable(t->net, &t->url)) {
        if (t->args->verbose)
            fprintf(stderr, "* Re-using existing connection #%u with host %s\n", t->net->number, t->url.host);
        t->reused = true;
        t->state = TRANSFER_SEND;
        return UC_OK;
    }
    err = resolve(&addresses, t->url.host, t->url.port, t->args->family, until_ms, &why);
    if (err == UC_RESOLVE)
        return fail(t, err, "Could not resolve host: %s (%s)", t->url.host, why);
    if (err != UC_OK)
        return err;
    err = net_open(t->net, t->args->local_port);
    if (err == UC_OK)
        net_begin(t->net, &t->url, addresses);
    freeaddrinfo(addresses);
    if (err == UC_LOCAL)
        return fail(t, err, "Cannot use local port %u: %s", t->args->local_port, strerror(errno));
    t->state = TRANSFER_CONNECT;
    return err;
}

static int step_connect(struct transfer *t)
{
    int err = net_step(t->net, t->connect_until_ms);
    if (err == UC_CONNECT)
        return fail(t, err, "Failed to connect to %s port %u after %" PRId64 " ms: refused", t->url.host,
                    t->url.port, (now_us() - t->start_us) / 1000);
    if (err != UC_OK)
        return err;
    t->result->report.num_connects++;
    t->result->report.connect_us = now_us() - t->start_us;
    t->state = TRANSFER_SEND;
    return UC_OK;
}

static int begin_answer(struct transfer *t)
{
    bool head = strcmp(compose_method(t->args), "HEAD") == 0;
    struct response_callbacks callbacks = {.on_body = on_body, .user = t};
    t->result->report.remote = t->net->connected->peer;
    net_local(t->net, &t->result->report.local);
    const struct identity *key = t->net->nonce[0] ? t->net->device : NULL;
    if (compose_request(&t->request, t->args, &t->url, key, t->net->nonce) != HX_OK ||
        response_reader_create(&t->reader, head, &callbacks) != HX_OK)
        return UC_MEMORY;
    t->net->nonce[0] = '\0';
    if (t->args->verbose)
        output_note("> ", buf_data(&t->request), t->request.len);
    return UC_OK;
}

static int step_send(struct transfer *t)
{
    if (!t->reader) {
        int err = begin_answer(t);
        if (err != UC_OK)
            return err;
    }
    ssize_t n = stream_write(t->net->connected->stream, buf_data(&t->request), t->request.len);
    if (n == HX_EAGAIN)
        return UC_AGAIN;
    if (n > 0)
        buf_consume(&t->request, (size_t)n);
    if (n < 0 || t->request.len == 0) /* a peer that has closed may have answered before */
        t->state = TRANSFER_RECEIVE;
    return UC_OK;
}

/* Whether the connection outlives the answer (RFC 9112, 9.3). */
static void note_persistence(struct transfer *t, const char *line)
{
    static const char name[] = "Connection:";
    if (strncmp(line, "HTTP/", strlen("HTTP/")) == 0)
        t->keep = strncmp(line, "HTTP/1.1", strlen("HTTP/1.1")) == 0;
    else if (strncasecmp(line, name, strlen(name)) == 0 && strcasestr(line + strlen(name), "close"))
        t->keep = false;
}

static int end_line(struct transfer *t)
{
    size_t len = t->line.len;
    if (t->args->verbose)
        output_note("< ", buf_data(&t->line), len);
    if (t->args->include)
        put(t, buf_data(&t->line), len);
    if (buf_append(&t->line, "", 1) != HX_OK) /* the NUL */
        return UC_MEMORY;
    note_persistence(t, buf_data(&t->line));
    buf_consume(&t->line, len + 1);
    return t->write_code;
}

static int end_head(struct transfer *t, const struct response_head *head)
{
    struct transfer_result *r = t->result;
    r->report.status = head->status;
    snprintf(r->content_type, sizeof r->content_type, "%s", head->content_type);
    memcpy(t->net->nonce, head->nonce, sizeof t->net->nonce);
    t->asks = head->status == 401 && head->nonce[0] && t->net->device && !t->asked_again && t->keep;
    if (t->asks)
        return UC_OK;
    if (t->args->fail && head->status >= 400)
        return fail(t, UC_STATUS, "The requested URL returned error: %d", head->status);
    return UC_OK;
}

/* Heads are fed line by line, so that what is shown of them, 1xx ones included, is cut where they end. */
static int take_head(struct transfer *t, const char **data, size_t *len)
{
    const char *end = memchr(*data, '\n', *len);
    size_t piece = end ? (size_t)(end + 1 - *data) : *len;
    ssize_t n = response_reader_feed(t->reader, *data, piece);
    int err = UC_OK;
    if (buf_append(&t->line, *data, piece) != HX_OK)
        return fail(t, UC_WEIRD, "A header line of the answer is too long");
    if (n < 0) {
        if (t->args->verbose)
            output_note("< ", buf_data(&t->line), t->line.len);
        return fail(t, UC_WEIRD, "Weird server reply: %s", hx_error_text((int)n));
    }
    *data += piece;
    *len -= piece;
    if (end)
        err = end_line(t);
    if (err == UC_OK && response_reader_head(t->reader))
        err = end_head(t, response_reader_head(t->reader));
    return err;
}

static int take_body(struct transfer *t, const char **data, size_t *len)
{
    ssize_t n = response_reader_feed(t->reader, *data, *len);
    size_t shown = n < 0 ? *len : (size_t)n;
    if (t->args->raw && !t->asks) {
        t->result->report.size_download += shown;
        put(t, *data, shown);
    }
    if (t->write_code != UC_OK)
        return t->write_code;
    if (n < 0)
        return fail(t, UC_BROKEN, "Malformed body: %s", hx_error_text((int)n));
    *data += n;
    *len -= (size_t)n;
    return UC_OK;
}

/* As curl's --digest does, on the same connection. */
static int ask_again(struct transfer *t)
{
    response_reader_destroy(t->reader);
    t->reader = NULL;
    t->asks = false;
    t->asked_again = true;
    t->state = TRANSFER_SEND;
    return UC_OK;
}

static int end_answer(struct transfer *t)
{
    if (t->asks)
        return ask_again(t);
    put(t, "", 0); /* the output file exists even if the body is empty */
    t->state = TRANSFER_DONE;
    return t->write_code;
}

static int take(struct transfer *t, const char *data, size_t len)
{
    int err = UC_OK;
    while (len > 0 && err == UC_OK && !response_reader_done(t->reader))
        err = response_reader_head(t->reader) ? take_body(t, &data, &len) : take_head(t, &data, &len);
    if (err != UC_OK || !response_reader_done(t->reader))
        return err;
    if (len > 0 && !t->asks) {
        t->keep = false;
        if (t->args->verbose)
            fprintf(stderr, "* Excess of %zu bytes after the answer\n", len);
    }
    return end_answer(t);
}

/* Whether the peer has closed its end, or just is not there any more. */
static bool closed_in_order(struct transfer *t)
{
    int64_t until_ms = clock_now_ms() + GRACE_MS;
    int err = UC_OK;
    while (err == UC_OK && !t->net->connected->peer_closed)
        err = net_wait(t->net, -1, until_ms);
    return t->net->connected->peer_closed;
}

static int end_stream(struct transfer *t, bool in_order)
{
    t->keep = false;
    if (t->answered == 0 &&
        t->reused) { /* closed while the request was on its way: once more, as RFC 9112, 9.3.1 */
        response_reader_destroy(t->reader);
        t->reader = NULL;
        buf_free(&t->request);
        net_close(t->net);
        t->reused = false;
        t->state = TRANSFER_RESOLVE;
        return UC_OK;
    }
    if (!in_order)
        return fail(t, UC_BROKEN, "Connection lost: the peer fell silent");
    if (t->answered == 0)
        return fail(t, UC_EMPTY, "Empty reply from server");
    if (!response_reader_finish(t->reader))
        return fail(t, UC_BROKEN,
                    "Connection closed in the middle of the answer, after %" PRIu64 " bytes of its body",
                    t->result->report.size_download);
    return end_answer(t);
}

static int step_receive(struct transfer *t)
{
    char data[READ_BYTES];
    ssize_t n = stream_read(t->net->connected->stream, data, sizeof data);
    if (n == HX_EAGAIN)
        return UC_AGAIN;
    if (n < 0)
        return end_stream(t, n == HX_EEOF || closed_in_order(t));
    if (t->answered == 0)
        t->result->report.starttransfer_us = now_us() - t->start_us;
    t->answered += (uint64_t)n;
    return take(t, data, (size_t)n);
}

static int64_t deadline(const struct transfer *t)
{
    return t->state <= TRANSFER_CONNECT ? t->connect_until_ms : t->until_ms;
}

static int run(struct transfer *t)
{
    static int (*const steps[])(struct transfer *) = {[TRANSFER_RESOLVE] = step_resolve,
                                                      [TRANSFER_CONNECT] = step_connect,
                                                      [TRANSFER_SEND] = step_send,
                                                      [TRANSFER_RECEIVE] = step_receive};
    int err = UC_OK;
    while (err == UC_OK && t->state != TRANSFER_DONE) {
        if (deadline(t) >= 0 && clock_now_ms() >= deadline(t))
            return UC_TIMEOUT;
        err = steps[t->state](t);
        if (err == UC_AGAIN)
            err = net_wait(t->net, output_fd(&t->output), deadline(t));
        if (err == UC_WRITE && t->write_code == UC_OK)
            t->write_errno = errno;
    }
    return err;
}

static void set_deadlines(struct transfer *t)
{
    int64_t now_ms = clock_now_ms() + 1; /* the clock's fraction is cut: never too early */
    t->until_ms = t->args->max_time_ms ? now_ms + t->args->max_time_ms : -1;
    t->connect_until_ms = now_ms + t->args->connect_timeout_ms;
    if (t->until_ms >= 0 && t->until_ms < t->connect_until_ms)
        t->connect_until_ms = t->until_ms;
}

static void clean_up(struct transfer *t, int code)
{
    if (code == UC_OK && t->keep) {
        if (t->args->verbose)
            fprintf(stderr, "* Connection #%u to host %s left intact\n", t->net->number, t->net->host);
    } else {
        net_close(t->net);
    }
    response_reader_destroy(t->reader);
    buf_free(&t->request);
    buf_free(&t->line);
    url_free(&t->url);
    t->result->report.total_us = now_us() - t->start_us;
    t->result->report.exit_code = code;
}

int transfer_run(struct transfer_result *out, struct net *n, const struct args *a, const char *text,
                 const char *output)
{
    struct transfer t = {.result = out, .net = n, .args = a, .start_us = now_us()};
    const char *why;
    int code;
    memset(out, 0, sizeof *out);
    out->report.url = text;
    out->report.content_type = out->content_type;
    out->report.error_message = out->message;
    buf_init(&t.request, 0);
    buf_init(&t.line, RESPONSE_HEAD_MAX + 1);
    output_open(&t.output, output);
    set_deadlines(&t);
    code = url_parse(&t.url, text, &why);
    if (code != UC_OK)
        fail(&t, code, "%s: %s", text, why);
    else
        code = run(&t);
    if (output_close(&t.output) != UC_OK && code == UC_OK) {
        t.write_errno = t.output.error;
        code = UC_WRITE;
    }
    explain(&t, code);
    clean_up(&t, code);
    return code;
}
