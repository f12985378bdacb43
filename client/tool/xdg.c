#include "client/tool/xdg.h"
#include "base/error.h"
#include <stdio.h>
#include <stdlib.h>

/* "hx" and `name` in the directory that the variable tells, else in that one of the home. */
static int find(char out[PATH_MAX], const char *variable, const char *in_home, const char *name)
{
    const char *told = getenv(variable);
    const char *home = getenv("HOME");
    int len;
    if (told && told[0] == '/') /* "paths must be absolute" */
        len = snprintf(out, PATH_MAX, "%s/hx%s", told, name);
    else if (home && home[0] == '/')
        len = snprintf(out, PATH_MAX, "%s/%s/hx%s", home, in_home, name);
    else
        return HX_ENOTFOUND;
    return len < PATH_MAX ? HX_OK : HX_ETOOBIG;
}

const char *xdg_state_dir(void)
{
    static char path[PATH_MAX];
    return find(path, "XDG_STATE_HOME", ".local/state", "") == HX_OK ? path : NULL;
}

int xdg_config_file(char out[PATH_MAX], const char *name)
{
    char file[NAME_MAX + 2];
    snprintf(file, sizeof file, "/%s", name);
    return find(out, "XDG_CONFIG_HOME", ".config", file);
}
