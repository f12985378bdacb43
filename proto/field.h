/* proto/field.h: what header fields of requests and responses have in common (RFC 9110, 5). */
#ifndef HX_PROTO_FIELD_H
#define HX_PROTO_FIELD_H

#include <stdbool.h>
#include <stddef.h>

/* True if name[0..len) is a token (RFC 9110, 5.6.2). */
bool field_name_valid(const char *name, size_t len);
/* False if value[0..len) has a control byte other than HTAB (RFC 9110, 5.5). http-parser lets one through as
 * a value's first byte. */
bool field_value_valid(const char *value, size_t len);

#endif
