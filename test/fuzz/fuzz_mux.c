/* HTTP/2 from a peer that has the key: whatever it sends, each stream's owner is told of a request first and
 * of its close last and once, nothing grows beyond its bound, and a mux that says HX_EPROTO is done once its
 * GOAWAY has left.
 *
 * The first byte says what the mux is, and what its owners do. The rest is the peer's bytes. */
#include "client/mux/mux.h"
#include "test/fuzz/fuzz.h"

#define CLIENT      1 /* else a server */
#define BEGUN       2 /* the peer's preface and SETTINGS have come */
#define READS       4 /* owners read what comes */
#define ANSWERS     8
#define RESETS      16 /* owners reset streams from within callbacks */
#define ENDS        32
#define OWNERS_MAX  4096
#define STREAMS_ALL (2 * MUX_STREAMS_MAX) /* those that are over but unread, too */

struct owner {
    struct run *run;
    struct mux_stream *s; /* NULL: closed, or reset by us */
};

struct run {
    struct mux *m;
    uint8_t mode;
    int err;
    size_t count;
    struct owner owners[OWNERS_MAX];
};

static const struct mux_stream_events stream_events;

static void reset(struct owner *o)
{
    mux_stream_reset(o->s, 8);
    o->s = NULL;
}

static void on_readable(void *user)
{
    struct owner *o = user;
    char data[3000];
    ssize_t n = HX_EAGAIN;

    FUZZ_CHECK(o->s);
    while ((o->run->mode & READS) && (n = mux_stream_read(o->s, data, sizeof data)) > 0)
        if (mux_stream_write(o->s, data, (size_t)n) < 0)
            break;
    if (n == HX_EEOF && (o->run->mode & ENDS))
        mux_stream_end(o->s);
    else if (n == HX_EEOF && (o->run->mode & RESETS))
        reset(o);
}

static void on_writable(void *user)
{
    struct owner *o = user;

    FUZZ_CHECK(o->s);
    FUZZ_CHECK(mux_stream_unsent(o->s) < MUX_UNSENT_MAX);
}

static void on_closed(void *user, int error, uint32_t code)
{
    struct owner *o = user;

    FUZZ_CHECK(o->s);
    FUZZ_CHECK(error == HX_ECLOSED || (error == HX_OK && code == 0));
    o->s = NULL;
}

static void check_message(const struct mux_message *m, const char *first)
{
    size_t bytes = 0;

    FUZZ_CHECK(m->count <= MUX_FIELDS_MAX);
    for (size_t i = 0; i < m->count; i++) {
        FUZZ_CHECK(strlen(m->fields[i].value) <= MUX_VALUE_MAX);
        FUZZ_CHECK(!strpbrk(m->fields[i].value, "\r\n"));
        bytes += strlen(m->fields[i].name) + strlen(m->fields[i].value);
    }
    FUZZ_CHECK(bytes <= MUX_HEADERS_MAX);
    FUZZ_CHECK(mux_field(m, first));
}

static void on_headers(void *user, const struct mux_message *m)
{
    struct owner *o = user;

    FUZZ_CHECK(o->s);
    check_message(m, ":status");
    if (o->run->mode & RESETS)
        reset(o);
}

static const struct mux_stream_events stream_events = {
    .headers = on_headers, .readable = on_readable, .writable = on_writable, .closed = on_closed};

static struct owner *new_owner(struct run *r)
{
    if (r->count == OWNERS_MAX)
        return NULL;
    struct owner *o = &r->owners[r->count++];
    o->run = r;
    return o;
}

static void on_request(void *user, struct mux_stream *s, const struct mux_message *m)
{
    static const struct mux_field field = {":status", "200"};
    struct run *r = user;
    struct owner *o = new_owner(r);
    struct mux_message response = {&field, 1, r->mode & ENDS};

    check_message(m, ":method");
    FUZZ_CHECK(mux_stream_count(r->m) <= STREAMS_ALL);
    if (!o)
        return;
    o->s = s;
    mux_stream_own(s, &stream_events, o);
    if (r->mode & ANSWERS)
        FUZZ_CHECK(mux_respond(s, &response) == HX_OK);
    if ((r->mode & RESETS) && r->count % 2)
        reset(o);
}

/* All that it has to say. */
static void hear(struct run *r)
{
    const uint8_t *data;
    ssize_t n;

    while ((n = mux_send(r->m, &data)) > 0)
        FUZZ_CHECK(data[0] == data[0] && data[n - 1] == data[n - 1]); /* it may be read */
    FUZZ_CHECK(r->err == HX_OK || n == r->err);
    if (r->err == HX_OK)
        r->err = (int)n;
    FUZZ_CHECK(!mux_wants_send(r->m));
}

static void feed(void *user, const char *data, size_t len)
{
    struct run *r = user;
    int err = mux_receive(r->m, (const uint8_t *)data, len);

    FUZZ_CHECK(err == HX_OK || err == HX_EPROTO || err == HX_EFLOOD);
    FUZZ_CHECK(r->err == HX_OK || err == r->err);
    r->err = err;
    FUZZ_CHECK(mux_stream_count(r->m) <= STREAMS_ALL);
    hear(r);
}

static void ask(struct run *r)
{
    const struct mux_field fields[] = {{":method", "CONNECT"}, {":authority", "host:22"}};
    const struct mux_message m = {fields, 2, false};

    for (int i = 0; i < 3; i++) {
        struct owner *o = new_owner(r);
        FUZZ_CHECK(o && mux_request(r->m, &o->s, &m, &stream_events, o) == HX_OK);
        FUZZ_CHECK(mux_stream_write(o->s, "0123456789", 10) == 10);
    }
    FUZZ_CHECK(mux_ping(r->m, 0) == HX_OK);
}

static void begin(struct run *r)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    static const char settings[18] = {0, 0, 0, 4, 0, 0, 0, 0, 0, /* and its ACK: */ 0, 0, 0, 4, 1};

    if (!(r->mode & CLIENT))
        feed(r, preface, sizeof preface - 1);
    feed(r, settings, sizeof settings);
    FUZZ_CHECK(r->err == HX_OK);
}

static void run(const struct fuzz_input *in, size_t step)
{
    static const struct mux_events events = {.request = on_request};
    struct run *r = calloc(1, sizeof *r);

    FUZZ_CHECK(r);
    r->mode = (uint8_t)in->data[0];
    FUZZ_CHECK(mux_create(&r->m, r->mode & CLIENT, &events, r) == HX_OK);
    if (r->mode & CLIENT)
        ask(r);
    hear(r);
    if (r->mode & BEGUN)
        begin(r);
    struct fuzz_input rest = {in->data + 1, in->len - 1, in->cut < in->len ? in->cut : 0};
    fuzz_feed(&rest, step, feed, r);
    mux_goaway(r->m);
    if (r->err == HX_OK)
        hear(r);
    mux_destroy(r->m);
    for (size_t i = 0; i < r->count; i++)
        FUZZ_CHECK(!r->owners[i].s);
    free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = fuzz_input(data, size);

    if (in.len < 1)
        return 0;
    run(&in, in.len);
    run(&in, 7);
    return 0;
}
