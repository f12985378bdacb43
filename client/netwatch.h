/* client/netwatch.h: tells that this host's addresses, links or routes have changed (rtnetlink(7)). */
#ifndef HX_CLIENT_NETWATCH_H
#define HX_CLIENT_NETWATCH_H

/* A descriptor that becomes readable, to be closed with close(). HX_ESYS: the kernel will not tell. */
int netwatch_open(void);
/* Takes what waits, so that it becomes quiet again. What it was is of no interest: look at the
 * routes in use. */
void netwatch_drain(int fd);

#endif
