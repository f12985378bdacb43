/* test/unit/client_fixture.h: a nameserver on loopback, and users of libhx. A process has one engine, which
 * hx_cleanup() ends for good: each is a process of its own, forked by a test that never starts UDT itself.
 * Brings cmocka. */
#ifndef HX_TEST_CLIENT_FIXTURE_H
#define HX_TEST_CLIENT_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/api.h"
#include "proto/endpoint.h"
#include "test/unit/serve_fixture.h"
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 20000
#define LIFE_S      60 /* of a process, whatever happens */

enum outcome { /* exit statuses; sanitizers have others */
               DONE = 0,
               FAILED_BIND = 2,
               FAILED_ACCEPT,
               FAILED_CONNECT,
               FAILED_SERVE,
               FAILED_PROOF,
               FAILED_BYTES,
               FAILED_END,
};

struct process {
    pid_t pid;
    int hear, say; /* from it, to it */
};

static struct process nameserver;
static char nameserver_text[ENDPOINT_TEXT_MAX];

/* ---- processes ---- */

static inline struct process start(enum outcome (*run)(int hear, int say))
{
    int up[2], down[2];

    assert_int_equal(pipe(up), 0);
    assert_int_equal(pipe(down), 0);
    struct process p;
    p.pid = fork();
    if (p.pid == 0) {
        alarm(LIFE_S);
        close(up[0]);
        close(down[1]);
        _exit(run(down[0], up[1]));
    }
    close(up[1]);
    close(down[0]);
    p.hear = up[0];
    p.say = down[1];
    return p;
}

static inline void say(int fd)
{
    (void)!write(fd, "", 1);
}

static inline int finish(struct process *p)
{
    say(p->say); /* an end of the pipe that others have inherited says nothing */
    close(p->say);
    close(p->hear);
    int status;
    waitpid(p->pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

/* False: the other side has ended before. */
static inline bool hear(int fd)
{
    char c;

    return read(fd, &c, 1) == 1;
}

static inline enum outcome serve(int hear_fd, int say_fd)
{
    struct server_config config;

    (void)hear_fd;
    alarm(0); /* lives as long as the tests */
    server_config_defaults(&config);
    return serve_on_loopback(&config, say_fd) ? DONE : FAILED_SERVE;
}

static inline struct hx_config defaults(void)
{
    return (struct hx_config){.nameserver = nameserver_text, .punch_ms = PATIENCE_MS};
}

static inline int start_nameserver(void **state)
{
    (void)state;
    signal(SIGPIPE, SIG_IGN);
    nameserver = start(serve);
    struct sockaddr_storage address;
    ssize_t len;
    len = read(nameserver.hear, &address, sizeof address);
    struct endpoint e;
    if (len <= 0 || endpoint_from_sockaddr(&e, (struct sockaddr *)&address, (socklen_t)len) < 0)
        return -1;
    endpoint_format(&e, nameserver_text);
    return 0;
}

static inline int stop_nameserver(void **state)
{
    (void)state;
    kill(nameserver.pid, SIGTERM);
    return finish(&nameserver) == DONE ? 0 : -1;
}

#endif
