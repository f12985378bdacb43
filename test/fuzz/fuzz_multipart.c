/* Multipart bodies: the cut does not matter; each part that is told is valid, and is written and read back.
 * An odd cut takes the boundary from the input's first line. */
#include "base/buf.h"
#include "base/error.h"
#include "proto/chunk.h"
#include "proto/field.h"
#include "proto/multipart.h"
#include "test/fuzz/fuzz.h"

struct run {
    struct multipart_reader reader;
    struct fuzz_log *log;
    int err;
};

struct rewritten {
    struct multipart_reader reader;
    const struct multipart_part *expected;
    int parts;
};

static char boundary[72 + 1];

static void check_same_peer(const struct candidates *a, const struct candidates *b)
{
    FUZZ_CHECK(a->count == b->count && a->count <= 1 + CANDIDATES_TOLD_MAX);
    for (size_t i = 0; i < a->count; i++)
        FUZZ_CHECK(a->list[i].kind == b->list[i].kind && endpoint_equal(&a->list[i].at, &b->list[i].at));
}

static bool is_same_session(const struct session *a, const struct session *b)
{
    return memcmp(a->id, b->id, sizeof a->id) == 0 && memcmp(a->key, b->key, sizeof a->key) == 0 &&
           a->relay.offered == b->relay.offered && a->relay.rate == b->relay.rate &&
           a->relay.time_s == b->relay.time_s;
}

static void on_rewritten(void *user, const struct multipart_part *part)
{
    struct rewritten *r = user;

    FUZZ_CHECK(strcmp(part->name, r->expected->name) == 0);
    check_same_peer(&part->peer, &r->expected->peer);
    FUZZ_CHECK(part->session.given == r->expected->session.given);
    FUZZ_CHECK(!part->session.given || is_same_session(&part->session, &r->expected->session));
    const struct nat_mapping *m = &part->mapping, *was = &r->expected->mapping;
    FUZZ_CHECK(m->kind == was->kind && m->ports == was->ports);
    /* of what is not worth telling the rest is not told */
    FUZZ_CHECK(!nat_mapping_known(was) || (m->step == was->step && m->last_port == was->last_port));
    FUZZ_CHECK(memcmp(&part->member, &r->expected->member, sizeof part->member) == 0);
    r->parts++;
}

static void on_payload(void *user, const char *data, size_t len)
{
    struct rewritten *r = user;

    FUZZ_CHECK(multipart_reader_feed(&r->reader, data, len) == HX_OK);
}

static void check_rewritten(const struct multipart_part *part)
{
    struct peer_fields fields = {.mapping = part->mapping};
    char lines[PEER_FIELDS_TEXT_MAX];
    struct multipart_part bare = *part;
    struct rewritten r = {.expected = &bare};
    struct buf out;

    for (size_t i = 1; i < part->peer.count; i++)
        FUZZ_CHECK(candidates_add(&fields.candidates, &part->peer.list[i].at, part->peer.list[i].kind) ==
                   HX_OK);

    peer_fields_format(&fields, lines);
    buf_init(&out, 0);
    const struct session *session = part->session.given ? &part->session : NULL;
    const struct membership *m = &part->member;
    bool member = *part->name && m->event != MEMBER_UNTOLD && m->here > 0;
    if (!member)
        bare.member = (struct membership){.event = MEMBER_UNTOLD};
    FUZZ_CHECK(
        (member ? multipart_write_member(&out, part->name, &part->peer.list[0].at, m, session, lines, true)
                : multipart_write_part(&out, part->name, &part->peer.list[0].at, session, lines, true)) ==
        HX_OK);
    FUZZ_CHECK(multipart_reader_init(&r.reader, NULL, on_rewritten, &r) == HX_OK);
    struct chunk_reader chunks;
    chunk_reader_init(&chunks, on_payload, &r);
    FUZZ_CHECK(chunk_reader_feed(&chunks, buf_data(&out), out.len) == (ssize_t)out.len);
    FUZZ_CHECK(r.parts == 1);
    buf_free(&out);
}

static void on_part(void *user, const struct multipart_part *part)
{
    struct run *r = user;
    char text[ENDPOINT_TEXT_MAX];

    FUZZ_CHECK(part->name[0] == '\0' || host_id_valid(part->name, strlen(part->name)));
    FUZZ_CHECK(part->peer.list[0].at.port != 0 && part->peer.list[0].at.family != AF_UNSPEC);
    FUZZ_CHECK(part->member.event >= MEMBER_UNTOLD && part->member.event < MEMBER_EVENTS);
    FUZZ_CHECK(part->member.here >= 0 && part->member.here <= MEMBERS_MAX);
    FUZZ_CHECK(part->member.here == 0 ? part->member.expect == 0 : part->member.expect >= MEMBERS_MIN);
    FUZZ_CHECK(part->member.expect <= MEMBERS_MAX);
    fuzz_log_number(r->log, part->member.event << 16 | part->member.here << 8 | part->member.expect);
    check_rewritten(part);
    endpoint_format(&part->peer.list[0].at, text);
    fuzz_log_text(r->log, part->name);
    fuzz_log_text(r->log, text);
    FUZZ_CHECK(part->field_count <= MULTIPART_FIELDS_MAX);
    for (size_t i = 0; i < part->field_count; i++) {
        FUZZ_CHECK(field_name_valid(part->fields[i].key, strlen(part->fields[i].key)));
        FUZZ_CHECK(field_value_valid(part->fields[i].value, strlen(part->fields[i].value)));
        fuzz_log_text(r->log, part->fields[i].key);
        fuzz_log_text(r->log, part->fields[i].value);
    }
}

static void feed(void *user, const char *data, size_t len)
{
    struct run *r = user;
    int err = multipart_reader_feed(&r->reader, data, len);

    FUZZ_CHECK(r->err == 0 || err == r->err);
    r->err = err;
}

static void run(const struct fuzz_input *in, size_t step, struct fuzz_log *log)
{
    struct run r = {.log = log};

    FUZZ_CHECK(multipart_reader_init(&r.reader, boundary, on_part, &r) == HX_OK);
    fuzz_feed(in, step, feed, &r);
    fuzz_log_number(log, r.err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = fuzz_input(data, size);

    boundary[0] = '\0';
    if (in.cut & 1) {
        size_t n = 0;
        while (n < 70 && n < in.len && in.data[n] != '\n' && in.data[n] != '\r' && in.data[n] != '\0')
            n++;
        memcpy(boundary, in.data, n);
        boundary[n] = '\0';
    }
    fuzz_check_cuts(&in, run);
    return 0;
}
