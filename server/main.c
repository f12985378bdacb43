/* hx-nameserver: tells hosts behind NATs each other's external address (DESIGN.md). */
#include "proto/endpoint.h"
#include "proto/error.h"
#include "server/config.h"
#include "server/log.h"
#include "server/loop.h"
#include "server/server.h"
#include "shim/udt.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXIT_USAGE 2
#define BACKLOG    1024 /* connections that UDT holds until the loop takes them */
#define FLUSH_MS   500  /* for the last datagrams to leave */

static void address_text(const struct sockaddr *sa, socklen_t len, char text[ENDPOINT_TEXT_MAX])
{
    struct endpoint e = {.family = AF_UNSPEC};

    endpoint_from_sockaddr(&e, sa, len);
    endpoint_format(&e, text);
}

static struct udt_port *open_port(const struct server_config *config)
{
    struct udt_port_config pc = {.local = (const struct sockaddr *)&config->listen,
                                 .local_len = config->listen_len,
                                 .backlog = BACKLOG};
    struct udt_port *port;
    char text[ENDPOINT_TEXT_MAX];
    int err = udt_port_open(&port, &pc);

    if (err == HX_OK)
        return port;
    address_text(pc.local, pc.local_len, text);
    if (err == HX_EADDR)
        fprintf(stderr,
                "hx-nameserver: cannot listen on UDP %s: %s; choose another address with --listen%s\n", text,
                strerror(errno), errno == EADDRINUSE ? ", or stop who uses it" : "");
    else
        fprintf(stderr, "hx-nameserver: cannot start on UDP %s: %s\n", text, hx_error_text(err));
    return NULL;
}

static int announce(const struct udt_port *port)
{
    char text[ENDPOINT_TEXT_MAX];
    socklen_t len;
    const struct sockaddr *local = udt_port_local(port, &len);

    address_text(local, len, text);
    log_event(LOG_INFO, "listening", "address", text, "version", HX_VERSION);
    return printf("listening on %s\n", text) < 0 || fflush(stdout) == EOF ? HX_ESYS : HX_OK;
}

static int serve(const struct server_config *config)
{
    struct server *server;
    struct udt_port *port;
    int signal_fd = loop_block_signals(), err;

    if (signal_fd < 0) {
        fprintf(stderr, "hx-nameserver: signals cannot be set up: %s\n", strerror(errno));
        return EXIT_FAILURE;
    }
    signal(SIGPIPE, SIG_IGN); /* who reads the log may go away */
    port = open_port(config);
    if (!port)
        return EXIT_FAILURE;
    err = server_create(&server, config);
    if (err == HX_OK) {
        err = announce(port);
        if (err == HX_OK)
            err = loop_run(server, port, signal_fd);
        if (err < 0)
            log_event(LOG_ERROR, "failed", "reason", hx_error_text(err), "errno", strerror(errno));
        server_destroy(server);
    }
    udt_shutdown(FLUSH_MS);
    close(signal_fd);
    log_event(LOG_INFO, "stopped");
    return err < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    struct server_config config;
    char error[CONFIG_ERROR_MAX];

    switch (server_config_read(&config, argc, argv, error)) {
    case CONFIG_HELP:
        server_config_usage(stdout);
        return EXIT_SUCCESS;
    case CONFIG_VERSION:
        puts("hx-nameserver " HX_VERSION);
        return EXIT_SUCCESS;
    case CONFIG_BAD:
        fprintf(stderr, "hx-nameserver: %s\n", error);
        return EXIT_USAGE;
    case CONFIG_RUN:
    default:
        break;
    }
    log_set_level(config.log_level);
    return serve(&config);
}
