/* A nameserver in a process of its own, on a port of the kernel's choice. */
#ifndef HX_TEST_UNIT_SERVE_FIXTURE_H
#define HX_TEST_UNIT_SERVE_FIXTURE_H

#include "server/config.h"
#include "server/server.h"
#include "server/service.h"
#include "shim/udt/udt.h"
#include <stdbool.h>
#include <unistd.h>

/* Serves until SIGTERM; once it does, its address leaves by `ready_fd`. False: it could not. */
static inline bool serve_on_loopback(struct server_config *config, int ready_fd)
{
    int signals = service_block_signals();
    if (server_config_set(config, "listen", "127.0.0.1:0", (char[CONFIG_ERROR_MAX]){0}) < 0)
        return false;
    struct udt_port_config pc = {.local = (const struct sockaddr *)&config->listen[0].address,
                                 .local_len = config->listen[0].len,
                                 .backlog = 100};
    struct udt_port *p;
    struct server *s;
    if (signals < 0 || udt_port_open(&p, &pc) < 0 || server_create(&s, config, NULL) < 0)
        return false;
    socklen_t len;
    const struct sockaddr *local = udt_port_local(p, &len);
    if (write(ready_fd, local, len) != (ssize_t)len ||
        service_run(&(struct service_config){
            .server = s, .ports = &p, .port_count = 1, .signal_fd = signals, .stats_fd = -1}) < 0)
        return false;
    server_destroy(s);
    udt_shutdown(200);
    return true;
}

#endif
