/* client/tool/config.h: ~/.config/hx/config: options of the command line, by their long names, in a
 * section for each NAME and in [*] for all. This file knows lines; what an option is, client/tool/args.c. */
#ifndef HX_CLIENT_TOOL_CONFIG_H
#define HX_CLIENT_TOOL_CONFIG_H

#include <limits.h>
#include <stdbool.h>

#define CONFIG_EVERYBODY "*" /* the section that is for all names */
#define CONFIG_LINES_MAX 4096
#define CONFIG_SHOWN     200 /* bytes of the file's name in a message */

struct config_line { /* KEY = VALUE */
    char *section;
    char *key;
    char *value; /* "~/" at its beginning is HOME */
    int number;  /* from 1 */
};

struct config {
    const char *path;
    struct config_line *lines;
    int count;
};

/* What is wrong with a line, in a few words; 0: with the file as a whole. */
typedef void (*config_told)(void *user, int number, const char *what);

/* $XDG_CONFIG_HOME/hx/config, else ~/.config/hx/config. False: neither is known, or it is too long. */
bool config_path(char out[PATH_MAX]);
/* Reads `path`, which lives as long as *out; `told` is called for each line that is none. HX_OK;
 * HX_ENOTFOUND: there is no such file, which is not told; HX_EINVAL, HX_ESYS, HX_ENOMEM: told. Whatever it
 * returns, *out is for config_wipe(). As ssh does it: a file that others may write to is refused. */
int config_read(struct config *out, const char *path, config_told told, void *user);
void config_wipe(struct config *c);

#endif
