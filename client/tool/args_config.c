/* Options of ~/.config/hx/config: each is taken as the command line's is. */
#include "client/tool/args_parts.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMED                                                                                 \
    (1U << ARGS_BIND | 1U << ARGS_CONNECT | 1U << ARGS_CP | 1U << ARGS_LS | 1U << ARGS_PING | \
     1U << ARGS_INFO | 1U << ARGS_MEET)                               /* have a section */
#define NAMELESS (1U << ARGS_SEND | 1U << ARGS_RECV | 1U << ARGS_NAT) /* only that for everybody */
#define RIVALS   12

/* Who gives one of them does not want the other, which a file may have for other times. */
static const struct rivalry {
    int one;
    int others[RIVALS]; /* 0: no more */
} rivalries[] = {
    {'4', {'6'}},
    {OPTION_UDP_ONLY, {OPTION_TCP_ONLY}},
    {'v', {'q'}},
    {'P', {OPTION_DEREFERENCE}},
    {'e', {OPTION_EXEC, OPTION_PTY}},
    {'t', {OPTION_TO, 'L', 'R', 'D'}},
    {OPTION_TO, {'L', 'R', 'D'}},
    {OPTION_BARE,
     {OPTION_ALLOW, OPTION_ALLOW_LISTEN, OPTION_EXEC, OPTION_PTY, OPTION_SHARE, OPTION_KEY_LABEL, OPTION_TO,
      't', 'L', 'R', 'D'}},
    {OPTION_INSECURE,
     {OPTION_ALLOW, OPTION_ALLOW_LISTEN, OPTION_EXEC, OPTION_PTY, OPTION_SHARE, OPTION_KEY_LABEL, OPTION_TO,
      OPTION_KEY_FILE, 't', 'L', 'R', 'D'}},
};

/* Two spellings of one option are one; a letter that commands have for different things is different ones. */
static int same_for_all(enum args_result command, int option)
{
    if (option == 't' && command != ARGS_CONNECT && command != ARGS_LS)
        return OPTION_TIMEOUT;
    if (option == 'w' && command != ARGS_PING)
        return OPTION_WAIT;
    if (command == ARGS_CP)
        return option == 'n'                               ? OPTION_NO_CLOBBER
               : option == 'L'                             ? OPTION_DEREFERENCE
               : option == 'a' || option == OPTION_ARCHIVE ? 'P'
                                                           : option;
    return option;
}

void args_given(struct reading *r, int option)
{
    r->given[same_for_all(r->args->command, option)] = true;
}

static bool is_beaten(enum args_result command, const bool given[OPTIONS_END], int option)
{
    int o = same_for_all(command, option);
    bool beaten = given[o];
    for (size_t i = 0; i < sizeof rivalries / sizeof *rivalries; i++) {
        const struct rivalry *v = &rivalries[i];
        for (int k = 0; k < RIVALS && v->others[k] != 0; k++)
            beaten = beaten || (o == v->one && given[v->others[k]]) || (o == v->others[k] && given[v->one]);
    }
    return beaten;
}

/* Of options without a long name those that say something of a host: -4, -6, and hx connect's -L, -R, -D. */
static bool is_called(const struct options_entry *o, const char *key)
{
    if (o->id == 'V' || (o->name && strcmp(o->name, "help") == 0))
        return false;
    if (o->name)
        return strcmp(o->name, key) == 0;
    bool listens = o->commands & 1U << ARGS_CONNECT && strchr("LRD", o->id);
    return (listens || strchr("46", o->id)) && key[0] == o->id && key[1] == '\0';
}

static const struct options_entry *find(const char *key, unsigned commands)
{
    for (int i = 0; i < options_count; i++) {
        if (options_table[i].commands & commands && is_called(&options_table[i], key))
            return &options_table[i];
    }
    return NULL;
}

static enum args_result take_value(struct reading *r, const struct options_entry *o,
                                   const struct config_line *line)
{
    bool yes = strcmp(line->value, "yes") == 0;
    if (!o->value && !yes && strcmp(line->value, "no") != 0)
        return args_usage(r, "%s takes yes or no, not '%.100s'", line->key, line->value);
    optarg = line->value;
    return o->value || yes ? args_take(r, o->id) : ARGS_BIND;
}

/* A line of its section, for one command; what is no option of that one is passed over. */
static enum args_result take_line(struct reading *r, const struct config_line *line,
                                  const bool before[OPTIONS_END])
{
    bool everybody = strcmp(line->section, CONFIG_EVERYBODY) == 0;
    enum args_result command = r->args->command;
    const struct options_entry *o = find(line->key, 1U << command);
    if (!find(line->key, everybody ? NAMED | NAMELESS : NAMED)) {
        if (find(line->key, NAMELESS))
            return args_usage(r, "%.50s is for commands without a NAME: it belongs into [*]", line->key);
        return args_usage(r, "no such option: %.50s", line->key);
    }
    if (!o || is_beaten(command, before, o->id))
        return ARGS_BIND;
    args_given(r, o->id);
    return take_value(r, o, line);
}

static enum args_result take_section(struct reading *r, const struct config *c, const char *section)
{
    bool before[OPTIONS_END];
    char why[ARGS_ERROR_MAX];
    memcpy(before, r->given, sizeof before);
    for (int i = 0; i < c->count; i++) {
        const struct config_line *line = &c->lines[i];
        enum args_result result =
            strcmp(line->section, section) == 0 ? take_line(r, line, before) : ARGS_BIND;
        if (result == ARGS_BIND)
            continue;
        snprintf(why, sizeof why, "%s", r->error);
        return args_usage(r, "%.*s:%d: %.280s", CONFIG_SHOWN, c->path, line->number, why);
    }
    return ARGS_BIND;
}

struct told { /* the first fault of a file */
    const char *path;
    char *error;
};

static void on_told(void *user, int number, const char *what)
{
    struct told *t = user;
    char line[16] = "";
    if (number > 0)
        snprintf(line, sizeof line, "%d: ", number);
    if (!t->error[0])
        snprintf(t->error, ARGS_ERROR_MAX, "%.*s:%s%s%s", CONFIG_SHOWN, t->path, number > 0 ? "" : " ", line,
                 what);
}

enum args_result args_config(struct reading *r, const char *path)
{
    struct args *a = r->args;
    struct told told = {.path = path, .error = r->error};
    if (!((NAMED | NAMELESS) & 1U << a->command))
        return ARGS_BIND;
    int err = config_read(&a->config, path, on_told, &told);
    if (err == HX_ENOTFOUND)
        return ARGS_BIND;
    if (err < 0)
        return ARGS_USAGE;
    enum args_result result = NAMED & 1U << a->command ? take_section(r, &a->config, a->name) : ARGS_BIND;
    return result == ARGS_BIND ? take_section(r, &a->config, CONFIG_EVERYBODY) : result;
}

/* The section of line `first`, for one command. faults[i]: that of line i was told. */
static void check_section(const struct config *c, int first, enum args_result command, bool *faults,
                          config_told told, void *user)
{
    static const bool nothing[OPTIONS_END];
    struct args args;
    char error[ARGS_ERROR_MAX];
    struct reading r = {.args = &args, .error = error};
    bool sound = true;
    args_defaults(&args, command, NULL);
    for (int i = first; i < c->count; i++) {
        if (strcmp(c->lines[i].section, c->lines[first].section) != 0)
            continue;
        bool fault = take_line(&r, &c->lines[i], nothing) != ARGS_BIND;
        sound = sound && !fault;
        if (fault && !faults[i])
            told(user, c->lines[i].number, error);
        faults[i] = faults[i] || fault;
    }
    if (!sound || args_check_combination(&r) == ARGS_BIND || faults[first])
        return;
    told(user, c->lines[first].number, error);
    faults[first] = true;
}

static bool is_first(const struct config *c, int line)
{
    for (int i = 0; i < line; i++) {
        if (strcmp(c->lines[i].section, c->lines[line].section) == 0)
            return false;
    }
    return true;
}

bool args_config_check(const struct config *c, config_told told, void *user)
{
    bool sound = true;
    bool *faults = calloc((size_t)c->count + 1, sizeof *faults);
    if (!faults) {
        told(user, 0, "out of memory");
        return false;
    }
    for (int i = 0; i < c->count; i++) {
        unsigned commands = strcmp(c->lines[i].section, CONFIG_EVERYBODY) == 0 ? NAMED | NAMELESS : NAMED;
        for (int k = 0; k < ARGS_COMMANDS && is_first(c, i); k++) {
            if (commands & 1U << k)
                check_section(c, i, (enum args_result)k, faults, told, user);
        }
    }
    for (int i = 0; i < c->count; i++)
        sound = sound && !faults[i];
    free(faults);
    return sound;
}
