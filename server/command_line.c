/* The command line of hx-nameserver. */
#include "base/error.h"
#include "server/config.h"
#include "shim/udt/udt.h"
#include <getopt.h>
#include <string.h>

#define ASSIGNMENTS_MAX 64 /* options on one command line */

static const struct option long_options[] = {{"listen", required_argument, NULL, 'l'},
                                             {"listen-tcp", required_argument, NULL, 't'},
                                             {"proxy-protocol", no_argument, NULL, 'P'},
                                             {"config", required_argument, NULL, 'c'},
                                             {"log-level", required_argument, NULL, 'L'},
                                             {"log-format", required_argument, NULL, 0},
                                             {"log-addresses", required_argument, NULL, 0},
                                             {"max-connections", required_argument, NULL, 0},
                                             {"max-per-address", required_argument, NULL, 0},
                                             {"rate-per-address", required_argument, NULL, 0},
                                             {"introductions-per-source", required_argument, NULL, 0},
                                             {"introductions-per-name", required_argument, NULL, 0},
                                             {"max-members", required_argument, NULL, 0},
                                             {"max-queue", required_argument, NULL, 0},
                                             {"request-timeout", required_argument, NULL, 0},
                                             {"idle-timeout", required_argument, NULL, 0},
                                             {"auth", required_argument, NULL, 0},
                                             {"auth-db", required_argument, NULL, 0},
                                             {"auth-host", required_argument, NULL, 0},
                                             {"claims-per-source", required_argument, NULL, 0},
                                             {"max-owned", required_argument, NULL, 0},
                                             {"stun-port", required_argument, NULL, 0},
                                             {"stun-address", required_argument, NULL, 0},
                                             {"stun-rate", required_argument, NULL, 0},
                                             {"relay", no_argument, NULL, 'R'},
                                             {"relay-rate", required_argument, NULL, 0},
                                             {"relay-total", required_argument, NULL, 0},
                                             {"relay-time", required_argument, NULL, 0},
                                             {"relay-per-address", required_argument, NULL, 0},
                                             {"admin", required_argument, NULL, 0},
                                             {"admin-token", required_argument, NULL, 0},
                                             {"drain", required_argument, NULL, 0},
                                             {"drain-to", required_argument, NULL, 0},
                                             {"transcripts", required_argument, NULL, 0},
                                             {"transcripts-max", required_argument, NULL, 0},
                                             {"transcripts-secrets", no_argument, NULL, 'T'},
                                             {"user", required_argument, NULL, 'u'},
                                             {"sandbox", required_argument, NULL, 0},
                                             {"no-sandbox", no_argument, NULL, 'S'},
                                             {"family", required_argument, NULL, 0},
                                             {"ipv4", no_argument, NULL, '4'},
                                             {"ipv6", no_argument, NULL, '6'},
                                             {"forget", required_argument, NULL, 'F'},
                                             {"owners", no_argument, NULL, 'O'},
                                             {"help", no_argument, NULL, 'h'},
                                             {"version", no_argument, NULL, 'V'},
                                             {NULL, 0, NULL, 0}};

void server_config_usage(FILE *out)
{
    fprintf(out,
            "Usage: hx-nameserver [OPTION]...\n"
            "Tells hosts behind NATs each other's external address, so that they can connect.\n"
            "\n"
            "  -l, --listen=ADDR:PORT     UDP address to serve; also [IPV6]:PORT, :PORT, ADDR; port 0: the\n"
            "                             kernel picks one; may be repeated (default: every address,\n"
            "                             port %d)\n"
            "  -t, --listen-tcp=ADDR:PORT  TCP address to serve besides, in the same forms; none: none of\n"
            "                             the file's; may be repeated (default: none)\n"
            "      --proxy-protocol       TCP comes from a proxy alone, which says whose each connection is\n"
            "                             by a header of the PROXY protocol, version 2\n"
            "  -4, --ipv4                 serve IPv4 only\n"
            "  -6, --ipv6                 serve IPv6 only\n"
            "  -c, --config=FILE          read options from FILE first, lines of the form NAME = VALUE\n"
            "  -L, --log-level=LEVEL      error, warn, info or debug (default: info)\n"
            "      --log-format=FORMAT    logfmt, or json: an object a line (default: logfmt)\n"
            "      --log-addresses=HOW    what lines tell of peers' addresses: full; prefix: an IPv4 /24 or\n"
            "                             IPv6 /48 without a port; none (default: full)\n"
            "      --max-connections=N    connections at once; more get 503 (default: 20000)\n"
            "      --max-per-address=N    connections of one IPv4 address or IPv6 /64; more get 429\n"
            "                             (default: 256)\n"
            "      --rate-per-address=N   new connections a second of one IPv4 address or IPv6 /64, in\n"
            "                             bursts of 4 seconds' worth; more must wait (default: 100)\n"
            "      --introductions-per-source=N  requests a second of one address for one name, in bursts\n"
            "                             of 4 seconds' worth; more get 429 (default: 10)\n"
            "      --introductions-per-name=N  requests a second for one name; more get 429 (default: 100)\n"
            "      --max-members=N        members of one session, where several meet; the next one gets 409\n"
            "                             (default: 64, which is the most)\n"
            "      --max-queue=BYTES      output waiting for one connection; a slower reader is dropped\n"
            "                             (default: 65536)\n"
            "      --request-timeout=SEC  time for a request to be complete; then 408 (default: 10)\n"
            "      --idle-timeout=SEC     a peer from which nothing is heard for so long is dropped\n"
            "                             (default: 30, at least 15)\n"
            "      --auth=FILE            who may bind, connect and join: lines NAME-PATTERN ACTIONS\n"
            "                             CREDENTIAL (see hx-nameserver(8)); also beside --auth=tofu\n"
            "      --auth=tofu            the first key that binds a name owns it\n"
            "      --auth-db=FILE         the database of who owns which name (default: owners.db in\n"
            "                             systemd's StateDirectory=)\n"
            "      --auth-host=NAME[:PORT]  only proofs for this Host count; may be repeated (default: for\n"
            "                             each Host)\n"
            "      --claims-per-source=N  new names that one address may own a minute, in bursts of 60;\n"
            "                             more get 429 (default: 10)\n"
            "      --max-owned=N          names that are owned at all; more get 503 (default: 1000000)\n"
            "      --stun-port=PORT       a second UDP port of each address, where only STUN is answered;\n"
            "                             0: the kernel picks one; none: there is none (default: the main\n"
            "                             port + 1, if it is free)\n"
            "      --stun-address=ADDR[/PUBLIC]  one of two addresses of this host between which STUN's\n"
            "                             answers change, and how it looks from outside; may be repeated\n"
            "                             (default: two that --listen names with one port)\n"
            "      --stun-rate=N          STUN requests a second of one IPv4 address or IPv6 /64, in bursts\n"
            "                             of 4 seconds' worth; more are dropped (default: 100)\n"
            "      --relay                forward the datagrams of two who cannot reach each other; whoever\n"
            "                             runs the nameserver pays for that traffic\n"
            "      --relay-rate=BYTES     a second of one such session, both ways together (default: 0)\n"
            "      --relay-total=BYTES    a second of all (default: 0)\n"
            "      --relay-time=SEC       a session may last so long (default: 0)\n"
            "      --relay-per-address=N  sessions of one IPv4 address or IPv6 /64 (default: 64)\n"
            "      --admin=ADDR:PORT      HTTP for its operator: a status page, metrics, and what is held;\n"
            "                             also /PATH, a Unix socket; twice at most (default: none)\n"
            "      --admin-token=FILE     whoever asks there must know what FILE has\n"
            "      --drain=SEC            after SIGTERM take nothing new, and end who holds a name within\n"
            "                             SEC, one after the other; a second SIGTERM ends all at once\n"
            "                             (default: 0)\n"
            "      --drain-to=NAMESERVER  whom they shall ask instead: HOST[:PORT], or a URL as hx takes it\n"
            "      --transcripts=DIR      write what went to and from two who were introduced, a file each\n"
            "      --transcripts-max=BYTES  of all of them; the oldest give way (default: 67108864)\n"
            "      --transcripts-secrets  with keys in them, which else are written as *\n"
            "  -u, --user=NAME            become NAME once the port is bound; needs root\n"
            "      --no-sandbox           keep all system calls allowed, for debugging\n"
            "      --owners               print who owns which name, by --auth-db, and exit\n"
            "      --forget=NAME          whoever binds NAME next owns it; exit\n"
            "  -h, --help                 print this and exit\n"
            "  -V, --version              print the version and exit\n"
            "\n"
            "Sockets that systemd has opened take the place of those that --listen and the like would open.\n"
            "0 means unlimited for every limit. Logs go to standard error, one line per event.\n"
            "Exit status: 0 after SIGTERM or SIGINT, 1 on a runtime error, 2 on bad usage.\n",
            UDT_DEFAULT_PORT);
}

/* The command line in the order given: it is applied when the file has been read. */
struct command_line {
    const char *config_path;
    const char *forget;
    bool tell_owners;
    const char *names[ASSIGNMENTS_MAX];
    const char *values[ASSIGNMENTS_MAX];
    size_t count;
};

static const char *option_name(int c, int index)
{
    switch (c) {
    case 'l':
        return "listen";
    case 't':
        return "listen-tcp";
    case 'L':
        return "log-level";
    case 'u':
        return "user";
    case 'P':
        return "proxy-protocol";
    case 'R':
        return "relay";
    case 'T':
        return "transcripts-secrets";
    case 'S':
        return "sandbox";
    case '4':
    case '6':
        return "family";
    default:
        return long_options[index].name;
    }
}

static const char *option_value(int c, const char *argument)
{
    switch (c) {
    case 'P':
    case 'R':
    case 'T':
        return "yes";
    case 'S':
        return "no";
    case '4':
        return "4";
    case '6':
        return "6";
    default:
        return argument;
    }
}

static enum config_result scan(struct command_line *cl, int argc, char **argv, char error[CONFIG_ERROR_MAX])
{
    optind = 0; /* a fresh start, also for a second call in one process (getopt(3)) */
    opterr = 0; /* `error` tells */
    int c, index;
    while ((c = getopt_long(argc, argv, ":l:t:c:L:u:46hV", long_options, &index)) != -1) {
        const char *at = argv[optind - 1];

        if (c == 'h')
            return CONFIG_HELP;
        if (c == 'V')
            return CONFIG_VERSION;
        if (c == '?' || c == ':') {
            snprintf(error, CONFIG_ERROR_MAX, "%s '%.60s'; see hx-nameserver --help",
                     c == ':' ? "a value is missing after" : "bad option", at);
            return CONFIG_BAD;
        }
        if (c == 'c' || c == 'F' || c == 'O') {
            cl->config_path = c == 'c' ? optarg : cl->config_path;
            cl->forget = c == 'F' ? optarg : cl->forget;
            cl->tell_owners |= c == 'O';
            continue;
        }
        if (cl->count == ASSIGNMENTS_MAX) {
            snprintf(error, CONFIG_ERROR_MAX, "more than %d options; use --config", ASSIGNMENTS_MAX);
            return CONFIG_BAD;
        }
        cl->names[cl->count] = option_name(c, index);
        cl->values[cl->count++] = option_value(c, optarg);
    }
    if (optind < argc) {
        snprintf(error, CONFIG_ERROR_MAX, "unexpected argument '%.60s'; see hx-nameserver --help",
                 argv[optind]);
        return CONFIG_BAD;
    }
    return CONFIG_RUN;
}

static int read_text(struct server_config *c, const char *text, size_t len, const char *name,
                     char error[CONFIG_ERROR_MAX])
{
    FILE *f = fmemopen((void *)text, len, "r"); /* it is read only */

    if (!f) {
        snprintf(error, CONFIG_ERROR_MAX, "%.200s: cannot be read: out of memory", name);
        return HX_ENOMEM;
    }
    int err = server_config_read_ini(c, f, name, error);
    fclose(f);
    return err;
}

/* What a command line says, over the file's. */
static enum config_result assign(struct server_config *c, const struct command_line *cl,
                                 char error[CONFIG_ERROR_MAX])
{
    c->forget = cl->forget;
    c->tell_owners = cl->tell_owners;
    for (size_t i = 0; i < cl->count; i++) { /* these addresses, and not those of the file as well */
        c->listen_is_default |= strcmp(cl->names[i], "listen") == 0;
        c->listen_tcp_is_default |= strcmp(cl->names[i], "listen-tcp") == 0;
    }
    for (size_t i = 0; i < cl->count; i++) {
        char why[CONFIG_ERROR_MAX];

        if (server_config_set(c, cl->names[i], cl->values[i], why) < 0) {
            snprintf(error, CONFIG_ERROR_MAX, "--%.*s", CONFIG_ERROR_MAX - 3, why);
            return CONFIG_BAD;
        }
    }
    return server_config_check(c, error) < 0 ? CONFIG_BAD : CONFIG_RUN;
}

enum config_result server_config_read(struct server_config *c, int argc, char **argv,
                                      char error[CONFIG_ERROR_MAX])
{
    struct command_line cl = {.config_path = NULL};
    enum config_result result = scan(&cl, argc, argv, error);

    if (result != CONFIG_RUN)
        return result;
    server_config_defaults(c);
    c->config_path = cl.config_path;
    if (cl.config_path && server_config_read_file(c, cl.config_path, error) < 0)
        return CONFIG_BAD;
    return assign(c, &cl, error);
}

enum config_result server_config_read_again(struct server_config *c, int argc, char **argv, const char *text,
                                            size_t len, char error[CONFIG_ERROR_MAX])
{
    struct command_line cl = {.config_path = NULL};
    enum config_result result = scan(&cl, argc, argv, error);

    if (result != CONFIG_RUN)
        return result;
    server_config_defaults(c);
    c->config_path = cl.config_path;
    if (cl.config_path && len > 0 && read_text(c, text, len, cl.config_path, error) < 0)
        return CONFIG_BAD;
    return assign(c, &cl, error);
}
