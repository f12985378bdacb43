/* The command lines of hx send and hx recv. */
#include "client/tool/args_code.h"
#include "client/tool/args_number.h"
#include "client/tool/args_parts.h"
#include "client/tool/keyfile.h"
#include "secure/code.h"
#include <getopt.h>
#include <stdio.h>
#include <string.h>

enum args_result args_code_option(struct reading *r, int option)
{
    struct args *a = r->args;
    if (option == OPTION_EXPIRE && !args_seconds(optarg, 1, ARGS_EXPIRE_MAX, &a->expire_s))
        return args_usage(r, "--expire takes a time as 90s, 30m, 1h or 2d, up to a year, not '%.100s'",
                          optarg);
    if (option == OPTION_COUNT && !args_number(optarg, 1, ARGS_RECEIPTS_MAX, &a->receipts))
        return args_usage(r, "--count takes 1 to %d, not '%.100s'", ARGS_RECEIPTS_MAX, optarg);
    return ARGS_BIND;
}

/* It is secret: what is wrong is told without it. */
static enum args_result take_code(struct reading *r, char *word)
{
    struct args *a = r->args;
    struct code code;
    int group;
    int err = code_parse(&code, word, &group);
    if (err == HX_ENOMEM)
        return args_usage(r, "out of memory");
    if (err < 0 && group > 0)
        return args_usage(r, "that code is mistyped: look at its %d%s group of %d characters", group,
                          group == 1   ? "st"
                          : group == 2 ? "nd"
                          : group == 3 ? "rd"
                                       : "th",
                          CODE_GROUP);
    if (err < 0)
        return args_usage(r, "that is no code, or mistyped: `hx send` shows it, %d groups of %d characters",
                          CODE_GROUPS, CODE_GROUP);
    snprintf(a->peer, sizeof a->peer, "%s", code.name);
    code_wipe(&code);
    a->name = a->peer;
    a->code = word;
    return ARGS_BIND;
}

static enum args_result take_paths(struct reading *r, char **words, int count)
{
    struct args *a = r->args;
    if (count == 0)
        return args_usage(r, "send what? hx send PATH..., or hx send - for standard input");
    for (int i = 0; i < count && count > 1; i++) {
        if (strcmp(words[i], "-") == 0)
            return args_usage(r,
                              "'-' sends standard input, and nothing else beside it: write ./- for a file");
    }
    if (strcmp(words[0], "-") == 0 && a->receipts > 1)
        return args_usage(r, "standard input can be sent once only: leave out --count");
    a->paths = words;
    a->path_count = count;
    return ARGS_BIND;
}

enum args_result args_code_operands(struct reading *r, char **words, int count)
{
    struct args *a = r->args;
    if (a->command == ARGS_SEND)
        return take_paths(r, words, count);
    if (count == 0)
        return args_usage(r, "which CODE? `hx send` on the other host shows it: hx recv CODE [DIR]");
    if (count > 2)
        return args_usage(r, "too many arguments: '%.100s'; a code with blanks is written with '-' for them",
                          words[2]);
    a->target = count > 1 ? words[1] : ".";
    return take_code(r, words[0]);
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
