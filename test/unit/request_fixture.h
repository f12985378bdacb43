/* test/unit/request_fixture.h: what the parser of requests makes of a text, however that is cut, as
 * text. Brings cmocka. */
#ifndef HX_TEST_REQUEST_FIXTURE_H
#define HX_TEST_REQUEST_FIXTURE_H

#include "base/buf.h"
#include "base/error.h"
#include "proto/request.h"
#include "test/unit/cuts.h"

struct run {
    struct request_parser *parser;
    struct account *account;
    bool dead;
};

static inline void account_peer(struct account *a, const struct request *q, const struct peer_fields *peer)
{
    char id[SESSION_ID_TEXT_MAX], lines[PEER_FIELDS_TEXT_MAX];

    if (q->target == REQUEST_CONNECT && q->has_session) {
        session_id_format(q->session, id);
        account_add(a, "Session: %s\r\n", id);
    }
    if (peer) {
        peer_fields_format(peer, lines);
        account_add(a, "%s", lines);
    }
}

static inline void account_result(struct run *r, enum request_result result)
{
    static const char *const targets[] = {"/", "/bind", "/connect", "/join"};
    const struct request *q = request_parser_request(r->parser);
    const struct request_refusal *f = request_parser_refusal(r->parser);

    if (result == REQUEST_DONE) {
        account_add(r->account, "%s", targets[q->target]);
        if (*q->host_id)
            account_add(r->account, " id=%s", q->host_id);
        if (*q->name)
            account_add(r->account, " name=%s", q->name);
        if (q->wait_s)
            account_add(r->account, " wait=%d", q->wait_s);
        if (q->expect)
            account_add(r->account, " expect=%d", q->expect);
        if (q->target == REQUEST_JOIN && q->has_session) {
            char id[SESSION_ID_TEXT_MAX];
            session_id_format(q->session, id);
            account_add(r->account, " mine=%s", id);
        }
        account_add(r->account, "%s", q->relayed ? " relayed" : "");
        account_add(r->account, "%s%s\n", q->head ? " head" : "", q->close ? " close" : "");
        account_peer(r->account, q, request_parser_peer(r->parser));
    } else if (result == REQUEST_REFUSED) {
        assert_non_null(f->text);
        assert_null(strpbrk(f->text, "\r\n"));
        account_add(r->account, "%d%s%s\n", f->status, f->head ? " head" : "", f->fatal ? " fatal" : "");
        r->dead = f->fatal;
    }
}

static inline void feed(void *user, const char *data, size_t len)
{
    struct run *r = user;

    while (len > 0 && !r->dead) {
        size_t taken = SIZE_MAX;
        enum request_result result = request_parser_feed(r->parser, data, len, &taken);
        assert_true(taken <= len);
        if (result == REQUEST_MORE)
            assert_int_equal(taken, len);
        account_result(r, result);
        data += taken;
        len -= taken;
    }
}

static inline void run(const struct cuts *c, struct account *a)
{
    struct run r = {.account = a};

    assert_int_equal(request_parser_create(&r.parser), HX_OK);
    feed_cuts(c, feed, &r);
    if (request_parser_started(r.parser) && !r.dead)
        account_add(a, "more\n");
    request_parser_destroy(r.parser);
}

static inline void check_bytes(const char *data, size_t len, const char *expected)
{
    check_every_cut_of(data, len, expected, run);
}

static inline void check(const char *text, const char *expected)
{
    check_bytes(text, strlen(text), expected);
}

struct row {
    const char *text;
    const char *expected;
};
#define CHECK_ROWS(check, rows)                                   \
    for (size_t i = 0; i < sizeof(rows) / sizeof((rows)[0]); i++) \
    check((rows)[i].text, (rows)[i].expected)

/* A well-formed GET for `target`, answered with `expected`. */
static inline void check_target(const char *target, const char *expected)
{
    char text[REQUEST_LINE_MAX + 64];
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\n\r\n", target);
    check(text, expected);
}

#define GET    "GET / HTTP/1.1\r\n"
#define PREFER "GET /connect?host_id=a HTTP/1.1\r\nPrefer: "

/* A GET for `target` is refused, and the request behind it is answered. */
static inline void check_refused(const char *target)
{
    char text[256];

    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\n\r\n" GET "\r\n", target);
    check(text, "400\n/\n");
}

#endif
