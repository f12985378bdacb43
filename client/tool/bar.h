/* client/tool/bar.h: the line of client/tool/progress.h, on standard error. */
#ifndef HX_CLIENT_TOOL_BAR_H
#define HX_CLIENT_TOOL_BAR_H

#include "client/tool/progress.h"

/* In the place of the last one, as wide as the terminal is now. */
void bar_draw(const struct progress *p, const struct progress_shown *shown);
/* A line that stays, of a terminal or not. */
void bar_tell(const struct progress *p, const struct progress_shown *shown);

#endif
