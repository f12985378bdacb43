/* client/tool/state_dir.h: where hx keeps what it can do without. */
#ifndef HX_TOOL_STATE_DIR_H
#define HX_TOOL_STATE_DIR_H

/* $XDG_STATE_HOME/hx, else ~/.local/state/hx; NULL: neither is known, nothing is kept. Of one thread: static. */
const char *state_dir(void);

#endif
