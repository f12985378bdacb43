/* test/udtcurl/transfer.h: one URL, from resolving to the answer's last byte. */
#ifndef HX_UDTCURL_TRANSFER_H
#define HX_UDTCURL_TRANSFER_H

#include "test/udtcurl/format.h"

#define TRANSFER_MESSAGE_MAX 256
#define TRANSFER_TYPE_MAX    128

struct args;
struct net;

struct transfer_result {
    struct report report; /* its strings point into this struct, or are the caller's */
    char message[TRANSFER_MESSAGE_MAX];
    char content_type[TRANSFER_TYPE_MAX];
};

/* Fetches `text` and writes the answer to `output` (NULL or "-": standard output). Returns the exit code,
 * which is also in the report; UC_SIGNAL + number: a signal came. Leaves the connection in *n if it can serve
 * another request. */
int transfer_run(struct transfer_result *out, struct net *n, const struct args *a, const char *text,
                 const char *output);

#endif
