/* client/tool/xdg.h: where a user's files are, by the XDG Base Directory Specification. */
#ifndef HX_CLIENT_TOOL_XDG_H
#define HX_CLIENT_TOOL_XDG_H

#include <limits.h>

/* Where hx keeps what it can do without: $XDG_STATE_HOME/hx, else ~/.local/state/hx; NULL: neither is
 * known, nothing is kept. Of one thread: static. */
const char *xdg_state_dir(void);
/* $XDG_CONFIG_HOME/hx/NAME, else ~/.config/hx/NAME. HX_OK; HX_ENOTFOUND: neither is known, and nothing is
 * guessed; HX_ETOOBIG. */
int xdg_config_file(char out[PATH_MAX], const char *name);

#endif
