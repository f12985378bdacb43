#include "server/config.h"
#include "base/error.h"
#include "proto/membership.h"
#include "proto/nameserver_name.h"
#include "server/config_auth.h"
#include "shim/udt/udt.h"
#include <errno.h>
#include <ini.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_MIN   2048 /* bytes: one answer with the longest names and all that a peer may tell fits */
#define IDLE_MIN    15   /* seconds: our own programs, when idle, send every 8 to 10 s; one may get lost */
#define SECONDS_MAX 86400
#define FIELD_PLAIN \
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:[]/?=-_" /* of a URL in a field */
#define INI_LINE_MAX   180 /* inih keeps 200 bytes of a line and would take the rest for another line */
#define NUMBER_OPTIONS (sizeof number_options / sizeof *number_options)
#define TEXT_OPTIONS   (sizeof text_options / sizeof *text_options)

/* Options that are numbers; those in seconds are kept in milliseconds. */
static const struct number_option {
    const char *name;
    int64_t min, max; /* besides 0, which always means "no limit" */
    int64_t scale;
    size_t offset;
} number_options[] = {
    {"max-connections", 1, 10000000, 1, offsetof(struct server_config, max_connections)},
    {"max-per-address", 1, 10000000, 1, offsetof(struct server_config, max_per_address)},
    {"rate-per-address", 1, 1000000, 1, offsetof(struct server_config, rate_per_address)},
    {"introductions-per-source", 1, 1000000, 1, offsetof(struct server_config, introductions_per_source)},
    {"introductions-per-name", 1, 1000000, 1, offsetof(struct server_config, introductions_per_name)},
    {"max-members", MEMBERS_MIN, MEMBERS_MAX, 1, offsetof(struct server_config, max_members)},
    {"max-queue", QUEUE_MIN, 1 << 30, 1, offsetof(struct server_config, max_queue_bytes)},
    {"stun-rate", 1, 1000000, 1, offsetof(struct server_config, stun_rate)},
    {"relay-rate", 1, INT32_MAX * 256LL, 1, offsetof(struct server_config, relay_rate)},
    {"relay-total", 1, INT32_MAX * 256LL, 1, offsetof(struct server_config, relay_total)},
    {"relay-time", 1, 100 * SECONDS_MAX, 1000, offsetof(struct server_config, relay_time_ms)},
    {"relay-per-address", 1, 65536, 1, offsetof(struct server_config, relay_per_address)},
    {"claims-per-source", 1, 1000000, 1, offsetof(struct server_config, claims_per_source)},
    {"max-owned", 1, 100000000, 1, offsetof(struct server_config, max_owned)},
    {"transcripts-max", 1 << 16, INT64_C(1) << 50, 1, offsetof(struct server_config, transcripts_max)},
    {"request-timeout", 1, SECONDS_MAX, 1000, offsetof(struct server_config, request_timeout_ms)},
    {"idle-timeout", IDLE_MIN, SECONDS_MAX, 1000, offsetof(struct server_config, idle_timeout_ms)},
};

void server_config_defaults(struct server_config *c)
{
    *c = (struct server_config){.log_level = LOG_INFO,
                                .max_connections = 20000,
                                .max_per_address = 256,
                                .rate_per_address = 100,
                                .introductions_per_source = 10,
                                .introductions_per_name = 100,
                                .max_members = MEMBERS_MAX,
                                .max_queue_bytes = 65536,
                                .request_timeout_ms = 10000,
                                .idle_timeout_ms = 30000,
                                .stun_port = CONFIG_STUN_PORT_DEFAULT,
                                .stun_rate = 100,
                                .relay_per_address = 64,
                                .transcripts_max = 64 << 20,
                                .claims_per_source = 10,
                                .max_owned = 1000000,
                                .listen = {listen_any(UDT_DEFAULT_PORT)},
                                .listen_count = 1,
                                .listen_is_default = true,
                                .listen_tcp_is_default = true};
}

/* Decimal digits and nothing else. */
static int parse_number(const char *text, int64_t min, int64_t max, int64_t *out)
{
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 12 || text[digits] != '\0')
        return HX_EINVAL;
    int64_t value = strtoll(text, NULL, 10);
    if (value < min || value > max)
        return HX_EINVAL;
    *out = value;
    return HX_OK;
}

static int add_listen(struct server_listen list[CONFIG_LISTEN_MAX], size_t *count, bool *is_default,
                      const char *value)
{
    struct server_listen l;

    if (listen_parse(&l, value) < 0)
        return HX_EINVAL;
    if (*is_default)
        *count = 0;
    *is_default = false;
    if (*count == CONFIG_LISTEN_MAX)
        return HX_ELIMIT;
    list[(*count)++] = l;
    return HX_OK;
}

static int parse_listen(struct server_config *c, const char *value)
{
    return add_listen(c->listen, &c->listen_count, &c->listen_is_default, value);
}

static int parse_listen_tcp(struct server_config *c, const char *value)
{
    if (strcmp(value, "none") != 0)
        return add_listen(c->listen_tcp, &c->listen_tcp_count, &c->listen_tcp_is_default, value);
    c->listen_tcp_count = 0;
    return HX_OK;
}

static int parse_stun_port(struct server_config *c, const char *value)
{
    int64_t port = CONFIG_STUN_PORT_NONE;

    if (strcmp(value, "none") != 0 && parse_number(value, 0, UINT16_MAX, &port) < 0)
        return HX_EINVAL;
    c->stun_port = (int32_t)port;
    return HX_OK;
}

static int parse_stun_address(struct server_config *c, const char *value)
{
    if (c->stun_address_count == CONFIG_STUN_ADDRESSES_MAX ||
        stun_address_parse(&c->stun_addresses[c->stun_address_count], value) < 0)
        return HX_EINVAL;
    c->stun_address_count++;
    return HX_OK;
}

static int parse_family(struct server_config *c, const char *value)
{
    if (strcmp(value, "4") == 0)
        c->family = AF_INET;
    else if (strcmp(value, "6") == 0)
        c->family = AF_INET6;
    else if (strcmp(value, "any") == 0)
        c->family = AF_UNSPEC;
    else
        return HX_EINVAL;
    return HX_OK;
}

static int set_number(struct server_config *c, const struct number_option *o, const char *value,
                      char error[CONFIG_ERROR_MAX])
{
    int64_t number;

    if (parse_number(value, 0, o->max, &number) < 0 || (number != 0 && number < o->min)) {
        snprintf(error, CONFIG_ERROR_MAX,
                 "%s '%.60s' is not a number from %lld to %lld; give one, or 0 for no limit", o->name, value,
                 (long long)o->min, (long long)o->max);
        return HX_EINVAL;
    }
    number *= o->scale;
    memcpy((char *)c + o->offset, &number, sizeof number);
    return HX_OK;
}

static int parse_log_level(struct server_config *c, const char *value)
{
    return log_level_parse(&c->log_level, value);
}

static int parse_log_format(struct server_config *c, const char *value)
{
    return log_format_parse(&c->log_format, value);
}

static int parse_log_addresses(struct server_config *c, const char *value)
{
    return log_addresses_parse(&c->log_addresses, value);
}

static int parse_drain(struct server_config *c, const char *value)
{
    int64_t seconds;

    if (parse_number(value, 0, SECONDS_MAX, &seconds) < 0)
        return HX_EINVAL;
    c->drain_ms = seconds * 1000;
    return HX_OK;
}

/* It is sent as a URL, which the field has (RFC 9110, 10.2.2), and which hx takes for a nameserver's name. */
static int parse_drain_to(struct server_config *c, const char *value)
{
    struct nameserver_name names[NAMESERVERS_MAX];
    char text[HOST_PORT_TEXT_MAX];
    bool url = strstr(value, "://") != NULL;

    if (nameserver_names_parse(names, value, UDT_DEFAULT_PORT) != 1 || strlen(value) >= sizeof c->drain_to ||
        value[strspn(value, FIELD_PLAIN)] != '\0')
        return HX_EINVAL;
    if (url)
        strcpy(c->drain_to, value);
    else
        snprintf(c->drain_to, sizeof c->drain_to, "udt://%s/", host_port_format(&names[0].udp, text));
    return HX_OK;
}

int server_config_text(char *out, size_t size, const char *value)
{
    if (value[0] == '\0' || strlen(value) >= size)
        return HX_EINVAL;
    strcpy(out, value);
    return HX_OK;
}

static int parse_user(struct server_config *c, const char *value)
{
    return server_config_text(c->user, sizeof c->user, value);
}

static int parse_yes(bool *out, const char *value)
{
    *out = strcmp(value, "yes") == 0;
    return *out || strcmp(value, "no") == 0 ? HX_OK : HX_EINVAL;
}

static int parse_relay(struct server_config *c, const char *value)
{
    return parse_yes(&c->relay, value);
}

static int parse_proxy_protocol(struct server_config *c, const char *value)
{
    return parse_yes(&c->proxy_protocol, value);
}

static int parse_transcripts(struct server_config *c, const char *value)
{
    return server_config_text(c->transcripts, sizeof c->transcripts, value);
}

static int parse_transcripts_secrets(struct server_config *c, const char *value)
{
    return parse_yes(&c->transcripts_secrets, value);
}

static int parse_sandbox(struct server_config *c, const char *value)
{
    c->no_sandbox = strcmp(value, "no") == 0;
    return c->no_sandbox || strcmp(value, "yes") == 0 ? HX_OK : HX_EINVAL;
}

static int parse_admin(struct server_config *c, const char *value)
{
    if (c->admin_count == CONFIG_ADMIN_MAX || admin_address_parse(&c->admin[c->admin_count], value) < 0)
        return HX_EINVAL;
    c->admin_count++;
    return HX_OK;
}

static int parse_admin_token(struct server_config *c, const char *value)
{
    return server_config_text(c->admin_token, sizeof c->admin_token, value);
}

static const struct text_option {
    const char *name;
    int (*parse)(struct server_config *c, const char *value); /* HX_OK or HX_EINVAL */
    const char *complaint;
} text_options[] = {
    {"listen", parse_listen, "is no address; give a numeric one as ADDR:PORT, [IPV6]:PORT or :PORT"},
    {"listen-tcp", parse_listen_tcp,
     "is no address; give a numeric one as ADDR:PORT, [IPV6]:PORT or :PORT, or none"},
    {"proxy-protocol", parse_proxy_protocol, "is neither yes nor no"},
    {"family", parse_family, "is none of 4, 6, any"},
    {"log-level", parse_log_level, "is none of error, warn, info, debug"},
    {"log-format", parse_log_format, "is neither logfmt nor json"},
    {"log-addresses", parse_log_addresses, "is none of full, prefix, none"},
    {"stun-port", parse_stun_port, "is no port; give a number, or none"},
    {"stun-address", parse_stun_address,
     "is no address, or one too many; give two of each family, numeric, as ADDR or ADDR/PUBLIC"},
    {"drain", parse_drain, "is no number of seconds from 0 to 86400"},
    {"drain-to", parse_drain_to, "is no nameserver; give one as HOST, HOST:PORT or https://HOST"},
    {"user", parse_user, "is no user's name"},
    {"relay", parse_relay, "is neither yes nor no"},
    {"admin", parse_admin,
     "is no address, or one too many; give two at most, as ADDR:PORT, [IPV6]:PORT or /PATH"},
    {"admin-token", parse_admin_token, "is no file's name"},
    {"auth", config_auth_parse, "cannot be; give a file of rules or tofu, each at most once"},
    {"auth-db", config_auth_parse_db, "is no file's name"},
    {"auth-host", config_auth_parse_host, "is no host, or one too many; give up to 16, each as NAME[:PORT]"},
    {"transcripts", parse_transcripts, "is no directory's name"},
    {"transcripts-secrets", parse_transcripts_secrets, "is neither yes nor no"},
    {"sandbox", parse_sandbox, "is neither yes nor no"},
};

bool server_config_number(size_t which, const char **name, size_t *offset)
{
    if (which >= NUMBER_OPTIONS)
        return false;
    *name = number_options[which].name;
    *offset = number_options[which].offset;
    return true;
}

static int set_text(struct server_config *c, const struct text_option *o, const char *value,
                    char error[CONFIG_ERROR_MAX])
{
    int err = o->parse(c, value);

    if (err == HX_OK)
        return HX_OK;
    if (err == HX_ELIMIT)
        snprintf(error, CONFIG_ERROR_MAX, "%s '%.120s' is one more than %d; give fewer", o->name, value,
                 CONFIG_LISTEN_MAX);
    else
        snprintf(error, CONFIG_ERROR_MAX, "%s '%.120s' %s", o->name, value, o->complaint);
    return HX_EINVAL;
}

int server_config_set(struct server_config *c, const char *name, const char *value,
                      char error[CONFIG_ERROR_MAX])
{
    for (size_t i = 0; i < NUMBER_OPTIONS; i++)
        if (strcmp(name, number_options[i].name) == 0)
            return set_number(c, &number_options[i], value, error);
    for (size_t i = 0; i < TEXT_OPTIONS; i++)
        if (strcmp(name, text_options[i].name) == 0)
            return set_text(c, &text_options[i], value, error);
    snprintf(error, CONFIG_ERROR_MAX, "no such option '%.60s'; see hx-nameserver --help", name);
    return HX_EINVAL;
}

struct ini_reading {
    struct server_config *config;
    FILE *file;
    const char *name;
    char *error; /* "" until the first one; later ones are not told */
    int line;
};

/* inih calls this for each line: what its own counter has, it tells only afterwards. */
static char *read_line(char *text, int cap, void *user)
{
    struct ini_reading *r = user;

    if (!fgets(text, cap, r->file))
        return NULL;
    r->line++;
    if (strlen(text) > INI_LINE_MAX) {
        if (!r->error[0])
            snprintf(r->error, CONFIG_ERROR_MAX, "%s:%d: line above %d bytes; shorten it", r->name, r->line,
                     INI_LINE_MAX);
        return NULL;
    }
    return text;
}

static int take_option(void *user, const char *section, const char *name, const char *value)
{
    struct ini_reading *r = user;
    char why[CONFIG_ERROR_MAX - 128];

    if (r->error[0])
        return 1;
    if (section[0] != '\0')
        snprintf(why, sizeof why, "options stand outside of sections; remove [%.60s]", section);
    else {
        char error[CONFIG_ERROR_MAX];

        if (server_config_set(r->config, name, value, error) == HX_OK)
            return 1;
        snprintf(why, sizeof why, "%.*s", (int)sizeof why - 1, error);
    }
    snprintf(r->error, CONFIG_ERROR_MAX, "%.120s:%d: %s", r->name, r->line, why);
    return 0;
}

int server_config_read_ini(struct server_config *c, FILE *f, const char *name, char error[CONFIG_ERROR_MAX])
{
    struct ini_reading r = {.config = c, .file = f, .name = name, .error = error};

    error[0] = '\0';
    int bad_line = ini_parse_stream(read_line, &r, take_option, &r);
    if (!error[0] && bad_line > 0)
        snprintf(error, CONFIG_ERROR_MAX, "%.120s:%d: not of the form NAME = VALUE", name, bad_line);
    else if (!error[0] && (bad_line < 0 || ferror(f)))
        snprintf(error, CONFIG_ERROR_MAX, "%.120s: cannot be read: %s", name, strerror(errno));
    return error[0] ? HX_EINVAL : HX_OK;
}

int server_config_read_file(struct server_config *c, const char *path, char error[CONFIG_ERROR_MAX])
{
    FILE *f = fopen(path, "re");

    if (!f) {
        snprintf(error, CONFIG_ERROR_MAX, "%.200s: cannot be opened: %s", path, strerror(errno));
        return HX_EINVAL;
    }
    int err = server_config_read_ini(c, f, path, error);
    fclose(f);
    return err;
}

/* -4 and -6 come to their addresses wherever they stand. */
static int apply_family(struct server_config *c, char error[CONFIG_ERROR_MAX])
{
    for (size_t i = 0; c->family != AF_UNSPEC && i < c->listen_count + c->listen_tcp_count; i++)
        if (listen_restrict(i < c->listen_count ? &c->listen[i] : &c->listen_tcp[i - c->listen_count],
                            c->family) < 0) {
            snprintf(error, CONFIG_ERROR_MAX,
                     "a listen address is no IPv%c address; leave out --ipv%c, or give another",
                     c->family == AF_INET ? '4' : '6', c->family == AF_INET ? '4' : '6');
            return HX_EINVAL;
        }
    return HX_OK;
}

/* An address of a family that is not served, or one without a second one beside it. */
static int check_stun(const struct server_config *c, char error[CONFIG_ERROR_MAX])
{
    struct stun_pair pair;

    for (size_t i = 0; i < c->stun_address_count; i++) {
        int family = c->stun_addresses[i].local.family;

        if (c->family != AF_UNSPEC && family != c->family) {
            snprintf(error, CONFIG_ERROR_MAX,
                     "a stun-address is of the family that is not served; leave it out");
            return HX_EINVAL;
        }
        if (stun_pair_of(c, family, &pair) < 0) {
            snprintf(error, CONFIG_ERROR_MAX,
                     "stun-address needs two different addresses of a family; give both, or one beside one "
                     "that --listen names");
            return HX_EINVAL;
        }
    }
    return HX_OK;
}

/* What one may see and do there is not for everybody. */
static int check_admin(const struct server_config *c, char error[CONFIG_ERROR_MAX])
{
    for (size_t i = 0; i < c->admin_count; i++)
        if (!c->admin_token[0] && !admin_address_local(&c->admin[i])) {
            snprintf(
                error, CONFIG_ERROR_MAX,
                "admin is to listen for other hosts; give admin-token as well, or an address of loopback");
            return HX_EINVAL;
        }
    return HX_OK;
}

int server_config_check(struct server_config *c, char error[CONFIG_ERROR_MAX])
{
    int err = apply_family(c, error);

    if (err == HX_OK)
        err = check_stun(c, error);
    if (err == HX_OK)
        err = config_auth_check(c, error);
    return err < 0 ? err : check_admin(c, error);
}
