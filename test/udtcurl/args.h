/* test/udtcurl/args.h: the command line. No I/O. */
#ifndef HX_UDTCURL_ARGS_H
#define HX_UDTCURL_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ARGS_CONNECT_TIMEOUT_MS 10000

enum args_action { ARGS_RUN, ARGS_HELP, ARGS_VERSION };

struct args {
    enum args_action action;
    bool verbose;
    bool include; /* -i: the head is shown, too */
    bool head;    /* -I: HEAD, and the head is shown */
    bool fail;
    bool silent;
    bool show_error;
    bool raw;           /* --raw: chunked bodies are not decoded */
    const char *method; /* NULL: GET, or HEAD with -I */
    const char *target; /* NULL: the URL's path and query */
    const char *write_out;
    int64_t max_time_ms; /* 0: no limit */
    int64_t connect_timeout_ms;
    uint16_t local_port;    /* 0: the kernel picks */
    int family;             /* AF_UNSPEC, AF_INET, AF_INET6 */
    const char *device_key; /* the file; NULL: none */
    const char *replay;     /* the transcript to play again; NULL: none */
    bool fast;              /* --fast: not at its times */
    const char **headers;   /* -H, in order */
    size_t header_count;
    const char **outputs; /* -o: the n-th goes with the n-th URL */
    size_t output_count;
    const char **urls;
    size_t url_count;
};

/* Fills *out, whose strings are argv's and whose arrays args_free() frees, also after an error. UC_OK;
 * UC_USAGE or UC_MEMORY: why[cap] says what was wrong. Uses getopt_long(), which may reorder argv. */
int udtcurl_args_parse(struct args *out, int argc, char **argv, char *why, size_t cap);
void args_free(struct args *a);
extern const char args_help[];

#endif
