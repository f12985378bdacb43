/* test/udtcurl/format.h: --write-out. No I/O. */
#ifndef HX_UDTCURL_FORMAT_H
#define HX_UDTCURL_FORMAT_H

#include "proto/endpoint.h"
#include <stdint.h>

struct buf;

/* What is known of a transfer when it has ended. Times are microseconds since its start, 0 if it did not come
 * that far. */
struct report {
    int status; /* 0: no answer */
    int exit_code;
    unsigned num_connects;
    uint64_t size_download; /* bytes of the body as shown */
    int64_t connect_us, starttransfer_us, total_us;
    struct endpoint local, remote; /* AF_UNSPEC if never connected */
    const char *url;
    const char *content_type;  /* "" if none */
    const char *error_message; /* "" if none */
};

/* Appends `format` with %{variables} and \n \t \r expanded; "%%" is "%". What is unknown is left out and
 * named in `warnings`, a line each. Errors of buf_append(). */
int format_report(struct buf *out, struct buf *warnings, const char *format, const struct report *r);

#endif
