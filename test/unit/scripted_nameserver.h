/* test/unit/scripted_nameserver.h: a nameserver that answers as a test wants, in a process of its own, on
 * loopback in both families. Goes with test/unit/client_fixture.h.
 *
 * It says what comes, a byte each: '4' or '6' for the family of a request, upper case 'A' or 'B' instead if
 * it came with the Bind-Session of the first one; 'S' if it continues a session; 'R' for a report, which has
 * no answer. */
#ifndef HX_TEST_SCRIPTED_NAMESERVER_H
#define HX_TEST_SCRIPTED_NAMESERVER_H

#include "test/unit/client_fixture.h"

#include "base/buf.h"
#include "proto/response.h"
#include <poll.h>
#include <stdlib.h>

#define STREAMS_MAX 64

/* What it answers to request number `nth` (from 0) over IPv4 or IPv6; NULL: a stream of parts. */
typedef const char *script(int nth, bool ipv6);

/* For a script that wants to know more: the request, and the number of its connection. */
static const char *scripted_request __attribute__((unused));
static int scripted_connection __attribute__((unused));

struct scripted {
    int pid;
    int hear, say; /* what it says; to end it */
    uint16_t port;
};

struct scripted_stream {
    struct stream *s;
    bool ipv6;
    char head[4096];
    size_t len;
    int number;
};

static inline void scripted_answer(struct scripted_stream *t, script *answer, int *nth, char session[33],
                                   int say_fd)
{
    char mark = t->ipv6 ? '6' : '4';
    const char *header = strstr(t->head, "Bind-Session: ");
    if (strncmp(t->head, "GET /report?", strlen("GET /report?")) == 0) {
        (void)!write(say_fd, "R", 1);
        return;
    }
    scripted_request = t->head;
    scripted_connection = t->number;
    const char *text = answer((*nth)++, t->ipv6);

    if (header && strlen(header) >= 14 + 32) {
        if (session[0] == '\0')
            memcpy(session, header + 14, 32);
        else if (memcmp(session, header + 14, 32) == 0)
            mark = t->ipv6 ? 'B' : 'A';
    }
    if (strstr(t->head, "\r\nSession: "))
        mark = 'S';
    (void)!write(say_fd, &mark, 1);
    if (text) {
        (void)stream_write(t->s, text, strlen(text));
        return;
    }
    struct buf out;
    buf_init(&out, 0);
    if (response_write_stream_head(&out, &(struct endpoint){.family = AF_UNSPEC}, false, true, "") == HX_OK)
        (void)stream_write(t->s, buf_data(&out), out.len);
    buf_free(&out);
}

static inline void scripted_read(struct scripted_stream *t, script *answer, int *nth, char session[33],
                                 int say_fd)
{
    ssize_t n;

    while ((n = stream_read(t->s, t->head + t->len, sizeof t->head - 1 - t->len)) > 0) {
        t->len += (size_t)n;
        t->head[t->len] = '\0';
        if (!strstr(t->head, "\r\n\r\n"))
            continue;
        scripted_answer(t, answer, nth, session, say_fd);
        t->len = 0;
    }
    if (n != HX_EAGAIN) {
        stream_close(t->s);
        t->s = NULL;
    }
}

static inline struct scripted_stream *scripted_find(struct scripted_stream *all, struct stream *s)
{
    for (int i = 0; i < STREAMS_MAX; i++) {
        if (all[i].s == s)
            return &all[i];
    }
    return NULL;
}

static inline void scripted_event(const struct udt_event *ev, struct scripted_stream *all, script *answer,
                                  int *nth, char session[33], int say_fd)
{
    struct scripted_stream *t = scripted_find(all, ev->stream);

    if (ev->type == UDT_EV_ACCEPTED && (t = scripted_find(all, NULL))) {
        socklen_t len;
        const struct sockaddr_in6 *peer = (const struct sockaddr_in6 *)stream_peer(ev->stream, &len);

        static int accepted;
        *t = (struct scripted_stream){
            .s = ev->stream, .number = ++accepted, .ipv6 = !IN6_IS_ADDR_V4MAPPED(&peer->sin6_addr)};
    }
    if (t)
        scripted_read(t, answer, nth, session, say_fd);
}

static inline void scripted_run(script *answer, int hear_fd, int say_fd)
{
    static struct scripted_stream all[STREAMS_MAX];
    struct sockaddr_in6 any = {.sin6_family = AF_INET6};
    struct udt_port_config config = {
        .local = (struct sockaddr *)&any, .local_len = sizeof any, .backlog = 100};
    struct udt_port *p;
    struct udt_event ev;
    char session[33] = "";
    int nth = 0;

    if (udt_port_open(&p, &config) < 0)
        return;
    socklen_t len;
    const struct sockaddr_in6 *local = (const struct sockaddr_in6 *)udt_port_local(p, &len);
    (void)!write(say_fd, &local->sin6_port, sizeof local->sin6_port);
    for (;;) {
        struct pollfd fds[] = {{udt_port_fd(p), POLLIN, 0}, {hear_fd, POLLIN, 0}};

        while (udt_port_next(p, &ev))
            scripted_event(&ev, all, answer, &nth, session, say_fd);
        if (poll(fds, 2, udt_port_timeout_ms(p)) > 0 && fds[1].revents)
            return;
    }
}

static inline struct scripted scripted_start(script *answer)
{
    struct scripted s = {0};
    int up[2], down[2];

    assert_int_equal(pipe(up), 0);
    assert_int_equal(pipe(down), 0);
    s.pid = fork();
    if (s.pid == 0) {
        alarm(LIFE_S);
        close(up[0]);
        close(down[1]);
        scripted_run(answer, down[0], up[1]);
        _exit(0);
    }
    close(up[1]);
    close(down[0]);
    s.hear = up[0];
    s.say = down[1];
    assert_int_equal(read(s.hear, &s.port, sizeof s.port), sizeof s.port);
    s.port = ntohs(s.port);
    return s;
}

/* Ends it. What it has said since scripted_heard(), as a string. */
static inline const char *scripted_stop(struct scripted *s)
{
    static char said[200];
    size_t len = 0;

    close(s->say);
    ssize_t n;
    while (len < sizeof said - 1 && (n = read(s->hear, said + len, sizeof said - 1 - len)) > 0)
        len += (size_t)n;
    said[len] = '\0';
    close(s->hear);
    waitpid(s->pid, NULL, 0);
    return said;
}

/* A process, until it gets SIGCONT; it does when this returns. */
static inline void stand_still(pid_t pid)
{
    assert_int_equal(kill(pid, SIGSTOP), 0);
    assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);
}

/* The next thing that it says; waits for it. */
static inline char scripted_heard(struct scripted *s)
{
    struct pollfd fd = {s->hear, POLLIN, 0};
    char c;

    return poll(&fd, 1, PATIENCE_MS) == 1 && read(s->hear, &c, 1) == 1 ? c : '-';
}

#endif
