/* test/natlab/mapper: drives client/portmap and client/local_candidates in the lab, a line for each thing
 * that happens. Commands come on standard input, a line each.
 *
 *   mapper hold PORT
 *       opens UDP port PORT and has the router map it. Commands: "check", "network", and "end", which gives
 *       the mapping back. Prints, with milliseconds since the start or the end, "mapped ADDRESS MS", "lost
 *       MS", "took TEXT" for a datagram that came, "ended MS"
 *   mapper list PORT SEEN
 *       the candidates of UDP port PORT, which a server sees as the address SEEN, as one line "ADDRESS KIND,
 *       ...", and again when they change. Commands: "network", "end"
 *   mapper probe MS
 *       "pcp=yes|no natpmp=ADDRESS|no upnp=ADDRESS|no gateway=ADDRESS|no MS"
 */
#include "base/clock.h"
#include "base/error.h"
#include "client/engine.h"
#include "client/local_candidates.h"
#include "client/portmap.h"
#include "client/race.h"
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int64_t begun_ms;

static int64_t elapsed_ms(void)
{
    return clock_now_ms() - begun_ms;
}

static void on_changed(void *user)
{
    char text[ENDPOINT_TEXT_MAX];
    const struct endpoint *e = portmap_external(*(uint16_t *)user);
    endpoint_format(e, text);
    if (e->family == AF_UNSPEC)
        printf("lost %" PRId64 "\n", elapsed_ms());
    else
        printf("mapped %s %" PRId64 "\n", text, elapsed_ms());
}

static int open_port(uint16_t port)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof any) < 0) {
        perror("mapper");
        exit(1);
    }
    return fd;
}

static void take_datagram(int fd)
{
    char text[512];
    ssize_t len = recv(fd, text, sizeof text - 1, 0);
    if (len < 0)
        return;
    text[len] = '\0';
    printf("took %s\n", text);
}

/* False: the end. */
static bool take_command(struct portmap *p)
{
    char line[64];
    ssize_t len = read(0, line, sizeof line - 1); /* a command is written in one piece */
    if (len <= 0)
        return false;
    line[len] = '\0';
    if (strcmp(line, "end\n") == 0)
        return false;
    engine_lock();
    if (strcmp(line, "check\n") == 0)
        portmap_check(p);
    if (strcmp(line, "network\n") == 0)
        portmap_network_changed(p);
    engine_unlock();
    return true;
}

static int hold(uint16_t port)
{
    struct portmap *p;
    struct pollfd fds[] = {{.fd = 0, .events = POLLIN}, {.fd = open_port(port), .events = POLLIN}};
    engine_lock();
    int err = portmap_begin(&p, port, on_changed, &port);
    engine_unlock();
    if (err < 0)
        return 1;
    for (bool going = true; going && poll(fds, 2, -1) > 0;) {
        if (fds[1].revents)
            take_datagram(fds[1].fd);
        if (fds[0].revents)
            going = take_command(p);
    }
    int64_t end_ms = clock_now_ms();
    engine_lock();
    portmap_end(p);
    engine_unlock();
    portmap_await_end(PORTMAP_GIVE_BACK_MS);
    printf("ended %" PRId64 "\n", clock_now_ms() - end_ms);
    return 0;
}

static void print_candidates(void *user)
{
    struct candidates all;
    char text[CANDIDATE_TEXT_MAX];
    local_candidates_of(&all, *(uint16_t *)user, FAMILY_ANY);
    for (size_t i = 0; i < all.count; i++) {
        candidate_format(&all.list[i], text);
        printf("%s%s", i > 0 ? ", " : "", text);
    }
    printf("\n");
}

static int list(uint16_t port, const char *text)
{
    struct local_candidates *c;
    struct endpoint seen;
    char line[64];
    if (endpoint_parse(&seen, text, strlen(text)) < 0)
        return 2;
    engine_lock();
    if (local_candidates_begin(&c, port, FAMILY_ANY, true, print_candidates, &port) < 0)
        return 1;
    print_candidates(&port);
    local_candidates_seen(c, &seen);
    engine_unlock();
    while (fgets(line, sizeof line, stdin) && strcmp(line, "end\n") != 0) {
        engine_lock();
        local_candidates_network_changed(c);
        engine_unlock();
    }
    engine_lock();
    local_candidates_end(c);
    engine_unlock();
    portmap_await_end(PORTMAP_GIVE_BACK_MS);
    printf("ended\n");
    return 0;
}

static const char *told(char text[ENDPOINT_TEXT_MAX], const struct portmap_offer *o)
{
    char *colon;
    if (!o->offered)
        return "no";
    if (o->external.family == AF_UNSPEC)
        return "yes";
    endpoint_format(&o->external, text);
    if ((colon = strrchr(text, ':')))
        *colon = '\0';
    return text;
}

static int probe(int timeout_ms)
{
    struct portmap_offers offers;
    char text[4][ENDPOINT_TEXT_MAX];
    portmap_probe(&offers, timeout_ms);
    printf("pcp=%s natpmp=%s upnp=%s gateway=%s %" PRId64 "\n", told(text[0], &offers.of[WAY_PCP]),
           told(text[1], &offers.of[WAY_NATPMP]), told(text[2], &offers.of[WAY_UPNP]),
           told(text[3], &(struct portmap_offer){offers.gateway.family != AF_UNSPEC, offers.gateway}),
           elapsed_ms());
    return 0;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    begun_ms = clock_now_ms();
    if (argc == 3 && strcmp(argv[1], "hold") == 0)
        return hold((uint16_t)atoi(argv[2]));
    if (argc == 3 && strcmp(argv[1], "probe") == 0)
        return probe(atoi(argv[2]));
    if (argc == 4 && strcmp(argv[1], "list") == 0)
        return list((uint16_t)atoi(argv[2]), argv[3]);
    fprintf(stderr, "usage: mapper hold PORT | list PORT SEEN | probe MS\n");
    return 2;
}
