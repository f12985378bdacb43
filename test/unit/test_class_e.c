/* shim/net/paths: canonical addresses are on no wire, not even in a network that has them. */
#include "shim/net/burst.h"
#include "shim/net/net_port.h"
#include "shim/net/paths.h"
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
/* cmocka wants the above */
#include <cmocka.h>

/* In a network where such an address is ours, so that a datagram to it would come to *fd. False: we may not
 * make one. */
static bool enter_network_with(const struct net_address *canonical, int *fd)
{
    struct sockaddr_in6 at;
    char map[32];
    int len = snprintf(map, sizeof map, "0 %d 1", (int)getuid());

    if (unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
        return false;
    int file = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
    bool mapped = write(file, map, (size_t)len) == len;
    close(file);
    if (!mapped ||
        system("ip link set lo up && ip route add local 240.0.0.0/8 dev lo") != 0) /* NOLINT(cert-env33-c) */
        return false;
    net_address_to_sockaddr6(canonical, &at);
    *fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    return bind(*fd, (struct sockaddr *)&at, sizeof at) == 0;
}

enum { HEARD_NOTHING = 10, HEARD, NOT_TRIED };

/* In every way there is; the port there does not know the peer. */
static int send_into_class_e(const struct net_address *canonical)
{
    struct net_route route = {.to = *canonical};
    struct sockaddr_in6 to;
    uint8_t bytes[1000] = {0};
    struct iovec part = {bytes, sizeof bytes};
    int fd;

    if (!enter_network_with(canonical, &fd))
        return NOT_TRIED;
    struct net_port *port;
    if (net_port_open(&port, &(struct net_port_config){.burst = true}) < 0)
        return NOT_TRIED;
    net_address_to_sockaddr6(canonical, &to);
    if (sendto(net_port_fd(port), "x", 1, 0, (struct sockaddr *)&to, sizeof to) != 1 ||
        recv(fd, bytes, 1, 0) != 1)
        return NOT_TRIED; /* it would not hear it */
    for (int i = 0; i < 3; i++) {
        (void)net_port_send(port, &route, &part, 1, 0);
        (void)net_port_hold(port, &route, &part, 1);
        burst_flush();
        part.iov_len /= 10;
    }
    return recv(fd, bytes, 1, 0) < 0 ? HEARD_NOTHING : HEARD;
}

static void nothing_is_ever_sent_to_class_e(void **state)
{
    struct net_port *port;
    struct net_peer *peer;
    int status;

    (void)state;
    assert_int_equal(net_port_open(&port, &(struct net_port_config){.burst = true}), HX_OK);
    assert_int_equal(net_peer_create(&peer, port), HX_OK);
    pid_t child = fork();
    if (child == 0)
        _exit(send_into_class_e(net_peer_address(peer)));
    assert_int_equal(waitpid(child, &status, 0), child);
    net_peer_destroy(peer);
    net_port_close(port);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == NOT_TRIED)
        skip();
    assert_int_equal(WEXITSTATUS(status), HEARD_NOTHING);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_ever_sent_to_class_e),
    };

    return cmocka_run_group_tests_name("class_e", tests, NULL, NULL);
}
