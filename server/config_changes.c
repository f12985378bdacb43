#include "server/config_changes.h"
#include <string.h>

#define SAME_FIELD(field) (memcmp(&a->field, &b->field, sizeof a->field) == 0)
#define SAME_TEXT(field)  (strcmp(a->field, b->field) == 0)

typedef bool same_option(const struct server_config *a, const struct server_config *b);

static bool same_address(const struct server_listen *a, const struct server_listen *b)
{
    return a->len == b->len && a->any == b->any && memcmp(&a->address, &b->address, a->len) == 0;
}

/* What has been handed over (server/inherited.h) stands in the place of whatever is asked for. */
static bool same_list(const struct server_listen *a, size_t a_count, const struct server_listen *b,
                      size_t b_count)
{
    if (a_count > 0 && a[0].fd > 0)
        return true;
    bool same = a_count == b_count;

    for (size_t i = 0; same && i < a_count; i++)
        same = same_address(&a[i], &b[i]);
    return same;
}

static bool same_listen(const struct server_config *a, const struct server_config *b)
{
    return same_list(a->listen, a->listen_count, b->listen, b->listen_count);
}

static bool same_listen_tcp(const struct server_config *a, const struct server_config *b)
{
    return same_list(a->listen_tcp, a->listen_tcp_count, b->listen_tcp, b->listen_tcp_count);
}

static bool same_stun_address(const struct server_config *a, const struct server_config *b)
{
    bool same = SAME_FIELD(stun_address_count);

    for (size_t i = 0; same && i < a->stun_address_count; i++)
        same = endpoint_equal(&a->stun_addresses[i].local, &b->stun_addresses[i].local) &&
               endpoint_equal(&a->stun_addresses[i].printed, &b->stun_addresses[i].printed);
    return same;
}

static bool same_admin(const struct server_config *a, const struct server_config *b)
{
    if (a->admin_count > 0 && a->admin[0].tcp.fd > 0)
        return true;
    bool same = SAME_FIELD(admin_count);

    for (size_t i = 0; same && i < a->admin_count; i++)
        same = SAME_TEXT(admin[i].path) &&
               (a->admin[i].path[0] || same_address(&a->admin[i].tcp, &b->admin[i].tcp));
    return same;
}

static bool same_auth(const struct server_config *a, const struct server_config *b)
{
    return SAME_FIELD(auth_tofu) && SAME_TEXT(auth_file);
}

static bool same_auth_host(const struct server_config *a, const struct server_config *b)
{
    bool same = SAME_FIELD(auth_host_count);

    for (size_t i = 0; same && i < a->auth_host_count; i++)
        same = SAME_TEXT(auth_hosts[i]);
    return same;
}

#define SAME_OPTION(name, field)                                                          \
    static bool same_##name(const struct server_config *a, const struct server_config *b) \
    {                                                                                     \
        return SAME_FIELD(field);                                                         \
    }
#define SAME_TEXT_OPTION(name, field)                                                     \
    static bool same_##name(const struct server_config *a, const struct server_config *b) \
    {                                                                                     \
        return SAME_TEXT(field);                                                          \
    }
SAME_OPTION(proxy_protocol, proxy_protocol)
SAME_OPTION(family, family)
SAME_OPTION(log_level, log_level)
SAME_OPTION(log_format, log_format)
SAME_OPTION(log_addresses, log_addresses)
SAME_OPTION(drain, drain_ms)
SAME_TEXT_OPTION(drain_to, drain_to)
SAME_OPTION(stun_port, stun_port)
SAME_OPTION(relay, relay)
SAME_OPTION(max_owned, max_owned)
SAME_OPTION(sandbox, no_sandbox)
SAME_TEXT_OPTION(auth_db, auth_db)
SAME_OPTION(transcripts_max, transcripts_max)
SAME_OPTION(transcripts_secrets, transcripts_secrets)
SAME_TEXT_OPTION(transcripts, transcripts)
SAME_TEXT_OPTION(user, user)
SAME_TEXT_OPTION(admin_token, admin_token)

/* Ports are open, threads run, rights are gone, the owners' table has its size. */
static const struct {
    const char *name;
    same_option *same;
} fixed[] = {{"listen", same_listen},
             {"listen-tcp", same_listen_tcp},
             {"proxy-protocol", same_proxy_protocol},
             {"family", same_family},
             {"stun-port", same_stun_port},
             {"stun-address", same_stun_address},
             {"relay", same_relay},
             {"auth", same_auth},
             {"auth-db", same_auth_db},
             {"auth-host", same_auth_host},
             {"max-owned", same_max_owned},
             {"admin", same_admin},
             {"admin-token", same_admin_token},
             {"transcripts", same_transcripts},
             {"transcripts-max", same_transcripts_max},
             {"transcripts-secrets", same_transcripts_secrets},
             {"user", same_user},
             {"sandbox", same_sandbox}};

static void add(char list[CONFIG_NAMES_MAX], const char *name)
{
    size_t len = strlen(list);

    snprintf(list + len, CONFIG_NAMES_MAX - len, "%s%s", len > 0 ? " " : "", name);
}

static bool is_fixed(const char *name)
{
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (strcmp(fixed[i].name, name) == 0)
            return true;
    return false;
}

static void change_numbers(struct server_config *running, const struct server_config *wanted,
                           struct config_changes *changes)
{
    const char *name;
    size_t offset;

    for (size_t i = 0; server_config_number(i, &name, &offset); i++) {
        char *from = (char *)running + offset;
        const char *to = (const char *)wanted + offset;

        if (is_fixed(name) || memcmp(from, to, sizeof(int64_t)) == 0)
            continue;
        memcpy(from, to, sizeof(int64_t));
        add(changes->made, name);
    }
}

void config_change(struct server_config *running, const struct server_config *wanted,
                   struct config_changes *changes)
{
    *changes = (struct config_changes){.made = ""};
    change_numbers(running, wanted, changes);
    if (!same_log_level(running, wanted))
        add(changes->made, "log-level");
    if (!same_log_format(running, wanted))
        add(changes->made, "log-format");
    if (!same_log_addresses(running, wanted))
        add(changes->made, "log-addresses");
    if (!same_drain(running, wanted))
        add(changes->made, "drain");
    if (!same_drain_to(running, wanted))
        add(changes->made, "drain-to");
    running->drain_ms = wanted->drain_ms;
    memcpy(running->drain_to, wanted->drain_to, sizeof running->drain_to);
    running->log_level = wanted->log_level;
    running->log_format = wanted->log_format;
    running->log_addresses = wanted->log_addresses;
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (!fixed[i].same(running, wanted))
            add(changes->missed, fixed[i].name);
}
