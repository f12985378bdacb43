/* libhx through client/api.h against a nameserver on loopback. A process has one engine, which hx_cleanup()
 * ends for good: the nameserver and every user of the library are processes of their own, forked by a test
 * that never starts UDT itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "client/api.h"
#include "proto/endpoint.h"
#include "server/config.h"
#include "server/loop.h"
#include "server/server.h"
#include "shim/udt.h"
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 20000
#define LIFE_S      60   /* of a process, whatever happens */
#define WAITING     3    /* streams that nobody accepts */
#define PERTURB     0x5A /* what free() leaves behind */

enum outcome { /* exit statuses; sanitizers have others */
               DONE = 0,
               FAILED_BIND = 2,
               FAILED_ACCEPT,
               FAILED_CONNECT,
               FAILED_SERVE,
};

struct process {
    pid_t pid;
    int hear, say; /* from it, to it */
};

static struct process nameserver;
static char nameserver_text[ENDPOINT_TEXT_MAX];

/* ---- processes ---- */

static struct process start(enum outcome (*run)(int hear, int say))
{
    struct process p;
    int up[2], down[2];

    assert_int_equal(pipe(up), 0);
    assert_int_equal(pipe(down), 0);
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

static void say(int fd)
{
    (void)!write(fd, "", 1);
}

static int finish(struct process *p)
{
    int status;

    say(p->say); /* an end of the pipe that others have inherited says nothing */
    close(p->say);
    close(p->hear);
    waitpid(p->pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
}

/* False: the other side has ended before. */
static bool hear(int fd)
{
    char c;

    return read(fd, &c, 1) == 1;
}

/* ---- what they do ---- */

static enum outcome serve(int hear_fd, int say_fd)
{
    struct server_config config;
    struct udt_port_config pc;
    struct udt_port *p;
    struct server *s;
    int signals = loop_block_signals();
    const struct sockaddr *local;
    socklen_t len;

    (void)hear_fd;
    alarm(0); /* lives as long as the tests */
    server_config_defaults(&config);
    if (server_config_set(&config, "listen", "127.0.0.1:0", (char[CONFIG_ERROR_MAX]){0}) < 0)
        return FAILED_SERVE;
    pc = (struct udt_port_config){
        .local = (const struct sockaddr *)&config.listen, .local_len = config.listen_len, .backlog = 100};
    if (signals < 0 || udt_port_open(&p, &pc) < 0 || server_create(&s, &config) < 0)
        return FAILED_SERVE;
    local = udt_port_local(p, &len);
    if (write(say_fd, local, len) != (ssize_t)len ||
        loop_run(&(struct loop_config){.server = s, .port = p, .signal_fd = signals, .stats_fd = -1}) < 0)
        return FAILED_SERVE;
    server_destroy(s);
    udt_shutdown(200);
    return DONE;
}

static struct hx_config defaults(void)
{
    return (struct hx_config){.nameserver = nameserver_text, .punch_ms = PATIENCE_MS};
}

static void count_punched(void *user, const struct hx_event_info *info)
{
    if (info->event == HX_EVENT_PUNCHED)
        say(*(int *)user);
}

/* Says one byte when the name is bound and one for each stream that waits. Accepts none of them. */
static enum outcome clean_up_unaccepted(int hear_fd, int say_fd)
{
    struct hx_config config = defaults();
    struct hx_listener *l;

    mallopt(M_PERTURB, PERTURB); /* without a sanitizer what is freed must not pass for what it was */
    config.on_event = count_punched;
    config.user = &say_fd;
    if (hx_bind(&l, &config, "waiting-room") < 0)
        return FAILED_BIND;
    say(say_fd);
    if (!hear(hear_fd))
        return FAILED_ACCEPT;
    hx_cleanup();
    hx_listener_close(l);
    return DONE;
}

static enum outcome connect_once(int hear_fd, int say_fd)
{
    struct hx_config config = defaults();
    struct hx_stream *s;

    if (hx_connect(&s, &config, "waiting-room", PATIENCE_MS) < 0)
        return FAILED_CONNECT;
    say(say_fd);
    (void)hear(hear_fd);
    hx_abort(s);
    hx_close(s);
    hx_cleanup();
    return DONE;
}

static enum outcome accept_two(int hear_fd, int say_fd)
{
    struct hx_config config = defaults();
    struct hx_stream *s[2] = {NULL, NULL};
    struct hx_listener *l;
    char c;

    if (hx_bind(&l, &config, "popular") < 0)
        return FAILED_BIND;
    say(say_fd);
    for (int i = 0; i < 2; i++) {
        if (hx_accept(l, &s[i], PATIENCE_MS) < 0 || hx_read(s[i], &c, 1, PATIENCE_MS) != 1)
            return FAILED_ACCEPT;
    }
    say(say_fd);
    (void)hear(hear_fd);
    for (int i = 0; i < 2; i++)
        hx_close(s[i]);
    hx_listener_close(l);
    hx_cleanup();
    return DONE;
}

static pthread_barrier_t both;

static void *connect_in_thread(void *user)
{
    struct hx_config config = defaults();
    struct hx_stream **s = user;

    pthread_barrier_wait(&both);
    if (hx_connect(s, &config, "popular", PATIENCE_MS) < 0 || hx_write(*s, "x", 1, PATIENCE_MS) != 1)
        return NULL;
    return user;
}

static enum outcome connect_twice_at_once(int hear_fd, int say_fd)
{
    struct hx_stream *s[2] = {NULL, NULL};
    pthread_t threads[2];
    enum outcome outcome = DONE;

    pthread_barrier_init(&both, NULL, 2);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, connect_in_thread, &s[i]);
    for (int i = 0; i < 2; i++) {
        void *done;

        pthread_join(threads[i], &done);
        if (!done)
            outcome = FAILED_CONNECT;
    }
    pthread_barrier_destroy(&both);
    say(say_fd);
    (void)hear(hear_fd);
    for (int i = 0; i < 2; i++)
        hx_close(s[i]);
    hx_cleanup();
    return outcome;
}

/* ---- the tests ---- */

static int start_nameserver(void **state)
{
    struct sockaddr_storage address;
    struct endpoint e;
    ssize_t len;

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    nameserver = start(serve);
    len = read(nameserver.hear, &address, sizeof address);
    if (len <= 0 || endpoint_from_sockaddr(&e, (struct sockaddr *)&address, (socklen_t)len) < 0)
        return -1;
    endpoint_format(&e, nameserver_text);
    return 0;
}

static int stop_nameserver(void **state)
{
    (void)state;
    kill(nameserver.pid, SIGTERM);
    return finish(&nameserver) == DONE ? 0 : -1;
}

static void cleanup_with_streams_that_nobody_has_accepted_touches_no_freed_memory(void **state)
{
    struct process holder = start(clean_up_unaccepted), peers[WAITING];

    (void)state;
    assert_true(hear(holder.hear));
    for (int i = 0; i < WAITING; i++)
        peers[i] = start(connect_once);
    for (int i = 0; i < WAITING; i++) {
        assert_true(hear(holder.hear));
        assert_true(hear(peers[i].hear));
    }
    assert_int_equal(finish(&holder), DONE);
    for (int i = 0; i < WAITING; i++)
        assert_int_equal(finish(&peers[i]), DONE);
}

static void two_threads_that_connect_to_one_name_at_once_both_succeed(void **state)
{
    struct process holder = start(accept_two), peers;

    (void)state;
    assert_true(hear(holder.hear));
    peers = start(connect_twice_at_once);
    assert_true(hear(peers.hear));
    assert_true(hear(holder.hear));
    assert_int_equal(finish(&peers), DONE);
    assert_int_equal(finish(&holder), DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cleanup_with_streams_that_nobody_has_accepted_touches_no_freed_memory),
        cmocka_unit_test(two_threads_that_connect_to_one_name_at_once_both_succeed),
    };

    return cmocka_run_group_tests_name("client api", tests, start_nameserver, stop_nameserver);
}
