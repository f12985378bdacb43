/* tool/ui.h: what hx says on standard error. May be called from any thread; each line is one write. */
#ifndef HX_TOOL_UI_H
#define HX_TOOL_UI_H

#include "client/hx.h"
#include <stdbool.h>

/* Notes are shown if `verbose`, or on a terminal unless `quiet`; errors always. */
void ui_init(bool verbose, bool quiet);
void ui_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void ui_say(const char *format, ...) __attribute__((format(printf, 1, 2))); /* always */
void ui_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* hx_config.on_event of the two commands; `user` is not used. */
void ui_bind_event(void *user, const struct hx_event_info *info);
void ui_connect_event(void *user, const struct hx_event_info *info);
/* Says that hx_bind() or hx_connect() failed with `error`, and what to do about it. */
void ui_failure(int error, const char *name, const struct hx_config *config);
/* Says that the pipe to a peer broke; `system`: the errno of HX_ESYS. */
void ui_pipe_failure(int error, int system);

#endif
