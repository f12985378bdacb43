/* Requests: the cut does not matter; what is accepted keeps its promises, and is written and read back. */
#include "base/buf.h"
#include "base/error.h"
#include "proto/request.h"
#include "test/fuzz/fuzz.h"

struct run {
    struct request_parser *parser;
    struct fuzz_log *log;
    int dead;
};

static void check_peer(const struct peer_fields *peer, const struct peer_fields *again)
{
    char lines[PEER_FIELDS_TEXT_MAX], lines_again[PEER_FIELDS_TEXT_MAX];

    FUZZ_CHECK(!peer == !again);
    if (!peer)
        return;
    FUZZ_CHECK(peer->candidates.count > 0 && peer->candidates.count <= CANDIDATES_TOLD_MAX);
    FUZZ_CHECK(peer_fields_format(peer, lines) == peer_fields_format(again, lines_again));
    FUZZ_CHECK(strcmp(lines, lines_again) == 0);
}

/* What request_write_*() makes of an accepted request is read as the same. */
static void check_rewritten(const struct request *q, const struct peer_fields *peer)
{
    struct peer_fields told = {.session.given = false};
    struct buf out;

    if (peer)
        told = *peer;
    told.session.given = q->has_session;
    memcpy(told.session.id, q->session, SESSION_BYTES);
    buf_init(&out, 0);
    struct request_parser *again;
    FUZZ_CHECK(request_parser_create(&again) == HX_OK);
    int err = q->target == REQUEST_BIND ? request_write_bind(&out, q->host_id, NULL, &told)
              : q->target == REQUEST_JOIN
                  ? request_write_join(&out, q->host_id, q->expect, q->name, NULL, &told)
                  : request_write_connect(&out, q->host_id, q->name, NULL, &told);
    FUZZ_CHECK(err == HX_OK);
    size_t taken;
    FUZZ_CHECK(request_parser_feed(again, buf_data(&out), out.len, &taken) == REQUEST_DONE);
    const struct request *q2 = request_parser_request(again);
    FUZZ_CHECK(taken == out.len && q2->target == q->target);
    FUZZ_CHECK(strcmp(q2->host_id, q->host_id) == 0 && strcmp(q2->name, q->name) == 0);
    FUZZ_CHECK(q2->expect == q->expect);
    if (q->target == REQUEST_CONNECT) { /* a bind's and a join's is in no header of these */
        FUZZ_CHECK(q2->has_session == q->has_session);
        FUZZ_CHECK(memcmp(q2->session, q->session, SESSION_BYTES) == 0);
    }
    check_peer(peer, request_parser_peer(again));
    request_parser_destroy(again);
    buf_free(&out);
}

static void check_request(const struct request *q, const struct peer_fields *peer)
{
    size_t len = strlen(q->host_id);
    size_t name_len = strlen(q->name);

    FUZZ_CHECK(q->wait_s >= 0 && q->wait_s <= REQUEST_WAIT_MAX);
    if (q->target == REQUEST_ROOT) {
        FUZZ_CHECK(len == 0 && name_len == 0 && q->expect == 0);
        return;
    }
    FUZZ_CHECK(host_id_valid(q->host_id, len));
    FUZZ_CHECK(name_len == 0 || (q->target != REQUEST_BIND && host_id_valid(q->name, name_len)));
    FUZZ_CHECK((q->target == REQUEST_JOIN) == (q->expect != 0));
    if (q->target == REQUEST_JOIN)
        FUZZ_CHECK(name_len > 0 && q->expect >= MEMBERS_MIN && q->expect <= MEMBERS_MAX);
    check_rewritten(q, peer);
}

static void log_proof(struct fuzz_log *log, const struct request *q, const struct request_proof *proof)
{
    char message[AUTHORIZATION_MESSAGE_MAX];

    if (!proof)
        return;
    FUZZ_CHECK(q->target != REQUEST_ROOT && q->target != REQUEST_TUNNEL);
    ssize_t len = request_proof_message(proof, q->head, "nonce", message);
    FUZZ_CHECK(len > 0);
    fuzz_log_text(log, message);
    fuzz_log_add(log, &proof->authorization, sizeof proof->authorization);
}

static void feed(void *user, const char *data, size_t len)
{
    struct run *r = user;

    while (len > 0 && !r->dead) {
        size_t taken = len + 1;
        enum request_result result = request_parser_feed(r->parser, data, len, &taken);
        const struct request *q = request_parser_request(r->parser);
        const struct request_refusal *f = request_parser_refusal(r->parser);
        FUZZ_CHECK(taken <= len);
        FUZZ_CHECK(result != REQUEST_MORE || taken == len);
        if (result != REQUEST_MORE) {
            FUZZ_CHECK(!request_parser_started(r->parser));
            fuzz_log_number(r->log, result);
        }
        if (result == REQUEST_DONE) {
            check_request(q, request_parser_peer(r->parser));
            fuzz_log_number(r->log, (long long)q->target << 32 | q->wait_s << 2 | q->head << 1 | q->close);
            fuzz_log_text(r->log, q->host_id);
            fuzz_log_text(r->log, q->name);
            fuzz_log_number(r->log, q->expect);
            log_proof(r->log, q, request_parser_proof(r->parser));
        } else if (result == REQUEST_REFUSED) {
            fuzz_log_number(r->log, f->status << 2 | f->head << 1 | f->fatal);
            fuzz_log_text(r->log, f->text);
            r->dead = f->fatal;
        }
        data += taken;
        len -= taken;
    }
}

static void run(const struct fuzz_input *in, size_t step, struct fuzz_log *log)
{
    struct run r = {.log = log};

    FUZZ_CHECK(request_parser_create(&r.parser) == HX_OK);
    FUZZ_CHECK(request_parser_read_proofs(r.parser) == HX_OK);
    fuzz_feed(in, step, feed, &r);
    fuzz_log_number(log, request_parser_started(r.parser));
    request_parser_destroy(r.parser);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = fuzz_input(data, size);

    fuzz_check_cuts(&in, run);
    return 0;
}
