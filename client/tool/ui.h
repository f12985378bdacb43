/* client/tool/ui.h: events and errors of the library, in sentences on standard error
 * (client/forward/say.h). */
#ifndef HX_CLIENT_TOOL_UI_H
#define HX_CLIENT_TOOL_UI_H

#include "client/hx.h"
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* For "%s%s": where somebody is seen, hx_event_info.address. */
#define UI_AT(address)                                            \
    strcmp(address, HX_ADDRESS_TCP) == 0 ? "through TCP" : "at ", \
        strcmp(address, HX_ADDRESS_TCP) == 0 ? "" : (address)

/* hx_config.on_event of hx bind; `user` is the text of --nameserver. */
void ui_bind_event(void *user, const struct hx_event_info *info);
/* And of those that connect; `user` is not used. */
void ui_connect_event(void *user, const struct hx_event_info *info);
/* When the path that is used now was found, as ui_connect_event() was told; clock_now_ms(), 0: not yet. */
int64_t ui_path_ms(void);
/* Says that hx_bind() or hx_connect() failed with `error`, and what to do about it. */
void ui_failure(int error, const char *name, const struct hx_config *config);
/* Says that the holder of `name` was reached, and has not proven a key. */
void ui_proof_failure(int error, const char *name);
/* Says that something that this process needs could not be had. */
void ui_cannot_begin(int error);
/* Says that the pipe to a peer broke; `system`: the errno of HX_ESYS. */
void ui_pipe_failure(int error, int system);
/* Has all that was printed on standard output arrived there? If not it is said why, unless whoever read
 * it has left. */
bool ui_printed(void);

#endif
