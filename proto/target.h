/* proto/target.h: request targets (RFC 9112, 3.2) -> which resource, with which names. No I/O, no
 * allocation. */
#ifndef HX_PROTO_TARGET_H
#define HX_PROTO_TARGET_H

#include "proto/host_id.h"

struct request;

#define TARGET_UNKNOWN "no such resource: ask for /, /bind?host_id=NAME or /connect?host_id=NAME"

/* Where the names of a request are kept while it is read; both "" at first. */
struct request_names {
    char host_id[HOST_ID_MAX + 1], name[HOST_ID_MAX + 1];
};

/* Reads the NUL-terminated `target`, in origin-form or absolute-form, and sets out->target, out->expect and
 * the names. Returns 0, or the status to refuse it with, 400 or 404, and then *why (static text). Writes over
 * `target`. */
int target_read(char *target, struct request *out, struct request_names *names, const char **why);

#endif
