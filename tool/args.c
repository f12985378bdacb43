#include "tool/args.h"
#include "client/hx.h"
#include "client/resolve.h"
#include "proto/host_id.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char args_help[] =
    "Usage: hx bind NAME [OPTION]...      wait for a peer under NAME\n"
    "       hx connect NAME [OPTION]...   reach the peer that waits under NAME\n"
    "\n"
    "Both ends may be behind NATs. Standard input goes to the peer, what the peer sends to\n"
    "standard output, both whole and in order; the exit status is 0 only if all has arrived.\n"
    "\n"
    "  -n, --nameserver HOST[:PORT]  the nameserver (default: $HX_NAMESERVER; port 7000)\n"
    "  -p, --local-port PORT         leave from this UDP port (default: the system chooses)\n"
    "  -t, --timeout SECONDS         bind: for the nameserver's answer (default 10)\n"
    "                                connect: for reaching the peer (default 15)\n"
    "  -v, --verbose                 say on standard error what happens (default on a terminal)\n"
    "  -q, --quiet                   say nothing but errors\n"
    "  -h, --help                    show this text\n"
    "  -V, --version                 show the version\n"
    "\n"
    "hx bind:\n"
    "  -e, --echo                    send back to every peer what it sends, until interrupted\n"
    "\n"
    "hx connect:\n"
    "  -w, --wait SECONDS            wait so long for NAME to appear (at most 60)\n"
    "  -N, --name OWN                the own name, shown to the peer\n"
    "\n"
    "Exit status: 0 success, 1 failure (standard error says what to do), 2 wrong usage.\n";

static enum args_result usage(char error[ARGS_ERROR_MAX], const char *format, const char *what)
{
    snprintf(error, ARGS_ERROR_MAX, format, what);
    return ARGS_USAGE;
}

static bool number(const char *text, long least, long most, long *out)
{
    char *end;
    if (*text < '0' || *text > '9' || strlen(text) > 6)
        return false;
    *out = strtol(text, &end, 10);
    return *end == '\0' && *out >= least && *out <= most;
}

/* One option. ARGS_BIND stands for "go on". */
static enum args_result take(struct args *a, int option, char error[ARGS_ERROR_MAX])
{
    long value = 0;
    switch (option) {
    case 'n':
        a->nameserver = optarg;
        break;
    case 'p':
        if (!number(optarg, 1, UINT16_MAX, &value))
            return usage(error, "--local-port takes 1 to 65535, not '%.100s'", optarg);
        a->local_port = (uint16_t)value;
        break;
    case 't':
        if (!number(optarg, 1, ARGS_TIMEOUT_MAX, &value))
            return usage(error, "--timeout takes 1 to 3600 seconds, not '%.100s'", optarg);
        a->timeout_s = (int)value;
        break;
    case 'w':
        if (!number(optarg, 0, ARGS_WAIT_MAX, &value))
            return usage(error, "--wait takes 0 to 60 seconds, not '%.100s'", optarg);
        a->wait_s = (int)value;
        break;
    case 'N':
        a->own_name = optarg;
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
    case 'h':
        return ARGS_HELP;
    case 'V':
        return ARGS_VERSION;
    default:
        return ARGS_USAGE;
    }
    return ARGS_BIND;
}

static enum args_result options(struct args *a, bool bind, int argc, char **argv, char error[ARGS_ERROR_MAX])
{
    struct resolve_name nameserver;
    static const struct option both[] = {{"nameserver", required_argument, NULL, 'n'},
                                         {"local-port", required_argument, NULL, 'p'},
                                         {"timeout", required_argument, NULL, 't'},
                                         {"verbose", no_argument, NULL, 'v'},
                                         {"quiet", no_argument, NULL, 'q'},
                                         {"help", no_argument, NULL, 'h'},
                                         {"version", no_argument, NULL, 'V'},
                                         {"echo", no_argument, NULL, 'e'},
                                         {"wait", required_argument, NULL, 'w'},
                                         {"name", required_argument, NULL, 'N'},
                                         {NULL, 0, NULL, 0}};
    int option;
    optind = 0; /* glibc: begin anew */
    opterr = 0;
    while ((option = getopt_long(argc, argv, bind ? ":n:p:t:vqhVe" : ":n:p:t:vqhVw:N:", both, NULL)) != -1) {
        if (option == ':')
            return usage(error, "option '%.100s' needs a value", argv[optind - 1]);
        if (option == '?')
            return usage(error, "unknown option '%.100s'", argv[optind - 1]);
        if (bind ? option == 'w' || option == 'N' : option == 'e')
            return usage(error, "option '%.100s' does not belong to this command", argv[optind - 1]);
        enum args_result result = take(a, option, error);
        if (result != ARGS_BIND)
            return result;
    }
    if (optind == argc)
        return usage(error, "which NAME? Usage: hx %s NAME", argv[0]);
    if (optind + 1 < argc)
        return usage(error, "too many arguments: '%.100s'", argv[optind + 1]);
    a->name = argv[optind];
    if (!a->nameserver || a->nameserver[0] == '\0')
        return usage(error, "which nameserver? Give --nameserver HOST[:PORT], or set %s", "HX_NAMESERVER");
    if (resolve_parse(&nameserver, a->nameserver, HX_DEFAULT_PORT) < 0)
        return usage(error, "the nameserver '%.100s' is no HOST[:PORT] with a port from 1 to 65535",
                     a->nameserver);
    if (!host_id_valid(a->name, strlen(a->name)))
        return usage(error, "'%.100s' is no name: names have 1 to 255 letters, digits and !#$%%&'*+-.^_`|~@",
                     a->name);
    return bind ? ARGS_BIND : ARGS_CONNECT;
}

enum args_result args_parse(struct args *out, int argc, char **argv, const char *environment,
                            char error[ARGS_ERROR_MAX])
{
    error[0] = '\0';
    if (argc < 2)
        return usage(error, "%s", "which command? hx bind NAME, or hx connect NAME");
    const char *command = argv[1];
    bool bind = strcmp(command, "bind") == 0;
    if (strcmp(command, "--help") == 0 || strcmp(command, "-h") == 0)
        return ARGS_HELP;
    if (strcmp(command, "--version") == 0 || strcmp(command, "-V") == 0)
        return ARGS_VERSION;
    if (!bind && strcmp(command, "connect") != 0)
        return usage(error, "there is no command '%.100s': hx bind NAME, or hx connect NAME", command);
    *out = (struct args){.nameserver = environment,
                         .timeout_s = bind ? ARGS_BIND_TIMEOUT : ARGS_CONNECT_TIMEOUT};
    return options(out, bind, argc - 1, argv + 1, error);
}
