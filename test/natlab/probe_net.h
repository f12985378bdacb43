/* test/natlab/probe_net.h: UDP over IPv4 for the lab's probe: what fails ends the program, which says so. */
#ifndef HX_TEST_NATLAB_PROBE_NET_H
#define HX_TEST_NATLAB_PROBE_NET_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ANSWER_MS 5000  /* what has not come by then does not come, where that may be */
#define ASKED_MS  60000 /* a reflector that is reachable answers within this, on whatever machine */
#define ASK_MS    300   /* between two questions: a route may be so new that the first one has no way yet */
#define TEXT_MAX  256

struct peer {
    struct sockaddr_in at;
    char text[INET_ADDRSTRLEN + 8]; /* "ip:port" */
};

void die(const char *what);
int64_t now_us(void);
int64_t now_ms(void);
struct sockaddr_in endpoint(const char *addr, const char *port);
/* "ip:port" -> address; exits on anything else: it comes from our own reflector. */
struct sockaddr_in endpoint_parse(const char *text);
bool same(const struct sockaddr_in *a, const struct sockaddr_in *b);
void format(const struct sockaddr_in *a, char *out, size_t len);
int udp_socket(const struct sockaddr_in *local);
void say(int fd, const struct sockaddr_in *to, const char *text);
/* Receives one datagram until `deadline` into text[TEXT_MAX]; false: none came. */
bool hear(int fd, char *text, struct sockaddr_in *from, int64_t deadline);
/* Asks `to` until it answers: true; `text` has that answer, `from` is `to`. */
bool ask(int fd, const struct sockaddr_in *to, const char *question, char *text, struct sockaddr_in *from);

#endif
