/* bench_bare: the least that a server on shim/udt/udt.h can do, accept, read, answer with the
 * same bytes, close: what the library gives with the tap's events and small buffers. Prints
 * "listening on 127.0.0.1:PORT". */
#include "shim/udt/udt.h"
#include "test/bench/measure.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define BACKLOG 1024

static const char answer[] =
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n";

static void serve(struct stream *s)
{
    char bytes[4096];
    ssize_t n = stream_read(s, bytes, sizeof bytes);

    if (n > 4 && memcmp(bytes + n - 4, "\r\n\r\n", 4) == 0)
        (void)stream_write(s, answer, strlen(answer));
}

int main(void)
{
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct udt_port_config config = {
        .local = (struct sockaddr *)&local, .local_len = sizeof local, .backlog = BACKLOG};
    struct udt_port *p;
    struct pollfd fd = {.events = POLLIN};
    struct udt_event ev;
    socklen_t len;

    if (udt_port_open(&p, &config) < 0)
        die("cannot open a UDP port");
    /* The port is at the same place in both families' addresses. */
    printf("listening on 127.0.0.1:%u\n",
           ntohs(((const struct sockaddr_in *)udt_port_local(p, &len))->sin_port));
    fflush(stdout);
    for (fd.fd = udt_port_fd(p);; poll(&fd, 1, -1)) {
        while (udt_port_next(p, &ev)) {
            if (ev.type == UDT_EV_ACCEPTED || ev.type == UDT_EV_READABLE)
                serve(ev.stream);
            else if (ev.type == UDT_EV_CLOSED)
                stream_close(ev.stream);
        }
    }
}
