#include "test/udtcurl/args.h"
#include "test/udtcurl/codes.h"
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* RFC 9110, 5.6.2: a method is a token, made of these. */
#define TCHARS "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

enum { OPT_RAW = 256, OPT_CONNECT_TIMEOUT, OPT_LOCAL_PORT, OPT_TARGET, OPT_DEVICE_KEY, OPT_REPLAY, OPT_FAST };

static const char short_options[] = ":46fhiH:Im:No:sSvVw:X:";
static const struct option long_options[] = {
    {"ipv4", no_argument, NULL, '4'},
    {"ipv6", no_argument, NULL, '6'},
    {"fail", no_argument, NULL, 'f'},
    {"help", no_argument, NULL, 'h'},
    {"include", no_argument, NULL, 'i'},
    {"header", required_argument, NULL, 'H'},
    {"head", no_argument, NULL, 'I'},
    {"max-time", required_argument, NULL, 'm'},
    {"no-buffer", no_argument, NULL, 'N'},
    {"output", required_argument, NULL, 'o'},
    {"silent", no_argument, NULL, 's'},
    {"show-error", no_argument, NULL, 'S'},
    {"verbose", no_argument, NULL, 'v'},
    {"version", no_argument, NULL, 'V'},
    {"write-out", required_argument, NULL, 'w'},
    {"request", required_argument, NULL, 'X'},
    {"raw", no_argument, NULL, OPT_RAW},
    {"connect-timeout", required_argument, NULL, OPT_CONNECT_TIMEOUT},
    {"local-port", required_argument, NULL, OPT_LOCAL_PORT},
    {"request-target", required_argument, NULL, OPT_TARGET},
    {"device-key", required_argument, NULL, OPT_DEVICE_KEY},
    {"replay", required_argument, NULL, OPT_REPLAY},
    {"fast", no_argument, NULL, OPT_FAST},
    {NULL, 0, NULL, 0},
};

const char args_help[] =
    "Usage: udtcurl [OPTION]... URL...\n"
    "Speaks HTTP/1.1 over UDT. URL is udt://HOST[:PORT]/PATH?QUERY; the port defaults to 7000.\n"
    "\n"
    "  -4, --ipv4               resolve names to IPv4 addresses only\n"
    "  -6, --ipv6               resolve names to IPv6 addresses only\n"
    "      --connect-timeout S  seconds until connected, fractions allowed (default 10)\n"
    "      --device-key FILE    prove this key to a server that asks for it; see hx-key(1)\n"
    "  -f, --fail               no body and exit code 22 on a status of 400 and above\n"
    "      --fast               with --replay: do not wait for the times\n"
    "  -H, --header LINE        add or replace a header; 'Name:' removes it, 'Name;' sends it\n"
    "                           empty\n"
    "  -h, --help               show this\n"
    "  -I, --head               send HEAD and show the answer's head\n"
    "  -i, --include            show the answer's head before its body\n"
    "      --local-port P       send from this UDP port\n"
    "  -m, --max-time S         seconds for the whole transfer, fractions allowed\n"
    "  -N, --no-buffer          accepted for curl's sake: output is never buffered\n"
    "  -o, --output FILE        write to FILE; once for each URL\n"
    "      --raw                do not decode chunked bodies\n"
    "      --replay FILE        play a transcript's requests again; exit code 1 if an answer differs\n"
    "      --request-target T   send T as it is instead of the URL's path and query\n"
    "  -S, --show-error         show errors even with --silent\n"
    "  -s, --silent             no error messages\n"
    "  -v, --verbose            show on standard error what is sent and received\n"
    "  -V, --version            show the version\n"
    "  -w, --write-out FORMAT   after each transfer, show FORMAT; see udtcurl(1)\n"
    "  -X, --request METHOD     send this method instead of GET\n";

__attribute__((format(printf, 3, 4))) static int refuse(char *why, size_t cap, const char *fmt, ...)
{
    va_list list;
    va_start(list, fmt);
    vsnprintf(why, cap, fmt, list);
    va_end(list);
    return UC_USAGE;
}

/* Seconds, perhaps with a fraction, to milliseconds; never less than 1 unless the text says zero. */
static int take_seconds(int64_t *ms, const char *text)
{
    char *end;
    double seconds = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(seconds) || seconds < 0 || seconds > INT_MAX / 1000)
        return UC_USAGE;
    *ms = (int64_t)ceil(seconds * 1000);
    return UC_OK;
}

static int take_port(uint16_t *port, const char *text)
{
    char *end;
    unsigned long number = strtoul(text, &end, 10);
    if (!isdigit((unsigned char)*text) || *end != '\0' || number == 0 || number > UINT16_MAX)
        return UC_USAGE;
    *port = (uint16_t)number;
    return UC_OK;
}

/* A line break in a header or a blank in a method would make another request than the one asked for. */
static bool is_line(const char *text)
{
    for (; *text; text++)
        if (iscntrl((unsigned char)*text) && *text != '\t')
            return false;
    return true;
}

static int take_header(struct args *a, const char *text)
{
    if (!is_line(text))
        return UC_USAGE;
    a->headers[a->header_count++] = text;
    return UC_OK;
}

static int take_target(struct args *a, const char *text)
{
    if (*text == '\0' || !is_line(text))
        return UC_USAGE;
    a->target = text;
    return UC_OK;
}

static int take_method(struct args *a, const char *text)
{
    if (*text == '\0' || text[strspn(text, TCHARS)] != '\0')
        return UC_USAGE;
    a->method = text;
    return UC_OK;
}

/* The flag that the option raises; NULL: it raises none. */
static bool *flag_of(struct args *a, int option)
{
    switch (option) {
    case 'f':
        return &a->fail;
    case 'i':
        return &a->include;
    case 's':
        return &a->silent;
    case 'S':
        return &a->show_error;
    case 'v':
        return &a->verbose;
    case OPT_RAW:
        return &a->raw;
    case OPT_FAST:
        return &a->fast;
    default:
        return NULL;
    }
}

static int take_word(struct args *a, int option)
{
    bool *flag = flag_of(a, option);
    if (flag)
        *flag = true;
    else if (option == '4' || option == '6')
        a->family = option == '4' ? AF_INET : AF_INET6;
    else if (option == 'I')
        a->head = a->include = true;
    else if (option == 'h')
        a->action = ARGS_HELP;
    else if (option == 'V')
        a->action = ARGS_VERSION;
    return UC_OK; /* what is left is -N */
}

static int take_option(struct args *a, int option, const char *value)
{
    switch (option) {
    case 'H':
        return take_header(a, value);
    case 'm':
        return take_seconds(&a->max_time_ms, value);
    case 'o':
        a->outputs[a->output_count++] = value;
        return UC_OK;
    case 'w':
        a->write_out = value;
        return UC_OK;
    case 'X':
        return take_method(a, value);
    case OPT_CONNECT_TIMEOUT:
        return take_seconds(&a->connect_timeout_ms, value);
    case OPT_LOCAL_PORT:
        return take_port(&a->local_port, value);
    case OPT_TARGET:
        return take_target(a, value);
    case OPT_DEVICE_KEY:
        a->device_key = value;
        return UC_OK;
    case OPT_REPLAY:
        a->replay = value;
        return UC_OK;
    default:
        return take_word(a, option);
    }
}

/* How the option was typed, for messages. */
static void name_option(char *out, size_t cap, int option)
{
    for (const struct option *o = long_options; o->name; o++)
        if (o->val == option) {
            snprintf(out, cap, "--%s", o->name);
            return;
        }
    snprintf(out, cap, "-%c", option);
}

static int take_all(struct args *a, int argc, char **argv, char *why, size_t cap)
{
    char name[64];
    int option;
    optind = 0; /* glibc: begin anew, whoever used getopt before */
    opterr = 0;
    while ((option = getopt_long(argc, argv, short_options, long_options, NULL)) != -1) {
        if (option == ':') {
            name_option(name, sizeof name, optopt);
            return refuse(why, cap, "option %s: requires a value", name);
        }
        if (option == '?' && optopt == 0)
            return refuse(why, cap, "option %s: is unknown or ambiguous", argv[optind - 1]);
        if (option == '?') {
            name_option(name, sizeof name, optopt);
            return refuse(why, cap, "option %s: is unknown, or takes no value", name);
        }
        if (take_option(a, option, optarg) != UC_OK) {
            name_option(name, sizeof name, option);
            return refuse(why, cap, "option %s: bad value '%s'", name, optarg);
        }
    }
    return UC_OK;
}

int udtcurl_args_parse(struct args *out, int argc, char **argv, char *why, size_t cap)
{
    int err;
    memset(out, 0, sizeof *out);
    out->connect_timeout_ms = ARGS_CONNECT_TIMEOUT_MS;
    out->family = AF_UNSPEC;
    out->headers = calloc((size_t)argc, sizeof *out->headers); /* argc bounds each of the three */
    out->outputs = calloc((size_t)argc, sizeof *out->outputs);
    out->urls = calloc((size_t)argc, sizeof *out->urls);
    if (!out->headers || !out->outputs || !out->urls) {
        snprintf(why, cap, "out of memory");
        return UC_MEMORY;
    }
    err = take_all(out, argc, argv, why, cap);
    if (err != UC_OK || out->action != ARGS_RUN)
        return err;
    while (optind < argc)
        out->urls[out->url_count++] = argv[optind++];
    if (out->url_count == 0)
        return refuse(why, cap, "no URL specified");
    if (out->replay && out->url_count > 1)
        return refuse(why, cap, "--replay takes one URL");
    if (out->fast && !out->replay)
        return refuse(why, cap, "--fast is for --replay");
    if (out->connect_timeout_ms == 0) /* as in curl, zero is the default */
        out->connect_timeout_ms = ARGS_CONNECT_TIMEOUT_MS;
    return UC_OK;
}

void args_free(struct args *a)
{
    free(a->headers);
    free(a->outputs);
    free(a->urls);
    memset(a, 0, sizeof *a);
}
