/* test/unit/args_parse.h: a command line as hx gets it, and what becomes of it. */
#ifndef HX_TEST_ARGS_PARSE_H
#define HX_TEST_ARGS_PARSE_H

#include "client/tool/args.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct args args;
static char error[ARGS_ERROR_MAX];

#define PARSE(environment, ...)                                  \
    parse(environment, (const char *const[]){"hx", __VA_ARGS__}, \
          (int)(sizeof((const char *const[]){"hx", __VA_ARGS__}) / sizeof(char *)))

static enum args_result parse(const char *environment, const char *const *words, int count)
{
    static char copies[20][300];
    static char *argv[21]; /* args points into it */
    assert_true(count <= 20);
    for (int i = 0; i < count; i++) { /* getopt may reorder them */
        snprintf(copies[i], sizeof copies[i], "%s", words[i]);
        argv[i] = copies[i];
    }
    return args_parse(&args, count, argv, environment, NULL, error);
}

#endif
