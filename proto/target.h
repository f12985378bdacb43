/* proto/target.h: request targets (RFC 9112, 3.2) -> which resource, with which names. No I/O, no
 * allocation. */
#ifndef HX_PROTO_TARGET_H
#define HX_PROTO_TARGET_H

struct request;

/* Reads the NUL-terminated `target`, in origin-form or absolute-form, and sets out->target, host_id and name.
 * Returns 0, or the status to refuse it with, 400 or 404, and then *why (static text). Writes over
 * `target`. */
int target_read(char *target, struct request *out, const char **why);

#endif
