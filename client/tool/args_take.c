/* What an option of hx's command line is taken for. */
#include "base/host_port.h"
#include "client/forward/allow.h"
#include "client/forward/authority.h"
#include "client/forward/forward_spec.h"
#include "client/forward/permit.h"
#include "client/tool/args_number.h"
#include "client/tool/args_parts.h"
#include "client/tool/grant.h"
#include "client/tool/options.h"
#include "proto/nameserver_name.h"
#include <getopt.h>
#include <stdio.h>
#include <string.h>

enum args_result args_check_nameserver(struct reading *r, const char *text)
{
    struct nameserver_name nameservers[NAMESERVERS_MAX];
    if (text[0] == '\0')
        return args_usage(r, "which nameserver? Give --nameserver HOST[:PORT], or set HX_NAMESERVER");
    if (nameserver_names_parse(nameservers, text, HX_DEFAULT_PORT) < 0)
        return args_usage(
            r,
            "the nameserver '%.80s' is no HOST[:PORT], http://HOST[:PORT] or https://HOST[:PORT] with "
            "a port from 1 to 65535, nor up to %d of them with commas",
            text, NAMESERVERS_MAX);
    return ARGS_BIND;
}

static enum args_result take_milliseconds(struct reading *r, const char *option, int *out_ms)
{
    int64_t ms;
    if (args_time(optarg, 1000, ARGS_INTERVAL_MIN, ARGS_INTERVAL_MAX, &ms)) {
        *out_ms = (int)ms;
        return ARGS_BIND;
    }
    return args_usage(r, "%s takes 0.01 to 3600 seconds, not '%.100s'", option, optarg);
}

/* A number of seconds. */
static enum args_result take_seconds(struct reading *r, const char *option, int least, int most, int *out)
{
    int64_t s;
    if (args_seconds(optarg, least, most, &s)) {
        *out = (int)s;
        return ARGS_BIND;
    }
    return args_usage(r, "%s takes %d to %d seconds, not '%.100s'", option, least, most, optarg);
}

/* The library has 0 for its default. */
static enum args_result take_relay_after(struct reading *r)
{
    int64_t ms = -1;
    if (strcmp(optarg, "never") != 0 && !args_time(optarg, 1, 0, ARGS_RELAY_AFTER_MAX, &ms))
        return args_usage(r, "--relay-after takes 0 to %d milliseconds, or never, not '%.100s'",
                          ARGS_RELAY_AFTER_MAX, optarg);
    r->args->relay_after_ms = ms == 0 ? 1 : (int)ms;
    return ARGS_BIND;
}

static enum args_result take_port(struct reading *r)
{
    int port;
    if (!args_number(optarg, 1, UINT16_MAX, &port))
        return args_usage(r, "--local-port takes 1 to 65535, not '%.100s'", optarg);
    r->args->local_port = (uint16_t)port;
    return ARGS_BIND;
}

static enum args_result take_family(struct reading *r, int family)
{
    if (r->args->family != 0 && r->args->family != family)
        return args_usage(r, "-4 and -6 contradict each other: without either, both are used");
    r->args->family = family;
    return ARGS_BIND;
}

static enum args_result take_transport(struct reading *r, int transport)
{
    if (r->args->transport != HX_TRANSPORT_ANY && r->args->transport != transport)
        return args_usage(
            r, "--udp-only and --tcp-only contradict each other: without either, UDP is tried first");
    r->args->transport = transport;
    return ARGS_BIND;
}

static enum args_result take_allow(struct reading *r)
{
    if (!allow_is_pattern(optarg))
        return args_usage(r,
                          "--allow takes [udp:]HOST:PORT, HOST or PORT may be '*', or /PATH of up to %d "
                          "bytes, not '%.100s'",
                          AUTHORITY_PATH_MAX, optarg);
    if (r->args->allow_count == ARGS_ALLOW_MAX)
        return args_usage(r, "--allow can be given %d times at most", ARGS_ALLOW_MAX);
    r->args->allow[r->args->allow_count++] = optarg;
    return ARGS_BIND;
}

static enum args_result take_allow_listen(struct reading *r)
{
    if (!permit_is_pattern(optarg))
        return args_usage(
            r, "--allow-listen takes [udp:][ADDR:]PORT, either of which may be '*', or /PATH, not '%.100s'",
            optarg);
    if (r->args->allow_listen_count == ARGS_ALLOW_MAX)
        return args_usage(r, "--allow-listen can be given %d times at most", ARGS_ALLOW_MAX);
    r->args->allow_listen[r->args->allow_listen_count++] = optarg;
    return ARGS_BIND;
}

static enum args_result take_key_label(struct reading *r)
{
    struct grant grant;
    char why[GRANT_ERROR_MAX];
    if (grant_parse(&grant, optarg, why) < 0)
        return args_usage(r, "--key-label takes LABEL:WHAT,WHAT...: %.200s", why);
    if (r->args->key_label_count == ARGS_KEY_LABELS_MAX)
        return args_usage(r, "--key-label can be given %d times at most", ARGS_KEY_LABELS_MAX);
    r->args->key_labels[r->args->key_label_count++] = optarg;
    return ARGS_BIND;
}

static enum args_result take_to(struct reading *r)
{
    struct authority target;
    if (authority_parse(&target, optarg) < 0)
        return args_usage(r, "--to takes HOST:PORT, or /PATH of up to %d bytes, not '%.100s'",
                          AUTHORITY_PATH_MAX, optarg);
    r->args->to = optarg;
    return ARGS_BIND;
}

static enum args_result take_stun(struct reading *r)
{
    struct host_port server;
    if (host_port_parse(&server, optarg, 1) < 0)
        return args_usage(r, "--stun takes HOST[:PORT] with a port from 1 to 65535, not '%.100s'", optarg);
    struct args *a = r->args;
    if (a->stun_count == ARGS_STUNS_MAX)
        return args_usage(r, "--stun can be given %d times at most", ARGS_STUNS_MAX);
    size_t len = strlen(a->stun); /* host_port_parse() has bounded each */
    snprintf(a->stun + len, sizeof a->stun - len, "%s%s", a->stun_count++ > 0 ? "," : "", optarg);
    return ARGS_BIND;
}

static enum args_result take_forward(struct reading *r, char kind)
{
    char why[FORWARD_ERROR_MAX];
    struct forward_spec spec;
    enum forward_kind parsed = kind == 'L' ? FORWARD_LOCAL : kind == 'R' ? FORWARD_REMOTE : FORWARD_SOCKS;
    if (forward_spec_parse(&spec, parsed, optarg, why) < 0)
        return args_usage(r, "-%c %.200s", kind, why);
    if (r->args->forward_count == ARGS_FORWARDS_MAX)
        return args_usage(r, "-L, -R and -D can be given %d times at most", ARGS_FORWARDS_MAX);
    r->args->forwards[r->args->forward_count].kind = kind;
    r->args->forwards[r->args->forward_count++].spec = optarg;
    return ARGS_BIND;
}

/* Of a letter that commands have for different things, what it is for this one. */
static enum args_result take_t(struct reading *r)
{
    r->args->tty = r->args->command == ARGS_CONNECT;
    return r->args->tty ? ARGS_BIND : take_seconds(r, "--timeout", 1, ARGS_TIMEOUT_MAX, &r->args->timeout_s);
}

/* Options whose value is checked. */
static enum args_result take_checked(struct reading *r, int option)
{
    struct args *a = r->args;
    switch (option) {
    case 'p':
    case OPTION_LOCAL_PORT:
        return take_port(r);
    case 't':
        return take_t(r);
    case OPTION_TIMEOUT:
        return take_seconds(r, "--timeout", 1, ARGS_TIMEOUT_MAX, &a->timeout_s);
    case 'w': /* ping(8)'s for one, the short form of --wait for the others */
        if (a->command == ARGS_PING)
            return take_seconds(r, "-w", 1, ARGS_TIMEOUT_MAX, &a->deadline_s);
        return take_seconds(r, "-w", 0, ARGS_WAIT_MAX, &a->wait_s);
    case OPTION_WAIT:
        return take_seconds(r, "--wait", 0, ARGS_WAIT_MAX, &a->wait_s);
    case OPTION_KEEPALIVE:
        return take_seconds(r, "--keepalive", 1, ARGS_KEEPALIVE_MAX, &a->keepalive_s);
    case OPTION_BWLIMIT:
        return args_rate(optarg, &a->bytes_per_s)
                   ? ARGS_BIND
                   : args_usage(
                         r,
                         "--bwlimit takes KiB/s, or a number with B, K, M, G or T (KB and the like are "
                         "1000 bytes), not '%.100s'",
                         optarg);
    case OPTION_RETRY_FOR:
        return take_seconds(r, "--retry-for", ARGS_RETRY_MIN, ARGS_RETRY_MAX, &a->retry_for_s);
    case 'c':
        return args_number(optarg, 1, ARGS_COUNT_MAX, &a->count)
                   ? ARGS_BIND
                   : args_usage(r, "-c takes 1 to %d, not '%.100s'", ARGS_COUNT_MAX, optarg);
    case 'i':
        return take_milliseconds(r, "-i", &a->interval_ms);
    case 'W':
        return take_milliseconds(r, "-W", &a->answer_ms);
    case OPTION_RELAY_AFTER:
        return take_relay_after(r);
    case OPTION_TO:
        return take_to(r);
    case OPTION_ALLOW:
        return take_allow(r);
    case OPTION_ALLOW_LISTEN:
        return take_allow_listen(r);
    case OPTION_KEY_LABEL:
        return take_key_label(r);
    case OPTION_UDP_TIMEOUT:
        return take_seconds(r, "--udp-timeout", 1, ARGS_UDP_TIMEOUT_MAX, &a->udp_timeout_s);
    case OPTION_STUN:
        return take_stun(r);
    case OPTION_COUNT:
    case OPTION_EXPIRE:
        return args_code_option(r, option);
    default:
        return take_forward(r, (char)option);
    }
}

enum args_result args_take(struct reading *r, int option)
{
    struct args *a = r->args;
    bool taken = false;
    enum args_result result = a->command == ARGS_CP     ? args_cp_option(r, option, &taken)
                              : a->command == ARGS_LS   ? args_ls_option(r, option, &taken)
                              : a->command == ARGS_MEET ? args_meet_option(r, option, &taken)
                                                        : ARGS_BIND;
    if (taken)
        return result;
    switch (option) {
    case 'n':
    case OPTION_NAMESERVER:
        a->nameserver = optarg;
        return args_check_nameserver(r, optarg);
    case 'N':
        if (a->command == ARGS_CONNECT)
            a->no_command = true;
        else
            a->own_name = optarg;
        break;
    case OPTION_NAME:
        a->own_name = optarg;
        break;
    case OPTION_FILE:
    case OPTION_KEY_FILE:
        a->key_file = optarg;
        break;
    case OPTION_DEVICE_KEY:
        a->device_key_file = optarg;
        break;
    case OPTION_TRACE:
        a->trace = optarg;
        break;
    case OPTION_TRACE_SECRETS:
        a->trace_secrets = true;
        break;
    case OPTION_DEVICE:
        a->device = true;
        break;
    case OPTION_SHOW:
        a->show = true;
        break;
    case OPTION_AUTH:
        a->auth = true;
        break;
    case OPTION_SHARE:
        a->share = optarg;
        break;
    case OPTION_LABEL:
        a->label = optarg;
        break;
    case OPTION_EXEC:
        a->exec = optarg;
        break;
    case OPTION_PTY:
        a->pty = true;
        break;
    case 'e':
        a->echo = true;
        break;
    case 'v':
        a->verbose = true;
        break;
    case 'q':
        a->quiet = true;
        break;
    case OPTION_NO_HOST_CANDIDATES:
        a->no_host_candidates = true;
        break;
    case OPTION_NO_PORT_MAPPING:
        a->no_port_mapping = true;
        break;
    case OPTION_BARE:
        a->bare = true;
        break;
    case OPTION_INSECURE:
        a->bare = a->insecure = true;
        break;
    case OPTION_SET:
        a->set = true;
        break;
    case OPTION_QR:
        a->qr = true;
        break;
    case 'y':
        a->yes = true;
        break;
    case OPTION_OVERWRITE:
        a->overwrite = true;
        break;
    case OPTION_JSON:
        a->json = true;
        break;
    case OPTION_LIFETIME:
        a->lifetime = true;
        break;
    case '4':
    case '6':
        return take_family(r, option - '0');
    case OPTION_UDP_ONLY:
        return take_transport(r, HX_TRANSPORT_UDP);
    case OPTION_TCP_ONLY:
        return take_transport(r, HX_TRANSPORT_TCP);
    case 'h':
    case OPTION_HELP:
        return ARGS_HELP;
    case 'V':
        return ARGS_VERSION;
    default:
        return take_checked(r, option);
    }
    return ARGS_BIND;
}
