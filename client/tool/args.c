#include "client/tool/args.h"
#include "base/host_port.h"
#include "client/forward/authority.h"
#include "client/forward/forward_spec.h"
#include "client/forward/permit.h"
#include "client/tool/args_code.h"
#include "client/tool/args_number.h"
#include "client/tool/options.h"
#include "proto/host_id.h"
#include "proto/nameserver_name.h"
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_MAX  64                                     /* options; getopt's forms of the table fit */
#define CHARACTERS "letters, digits and !#$%&'*+-.^_`|~@" /* proto/host_id */

/* One command line being read. ARGS_BIND stands for "go on". */
struct reading {
    struct args *args;
    char *error;
};

static enum args_result __attribute__((format(printf, 2, 3)))
usage(struct reading *r, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(r->error, ARGS_ERROR_MAX, format, values);
    va_end(values);
    return ARGS_USAGE;
}

static enum args_result take_milliseconds(struct reading *r, const char *option, int *out_ms)
{
    if (args_interval(optarg, out_ms))
        return ARGS_BIND;
    return usage(r, "%s takes 0.01 to 3600 seconds, not '%.100s'", option, optarg);
}

/* A number of seconds. */
static enum args_result take_seconds(struct reading *r, const char *option, int least, int most, int *out)
{
    if (args_number(optarg, least, most, out))
        return ARGS_BIND;
    return usage(r, "%s takes %d to %d seconds, not '%.100s'", option, least, most, optarg);
}

/* The library has 0 for its default. */
static enum args_result take_relay_after(struct reading *r)
{
    int ms = -1;
    if (strcmp(optarg, "never") != 0 && !args_number(optarg, 0, ARGS_RELAY_AFTER_MAX, &ms))
        return usage(r, "--relay-after takes 0 to %d milliseconds, or never, not '%.100s'",
                     ARGS_RELAY_AFTER_MAX, optarg);
    r->args->relay_after_ms = ms == 0 ? 1 : ms;
    return ARGS_BIND;
}

static enum args_result take_port(struct reading *r)
{
    int port;
    if (!args_number(optarg, 1, UINT16_MAX, &port))
        return usage(r, "--local-port takes 1 to 65535, not '%.100s'", optarg);
    r->args->local_port = (uint16_t)port;
    return ARGS_BIND;
}

static enum args_result take_family(struct reading *r, int family)
{
    if (r->args->family != 0 && r->args->family != family)
        return usage(r, "-4 and -6 contradict each other: without either, both are used");
    r->args->family = family;
    return ARGS_BIND;
}

static enum args_result take_transport(struct reading *r, int transport)
{
    if (r->args->transport != HX_TRANSPORT_ANY && r->args->transport != transport)
        return usage(r,
                     "--udp-only and --tcp-only contradict each other: without either, UDP is tried first");
    r->args->transport = transport;
    return ARGS_BIND;
}

static enum args_result take_allow(struct reading *r)
{
    struct authority pattern;
    if (authority_parse_pattern(&pattern, optarg) < 0)
        return usage(
            r,
            "--allow takes HOST:PORT, either of which may be '*', or /PATH of up to %d bytes, not '%.100s'",
            AUTHORITY_PATH_MAX, optarg);
    if (r->args->allow_count == ARGS_ALLOW_MAX)
        return usage(r, "--allow can be given %d times at most", ARGS_ALLOW_MAX);
    r->args->allow[r->args->allow_count++] = optarg;
    return ARGS_BIND;
}

static enum args_result take_allow_listen(struct reading *r)
{
    struct permit *permit;
    int err = permit_create(&permit);
    if (err == HX_OK) {
        err = permit_add(permit, optarg);
        permit_destroy(permit);
    }
    if (err < 0)
        return usage(r,
                     "--allow-listen takes [ADDR:]PORT, either of which may be '*', or /PATH, not '%.100s'",
                     optarg);
    if (r->args->allow_listen_count == ARGS_ALLOW_MAX)
        return usage(r, "--allow-listen can be given %d times at most", ARGS_ALLOW_MAX);
    r->args->allow_listen[r->args->allow_listen_count++] = optarg;
    return ARGS_BIND;
}

static enum args_result take_to(struct reading *r)
{
    struct authority target;
    if (authority_parse(&target, optarg) < 0)
        return usage(r, "--to takes HOST:PORT, or /PATH of up to %d bytes, not '%.100s'", AUTHORITY_PATH_MAX,
                     optarg);
    r->args->to = optarg;
    return ARGS_BIND;
}

static enum args_result take_stun(struct reading *r)
{
    struct host_port server;
    if (host_port_parse(&server, optarg, 1) < 0)
        return usage(r, "--stun takes HOST[:PORT] with a port from 1 to 65535, not '%.100s'", optarg);
    struct args *a = r->args;
    if (a->stun_count == ARGS_STUNS_MAX)
        return usage(r, "--stun can be given %d times at most", ARGS_STUNS_MAX);
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
        return usage(r, "-%c %.200s", kind, why);
    if (r->args->forward_count == ARGS_FORWARDS_MAX)
        return usage(r, "-L, -R and -D can be given %d times at most", ARGS_FORWARDS_MAX);
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
    case OPTION_RETRY_FOR:
        return take_seconds(r, "--retry-for", ARGS_RETRY_MIN, ARGS_RETRY_MAX, &a->retry_for_s);
    case 'c':
        return args_number(optarg, 1, ARGS_COUNT_MAX, &a->count)
                   ? ARGS_BIND
                   : usage(r, "-c takes 1 to %d, not '%.100s'", ARGS_COUNT_MAX, optarg);
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
    case OPTION_STUN:
        return take_stun(r);
    case OPTION_COUNT:
    case OPTION_EXPIRE:
        return args_code_option(a, option, optarg, r->error);
    default:
        return take_forward(r, (char)option);
    }
}

static enum args_result take(struct reading *r, int option)
{
    struct args *a = r->args;
    switch (option) {
    case 'n':
        a->nameserver = optarg;
        break;
    case 'N':
        a->own_name = optarg;
        break;
    case OPTION_FILE:
    case OPTION_KEY_FILE:
        a->key_file = optarg;
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
    case 'r': /* for the habit of scp's users */
        break;
    case OPTION_NO_HOST_CANDIDATES:
        a->no_host_candidates = true;
        break;
    case OPTION_NO_PORT_MAPPING:
        a->no_port_mapping = true;
        break;
    case OPTION_INSECURE:
        a->insecure = true;
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
        return ARGS_HELP;
    case 'V':
        return ARGS_VERSION;
    default:
        return take_checked(r, option);
    }
    return ARGS_BIND;
}

/* options_table as getopt wants it, with the options of every command: a foreign one is not "unknown". Those of
 * `command` come first: getopt takes the first of two that are spelled alike. */
static void getopt_forms(enum args_result command, struct option longs[TABLE_MAX], char shorts[2 * TABLE_MAX])
{
    size_t used = 0;
    *shorts++ = ':';
    for (int i = 0; i < 2 * options_count; i++) {
        const struct options_entry *o = &options_table[i % options_count];
        bool own = o->commands & 1U << command;
        if (own != (i < options_count))
            continue;
        if (o->name)
            longs[used++] = (struct option){o->name, o->value != NULL, NULL, o->id};
        if (o->id < OPTION_ALLOW) {
            *shorts++ = (char)o->id;
            if (o->value)
                *shorts++ = ':';
        }
    }
    longs[used] = (struct option){NULL, 0, NULL, 0};
    *shorts = '\0';
}

/* "hx bind, hx connect" */
static const char *whose(unsigned commands, char out[ARGS_ERROR_MAX])
{
    size_t len = 0;
    for (int i = 0; i < ARGS_COMMANDS; i++) {
        if (commands & 1U << i)
            len += (size_t)snprintf(out + len, ARGS_ERROR_MAX - len, "%shx %s", len ? ", " : "",
                                    options_commands[i].name);
    }
    return out;
}

/* Commands may have the same letter for different things: one line of the table each. */
static enum args_result foreign(struct reading *r, int option)
{
    const struct options_entry *one = NULL;
    unsigned commands = 0;
    char spelled[64];
    char names[ARGS_ERROR_MAX];
    for (int i = 0; i < options_count; i++) {
        if (options_table[i].id != option)
            continue;
        one = &options_table[i];
        commands |= one->commands;
    }
    if (!one || commands & 1U << r->args->command)
        return ARGS_BIND;
    options_spell(spelled, sizeof spelled, one);
    return usage(r, "%s is no option of hx %s, but of %s", spelled, options_commands[r->args->command].name,
                 whose(commands, names));
}

static enum args_result options(struct reading *r, int argc, char **argv)
{
    struct option longs[TABLE_MAX];
    char shorts[2 * TABLE_MAX];
    int option;
    getopt_forms(r->args->command, longs, shorts);
    optind = 0; /* glibc: begin anew */
    opterr = 0;
    while ((option = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
        if (option == ':')
            return usage(r, "option '%.100s' needs a value", argv[optind - 1]);
        if (option == '?')
            return usage(r, "unknown option '%.100s'", argv[optind - 1]);
        enum args_result result = foreign(r, option);
        if (result == ARGS_BIND)
            result = take(r, option);
        if (result != ARGS_BIND)
            return result;
    }
    return ARGS_BIND;
}

const char *args_stun(const struct args *args)
{
    return args->stun_count > 0 ? args->stun : NULL;
}

const char *args_remote_path(const char *word)
{
    const char *colon = strchr(word, ':');
    if (!colon || !host_id_valid(word, (size_t)(colon - word))) /* no name has a '/' */
        return NULL;
    return colon + 1;
}

static enum args_result copy_operands(struct reading *r, char **words, int count)
{
    struct args *a = r->args;
    if (count < 2)
        return usage(r, "copy what, and where to? hx cp NAME:PATH DST, or hx cp SRC NAME:PATH");
    a->src = words[0];
    a->dst = words[1];
    const char *from = args_remote_path(a->src);
    const char *to = args_remote_path(a->dst);
    if (!from && !to)
        return usage(r, "which peer? One of '%.80s' and '%.80s' must be NAME:PATH", a->src, a->dst);
    if (from && to)
        return usage(r,
                     "'%.80s' and '%.80s' are both remote: copy by way of this host, or write ./FILE for "
                     "a local file with a colon",
                     a->src, a->dst);
    snprintf(a->peer, sizeof a->peer, "%.*s", (int)((from ? from - a->src : to - a->dst) - 1),
             from ? a->src : a->dst);
    a->name = a->peer;
    return ARGS_BIND;
}

static enum args_result operands(struct reading *r, char **words, int count)
{
    struct args *a = r->args;
    if (a->command == ARGS_SEND || a->command == ARGS_RECV)
        return args_code_operands(a, words, count, r->error);
    bool nameless = a->command == ARGS_KEY || a->command == ARGS_NAT;
    int most = nameless ? 0 : a->command == ARGS_CP ? 2 : 1;
    if (count > most)
        return usage(r, "too many arguments: '%.100s'", words[most]);
    if (nameless)
        return ARGS_BIND;
    if (a->command == ARGS_CP)
        return copy_operands(r, words, count);
    if (count == 0)
        return usage(r, "which NAME? Usage: hx %s NAME", options_commands[a->command].name);
    a->name = words[0];
    return ARGS_BIND;
}

static enum args_result check_names(struct reading *r)
{
    struct nameserver_name nameservers[NAMESERVERS_MAX];
    const struct args *a = r->args;
    if (a->label && (!host_id_valid(a->label, strlen(a->label)) || strlen(a->label) > ARGS_LABEL_MAX))
        return usage(r, "'%.100s' is no label: labels have 1 to %d %s", a->label, ARGS_LABEL_MAX, CHARACTERS);
    if (a->command == ARGS_KEY)
        return ARGS_BIND;
    if (!a->nameserver || a->nameserver[0] == '\0')
        return usage(r, "which nameserver? Give --nameserver HOST[:PORT], or set HX_NAMESERVER");
    if (nameserver_names_parse(nameservers, a->nameserver, HX_DEFAULT_PORT) < 0)
        return usage(
            r,
            "the nameserver '%.80s' is no HOST[:PORT], http://HOST[:PORT] or https://HOST[:PORT] with "
            "a port from 1 to 65535, nor up to %d of them with commas",
            a->nameserver, NAMESERVERS_MAX);
    if (a->name && !host_id_valid(a->name, strlen(a->name)))
        return usage(r, "'%.100s' is no name: names have 1 to 255 %s", a->name, CHARACTERS);
    return ARGS_BIND;
}

/* Options that contradict each other: better refused than one of them ignored. */
static enum args_result check_combination(struct reading *r)
{
    const struct args *a = r->args;
    const char *secure = a->allow_count          ? "--allow"
                         : a->allow_listen_count ? "--allow-listen"
                         : a->exec               ? "--exec"
                         : a->tty                ? "-t"
                         : a->share              ? "--share"
                         : a->to                 ? "--to"
                         : a->key_file           ? "--key-file"
                                                 : NULL;
    if (a->insecure && a->forward_count)
        return usage(r, "--insecure is a bare pipe, without -%c: leave out one of them", a->forwards[0].kind);
    if (a->insecure && secure)
        return usage(r, "--insecure is a bare pipe or echo, without %s: leave out one of them", secure);
    if (a->to && a->forward_count)
        return usage(r, "--to makes a pipe, -%c listens: use two hx connect, side by side",
                     a->forwards[0].kind);
    if (a->exec && a->echo)
        return usage(r, "--exec and --echo contradict each other: a peer without -L gets one of them");
    if (a->pty && !a->exec)
        return usage(r, "--pty is for a command: give --exec CMD, too");
    if (a->tty && (a->to || a->forward_count))
        return usage(r, "-t is for a command, without --to, -L and -D: use two hx connect, side by side");
    if (a->verbose && a->quiet)
        return usage(r, "--verbose and --quiet contradict each other");
    return ARGS_BIND;
}

static enum args_result parse_command(struct reading *r, int argc, char **argv)
{
    enum args_result result = options(r, argc, argv);
    if (result == ARGS_BIND)
        result = operands(r, argv + optind, argc - optind);
    if (result == ARGS_BIND)
        result = check_names(r);
    if (result == ARGS_BIND)
        result = check_combination(r);
    return result == ARGS_BIND ? r->args->command : result;
}

enum args_result args_parse(struct args *out, int argc, char **argv, const char *environment,
                            char error[ARGS_ERROR_MAX])
{
    struct reading r = {.args = out, .error = error};
    char commands[ARGS_ERROR_MAX];
    error[0] = '\0';
    *out = (struct args){.command = ARGS_COMMANDS,
                         .nameserver = environment,
                         .timeout_s = ARGS_CONNECT_TIMEOUT,
                         .keepalive_s = ARGS_KEEPALIVE,
                         .retry_for_s = ARGS_RETRY_FOR,
                         .interval_ms = ARGS_INTERVAL,
                         .expire_s = ARGS_EXPIRE,
                         .receipts = 1,
                         .answer_ms = ARGS_ANSWER};
    if (argc < 2)
        return usage(&r, "which command? %s", whose(~0U, commands));
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return ARGS_HELP;
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
        return ARGS_VERSION;
    for (int i = 0; i < ARGS_COMMANDS; i++) {
        if (strcmp(argv[1], options_commands[i].name) == 0)
            out->command = (enum args_result)i;
    }
    if (out->command == ARGS_COMMANDS)
        return usage(&r, "there is no command '%.100s': there are %s", argv[1], whose(~0U, commands));
    if (out->command == ARGS_BIND)
        out->timeout_s = 0;
    return parse_command(&r, argc - 1, argv + 1);
}
