/* throw: throws one kind of hostile datagrams at a UDT server, with real sessions around them.
 *
 *   throw [--from ADDR[:PORT]] [--cookie HEX] [--repeat] CASE HOST:PORT
 *
 *   --from    the source, 127.0.0.2 by default: another address than honest clients'
 *   --cookie  what CASE guessed_cookie says (8 hex digits, as on the wire)
 *   --repeat  again and again until SIGTERM; else once
 *
 * Prints what it saw, then "thrown" after the first time. Exit 0; 2: bad usage; 1: no socket. */
#include "test/hostile/cases.h"
#include <arpa/inet.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAUSE_MS 50 /* between repetitions: what many sessions a second cost is another test's question */

struct aim {
    struct sockaddr_in from, server;
    void (*run)(struct raw *r);
    uint32_t cookie;
    bool repeat;
};

static volatile sig_atomic_t stopped;

static const struct {
    const char *name;
    void (*run)(struct raw *r);
} cases[] = {
#define ROW(name) {#name, case_##name},
    HANDSHAKE_CASES(ROW) CONTROL_CASES(ROW)
#undef ROW
};

static void on_term(int signal)
{
    (void)signal;
    stopped = 1;
}

static bool parse_from(struct aim *aim, const char *text)
{
    char with_port[32];

    snprintf(with_port, sizeof with_port, strchr(text, ':') ? "%s" : "%s:0", text);
    return raw_parse(&aim->from, with_port);
}

static bool parse(struct aim *aim, int argc, char **argv)
{
    static const struct option options[] = {{"from", required_argument, NULL, 'f'},
                                            {"cookie", required_argument, NULL, 'c'},
                                            {"repeat", no_argument, NULL, 'r'},
                                            {NULL, 0, NULL, 0}};
    bool good = parse_from(aim, "127.0.0.2");

    for (int c; good && (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (c == 'f')
            good = parse_from(aim, optarg);
        else if (c == 'c')
            aim->cookie = (uint32_t)strtoul(optarg, NULL, 16);
        else if (c == 'r')
            aim->repeat = true;
        else
            good = false;
    }
    if (!good || argc - optind != 2)
        return false;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (strcmp(cases[i].name, argv[optind]) == 0)
            aim->run = cases[i].run;
    }
    return aim->run && raw_parse(&aim->server, argv[optind + 1]);
}

static bool throw_once(const struct aim *aim)
{
    struct raw r;

    if (!raw_open(&r, &aim->from, &aim->server))
        return false;
    r.cookie = aim->cookie;
    aim->run(&r);
    raw_shutdown(&r);
    raw_close(&r);
    return true;
}

int main(int argc, char **argv)
{
    struct aim aim = {0};
    struct sigaction on = {.sa_handler = on_term};

    if (!parse(&aim, argc, argv)) {
        fprintf(stderr, "usage: throw [--from ADDR[:PORT]] [--cookie HEX] [--repeat] CASE HOST:PORT\n");
        return 2;
    }
    sigaction(SIGTERM, &on, NULL);
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (bool first = true; first || (aim.repeat && !stopped); first = false) {
        if (!throw_once(&aim)) {
            perror("throw: no socket");
            return 1;
        }
        if (first)
            printf("thrown\n");
        if (aim.repeat && aim.run != case_flood && aim.run != case_garbage)
            poll(NULL, 0, PAUSE_MS);
    }
    return 0;
}
