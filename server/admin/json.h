/* server/admin/json.h: writes JSON (RFC 8259) into a buffer. What is opened is closed by its caller; an error
 * stays, and is told at the end. */
#ifndef HX_SERVER_ADMIN_JSON_H
#define HX_SERVER_ADMIN_JSON_H

#include "base/buf.h"
#include <stdbool.h>
#include <stdint.h>

struct json {
    struct buf *out;
    int err;    /* HX_OK, or what buf_append() said first */
    bool comma; /* the next value comes behind another one */
};

static inline struct json json_begin(struct buf *out)
{
    return (struct json){.out = out};
}
/* `key`: NULL for what stands in an array, and for the outermost value. */
void json_object(struct json *j, const char *key);
void json_array(struct json *j, const char *key);
void json_end_object(struct json *j);
void json_end_array(struct json *j);
/* What is no UTF-8 is written as U+FFFD; NULL is null. */
void json_text(struct json *j, const char *key, const char *value);
void json_number(struct json *j, const char *key, int64_t value);
void json_real(struct json *j, const char *key, double value); /* with three digits behind the point */
void json_bool(struct json *j, const char *key, bool value);

#endif
