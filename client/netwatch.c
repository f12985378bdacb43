#include "client/netwatch.h"
#include "base/error.h"
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

int netwatch_open(void)
{
    struct sockaddr_nl groups = {.nl_family = AF_NETLINK,
                                 .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
                                              RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (fd < 0)
        return HX_ESYS;
    if (bind(fd, (struct sockaddr *)&groups, sizeof groups) == 0)
        return fd;
    close(fd);
    return HX_ESYS;
}

void netwatch_drain(int fd)
{
    char message[4096]; /* a longer one is cut, and taken whole */
    for (int i = 0; i < 1000 && recv(fd, message, sizeof message, 0) >= 0; i++)
        ;
}
