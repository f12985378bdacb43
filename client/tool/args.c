#include "client/forward/flows.h"
#include "client/tool/args_parts.h"
#include "client/tool/nearest.h"
#include "client/tool/options.h"
#include "proto/host_id.h"
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_MAX 128 /* options; getopt's forms of the table fit */

enum args_result args_usage(struct reading *r, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(r->error, ARGS_ERROR_MAX, format, values);
    va_end(values);
    return ARGS_USAGE;
}

/* options_table as getopt wants it, with the options of every command: a foreign one is not "unknown". Those
 * of `command` come first: getopt takes the first of two that are spelled alike. */
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
    return args_usage(r, "%s is no option of hx %s, but of %s", spelled,
                      options_commands[r->args->command].name, whose(commands, names));
}

static bool is_option(int id)
{
    for (int i = 0; i < options_count; i++) {
        if (options_table[i].id == id)
            return true;
    }
    return false;
}

/* `word`: the one before what getopt comes to next. */
static enum args_result unknown(struct reading *r, const char *word)
{
    char name[NEAREST_WORD_MAX + 2];
    struct nearest near = {.typed = name};
    if (optopt != 0) /* a letter; or the id of a long one, which it knows */
        return is_option(optopt) ? args_usage(r, "'%.100s': that option takes no value", word)
                                 : args_usage(r, "unknown option '-%c'", optopt);
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "="), word + 2);
    for (int i = 0; i < options_count; i++) {
        const struct options_entry *o = &options_table[i];
        if (o->name && o->commands & 1U << r->args->command)
            nearest_offer(&near, o->name);
    }
    if (near.word)
        return args_usage(r, "unknown option '%.100s': did you mean --%s?", word, near.word);
    return args_usage(r, "unknown option '%.100s'", word);
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
            return args_usage(r, "option '%.100s' needs a value", argv[optind - 1]);
        if (option == '?')
            return unknown(r, argv[optind - 1]);
        enum args_result result = foreign(r, option);
        args_given(r, option);
        if (result == ARGS_BIND)
            result = args_take(r, option);
        if (result != ARGS_BIND)
            return result;
    }
    return ARGS_BIND;
}

const char *args_stun(const struct args *args)
{
    return args->stun_count > 0 ? args->stun : NULL;
}

static enum args_result config_operands(struct reading *r, char **words, int count)
{
    if (count == 0 || strcmp(words[0], "check") != 0)
        return args_usage(r, "what about it? Usage: hx config check [FILE]");
    if (count > 2)
        return args_usage(r, "too many arguments: '%.100s'", words[2]);
    r->args->config_file = words[1]; /* argv ends with NULL */
    return ARGS_BIND;
}

static enum args_result operands(struct reading *r, char **words, int count)
{
    struct args *a = r->args;
    if (a->command == ARGS_SEND || a->command == ARGS_RECV)
        return args_code_operands(r, words, count);
    if (a->command == ARGS_CONFIG)
        return config_operands(r, words, count);
    bool nameless = a->command == ARGS_KEY || a->command == ARGS_NAT;
    int most = nameless && !a->device ? 0 : 1;
    const char *what = a->command == ARGS_MEET ? "SESSION" : "NAME";
    if (count > most && a->command != ARGS_CP)
        return args_usage(r, "too many arguments: '%.100s'", words[most]);
    if (nameless && count > 0 && a->key_file)
        return args_usage(r, "'%.100s' and --file are two files: give one of them", words[0]);
    if (nameless) {
        if (count > 0)
            a->key_file = words[0];
        return ARGS_BIND;
    }
    if (a->command == ARGS_CP)
        return args_cp_operands(r, words, count);
    if (count == 0)
        return args_usage(r, "which %s? Usage: hx %s %s", what, options_commands[a->command].name, what);
    a->name = words[0];
    return a->command == ARGS_LS ? args_ls_operand(r, words[0]) : ARGS_BIND;
}

static enum args_result check_names(struct reading *r)
{
    const struct args *a = r->args;
    if (a->label && (!host_id_valid(a->label, strlen(a->label)) || strlen(a->label) > ARGS_LABEL_MAX))
        return args_usage(r, "'%.100s' is no label: labels have 1 to %d %s", a->label, ARGS_LABEL_MAX,
                          ARGS_CHARACTERS);
    if (a->command == ARGS_KEY || a->command == ARGS_CONFIG)
        return ARGS_BIND;
    enum args_result result = args_check_nameserver(r, a->nameserver ? a->nameserver : "");
    if (result != ARGS_BIND)
        return result;
    if (a->name && !host_id_valid(a->name, strlen(a->name)))
        return args_usage(r, "'%.100s' is no name: names have 1 to 255 %s", a->name, ARGS_CHARACTERS);
    return ARGS_BIND;
}

enum args_result args_check_combination(struct reading *r)
{
    const struct args *a = r->args;
    const char *bare = a->insecure ? "--insecure" : a->bare ? "--bare" : NULL;
    const char *secure = a->allow_count               ? "--allow"
                         : a->allow_listen_count      ? "--allow-listen"
                         : a->exec                    ? "--exec"
                         : a->tty                     ? "-t"
                         : a->key_label_count         ? "--key-label"
                         : a->share                   ? "--share"
                         : a->to                      ? "--to"
                         : a->insecure && a->key_file ? "--key-file"
                                                      : NULL;
    if (bare && a->forward_count)
        return args_usage(r, "%s is a bare pipe, without -%c: leave out one of them", bare,
                          a->forwards[0].kind);
    if (bare && secure)
        return args_usage(r, "%s is a bare pipe or echo, without %s: leave out one of them", bare, secure);
    if (a->to && a->forward_count)
        return args_usage(r, "--to makes a pipe, -%c listens: use two hx connect, side by side",
                          a->forwards[0].kind);
    if (a->exec && a->echo)
        return args_usage(r, "--exec and --echo contradict each other: a peer without -L gets one of them");
    if (a->pty && !a->exec)
        return args_usage(r, "--pty is for a command: give --exec CMD, too");
    if (a->tty && (a->to || a->forward_count))
        return args_usage(r,
                          "-t is for a command, without --to, -L and -D: use two hx connect, side by side");
    if (a->no_command && !a->forward_count)
        return args_usage(r,
                          "-N is for -L, -R and -D, as with ssh: give one of them (--name is the own name)");
    if (a->device && (a->set || a->label || a->auth || a->qr))
        return args_usage(r, "--device is about a key of this device's own, without --set, --label, --auth "
                             "and --qr, which are of the key that hosts share");
    if (a->auth && (a->set || a->label || a->qr || a->show))
        return args_usage(r,
                          "--auth is about the key that is there, without --set, --label, --qr and --show");
    if (a->trace_secrets && !a->trace)
        return args_usage(r, "--trace-secrets is for --trace: give --trace FILE, too");
    if (a->show && !a->device)
        return args_usage(r, "--show is for --device: the key that hosts share, hx key shows alone");
    if (a->verbose && a->quiet)
        return args_usage(r, "--verbose and --quiet contradict each other");
    return ARGS_BIND;
}

/* What the command line does not say. */
static enum args_result complete(struct reading *r, const char *config_file)
{
    enum args_result result = config_file ? args_config(r, config_file) : ARGS_BIND;
    if (result == ARGS_BIND)
        result = check_names(r);
    if (result == ARGS_BIND && r->args->command == ARGS_MEET)
        result = args_meet_check(r);
    return result == ARGS_BIND ? args_check_combination(r) : result;
}

static enum args_result parse_command(struct reading *r, int argc, char **argv, const char *config_file)
{
    enum args_result result = options(r, argc, argv);
    if (result == ARGS_BIND)
        result = operands(r, argv + optind, argc - optind);
    if (result == ARGS_BIND && r->args->from) {
        struct reading other = *r;
        other.args = r->args->from;
        result = complete(&other, config_file);
    }
    if (result == ARGS_BIND)
        result = complete(r, config_file);
    return result == ARGS_BIND ? r->args->command : result;
}

void args_defaults(struct args *out, enum args_result command, const char *nameserver)
{
    *out = (struct args){.command = command,
                         .nameserver = nameserver,
                         .timeout_s = command == ARGS_BIND || command == ARGS_MEET ? 0 : ARGS_CONNECT_TIMEOUT,
                         .keepalive_s = ARGS_KEEPALIVE,
                         .retry_for_s = ARGS_RETRY_FOR,
                         .interval_ms = ARGS_INTERVAL,
                         .udp_timeout_s = FLOWS_TIMEOUT,
                         .expire_s = ARGS_EXPIRE,
                         .receipts = 1,
                         .answer_ms = ARGS_ANSWER};
}

/* ARGS_COMMANDS: there is none of that name. */
static enum args_result find_command(const char *word)
{
    for (int i = 0; i < ARGS_COMMANDS; i++) {
        if (strcmp(word, options_commands[i].name) == 0)
            return (enum args_result)i;
    }
    return ARGS_COMMANDS;
}

static enum args_result no_command(struct reading *r, const char *word)
{
    char commands[ARGS_ERROR_MAX];
    struct nearest near = {.typed = word};
    for (int i = 0; i < ARGS_COMMANDS; i++)
        nearest_offer(&near, options_commands[i].name);
    if (near.word)
        return args_usage(r, "there is no command '%.100s': did you mean hx %s?", word, near.word);
    return args_usage(r, "there is no command '%.100s': there are %s", word, whose(~0U, commands));
}

/* hx help [COMMAND] */
static enum args_result help(struct reading *r, const char *word)
{
    if (!word || word[0] == '-')
        return ARGS_HELP;
    r->args->command = find_command(word);
    return r->args->command == ARGS_COMMANDS ? no_command(r, word) : ARGS_HELP;
}

enum args_result args_parse(struct args *out, int argc, char **argv, const char *environment,
                            const char *config_file, char error[ARGS_ERROR_MAX])
{
    struct reading r = {.args = out, .error = error};
    char commands[ARGS_ERROR_MAX];
    error[0] = '\0';
    args_defaults(out, ARGS_COMMANDS, environment);
    if (argc < 2)
        return args_usage(&r, "which command? %s", whose(~0U, commands));
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0)
        return help(&r, argc > 2 ? argv[2] : NULL);
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0)
        return ARGS_VERSION;
    out->command = find_command(argv[1]);
    if (out->command == ARGS_COMMANDS)
        return no_command(&r, argv[1]);
    args_defaults(out, out->command, environment);
    return parse_command(&r, argc - 1, argv + 1, config_file);
}
