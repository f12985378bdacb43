/* record: a UDP relay that writes down what clients send a server; what fuzz_wire mutates.
 *
 *   record HOST:PORT FILE [LOSE]
 *
 * Listens on a free port of 127.0.0.1 and prints it. Every LOSE-th datagram of the server is lost, so that
 * clients report losses. Each datagram becomes two bytes of length (big-endian) and its bytes. Ends with
 * SIGTERM. */
#include "test/hostile/raw.h"
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLIENTS_MAX 32

struct relay {
    int fd;
    struct sockaddr_in server, clients[CLIENTS_MAX];
    int to_server[CLIENTS_MAX];
    int count;
    unsigned long lose, from_server;
    FILE *file;
};

static volatile sig_atomic_t stopped;

static void on_term(int signal)
{
    (void)signal;
    stopped = 1;
}

static int client_of(struct relay *r, const struct sockaddr_in *from)
{
    for (int i = 0; i < r->count; i++) {
        if (r->clients[i].sin_port == from->sin_port)
            return i;
    }
    if (r->count == CLIENTS_MAX)
        return -1;
    r->to_server[r->count] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (r->to_server[r->count] < 0 ||
        connect(r->to_server[r->count], (struct sockaddr *)&r->server, sizeof r->server) < 0)
        return -1;
    r->clients[r->count] = *from;
    return r->count++;
}

static void to_server(struct relay *r)
{
    struct sockaddr_in from = {0};
    socklen_t from_len = sizeof from;
    uint8_t packet[RAW_MAX];
    ssize_t n = recvfrom(r->fd, packet, sizeof packet, 0, (struct sockaddr *)&from, &from_len);
    int client = n < 0 ? -1 : client_of(r, &from);

    if (client < 0)
        return;
    fputc((int)(n >> 8), r->file);
    fputc((int)(n & 0xFF), r->file);
    fwrite(packet, 1, (size_t)n, r->file);
    (void)!send(r->to_server[client], packet, (size_t)n, 0);
}

static void to_client(struct relay *r, int client)
{
    uint8_t packet[RAW_MAX];
    ssize_t n = recv(r->to_server[client], packet, sizeof packet, 0);

    if (n < 0 || (r->lose && ++r->from_server % r->lose == 0))
        return;
    (void)!sendto(r->fd, packet, (size_t)n, 0, (struct sockaddr *)&r->clients[client],
                  sizeof r->clients[client]);
}

static void run(struct relay *r)
{
    struct pollfd fds[CLIENTS_MAX + 1];

    while (!stopped) {
        int count = r->count;

        for (int i = 0; i < count; i++)
            fds[i] = (struct pollfd){.fd = r->to_server[i], .events = POLLIN};
        fds[count] = (struct pollfd){.fd = r->fd, .events = POLLIN};
        if (poll(fds, (nfds_t)count + 1, -1) <= 0)
            continue;
        for (int i = 0; i < count; i++) {
            if (fds[i].revents)
                to_client(r, i);
        }
        if (fds[count].revents)
            to_server(r);
    }
}

int main(int argc, char **argv)
{
    struct relay r = {0};
    struct sigaction on = {.sa_handler = on_term};
    struct sockaddr_in local;
    socklen_t len = sizeof local;

    if (argc < 3 || !raw_parse(&r.server, argv[1]) || !raw_parse(&local, "127.0.0.1:0")) {
        fprintf(stderr, "usage: record HOST:PORT FILE [LOSE]\n");
        return 2;
    }
    r.lose = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
    r.file = fopen(argv[2], "wb");
    r.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (!r.file || r.fd < 0 || bind(r.fd, (struct sockaddr *)&local, len) < 0) {
        perror("record");
        return 1;
    }
    getsockname(r.fd, (struct sockaddr *)&local, &len);
    sigaction(SIGTERM, &on, NULL);
    printf("relaying on 127.0.0.1:%d\n", ntohs(local.sin_port));
    fflush(stdout);
    run(&r);
    return fclose(r.file) == 0 ? 0 : 1;
}
