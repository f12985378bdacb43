/* hx-nameserver: tells hosts behind NATs each other's external address (DESIGN.md). */
#include "base/error.h"
#include "base/process.h"
#include "proto/endpoint.h"
#include "server/admin/admin.h"
#include "server/auth.h"
#include "server/config.h"
#include "server/inherited.h"
#include "server/log.h"
#include "server/notify.h"
#include "server/owners_command.h"
#include "server/owners_link.h"
#include "server/privileges.h"
#include "server/relay.h"
#include "server/sandbox.h"
#include "server/server.h"
#include "server/service.h"
#include "server/stats.h"
#include "server/store.h"
#include "server/stun.h"
#include "server/tcp.h"
#include "server/transcripts.h"
#include "server/tunnel.h"
#include "shim/udt/udt.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define EXIT_USAGE 2
#define BACKLOG    1024 /* connections that UDT holds until the loop takes them */
#define FLUSH_MS   500  /* for the last datagrams to leave */

/* What has begun, in the order of serve(); what has not is NULL. */
struct process {
    struct service_config service;
    struct udt_port *ports[CONFIG_LISTEN_MAX];
    struct notify notify;
    struct owners_link *owners;
};

static void address_text(const struct sockaddr *sa, socklen_t len, char text[ENDPOINT_TEXT_MAX])
{
    struct endpoint e = {.family = AF_UNSPEC};

    endpoint_from_sockaddr(&e, sa, len);
    endpoint_format(&e, text);
}

static int open_at(struct udt_port **out, const struct server_config *config, const struct server_listen *l,
                   bool ipv6_only, struct stun_place *stun)
{
    const struct udt_port_config pc = {.local = (const struct sockaddr *)&l->address,
                                       .local_len = l->len,
                                       .fd = l->fd,
                                       .backlog = BACKLOG,
                                       .runs = config->relay,
                                       .ipv6_only = ipv6_only,
                                       .rate_per_address = (unsigned)config->rate_per_address,
                                       .stun = stun_take,
                                       .stun_context = stun};

    errno = 0;
    return udt_port_open(out, &pc);
}

/* NULL: what was wrong has been printed. */
static struct udt_port *open_port(const struct server_config *config, size_t which, struct stun *stun)
{
    struct stun_place *place = stun_add(stun);
    struct server_listen l = config->listen[which];
    struct udt_port *port;
    char text[ENDPOINT_TEXT_MAX];
    bool ipv6_only =
        config->family == AF_INET6 || listen_ipv6_only(config->listen, config->listen_count, which);
    int err = open_at(&port, config, &l, ipv6_only, place);

    /* A kernel without IPv6: every address is every one of IPv4. */
    if (err < 0 && errno == EAFNOSUPPORT && l.any && !ipv6_only && listen_restrict(&l, AF_INET) == HX_OK)
        err = open_at(&port, config, &l, false, place);
    if (err == HX_OK)
        err = stun_set_port(place, udt_port_net(port));
    if (err == HX_OK)
        return port;
    address_text((const struct sockaddr *)&l.address, l.len, text);
    if (err == HX_EADDR)
        fprintf(stderr,
                "hx-nameserver: cannot listen on UDP %s: %s; choose another address with --listen%s\n", text,
                strerror(errno), errno == EADDRINUSE ? ", or stop who uses it" : "");
    else
        fprintf(stderr, "hx-nameserver: cannot start on UDP %s: %s\n", text,
                err == HX_ESYS && errno != 0 ? strerror(errno) : hx_error_text(err));
    return NULL;
}

static int listen_tcp(struct tcp *tcp, const struct server_config *config, size_t which)
{
    struct server_listen l = config->listen_tcp[which];
    bool ipv6_only =
        config->family == AF_INET6 || listen_ipv6_only(config->listen_tcp, config->listen_tcp_count, which);
    char text[ENDPOINT_TEXT_MAX];
    int err = tcp_listen(tcp, &l, ipv6_only);

    if (err < 0 && errno == EAFNOSUPPORT && l.any && !ipv6_only && listen_restrict(&l, AF_INET) == HX_OK)
        err = tcp_listen(tcp, &l, false);
    if (err < 0) {
        address_text((const struct sockaddr *)&l.address, l.len, text);
        fprintf(stderr,
                "hx-nameserver: cannot listen on TCP %s: %s; choose another address with --listen-tcp%s\n",
                text, strerror(errno), errno == EADDRINUSE ? ", or stop who uses it" : "");
    }
    return err;
}

/* Each TCP connection needs a descriptor; many systems give 1,024 unless they are asked. */
static void raise_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* HX_OK, or what was printed as well. */
static int open_tcp(const struct server_config *config, struct service_config *service)
{
    int err = HX_OK;

    if (config->listen_tcp_count == 0)
        return HX_OK;
    raise_descriptors();
    err = tcp_create(&service->tcp, config);
    if (err < 0)
        fprintf(stderr, "hx-nameserver: cannot serve TCP: %s\n", hx_error_text(err));
    for (size_t i = 0; err == HX_OK && i < config->listen_tcp_count; i++)
        err = listen_tcp(service->tcp, config, i);
    return err;
}

/* All that are UDT's, with STUN beside it, and those that are STUN's alone. HX_OK, or what was printed as
 * well. */
static int open_ports(const struct server_config *config, struct service_config *service,
                      struct udt_port **ports)
{
    int err = stun_create(&service->stun, config);

    if (err == HX_OK && config->relay && (err = relay_create(&service->relay, config)) < 0)
        fprintf(stderr, "hx-nameserver: cannot relay: %s\n", hx_error_text(err));
    for (size_t i = 0; err == HX_OK && i < config->listen_count; i++)
        if (!(ports[i] = open_port(config, i, service->stun)))
            return HX_EADDR;
    if (err == HX_OK)
        err = stun_open_others(service->stun);
    if (err < 0 && err != HX_EADDR) /* which was printed */
        fprintf(stderr, "hx-nameserver: cannot answer STUN: %s\n", hx_error_text(err));
    return err;
}

/* HX_OK, or what was printed as well. */
static int find_user(struct privileges_user *user, const char *name)
{
    int err = privileges_find(user, name);

    if (err == HX_ENOTFOUND)
        fprintf(stderr, "hx-nameserver: no user '%s'; give one of this machine with --user\n", name);
    else if (err == HX_EINVAL)
        fprintf(stderr, "hx-nameserver: user '%s' has root's rights; give another one with --user\n", name);
    else if (err < 0)
        fprintf(stderr, "hx-nameserver: user '%s' cannot be looked up: %s\n", name, strerror(errno));
    return err;
}

/* Without a sandbox the service is still better than none. */
static const char *enter_sandbox(const struct server_config *config)
{
    if (config->no_sandbox || !sandbox_built())
        return "off";
    if (sandbox_enter() == HX_OK)
        return "on";
    log_always(LOG_WARN, "no_sandbox", "reason", strerror(errno));
    return "off";
}

/* Standard output gets one write(2): stdio would ask for more than the sandbox allows. */
static int announce_text(const char *transport, const char *text, const char *sandbox)
{
    char line[ADMIN_TEXT_MAX + 32];

    log_always(LOG_INFO, "listening", "transport", transport, "address", text, "version", HX_VERSION,
               "sandbox", sandbox);
    int size = snprintf(line, sizeof line, "listening on %s%s%s\n", transport ? transport : "",
                        transport ? " " : "", text);
    if (write(STDOUT_FILENO, line, (size_t)size) == size ||
        errno == EBADF) /* closed: nobody wants to hear it */
        return HX_OK;
    return HX_ESYS;
}

static int announce(const char *transport, const struct sockaddr *local, socklen_t len, const char *sandbox)
{
    char text[ENDPOINT_TEXT_MAX];

    address_text(local, len, text);
    return announce_text(transport, text, sandbox);
}

static int announce_all(const struct service_config *service, const char *sandbox)
{
    const struct sockaddr *local;
    socklen_t len;
    int err = HX_OK;

    for (size_t i = 0; err == HX_OK && i < service->port_count; i++) {
        local = udt_port_local(service->ports[i], &len);
        err = announce(NULL, local, len, sandbox);
    }
    for (size_t i = 0; err == HX_OK && service->tcp && i < tcp_listeners(service->tcp); i++) {
        local = tcp_local(service->tcp, i, &len);
        err = announce("tcp", local, len, sandbox);
    }
    for (size_t i = 0; err == HX_OK && i < admin_listeners(service->admin); i++)
        err = announce_text("admin", admin_text(service->admin, i), sandbox);
    return err;
}

/* A kernel without IPv6 has no room for them: TCP goes on without. */
static void open_tunnels(const struct service_config *service)
{
    for (size_t i = 0; service->tcp && i < service->port_count; i++)
        if (tunnels_add_port(server_tunnels(service->server), service->ports[i]) < 0)
            log_always(LOG_WARN, "no_tunnels", "reason", strerror(errno));
}

/* Without memory for it the service is still better than none. */
static struct transcripts *use_transcripts(const struct server_config *config, struct service_config *service)
{
    struct transcripts *t = NULL;

    if (config->transcripts[0] &&
        transcripts_create(&t, service->store, config, server_count_in(service->server)) < 0)
        log_always(LOG_WARN, "no_transcripts", "reason", hx_error_text(HX_ENOMEM));
    server_use_transcripts(service->server, t);
    return t;
}

/* All that needs rights or files has been done. */
static int run(const struct server_config *config, struct service_config *service)
{
    int err = server_create(&service->server, config, service->relay);

    if (err == HX_OK) {
        struct transcripts *transcripts = use_transcripts(config, service);
        server_use_auth(service->server, service->auth);
        open_tunnels(service);
        const char *sandbox = enter_sandbox(config);

        stun_begin(service->stun); /* who reads the announcement may ask at once */
        for (size_t i = 0; service->relay && i < service->port_count; i++)
            relay_serve(service->relay, udt_port_net(service->ports[i]));
        err = announce_all(service, sandbox);
        if (err == HX_OK)
            err = service_run(service);
        if (err < 0)
            log_always(LOG_ERROR, "failed", "reason", hx_error_text(err), "errno", strerror(errno));
        server_destroy(service->server);
        transcripts_destroy(transcripts);
    }
    return err;
}

/* NULL in *out: nobody need prove anything. HX_OK, or what was printed as well; HX_EINVAL: of the file. */
static int make_auth(struct auth **out, const struct server_config *config)
{
    char error[AUTH_ERROR_MAX];
    struct auth_rules *rules = NULL;
    int err = HX_OK;

    *out = NULL;
    if (!server_config_authorizes(config))
        return HX_OK;
    if (config->auth_file[0])
        err = auth_rules_read_file(&rules, config->auth_file, error);
    if (err < 0) {
        fprintf(stderr, "hx-nameserver: %s\n", error);
        return err;
    }
    err = auth_create(out, config);
    if (err < 0) {
        fprintf(stderr, "hx-nameserver: cannot authorize: %s\n", hx_error_text(err));
        auth_rules_destroy(rules);
        return err;
    }
    auth_use_rules(*out, rules);
    return HX_OK;
}

/* Where an option needs it: HX_OK, or what was printed as well. */
static int start_store(const struct server_config *config, const struct privileges_user *user,
                       struct process *p)
{
    const struct store_config store = {.config_path = config->config_path,
                                       .auth_path = config->auth_file[0] ? config->auth_file : NULL,
                                       .auth_db = config->auth_tofu ? config->auth_db : NULL,
                                       .transcripts = config->transcripts[0] ? config->transcripts : NULL,
                                       .transcripts_max = config->transcripts_max,
                                       .user = config->user[0] ? user : NULL,
                                       .no_sandbox = config->no_sandbox};

    if (!store.config_path && !store.auth_path && !store.auth_db && !store.transcripts)
        return HX_OK;
    int err = store_start(&p->service.store, &store);
    if (err == HX_OK && store.auth_db)
        err = owners_link(&p->owners, auth_owners(p->service.auth), p->service.store);
    if (err < 0)
        fprintf(stderr, "hx-nameserver: a process for files cannot be started: %s\n",
                err == HX_ESYS ? strerror(errno) : hx_error_text(err));
    return err;
}

/* It has died: that is in the log. */
static int load_store(const struct service_config *service)
{
    int err = service->store ? store_load(service->store) : HX_OK;

    if (err < 0)
        fprintf(stderr, "hx-nameserver: its process for files does not begin: %s\n", hx_error_text(err));
    return err;
}

/* HX_OK, or what was printed as well. */
static int set_up_signals(struct service_config *service)
{
    service->signal_fd = service_block_signals();
    if (service->signal_fd >= 0 && privileges_renounce() == HX_OK)
        return HX_OK;
    fprintf(stderr, "hx-nameserver: signals or privileges cannot be set up: %s\n", strerror(errno));
    return HX_ESYS;
}

/* All that needs rights or files, but for the rules. The store comes before the ports: it is a fork, of a
 * process that has no thread yet. HX_OK, or what was printed as well. */
static int prepare(const struct server_config *config, struct privileges_user *user, struct process *p)
{
    struct service_config *service = &p->service;
    int err = set_up_signals(service);

    if (err == HX_OK && notify_open(&p->notify) < 0)
        fputs("hx-nameserver: NOTIFY_SOCKET cannot be used; nobody is told of this start\n", stderr);
    if (err == HX_OK && config->user[0])
        err = find_user(user, config->user);
    if (err == HX_OK)
        err = start_store(config, user, p);
    if (err == HX_OK)
        err = open_ports(config, service, p->ports);
    if (err == HX_OK)
        err = open_tcp(config, service);
    if (err == HX_OK)
        err = admin_create(&service->admin, config);
    if (err == HX_OK)
        err = load_store(service);
    return err;
}

/* The other way around, however far it has come. No thread may run while the process ends (UDT4.md, A10), and
 * UDT's use `stun` and `relay` until udt_shutdown(). */
static void end(struct process *p, int flush_ms)
{
    struct service_config *service = &p->service;

    admin_destroy(service->admin);
    stun_end(service->stun);
    relay_end(service->relay);
    udt_shutdown(flush_ms);
    tcp_destroy(service->tcp);
    relay_destroy(service->relay);
    stun_destroy(service->stun);
    store_end(service->store);
    free(p->owners);
    notify_close(&p->notify);
    if (service->signal_fd >= 0)
        close(service->signal_fd);
    auth_destroy(service->auth);
    if (service->stats_fd >= 0)
        close(service->stats_fd);
}

static int serve(struct server_config *config, int argc, char **argv)
{
    struct process p = {.notify.fd = -1};
    struct privileges_user user;

    p.service = (struct service_config){.ports = p.ports,
                                        .port_count = config->listen_count,
                                        .notify = &p.notify,
                                        .signal_fd = -1,
                                        .stats_fd = stats_open(),
                                        .config = config,
                                        .argc = argc,
                                        .argv = argv};
    int err = make_auth(&p.service.auth, config);
    int status = err == HX_EINVAL ? EXIT_USAGE : EXIT_FAILURE;
    if (err == HX_OK)
        err = prepare(config, &user, &p);
    if (err < 0) {
        end(&p, 0);
        return status;
    }
    if (config->user[0] && privileges_drop(&user) < 0) {
        fprintf(stderr, "hx-nameserver: cannot become user '%s': %s; start it as root\n", config->user,
                strerror(errno));
        _exit(EXIT_FAILURE); /* nothing more is done with rights that should be gone */
    }
    err = run(config, &p.service);
    end(&p, FLUSH_MS);
    log_end();
    log_always(LOG_INFO, "stopped");
    return err < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int printed(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return EXIT_SUCCESS;
    fprintf(stderr, "hx-nameserver: cannot write to standard output: %s\n", strerror(errno));
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    char error[CONFIG_ERROR_MAX];

    process_begin(); /* who reads the log may go away, or leave no room for it */
    process_ignore_tostop();
    struct server_config config;
    switch (server_config_read(&config, argc, argv, error)) {
    case CONFIG_HELP:
        server_config_usage(stdout);
        return printed();
    case CONFIG_VERSION:
        puts("hx-nameserver " HX_VERSION);
        return printed();
    case CONFIG_BAD:
        fprintf(stderr, "hx-nameserver: %s\n", error);
        return EXIT_USAGE;
    case CONFIG_RUN:
    default:
        break;
    }
    if (inherited_take(&config, error) < 0) {
        fprintf(stderr, "hx-nameserver: %s\n", error);
        return EXIT_FAILURE;
    }
    log_set_level(config.log_level);
    log_set_format(config.log_format);
    log_set_addresses(config.log_addresses);
    if (owners_command_given(&config))
        return owners_command(&config);
    log_open(STDERR_FILENO); /* before --user: the pipe may be root's alone */
    return serve(&config, argc, argv);
}
