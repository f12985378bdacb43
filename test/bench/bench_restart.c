/* bench_restart: names are held, the nameserver is killed and started again. How soon are the names back, and
 * what does it cost?
 *
 *   bench_restart HOLDERS CROWD CROWD_FITS HOLD_S SILENCE_S LATEST_S WATCH_S SERVER [OPTION...]
 *
 * HOLDERS light clients (test/bench/udtraw.h), each a program of its own as far as the nameserver can tell.
 * CROWD of them share one address, of which CROWD_FITS may hold a name at a time; of the others HOLDERS_EACH
 * are behind an address. They keep time as hx does: they try again as client/binding.c does, do what
 * Retry-After says, and take a nameserver for lost that was silent for SILENCE_S (client/nameserver.h: 20).
 *
 * It starts SERVER --listen 127.0.0.1:PORT OPTION..., waits until all that fit hold their names, and HOLD_S
 * more; kills it, starts it again after DOWN_MS, waits as before, LATEST_S at most, and watches those that do
 * not fit for WATCH_S. One line of "key=value" pairs for each of the three; on standard error the same for
 * each second. */
#include "base/backoff.h"
#include "base/container_of.h"
#include "base/timers.h"
#include "client/nameserver.h"
#include "test/bench/measure.h"
#include "test/bench/udtraw.h"
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOLDERS_EACH       16
#define DOWN_MS            1000
#define STEADY_MS          5000   /* client/binding.c: a bind that held for so long begins the backoff anew */
#define RETRY_AFTER_MAX_MS 120000 /* likewise: what the nameserver asks for is done up to this */
#define START_S            120    /* at most, for the first start */
#define CROWD_NET          2      /* 127.2.0.1 is the one address; the others are in 127.1.0.0/16 */
#define OTHERS_NET         1
#define ARGUMENTS          16

extern char **environ;

/* How a try may end, and a name be lost. */
enum end {
    END_TOLD_LIMIT, /* 429, --max-per-address */
    END_TOLD_RATE,  /* 429, --rate-per-address */
    END_TOLD_OTHER, /* another status */
    END_CLOSED,     /* without a word */
    END_NO_CONNECT, /* nothing came, or a refusal of the handshake */
    END_NO_ANSWER,
    END_SILENT, /* the name was held */
    ENDS
};

static const char *const end_names[ENDS] = {"told_limit", "told_rate", "told_other", "closed",
                                            "no_connect", "no_answer", "silent"};

struct holder {
    struct timer timer; /* WAITS: the next try; else the deadline of the state */
    struct backoff backoff;
    enum { WAITS, CONNECTS, ASKS, HOLDS } state;
    struct raw_client *client; /* NULL: WAITS */
    bool in_crowd;
    bool killed; /* HOLDS: what it holds its name at, which it has not noticed yet */
    bool told;   /* which limit it is above, since it last held its name */
    int64_t held_ms;
};

static struct {
    uint32_t count, crowd, fits;
    double silence_ms, hold_s, latest_s, watch_s;
    char *server[ARGUMENTS]; /* the command; [2] is the address */
    char listen[64];
} plan;

static struct raw_group crowd, others;
static struct holder *holders;
static struct timers timers;
static pid_t server_pid;
static uint32_t held; /* at the server that runs */
static struct tally {
    uint64_t tries, ends[ENDS];
    uint64_t handshakes_repeated; /* of both groups */
} now;

/* --- the server --------------------------------------------------------------------------------------- */

static void start_server(void)
{
    static const char ready[] = "listening on ";
    posix_spawn_file_actions_t actions;
    char line[256];
    int fds[2];

    if (pipe(fds) < 0)
        die("no pipe");
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, fds[1], STDOUT_FILENO);
    posix_spawn_file_actions_addclose(&actions, fds[0]);
    posix_spawn_file_actions_addclose(&actions, fds[1]);
    if (posix_spawn(&server_pid, plan.server[0], &actions, NULL, plan.server, environ) != 0)
        die("cannot start %s", plan.server[0]);
    posix_spawn_file_actions_destroy(&actions);
    close(fds[1]);
    FILE *out = fdopen(fds[0], "r");
    char *told = out && fgets(line, sizeof line, out) ? strstr(line, ready) : NULL;
    if (told) /* the same port again the next time */
        snprintf(plan.listen, sizeof plan.listen, "%.*s", (int)strcspn(told + strlen(ready), " \n"),
                 told + strlen(ready));
    else
        die("%s does not start", plan.server[0]);
    fclose(out);
}

static void end_server(int number)
{
    kill(server_pid, number);
    waitpid(server_pid, NULL, 0);
}

/* --- the holders: client/binding.c and client/nameserver.c in small ----------------------------------- */

static int64_t now_ms(void)
{
    return (int64_t)(now_us() / 1e3);
}

static struct raw_group *group_of(const struct holder *h)
{
    return h->in_crowd ? &crowd : &others;
}

static struct holder *holder_of(const struct raw_client *c)
{
    return &holders[c->tag];
}

static void try_now(struct holder *h)
{
    struct raw_client *c = raw_connect(group_of(h), RAW_OWN);

    if (c)
        c->tag = (uint32_t)(h - holders);
    else
        die("no place for another client");
    h->client = c;
    h->state = CONNECTS;
    timers_set(&timers, &h->timer, now_ms() + NAMESERVER_CONNECT_MS);
    now.tries++;
}

/* Its client is freed by whoever calls. */
static void over(struct holder *h, enum end end, int retry_after_s)
{
    int64_t retry_after_ms = retry_after_s * INT64_C(1000);

    if (h->state == HOLDS) {
        held -= !h->killed;
        if (now_ms() - h->held_ms >= STEADY_MS)
            backoff_reset(&h->backoff);
    }
    now.ends[end]++;
    h->told |= end == END_TOLD_LIMIT || end == END_TOLD_RATE;
    h->client = NULL;
    h->state = WAITS;
    timers_set(&timers, &h->timer,
               now_ms() + backoff_next_ms(&h->backoff, (uint32_t)random()) +
                   (retry_after_ms < RETRY_AFTER_MAX_MS ? retry_after_ms : RETRY_AFTER_MAX_MS));
}

static void give_up(struct holder *h, enum end end)
{
    raw_end(group_of(h), h->client);
    over(h, end, 0);
}

static void time_is_over(struct timer *t)
{
    struct holder *h = container_of(t, struct holder, timer);
    int64_t silent_ms;

    switch (h->state) {
    case WAITS:
        try_now(h);
        break;
    case CONNECTS:
        give_up(h, END_NO_CONNECT);
        break;
    case ASKS:
        give_up(h, END_NO_ANSWER);
        break;
    case HOLDS:
    default:
        silent_ms = h->client->heard_ms + (int64_t)plan.silence_ms;
        if (silent_ms <= now_ms())
            give_up(h, END_SILENT);
        else
            timers_set(&timers, &h->timer, silent_ms);
    }
}

/* All of an answer is in one packet. */
static void answered(struct holder *h, const char *bytes, size_t len)
{
    static const char good[] = "HTTP/1.1 200", later[] = "\r\nRetry-After: ";
    char text[1500];

    snprintf(text, sizeof text, "%.*s", (int)len, bytes);
    if (strncmp(text, good, strlen(good)) == 0) {
        h->state = HOLDS;
        h->held_ms = now_ms();
        h->killed = h->told = false;
        held++;
        timers_set(&timers, &h->timer, now_ms() + (int64_t)plan.silence_ms);
        return;
    }
    const char *retry_after = strstr(text, later);
    enum end end = strstr(text, "--max-per-address")    ? END_TOLD_LIMIT
                   : strstr(text, "--rate-per-address") ? END_TOLD_RATE
                                                        : END_TOLD_OTHER;
    raw_end(group_of(h), h->client);
    over(h, end, retry_after ? atoi(retry_after + strlen(later)) : 0);
}

static void event(struct raw_group *g, struct raw_client *c, enum raw_event what, const char *bytes,
                  size_t len)
{
    struct holder *h = holder_of(c);

    switch (what) {
    case RAW_CONNECTED:
        h->state = ASKS;
        timers_set(&timers, &h->timer, now_ms() + NAMESERVER_ANSWER_MS);
        raw_ask(g, c, "GET /bind?host_id=n%u HTTP/1.1\r\nBind-Session: %032x\r\n\r\n", c->tag, c->tag + 1);
        break;
    case RAW_DATA:
        if (h->state == ASKS)
            answered(h, bytes, len);
        break;
    case RAW_CLOSED:
        over(h, END_CLOSED, 0);
        break;
    case RAW_FAILED:
    default:
        over(h, h->state == HOLDS ? END_SILENT : h->state == ASKS ? END_NO_ANSWER : END_NO_CONNECT, 0);
    }
}

static void turn(void)
{
    timers_run(&timers, now_ms());
    raw_turn(&crowd, 0);
    raw_turn(&others, 1);
    now.handshakes_repeated = crowd.handshakes_repeated + others.handshakes_repeated;
}

static void begin(void)
{
    uint32_t other_count = plan.count - plan.crowd;

    holders = calloc(plan.count, sizeof *holders);
    if (!holders || plan.crowd == 0 || plan.crowd >= plan.count)
        die("no memory for %u holders, or none in the crowd or outside of it", plan.count);
    uint16_t port = (uint16_t)atoi(strrchr(plan.listen, ':') + 1);
    raw_open(&crowd, port, CROWD_NET, 1, plan.crowd, event);
    raw_open(&others, port, OTHERS_NET, (int)((other_count + HOLDERS_EACH - 1) / HOLDERS_EACH), other_count,
             event);
    for (uint32_t i = 0; i < plan.count; i++) {
        holders[i].in_crowd = i < plan.crowd;
        holders[i].timer.fire = time_is_over;
        try_now(&holders[i]);
    }
}

/* --- what is measured --------------------------------------------------------------------------------- */

struct stage {
    const char *name;
    struct tally before;
    double begun_us, cpu_s;
};

static struct stage begin_stage(const char *name)
{
    return (struct stage){name, now, now_us(), server_pid ? process_cpu_seconds(server_pid) : 0};
}

static double passed_s(const struct stage *s)
{
    return (now_us() - s->begun_us) / 1e6;
}

static void print(const struct stage *s, const char *prefix, FILE *out)
{
    double seconds = passed_s(s), cpu_s = process_cpu_seconds(server_pid) - s->cpu_s;

    fprintf(out, "%sstage=%s seconds=%.1f held=%u fits=%u tries=%lu repeated=%lu", prefix, s->name, seconds,
            held, plan.fits, now.tries - s->before.tries,
            now.handshakes_repeated - s->before.handshakes_repeated);
    for (int i = 0; i < ENDS; i++)
        fprintf(out, " %s=%lu", end_names[i], now.ends[i] - s->before.ends[i]);
    fprintf(out, " cpu_percent=%.1f", seconds > 0 ? cpu_s / seconds * 100 : 0);
}

static void print_second(struct stage *second)
{
    if (passed_s(second) < 1)
        return;
    print(second, "# ", stderr);
    fprintf(stderr, "\n");
    *second = begin_stage(second->name);
}

static void turn_for(double seconds, const char *name)
{
    struct stage second = begin_stage(name);

    for (double end_us = now_us() + seconds * 1e6; now_us() < end_us;) {
        turn();
        print_second(&second);
    }
}

static void await_all(const struct stage *s, double latest_s)
{
    struct stage second = begin_stage(s->name);

    while (held < plan.fits && passed_s(s) < latest_s) {
        turn();
        print_second(&second);
    }
    print(s, "", stdout);
    printf("\n");
    fflush(stdout);
}

static void watch(void)
{
    uint32_t outside = 0, told = 0;
    struct stage s = begin_stage("watch");

    turn_for(plan.watch_s, s.name);
    for (uint32_t i = 0; i < plan.count; i++) {
        outside += holders[i].state != HOLDS;
        told += holders[i].state != HOLDS && holders[i].told;
    }
    print(&s, "", stdout);
    printf(" outside=%u outside_told=%u tries_per_second=%.1f\n", outside, told,
           (double)(now.tries - s.before.tries) / passed_s(&s));
}

static void restart(void)
{
    end_server(SIGKILL);
    server_pid = 0;
    held = 0;
    for (uint32_t i = 0; i < plan.count; i++)
        holders[i].killed = true;
    struct stage s = begin_stage("restart"); /* from the kill */
    while (passed_s(&s) < DOWN_MS / 1e3)
        turn();
    start_server();
    await_all(&s, plan.latest_s);
}

int main(int argc, char **argv)
{
    if (argc < 9 || argc > 8 + ARGUMENTS - 3)
        die("usage: see the head of test/bench/bench_restart.c");
    plan.count = (uint32_t)atoi(argv[1]);
    plan.crowd = (uint32_t)atoi(argv[2]);
    uint32_t crowd_fits = (uint32_t)atoi(argv[3]);
    plan.fits = plan.count - plan.crowd + (crowd_fits < plan.crowd ? crowd_fits : plan.crowd);
    plan.hold_s = atof(argv[4]);
    plan.silence_ms = atof(argv[5]) * 1e3;
    plan.latest_s = atof(argv[6]);
    plan.watch_s = atof(argv[7]);
    strcpy(plan.listen, "127.0.0.1:0");
    plan.server[0] = argv[8];
    plan.server[1] = "--listen";
    plan.server[2] = plan.listen;
    for (int i = 9; i < argc; i++)
        plan.server[i - 6] = argv[i];
    start_server();
    struct stage s = begin_stage("start");
    begin();
    await_all(&s, START_S);
    turn_for(plan.hold_s, "hold");
    restart();
    watch();
    end_server(SIGTERM);
    raw_close(&crowd);
    raw_close(&others);
    free(holders);
    return 0;
}
