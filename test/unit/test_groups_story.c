/* Any story of joins, moves, ends, slow readers and challenges in one small session: in the end what each
 * member was told adds up to who is there, and each pair has one session. */
#include "test/unit/group_fixture.h"

#define STORIES 60
#define STEPS   120
#define NAMES   6
#define PEERS   40

struct story {
    struct fixture *f;
    uint32_t random;
    struct fake_stream *peers[PEERS];
    size_t count;
};

static unsigned pick(struct story *s, unsigned n)
{
    s->random = s->random * 1664525 + 1013904223;
    return (s->random >> 16) % n;
}

static bool is_member(const struct fake_stream *p)
{
    return !p->closed && !p->gone && fixture_status(p) == 200;
}

static void come(struct story *s)
{
    char address[64], name[16], headers[256] = TELLS;
    struct fake_stream *p;

    if (s->count == PEERS)
        return;
    snprintf(address, sizeof address, "192.0.2.%u:%u", 1 + pick(s, 3), 1000 + pick(s, 4));
    snprintf(name, sizeof name, "n%u", pick(s, NAMES));
    if (pick(s, 2))
        snprintf(headers, sizeof headers, TELLS "Join-Session: %032x\r\n", name[1]);
    p = s->peers[s->count++] = fixture_peer(s->f, address);
    if (pick(s, 2))
        p->room = 1000; /* of its answer it reads little, until it is told to read on */
    join_expecting(s->f, p, name, 3, headers);
}

static void step(struct story *s)
{
    struct fake_stream *p = s->count > 0 ? s->peers[pick(s, (unsigned)s->count)] : NULL;
    unsigned what = pick(s, 10);

    if (!p || what < 4)
        come(s);
    else if (what == 4)
        fixture_close(s->f, p);
    else if (what == 5)
        p->gone = true; /* it is found out when it is told something */
    else if (what == 6)
        p->silent = true;
    else if (what == 7)
        p->room = p->room > 0 ? 0 : SIZE_MAX;
    else if (what == 8)
        fixture_hear(s->f, p);
    else
        fixture_pass(s->f, 200 * pick(s, 6));
}

/* The names that it was told to be there, sorted; it must have been told of each one's end before it comes
 * again. */
static void check_told(const struct fake_stream *p, bool there[NAMES])
{
    memset(there, 0, NAMES * sizeof *there);
    for (const char *at = told(p); *at; at = strchr(at, '\n') + 1) {
        char event[16];
        unsigned n;
        assert_int_equal(sscanf(at, "n%u %15s ", &n, event), 2);
        assert_true(n < NAMES);
        if (strcmp(event, "waited") == 0)
            continue;
        bool comes = strcmp(event, "moved") != 0 && strcmp(event, "left") != 0;
        if (there[n] == comes)
            fail_msg("told out of order:\n%s", told(p));
        there[n] = strcmp(event, "left") != 0;
    }
}

static const char *own_name(const struct fake_stream *p)
{
    static char name[8];

    snprintf(name, sizeof name, "%.2s", told(p));
    return name;
}

static void check_pair(const struct fake_stream *a, const struct fake_stream *b)
{
    char one[8], other[8];

    strcpy(one, own_name(a));
    strcpy(other, own_name(b));
    assert_string_equal(session_with(a, other), session_with(b, one));
    assert_string_not_equal(session_with(a, other), "");
}

static void check_end(struct story *s)
{
    bool expected[NAMES] = {false}, there[NAMES];
    size_t members = 0;

    for (size_t i = 0; i < s->count; i++) {
        struct fake_stream *p = s->peers[i];
        p->silent = false;
        p->room = SIZE_MAX;
        if (p->gone && !p->closed)
            fixture_close(s->f, p);
        fixture_hear(s->f, p);
    }
    fixture_pass(s->f, 2000); /* challenges are over */
    for (size_t i = 0; i < s->count; i++)
        fixture_ready(s->f, s->peers[i]);
    for (size_t i = 0; i < s->count; i++)
        if (is_member(s->peers[i])) {
            members++;
            expected[own_name(s->peers[i])[1] - '0'] = true;
        }
    for (size_t i = 0; i < s->count; i++) {
        if (!is_member(s->peers[i]))
            continue;
        check_told(s->peers[i], there);
        assert_memory_equal(there, expected, sizeof there);
        for (size_t k = 0; k < i; k++)
            if (is_member(s->peers[k]))
                check_pair(s->peers[i], s->peers[k]);
    }
    check_totals(s->f, members > 0, members);
}

static void what_each_was_told_adds_up_to_who_is_there(void **state)
{
    struct fixture *f = *state;

    f->config.rate_per_address = f->config.introductions_per_source = f->config.introductions_per_name = 0;
    f->config.max_members = NAMES - 1;
    f->config.max_queue_bytes = 2048; /* what is told later is computed later */
    for (uint32_t i = 0; i < STORIES; i++) {
        struct story s = {.f = f, .random = i};
        fixture_server(f);
        for (int n = 0; n < STEPS; n++)
            step(&s);
        check_end(&s);
        for (size_t k = 0; k < s.count; k++)
            fixture_close(f, s.peers[k]);
        check_totals(f, 0, 0);
        for (size_t k = 0; k < f->peer_count; k++) {
            fake_stream_free(f->peers[k]);
            free(f->peers[k]);
        }
        f->peer_count = 0;
    }
    assert_true(counted(f, COUNTER_MEMBER_MOVED) > 20);
    assert_true(counted(f, COUNTER_MEMBER_REPLACED) > 20);
    assert_true(counted(f, COUNTER_REFUSED_MEMBER_HELD) > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_each_was_told_adds_up_to_who_is_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
