/* bench_load: thousands of UDT clients in one thread (test/bench/udtraw.h). Each run prints one line of
 * "key=value" pairs for each thing measured. Talks to 127.0.0.1:PORT only.
 *
 *   bench_load sessions PORT SECONDS AT_ONCE              fresh connection, GET /, answer, close
 *   bench_load paced PORT SECONDS RATE                    the same, RATE a second, however long each takes
 *   bench_load echo PORT SECONDS AT_ONCE                  the same round trips with a bare UDP echo
 *   bench_load requests PORT SECONDS                      GET / after GET / on one connection, one at a time
 *   bench_load introductions PORT NAMES SECONDS AT_ONCE   both sides told, names held
 *   bench_load hold PORT own|stock SECONDS CONNECTS PID COUNT...
 *       COUNT binds held for SECONDS, then CONNECTS random names connected; then as many more as the next
 *       COUNT says. CPU and memory are those of process PID. */
#include "test/bench/measure.h"
#include "test/bench/meeting.h"
#include "test/bench/udtraw.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOCKETS     16
#define DRAIN_MS    2000 /* for what is under way when the time is over */
#define SETTLE_S    8    /* longer than SUSPEND_AFTER_MS (shim/udt/idle_suspension.h): idle since then */
#define ANSWER_END  "\r\n\r\n"
#define ECHO_ROUNDS 3 /* two handshakes and a request: what a session must wait for */
#define ECHO_BYTES  64

struct run {
    struct raw_group group;
    struct samples us;
    double end_us;
    uint64_t done, failed;
    int under_way;
    bool paced;
} run;

static void print_latency(struct samples *us)
{
    printf(" p50_ms=%.3f p99_ms=%.3f max_ms=%.3f", samples_percentile(us, 0.5) / 1e3,
           samples_percentile(us, 0.99) / 1e3, samples_percentile(us, 1) / 1e3);
}

/* --- sessions ----------------------------------------------------------------------------------------- */

static void begin_session(struct raw_group *g)
{
    if (now_us() >= run.end_us)
        return;
    if (raw_connect(g, RAW_OWN))
        run.under_way++;
}

static void session_event(struct raw_group *g, struct raw_client *c, enum raw_event event, const char *bytes,
                          size_t len)
{
    switch (event) {
    case RAW_CONNECTED:
        raw_ask(g, c, "GET / HTTP/1.1\r\n\r\n");
        return;
    case RAW_DATA: /* each side sends its answer at once, and UDT makes one packet of it */
        if (!memmem(bytes, len, ANSWER_END, strlen(ANSWER_END)))
            return;
        samples_add(&run.us, now_us() - c->begun_us);
        run.done++;
        raw_end(g, c);
        break;
    case RAW_CLOSED:
    case RAW_FAILED:
    default:
        run.failed++;
    }
    run.under_way--;
    if (!run.paced)
        begin_session(g);
}

static void print_sessions(double begun_us)
{
    printf("count=%lu failed=%lu per_second=%.0f repeated=%lu", run.done, run.failed,
           (double)run.done / (run.end_us - begun_us) * 1e6,
           run.group.resent + run.group.handshakes_repeated);
    print_latency(&run.us);
    printf("\n");
}

static void sessions(uint16_t port, double seconds, int at_once)
{
    double begun_us = now_us();

    /* A closed client's place is used again at once: more places, so that a late datagram finds nobody. */
    raw_open(&run.group, port, at_once == 1 ? 9 : 1, SOCKETS, (uint32_t)at_once + 1024, session_event);
    run.end_us = begun_us + seconds * 1e6;
    for (int i = 0; i < at_once; i++)
        begin_session(&run.group);
    while (run.under_way > 0 && now_us() < run.end_us + DRAIN_MS * 1e3)
        raw_turn(&run.group, RAW_TICK_MS);
    run.failed += (uint64_t)run.under_way;
    print_sessions(begun_us);
}

static void paced_sessions(uint16_t port, double seconds, int rate)
{
    double begun_us = now_us(), next_us = begun_us;

    raw_open(&run.group, port, 1, SOCKETS, (uint32_t)rate + 1024, session_event);
    run.end_us = begun_us + seconds * 1e6;
    run.paced = true;
    while (now_us() < run.end_us || (run.under_way > 0 && now_us() < run.end_us + DRAIN_MS * 1e3)) {
        for (; next_us <= now_us() && next_us < run.end_us; next_us += 1e6 / rate)
            begin_session(&run.group);
        raw_turn(&run.group, 1);
    }
    run.failed += (uint64_t)run.under_way;
    print_sessions(begun_us);
}

/* --- echo --------------------------------------------------------------------------------------------- */

static struct {
    struct raw_io io;
    double *begun_us;
    uint8_t *rounds;
} echo;

static void echo_put(uint32_t number)
{
    memcpy(raw_io_put(&echo.io, (int)(number % SOCKETS), ECHO_BYTES), &number, sizeof number);
}

static void echo_take(void *context, int socket, const uint8_t *bytes, size_t len)
{
    uint32_t number, at_once = *(uint32_t *)context;
    double now = now_us();

    (void)socket;
    memcpy(&number, bytes, sizeof number);
    if (len != ECHO_BYTES || number >= at_once)
        return;
    if (++echo.rounds[number] == ECHO_ROUNDS) {
        samples_add(&run.us, now - echo.begun_us[number]);
        run.done++;
        echo.begun_us[number] = now;
        echo.rounds[number] = 0;
    }
    echo_put(number);
}

static void echoes(uint16_t port, double seconds, uint32_t at_once)
{
    double begun_us = now_us();

    raw_io_open(&echo.io, port, 1, SOCKETS);
    echo.begun_us = calloc(at_once, sizeof *echo.begun_us);
    echo.rounds = calloc(at_once, sizeof *echo.rounds);
    if (!echo.begun_us || !echo.rounds)
        die("no memory");
    run.end_us = begun_us + seconds * 1e6;
    for (uint32_t i = 0; i < at_once; i++) {
        echo.begun_us[i] = begun_us;
        echo_put(i);
    }
    while (now_us() < run.end_us) {
        raw_io_flush(&echo.io);
        raw_io_receive(&echo.io, RAW_TICK_MS, echo_take, &at_once);
    }
    print_sessions(begun_us);
}

/* --- requests ----------------------------------------------------------------------------------------- */

static void request_event(struct raw_group *g, struct raw_client *c, enum raw_event event, const char *bytes,
                          size_t len)
{
    (void)g;
    if (event == RAW_CLOSED || event == RAW_FAILED)
        die("the server has ended the connection");
    if (event == RAW_DATA && memmem(bytes, len, ANSWER_END, strlen(ANSWER_END))) {
        samples_add(&run.us, now_us() - c->begun_us);
        run.done++;
        c->tag = 0;
    }
}

static void requests(uint16_t port, double seconds)
{
    double begun_us = now_us();

    raw_open(&run.group, port, 1, 1, 1, request_event);
    struct raw_client *c = raw_connect(&run.group, RAW_OWN);
    run.end_us = begun_us + seconds * 1e6;
    while (now_us() < run.end_us) {
        if (c->state == RAW_OPEN && !c->tag && !c->unacked) { /* the tag: an answer is due */
            c->tag = 1;
            c->begun_us = now_us();
            raw_ask(&run.group, c, "GET / HTTP/1.1\r\n\r\n");
        }
        raw_turn(&run.group, RAW_TICK_MS);
    }
    raw_end(&run.group, c);
    print_sessions(begun_us);
}

/* --- introductions and held binds --------------------------------------------------------------------- */

static void introductions(uint16_t port, uint32_t names, double seconds, int at_once)
{
    meeting_open(port, names, RAW_OWN);
    meeting_bind(names);
    double begun_us = now_us();
    meeting_connect(UINT64_MAX, seconds, at_once);
    double took_us = now_us() - begun_us;
    printf("names=%u lost=%lu done=%lu failed=%lu per_second=%.0f repeated=%lu", names, meeting.lost,
           meeting.done, meeting.failed, (double)meeting.done / took_us * 1e6,
           meeting.group.resent + meeting.group.handshakes_repeated);
    print_latency(&meeting.us);
    printf("\n");
    meeting_close();
}

struct hold {
    enum raw_kind kind;
    double seconds;
    uint64_t connects;
    int pid;
    double empty_bytes;
};

static void hold_stage(const struct hold *h, uint32_t count)
{
    double begun_us = now_us(), bind_us, cpu, begun_datagrams, datagrams;

    meeting_bind(count);
    bind_us = now_us() - begun_us;
    meeting_idle(h->seconds < SETTLE_S ? h->seconds : SETTLE_S); /* the handshakes' own timers run out */
    begun_datagrams = (double)(meeting.group.io.sent + meeting.group.io.received);
    cpu = process_cpu_seconds(h->pid);
    meeting_idle(h->seconds);
    cpu = process_cpu_seconds(h->pid) - cpu;
    datagrams = (double)(meeting.group.io.sent + meeting.group.io.received) - begun_datagrams;
    meeting_connect(h->connects, 60, 1);
    printf("held=%u lost=%lu bind_seconds=%.1f cpu_percent=%.2f cpu_percent_10k=%.2f resident_mb=%.0f", count,
           meeting.lost, bind_us / 1e6, cpu / h->seconds * 100, cpu / h->seconds * 100 * 10000 / count,
           process_resident_bytes(h->pid) / 1e6);
    printf(" kb_per_bind=%.1f datagrams_per_bind=%.3f connected=%lu failed=%lu",
           (process_resident_bytes(h->pid) - h->empty_bytes) / 1e3 / count, datagrams / h->seconds / count,
           meeting.done, meeting.failed);
    print_latency(&meeting.us);
    printf("\n");
    fflush(stdout);
}

static void hold(uint16_t port, const struct hold *h, int stages, char **counts)
{
    struct hold begun = *h;

    begun.empty_bytes = process_resident_bytes(h->pid);
    meeting_open(port, (uint32_t)atoi(counts[stages - 1]), h->kind);
    for (int i = 0; i < stages; i++) {
        begun.seconds = i == stages - 1 ? h->seconds : h->seconds / 4;
        hold_stage(&begun, (uint32_t)atoi(counts[i]));
    }
    meeting_close();
}

int main(int argc, char **argv)
{
    uint16_t port = argc > 2 ? (uint16_t)atoi(argv[2]) : 0;
    double third = argc > 3 ? atof(argv[3]) : 0;

    if (argc == 5 && strcmp(argv[1], "sessions") == 0) {
        sessions(port, third, atoi(argv[4]));
    } else if (argc == 5 && strcmp(argv[1], "paced") == 0) {
        paced_sessions(port, third, atoi(argv[4]));
    } else if (argc == 5 && strcmp(argv[1], "echo") == 0) {
        echoes(port, third, (uint32_t)atoi(argv[4]));
    } else if (argc == 4 && strcmp(argv[1], "requests") == 0) {
        requests(port, third);
    } else if (argc == 6 && strcmp(argv[1], "introductions") == 0) {
        introductions(port, (uint32_t)third, atof(argv[4]), atoi(argv[5]));
    } else if (argc > 7 && strcmp(argv[1], "hold") == 0) {
        struct hold h = {.kind = strcmp(argv[3], "stock") == 0 ? RAW_STOCK : RAW_OWN,
                         .seconds = atof(argv[4]),
                         .connects = (uint64_t)atoi(argv[5]),
                         .pid = atoi(argv[6])};

        hold(port, &h, argc - 7, argv + 7);
    } else {
        die("usage: see the head of test/bench/bench_load.c");
    }
    return 0;
}
