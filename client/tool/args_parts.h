/* client/tool/args_parts.h: inside of client/tool/args.h. args.c: the parser; args_take.c: what each option is
 * taken for. */
#ifndef HX_CLIENT_TOOL_ARGS_PARTS_H
#define HX_CLIENT_TOOL_ARGS_PARTS_H

#include "client/tool/args.h"

/* One command line being read. ARGS_BIND stands for "go on". */
struct reading {
    struct args *args;
    char *error;
};

enum args_result args_usage(struct reading *r, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* An option, with its value in optarg. */
enum args_result args_take(struct reading *r, int option);

#endif
