#include "client/tool/state_dir.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

const char *state_dir(void)
{
    static char path[PATH_MAX];
    const char *state = getenv("XDG_STATE_HOME");
    const char *home = getenv("HOME");
    int len = -1;
    if (state && state[0] == '/') /* "paths must be absolute" (XDG Base Directory Specification) */
        len = snprintf(path, sizeof path, "%s/hx", state);
    else if (home && home[0] == '/')
        len = snprintf(path, sizeof path, "%s/.local/state/hx", home);
    return len > 0 && len < (int)sizeof path ? path : NULL;
}
