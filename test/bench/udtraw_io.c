#include "test/bench/udtraw_io.h"
#include "test/bench/measure.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define BUFFER_BYTES (16 << 20)
#define ROUNDS_MAX   8  /* batches of one socket before the others have their turn */
#define READY_MAX    64 /* sockets that one look tells of */

static int open_socket(uint16_t port, uint8_t net, int number)
{
    struct sockaddr_in local = {.sin_family = AF_INET}, server = {.sin_family = AF_INET};
    int bytes = BUFFER_BYTES, fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    local.sin_addr.s_addr = htonl(127u << 24 | (uint32_t)net << 16 | (uint32_t)(number + 1));
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server.sin_port = htons(port);
    if (fd < 0 || bind(fd, (struct sockaddr *)&local, sizeof local) < 0 ||
        connect(fd, (struct sockaddr *)&server, sizeof server) < 0)
        die("no UDP socket: %s", strerror(errno));
    /* The first is not cut by the system's limit, where we may ask so; the second is what is left
     * otherwise. */
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) < 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) < 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    return fd;
}

void raw_io_open(struct raw_io *io, uint16_t port, uint8_t net, int sockets)
{
    memset(io, 0, sizeof *io);
    io->sockets = sockets;
    io->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    io->fds = calloc((size_t)sockets, sizeof *io->fds);
    io->out = calloc((size_t)sockets, sizeof *io->out);
    io->in = calloc(RAW_BATCH, sizeof *io->in);
    if (sockets > RAW_SOCKETS_MAX || io->epoll_fd < 0 || !io->fds || !io->out || !io->in)
        die("no memory for %d sockets", sockets);
    for (int i = 0; i < sockets; i++) {
        struct epoll_event ev = {.events = EPOLLIN, .data.fd = i};

        io->fds[i] = open_socket(port, net, i);
        if (epoll_ctl(io->epoll_fd, EPOLL_CTL_ADD, io->fds[i], &ev) < 0)
            die("epoll: %s", strerror(errno));
        for (int j = 0; j < RAW_BATCH; j++) {
            io->out[i].parts[j].iov_base = io->out[i].bytes[j];
            io->out[i].messages[j].msg_hdr.msg_iov = &io->out[i].parts[j];
            io->out[i].messages[j].msg_hdr.msg_iovlen = 1;
        }
    }
}

void raw_io_close(struct raw_io *io)
{
    raw_io_flush(io);
    for (int i = 0; i < io->sockets; i++)
        close(io->fds[i]);
    close(io->epoll_fd);
    free(io->fds);
    free(io->out);
    free(io->in);
}

static void flush_one(struct raw_io *io, int socket)
{
    struct raw_out *out = &io->out[socket];
    int done = 0;

    while (done < out->count) {
        int n = sendmmsg(io->fds[socket], out->messages + done, (unsigned)(out->count - done), 0);

        if (n < 0 && errno == ECONNREFUSED)
            continue; /* ICMP's word about an earlier one; reading it has cleared it */
        if (n <= 0)
            break;
        done += n;
    }
    io->sent += (uint64_t)done;
    io->unsent += (uint64_t)(out->count - done);
    out->count = 0;
}

uint8_t *raw_io_put(struct raw_io *io, int socket, size_t len)
{
    struct raw_out *out = &io->out[socket];

    if (out->count == RAW_BATCH)
        flush_one(io, socket);
    out->parts[out->count].iov_len = len;
    return out->bytes[out->count++];
}

void raw_io_flush(struct raw_io *io)
{
    for (int i = 0; i < io->sockets; i++) {
        if (io->out[i].count)
            flush_one(io, i);
    }
}

static void receive_one(struct raw_io *io, int socket, raw_take *take, void *context)
{
    struct mmsghdr messages[RAW_BATCH];
    struct iovec parts[RAW_BATCH];
    int n = RAW_BATCH;

    memset(messages, 0, sizeof messages);
    for (int i = 0; i < RAW_BATCH; i++) {
        parts[i] = (struct iovec){.iov_base = io->in[i], .iov_len = RAW_IN_MAX};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    for (int round = 0; round < ROUNDS_MAX && n == RAW_BATCH; round++) {
        n = recvmmsg(io->fds[socket], messages, RAW_BATCH, MSG_DONTWAIT, NULL);
        for (int i = 0; i < n; i++)
            take(context, socket, io->in[i], messages[i].msg_len);
        io->received += n > 0 ? (uint64_t)n : 0;
    }
}

void raw_io_receive(struct raw_io *io, int wait_ms, raw_take *take, void *context)
{
    struct epoll_event ready[READY_MAX];
    int n = READY_MAX;

    for (int looked = 0; n == READY_MAX && looked < io->sockets; looked += n) {
        n = epoll_wait(io->epoll_fd, ready, READY_MAX, looked ? 0 : wait_ms);
        for (int i = 0; i < n; i++)
            receive_one(io, ready[i].data.fd, take, context);
    }
}
