/* tool/args.h: the command line of hx. Prints nothing, ends nothing. */
#ifndef HX_TOOL_ARGS_H
#define HX_TOOL_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#define ARGS_ERROR_MAX       256
#define ARGS_BIND_TIMEOUT    10 /* seconds for the nameserver's answer */
#define ARGS_CONNECT_TIMEOUT 15 /* seconds until the peer is reached, a --wait not counted */
#define ARGS_TIMEOUT_MAX     3600
#define ARGS_WAIT_MAX        60 /* the protocol's bound (DESIGN, section 3) */

enum args_result { ARGS_BIND, ARGS_CONNECT, ARGS_HELP, ARGS_VERSION, ARGS_USAGE };

struct args { /* strings belong to argv or the environment */
    const char *name;
    const char *nameserver;
    const char *own_name; /* NULL: none */
    uint16_t local_port;  /* 0: the kernel's choice */
    int timeout_s;
    int wait_s;
    bool echo, verbose, quiet;
};

/* `environment`: the value of HX_NAMESERVER, or NULL. ARGS_USAGE: `error` says what is wrong, in one line. */
enum args_result args_parse(struct args *out, int argc, char **argv, const char *environment,
                            char error[ARGS_ERROR_MAX]);
extern const char args_help[];

#endif
