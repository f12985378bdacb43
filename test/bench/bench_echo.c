/* bench_echo: a bare UDP echo, one datagram at a time: what the kernel allows. Prints "listening on
 * 127.0.0.1:PORT". */
#include "test/bench/measure.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int main(void)
{
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof local;

    if (fd < 0 || bind(fd, (struct sockaddr *)&local, len) < 0 ||
        getsockname(fd, (struct sockaddr *)&local, &len) < 0)
        die("no UDP socket: %s", strerror(errno));
    printf("listening on 127.0.0.1:%u\n", ntohs(local.sin_port));
    fflush(stdout);
    for (;;) {
        struct sockaddr_in from;
        char bytes[2048];
        ssize_t n;

        len = sizeof from;
        n = recvfrom(fd, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &len);
        if (n >= 0)
            (void)!sendto(fd, bytes, (size_t)n, 0, (struct sockaddr *)&from, len);
    }
}
