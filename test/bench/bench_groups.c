/* bench_groups: sessions of several members each (/join), thousands of UDT clients in one thread
 * (test/bench/udtraw.h). Each run prints one line of "key=value" pairs. Talks to 127.0.0.1:PORT only.
 *
 *   bench_groups newcomers PORT PID SESSIONS MEMBERS AT_ONCE SETTLE_S
 *       all but the last member of each session; then the last ones, AT_ONCE of them under way: from a
 *       newcomer's request until it knows all, and all know it. Memory is that of process PID.
 *   bench_groups together PORT MEMBERS TIMES
 *       MEMBERS connections that ask in the same moment, until each knows all */
#include "test/bench/measure.h"
#include "test/bench/udtraw.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOCKETS         16
#define FILL_AT_ONCE    64
#define WAIT_S          120
#define MEMBER          "\nMember: "
#define PIECE           (sizeof MEMBER - 1 + 1) /* what may be cut off: the word's first letter tells */
#define CANDIDATE_FIELD "Candidate: 10.0.0.1:1 host\r\n"

struct member { /* of the client at the same place */
    uint32_t session, number;
    size_t kept; /* bytes of its stream's end: a line may be cut by a packet's */
    char end[PIECE];
};

struct session {
    uint32_t count;   /* members that were begun */
    uint32_t pending; /* parts that are awaited */
    double asked_us;
};

static struct raw_group group;
static struct member *members;
static struct session *sessions;
static struct samples us;
static uint32_t under_way, next_session, session_count, target; /* members that each session shall have */
static uint64_t failed, told;
static bool waits; /* those who are connected wait to ask */

static void begin_member(uint32_t session)
{
    struct raw_client *c = raw_connect(&group, RAW_OWN);

    if (c)
        members[c->index] = (struct member){.session = session, .number = sessions[session].count++};
    else
        die("no place for another client");
    under_way++;
}

static void ask(struct raw_client *c)
{
    struct member *m = &members[c->index];
    struct session *s = &sessions[m->session];

    s->asked_us = now_us();
    raw_ask(&group, c, "GET /join?session=s%u&expect=64&name=n%u HTTP/1.1\r\n" CANDIDATE_FIELD "\r\n",
            m->session, m->number);
}

/* The session is as the newcomer would have it: the next one may come, or another session's. */
static void begin_next(uint32_t session)
{
    if (sessions[session].count < target)
        begin_member(session);
    else if (next_session < session_count)
        begin_member(next_session++);
}

static void part_told(uint32_t session)
{
    struct session *s = &sessions[session];

    told++;
    if (s->pending == 0 || --s->pending > 0)
        return;
    samples_add(&us, now_us() - s->asked_us);
    under_way--;
    if (!waits)
        begin_next(session);
}

/* Counts the parts about others; the first letter of the word tells which they are. */
static void take(struct member *m, const char *bytes, size_t len)
{
    char text[PIECE + 65536];

    if (len > sizeof text - PIECE)
        die("a packet of %zu bytes", len);
    memcpy(text, m->end, m->kept);
    memcpy(text + m->kept, bytes, len);
    size_t all = m->kept + len, taken = 0;
    for (const char *at = text; (at = memmem(at, all - (size_t)(at - text), MEMBER, strlen(MEMBER)));) {
        size_t word = (size_t)(at - text) + strlen(MEMBER);
        if (word == all)
            break;
        if (text[word] == 's' || text[word] == 'h' || text[word] == 'j')
            part_told(m->session);
        else
            failed++;
        taken = word;
        at = text + word;
    }
    m->kept = all - taken < PIECE ? all - taken : PIECE - 1;
    memcpy(m->end, text + all - m->kept, m->kept);
}

static void event(struct raw_group *g, struct raw_client *c, enum raw_event what, const char *bytes,
                  size_t len)
{
    static const char good[] = "HTTP/1.1 200";
    struct member *m = &members[c->index];

    (void)g;
    if (what == RAW_CONNECTED) {
        if (!waits) {
            sessions[m->session].pending =
                2 * m->number + 1; /* itself, each other one, and it to each of these */
            ask(c);
        } else {
            under_way--;
        }
    } else if (what == RAW_DATA) {
        if (c->tag == 0 && (len < strlen(good) || memcmp(bytes, good, strlen(good)) != 0))
            die("refused: %.*s", (int)len, bytes);
        c->tag = 1;
        take(m, bytes, len);
    } else {
        failed++;
    }
}

static void await_all(void)
{
    double end_us = now_us() + WAIT_S * 1e6;

    while (under_way > 0 && failed == 0 && now_us() < end_us)
        raw_turn(&group, RAW_TICK_MS);
    if (under_way > 0)
        die("%u newcomers are not told of, %lu have failed", under_way, failed);
}

static void fill(uint32_t count, uint32_t at_once)
{
    target = count;
    for (next_session = 0; next_session < session_count && next_session < at_once;)
        begin_member(next_session++);
    await_all();
}

static void idle(double seconds)
{
    for (double end_us = now_us() + seconds * 1e6; now_us() < end_us;)
        raw_turn(&group, RAW_TICK_MS);
}

static void begin(uint16_t port, uint32_t session_number, uint32_t member_number)
{
    uint32_t capacity = session_number * member_number + 1024;

    session_count = session_number;
    raw_open(&group, port, 2, SOCKETS, capacity, event);
    members = calloc(capacity, sizeof *members);
    sessions = calloc(session_number, sizeof *sessions);
    if (!members || !sessions)
        die("no memory for %u members", capacity);
}

static void end(void)
{
    for (uint32_t i = 0; i < group.capacity; i++)
        if (group.clients[i].state != RAW_FREE)
            raw_end(&group, &group.clients[i]);
    raw_close(&group);
    free(members);
    free(sessions);
}

static void newcomers(char **argv)
{
    int pid = atoi(argv[3]);
    uint32_t count = (uint32_t)atoi(argv[4]), each = (uint32_t)atoi(argv[5]);
    double empty = process_resident_bytes(pid);

    begin((uint16_t)atoi(argv[2]), count, each);
    fill(each - 1, FILL_AT_ONCE);
    samples_free(&us);
    idle(atof(argv[7]));
    fill(each, (uint32_t)atoi(argv[6]));
    double p50 = samples_percentile(&us, 0.5), p99 = samples_percentile(&us, 0.99);
    idle(atof(argv[7]));
    printf("sessions=%u members=%u failed=%lu told=%lu repeated=%lu p50_ms=%.3f p99_ms=%.3f max_ms=%.3f "
           "kb_per_member=%.2f\n",
           count, each, failed, told, group.resent + group.handshakes_repeated, p50 / 1e3, p99 / 1e3,
           samples_percentile(&us, 1) / 1e3, (process_resident_bytes(pid) - empty) / 1e3 / count / each);
    end();
}

static void together(uint16_t port, uint32_t each, uint32_t times)
{
    begin(port, times, each);
    for (uint32_t i = 0; i < times; i++) {
        waits = true;
        while (sessions[i].count < each)
            begin_member(i);
        await_all();
        sessions[i].pending = each * each; /* each of itself, and of each other one */
        under_way = 1;
        for (uint32_t k = 0; k < group.capacity; k++)
            if (group.clients[k].state == RAW_OPEN && members[k].session == i)
                ask(&group.clients[k]);
        await_all();
    }
    printf("sessions=%u members=%u failed=%lu told=%lu p50_ms=%.3f max_ms=%.3f\n", times, each, failed, told,
           samples_percentile(&us, 0.5) / 1e3, samples_percentile(&us, 1) / 1e3);
    end();
}

int main(int argc, char **argv)
{
    if (argc == 8 && strcmp(argv[1], "newcomers") == 0)
        newcomers(argv);
    else if (argc == 5 && strcmp(argv[1], "together") == 0)
        together((uint16_t)atoi(argv[2]), (uint32_t)atoi(argv[3]), (uint32_t)atoi(argv[4]));
    else
        die("usage: see the head of test/bench/bench_groups.c");
    return 0;
}
