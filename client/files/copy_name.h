/* client/files/copy_name.h: one run of hx cp, as a peer tells it from others of the same key, and whether
 * it began before another: the request field hx-copy, "ID AGE", 32 hex digits and milliseconds since it
 * began. Pure but for its randomness. */
#ifndef HX_CLIENT_FILES_COPY_NAME_H
#define HX_CLIENT_FILES_COPY_NAME_H

#include "base/error.h"
#include <stdbool.h>
#include <stdint.h>

#define COPY_NAME_FIELD  "hx-copy"
#define COPY_NAME_DIGITS 32
#define COPY_NAME_TEXT   (COPY_NAME_DIGITS + 24) /* bytes of the field's value, with NUL */

struct copy_name {
    char id[COPY_NAME_DIGITS + 1]; /* "": not said */
    int64_t begun_ms;              /* of this host's base/clock.h */
};

void copy_name_make(struct copy_name *out, int64_t now_ms);
void copy_name_format(char out[COPY_NAME_TEXT], const struct copy_name *c, int64_t now_ms);
/* What comes without a name, or with a malformed one, has begun now. */
void copy_name_parse(struct copy_name *out, const char *text, int64_t now_ms);
/* `a` has to give way to `b`, who came later or is the same one with another connection. */
bool copy_name_is_older(const struct copy_name *a, const struct copy_name *b);

#endif
