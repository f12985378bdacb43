#include "client/settings.h"
#include "client/approach.h"
#include "proto/host_id.h"
#include "proto/nameserver_name.h"
#include "proto/request.h"
#include "shim/udt/udt.h"
#include <stddef.h>
#include <string.h>

#define TIMEOUT_DEFAULT_MS 10000
#define BACKLOG_DEFAULT    64
#define BACKLOG_MAX        1024
#define STUN_DEFAULT_PORT  3478 /* RFC 8489, 18.6 */

static int copy_name(char out[HX_NAME_MAX + 1], const char *name)
{
    size_t len;
    if (!name)
        return HX_EINVAL;
    len = strnlen(name, HX_NAME_MAX + 1);
    if (!host_id_valid(name, len))
        return HX_EINVAL;
    memcpy(out, name, len + 1);
    return HX_OK;
}

/* hx_config.family. 0: it is none. */
static int families_of(int family)
{
    if (family == 0)
        return FAMILY_ANY;
    return family == 4 ? FAMILY_IPV4 : family == 6 ? FAMILY_IPV6 : 0;
}

static int transports_of(int transport)
{
    return transport == HX_TRANSPORT_UDP   ? TRANSPORT_UDP
           : transport == HX_TRANSPORT_TCP ? TRANSPORT_TCP
                                           : TRANSPORT_ANY;
}

/* How many, or HX_EINVAL. */
static int read_nameservers(struct settings *s, const char *text)
{
    struct nameserver_name names[NAMESERVERS_MAX];
    int count = nameserver_names_parse(names, text, HX_DEFAULT_PORT);
    for (int i = 0; i < count; i++) {
        s->nameservers[i] = names[i].udp;
        s->places[i] = (struct tunnel_place){.tcp = names[i].tcp,
                                             .udp_port = names[i].udp.port,
                                             .tls = names[i].tls,
                                             .udp_unwanted = !(s->transports & TRANSPORT_UDP)};
    }
    return count;
}

static int or_default(int value, int when_zero)
{
    return value == 0 ? when_zero : value;
}

#define RELAY_AFTER_MS 500 /* most pairs have met by then, and need none */

#define CONFIG_SIZE_MIN offsetof(struct hx_config, family) /* the shortest that there was in any hx.h */

_Static_assert(offsetof(struct hx_config, on_trace) + sizeof(void (*)(void)) == sizeof(struct hx_config),
               "no padding at the end, where a program has anything");

/* Of a program that was built with another hx.h. */
static int copy_config(struct hx_config *out, const struct hx_config *config, size_t size)
{
    size_t known = size < sizeof *out ? size : sizeof *out;
    memset(out, 0, sizeof *out);
    if (!config || size < CONFIG_SIZE_MIN)
        return HX_EINVAL;
    memcpy(out, config, known);
    for (size_t i = known; i < size; i++) {
        if (((const char *)config)[i] != 0)
            return HX_EINVAL;
    }
    return HX_OK;
}

int settings_init_unnamed(struct settings *s, const struct hx_config *given, size_t size)
{
    struct hx_config copy;
    const struct hx_config *config = &copy;
    int line;
    memset(s, 0, sizeof *s);
    if (copy_config(&copy, given, size) < 0 || !config->nameserver)
        return HX_EINVAL;
    if (config->name && config->name[0] != '\0' && copy_name(s->own_name, config->name) != HX_OK)
        return HX_EINVAL;
    if (config->wait_s < 0 || config->wait_s > REQUEST_WAIT_MAX || config->timeout_ms < -1 ||
        config->punch_ms < 0 || config->punch_ms > UDT_RENDEZVOUS_MS || config->linger_ms < -1 ||
        config->backlog < 0 || config->backlog > BACKLOG_MAX || config->no_port_mapping < 0 ||
        config->no_port_mapping > 1 || config->no_host_candidates < 0 || config->no_host_candidates > 1 ||
        config->transport < HX_TRANSPORT_ANY || config->transport > HX_TRANSPORT_TCP ||
        config->relay_after_ms < -1)
        return HX_EINVAL;
    s->families = families_of(config->family);
    s->transports = transports_of(config->transport);
    s->nameserver_count = read_nameservers(s, config->nameserver);
    if (config->stun)
        s->stun_count = host_port_parse_list(s->stuns, STUNS_MAX, config->stun, STUN_DEFAULT_PORT);
    if (s->families == 0 || s->nameserver_count < 0 || s->stun_count < 0)
        return HX_EINVAL;
    s->reporter = (struct reporter){.on_event = config->on_event, .user = config->user};
    s->tracer = (struct tracer){.on_trace = config->on_trace, .user = config->user};
    if (config->path_events)
        s->path_reporter = s->reporter;
    s->local_port = config->local_port;
    s->port_mapping = !config->no_port_mapping;
    s->host_candidates = !config->no_host_candidates;
    s->relay_after_ms = or_default(config->relay_after_ms, RELAY_AFTER_MS);
    s->wait_s = config->wait_s;
    s->timeout_ms = or_default(config->timeout_ms, TIMEOUT_DEFAULT_MS);
    s->punch_ms = config->punch_ms;
    s->linger_ms = config->linger_ms;
    s->backlog = or_default(config->backlog, BACKLOG_DEFAULT);
    if (config->keys && keyring_parse(&s->keys, config->keys, strlen(config->keys), &line) < 0)
        return HX_EINVAL; /* hx_keys_check() tells more */
    return credentials_create(&s->credentials, config->device_key, &s->keys);
}

int settings_init(struct settings *s, const struct hx_config *config, size_t size, const char *name)
{
    int err = settings_init_unnamed(s, config, size);
    return err < 0 ? err : copy_name(s->name, name);
}

const char *settings_state_dir(const struct hx_config *config, size_t size)
{
    return size >= offsetof(struct hx_config, state_dir) + sizeof config->state_dir ? config->state_dir
                                                                                    : NULL;
}

void settings_free(struct settings *s)
{
    keyring_free(&s->keys);
    credentials_release(s->credentials);
    s->credentials = NULL;
}
