/* test/bench/local_socket.h: sockets at 127.0.0.1. `type`: SOCK_STREAM or SOCK_DGRAM. Where one cannot be
 * had, the program ends. */
#ifndef HX_BENCH_LOCAL_SOCKET_H
#define HX_BENCH_LOCAL_SOCKET_H

int local_socket_to(int type, const char *port); /* a stream's small pieces leave at once */
/* Says "listening on 127.0.0.1:PORT" when it does. `port`: NULL is one of the kernel's choice. */
int local_socket_at(int type, const char *port);

#endif
