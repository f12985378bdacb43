/* test/holders.c: many names of one program, and somebody who asks for them, on hx.h alone.
 *
 *   holders NAMESERVER COUNT [KIND]   binds h0, h1, ...; KIND "join": it is as many sessions' one member. Prints
 *                                     a line "bound NAME MS" or "lost NAME MS" for each thing that happens, in
 *                                     milliseconds of the monotonic clock, and "ready" when all are bound for the
 *                                     first time. Ends with its standard input.
 *   holders NAMESERVER COUNT ask [WAIT_S]
 *                                     connects to one after the other, until its standard input ends; then prints
 *                                     "reached N failed N longest MS", and each failure before. A name that nobody
 *                                     holds is waited for so long. */
#include "client/hx.h"
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TRY_MS   20000 /* for one of those that are asked for */
#define PAUSE_MS 30

static long long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void on_event(void *user, const struct hx_event_info *info)
{
    (void)user;
    if (info->event == HX_EVENT_BOUND || info->event == HX_EVENT_JOINED)
        printf("bound %s %lld\n", info->name, now_ms());
    else if (info->event == HX_EVENT_NAMESERVER_LOST)
        printf("lost %s %lld\n", info->name, now_ms());
}

static int hold_one(const struct hx_config *config, const char *name, bool join)
{
    struct hx_listener *listener;
    struct hx_group *group;

    return join ? hx_group_join(&group, config, name, 2) : hx_bind(&listener, config, name);
}

static int hold(const char *nameserver, int count, bool join)
{
    struct hx_config config = {.nameserver = nameserver, .name = "one", .family = 4, .on_event = on_event};
    char name[32], end;

    for (int i = 0; i < count; i++) {
        snprintf(name, sizeof name, "h%d", i);
        int err = hold_one(&config, name, join);
        if (err < 0) {
            fprintf(stderr, "%s: %s\n", name, hx_strerror(err));
            return 1;
        }
    }
    puts("ready");
    while (read(STDIN_FILENO, &end, 1) > 0)
        ;
    hx_cleanup();
    return 0;
}

static int ask(const char *nameserver, int count, int wait_s)
{
    struct hx_config config = {.nameserver = nameserver, .family = 4, .wait_s = wait_s};
    int reached = 0, failed = 0;
    long long longest_ms = 0;
    char name[32], end;

    fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
    for (int i = 0; read(STDIN_FILENO, &end, 1) != 0; i++) {
        struct hx_stream *s;
        poll(NULL, 0, PAUSE_MS);
        long long begun_ms = now_ms();

        snprintf(name, sizeof name, "h%d", (int)((unsigned)i * 7919U % (unsigned)count));
        int err = hx_connect(&s, &config, name, TRY_MS);
        if (err < 0) {
            printf("%s: %s\n", name, hx_strerror(err));
            failed++;
            continue;
        }
        hx_close(s);
        reached++;
        if (now_ms() - begun_ms > longest_ms)
            longest_ms = now_ms() - begun_ms;
    }
    printf("reached %d failed %d longest %lld\n", reached, failed, longest_ms);
    hx_cleanup();
    return failed > 0;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (argc < 3)
        return 2;
    if (argc > 3 && strcmp(argv[3], "ask") == 0)
        return ask(argv[1], atoi(argv[2]), argc > 4 ? atoi(argv[4]) : 0);
    return hold(argv[1], atoi(argv[2]), argc > 3 && strcmp(argv[3], "join") == 0);
}
