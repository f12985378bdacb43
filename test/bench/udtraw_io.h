/* test/bench/udtraw_io.h: connected UDP sockets read and written in batches, for load and attack. One
 * thread. */
#ifndef HX_BENCH_UDTRAW_IO_H
#define HX_BENCH_UDTRAW_IO_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define RAW_BATCH       64
#define RAW_SOCKETS_MAX 4096
#define RAW_OUT_MAX     192  /* bytes of a datagram that a client sends: nothing is longer than a request */
#define RAW_IN_MAX      1500 /* bytes of one that comes */

struct raw_out { /* datagrams that wait for sendmmsg() */
    struct mmsghdr messages[RAW_BATCH];
    struct iovec parts[RAW_BATCH];
    uint8_t bytes[RAW_BATCH][RAW_OUT_MAX];
    int count;
};

struct raw_io {
    int epoll_fd, sockets;
    int *fds;
    struct raw_out *out; /* one for each socket */
    uint8_t (*in)[RAW_IN_MAX];
    uint64_t sent, received, unsent; /* datagrams; unsent: the kernel took them not */
};

typedef void raw_take(void *context, int socket, const uint8_t *bytes, size_t len);

/* All sockets are connected to 127.0.0.1:port, each from an address of its own in 127.net.0.0/16. Ends the
 * process if they cannot be had. */
void raw_io_open(struct raw_io *io, uint16_t port, uint8_t net, int sockets);
void raw_io_close(struct raw_io *io);
/* Room for a datagram of `len` bytes (at most RAW_OUT_MAX), which leaves with the next flush at the
 * latest. */
uint8_t *raw_io_put(struct raw_io *io, int socket, size_t len);
void raw_io_flush(struct raw_io *io);
/* Waits at most `wait_ms`, and gives what has come to `take`. */
void raw_io_receive(struct raw_io *io, int wait_ms, raw_take *take, void *context);

#endif
