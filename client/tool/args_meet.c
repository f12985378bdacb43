/* The command line of hx meet. */
#include "client/tool/args_number.h"
#include "client/tool/args_parts.h"
#include "proto/host_id.h"
#include <getopt.h>
#include <string.h>

#define EXPECT_MIN 2

enum args_result args_meet_option(struct reading *r, int option, bool *taken)
{
    struct args *a = r->args;
    *taken = true;
    if (option == OPTION_GO_SHORT)
        a->go_short = true;
    else if (option != OPTION_EXPECT)
        *taken = false;
    else if (!args_number(optarg, EXPECT_MIN, HX_GROUP_MAX, &a->expect))
        return args_usage(r, "--expect takes %d to %d, this host counted, not '%.100s'", EXPECT_MIN,
                          HX_GROUP_MAX, optarg);
    return ARGS_BIND;
}

enum args_result args_meet_check(struct reading *r)
{
    const struct args *a = r->args;
    if (a->expect == 0)
        return args_usage(r, "how many are to meet? Give --expect N, this host counted");
    if (a->go_short && a->timeout_s == 0)
        return args_usage(r, "--go-short is for when the time is over: give --timeout SECONDS, too");
    if (a->own_name && !host_id_valid(a->own_name, strlen(a->own_name)))
        return args_usage(r, "--name: '%.100s' is no name: names have 1 to 255 %s", a->own_name,
                          ARGS_CHARACTERS);
    return ARGS_BIND;
}
