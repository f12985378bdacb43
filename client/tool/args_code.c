#include "client/tool/args_code.h"
#include "client/tool/args_number.h"
#include "client/tool/keyfile.h"
#include "client/tool/options.h"
#include "secure/code.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static enum args_result __attribute__((format(printf, 2, 3)))
usage(char error[ARGS_ERROR_MAX], const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(error, ARGS_ERROR_MAX, format, values);
    va_end(values);
    return ARGS_USAGE;
}

enum args_result args_code_option(struct args *a, int option, const char *value, char error[ARGS_ERROR_MAX])
{
    if (option == OPTION_EXPIRE && !args_duration(value, &a->expire_s))
        return usage(error, "--expire takes a time as 90s, 30m, 1h or 2d, up to a year, not '%.100s'", value);
    if (option == OPTION_COUNT && !args_number(value, 1, ARGS_RECEIPTS_MAX, &a->receipts))
        return usage(error, "--count takes 1 to %d, not '%.100s'", ARGS_RECEIPTS_MAX, value);
    return ARGS_BIND;
}

/* It is secret: what is wrong is told without it. */
static enum args_result take_code(struct args *a, char *word, char error[ARGS_ERROR_MAX])
{
    struct code code;
    int group;
    int err = code_parse(&code, word, &group);
    if (err == HX_ENOMEM)
        return usage(error, "out of memory");
    if (err < 0 && group > 0)
        return usage(error, "that code is mistyped: look at its %d%s group of %d characters", group,
                     group == 1   ? "st"
                     : group == 2 ? "nd"
                     : group == 3 ? "rd"
                                  : "th",
                     CODE_GROUP);
    if (err < 0)
        return usage(error, "that is no code, or mistyped: `hx send` shows it, %d groups of %d characters",
                     CODE_GROUPS, CODE_GROUP);
    snprintf(a->peer, sizeof a->peer, "%s", code.name);
    code_wipe(&code);
    a->name = a->peer;
    a->code = word;
    return ARGS_BIND;
}

static enum args_result take_paths(struct args *a, char **words, int count, char error[ARGS_ERROR_MAX])
{
    if (count == 0)
        return usage(error, "send what? hx send PATH..., or hx send - for standard input");
    for (int i = 0; i < count && count > 1; i++) {
        if (strcmp(words[i], "-") == 0)
            return usage(error, "'-' sends standard input, and nothing else beside it: write ./- for a file");
    }
    if (strcmp(words[0], "-") == 0 && a->receipts > 1)
        return usage(error, "standard input can be sent once only: leave out --count");
    a->paths = words;
    a->path_count = count;
    return ARGS_BIND;
}

enum args_result args_code_operands(struct args *a, char **words, int count, char error[ARGS_ERROR_MAX])
{
    if (a->command == ARGS_SEND)
        return take_paths(a, words, count, error);
    if (count == 0)
        return usage(error, "which CODE? `hx send` on the other host shows it: hx recv CODE [DIR]");
    if (count > 2)
        return usage(error, "too many arguments: '%.100s'; a code with blanks is written with '-' for them",
                     words[2]);
    a->target = count > 1 ? words[1] : ".";
    return take_code(a, words[0], error);
}

int args_code_key(const struct args *a, char key[HX_KEY_TEXT_MAX])
{
    struct code code;
    int group;
    keyfile_guard();
    int err = code_parse(&code, a->code, &group);
    explicit_bzero(a->code, strlen(a->code));
    if (err < 0)
        return err;
    snprintf(key, HX_KEY_TEXT_MAX, "%s", code.key);
    code_wipe(&code);
    return HX_OK;
}
