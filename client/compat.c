/* client/compat.c: hx_bind() and hx_connect() as they were in hx 0.1.0, for programs that were linked with
 * its libhx.so. In hx.h they are functions of the program now, which tell the size of its hx_config. */
#define hx_bind    bind_of_program
#define hx_connect connect_of_program
#include "client/hx.h"
#undef hx_bind
#undef hx_connect
#include <stddef.h>

#define CONFIG_0_1_0_BYTES offsetof(struct hx_config, family) /* of hx_config there */

HX_API int hx_bind(struct hx_listener **out, const struct hx_config *config, const char *name);
HX_API int hx_connect(struct hx_stream **out, const struct hx_config *config, const char *name,
                      int timeout_ms);

int hx_bind(struct hx_listener **out, const struct hx_config *config, const char *name)
{
    return hx_bind_sized(out, config, CONFIG_0_1_0_BYTES, name);
}

int hx_connect(struct hx_stream **out, const struct hx_config *config, const char *name, int timeout_ms)
{
    return hx_connect_sized(out, config, CONFIG_0_1_0_BYTES, name, timeout_ms);
}
