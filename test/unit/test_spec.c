/* The specification's exchanges, byte for byte (test/spec): writers write them, parsers read them. Run from
 * the root of the tree. */
#include "base/buf.h"
#include "base/error.h"
#include "proto/multipart.h"
#include "proto/request.h"
#include "proto/response.h"
#include "secure/identity.h"
#include "server/reply.h"
#include "test/unit/cuts.h"

#ifndef TEST_SPEC_DIR
#define TEST_SPEC_DIR "test/spec"
#endif

#define H1 "203.0.113.10:40001"
#define H2 "198.51.100.20:40002"

struct transcript {
    size_t len;
    char text[4096];
};

static struct transcript load(const char *name)
{
    struct transcript t = {0};
    char path[256];

    snprintf(path, sizeof path, TEST_SPEC_DIR "/%s.txt", name);
    FILE *f = fopen(path, "rb");
    if (!f)
        fail_msg("%s: cannot be opened; run from the root of the tree", path);
    t.len = fread(t.text, 1, sizeof t.text - 1, f);
    fclose(f);
    assert_true(t.len > 0 && t.len < sizeof t.text - 1);
    return t;
}

static void check_written(const struct buf *out, const char *name)
{
    struct transcript t = load(name);

    if (out->len != t.len || memcmp(buf_data(out), t.text, t.len) != 0)
        fail_msg("%s: expected\n%s\ngot\n%.*s", name, t.text, (int)out->len, buf_data(out));
}

static struct endpoint endpoint(const char *text)
{
    struct endpoint e;

    assert_int_equal(endpoint_parse(&e, text, strlen(text)), HX_OK);
    return e;
}

/* The parser's result for the transcript, which it must take to its last byte; the caller destroys it. */
static struct request_parser *read_request(const char *name, enum request_result expected)
{
    struct transcript t = load(name);
    struct request_parser *p;

    assert_int_equal(request_parser_create(&p), HX_OK);
    size_t taken;
    assert_int_equal(request_parser_feed(p, t.text, t.len, &taken), expected);
    if (expected == REQUEST_DONE || !request_parser_refusal(p)->fatal)
        assert_int_equal(taken, t.len);
    return p;
}

static void check_request(const char *name, enum request_target target, const char *own_name, int wait_s)
{
    struct request_parser *p = read_request(name, REQUEST_DONE);
    const struct request *q = request_parser_request(p);

    assert_int_equal(q->target, target);
    assert_string_equal(q->host_id, "host_sweet_host");
    assert_string_equal(q->name, own_name);
    assert_int_equal(q->wait_s, wait_s);
    assert_false(q->head || q->close);
    request_parser_destroy(p);
}

static void requests_are_read(void **state)
{
    (void)state;
    check_request("bind.request", REQUEST_BIND, "", 0);
    check_request("connect.request", REQUEST_CONNECT, "", 0);
    check_request("connect-named.request", REQUEST_CONNECT, "alice@home", 30);
}

static void a_join_is_read(void **state)
{
    struct request_parser *p = read_request("join.request", REQUEST_DONE);
    const struct request *q = request_parser_request(p);

    (void)state;
    assert_int_equal(q->target, REQUEST_JOIN);
    assert_string_equal(q->host_id, "lunch");
    assert_string_equal(q->name, "bob");
    assert_int_equal(q->expect, 3);
    assert_int_equal(q->wait_s, 0);
    request_parser_destroy(p);
}

static void requests_are_written(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 0);
    assert_int_equal(request_write_bind(&out, "host_sweet_host", NULL, NULL), HX_OK);
    check_written(&out, "bind.request");
    buf_consume(&out, out.len);
    assert_int_equal(request_write_connect(&out, "host_sweet_host", NULL, NULL, NULL), HX_OK);
    check_written(&out, "connect.request");
    buf_consume(&out, out.len);
    assert_int_equal(
        request_write_connect(&out, "host_sweet_host", "alice@home", "Prefer: wait=30\r\n", NULL), HX_OK);
    check_written(&out, "connect-named.request");
    buf_consume(&out, out.len);
    assert_int_equal(request_write_join(&out, "lunch", 3, "bob", NULL, NULL), HX_OK);
    check_written(&out, "join.request");
    buf_free(&out);
}

#define ID      "0123456789abcdef0123456789abcdef"
#define SESSION ID " fedcba9876543210fedcba9876543210"

/* What the hosts of the session's transcripts tell. */
static struct peer_fields told(const char *const candidates[2], const char *mapping)
{
    struct peer_fields f = {.mapping.kind = NAT_MAPPING_UNKNOWN};
    struct candidate c;

    for (int i = 0; i < 2; i++) {
        assert_int_equal(candidate_parse(&c, candidates[i], strlen(candidates[i])), HX_OK);
        assert_int_equal(candidates_add(&f.candidates, &c.at, c.kind), HX_OK);
    }
    assert_int_equal(nat_mapping_parse(&f.mapping, mapping, strlen(mapping)), HX_OK);
    return f;
}

static struct peer_fields told_by_h1(void)
{
    static const char *const candidates[2] = {"192.168.1.2:40001 host", "203.0.113.10:40001 mapped"};

    return told(candidates, "endpoint-independent; ports=preserving");
}

static struct peer_fields told_by_h2(void)
{
    static const char *const candidates[2] = {"10.0.0.5:40002 host", "[2001:db8::5]:40002 host"};

    return told(candidates, "address-and-port-dependent; ports=sequential; step=2; last=40002");
}

static void requests_for_a_session_are_written(void **state)
{
    struct peer_fields h1 = told_by_h1(), h2 = told_by_h2();
    struct buf out;

    (void)state;
    buf_init(&out, 0);
    assert_int_equal(request_write_bind(&out, "host_sweet_host", NULL, &h1), HX_OK);
    check_written(&out, "session-bind.request");
    buf_consume(&out, out.len);
    assert_int_equal(request_write_connect(&out, "host_sweet_host", NULL, NULL, &h2), HX_OK);
    check_written(&out, "session-connect.request");
    buf_consume(&out, out.len);
    assert_int_equal(session_id_parse(h2.session.id, ID, strlen(ID)), HX_OK);
    h2.session.given = true;
    assert_int_equal(request_write_connect(&out, "host_sweet_host", NULL, NULL, &h2), HX_OK);
    check_written(&out, "session-continued.request");
    buf_consume(&out, out.len);
    h2.session.given = false;
    assert_int_equal(request_write_join(&out, "lunch", 3, "bob", NULL, &h2), HX_OK);
    check_written(&out, "session-join.request");
    buf_free(&out);
}

static void check_told(const char *name, const struct peer_fields *told, bool continued)
{
    char lines[PEER_FIELDS_TEXT_MAX], expected[PEER_FIELDS_TEXT_MAX];
    struct request_parser *p = read_request(name, REQUEST_DONE);

    assert_non_null(request_parser_peer(p));
    peer_fields_format(request_parser_peer(p), lines);
    peer_fields_format(told, expected);
    assert_string_equal(lines, expected);
    assert_int_equal(request_parser_request(p)->has_session, continued);
    request_parser_destroy(p);
}

static void requests_for_a_session_are_read(void **state)
{
    struct peer_fields h1 = told_by_h1(), h2 = told_by_h2();

    (void)state;
    check_told("session-bind.request", &h1, false);
    check_told("session-connect.request", &h2, false);
    check_told("session-continued.request", &h2, true);
    check_told("session-join.request", &h2, false);
}

struct part {
    const char *name;
    const char *peer;
    const struct peer_fields *told; /* with the session; NULL: without one */
    struct membership member;       /* of a join */
};

static void check_stream_written(const char *name, const char *external, bool reports,
                                 const struct part *parts, size_t n)
{
    struct endpoint e = endpoint(external);
    char lines[PEER_FIELDS_TEXT_MAX] = "";
    struct session session;
    struct buf out;

    assert_int_equal(session_parse(&session, SESSION, strlen(SESSION)), HX_OK);
    buf_init(&out, 0);
    assert_int_equal(response_write_stream_head(&out, &e, reports, true, ""), HX_OK);
    for (size_t i = 0; i < n; i++) {
        e = endpoint(parts[i].peer);
        if (parts[i].told)
            peer_fields_format(parts[i].told, lines);
        const struct session *given = parts[i].told ? &session : NULL;
        int err = parts[i].member.here > 0
                      ? multipart_write_member(&out, parts[i].name, &e, &parts[i].member, given, lines, true)
                      : multipart_write_part(&out, parts[i].name, &e, given, lines, true);
        assert_int_equal(err, HX_OK);
    }
    check_written(&out, name);
    buf_free(&out);
}

struct reading {
    struct multipart_reader parts;
    struct account account;
};

static void on_part(void *user, const struct multipart_part *part)
{
    struct reading *r = user;
    char text[ENDPOINT_TEXT_MAX];

    endpoint_format(&part->peer.list[0].at, text);
    account_add(&r->account, "%s=%s\n", part->name, text);
    if (part->member.here > 0)
        account_add(&r->account, "%s %d/%d\n", member_event_text(part->member.event), part->member.here,
                    part->member.expect);
    if (!part->session.given)
        return;
    char session[SESSION_TEXT_MAX], candidate[CANDIDATE_TEXT_MAX], mapping[NAT_MAPPING_TEXT_MAX];
    session_format(&part->session, session);
    nat_mapping_format(&part->mapping, mapping);
    account_add(&r->account, "[%s] %s\n", session, mapping);
    for (size_t i = 0; i < part->peer.count; i++) {
        candidate_format(&part->peer.list[i], candidate);
        account_add(&r->account, "<%s>\n", candidate);
    }
}

static void on_head(void *user, const struct response_head *head)
{
    struct reading *r = user;
    char text[ENDPOINT_TEXT_MAX];

    assert_int_equal(head->status, 200);
    assert_true(head->chunked);
    assert_string_equal(head->boundary, MULTIPART_BOUNDARY);
    endpoint_format(&head->external, text);
    account_add(&r->account, "external=%s\n", text);
    assert_int_equal(multipart_reader_init(&r->parts, head->boundary, on_part, r), HX_OK);
}

static void on_body(void *user, const char *data, size_t len)
{
    struct reading *r = user;

    assert_int_equal(multipart_reader_feed(&r->parts, data, len), HX_OK);
}

static void check_stream_read(const char *name, const char *expected)
{
    struct transcript t = load(name);
    static struct reading r;
    struct response_callbacks cb = {.on_head = on_head, .on_body = on_body, .user = &r};

    r.account.len = 0;
    struct response_reader *reader;
    assert_int_equal(response_reader_create(&reader, false, &cb), HX_OK);
    assert_int_equal(response_reader_feed(reader, t.text, t.len), t.len);
    assert_false(response_reader_done(reader)); /* the stream stays open */
    assert_string_equal(r.account.text, expected);
    response_reader_destroy(reader);
}

static void streams_are_written(void **state)
{
    static const struct part bind[] = {{"", H2, NULL, {0}}};
    static const struct part connect[] = {{"host_sweet_host", H1, NULL, {0}}, {"", H2, NULL, {0}}};
    static const struct part named[] = {{"host_sweet_host", H1, NULL, {0}}, {"alice@home", H2, NULL, {0}}};

    (void)state;
    check_stream_written("bind.response", H1, false, bind, 1);
    check_stream_written("connect.response", H2, false, connect, 2);
    check_stream_written("connect-named.response", H2, false, named, 2);
}

static void streams_are_read(void **state)
{
    (void)state;
    check_stream_read("bind.response", "external=" H1 "\n=" H2 "\n");
    check_stream_read("connect.response", "external=" H2 "\nhost_sweet_host=" H1 "\n=" H2 "\n");
    check_stream_read("connect-named.response",
                      "external=" H2 "\nhost_sweet_host=" H1 "\nalice@home=" H2 "\n");
}

static void streams_of_a_session_are_written_and_read(void **state)
{
    struct peer_fields h1 = told_by_h1(), h2 = told_by_h2();
    const struct part bind[] = {{"", H2, &h2, {0}}};
    const struct part connect[] = {{"host_sweet_host", H1, &h1, {0}}, {"", H2, NULL, {0}}};

    (void)state;
    check_stream_written("session-bind.response", H1, true, bind, 1);
    check_stream_written("session-connect.response", H2, true, connect, 2);
    check_stream_read("session-bind.response",
                      "external=" H1 "\n=" H2 "\n[" SESSION "] address-and-port-dependent; ports=sequential; "
                      "step=2; last=40002\n<" H2
                      " srflx>\n<10.0.0.5:40002 host>\n<[2001:db8::5]:40002 host>\n");
    check_stream_read("session-connect.response",
                      "external=" H2 "\nhost_sweet_host=" H1 "\n[" SESSION "] endpoint-independent; "
                      "ports=preserving\n<" H1 " srflx>\n<192.168.1.2:40001 host>\n=" H2 "\n");
}

static void streams_of_a_join_are_written_and_read(void **state)
{
    struct peer_fields h1 = told_by_h1();
    const struct part join[] = {{"bob", H2, NULL, {MEMBER_SELF, 2, 3}},
                                {"ann", H1, NULL, {MEMBER_HERE, 2, 3}},
                                {"cec", "192.0.2.30:40003", NULL, {MEMBER_JOINED, 3, 3}}};
    const struct part session[] = {{"bob", H2, NULL, {MEMBER_SELF, 2, 3}},
                                   {"ann", H1, &h1, {MEMBER_HERE, 2, 3}},
                                   {"ann", H1, NULL, {MEMBER_LEFT, 1, 3}}};

    (void)state;
    check_stream_written("join.response", H2, false, join, 3);
    check_stream_written("session-join.response", H2, true, session, 3);
    check_stream_read("join.response", "external=" H2 "\nbob=" H2 "\nself 2/3\nann=" H1
                                       "\nhere 2/3\ncec=192.0.2.30:40003\njoined 3/3\n");
    check_stream_read("session-join.response",
                      "external=" H2 "\nbob=" H2 "\nself 2/3\nann=" H1 "\nhere 2/3\n[" SESSION
                      "] endpoint-independent; ports=preserving\n<" H1
                      " srflx>\n<192.168.1.2:40001 host>\nann=" H1 "\nleft 1/3\n");
}

static void check_refusal(const char *name, const char *headers)
{
    char file[64];

    snprintf(file, sizeof file, "%s.request", name);
    struct request_parser *p = read_request(file, REQUEST_REFUSED);
    const struct request_refusal *f = request_parser_refusal(p);
    struct response_text text = {
        .status = f->status, .body = f->text, .headers = headers, .head_only = f->head, .close = f->fatal};
    struct buf out;
    buf_init(&out, 0);
    assert_int_equal(response_write_text(&out, &text), HX_OK);
    snprintf(file, sizeof file, "%s.response", name);
    check_written(&out, file);
    buf_free(&out);
    request_parser_destroy(p);
}

static void refusals_are_written(void **state)
{
    (void)state;
    check_refusal("bind-no-name", NULL);
    check_refusal("join-no-name", NULL);
    check_refusal("bad-method", "Allow: GET, HEAD\r\n");
    check_refusal("not-http", NULL);
    check_refusal("bind-session-malformed", NULL);
    check_refusal("two-hosts", NULL);
}

static void a_bind_with_a_session_is_read(void **state)
{
    static const uint8_t session[REQUEST_SESSION_BYTES] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
                                                           0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef};
    struct request_parser *p = read_request("bind-session.request", REQUEST_DONE);

    (void)state;
    assert_true(request_parser_request(p)->has_session);
    assert_memory_equal(request_parser_request(p)->session, session, sizeof session);
    request_parser_destroy(p);
}

static void check_reply(enum reply_reason reason, const char *name)
{
    struct reply reply = reply_for(reason);
    struct buf out;

    buf_init(&out, 0);
    assert_int_equal(reply_write(&out, &reply), HX_OK);
    check_written(&out, name);
    buf_free(&out);
}

static void what_the_server_refuses_is_written(void **state)
{
    (void)state;
    check_reply(REPLY_ONLY_IPV6, "connect-family.response");
    check_reply(REPLY_OFTEN_SOURCE, "connect-often.response");
}

/* Under this nonce they were signed by another implementation, with the key of RFC 8032's first test, and
 * with the hash 01 02 .. 20. */
#define NONCE "c2lnbiB0aGVzZSBieXRlcw"

static void proofs_are_read_and_right(void **state)
{
    static const char *const names[] = {"authorized.request", "authorized-shared.request"};
    uint8_t hash[IDENTITY_HASH_BYTES], id[IDENTITY_ID_BYTES];
    char message[AUTHORIZATION_MESSAGE_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof hash; i++)
        hash[i] = (uint8_t)(i + 1);
    for (size_t i = 0; i < 2; i++) {
        struct transcript t = load(names[i]);
        struct request_parser *p;
        size_t used;
        assert_int_equal(request_parser_create(&p), HX_OK);
        assert_int_equal(request_parser_read_proofs(p), HX_OK);
        assert_int_equal(request_parser_feed(p, t.text, t.len, &used), REQUEST_DONE);
        const struct request_proof *proof = request_parser_proof(p);
        assert_non_null(proof);
        size_t len = (size_t)request_proof_message(proof, false, NONCE, message);
        const struct authorization *a = &proof->authorization;
        assert_int_equal(a->key.kind, i == 0 ? AUTHORIZATION_ED25519 : AUTHORIZATION_PSK);
        if (i == 0) {
            assert_int_equal(identity_verify(a->key.bytes, message, len, a->proof), HX_OK);
        } else {
            assert_int_equal(identity_psk_id(hash, id), HX_OK);
            assert_memory_equal(a->key.bytes, id, sizeof id);
            assert_int_equal(identity_psk_verify(hash, message, len, a->proof), HX_OK);
        }
        request_parser_destroy(p);
    }
}

static void a_challenge_is_written(void **state)
{
    struct reply reply = reply_for(REPLY_UNAUTHORIZED);
    struct buf out;

    (void)state;
    reply.headers = "WWW-Authenticate: HX nonce=\"" NONCE "\"\r\n";
    buf_init(&out, 0);
    assert_int_equal(reply_write(&out, &reply), HX_OK);
    check_written(&out, "unauthorized.response");
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_are_read),
        cmocka_unit_test(a_join_is_read),
        cmocka_unit_test(requests_are_written),
        cmocka_unit_test(streams_are_written),
        cmocka_unit_test(streams_are_read),
        cmocka_unit_test(requests_for_a_session_are_written),
        cmocka_unit_test(requests_for_a_session_are_read),
        cmocka_unit_test(streams_of_a_session_are_written_and_read),
        cmocka_unit_test(streams_of_a_join_are_written_and_read),
        cmocka_unit_test(refusals_are_written),
        cmocka_unit_test(a_bind_with_a_session_is_read),
        cmocka_unit_test(what_the_server_refuses_is_written),
        cmocka_unit_test(proofs_are_read_and_right),
        cmocka_unit_test(a_challenge_is_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
