/* fuzz_wire: throws mutations of recorded traffic at a running nameserver, in sessions that are half valid.
 *
 *   fuzz_wire [--seed N] [--seconds N] [--rate N] [--last FILE] RECORDING HOST:PORT
 *
 * Each step draws its own random numbers from the seed and the step's number: what the server answers, and
 * when, changes ids and cookies in a step's datagram, never the choices of a later one. The last datagrams
 * are kept and written to FILE (step, slot, hex; newest last) when the server is gone. Exit 0; 3: the server
 * is gone; 2: usage. */
#include "test/hostile/mutate.h"
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define SLOTS      32   /* sessions at once, each from an address of its own: 127.0.1.1 and on */
#define LAST       4096 /* datagrams kept */
#define RENEW_ODDS 150  /* one step in so many ends its slot's session and begins another */
#define ALIEN_ODDS 12   /* one datagram in so many comes from another slot's port */

struct sent {
    uint64_t step;
    int slot;
    size_t len;
    uint8_t bytes[RAW_MAX];
};

static struct sent last[LAST]; /* a ring */

struct fuzz {
    uint64_t seed;
    long seconds, rate; /* datagrams a second */
    const char *last_file;
    struct sockaddr_in server;
    struct recording recording;
    struct raw slots[SLOTS];
    uint64_t steps, sessions;
    bool gone;
};

static bool open_slot(struct fuzz *f, int i)
{
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7F000101u + (uint32_t)i)};

    return raw_open(&f->slots[i], &from, &f->server);
}

static void renew(struct fuzz *f, int i, bool orderly)
{
    if (orderly)
        raw_shutdown(&f->slots[i]);
    raw_close(&f->slots[i]);
    if (!open_slot(f, i))
        f->slots[i].fd = -1;
}

static void put(struct fuzz *f, int slot, const uint8_t *bytes, size_t len)
{
    struct sent *s = &last[f->steps % LAST];

    s->step = f->steps;
    s->slot = slot;
    s->len = len;
    memcpy(s->bytes, bytes, len);
    if (send(f->slots[slot].fd, bytes, len, MSG_NOSIGNAL) < 0 && errno == ECONNREFUSED)
        f->gone = true; /* the kernel says that nobody has the port any more */
}

static void hear(struct fuzz *f, int i)
{
    uint8_t packet[RAW_MAX];
    bool had_session = f->slots[i].peer != 0;

    while (raw_receive(&f->slots[i], packet, 0) > 0) {
        if (!had_session && f->slots[i].peer)
            f->sessions++;
        had_session = f->slots[i].peer != 0;
    }
}

/* What an honest client would say next, so that the next mutations meet a session. */
static bool advance(struct raw *r, uint64_t *rng)
{
    if (r->peer)
        return false;
    if (draw(rng, 3) == 0)
        return false;
    if (draw(rng, 8) == 0) /* the window and size of other implementations, small and large */
        r->window = 1u << draw(rng, 31);
    if (draw(rng, 8) == 0)
        r->mss = (uint32_t)draw(rng, 1600);
    raw_handshake(r, r->cookie ? HS_CONCLUSION : HS_REGULAR, 0);
    return true;
}

static void step(struct fuzz *f)
{
    uint64_t rng = f->seed ^ (f->steps * 0x9E3779B97F4A7C15u);
    int i = (int)draw(&rng, SLOTS);
    struct raw *r = &f->slots[i];
    uint8_t bytes[RAW_MAX];
    size_t len;

    hear(f, i);
    if (draw(&rng, RENEW_ODDS) == 0 || r->closed)
        renew(f, i, draw(&rng, 2) == 0);
    else if (!advance(r, &rng)) {
        len = mutate(&f->recording, r, &rng, bytes);
        put(f, draw(&rng, ALIEN_ODDS) ? i : (int)draw(&rng, SLOTS), bytes, len);
        r->closed = len >= PACKET_HEAD && packet_type(bytes) == PACKET_SHUTDOWN;
    }
    f->steps++;
}

static void write_last(const struct fuzz *f)
{
    FILE *file = f->last_file ? fopen(f->last_file, "w") : NULL;

    if (!file)
        return;
    for (uint64_t n = f->steps > LAST ? f->steps - LAST : 0; n <= f->steps; n++) {
        const struct sent *s = &last[n % LAST];

        if (s->step != n || s->len == 0)
            continue;
        fprintf(file, "%llu %d ", (unsigned long long)s->step, s->slot);
        for (size_t i = 0; i < s->len; i++)
            fprintf(file, "%02x", s->bytes[i]);
        fputc('\n', file);
    }
    fclose(file);
}

static void run(struct fuzz *f)
{
    int64_t start_ms = raw_now_ms(), now_ms;

    while ((now_ms = raw_now_ms()) < start_ms + f->seconds * 1000 && !f->gone) {
        if ((int64_t)f->steps > (now_ms - start_ms) * f->rate / 1000)
            poll(NULL, 0, 1);
        else
            step(f);
    }
    for (int i = 0; i < SLOTS; i++)
        renew(f, i, true);
}

static bool parse(struct fuzz *f, int argc, char **argv)
{
    static const struct option options[] = {{"seed", required_argument, NULL, 's'},
                                            {"seconds", required_argument, NULL, 't'},
                                            {"rate", required_argument, NULL, 'r'},
                                            {"last", required_argument, NULL, 'l'},
                                            {NULL, 0, NULL, 0}};
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 's')
            f->seed = strtoull(optarg, NULL, 10);
        else if (c == 't')
            f->seconds = strtol(optarg, NULL, 10);
        else if (c == 'r')
            f->rate = strtol(optarg, NULL, 10);
        else if (c == 'l')
            f->last_file = optarg;
        else
            return false;
    }
    return argc - optind == 2 && f->rate > 0 && recording_load(&f->recording, argv[optind]) &&
           raw_parse(&f->server, argv[optind + 1]);
}

int main(int argc, char **argv)
{
    struct fuzz f = {.seed = 1, .seconds = 30, .rate = 5000};

    if (!parse(&f, argc, argv)) {
        fprintf(stderr,
                "usage: fuzz_wire [--seed N] [--seconds N] [--rate N] [--last FILE] RECORDING HOST:PORT\n");
        return 2;
    }
    for (int i = 0; i < SLOTS; i++) {
        if (!open_slot(&f, i)) {
            perror("fuzz_wire: no socket");
            return 1;
        }
    }
    run(&f);
    printf("seed=%llu steps=%llu sessions=%llu recorded=%zu\n", (unsigned long long)f.seed,
           (unsigned long long)f.steps, (unsigned long long)f.sessions, f.recording.count);
    if (f.gone)
        write_last(&f);
    recording_free(&f.recording);
    return f.gone ? 3 : 0;
}
